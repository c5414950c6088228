#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cilium_status
short_description: Tell whether Cilium works on a cluster, and wait until it does
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - The facts of C(cilium status) as data, and the text banner that its users know. Works for Cilium that Helm
    installed and for the one that AKS manages, and changes nothing.
  - Tells more than the command where that falls short - the names of the pods that Cilium does not manage, nodes
    without an agent, a Deployment that is scaled to 0, containers in a crash loop, agents of different versions,
    policies that are not valid or not realized, a proxy that policies need and that does not listen.
  - Reads long lists a page at a time and in a compact form, so that memory stays small on clusters of thousands of
    nodes.
  - Needs the rights to get DaemonSets, Deployments and ConfigMaps in O(namespace); to list Nodes, Pods and
    CiliumEndpoints; to create C(pods/exec) for the agents' view, unless O(probe_agents=none). Where policies or Secrets
    (the Helm record) may not be listed, RV(notes) say so. What else may not be read is told in RV(errors), and
    O(wait) ends at once where what is waited for cannot be seen without it.
  - Without O(wait) an unhealthy or absent Cilium is a result with RV(healthy=false), not a failure.
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
options:
  namespace:
    description: Namespace of Cilium.
    type: str
    default: kube-system
  release_name:
    description: Name of the Helm release, from which the chart's version is read.
    type: str
    default: cilium
  probe_agents:
    description:
      - Which agents are asked for their own view, by one command in each pod, sixteen at once.
      - V(auto) is V(all) up to 100 agents and V(sample) beyond. V(sample) asks at most ten, those that are not ready
        first. V(none) asks nobody; what policies, DNS proxy and Hubble do is then not known.
      - An agent that has not realized every policy is asked again for some seconds, before it is reported.
    type: str
    choices: [auto, all, sample, none]
    default: auto
  wait:
    description:
      - Whether to wait until all of O(wait_for) holds. Fails when it does not within O(wait_timeout), with the errors
        that remain, and earlier for what waiting does not cure - a container of Cilium that crashes again and again,
        with the last lines of its log; an image that does not exist or does not come within 90 seconds; with
        V(policies), a policy that is not valid.
    type: bool
    default: false
  wait_for:
    description:
      - What to wait for. V(healthy) is no error and, unless O(ignore_warnings), no warning but those about policies.
      - V(agents) is a ready agent of the newest rollout on each node, and these nodes Ready. V(relay) is Hubble relay
        with all its pods.
      - V(policies) is that every policy of the cluster is valid, and that each agent that is asked and all of its
        endpoints have realized them. It cannot be had with O(probe_agents=none).
    type: list
    elements: str
    choices: [healthy, agents, relay, policies]
    default: [healthy]
  wait_timeout:
    description: Seconds to wait; V(0) is one look.
    type: int
    default: 300
  ignore_warnings:
    description:
      - Whether warnings still count as healthy - pending pods, pods that Cilium does not manage, nodes that are not
        Ready, agents of different versions.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read the status
  cloudnet.aks_cilium.cilium_status:
    kubeconfig: ~/.kube/aksciliumlab
  register: status

- name: Show it as the cilium command does
  cloudnet.aks_cilium.show_text:
    title: "Cilium on {{ inventory_hostname }}"
    lines: "{{ status.banner.splitlines() }}"

- name: Wait until Cilium and Hubble relay are ready
  cloudnet.aks_cilium.cilium_status:
    kubeconfig: ~/.kube/aksciliumlab
    wait: true
    wait_for: [healthy, relay]
    wait_timeout: 600

- name: Names of the pods that started before Cilium
  cloudnet.aks_cilium.cilium_status:
    kubeconfig: ~/.kube/aksciliumlab
    probe_agents: none
    query: pods.unmanaged
  register: unmanaged
"""

RETURN = r"""
healthy:
  description:
    - Whether there is no error and, unless O(ignore_warnings), no warning. Warnings about policies do not count - one
      that somebody wrote wrongly is no illness of Cilium; see RV(policies).
  returned: always
  type: bool
  sample: true
errors:
  description: Everything that is wrong, one line each - component, object, what.
  returned: without O(query)
  type: list
  elements: str
  sample: ["operator: cilium-operator: Deployment cilium-operator is scaled to 0"]
cilium_warnings:
  description: Everything that may be wrong, one line each (the key C(warnings) belongs to Ansible).
  returned: without O(query)
  type: list
  elements: str
  sample: ["pods: 1 pod is not managed by Cilium (started before it?): default/early"]
banner:
  description: The text that C(cilium status) prints.
  returned: without O(query)
  type: str
  sample: "    /¯¯\\\n /¯¯\\__/¯¯\\    Cilium:             OK"
components:
  description: The parts of Cilium - V(cilium), V(operator), V(envoy), V(relay), V(clustermesh) and V(ui).
  returned: without O(query)
  type: dict
  sample:
    relay:
      name: hubble-relay
      kind: Deployment
      installed: true
      text: OK
      desired: 1
      ready: 1
      available: 1
      phases: {"Running": 1}
      errors: []
      warnings: []
pods:
  description: The pods that have a network of their own and have not ended.
  returned: without O(query)
  type: dict
  sample: {"total": 9, "managed": 9, "unmanaged_total": 0, "unmanaged": []}
  contains:
    total:
      description: Their number.
      returned: always
      type: int
      sample: 9
    managed:
      description: How many of them have a CiliumEndpoint; null where that is not known.
      returned: always
      type: int
      sample: 9
    unmanaged_total:
      description: How many have an address that Cilium did not give.
      returned: always
      type: int
      sample: 0
    unmanaged:
      description: Their names as C(namespace/name), at most 1000.
      returned: always
      type: list
      elements: str
      sample: []
nodes:
  description: The nodes.
  returned: without O(query)
  type: dict
  sample: {"total": 2, "ready": 2, "not_ready": [], "without_agent": []}
  contains:
    total:
      description: Their number.
      returned: always
      type: int
      sample: 2
    ready:
      description: How many are Ready.
      returned: always
      type: int
      sample: 2
    not_ready:
      description: Names of the others.
      returned: always
      type: list
      elements: str
      sample: []
    without_agent:
      description: Names of the nodes that should run an agent and do not.
      returned: always
      type: list
      elements: str
      sample: []
agents:
  description: How many agents were asked, the names of those that gave no answer, and how many pods run which version.
  returned: without O(query)
  type: dict
  sample: {"probed": 2, "failed": [], "versions": {"1.20.2": 2}, "operator_versions": {"1.20.2": 1}}
policies:
  description: Whether the policies of the cluster are enforced.
  returned: without O(query)
  type: dict
  sample:
    total: 3
    by_kind: {"NetworkPolicy": 0, "CiliumNetworkPolicy": 3, "CiliumClusterwideNetworkPolicy": 0}
    valid: 2
    not_judged: 0
    invalid: [{"policy": "CiliumNetworkPolicy shop/web", "message": "rule must have at least one of Ingress, Egress"}]
    agents_asked: 2
    not_loaded: []
    endpoints: 9
    endpoints_behind: 0
    revisions: {"n1": 3, "n2": 3}
    realized: false
  contains:
    total:
      description: Their number.
      returned: always
      type: int
      sample: 3
    by_kind:
      description: Their number by kind.
      returned: always
      type: dict
      sample: {"NetworkPolicy": 0, "CiliumNetworkPolicy": 3, "CiliumClusterwideNetworkPolicy": 0}
    valid:
      description: How many the operator found valid. It judges Cilium's own kinds, from Cilium 1.16 on.
      returned: always
      type: int
      sample: 2
    not_judged:
      description: How many of Cilium's own kinds it has not judged.
      returned: always
      type: int
      sample: 0
    invalid:
      description: Those that are not valid and so do nothing, with the reason; at most 1000.
      returned: always
      type: list
      elements: dict
      sample: [{"policy": "CiliumNetworkPolicy shop/web", "message": "rule must have at least one of Ingress, Egress"}]
    agents_asked:
      description: How many agents told what they made of the policies.
      returned: always
      type: int
      sample: 2
    not_loaded:
      description: Policies that an agent should have and has not, with the nodes; at most 1000.
      returned: always
      type: list
      elements: dict
      sample: [{"policy": "CiliumNetworkPolicy shop/web", "nodes": ["n2"]}]
    endpoints:
      description: Number of endpoints of the asked agents.
      returned: always
      type: int
      sample: 9
    endpoints_behind:
      description: How many of them do not have the newest policies built in.
      returned: always
      type: int
      sample: 0
    revisions:
      description: Revision of each asked agent's policies, by node; each agent counts its own since it started.
      returned: always
      type: dict
      sample: {"n1": 3, "n2": 3}
    realized:
      description: Whether all are valid and realized as far as agents were asked; null when none told, when
        there is no Cilium, and when policies may not be read.
      returned: always
      type: bool
      sample: false
dns_proxy:
  description:
    - The DNS proxies of the asked agents. Whether policies have rules for names (C(needed)), C(agents) that answered,
      on how many a proxy is C(running), and the requests since the agents started - C(received), C(forwarded),
      C(denied), C(parse_errors).
  returned: without O(query)
  type: dict
  sample: {"needed": true, "agents": 2, "running": 2, "received": 40, "forwarded": 38, "denied": 2, "parse_errors": 0}
hubble:
  description:
    - Hubble in the asked agents. C(agents) that keep flows, C(current_flows) of C(max_flows) kept, C(seen_flows) since
      they started, C(lost_events) that the kernel's ring buffer lost before Hubble saw them, C(lost_on) which nodes.
  returned: without O(query)
  type: dict
  sample: {"agents": 2, "current_flows": 5587, "max_flows": 8190, "seen_flows": 5481, "lost_events": 0, "lost_on": {}}
config_errors:
  description: What the chart noted on C(cilium-config) as wrong or forgotten (annotations C(config.cilium.io)).
  returned: without O(query)
  type: list
  elements: str
  sample: []
images:
  description: Images of each installed component and in how many containers they are.
  returned: without O(query)
  type: dict
  sample: {"cilium": {"quay.io/cilium/cilium:v1.20.2": 2}}
version:
  description: Version of the agents' image; empty when unknown.
  returned: without O(query)
  type: str
  sample: "1.20.2"
chart_version:
  description: Version of the Helm chart; null when Helm did not install Cilium or the record may not be read.
  returned: without O(query)
  type: str
  sample: "1.20.2"
manager:
  description:
    - Who installed Cilium - V(aks), V(helm), V(other) or V(none); V(unknown) where the agents' DaemonSet may not be
      read.
  returned: without O(query)
  type: str
  sample: helm
features:
  description: What this installation can do.
  returned: without O(query)
  type: dict
  sample:
    network_policy: true
    fqdn_policy: true
    fqdn_policy_reason: ""
    l7_proxy: embedded
    hubble: true
    hubble_relay: true
    kube_proxy_replacement: true
    routing_mode: tunnel
    tunnel_protocol: vxlan
    ipam: cluster-pool
    encryption: disabled
  contains:
    network_policy:
      description: Whether agents run that enforce policies.
      returned: always
      type: bool
      sample: true
    fqdn_policy:
      description: Whether DNS and FQDN rules are possible.
      returned: always
      type: bool
      sample: true
    fqdn_policy_reason:
      description: Why they are not; empty when they are.
      returned: always
      type: str
      sample: ""
    l7_proxy:
      description: Where Envoy runs, for HTTP rules - V(daemonset), V(embedded) in the agents, or V(off).
      returned: always
      type: str
      sample: embedded
    hubble:
      description: Whether the agents keep flows.
      returned: always
      type: bool
      sample: true
    hubble_relay:
      description: Whether Hubble relay is installed and not scaled to 0.
      returned: always
      type: bool
      sample: true
    kube_proxy_replacement:
      description: Whether Cilium does the work of kube-proxy.
      returned: always
      type: bool
      sample: true
    routing_mode:
      description: V(tunnel) or V(native).
      returned: always
      type: str
      sample: tunnel
    tunnel_protocol:
      description: V(vxlan) or V(geneve); empty without a tunnel.
      returned: always
      type: str
      sample: vxlan
    ipam:
      description: Mode of address management.
      returned: always
      type: str
      sample: cluster-pool
    encryption:
      description: V(disabled), V(wireguard) or V(ipsec).
      returned: always
      type: str
      sample: disabled
feature_table:
  description: What works on this cluster and what does not - C(feature), C(works), and in C(detail) how, or why not.
  returned: without O(query)
  type: list
  elements: dict
  sample:
    - {"feature": "Policies by name (DNS, FQDN)", "works": true, "detail": ""}
    - {"feature": "Encryption between nodes", "works": false, "detail": "off: Helm value encryption.enabled"}
feature_text:
  description: The same as aligned text.
  returned: without O(query)
  type: str
  sample: "Policies by name (DNS, FQDN)  yes"
next_steps:
  description: What to do next, a sentence each, the most urgent first.
  returned: without O(query)
  type: list
  elements: str
  sample: ["All is well."]
notes:
  description: What could not be read and does not bear on health.
  returned: without O(query)
  type: list
  elements: str
  sample: []
api_requests:
  description: Number of requests to the API server.
  returned: without O(query)
  type: int
  sample: 18
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
    code: ContextNotFound
    option: context
    message: context=lab is not in /home/ops/.kube/config.
    remedy: "Contexts there: aksciliumlab."
"""

from functools import partial

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import QUERY, ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.watch import Options, report_status
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod

SPEC = ArgSpec(
    {
        "namespace": {"type": "str", "default": "kube-system"},
        "release_name": {"type": "str", "default": "cilium"},
        "probe_agents": {"type": "str", "choices": ["auto", "all", "sample", "none"], "default": "auto"},
        "wait": {"type": "bool", "default": False},
        "wait_for": {
            "type": "list",
            "elements": "str",
            "choices": ["healthy", "agents", "relay", "policies"],
            "default": ["healthy"],
        },
        "wait_timeout": {"type": "int", "default": 300},
        "ignore_warnings": {"type": "bool", "default": False},
    }
).merge(QUERY, KUBE)


def action(context: Context) -> Result:
    """Look at Cilium, or wait for it."""
    kube = connect(context.params, hide=context.hide)
    return report_status(kube, partial(exec_in_pod, kube), Options.of(context.params), progress=context.progress)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
