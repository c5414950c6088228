#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: flow_report
short_description: Write who talks to whom, what was dropped and who is protected as one HTML page, JSON and Markdown
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Reads the flows that Hubble still has, or a file of flows, and writes a report of some namespaces or of the whole
    cluster - a service map with the outcome of each connection, a matrix of who talks to whom, all drops with their
    reason and the policies behind them, and the pods that deny by default.
  - The HTML page is one file that needs nothing from elsewhere. It can be read with 5 and with 500 workloads, follows
    the reader's light or dark preference, can be used by keyboard, and prints.
  - With an earlier report (O(before)) both stand side by side, with what is different.
  - The same flows, pods and policies give the same files, byte for byte. The time in the report is that of its newest
    flow. A file is written only where its content changes. Where no file is named, the result alone tells what is seen.
options:
  title:
    description: Heading of the report.
    type: str
    default: Flows
  cluster:
    description: Name of the cluster, as the report should show it.
    type: str
    default: ""
  namespaces:
    description: Namespaces that the report is about, with all that they talk to. All, when none is named.
    type: list
    elements: str
    default: []
  since:
    description: Only flows from this time on - C(90s), C(3m), C(1h30m), C(2d) ago, or an RFC 3339 time.
    type: str
  until:
    description: Only flows until this time, written as O(since).
    type: str
  last:
    description: Only the newest so many flows of each node. Without it, and without O(since), all that Hubble has.
    type: int
  flows_path:
    description:
      - File of flows, one JSON document a line, as C(hubble observe -o jsonpb) prints them; gzip is understood too.
      - No cluster is then asked for flows. Pods and policies are read only where O(kubeconfig) or O(host) is given; so
        it is with O(relay_address).
    type: path
  before:
    description:
      - An earlier report to compare with, such as the one from before a hardening - the path of the file that O(json)
        wrote, or the report itself.
    type: raw
  html:
    description: File for the report as a page. Missing directories are made.
    type: path
  json:
    description: File for the report as data, in the format that C(docs/flow-report.md) describes.
    type: path
  markdown:
    description: File for the report as Markdown.
    type: path
attributes:
  check_mode:
    support: full
    description: Reads everything, and writes no file.
  diff_mode:
    support: full
    description: The digests of the files that are there and of the new ones.
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
  - cloudnet.aks_cilium.hubble
requirements:
  - grpcio (Python package), unless O(source=agents) or O(flows_path)
  - protobuf 4.22 or later (Python package), unless O(source=agents) or O(flows_path)
notes:
  - A node keeps its last 4,095 events by default, of all pods. What is older cannot be read.
  - Hubble names no policy for a connection that is denied only because no rule allows it. The report then names the
    policies that close the refusing pod now.
  - O(request_timeout) is also the time for Hubble's whole answer. A large cluster may need more than its default.
  - Needs the rights of M(cloudnet.aks_cilium.hubble_flows). Where pods and policies may not be read, the report says so
    and has no coverage.
seealso:
  - module: cloudnet.aks_cilium.hubble_flows
  - module: cloudnet.aks_cilium.network_policy_coverage
  - module: cloudnet.aks_cilium.network_policy_report
"""

EXAMPLES = r"""
- name: Report what the shop did in the last ten minutes
  cloudnet.aks_cilium.flow_report:
    kubeconfig: ~/.kube/aksciliumlab
    namespaces: [shop, backend]
    since: 10m
    html: reports/shop.html
    json: reports/shop.json
  register: report

- name: Show it in a few lines
  cloudnet.aks_cilium.show_text:
    title: Flows of the shop
    lines: "{{ report.lines }}"

- name: The same after it was hardened, beside what it was before
  cloudnet.aks_cilium.flow_report:
    kubeconfig: ~/.kube/aksciliumlab
    namespaces: [shop, backend]
    since: 10m
    before: reports/shop.json
    html: reports/shop-hardened.html

- name: A report of flows that somebody recorded, without a cluster
  cloudnet.aks_cilium.flow_report:
    flows_path: flows.jsonl.gz
    markdown: reports/flows.md
"""

RETURN = r"""
lines:
  description: The report in a few lines.
  returned: success
  type: list
  elements: str
  sample:
    - "5 workloads in 2 namespaces, 12 connections: 2 denied, 10 allowed"
    - 843 flows from 2026-11-30T18:00:00.123456789Z to 2026-11-30T18:09:59.987654321Z
    - "ingress: 6 of 6 pods deny by default"
    - "egress: 4 of 6 pods deny by default"
drops:
  description: The most frequent drops, one line each; 20 at most.
  returned: success
  type: list
  elements: str
  sample:
    - "default/Pod/testpod -> shop/Deployment/web:8080/TCP  4 times, ingress of the receiver: no rule allows it
      (POLICY_DENIED); default deny by CiliumNetworkPolicy shop/default-deny"
summary:
  description: The counts of the report.
  returned: success
  type: dict
  sample:
    workloads: 5
    namespaces: 2
    connections: 12
    outcomes: {allowed: 10, audited: 0, both: 0, denied: 2, lost: 0}
    drops: 2
    refused: 8
    pods: 6
    ingress_enforced: 6
    egress_enforced: 4
files:
  description: The files, and whether each was (or, in check mode, would be) written.
  returned: success
  type: list
  elements: dict
  sample: [{format: html, path: reports/shop.html, changed: true}]
  contains:
    format:
      description: V(html), V(json) or V(markdown).
      returned: always
      type: str
      sample: html
    path:
      description: The file.
      returned: always
      type: str
      sample: reports/shop.html
    changed:
      description: Whether it was written.
      returned: always
      type: bool
      sample: true
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: InvalidInput
    code: InvalidReport
    option: before
    message: "before is no report of flows of the schema cloudnet.aks_cilium/flow-report/v1, found None."
    remedy: Give the JSON file that an earlier run of flow_report wrote.
"""

import time
from functools import partial

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.document import Observed, build_report
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.argspec import READER
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observe import origin_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.flowreporting import (
    FORMATS,
    check_namespaces,
    check_paths,
    earlier_report,
    flows_of_file,
    flows_of_reader,
    request_of,
    with_coverage,
    write_flow_report,
)

SPEC = ArgSpec(
    {
        "title": {"type": "str", "default": "Flows"},
        "cluster": {"type": "str", "default": ""},
        "namespaces": {"type": "list", "elements": "str", "default": []},
        "since": {"type": "str"},
        "until": {"type": "str"},
        "last": {"type": "int"},
        "flows_path": {"type": "path"},
        "before": {"type": "raw"},
        "html": {"type": "path"},
        "json": {"type": "path"},
        "markdown": {"type": "path"},
    },
    mutually_exclusive=[["flows_path", "last"], ["flows_path", "relay_address"]],
).merge(READER, KUBE)


def observed(context: Context) -> Observed:
    """The flows of the file or of Hubble, and the coverage of the cluster's pods where there is a cluster."""
    params, hide = context.params, context.hide
    request = request_of(params, time.time())
    elsewhere = params["flows_path"] or params["relay_address"]
    kube = connect(params, hide=hide) if not elsewhere or params["kubeconfig"] or params["host"] else None
    if kube is not None:
        check_namespaces(kube, params["namespaces"])
    if params["flows_path"]:
        seen = flows_of_file(params["flows_path"], request)
    else:
        origin = origin_of(
            params,
            lambda: kube or connect(params, hide=hide),
            lambda client: partial(exec_in_pod, client),
            lambda client: partial(forwarded, client),
        )
        with origin.opened() as reader:
            seen = flows_of_reader(reader, request)
    return seen if kube is None else with_coverage(seen, kube, params["namespaces"], params["cilium_namespace"])


def action(context: Context) -> Result:
    """Read the flows, build the report, write the formats that are wanted."""
    params = context.params
    check_paths(params)
    before = earlier_report(params["before"])
    report = build_report(
        observed(context),
        title=params["title"],
        cluster=params["cluster"],
        namespaces=params["namespaces"],
        before=before,
    )
    return write_flow_report(report, {name: params[name] for name in FORMATS}, check_mode=context.check_mode)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
