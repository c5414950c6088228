#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_report
short_description: Write what a hardening found, decided and did as HTML, Markdown and JSON
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Puts the results of the stages of a hardening together - each connection with its evidence, its rule and who
    approved it, the policies, the pods that deny by default before and after, the probes.
  - The HTML file needs nothing from elsewhere, follows the reader's light or dark preference, and can be printed.
  - A report that says the same as the one that is there is not written again; the time of writing and the probes do
    not count.
  - Talks to no cluster.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    description: The digests of the report that is there and of the new one.
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  title:
    description: Heading of the report.
    type: str
    default: Network policy hardening
  cluster:
    description: Name or UID of the cluster.
    type: str
    default: ""
  namespaces:
    description: The namespaces that were hardened.
    type: list
    elements: str
    required: true
  evidence_digest:
    description: Digest of the evidence, as M(cloudnet.aks_cilium.network_policy_recommend) returns it.
    type: str
    default: ""
  stages:
    description: What each stage did, in their order.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the stage.
        type: str
        required: true
      outcome:
        description: How it ended.
        type: str
        choices: [passed, changed, skipped, stopped, failed]
        required: true
      text:
        description: One sentence about it.
        type: str
        default: ""
      lines:
        description: What it told.
        type: list
        elements: str
        default: []
  edges:
    description:
      - The connections, as RV(cloudnet.aks_cilium.network_policy_recommend#module:classification) lists them.
    type: list
    elements: dict
    default: []
  reasons:
    description: The rules, as RV(cloudnet.aks_cilium.network_policy_recommend#module:reasons) lists them.
    type: dict
    default: {}
  policies:
    description: The policy documents, as they are in the cluster at the end.
    type: list
    elements: dict
    default: []
  coverage_before:
    description: Per pod, whether it denied by default before. C(namespace), C(workload), C(ingress), C(egress).
    type: list
    elements: dict
    default: []
  coverage_after:
    description: The same at the end.
    type: list
    elements: dict
    default: []
  probes:
    description: Results of M(cloudnet.aks_cilium.connectivity_probe).
    type: list
    elements: dict
    default: []
  warnings:
    description: What a reader must know.
    type: list
    elements: str
    default: []
  html:
    description: File for the report as HTML.
    type: path
  markdown:
    description: File for the report as Markdown.
    type: path
  json:
    description: File for the report as data. Without it the other formats are compared as a whole.
    type: path
seealso:
  - module: cloudnet.aks_cilium.network_policy_drift
"""

EXAMPLES = r"""
- name: Write the report for the people who approve
  cloudnet.aks_cilium.network_policy_report:
    title: Shop on aksciliumlab
    namespaces: [shop, backend]
    stages:
      - {name: detect, outcome: passed, text: Cilium 1.20.2 with Hubble relay}
    edges: "{{ recommended.classification }}"
    reasons: "{{ recommended.reasons }}"
    html: reports/hardening.html
    markdown: reports/hardening.md
    json: reports/hardening.json
  register: report

- name: Say where it lies
  ansible.builtin.debug:
    msg: "{{ report.files | map(attribute='path') | list }}"
"""

RETURN = r"""
digest:
  description: SHA-256 of what the report says.
  returned: success
  type: str
  sample: 5a0b6a6d2f6f0c1f4c3b2a1908f7e6d5c4b3a29181706f5e4d3c2b1a09f8e7d6
lines:
  description: The report in a few lines.
  returned: success
  type: list
  elements: str
  sample: ["17 kinds of connections seen: 16 will be allowed, 1 denied, 0 wait for an approval"]
summary:
  description: The counts of the report.
  returned: success
  type: dict
  sample: {edges: 17, allowed: 16, denied: 1, waiting: 0, policies: 12}
files:
  description: The files, and whether each was (or, in check mode, would be) written.
  returned: success
  type: list
  elements: dict
  sample: [{format: html, path: reports/shop.html, changed: true}]
  contains:
    format:
      description: V(html), V(markdown) or V(json).
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
    code: InvalidEdge
    option: edges
    message: "edges: an edge needs a connection such as 'a -> b:80/TCP': {}."
"""

import time

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.report import OUTCOMES, build_report
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.reporting import FORMATS, write_report

STAGE = {
    "name": {"type": "str", "required": True},
    "outcome": {"type": "str", "choices": list(OUTCOMES), "required": True},
    "text": {"type": "str", "default": ""},
    "lines": {"type": "list", "elements": "str", "default": []},
}
SPEC = ArgSpec(
    {
        "title": {"type": "str", "default": "Network policy hardening"},
        "cluster": {"type": "str", "default": ""},
        "namespaces": {"type": "list", "elements": "str", "required": True},
        "evidence_digest": {"type": "str", "default": ""},
        "stages": {"type": "list", "elements": "dict", "default": [], "options": STAGE},
        "edges": {"type": "list", "elements": "dict", "default": []},
        "reasons": {"type": "dict", "default": {}},
        "policies": {"type": "list", "elements": "dict", "default": []},
        "coverage_before": {"type": "list", "elements": "dict", "default": []},
        "coverage_after": {"type": "list", "elements": "dict", "default": []},
        "probes": {"type": "list", "elements": "dict", "default": []},
        "warnings": {"type": "list", "elements": "str", "default": []},
        "html": {"type": "path"},
        "markdown": {"type": "path"},
        "json": {"type": "path"},
    },
    required_one_of=[["html", "markdown", "json"]],
)


def action(context: Context) -> Result:
    """Build the report, then write the formats that are wanted."""
    params = context.params
    given = {name: params[name] for name in SPEC.options if name not in FORMATS}
    report = build_report(created_s=time.time(), **given)
    return write_report(report, {name: params[name] for name in FORMATS}, check_mode=context.check_mode)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
