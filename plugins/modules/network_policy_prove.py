#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_prove
short_description: Judge network policies by observed connections before they deny anything
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Answers for every connection of the evidence, for those first seen in the last part of the window, and for
    connections between known ends that were never seen, whether the policies would allow it once they are enforced. No
    cluster is asked and nothing is sent.
  - Candidates whose C(enableDefaultDeny) is off are judged as if it were on. Policies that this collection did not make
    are judged as they are.
  - Names the rules that nothing observed needs, and everything that works today and would be denied. The modules that
    soak and enforce the policies take that prediction.
  - Judges C(NetworkPolicy), C(CiliumNetworkPolicy) and C(CiliumClusterwideNetworkPolicy) together, on layers 3 and 4,
    as the policy engine of Cilium 1.20 does. Rules of HTTP, host policies (C(nodeSelector)), C(toServices) and
    C(toGroups) are not judged, which is a warning where it matters.
  - Fails when a connection that is needed would be denied, and says which one and by what.
options:
  definition:
    description:
      - The policies - a text of YAML documents, an object, or a list of objects, such as C(policies) of
        M(cloudnet.aks_cilium.network_policy_recommend). Objects of kind C(CiliumCIDRGroup) are taken into account.
      - Exactly one of O(definition) and O(manifests) is needed.
    type: raw
  manifests:
    description:
      - Directory with the policies in YAML files, as M(cloudnet.aks_cilium.network_policy_recommend) writes it.
    type: path
  namespaces:
    description: Only connections that touch these namespaces are needed. All, when none is named.
    type: list
    elements: str
    default: []
  approved:
    description:
      - Connections that a person approved, as in M(cloudnet.aks_cilium.network_policy_recommend). They are needed too;
        other suspicious, unknown or already denied ones are not.
    type: list
    elements: str
    default: []
  held_out:
    description:
      - Connections that the policies were not made from, for example
        C(shop/Deployment/web -> shop/Deployment/cart:8080/TCP). C(*) stands for any text.
      - When not set, those first seen in the last part of the window, see O(held_out_share).
    type: list
    elements: str
    default: []
  held_out_share:
    description: Share of the window whose new connections count as held out. None where the flows had no times.
    type: float
    default: 0.2
  random_edges:
    description:
      - How many connections that were never seen are judged, between all ends and on all ports that are known. All of
        them, where there are no more; else so many chosen by O(seed).
    type: int
    default: 100000
  seed:
    description: Chooses them. The same seed gives the same choice.
    type: int
    default: 1
  fail_on:
    description:
      - What makes the module fail. V(needed) and V(held_out) are such connections that would be denied, V(extra) those
        never seen that would be allowed, V(redundant) rules that nothing observed needs.
      - An empty list never fails.
    type: list
    elements: str
    choices: [needed, held_out, extra, redundant]
    default: [needed, held_out]
attributes:
  check_mode:
    support: full
    description: Only computes.
  diff_mode:
    support: none
    description: Changes nothing, so there is no difference to show.
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.observed
seealso:
  - module: cloudnet.aks_cilium.network_policy_recommend
  - module: cloudnet.aks_cilium.network_policy_soak
  - module: cloudnet.aks_cilium.network_policy_enforce
"""

EXAMPLES = r"""
- name: Judge the policies by the evidence they were made from
  cloudnet.aks_cilium.network_policy_prove:
    evidence: hardening/evidence.json
    definition: "{{ recommended.policies }}"
    namespaces: [shop, backend]
  register: proof

- name: Show it to the person who approves
  cloudnet.aks_cilium.show_text:
    title: What the policies will allow and deny
    lines: "{{ proof.lines }}"

- name: In a pipeline, be strict about what is in Git
  cloudnet.aks_cilium.network_policy_prove:
    evidence: hardening/evidence.json
    manifests: hardening/policies
    fail_on: [needed, held_out, redundant]
"""

RETURN = r"""
passed:
  description: Whether nothing of O(fail_on) was found.
  returned: always
  type: bool
  sample: true
needed:
  description: The connections that must be allowed.
  returned: always
  type: dict
  sample: {total: 31, allowed: 31, denied: []}
  contains:
    total:
      description: How many kinds of connections there are.
      returned: always
      type: int
      sample: 31
    allowed:
      description: How many of them are allowed.
      returned: always
      type: int
      sample: 31
    denied:
      description: The others, at most 200, each as RV(predicted_denials.denied).
      returned: always
      type: list
      elements: dict
      sample: []
held_out:
  description: The same of the connections that were held out.
  returned: always
  type: dict
  sample: {total: 4, allowed: 4, denied: []}
forecast:
  description:
    - The same of the needed connections first seen in the last part of the window, but judged by policies that are made
      from the part before it for this purpose. It tells how far the window can be trusted - what these policies would
      have denied had not been seen for so long. Never makes the module fail.
    - Nothing where O(definition) holds no policies of this collection, or the flows had no times.
  returned: always
  type: dict
  sample: {total: 4, allowed: 4, denied: []}
extra:
  description: Connections that were never seen and would be allowed.
  returned: always
  type: dict
  contains:
    total:
      description: How many.
      returned: always
      type: int
      sample: 2
    asked:
      description: How many that were never seen were judged.
      returned: always
      type: int
      sample: 2279
    possible:
      description: How many there are. More than V(asked) where there are more than O(random_edges).
      returned: always
      type: int
      sample: 2279
    unprotected:
      description: How many of the judged ones have no end at which anything is enforced.
      returned: always
      type: int
      sample: 110
    edges:
      description: They, at most 200, with C(allowed_by) in place of C(default_deny_by) and C(denied_by) - the rules by
        direction.
      returned: always
      type: list
      elements: dict
      sample:
        - edge: "world -> ingress-nginx/Deployment/controller:443/TCP"
          source: api.stripe.com
          destination: ingress-nginx/Deployment/controller
          protocol: TCP
          port: 443
          count: 0
          sides: []
          allowed_by:
            INGRESS: ["CiliumNetworkPolicy ingress-nginx/learned-deployment-controller spec.ingress[0]"]
            EGRESS: []
redundant:
  description: Rules of which each alone could go without anything needed being denied.
  returned: always
  type: list
  elements: str
  sample: ["CiliumNetworkPolicy shop/learned-deployment-cart spec.ingress[2]"]
policies:
  description:
    - Figures by policy - rules, redundant ones, needed and never seen connections that it allows, observed ones that it
      denies.
  returned: always
  type: list
  elements: dict
  sample:
    - {policy: CiliumNetworkPolicy shop/learned-deployment-cart, rules: 4, redundant: 0, needed: 5, extra: 0, denied: 0}
predicted_denials:
  description:
    - Observed connections that will be denied, for the option C(prediction) of
      M(cloudnet.aks_cilium.network_policy_soak) and M(cloudnet.aks_cilium.network_policy_enforce).
  returned: always
  type: dict
  contains:
    denied:
      description: Those that work today.
      returned: always
      type: list
      elements: dict
      sample:
        - edge: "shop/Deployment/agent -> 169.254.169.254:80/TCP"
          source: shop/Deployment/agent
          destination: 169.254.169.254
          protocol: TCP
          port: 80
          count: 12
          sides: [EGRESS]
          default_deny_by: [CiliumNetworkPolicy shop/learned-default-deny]
          denied_by: []
    already_denied:
      description: Those that were denied when they were observed, in the same form.
      returned: always
      type: list
      elements: dict
      sample: []
policy_warnings:
  description: What could not be judged, and rules that cannot work. Shown as warnings too.
  returned: always
  type: list
  elements: str
  sample: []
lines:
  description: All of it as text.
  returned: always
  type: list
  elements: str
  sample: ["needed: 31 of 31 kinds of connections are allowed"]
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
    - With the code V(ProofFailed) the details hold all values that the module returns otherwise.
  returned: on failure
  type: dict
  sample:
    kind: OperationFailed
    code: ProofFailed
    message: "The policies do not pass: needed, but shop/Deployment/web -> shop/Deployment/cart:8080/TCP: denied at
      ingress by CiliumNetworkPolicy shop/learned-default-deny. 30 of 31 needed kinds of connections would be allowed."
    remedy: See failure.details.lines. Generate the policies again from this evidence, or correct them by hand.
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import OBSERVED
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.proving import FAIL_ON, prove_policies

SPEC = ArgSpec(
    {
        "definition": {"type": "raw"},
        "manifests": {"type": "path"},
        "namespaces": {"type": "list", "elements": "str", "default": []},
        "approved": {"type": "list", "elements": "str", "default": []},
        "held_out": {"type": "list", "elements": "str", "default": []},
        "held_out_share": {"type": "float", "default": 0.2},
        "random_edges": {"type": "int", "default": 100000},
        "seed": {"type": "int", "default": 1},
        "fail_on": {"type": "list", "elements": "str", "choices": list(FAIL_ON), "default": ["needed", "held_out"]},
    },
    mutually_exclusive=[["definition", "manifests"]],
    required_one_of=[["definition", "manifests"]],
).merge(OBSERVED)


def action(context: Context) -> Result:
    """Judge."""
    return prove_policies(context.params, context.warn)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
