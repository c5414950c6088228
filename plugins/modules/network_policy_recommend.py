#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_recommend
short_description: Make network policies from observed connections
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Turns evidence, or a file of Hubble flows, into policies that allow what was observed, for the namespaces that are
    named. No cluster is asked.
  - Each workload gets one policy whose selector lasts over rollouts, and each namespace a default deny. All are
    candidates. Their C(enableDefaultDeny) is off, so that they block nothing until it is switched on.
  - Connections that are denied today, that are suspicious (the metadata address, scans, clients outside that ask for
    a port of no Service), or of which the direction or the peer is unknown, are never allowed without being named in
    O(approved).
  - Equal evidence gives equal policies, byte by byte, whatever the order of the flows, and whether or not the flows
    hold replies.
options:
  namespaces:
    description: Namespaces to make policies for. Peers in other namespaces are allowed, but get no policies.
    type: list
    elements: str
    required: true
  system_namespaces:
    description: Names C(kube-system) a second time, without which it is refused in O(namespaces).
    type: list
    elements: str
    default: []
  approved:
    description:
      - Connections that a person approves, each as RV(review[].approval) shows it, for example
        C(shop/Deployment/payment -> 169.254.169.254:80/TCP). C(*) stands for any text.
      - A remark may follow after C(#), such as who approved it and why. It is shown in the policy and the report.
      - An approval that names no connection of the evidence is a warning.
    type: list
    elements: str
    default: []
  kinds:
    description:
      - Kinds of policies. V(cilium) is C(CiliumNetworkPolicy), V(kubernetes) is C(NetworkPolicy), which has no shadow
        and no words for DNS names, nodes and the API server. Each loss is a warning.
    type: list
    elements: str
    choices: [cilium, kubernetes]
    default: [cilium]
  fqdn:
    description:
      - Whether peers outside are allowed by the DNS name that they were reached by, and DNS passes Cilium's proxy.
        Otherwise they are allowed by address.
      - When not set, what the evidence says of the cluster, and V(true) when it says nothing. On AKS with managed
        Cilium it takes ACNS.
    type: bool
  networks:
    description: Networks that are allowed as a whole where addresses without a name are in them.
    type: list
    elements: str
    default: []
  platform_policy:
    description:
      - V(true) allows DNS to all pods of a namespace by one policy, C(learned-platform), which stays when another is
        taken back. RV(policy_warnings) names each workload that was not seen to use DNS.
      - V(false) allows DNS in the policy of each workload that used it.
    type: bool
    default: false
  dest:
    description:
      - Directory for the manifests, as C(<namespace>/<kind>-<name>.yaml), ready for Git. Without it nothing is written.
      - Files that this module made and whose policy is no more are removed. Files of others are never changed.
    type: path
attributes:
  check_mode:
    support: full
    description: In check mode everything is computed and nothing is written.
  diff_mode:
    support: full
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.observed
seealso:
  - module: cloudnet.aks_cilium.network_policy_evidence
  - module: cloudnet.aks_cilium.cilium_policy
"""

EXAMPLES = r"""
- name: Make policies from the evidence of a week
  cloudnet.aks_cilium.network_policy_recommend:
    evidence: hardening/evidence.json
    namespaces: [shop, backend]
    dest: hardening/policies
  register: recommended

- name: Show what has to be approved
  cloudnet.aks_cilium.show_text:
    title: What the policies allow, and what they would deny
    lines: "{{ recommended.lines }}"

- name: The same from a recording of flows, with an approval
  cloudnet.aks_cilium.network_policy_recommend:
    flows: flows.jsonl
    namespaces: [shop]
    approved:
      - "shop/Deployment/web -> 169.254.169.254:80/TCP  # platform team, ticket 4711"
"""

RETURN = r"""
policies:
  description: The policies, as they can be given to M(cloudnet.aks_cilium.cilium_policy).
  returned: always
  type: list
  elements: dict
  sample:
    - apiVersion: cilium.io/v2
      kind: CiliumNetworkPolicy
      metadata: {name: learned-deployment-cart, namespace: shop}
      spec: {enableDefaultDeny: {ingress: false, egress: false}}
files:
  description: Names of the manifests below O(dest), whether or not they are written.
  returned: always
  type: list
  elements: str
  sample: [shop/cnp-learned-deployment-cart.yaml]
lines:
  description: The recommendation as text for the person who approves it.
  returned: always
  type: list
  elements: str
  sample:
    - "31 kinds of connections, 31 allowed, 0 to decide on; 10 workload policies, 36 rules (evidence cc287ea823eb)"
reasons:
  description: Why each rule is there - its text and its connections, by the name that
    M(cloudnet.aks_cilium.network_policy_prove) gives the rule too.
  returned: always
  type: dict
  sample:
    CiliumNetworkPolicy shop/learned-deployment-cart spec.ingress[0]:
      text: TCP/7070 from shop/Deployment/frontend
      edges: ["shop/Deployment/frontend -> shop/Deployment/cart:7070/TCP"]
review:
  description: What a person has to decide on, or should look at.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: suspicious
      connection: "shop/Deployment/agent -> 169.254.169.254:80/TCP"
      reason: the metadata address gives out credentials of the node; it works today
      approval: "shop/Deployment/agent -> 169.254.169.254:80/TCP"
  contains:
    kind:
      description:
        - V(denied), V(suspicious) or V(unknown) for what is not allowed without approval. V(single-sided) for what one
          end alone reported. V(address) for peers allowed by address. V(uncovered) for workloads of which nothing was
          seen. V(host-network) for those that no policy selects.
      returned: always
      type: str
      sample: suspicious
    connection:
      description: The connection, or the workload.
      returned: always
      type: str
      sample: "shop/Deployment/agent -> 169.254.169.254:80/TCP"
    reason:
      description: Why it is listed.
      returned: always
      type: str
      sample: the metadata address gives out credentials of the node; it works today
    approval:
      description: What to put into O(approved) to allow it. Empty where there is nothing to approve.
      returned: always
      type: str
      sample: "shop/Deployment/agent -> 169.254.169.254:80/TCP"
policy_warnings:
  description: What the policies allow beyond what was seen, and approvals that name nothing. Shown as warnings too.
  returned: always
  type: list
  elements: str
  sample: ["ingress-nginx/Deployment/controller TCP/443 is open to every address outside (entity world)."]
notes:
  description:
    - What else is good to know, such as peers whose namespace gets no policies, ports that a Service declares and
      nobody used, and ports that are used and nobody declares.
  returned: always
  type: list
  elements: str
  sample: []
classification:
  description: Each kind of connection that touches O(namespaces).
  returned: always
  type: list
  elements: dict
  sample:
    - connection: "shop/Deployment/frontend -> shop/Deployment/cart:7070/TCP"
      kind: needed
      allowed: true
      reason: seen 120 times
      approved_by: ""
      egress: 120
      ingress: 120
      denied: 0
      first: 1796061000.5
      last: 1796064600.25
  contains:
    connection:
      description: Who to whom, on which port.
      returned: always
      type: str
      sample: "shop/Deployment/frontend -> shop/Deployment/cart:7070/TCP"
    kind:
      description: V(needed), V(infrastructure), V(denied), V(suspicious) or V(unknown).
      returned: always
      type: str
      sample: needed
    allowed:
      description: Whether the policies allow it.
      returned: always
      type: bool
      sample: true
    reason:
      description: Why it is of this kind.
      returned: always
      type: str
      sample: seen 120 times
    approved_by:
      description: The approval that allows it, or its remark. Empty where none was needed.
      returned: always
      type: str
      sample: ""
    egress:
      description: First packets that its source reported.
      returned: always
      type: int
      sample: 120
    ingress:
      description: First packets that its destination reported.
      returned: always
      type: int
      sample: 120
    denied:
      description: First packets that a policy denied.
      returned: always
      type: int
      sample: 0
    first:
      description: When it was first seen, in seconds since 1970; 0 where flows have no time.
      returned: always
      type: float
      sample: 1796061000.5
    last:
      description: When it was last seen.
      returned: always
      type: float
      sample: 1796064600.25
ignored:
  description: Number of flows that prove no connection, by reason, such as replies.
  returned: always
  type: dict
  sample: {reply: 64}
counts:
  description: Figures of the recommendation.
  returned: always
  type: dict
  sample:
    edges: 31
    allowed: 31
    needed: 23
    infrastructure: 8
    denied: 0
    suspicious: 0
    unknown: 0
    policies: 14
    workload_policies: 10
    rules: 36
    to_decide: 0
evidence_digest:
  description: SHA-256 over the kinds of connections that were seen. It stays while nothing new is seen.
  returned: always
  type: str
  sample: cc287ea823eb0b1d5b2c8f2f4f0e9e2f2a4b6c8d0e1f3a5b7c9d1e3f5a7b9c1d
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: Conflict
    code: OtherCluster
    option: evidence
    message: evidence is of the cluster 4f1c..., not of 9b7e....
    remedy: Give the evidence of this cluster, or observe it first.
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import OBSERVED, SYSTEM
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.recommending import recommend_policies

SPEC = ArgSpec(
    {
        "namespaces": {"type": "list", "elements": "str", "required": True},
        "approved": {"type": "list", "elements": "str", "default": []},
        "kinds": {"type": "list", "elements": "str", "choices": ["cilium", "kubernetes"], "default": ["cilium"]},
        "fqdn": {"type": "bool"},
        "networks": {"type": "list", "elements": "str", "default": []},
        "platform_policy": {"type": "bool", "default": False},
        "dest": {"type": "path"},
    },
).merge(OBSERVED, SYSTEM)


def action(context: Context) -> Result:
    """Read, recommend, and write the manifests where a directory is given."""
    return recommend_policies(context.params, context.warn, context.check_mode)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
