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
    asked one by one, and RV(complete) is false, because their answers are not of the same moment; only with O(until)
    they are as good as the relay's.
  - Lost events, nodes that did not answer and anything else that makes the answer incomplete is reported in
    RV(incomplete_because).
  - Without O(since), O(until) and O(follow_for) it looks at the last O(last) flows that match.
options:
  since:
    description: Only flows from this time on - C(90s), C(3m), C(1h30m), C(2d) ago, or an RFC 3339 time.
    type: str
  until:
    description: Only flows until this time, written as O(since).
    type: str
  last:
    description:
      - Only the newest so many flows, counted over all nodes. V(100) when O(since), O(until), O(follow_for) and O(src)
        are not set.
    type: int
  limit:
    description:
      - The most flows to return; the newest are kept. RV(truncated) tells whether there were more.
      - It does not bind O(dest) and O(summarise), which take any number in constant memory.
    type: int
    default: 1000
  follow_for:
    description:
      - Listens for so many seconds, and returns what came by (with O(last), also so many flows from before).
      - A connection to the relay that breaks is made anew, and goes on where the old one ended; what a node has
        overwritten meanwhile is told in RV(incomplete_because).
    type: int
  until_count:
    description: Ends O(follow_for) early, after so many flows.
    type: int
  summarise:
    description:
      - Returns RV(edges) in the place of RV(flows) and RV(lines) - who talks to whom, how often, with which verdicts.
    type: bool
    default: false
  src:
    description:
      - Reads a file of flows in the place of a cluster - lines as C(hubble observe -o jsonpb) or O(dest) writes them,
        also compressed with gzip. The filters are applied here, except O(cel_expression).
      - Lines that cannot be read are left out, and told in RV(incomplete_because).
    type: path
  dest:
    description:
      - Writes the flows into this file in the place of RV(flows) and RV(lines), one a line, in the order in which they
        come. With a name that ends in C(.gz) it is compressed.
      - The file appears, or replaces the one that is there, when all is done; one with the same content stays. Only its
        owner may read it. It cannot be the file of O(src).
    type: path
  dest_format:
    description: What O(dest) gets - the JSON of C(hubble observe -o jsonpb), or the lines of its compact output.
    type: str
    choices: [jsonpb, compact]
    default: jsonpb
  print_node_name:
    description: Puts the node into each line, as the option of the same name of C(hubble observe) does.
    type: bool
    default: false
  print_policy_names:
    description: Puts the deciding policies into each line, as the option of the same name of C(hubble observe) does.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Reads in check mode as well, but does not write O(dest).
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
  - cloudnet.aks_cilium.flow_filters
  - cloudnet.aks_cilium.flow_filters.exclude
  - cloudnet.aks_cilium.flow_filters.stop_when
requirements:
  - grpcio (Python package), unless O(source=agents)
  - protobuf 4.22 or later (Python package), unless O(source=agents)
notes:
  - A node keeps its last 4,095 events by default, of all pods. What is older cannot be read.
  - A node tells its newest event only when another one has come after it; so of a quiet node the last one can be
    missing at the end of O(follow_for).
  - On managed AKS, Hubble is part of Advanced Container Networking Services; its relay speaks TLS, and its certificates
    are in the Secret C(hubble-relay-client-certs), where they are found by themselves.
  - Through the API server this needs the rights to get services and pods and to create C(pods/portforward), or
    C(pods/exec) where the agents are asked, and for a relay with TLS to get its Secrets, in the namespace of Cilium.
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

- name: Show it as hubble observe does
  cloudnet.aks_cilium.show_text:
    title: Dropped
    lines: "{{ dropped.lines }}"

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
    from_namespace: [shop]
    follow_for: 10
    exclude:
      to_port: ["53"]

- name: Wait for the first drop in the namespace, for a minute at most
  cloudnet.aks_cilium.hubble_flows:
    kubeconfig: ~/.kube/aksciliumlab
    namespace: [basics]
    follow_for: 60
    stop_when:
      verdict: [DROPPED]

- name: Record an hour, whatever the number of flows
  cloudnet.aks_cilium.hubble_flows:
    kubeconfig: ~/.kube/aksciliumlab
    follow_for: 3600
    dest: flows.jsonl.gz

- name: Who talked to whom in that hour
  cloudnet.aks_cilium.hubble_flows:
    src: flows.jsonl.gz
    summarise: true
  register: recorded

- name: Show the connections
  ansible.builtin.debug:
    msg: "{{ item.source.name }} -> {{ item.destination.name }}:{{ item.port }}: {{ item.flows }} flows"
  loop: "{{ recorded.edges }}"
  loop_control:
    label: "{{ item.destination.name }}"
"""

RETURN = r"""
flows:
  description: The flows in time order, each as C(hubble observe -o jsonpb) gives it under C(flow).
  returned: without O(query), O(dest) and O(summarise)
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
  returned: without O(query), O(dest) and O(summarise)
  type: list
  elements: str
  sample:
    - "Nov 30 18:20:11.359: default/testpod:43414 (ID:2615) <> basics/basicdeploy-65ff8695df-p58zr:80 (ID:9727)
      Policy denied DROPPED (TCP Flags: SYN)"
edges:
  description:
    - The flows summarised, sorted by source, destination, protocol and port. An edge goes from the end that opened the
      connection to the end that was asked; answers are counted with it.
  returned: with O(summarise)
  type: list
  elements: dict
  contains:
    source:
      description:
        - The asking end, as C(kind), C(namespace), C(name) and C(owner). C(kind) is V(workload) (C(owner) says of which
          kind), V(service), V(entity) (such as V(host) or V(kube-apiserver)), V(outside) (with C(names) and
          C(addresses)), V(namespace) or V(unknown).
      returned: always
      type: dict
      sample: {kind: workload, namespace: client, name: testpod, owner: Pod}
    destination:
      description: The asked end, as C(source).
      returned: always
      type: dict
      sample: {kind: workload, namespace: basics, name: basicdeploy, owner: Deployment}
    protocol:
      description: Protocol of layer 4; empty when there is none.
      returned: always
      type: str
      sample: TCP
    port:
      description: Port of the asked end; null when there is none.
      returned: always
      type: int
      sample: 80
    flows:
      description: Number of events.
      returned: always
      type: int
      sample: 12
    replies:
      description: How many of them were of the answering direction.
      returned: always
      type: int
      sample: 5
    first_seen:
      description: Time of the first.
      returned: always
      type: str
      sample: "2026-11-30T18:20:11.359123456Z"
    last_seen:
      description: Time of the last.
      returned: always
      type: str
      sample: "2026-11-30T18:21:40.120123456Z"
    verdicts:
      description: Number of events by verdict.
      returned: always
      type: dict
      sample: {DROPPED: 2, FORWARDED: 10}
    drop_reasons:
      description: Number of dropped events by reason.
      returned: always
      type: dict
      sample: {POLICY_DENIED: 2}
    directions:
      description: Number of events by the side that saw them.
      returned: always
      type: dict
      sample: {EGRESS: 6, INGRESS: 6}
    types:
      description: Number of events by type.
      returned: always
      type: dict
      sample: {drop: 2, policy-verdict: 2, trace: 8}
    first_packets:
      description: Verdicts of policies on first packets, by direction.
      returned: always
      type: dict
      sample: {INGRESS: {FORWARDED: 1}}
    allowed_by:
      description:
        - The policies that let first packets through, each with C(direction), C(kind), C(namespace), C(name), C(flows),
          and C(derived_from) for what no object says, such as V(allow-any-ingress).
      returned: always
      type: list
      elements: dict
      sample:
        - {direction: INGRESS, kind: CiliumNetworkPolicy, namespace: basics, name: web, derived_from: "", flows: 1}
    denied_by:
      description: The policies that denied, as C(allowed_by).
      returned: always
      type: list
      elements: dict
      sample: []
written:
  description: The file that was written; in check mode, that would have been.
  returned: with O(dest)
  type: str
  sample: /var/tmp/flows.jsonl.gz
replaced:
  description:
    - Whether O(dest) was not there before, or had another content; in check mode, whether it would have been replaced.
  returned: with O(dest)
  type: bool
  sample: true
ended_by:
  description: What ended O(follow_for) - V(time), V(count) or V(flow).
  returned: with O(follow_for)
  type: str
  sample: time
interruptions:
  description: Connections to the relay that broke and were made anew.
  returned: with O(follow_for)
  type: int
  sample: 0
summary:
  description: Counts of the flows.
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
  description: Who answered, V(relay), V(agents) or V(file).
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
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.filters import FILTER_OPTIONS
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observe import observe, origin_of, plan_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded

SPEC = ArgSpec(
    {
        **FILTER_OPTIONS,
        "exclude": {"type": "dict", "options": FILTER_OPTIONS},
        "stop_when": {"type": "dict", "options": FILTER_OPTIONS},
        "since": {"type": "str"},
        "until": {"type": "str"},
        "last": {"type": "int"},
        "limit": {"type": "int", "default": 1000},
        "follow_for": {"type": "int"},
        "until_count": {"type": "int"},
        "summarise": {"type": "bool", "default": False},
        "src": {"type": "path"},
        "dest": {"type": "path"},
        "dest_format": {"type": "str", "choices": ["jsonpb", "compact"], "default": "jsonpb"},
        "print_node_name": {"type": "bool", "default": False},
        "print_policy_names": {"type": "bool", "default": False},
    },
    mutually_exclusive=[
        ["follow_for", "since"],
        ["follow_for", "until"],
        ["src", "follow_for"],
        ["src", "relay_address"],
    ],
    required_by={"until_count": ["follow_for"], "stop_when": ["follow_for"]},
).merge(READER, QUERY, KUBE)


def action(context: Context) -> Result:
    """Read flows."""
    params = context.params
    plan = plan_of(params, time.time())
    origin = None
    if not plan.src:
        origin = origin_of(
            params,
            partial(connect, params, hide=context.hide),
            lambda kube: partial(exec_in_pod, kube),
            lambda kube: partial(forwarded, kube),
        )
    if plan.request.follow_s:
        context.progress(f"listening to Hubble for {plan.request.follow_s:.0f} s")
    values = observe(plan, origin, writes=not context.check_mode)
    changed = values.get("replaced", False)
    if params["query"] is not None:
        values = {"queried": apply_query(params["query"], values)}
    return Result(changed=changed, values=values)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
