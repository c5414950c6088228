#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cilium_policy
short_description: Apply or remove network policies and wait until the nodes enforce them
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Manages C(NetworkPolicy), C(CiliumNetworkPolicy) and C(CiliumClusterwideNetworkPolicy) objects.
  - Policies are checked before anything is sent, by the rules of Cilium's own parser. That finds what the API server
    accepts and Cilium then rejects or reads otherwise than it looks, such as an empty list of rules, two kinds of
    peers in one rule, or a misspelled field.
  - Each policy is compared as a whole, so a rule that is no longer given is removed. Labels and annotations of others
    are kept.
  - A policy that Cilium rejects (its condition C(Valid) is C(False)) is taken back, together with all that the task
    wrote, and the task fails with Cilium's message.
attributes:
  check_mode:
    support: full
    description: In check mode policies are checked and compared; nothing is sent to be written.
  diff_mode:
    support: full
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
options:
  state:
    description: Whether the policies should exist. For V(absent) only kind, namespace and name are read.
    type: str
    choices: [present, absent]
    default: present
  definition:
    description: The policies - YAML text with one or more documents, a list of documents, or one document.
    type: raw
  src:
    description: Path of a YAML file with the policies, on the machine that runs the module.
    type: path
  adopt:
    description:
      - Whether to take over, or remove, policies of the same name that this collection did not make. They lack the
        label C(app.kubernetes.io/managed-by=cloudnet.aks_cilium), which every policy written here gets.
    type: bool
    default: false
  mode:
    description:
      - How the policies deny. It sets C(enableDefaultDeny) of every rule.
      - V(as_given) - as they are written.
      - V(shadow) - nothing is denied. Verdicts of Hubble name the policies for what they cover, and
        C(allow-any-ingress) or C(allow-any-egress) for what they would deny. Rules of layer 7 deny all the same.
      - V(enforce) - what is not allowed is denied, in each direction for which a policy has rules.
      - V(shadow) and V(enforce) need Cilium 1.16 or later, and policies of Cilium's kinds. On an older Cilium a policy
        that is written with C(enableDefaultDeny) is refused, because it would deny without that field.
    type: str
    choices: [as_given, shadow, enforce]
    default: as_given
  wait:
    description: Whether to wait at all; see O(wait_for).
    type: bool
    default: true
  wait_for:
    description:
      - How far to wait.
      - V(accepted) - the API server has stored the policy.
      - V(valid) - Cilium's operator calls it valid. Before Cilium 1.16 there is no verdict.
      - V(realized) - in addition, the agent of every node with pods that the policy may select has loaded it, and
        every endpoint that it selects runs it. This runs C(cilium-dbg) in the agents' pods.
    type: str
    choices: [accepted, valid, realized]
    default: realized
  wait_timeout:
    description: Seconds to wait. The policies stay when the time is over.
    type: int
    default: 120
seealso:
  - module: cloudnet.aks_cilium.connectivity_probe
  - module: cloudnet.aks_cilium.network_policy_enforce
"""

EXAMPLES = r"""
- name: Deny all traffic to the pods of the demo, and wait until the nodes do so
  cloudnet.aks_cilium.cilium_policy:
    kubeconfig: ~/.kube/aksciliumlab
    definition:
      apiVersion: cilium.io/v2
      kind: CiliumNetworkPolicy
      metadata:
        name: cilium101-default-deny
        namespace: basics
      spec:
        endpointSelector:
          matchLabels:
            org: cilium101
        ingress:
          - {}
  register: applied

- name: Show on how many nodes it holds
  ansible.builtin.debug:
    msg: "{{ item.namespace }}/{{ item.name }}: {{ item.realized.nodes | length }} nodes"
  loop: "{{ applied.policies }}"
  loop_control:
    label: "{{ item.name }}"

- name: See what the policies of a file would change
  cloudnet.aks_cilium.cilium_policy:
    kubeconfig: ~/.kube/aksciliumlab
    src: policies/shop.yaml
  check_mode: true
  diff: true

- name: Let them soak without denying anything
  cloudnet.aks_cilium.cilium_policy:
    kubeconfig: ~/.kube/aksciliumlab
    src: policies/shop.yaml
    mode: shadow

- name: Remove a policy
  cloudnet.aks_cilium.cilium_policy:
    kubeconfig: ~/.kube/aksciliumlab
    state: absent
    definition:
      apiVersion: cilium.io/v2
      kind: CiliumNetworkPolicy
      metadata:
        name: cilium101-default-deny
        namespace: basics
"""

RETURN = r"""
policies:
  description: One entry for each policy; in the order given, or for O(state=absent) in the order of removal.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: CiliumNetworkPolicy
      namespace: basics
      name: cilium101-default-deny
      changed: true
      before: {}
      valid: true
      realized:
        checked: true
        endpoints: 1
        nodes: [{node: aks-nodepool1-0, realized: true, endpoints: 1, reason: realized}]
  contains:
    kind:
      description: Kind of the policy.
      returned: always
      type: str
      sample: CiliumNetworkPolicy
    namespace:
      description: Namespace; empty for a clusterwide policy.
      returned: always
      type: str
      sample: basics
    name:
      description: Name.
      returned: always
      type: str
      sample: cilium101-default-deny
    changed:
      description: Whether this policy was (or, in check mode, would be) written or removed.
      returned: always
      type: bool
      sample: true
    before:
      description: The rules that were found (C(spec) or C(specs)), to give them back; empty without such a policy.
      returned: always
      type: dict
      sample: {}
    valid:
      description: Verdict of Cilium's operator; null where there is none, as for C(NetworkPolicy).
      returned: always
      type: bool
      sample: true
    realized:
      description: What the agents show.
      returned: always
      type: dict
      sample: {checked: true, endpoints: 0, nodes: []}
      contains:
        checked:
          description: Whether the agents were asked, as with O(wait_for=realized) on a cluster with agents.
          returned: always
          type: bool
          sample: true
        endpoints:
          description: Number of endpoints that the policy selects.
          returned: always
          type: int
          sample: 1
        nodes:
          description: The nodes that were asked - those with pods of the policy's namespace.
          returned: always
          type: list
          elements: dict
          sample: [{node: aks-nodepool1-0, realized: true, endpoints: 1, reason: realized}]
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: Conflict
    code: PolicyNotOurs
    option: adopt
    message: CiliumNetworkPolicy basics/deny exists and is not made by this collection.
    remedy: Use another name, or set adopt=true to take it over.
"""

from functools import partial

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import STATE, ArgSpec, waiting
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._wait import SystemClock
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.apply import (
    WAIT_FOR,
    Surroundings,
    ensure_absent,
    ensure_present,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.detect import installation
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.policy import (
    check_documents,
    read_documents,
    states_default_deny,
    with_mode,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod

SPEC = ArgSpec(
    {
        "definition": {"type": "raw"},
        "src": {"type": "path"},
        "adopt": {"type": "bool", "default": False},
        "mode": {"type": "str", "choices": ["as_given", "shadow", "enforce"], "default": "as_given"},
        "wait_for": {"type": "str", "choices": list(WAIT_FOR), "default": "realized"},
    },
    mutually_exclusive=[["definition", "src"]],
    required_one_of=[["definition", "src"]],
).merge(STATE, waiting(120), KUBE)


def action(context: Context) -> Result:
    """Check the policies, then write or remove them."""
    params = context.params
    absent = params["state"] == "absent"
    documents = read_documents(params["definition"], params["src"])
    policies = check_documents(documents, context.warn, names_only=absent)
    kube = connect(params, hide=context.hide)
    if not absent and (params["mode"] != "as_given" or any(map(states_default_deny, policies))):
        install = installation(kube)
        policies = with_mode(policies, params["mode"], install.default_deny_field, install.version)
    around = Surroundings(
        kube=kube,
        execute=partial(exec_in_pod, kube),
        clock=SystemClock(),
        progress=context.progress,
        check_mode=context.check_mode,
        wait_for=params["wait_for"] if params["wait"] else None,
        wait_timeout_s=float(params["wait_timeout"]),
    )
    return (ensure_absent if absent else ensure_present)(policies, params["adopt"], around)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
