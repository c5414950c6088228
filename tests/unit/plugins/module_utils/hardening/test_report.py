# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report says what was found, escapes what comes from a cluster, and has one digest for what it says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.report import build_report, summary_lines
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.report_html import report_html
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.report_markdown import report_markdown

CALL = "shop/Deployment/web -> shop/Deployment/api:8080/TCP"
EDGE: Json = {
    "connection": CALL,
    "egress": 7,
    "ingress": 6,
    "denied": 0,
    "first": 1796075542.0,
    "last": 1796075600.0,
    "kind": "needed",
    "allowed": True,
    "reason": "seen 7 times",
    "approved_by": "",
}
REASONS: Json = {
    "CiliumNetworkPolicy shop/learned-deployment-api spec.ingress[0]": {"text": "TCP/8080", "edges": [CALL]}
}
SUSPICIOUS: Json = {
    **EDGE,
    "connection": "shop/Deployment/web -> world <script>:80/TCP",
    "allowed": False,
    "kind": "suspicious",
    "reason": "the metadata | address",
}
POLICY: Json = {
    "apiVersion": "cilium.io/v2",
    "kind": "CiliumNetworkPolicy",
    "metadata": {"name": "learned-deployment-api", "namespace": "shop"},
    "spec": {
        "description": "web calls it",
        "endpointSelector": {},
        "ingress": [{}],
        "enableDefaultDeny": {"ingress": True, "egress": False},
    },
}
BEFORE = [{"namespace": "shop", "workload": "Deployment/api", "ingress": False, "egress": False}]
AFTER = [{"namespace": "shop", "workload": "Deployment/api", "ingress": True, "egress": False}]


def report(**changes: Any) -> Json:
    given: dict[str, Any] = {
        "title": "Shop & Co",
        "cluster": "uid-1",
        "namespaces": ["shop"],
        "created_s": 1796075700.0,
        "evidence_digest": "sha256:0123456789abcdef",
        "stages": [{"name": "detect", "outcome": "passed", "text": "fine", "lines": ["Cilium 1.20.2"]}],
        "edges": [EDGE, SUSPICIOUS],
        "reasons": REASONS,
        "policies": [POLICY],
        "coverage_before": BEFORE,
        "coverage_after": AFTER,
        "probes": [{"name": "stranger", "expected": "deny", "outcome": "denied", "decided_by": "no rule"}],
        "warnings": ["look at <this>"],
    }
    return build_report(**{**given, **changes})


class Page(HTMLParser):
    """Collects the tags, what they refer to, and whether they are closed."""

    VOID = ("meta", "br", "wbr", "link", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.references: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_counts_what_will_be_allowed_denied_and_asked() -> None:
    summary = report()["summary"]
    assert (summary["allowed"], summary["denied"], summary["waiting"]) == (1, 0, 1)
    assert summary["enforced_before"] == {"ingress": 0, "egress": 0}
    assert summary["enforced_after"] == {"ingress": 1, "egress": 0}
    assert "ingress: 1 of 1 pod denies by default (before: 0)" in summary_lines(report())


def test_the_page_is_whole_and_refers_to_nothing() -> None:
    text = report_html(report())
    page = Page(text)
    assert page.open == []
    assert page.references == []
    assert not page.tags & {"script", "link", "img", "iframe"}
    assert not re.search(r"https?://|@import|url\(", text)


def test_the_page_escapes_what_comes_from_a_cluster() -> None:
    text = report_html(report())
    assert "world &lt;script&gt;" in text
    assert "look at &lt;this&gt;" in text
    assert "Shop &amp; Co" in text


def test_the_page_follows_the_readers_scheme_and_prints() -> None:
    text = report_html(report())
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_an_edge_has_its_evidence_and_its_rule() -> None:
    edge = next(edge for edge in report()["edges"] if edge["allowed"])
    assert (edge["source"], edge["destination"], edge["port"]) == (
        "shop/Deployment/web",
        "shop/Deployment/api",
        "8080/TCP",
    )
    assert (edge["count"], edge["last"]) == (7, "2026-11-30 21:53:20 UTC")
    assert edge["rules"] == ["CiliumNetworkPolicy shop/learned-deployment-api spec.ingress[0]"]


def test_markdown_keeps_its_tables_whole() -> None:
    text = report_markdown(report())
    rows = [line for line in text.splitlines() if line.startswith("| shop/Deployment/web")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [9, 9]
    assert "the metadata \\| address" in text
    assert "0/1 before, 1/1 after" in text


def test_the_digest_is_of_what_was_found_not_of_when() -> None:
    first = report()
    again = report(created_s=1.0, edges=[SUSPICIOUS, EDGE], probes=[])
    assert first["digest"] == again["digest"]
    # A second replica and a job that runs just now are no finding.
    job = {"namespace": "shop", "workload": "CronJob/report", "ingress": True, "egress": True}
    assert first["digest"] == report(coverage_after=[*AFTER, *AFTER, job])["digest"]
    # A second run passes where the first one changed something, and skips nothing that counts.
    assert first["digest"] == report(stages=[{"name": "detect", "outcome": "changed"}])["digest"]


@pytest.mark.parametrize(
    "changes",
    [
        {"edges": [EDGE]},
        {"reasons": {}},
        {"policies": []},
        {"coverage_after": BEFORE},
        {"stages": [{"name": "detect", "outcome": "stopped"}]},
        {"edges": [{**EDGE, "approved_by": "platform team"}, SUSPICIOUS]},
    ],
)
def test_the_digest_changes_with_what_was_found(changes: dict[str, Any]) -> None:
    assert report(**changes)["digest"] != report()["digest"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"stages": [{"name": "x", "outcome": "great"}]}, "InvalidStage"),
        ({"edges": [{"connection": "a"}]}, "InvalidEdge"),
    ],
)
def test_half_a_row_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        report(**changes)
    assert raised.value.code == code
