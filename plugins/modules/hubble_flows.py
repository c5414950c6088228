#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hubble_flows
short_description: Read network flows from Hubble
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Returns the flows that C(hubble observe) would show, as data and as the lines of its compact output, in time order
    over all nodes.
  - Flows are read through Hubble relay, over the API server. Where there is no relay that can be used, the agents are
    asked one by one, and RV(complete) is false.
  - Lost events, nodes that did not answer and anything else that makes the answer incomplete is reported in
    RV(incomplete_because).
  - Without O(since), O(until) and O(follow_for) it looks at the last O(last) flows that match.
options:
  pod:
    description:
      - Pods at either end, as C(namespace/prefix). All pods whose name starts with the prefix match.
      - C(namespace/) is every pod of a namespace, C(/prefix) a prefix in any namespace. A name without a slash means
        the namespace C(default), or those of O(namespace) when set.
    type: list
    elements: str
  from_pod:
    description: As O(pod), for the end that sent the packet.
    type: list
    elements: str
  to_pod:
    description: As O(pod), for the end that the packet was sent to.
    type: list
    elements: str
  namespace:
    description: Namespaces at either end.
    type: list
    elements: str
  from_namespace:
    description: Namespaces of the sending end.
    type: list
    elements: str
  to_namespace:
    description: Namespaces of the receiving end.
    type: list
    elements: str
  service:
    description: Services at either end, written as O(pod). A flow carries a Service only where its address is used.
    type: list
    elements: str
  from_service:
    description: As O(service), for the sending end.
    type: list
    elements: str
  to_service:
    description: As O(service), for the receiving end.
    type: list
    elements: str
  workload:
    description: Owners of pods at either end, as C(name), C(Kind/name) or C(Kind/).
    type: list
    elements: str
  from_workload:
    description: As O(workload), for the sending end.
    type: list
    elements: str
  to_workload:
    description: As O(workload), for the receiving end.
    type: list
    elements: str
  label:
    description: Label selectors for either end, such as C(app=web), V(k8s:app in (web, api\)) or C(reserved:world).
    type: list
    elements: str
  from_label:
    description: As O(label), for the sending end.
    type: list
    elements: str
  to_label:
    description: As O(label), for the receiving end.
    type: list
    elements: str
  ip:
    description: Addresses or CIDR ranges at either end.
    type: list
    elements: str
  from_ip:
    description: As O(ip), for the sending end.
    type: list
    elements: str
  to_ip:
    description: As O(ip), for the receiving end.
    type: list
    elements: str
  fqdn:
    description: DNS names at either end; C(*) stands for any text. Names are known where Cilium's DNS proxy saw them.
    type: list
    elements: str
  from_fqdn:
    description: As O(fqdn), for the sending end.
    type: list
    elements: str
  to_fqdn:
    description: As O(fqdn), for the receiving end.
    type: list
    elements: str
  port:
    description: Ports at either end. The destination port is the one of the pod, after a Service is translated.
    type: list
    elements: str
  from_port:
    description: As O(port), for the sending end.
    type: list
    elements: str
  to_port:
    description: As O(port), for the receiving end.
    type: list
    elements: str
  identity:
    description: Security identities at either end, as numbers or reserved names such as V(world) or V(host).
    type: list
    elements: str
  from_identity:
    description: As O(identity), for the sending end.
    type: list
    elements: str
  to_identity:
    description: As O(identity), for the receiving end.
    type: list
    elements: str
  verdict:
    description: V(FORWARDED), V(DROPPED), V(AUDIT), V(REDIRECTED), V(ERROR), V(TRACED) or V(TRANSLATED).
    type: list
    elements: str
  drop_reason:
    description: Reasons of drops, such as V(POLICY_DENIED).
    type: list
    elements: str
  type:
    description:
      - Types of events, as C(TYPE) or C(TYPE:SUBTYPE). Types are V(drop), V(capture), V(trace), V(policy-verdict),
        V(trace-sock) and V(l7), or a number. Subtypes of V(trace) are observation points such as C(trace:to-endpoint).
    type: list
    elements: str
  protocol:
    description: Protocols of layer 4 or 7, such as V(tcp), V(udp), V(icmp), V(dns) or V(http).
    type: list
    elements: str
  traffic_direction:
    description: V(ingress) or V(egress), as seen from the pod at which a policy is checked.
    type: list
    elements: str
  node_name:
    description: Nodes that saw the flow; C(*) stands for any text.
    type: list
    elements: str
  dns_query:
    description: Regular expressions on the name that a DNS query asks for.
    type: list
    elements: str
  http_status:
    description: HTTP status codes, such as V(404) or V(5+).
    type: list
    elements: str
  http_method:
    description: HTTP methods.
    type: list
    elements: str
  http_path:
    description: Regular expressions on HTTP paths.
    type: list
    elements: str
  reply:
    description:
      - Only packets of the answering direction, or with V(false) only the others. Drops, whose direction is unknown,
        count as others.
    type: bool
  exclude:
    description:
      - Leaves out flows that match all of these filters. It takes the filter options of this module, with the same
        meaning.
    type: dict
    suboptions:
      pod:
        description: As O(pod).
        type: list
        elements: str
      from_pod:
        description: As O(from_pod).
        type: list
        elements: str
      to_pod:
        description: As O(to_pod).
        type: list
        elements: str
      namespace:
        description: As O(namespace).
        type: list
        elements: str
      from_namespace:
        description: As O(from_namespace).
        type: list
        elements: str
      to_namespace:
        description: As O(to_namespace).
        type: list
        elements: str
      service:
        description: As O(service).
        type: list
        elements: str
      from_service:
        description: As O(from_service).
        type: list
        elements: str
      to_service:
        description: As O(to_service).
        type: list
        elements: str
      workload:
        description: As O(workload).
        type: list
        elements: str
      from_workload:
        description: As O(from_workload).
        type: list
        elements: str
      to_workload:
        description: As O(to_workload).
        type: list
        elements: str
      label:
        description: As O(label).
        type: list
        elements: str
      from_label:
        description: As O(from_label).
        type: list
        elements: str
      to_label:
        description: As O(to_label).
        type: list
        elements: str
      ip:
        description: As O(ip).
        type: list
        elements: str
      from_ip:
        description: As O(from_ip).
        type: list
        elements: str
      to_ip:
        description: As O(to_ip).
        type: list
        elements: str
      fqdn:
        description: As O(fqdn).
        type: list
        elements: str
      from_fqdn:
        description: As O(from_fqdn).
        type: list
        elements: str
      to_fqdn:
        description: As O(to_fqdn).
        type: list
        elements: str
      port:
        description: As O(port).
        type: list
        elements: str
      from_port:
        description: As O(from_port).
        type: list
        elements: str
      to_port:
        description: As O(to_port).
        type: list
        elements: str
      identity:
        description: As O(identity).
        type: list
        elements: str
      from_identity:
        description: As O(from_identity).
        type: list
        elements: str
      to_identity:
        description: As O(to_identity).
        type: list
        elements: str
      verdict:
        description: As O(verdict).
        type: list
        elements: str
      drop_reason:
        description: As O(drop_reason).
        type: list
        elements: str
      type:
        description: As O(type).
        type: list
        elements: str
      protocol:
        description: As O(protocol).
        type: list
        elements: str
      traffic_direction:
        description: As O(traffic_direction).
        type: list
        elements: str
      node_name:
        description: As O(node_name).
        type: list
        elements: str
      dns_query:
        description: As O(dns_query).
        type: list
        elements: str
      http_status:
        description: As O(http_status).
        type: list
        elements: str
      http_method:
        description: As O(http_method).
        type: list
        elements: str
      http_path:
        description: As O(http_path).
        type: list
        elements: str
      reply:
        description: As O(reply).
        type: bool
  since:
    description: Only flows from this time on - C(90s), C(3m), C(1h30m), C(2d) ago, or an RFC 3339 time.
    type: str
  until:
    description: Only flows until this time, written as O(since).
    type: str
  last:
    description:
      - Only the newest so many flows, counted over all nodes. V(100) when O(since), O(until) and O(follow_for) are not
        set.
    type: int
  limit:
    description: The most flows to return; the newest are kept. RV(truncated) tells whether there were more.
    type: int
    default: 1000
  follow_for:
    description: Listens for so many seconds, and returns what came by (with O(last), also so many flows from before).
    type: int
attributes:
  check_mode:
    support: full
    description: Reads in check mode as well.
  diff_mode:
    support: none
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
  - cloudnet.aks_cilium.query
  - cloudnet.aks_cilium.hubble
requirements:
  - grpcio (Python package), unless O(source=agents)
  - protobuf 4.22 or later (Python package), unless O(source=agents)
notes:
  - A node keeps its last 4,095 events by default, of all pods. What is older cannot be read.
  - Through the API server this needs the rights to get services and pods and to create C(pods/portforward), or
    C(pods/exec) where the agents are asked, in the namespace of Cilium.
seealso:
  - module: cloudnet.aks_cilium.connectivity_probe
  - module: cloudnet.aks_cilium.cilium_status
"""

EXAMPLES = r"""
- name: What was dropped in the namespace basics in the last five minutes
  cloudnet.aks_cilium.hubble_flows:
    kubeconfig: ~/.kube/aksciliumlab
    namespace: [basics]
    verdict: [DROPPED]
    since: 5m
  register: dropped

- name: Show it as the command line does
  ansible.builtin.debug:
    var: dropped.lines

- name: Who denied what, and nothing else
  cloudnet.aks_cilium.hubble_flows:
    kubeconfig: ~/.kube/aksciliumlab
    from_pod: [default/testpod]
    to_pod: [basics/basicdeploy]
    type: [policy-verdict]
    query: "flows[].{to: destination.pod_name, verdict: verdict, reason: drop_reason_desc}"

- name: Listen for ten seconds, without DNS
  cloudnet.aks_cilium.hubble_flows:
    kubeconfig: ~/.kube/aksciliumlab
    from_namespace: [basics]
    follow_for: 10
    exclude:
      to_port: ["53"]
"""

RETURN = r"""
flows:
  description: The flows in time order, each as C(hubble observe -o jsonpb) gives it under C(flow).
  returned: without O(query)
  type: list
  elements: dict
  sample:
    - time: "2026-11-30T18:20:11.359123456Z"
      node_name: aks-nodepool1-30325416-vmss000001
      verdict: DROPPED
      drop_reason_desc: POLICY_DENIED
      event_type: {type: 1, sub_type: 133}
      traffic_direction: INGRESS
      IP: {source: 10.244.0.17, destination: 10.244.1.9, ipVersion: IPv4}
      l4: {TCP: {source_port: 43414, destination_port: 80, flags: {SYN: true}}}
      source: {identity: 2615, namespace: default, pod_name: testpod}
      destination: {identity: 9727, namespace: basics, pod_name: basicdeploy-65ff8695df-p58zr}
      Summary: "TCP Flags: SYN"
lines:
  description: The same flows, one line each, exactly as C(hubble observe) prints them.
  returned: without O(query)
  type: list
  elements: str
  sample:
    - "Nov 30 18:20:11.359: default/testpod:43414 (ID:2615) <> basics/basicdeploy-65ff8695df-p58zr:80 (ID:9727)
      Policy denied DROPPED (TCP Flags: SYN)"
summary:
  description: Counts of the returned flows.
  returned: without O(query)
  type: dict
  contains:
    flows:
      description: Number of flows.
      returned: always
      type: int
      sample: 1
    verdicts:
      description: Number of flows by verdict.
      returned: always
      type: dict
      sample: {DROPPED: 1}
    drop_reasons:
      description: Number of dropped flows by reason.
      returned: always
      type: dict
      sample: {POLICY_DENIED: 1}
truncated:
  description: Whether there were more flows than O(limit) lets through.
  returned: without O(query)
  type: bool
  sample: false
complete:
  description: Whether nothing is known to be missing.
  returned: without O(query)
  type: bool
  sample: true
incomplete_because:
  description: Why flows may be missing, each reason as a sentence.
  returned: without O(query)
  type: list
  elements: str
  sample: []
lost_events:
  description: Number of events that Hubble lost before they could be read.
  returned: without O(query)
  type: int
  sample: 0
source:
  description: Who answered, V(relay) or V(agents).
  returned: without O(query)
  type: str
  sample: relay
nodes:
  description: State by node, V(CONNECTED), V(UNAVAILABLE), V(GONE) or V(ERROR).
  returned: without O(query)
  type: dict
  sample: {aks-nodepool1-30325416-vmss000000: CONNECTED, aks-nodepool1-30325416-vmss000001: CONNECTED}
queried:
  description: What O(query) selected.
  returned: with O(query)
  type: raw
  sample: [{to: basicdeploy-65ff8695df-p58zr, verdict: DROPPED, reason: POLICY_DENIED}]
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: NotFound
    code: HubbleRelayNotFound
    message: "There is no Service kube-system/hubble-relay: Hubble relay is not installed."
    remedy: Install it with hubble_relay=true of the module cilium.
"""

import time
from functools import partial

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import QUERY, ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, apply_query, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.argspec import READER
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.client import open_reader
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.filters import FILTER_OPTIONS
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observe import request_of, values_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded

SPEC = ArgSpec(
    {
        **FILTER_OPTIONS,
        "exclude": {"type": "dict", "options": FILTER_OPTIONS},
        "since": {"type": "str"},
        "until": {"type": "str"},
        "last": {"type": "int"},
        "limit": {"type": "int", "default": 1000},
        "follow_for": {"type": "int"},
    },
    mutually_exclusive=[["follow_for", "since"], ["follow_for", "until"]],
).merge(READER, QUERY, KUBE)


def action(context: Context) -> Result:
    """Read flows."""
    params = context.params
    request = request_of(params, time.time())
    kube = connect(params, hide=context.hide)
    if request.follow_s:
        context.progress(f"listening to Hubble for {request.follow_s:.0f} s")
    with open_reader(
        kube,
        partial(exec_in_pod, kube),
        partial(forwarded, kube),
        source=params["source"],
        namespace=params["cilium_namespace"],
    ) as reader:
        values = values_of(request, reader.read(request))
    if params["query"] is not None:
        return Result(values={"queried": apply_query(params["query"], values)})
    return Result(values=values)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
