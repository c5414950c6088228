#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_detect
short_description: Tell what a cluster allows a hardening to do, and how far one has come
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Reads the cluster before anything is observed or written - who manages Cilium, its version, rules by name, the DNS
    path, Hubble relay, the policies that are there, workloads that no policy can select - and how far an earlier run
    has come, so that the next one goes on there.
  - Fails, with what is possible instead, when there is no Cilium, when Cilium is older than 1.16, when there is no
    Hubble relay, when a namespace does not exist, when C(kube-system) is named only once, and when a policy that this
    collection did not make has a name that begins with C(learned-).
  - Changes nothing.
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: Changes nothing, so there is no difference to show.
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
options:
  namespaces:
    description: The namespaces to harden.
    type: list
    elements: str
    required: true
  system_namespaces:
    description: C(kube-system), named a second time, when O(namespaces) holds it on purpose.
    type: list
    elements: str
    default: []
  refuse:
    description:
      - Whether to fail where no hardening is possible. V(false) is for taking one back, and for reading how far it has
        come while Hubble relay is away.
    type: bool
    default: true
  candidates:
    description: Policies to be applied next, as M(cloudnet.aks_cilium.network_policy_recommend) makes them.
    type: list
    elements: dict
    default: []
seealso:
  - module: cloudnet.aks_cilium.cilium_status
"""

EXAMPLES = r"""
- name: Require that these namespaces can be hardened
  cloudnet.aks_cilium.network_policy_detect:
    kubeconfig: ~/.kube/aksciliumlab
    namespaces: [shop, backend]
  register: detected

- name: Show how far they have come, and what cannot be reached
  cloudnet.aks_cilium.show_text:
    title: "Hardening: {{ detected.state }}"
    lines: "{{ detected.lines }}"
"""

RETURN = r"""
state:
  description:
    - How far the namespaces have come, told from their policies. V(nothing), V(listening), V(shadow), V(enforcing) when
      some of the steps are taken, V(sealed) when all are.
  returned: success
  type: str
  sample: shadow
steps:
  description: The steps to default deny, in the order in which they are to be taken. Empty before there is a shadow.
  returned: success
  type: list
  elements: dict
  sample: [{namespace: shop, name: learned-deployment-cart, direction: ingress, enforced: false}]
  contains:
    namespace:
      description: Namespace of the policy.
      returned: always
      type: str
      sample: shop
    name:
      description: Name of the policy.
      returned: always
      type: str
      sample: learned-deployment-cart
    direction:
      description: V(ingress) or V(egress).
      returned: always
      type: str
      sample: ingress
    enforced:
      description: Whether the step is taken.
      returned: always
      type: bool
      sample: false
staged:
  description:
    - O(candidates) with the switches that they may have at once. A policy keeps the ones that it has while nothing that
      it allows is taken away; otherwise it goes back to shadow, and the default deny of its namespace with it.
  returned: success
  type: list
  elements: dict
  sample: []
listening:
  description: The listening policies of the namespaces and of C(cloudnet-hardening).
  returned: success
  type: list
  elements: dict
  sample: []
strangers:
  description: Connections that nobody declared, one to each workload, for M(cloudnet.aks_cilium.connectivity_probe).
  returned: success
  type: list
  elements: dict
  sample: []
learned:
  description: Those of RV(policies) that the hardening made.
  returned: success
  type: list
  elements: dict
  sample: []
lines:
  description: What the cluster can do, as text.
  returned: success
  type: list
  elements: str
  sample: ["Cilium 1.20.2, installed by Helm; rules by name are possible"]
limits:
  description: What policies cannot reach or must take care of, one sentence each.
  returned: success
  type: list
  elements: str
  sample: ["shop/DaemonSet/agent uses the host's network: no policy can select its pods."]
cluster:
  description: UID of the namespace C(kube-system), by which one cluster is told from another.
  returned: success
  type: str
  sample: 8f7c3c9e-2a54-4f0e-9b51-0d4fdd9d1f1c
cilium_version:
  description: Version of Cilium.
  returned: success
  type: str
  sample: 1.20.2
fqdn_policies:
  description: Whether rules by name are possible.
  returned: success
  type: bool
  sample: true
policies:
  description: The policies of the namespaces and the clusterwide ones, fit to be applied again.
  returned: success
  type: list
  elements: dict
  sample: []
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample: {kind: Unsupported, code: NoRelay, message: "There is no Hubble relay on this cluster."}
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import SYSTEM
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.detecting import Wanted, detect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.store import HARDENING_NAMESPACE

SPEC = ArgSpec(
    {
        "namespaces": {"type": "list", "elements": "str", "required": True},
        "refuse": {"type": "bool", "default": True},
        "candidates": {"type": "list", "elements": "dict", "default": []},
    }
).merge(SYSTEM, KUBE)


def action(context: Context) -> Result:
    """Refuse what cannot be; tell the rest."""
    params = context.params
    kube = connect(params, hide=context.hide)
    names = ("namespaces", "system_namespaces", "refuse", "candidates")
    wanted = Wanted(canary=HARDENING_NAMESPACE, **{name: params[name] for name in names})
    return Result(values=detect(kube, wanted))


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
