#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: connectivity_probe
short_description: Try connections from real pods and prove each outcome by its Hubble verdict
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Opens connections from running pods, many at the same time, and compares what happened with what is expected.
  - Each attempt uses a local port of its own, so that the flows of this very connection are found in Hubble; an echo
    (ICMP), which has no port, is found by its pod, its address and its time. A probe passes when the client's outcome
    and the verdict agree with O(probes[].expect).
  - An allowed connection is proved by a policy verdict or the arrival at the receiving side, or by the reply, and a
    denied one by a denied verdict or a drop that a policy decided. C(FORWARDED) at the sender proves nothing.
  - A datagram (UDP) need not be answered. It counts as allowed when it arrives at the receiver, whether somebody
    answers, the receiver says that nobody listens there, or nothing comes back. One to an address outside of the
    cluster counts as allowed when it leaves the cluster, since nobody there tells more.
  - A pod whose image has no shell or no client can be probed from by a short-lived pod with the same labels and service
    account, see O(probes[].from.client) and O(client_pods).
  - A probe that is not as expected is tried again, with a new connection, until O(settle_timeout) is over, because a
    change of policy takes a moment to reach the nodes.
  - For a connection that is not as expected the result tells both sides, what the client saw and what Hubble saw at the
    sender and at the receiver, the policies that have a say there, and the command that shows more.
  - In check mode no command is run in any pod, and no pod is made; every result then says that it was skipped.
options:
  probes:
    description: The connections to try, one at least.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the probe in results; made of both ends when not set.
        type: str
      from:
        description:
          - The pod that connects. Exactly one of O(probes[].from.pod), O(probes[].from.selector) and
            O(probes[].from.client) is needed.
        type: dict
        required: true
        suboptions:
          namespace:
            description: Namespace of the pod.
            type: str
            required: true
          pod:
            description: Name of the pod.
            type: str
          selector:
            description: Label selector, such as C(app=web). The first ready pod is taken.
            type: str
          container:
            description: Container to run the client in; the pod's default container when not set.
            type: str
          client:
            description:
              - A short-lived pod that is made for the run and removed at its end. Policies select it as they select the
                workload that it is like. Probes that ask for the same one share it.
              - It fits the Pod Security profile V(restricted), mounts no token, ends by itself when the run is killed,
                and is never ready, so that no Service sends it traffic. Leftovers of killed runs are removed by the
                next run that makes a client pod in that namespace.
            type: dict
            suboptions:
              like:
                description:
                  - C(KIND/NAME) of the workload whose labels, service account, node selector, affinity, tolerations and
                    pull secrets it takes over. C(Deployment), C(StatefulSet), C(DaemonSet), C(ReplicaSet), C(Job),
                    C(CronJob) or C(Pod).
                  - One of this and O(probes[].from.client.labels) is needed.
                type: str
              labels:
                description: Labels, beside those that are taken over or in their place.
                type: dict
              service_account:
                description: Service account, which policies may select by. That of the workload when not set.
                type: str
              image:
                description: Image; O(client_image) when not set.
                type: str
      to:
        description:
          - Where it connects to. One of O(probes[].to.url), O(probes[].to.host) with O(probes[].to.port) (for TCP and
            UDP) or without (for ICMP), or O(probes[].to.dns).
        type: dict
        required: true
        suboptions:
          url:
            description: An C(http) or C(https) URL, requested with C(curl). Redirects are not followed.
            type: str
          host:
            description:
              - Name or address of a server. For TCP only the connection is opened, with C(curl). For UDP one datagram
                is sent. For ICMP one echo is asked for, with C(ping); the address of a Service answers none.
            type: str
          port:
            description: Port of O(probes[].to.host).
            type: int
          payload:
            description:
              - What the datagram of a UDP probe carries, up to 1000 bytes. A server that answers only what it
                understands needs it to answer; for the proof it does not matter.
              - When not set, it is a line that names this collection.
            type: str
          dns:
            description: A name to resolve, with C(getent).
            type: str
      protocol:
        description:
          - Follows from O(probes[].to), and is checked against it when set. With O(probes[].to.host) it is V(tcp), and
            V(udp) and V(icmp) are to be chosen.
        type: str
        choices: [http, tcp, udp, icmp, dns]
      expect:
        description: Whether the connection should come about.
        type: str
        choices: [allow, deny]
        required: true
      expect_status:
        description: HTTP status that an allowed request must have, from 100 to 599; any when not set.
        type: int
      timeout:
        description: Seconds that the client waits for an answer, from 1 to 300.
        type: int
        default: 5
  verdict:
    description:
      - V(required) - flows must prove the outcome.
      - V(optional) - flows are read, and must not contradict the outcome.
      - V(off) - only the client's outcome counts. A timeout then passes for a denial, but not for UDP, where silence
        means nothing. Use it where Hubble is off.
    type: str
    choices: [required, optional, 'off']
    default: required
  verdict_timeout:
    description: Seconds to wait for the flows of an attempt.
    type: int
    default: 10
  settle_timeout:
    description:
      - Seconds during which a probe that is not as expected is tried again; V(0) for a single attempt. They begin when
        all probes have been tried once.
    type: int
    default: 15
  connections_per_pod:
    description:
      - Connections at the same time from one pod, from 1 to 100. The clients share the memory limit of the container,
        about 4 MiB each.
    type: int
    default: 8
  client_pods:
    description:
      - V(when_asked) - a short-lived pod is made only for O(probes[].from.client).
      - V(when_needed) - also in place of a pod that lacks the programs for a probe, with its labels and service
        account.
    type: str
    choices: [when_asked, when_needed]
    default: when_asked
  client_image:
    description:
      - Image of short-lived pods, with C(sh), C(sleep), C(timeout) and the clients that the probes need.
      - It must run as a user that is not root, with a read-only file system.
    type: str
    default: nginx:1.26
  fail_on_mismatch:
    description: Whether the task fails when a connection is not as expected.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Nothing is run in a pod, and no pod is made; the results say that they were skipped.
  diff_mode:
    support: none
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
  - cloudnet.aks_cilium.hubble
requirements:
  - C(sh) and C(date) in the pod
  - C(curl) in the pod for HTTP and TCP, C(getent) and C(timeout) for DNS, C(ping) and C(timeout) for ICMP, C(bash),
    C(readlink) and C(timeout), or C(nc) and C(timeout), for UDP
  - grpcio (Python package), unless O(source=agents) or O(verdict=off)
  - protobuf 4.22 or later (Python package), unless O(source=agents) or O(verdict=off)
notes:
  - It needs the rights to get and create C(pods/exec) and to get and list C(pods) in the namespaces that it probes
    from. For verdicts it needs the rights to get services and pods, and to create C(pods/portforward) or C(pods/exec),
    in O(cilium_namespace).
  - For short-lived pods it needs the rights to create and delete C(pods), to get C(serviceaccounts) and the workload,
    and to list C(services).
  - To name policies that make a pod deny by default, it needs the rights to get namespaces, and to list
    C(networkpolicies), C(ciliumnetworkpolicies) and C(ciliumclusterwidenetworkpolicies). Without them only the names
    are missing.
  - A short-lived pod has one label more than its workload (C(cloudnet.aks-cilium/probe-client)), and so an identity of
    its own in Cilium.
seealso:
  - module: cloudnet.aks_cilium.cilium_policy
  - module: cloudnet.aks_cilium.hubble_flows
  - plugin: cloudnet.aks_cilium.connection_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: The client may, a stranger may not
  cloudnet.aks_cilium.connectivity_probe:
    kubeconfig: ~/.kube/aksciliumlab
    probes:
      - from: {namespace: client, pod: client}
        to: {url: http://basicdeploy.basics}
        expect: allow
        expect_status: 200
      - from: {namespace: default, pod: testpod}
        to: {url: http://basicdeploy.basics}
        expect: deny
      - from: {namespace: basics, selector: app=basicdeploy}
        to: {dns: kubernetes.default.svc.cluster.local}
        expect: allow
  register: probed

- name: Show them as a table
  cloudnet.aks_cilium.show_text:
    title: Connections
    lines: "{{ probed.results | cloudnet.aks_cilium.connection_table }}"

- name: Datagrams, echoes, and a short-lived pod in place of a workload whose image has no shell
  cloudnet.aks_cilium.connectivity_probe:
    kubeconfig: ~/.kube/aksciliumlab
    probes:
      - from: {namespace: shop, selector: app=web}
        to: {host: kube-dns.kube-system, port: 53}
        protocol: udp
        expect: allow
      - from: {namespace: basics, selector: app=basicdeploy}
        to: {host: 1.1.1.1}
        protocol: icmp
        expect: deny
      - from: {namespace: shop, client: {like: Deployment/cart}}
        to: {host: api.backend, port: 80}
        expect: allow

- name: Look without failing, and tell the stories of what is not as expected
  cloudnet.aks_cilium.connectivity_probe:
    kubeconfig: ~/.kube/aksciliumlab
    fail_on_mismatch: false
    probes:
      - from: {namespace: default, pod: testpod}
        to: {host: web.shop, port: 80}
        expect: deny
  register: looked

- name: Show the stories
  ansible.builtin.debug:
    msg: "{{ looked.results | rejectattr('passed') | map(attribute='story') | list }}"
"""

RETURN = r"""
msg:
  description:
    - One sentence that names the connections which are not as expected, of many the first ones; absent when all are.
      When the task fails, the story of the first one follows.
  returned: when a connection is not as expected
  type: str
  sample: >-
    1 of 6 connections are not as expected: default/testpod -> http://basicdeploy.basics: expected deny, was allowed
    (HTTP 200, verdict FORWARDED, ingress: CiliumNetworkPolicy basics/foreign-allow)
passed:
  description: Whether all probes that were run are as expected.
  returned: success
  type: bool
  sample: true
results:
  description:
    - One entry for each probe, in their order. When the task fails they are in C(failure.details.results).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the probe.
      returned: always
      type: str
      sample: default/testpod -> http://basicdeploy.basics
    from:
      description: The pod that connected; for a short-lived pod, what it stands for.
      returned: always
      type: str
      sample: default/testpod
    to:
      description: Where to.
      returned: always
      type: str
      sample: http://basicdeploy.basics
    protocol:
      description: V(http), V(tcp), V(udp), V(icmp) or V(dns).
      returned: always
      type: str
      sample: http
    expected:
      description: V(allow) or V(deny).
      returned: always
      type: str
      sample: deny
    outcome:
      description: V(allowed), V(denied), V(error), or V(skipped) in check mode.
      returned: always
      type: str
      sample: denied
    passed:
      description: Whether outcome and verdict are as expected.
      returned: always
      type: bool
      sample: true
    reason:
      description: Why it did not pass; what the client and what Hubble saw.
      returned: always
      type: str
      sample: ""
    observed:
      description: What the client saw in a few words.
      returned: always
      type: str
      sample: exit 28 (timed out)
    attempts:
      description: Number of connections that were opened.
      returned: always
      type: int
      sample: 1
    client:
      description: What the client reported in the last attempt.
      returned: always
      type: dict
      contains:
        pod:
          description: The pod that it ran in; empty when it was not run.
          returned: always
          type: str
          sample: default/testpod
        node:
          description: The node of that pod.
          returned: always
          type: str
          sample: aks-system-12345678-vmss000000
        short_lived:
          description: Whether that pod was made for this run.
          returned: always
          type: bool
          sample: false
        exit_code:
          description:
            - Exit status of C(curl), C(getent) or C(ping), in the meaning of C(curl) for UDP; -1 when it was not run.
          returned: always
          type: int
          sample: 28
        http_status:
          description: HTTP status; 0 when there was none.
          returned: always
          type: int
          sample: 0
        local_port:
          description: Local port; 0 when no connection came about, and for ICMP and DNS.
          returned: always
          type: int
          sample: 0
        remote_ip:
          description:
            - Address that the client connected to, for UDP behind a Service that of its pod where the client knows it;
              empty when no connection came about.
          returned: always
          type: str
          sample: ""
        addresses:
          description: Addresses that a name was resolved to.
          returned: always
          type: list
          elements: str
          sample: []
        time_s:
          description: Seconds that the answer took, or that it was waited for.
          returned: always
          type: float
          sample: 5.002
        stderr:
          description: What the client complained about.
          returned: always
          type: str
          sample: "curl: (28) Connection timed out after 5002 milliseconds"
    verdict:
      description: Verdict of the flow that proves the outcome best, such as V(FORWARDED) or V(DROPPED); empty without.
      returned: always
      type: str
      sample: DROPPED
    direction:
      description: V(ingress) when the verdict is of the receiving side, V(egress) when of the sending side.
      returned: always
      type: str
      sample: ingress
    drop_reason:
      description: Reason of a drop.
      returned: always
      type: str
      sample: POLICY_DENIED
    policies:
      description: The policies that the flows name, with direction and effect.
      returned: always
      type: list
      elements: dict
      sample: []
    decided_by:
      description: What decided, as text.
      returned: always
      type: str
      sample: "ingress: no rule allows it, default deny by CiliumNetworkPolicy basics/cilium101-default-deny"
    default_deny:
      description: Policies that make the denying pod deny by default.
      returned: always
      type: list
      elements: str
      sample: [CiliumNetworkPolicy basics/cilium101-default-deny]
    flows:
      description: The first flows of the connection, as C(hubble observe) prints them.
      returned: always
      type: list
      elements: str
      sample:
        - "Nov 30 18:20:11.359: default/testpod:43414 (ID:2615) <> basics/basicdeploy-65ff8695df-p58zr:80 (ID:9727)
          policy-verdict:none INGRESS DENIED (TCP Flags: SYN)"
    story:
      description:
        - Both sides of a connection that is not as expected, as one paragraph - what the client saw, what Hubble saw at
          the sender and at the receiver, and the policies that have a say there. Empty when it passed.
      returned: always
      type: str
      sample: >-
        shop/web-7d4b9c-x2x1p on node n1 tried ledger.shop:5432, and saw: exit 28 (timed out) after 5 s. At the sender
        it went out, and no policy had a say. At the receiver shop/ledger-0 (node n2) it was denied on the way in
        (POLICY_DENIED). Policies that make shop/ledger-0 deny by default (ingress): CiliumNetworkPolicy shop/ledger.
        Policies that make shop/web-7d4b9c-x2x1p deny by default (egress): none. No ingress rule there allows this: look
        at whom it comes from, the port and the protocol.
    next_command:
      description: The command that shows more of a connection that is not as expected; empty where there is none.
      returned: always
      type: str
      sample: kubectl --namespace shop get ciliumnetworkpolicies ledger --output yaml
    endpoints:
      description:
        - The pods of the connection, each with the policies that make it deny by default, by direction, and whether
          they could be read (C(known)).
      returned: for a probe that did not pass
      type: list
      elements: dict
      sample:
        - pod: basics/basicdeploy-65ff8695df-p58zr
          ingress: [CiliumNetworkPolicy basics/cilium101-default-deny]
          egress: []
          known: true
    skipped_because:
      description: Why the probe was not run; empty when it was.
      returned: always
      type: str
      sample: ""
incomplete_because:
  description: Why flows may be missing from the evidence, each reason as a sentence.
  returned: success
  type: list
  elements: str
  sample: []
source:
  description: Who was asked for flows, V(relay) or V(agents); empty when nobody was.
  returned: success
  type: str
  sample: relay
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

from contextlib import nullcontext
from functools import partial

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.argspec import READER
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observe import origin_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.clients import ClientPods
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.judge import skipped_document
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import CONNECTION_OPTIONS, required_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.run import (
    ProbeRun,
    mismatches,
    require_passed,
    settings_of,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.verdicts import LastingReader

SPEC = ArgSpec(
    {
        "probes": {"type": "list", "elements": "dict", "required": True, "options": CONNECTION_OPTIONS},
        "verdict": {"type": "str", "choices": ["required", "optional", "off"], "default": "required"},
        "verdict_timeout": {"type": "int", "default": 10},
        "settle_timeout": {"type": "int", "default": 15},
        "connections_per_pod": {"type": "int", "default": 8},
        "client_pods": {"type": "str", "choices": ["when_asked", "when_needed"], "default": "when_asked"},
        "client_image": {"type": "str", "default": "nginx:1.26"},
        "fail_on_mismatch": {"type": "bool", "default": True},
    }
).merge(READER, KUBE)


def action(context: Context) -> Result:
    """Probe, or say what would be probed."""
    params = context.params
    probes = required_probes(params["probes"])
    settings = settings_of(params)
    if context.check_mode:
        skipped = [skipped_document(probe, "check mode runs nothing in pods") for probe in probes]
        return Result(values={"passed": True, "results": skipped, "incomplete_because": [], "source": ""})
    kube = connect(params, hide=context.hide)
    execute = partial(exec_in_pod, kube)
    origin = origin_of(params, lambda: kube, lambda client: execute, lambda client: partial(forwarded, client))
    opened = nullcontext(None) if settings.verdict == "off" else LastingReader(origin.opened)
    clients = ClientPods(kube, params["client_image"], settings.lifetime_s(probes), warn=context.warn)
    with clients, opened as reader:
        run = ProbeRun(kube, execute, reader, settings, clients=clients, progress=context.progress)
        results = run.run(probes)
    if params["fail_on_mismatch"]:
        require_passed(results)
    values = {
        "passed": all(result["passed"] for result in results),
        "results": results,
        "incomplete_because": run.problems,
        "source": reader.source if reader is not None else "",
    }
    return Result(values=values, message=mismatches(results))


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
