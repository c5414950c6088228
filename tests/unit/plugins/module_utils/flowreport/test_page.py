# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page and the Markdown: whole, self-contained, escaped, and the same bytes for the same report."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.document import Observed, build_report
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.graph import is_large, workload_graph
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.matrix import matrix_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.page import report_html
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.tables import drop_sentences
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.text import report_markdown
from report_flows import WEB, allowed, denied, edges, large_report, outside, pod, shop_report

HARM = "\"><script>alert(1)</script>| [x](y) ![z](https://example.invalid) `\n# heading & \\| 'quoted'"


def made(flows: list[Json], **more: Any) -> Json:
    return build_report(Observed(edges=edges(flows), flows=len(flows), source="file"), **{"title": "t", **more})


class Whole(HTMLParser):
    """Checks that elements are closed in their order, and notes what they refer to."""

    VOID = ("meta", "input", "wbr", "br", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.references += [str(value) for name, value in attrs if name in ("href", "src", "data", "action", "srcset")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(text: str) -> Whole:
    parser = Whole()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize(
    "report",
    [
        shop_report(),
        shop_report(covered=False),
        shop_report(before=shop_report(hardened=False)),
        large_report(100, before=large_report(100, closed=0)),
        made([]),
        made([], before=shop_report()),
    ],
    ids=["shop", "without-cluster", "compared", "large", "empty", "empty-compared"],
)
def test_the_page_is_whole_and_needs_nothing_from_elsewhere(report: Json) -> None:
    text = report_html(report)
    assert text.endswith("</html>\n")
    found = parsed(text)
    assert all(reference.startswith("#") for reference in found.references)
    assert not found.seen & {"link", "img", "iframe", "object", "form"}
    assert "url(" not in text
    assert "@import" not in text
    assert not re.findall(r"https?://", text), "not even a namespace"


def test_the_same_report_gives_the_same_bytes() -> None:
    assert report_html(large_report(100)) == report_html(large_report(100))
    assert report_markdown(shop_report()) == report_markdown(shop_report())


def test_names_are_escaped_wherever_they_come_from() -> None:
    flows = [*allowed(WEB, outside("203.0.113.8", HARM), 443), *denied(pod(f"{HARM}/{HARM}"), WEB)]
    report = made(flows, title=HARM, cluster=HARM, before=shop_report(hardened=False))
    report["source"]["incomplete_because"] = [HARM]
    text = report_html(report)
    assert text.count("<script>") == 1, "the page's own"
    assert "alert(1)" in text
    assert "&lt;script&gt;alert(1)" in text
    parsed(text)


def test_markdown_keeps_its_tables_whole_and_loads_no_picture() -> None:
    flows = [*allowed(WEB, outside("203.0.113.8", HARM), 443), *denied(pod(f"shop/{HARM}"), WEB)]
    text = report_markdown(made(flows, title=HARM))
    assert "<script>" not in text
    assert "\n# heading" not in text
    assert "![z](" not in text.replace("!\\[", "")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [re.sub(r"\\.", "", line) for line in block.splitlines()]
        assert len({row.count("|") for row in rows}) == 1, block


def test_markdown_has_every_chapter() -> None:
    text = report_markdown(shop_report(before=shop_report(hardened=False)))
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == ["Before and after", "What was dropped", "Who talks to whom", "Policy coverage", "Connections"]
    assert (
        "| default/Pod/testpod | shop/Deployment/web | 8080/TCP | 1 | ingress of the receiver | no rule allows it"
        " (POLICY_DENIED) | default deny by CiliumNetworkPolicy shop/default-deny |" in text
    )
    assert (
        "| shop/CronJob/report | data/StatefulSet/db | 5432/TCP | ✓ allowed | ✕ denied by a policy | now denied |"
        in text
    )


def test_markdown_of_a_large_report_stays_small() -> None:
    text = report_markdown(large_report(500))
    assert len(text.splitlines()) < 500
    assert re.search(r"\d+ more rows are in the page", text)


def test_health_checks_of_nodes_are_in_the_tables_and_not_on_the_map() -> None:
    report = shop_report()
    graph = workload_graph(report, report["connections"])
    assert "entity:host" not in {node.id for node in graph.nodes}
    assert any("health checks" in text for text in graph.omitted)
    assert "host" in matrix_of(report, report["connections"]).rows


def test_many_addresses_outside_become_one_box() -> None:
    flows = [one for number in range(60) for one in allowed(outside(f"203.0.113.{number}"), WEB)]
    report = made([*flows, *denied(outside("198.51.100.1"), WEB)])
    graph = workload_graph(report, report["connections"])
    names = {node.title for node in graph.nodes if node.kind == "outside"}
    assert len(names) == 9
    assert "53 addresses outside" in names
    assert any("198.51.100.1" in name for name in names), "one with drops keeps its own"
    assert not is_large(report)


def test_a_large_report_has_a_matrix_of_namespaces() -> None:
    matrix = matrix_of(large_report(), large_report()["connections"])
    assert matrix.counts
    assert "namespace team-00" in matrix.rows
    assert len(matrix.columns) == 22


def test_a_pod_whose_namespace_is_called_outside_is_not_outside() -> None:
    report = made(allowed(pod("outside/web"), pod("namespaces/web")))
    lanes = [name for name, __ in workload_graph(report, report["connections"]).lanes]
    assert sorted(lanes) == ["namespaces", "outside"], "the map's own lanes have names that no namespace can have"


def test_sentences_about_drops() -> None:
    report = shop_report()
    told = drop_sentences(report, [(report["connections"][0], report["connections"][0]["denials"][0])])
    assert told == [
        "default/Pod/testpod -> shop/Deployment/web:8080/TCP  1 time, ingress of the receiver: no rule allows it"
        " (POLICY_DENIED); default deny by CiliumNetworkPolicy shop/default-deny"
    ]
