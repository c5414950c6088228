#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_coverage
short_description: Tell which pods network policies protect, in which direction, and by which policies
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - For each running pod and each direction whether what no rule allows is really denied, and which policies see to it.
    Changes nothing.
  - That a namespace has policies says little. Default deny can be off, or the rules be of the other direction; the pod
    can be on the node's network, be unknown to Cilium, or run under agents that audit or never enforce. Such pods count
    as open, with the reason beside them.
  - Reads C(NetworkPolicy), C(CiliumNetworkPolicy) and C(CiliumClusterwideNetworkPolicy) objects.
options:
  namespaces:
    description: Namespaces whose pods are told about. All, when none is named.
    type: list
    elements: str
    default: []
  without_labels:
    description:
      - Keys of labels. Policies that carry one of them count as if they were not there. V(cloudnet.aks-cilium/role)
        leaves out what M(cloudnet.aks_cilium.network_policy_recommend) made.
    type: list
    elements: str
    default: []
  cilium_namespace:
    description: Namespace of Cilium, whose settings tell what the agents do with policies.
    type: str
    default: kube-system
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Changes nothing, so there is no difference to show.
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
  - cloudnet.aks_cilium.query
notes:
  - Needs the rights to list pods and policies and to get namespaces. Where CiliumEndpoints or the ConfigMap
    C(cilium-config) may not be read, RV(notes) says so.
  - Labels that Cilium was told to leave out of identities cannot be told from the pod. A policy that selects by such a
    label counts here, but does nothing.
seealso:
  - module: cloudnet.aks_cilium.network_policy_recommend
  - module: cloudnet.aks_cilium.cilium_status
"""

EXAMPLES = r"""
- name: Read who denies by default
  cloudnet.aks_cilium.network_policy_coverage:
    kubeconfig: ~/.kube/aksciliumlab
    namespaces: [shop, backend]
  register: coverage

- name: Show it
  cloudnet.aks_cilium.show_text:
    title: Pods that deny by default
    lines: "{{ coverage.lines }}"

- name: Require default deny both ways
  ansible.builtin.assert:
    that: coverage.unprotected | length == 0
    fail_msg: "Open: {{ coverage.unprotected | join(', ') }}"

- name: Only the pods without default deny at ingress
  cloudnet.aks_cilium.network_policy_coverage:
    kubeconfig: ~/.kube/aksciliumlab
    query: "pods[?!ingress].{namespace: namespace, pod: pod, why: note}"
"""

RETURN = r"""
pods:
  description: The running pods, sorted by namespace and name.
  returned: without O(query)
  type: list
  elements: dict
  sample:
    - namespace: shop
      pod: cart-7c9f8d6b5-x2x7k
      workload: Deployment/cart
      host_network: false
      managed: true
      ingress: true
      ingress_by: [CiliumNetworkPolicy shop/learned-default-deny, CiliumNetworkPolicy shop/learned-deployment-cart]
      egress: false
      egress_by: []
      shadow: [CiliumNetworkPolicy shop/learned-deployment-cart]
      note: ""
  contains:
    namespace:
      description: Namespace of the pod.
      returned: always
      type: str
      sample: shop
    pod:
      description: Name of the pod.
      returned: always
      type: str
      sample: cart-7c9f8d6b5-x2x7k
    workload:
      description: Kind and name of what owns the pod.
      returned: always
      type: str
      sample: Deployment/cart
    host_network:
      description: Whether the pod is on the node's network, where policies of pods do not apply.
      returned: always
      type: bool
      sample: false
    managed:
      description: Whether Cilium gives the pod its network; null where that is not known, or the pod uses the node's.
      returned: always
      type: bool
      sample: true
    ingress:
      description: Whether incoming connections that no rule allows are denied.
      returned: always
      type: bool
      sample: true
    ingress_by:
      description: The policies whose default deny does it.
      returned: always
      type: list
      elements: str
      sample: [CiliumNetworkPolicy shop/learned-default-deny]
    egress:
      description: Whether outgoing connections that no rule allows are denied.
      returned: always
      type: bool
      sample: false
    egress_by:
      description: The policies whose default deny does it.
      returned: always
      type: list
      elements: str
      sample: []
    shadow:
      description: Policies that have rules for the pod, but whose default deny is off in a direction.
      returned: always
      type: list
      elements: str
      sample: [CiliumNetworkPolicy shop/learned-deployment-cart]
    note:
      description: Why policies do not count for this pod; empty where they do.
      returned: always
      type: str
      sample: ""
counts:
  description:
    - Numbers of pods - all, those that deny by default at ingress, at egress, both ways, neither way, and those on a
      node's network.
  returned: without O(query)
  type: dict
  sample: {pods: 12, ingress: 12, egress: 8, both: 8, neither: 0, host_network: 0}
unprotected:
  description: Workloads, with their namespaces, of which a pod does not deny by default both ways.
  returned: without O(query)
  type: list
  elements: str
  sample: [shop/Deployment/cart]
lines:
  description: The same as a table, a line for each workload.
  returned: without O(query)
  type: list
  elements: str
  sample:
    - "WORKLOAD              PODS  INGRESS                 EGRESS"
    - "shop/Deployment/cart  2     denied by default-deny  open    shadow: learned-deployment-cart"
    - "2 pods: 0 deny by default both ways, 2 at ingress, 0 at egress, 0 neither"
notes:
  description: What could not be read, and policies that are not judged.
  returned: without O(query)
  type: list
  elements: str
  sample: []
queried:
  description: What O(query) selected.
  returned: with O(query)
  type: raw
  sample: []
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: InvalidInput
    code: NamespaceNotFound
    option: namespaces
    message: "namespaces names what does not exist: shpo."
    remedy: Correct the name; nothing was changed.
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import QUERY, ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, apply_query, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.covering import read_coverage

SPEC = ArgSpec(
    {
        "namespaces": {"type": "list", "elements": "str", "default": []},
        "without_labels": {"type": "list", "elements": "str", "default": []},
        "cilium_namespace": {"type": "str", "default": "kube-system"},
    }
).merge(QUERY, KUBE)


def action(context: Context) -> Result:
    """Read, and judge each pod."""
    params = context.params
    kube = connect(params, hide=context.hide)
    found = read_coverage(kube, params["namespaces"], params["cilium_namespace"], params["without_labels"])
    if params["query"] is not None:
        return Result(values={"queried": apply_query(params["query"], found.values)})
    return found


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
