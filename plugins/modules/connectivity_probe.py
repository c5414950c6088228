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
  - Opens connections from running pods, in parallel, and compares what happened with what is expected.
  - Each attempt uses local ports of its own, so that the flows of this very connection are found in Hubble. A probe
    passes when the client's outcome and the verdict agree with O(probes[].expect).
  - An allowed connection is proved by a policy verdict or the arrival at the receiving side, or by the reply, and a
    denied one by a denied verdict or a drop that a policy decided. C(FORWARDED) at the sender proves nothing.
  - A probe that is not as expected is tried again, with a new connection, until O(settle_timeout) is over, because a
    change of policy takes a moment to reach the nodes.
  - In check mode no command is run in any pod; every result then says that it was skipped.
options:
  probes:
    description: The connections to try.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the probe in results; made of both ends when not set.
        type: str
      from:
        description: The pod that connects. Exactly one of O(probes[].from.pod) and O(probes[].from.selector) is needed.
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
      to:
        description:
          - Where it connects to. One of O(probes[].to.url), O(probes[].to.host) with O(probes[].to.port), or
            O(probes[].to.dns).
        type: dict
        required: true
        suboptions:
          url:
            description: An C(http) or C(https) URL, requested with C(curl). Redirects are not followed.
            type: str
          host:
            description: Name or address of a TCP server; with C(curl) only the connection is opened.
            type: str
          port:
            description: TCP port of O(probes[].to.host).
            type: int
          dns:
            description: A name to resolve, with C(getent).
            type: str
      protocol:
        description: Follows from O(probes[].to), and is checked against it when set.
        type: str
        choices: [http, tcp, dns]
      expect:
        description: Whether the connection should come about.
        type: str
        choices: [allow, deny]
        required: true
      expect_status:
        description: HTTP status that an allowed request must have; any when not set.
        type: int
      timeout:
        description: Seconds that the client waits for an answer, from 1 to 300.
        type: int
        default: 5
  verdict:
    description:
      - V(required) - flows must prove the outcome.
      - V(optional) - flows are read, and must not contradict the outcome.
      - V(off) - only the client's outcome counts. A timeout then passes for a denial. Use it where Hubble is off.
    type: str
    choices: [required, optional, 'off']
    default: required
  verdict_timeout:
    description: Seconds to wait for the flows of an attempt.
    type: int
    default: 10
  settle_timeout:
    description: Seconds during which a probe that is not as expected is tried again; V(0) for a single attempt.
    type: int
    default: 15
  fail_on_mismatch:
    description: Whether the task fails when a connection is not as expected.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Nothing is run in a pod; the results say that they were skipped.
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
  - C(curl) in the pod for HTTP and TCP, C(getent) and C(timeout) for DNS
  - grpcio (Python package), unless O(source=agents) or O(verdict=off)
  - protobuf 4.22 or later (Python package), unless O(source=agents) or O(verdict=off)
seealso:
  - module: cloudnet.aks_cilium.cilium_policy
  - module: cloudnet.aks_cilium.hubble_flows
  - plugin: cloudnet.aks_cilium.connection_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: The client may, the rest may not
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
  ansible.builtin.debug:
    msg: "{{ probed.results | cloudnet.aks_cilium.connection_table | join('\n') }}"
"""

RETURN = r"""
msg:
  description: One sentence that names each connection which is not as expected; absent when all are.
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
      description: The pod that connected.
      returned: always
      type: str
      sample: default/testpod
    to:
      description: Where to.
      returned: always
      type: str
      sample: http://basicdeploy.basics
    protocol:
      description: V(http), V(tcp) or V(dns).
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
        exit_code:
          description: Exit status of C(curl) or C(getent); -1 when it was not run.
          returned: always
          type: int
          sample: 28
        http_status:
          description: HTTP status; 0 when there was none.
          returned: always
          type: int
          sample: 0
        local_port:
          description: Local port; 0 when no connection came about.
          returned: always
          type: int
          sample: 0
        remote_ip:
          description: Address that the client connected to; empty when no connection came about.
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
          description: Seconds that the request took.
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
    endpoints:
      description: The pods of the connection, each with the policies that make it deny by default, by direction.
      returned: for a probe that did not pass
      type: list
      elements: dict
      sample:
        - pod: basics/basicdeploy-65ff8695df-p58zr
          ingress: [CiliumNetworkPolicy basics/cilium101-default-deny]
          egress: []
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
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.client import open_reader
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.judge import skipped_document
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import PROBE_OPTIONS, parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.run import (
    ProbeRun,
    mismatches,
    require_passed,
    settings_of,
)

SPEC = ArgSpec(
    {
        "probes": {"type": "list", "elements": "dict", "required": True, "options": PROBE_OPTIONS},
        "verdict": {"type": "str", "choices": ["required", "optional", "off"], "default": "required"},
        "verdict_timeout": {"type": "int", "default": 10},
        "settle_timeout": {"type": "int", "default": 15},
        "fail_on_mismatch": {"type": "bool", "default": True},
    }
).merge(READER, KUBE)


def action(context: Context) -> Result:
    """Probe, or say what would be probed."""
    params = context.params
    probes = parse_probes(params["probes"])
    settings = settings_of(params)
    if context.check_mode:
        skipped = [skipped_document(probe, "check mode runs nothing in pods") for probe in probes]
        return Result(values={"passed": True, "results": skipped, "incomplete_because": [], "source": ""})
    kube = connect(params, hide=context.hide)
    execute = partial(exec_in_pod, kube)
    opened = (
        nullcontext(None)
        if settings.verdict == "off"
        else open_reader(
            kube, execute, partial(forwarded, kube), source=params["source"], namespace=params["cilium_namespace"]
        )
    )
    with opened as reader:
        run = ProbeRun(kube, execute, reader, settings, progress=context.progress)
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
