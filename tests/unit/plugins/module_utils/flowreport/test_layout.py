# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Maps on which no box covers another and no line crosses a box, whatever is drawn."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.graph import (
    MOST_BOXES,
    MOST_LINES,
    Graph,
    chapter_graph,
    namespace_graph,
    workload_graph,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.layout import (
    NAME_SIZE,
    SMALL_SIZE,
    Box,
    Link,
    Map,
    Node,
    arrange,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.metrics import text_width, wrapped
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.ranking import MOST_LAYERS, ranks
from report_flows import large_report, shop_report

LARGE = large_report()


def overlap(first: Box, second: Box) -> bool:
    return (
        first.x < second.right
        and second.x < first.right
        and first.y < second.y + second.height
        and second.y < first.y + first.height
    )


def crossed(found: Map) -> list[tuple[str, str]]:
    """Lines that touch the inside of a box, with the box."""
    hits = []
    for link, points in found.routes.items():
        for (x1, y1), (x2, y2) in pairwise(points):
            assert x1 == x2 or y1 == y2, "lines run along the grid"
            for name, box in found.boxes.items():
                inside = max(x1, x2) > box.x + 0.01 and min(x1, x2) < box.right - 0.01
                if inside and max(y1, y2) > box.y + 0.01 and min(y1, y2) < box.y + box.height - 0.01:
                    hits.append((f"{link.source} -> {link.target}", name))
    return hits


def check(found: Map) -> None:
    for first, second in combinations(found.boxes.values(), 2):
        assert not overlap(first, second), f"{first.node.id} and {second.node.id}"
    assert crossed(found) == []
    for box in found.boxes.values():
        assert found.header <= box.x
        assert box.right <= found.width
        assert box.y >= 0
        assert box.y + box.height <= found.height
        lane = next(lane for lane in found.lanes if lane.title == box.node.lane)
        assert lane.y <= box.y
        assert box.y + box.height <= lane.y + lane.height
        widest = [text_width(line, NAME_SIZE) for line in box.node.lines] + [text_width(box.node.about, SMALL_SIZE)]
        assert max(widest) <= box.width
    for points in found.routes.values():
        for x, y in points:
            assert 0 <= x <= found.width
            assert 0 <= y <= found.height


def placed(graph: Graph) -> Map:
    return arrange(graph.nodes, graph.links, graph.lanes)


@pytest.mark.parametrize("hardened", [False, True])
def test_the_map_of_five_workloads(hardened: bool) -> None:
    report = shop_report(hardened=hardened)
    graph = workload_graph(report, report["connections"])
    found = placed(graph)
    check(found)
    names = {box.node.lines[0] for box in found.boxes.values()}
    assert {"web", "cart", "db", "report", "coredns", "api.example.com"} <= names
    assert found.boxes["shop/Deployment/web"].right < found.boxes["shop/Deployment/cart"].x, "who calls stands left"


def test_the_map_of_five_hundred_workloads_has_namespaces() -> None:
    graph = namespace_graph(LARGE, LARGE["connections"])
    check(placed(graph))
    assert len(graph.nodes) <= MOST_BOXES
    assert {node.kind for node in graph.nodes} == {"namespace", "outside"}
    dropped = [one for one in LARGE["connections"] if one["outcome"] == "denied"]
    ends = {end["id"]: end["namespace"] for end in LARGE["ends"]}
    wanted = {(f"namespace:{ends[one['source']]}", f"namespace:{ends[one['destination']]}") for one in dropped}
    drawn = {(link.source, link.target) for link in graph.links if link.outcome == "denied"}
    assert wanted <= drawn, "drops are never left out before what passes"


def test_every_chapter_of_a_large_report() -> None:
    for number in range(0, 20, 5):
        name = f"team-{number:02d}"
        ends = {end["id"] for end in LARGE["ends"] if end["namespace"] == name}
        own = [one for one in LARGE["connections"] if {one["source"], one["destination"]} & ends]
        graph = chapter_graph(LARGE, name, own)
        check(placed(graph))
        assert len(graph.links) <= MOST_LINES
        assert len(graph.nodes) <= MOST_BOXES


def test_the_order_of_the_input_does_not_matter() -> None:
    report = shop_report()
    connections = list(report["connections"])
    first = placed(workload_graph(report, connections))
    random.Random(3).shuffle(connections)  # noqa: S311
    assert placed(workload_graph(report, connections)) == first


NAMES = st.sampled_from([f"n{number}" for number in range(12)])
LINKS = st.lists(st.tuples(NAMES, NAMES, st.sampled_from(["allowed", "denied", "both"]), st.sampled_from(["80", "53"])))


@settings(max_examples=150, deadline=None)
@given(LINKS)
def test_no_map_has_boxes_that_overlap_or_lines_that_cross_a_box(pairs: list[tuple[str, str, str, str]]) -> None:
    links = sorted(
        {Link(*pair) for pair in pairs}, key=lambda link: (link.source, link.target, link.outcome, link.label)
    )
    names = sorted({name for link in links for name in (link.source, link.target)})
    nodes = [Node(name, f"lane-{int(name[1:]) % 3}", (name, "second line")) for name in names]
    lanes = sorted({node.lane for node in nodes})
    found = arrange(nodes, links, [(lane, (lane,)) for lane in lanes])
    check(found)
    assert set(found.routes) == set(links)


def test_a_map_of_nothing_is_empty() -> None:
    assert arrange([], [], []).boxes == {}


@given(st.lists(st.tuples(NAMES, NAMES)))
def test_layers_are_without_gaps_and_few(pairs: list[tuple[str, str]]) -> None:
    names = sorted({name for pair in pairs for name in pair})
    layers = set(ranks(names, pairs).values())
    assert layers == set(range(len(layers)))
    assert len(layers) <= MOST_LAYERS


def test_a_chain_stands_in_its_order() -> None:
    found = ranks(["c", "b", "a", "late"], [("a", "b"), ("b", "c"), ("late", "c")])
    assert found == {"a": 0, "b": 1, "c": 2, "late": 1}, "a caller that nobody calls stands next to whom it calls"


@given(st.text(min_size=1, max_size=80), st.integers(1, 3))
def test_wrapped_text_fits(text: str, lines: int) -> None:
    found = wrapped(text, width=120, size=12, lines=lines)
    assert 1 <= len(found) <= lines
    assert all(text_width(line, 12) <= 120 or len(line) <= 3 for line in found)


def test_wrapping_breaks_at_joints_and_keeps_both_ends() -> None:
    assert wrapped("checkout-service-with-a-name", width=140, size=12) == ("checkout-service-", "with-a-name")
    (short,) = wrapped("a" * 200, width=100, size=12, lines=1)
    assert short.startswith("a")
    assert "…" in short
