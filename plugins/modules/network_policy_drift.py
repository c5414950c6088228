#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_drift
short_description: Tell what has moved since namespaces were hardened
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Compares the policies that should be there with the live ones, lately seen connections with the evidence that the
    policies rest on, and the workloads with the policies that protect them.
  - Reads only. What to do about a finding is for a person to decide.
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
    description: The hardened namespaces.
    type: list
    elements: str
    required: true
  system_namespaces:
    description: Names C(kube-system) a second time, without which it is refused in O(namespaces).
    type: list
    elements: str
    default: []
  manifests:
    description:
      - Directory with the manifests that M(cloudnet.aks_cilium.network_policy_recommend) wrote. Either this or
        O(policies).
    type: path
  policies:
    description:
      - The policies that should be there, as RV(cloudnet.aks_cilium.network_policy_recommend#module:policies) gives
        them for the evidence. For where there are no manifests, because the cluster alone keeps what was learned.
    type: list
    elements: dict
  evidence:
    description: The evidence that the policies rest on, as a path or a document.
    type: raw
    required: true
  recent:
    description:
      - Evidence of connections that were seen lately, as a path or a document. Without it connections are not compared,
        and neither new connections nor unused rules are found.
    type: raw
  sealed:
    description:
      - Whether the namespaces were enforced to the end, so that a policy that does not deny and a workload that nothing
        protects are findings. When not set, whether any of the policies enforces.
    type: bool
  fail_on:
    description: Kinds of findings that make the task fail.
    type: list
    elements: str
    choices:
      - edited-policy
      - missing-policy
      - unknown-policy
      - not-enforced
      - new-edge
      - unused-rule
      - unprotected-workload
    default: []
seealso:
  - module: cloudnet.aks_cilium.network_policy_recommend
  - module: cloudnet.aks_cilium.network_policy_evidence
"""

EXAMPLES = r"""
- name: Find what has changed since the policies were made, and fail on what nobody should have done
  cloudnet.aks_cilium.network_policy_drift:
    kubeconfig: ~/.kube/aksciliumlab
    namespaces: [shop, backend]
    manifests: hardening/policies
    evidence: hardening/evidence.json
    recent: hardening/recent.json
    fail_on: [edited-policy, missing-policy]
  register: drift

- name: Show it
  cloudnet.aks_cilium.show_text:
    title: Drift
    lines: "{{ drift.lines }}"
"""

RETURN = r"""
drifted:
  description: Whether anything has moved.
  returned: success
  type: bool
  sample: true
findings:
  description: What has moved.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: edited-policy
      namespace: shop
      subject: learned-deployment-cart
      text: CiliumNetworkPolicy shop/learned-deployment-cart was changed by hand at spec.ingress[0].toPorts.
  contains:
    kind:
      description: One of the choices of O(fail_on).
      returned: always
      type: str
      sample: edited-policy
    namespace:
      description: The namespace.
      returned: always
      type: str
      sample: shop
    subject:
      description: The policy, the connection, the rule or the workload.
      returned: always
      type: str
      sample: learned-deployment-cart
    text:
      description: A sentence about it.
      returned: always
      type: str
      sample: CiliumNetworkPolicy shop/learned-deployment-cart was changed by hand at spec.ingress[0].toPorts.
counts:
  description: Number of findings by kind.
  returned: success
  type: dict
  sample: {edited-policy: 1, new-edge: 0}
lines:
  description: The findings for people.
  returned: success
  type: list
  elements: str
  sample: [Nothing has moved.]
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
    - With the code C(Drift), C(details) holds what is returned otherwise.
  returned: on failure
  type: dict
  sample: {kind: OperationFailed, code: Drift}
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.drift import KINDS
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import SYSTEM
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.drifting import Comparison, find_drift

SPEC = ArgSpec(
    {
        "namespaces": {"type": "list", "elements": "str", "required": True},
        "manifests": {"type": "path"},
        "policies": {"type": "list", "elements": "dict"},
        "evidence": {"type": "raw", "required": True},
        "recent": {"type": "raw"},
        "sealed": {"type": "bool"},
        "fail_on": {"type": "list", "elements": "str", "choices": list(KINDS), "default": []},
    },
    mutually_exclusive=[["manifests", "policies"]],
    required_one_of=[["manifests", "policies"]],
).merge(SYSTEM, KUBE)


def action(context: Context) -> Result:
    """Compare."""
    params = context.params
    names = ("namespaces", "system_namespaces", "manifests", "policies", "evidence", "recent", "sealed", "fail_on")
    wanted = Comparison(**{name: params[name] for name in names})
    return find_drift(connect(params, hide=context.hide), wanted)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
