# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.aggregate import SOURCE_ADDRESSES
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    WORLD,
    Chunk,
    Edge,
    Evidence,
    Inventory,
    Peer,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.schema import (
    dumps,
    edges_digest,
    from_json,
    inventory_from_json,
    inventory_to_json,
    loads,
    merge,
    require_cluster,
    require_complete,
    to_json,
)
from hardening_flows import CART, DB, WEB, both, evidence, facts, flow, outside, reserved, service
from known_app import evidence_of, flows

ROOT = Path(__file__).resolve().parents[5]
CHUNK = Chunk(10, 20.5, 100, 0, True, ("n1",), new_edges=2)


def full() -> Evidence:
    inventory = Inventory(
        workloads=[facts("web", ports=(("TCP", 80),), named_ports=(("http", 80),), schedule="* * * * *")],
        services=[service("web", 80, "LoadBalancer", "Local")],
        namespaces={"shop": {"team": "a"}},
        nodes=["n2", "n1"],
    )
    found = evidence(
        *both(WEB, CART, time="2026-11-30T18:00:01.25Z", node_name="n1"),
        flow(WEB, outside(), 443, destination_names=["api.example.com"]),
        flow(reserved("remote-node"), WEB, side="INGRESS"),
        flow(WEB, DB, verdict="DROPPED"),
        inventory=inventory,
        cilium_version="1.20.2",
    )
    found.cluster, found.namespaces, found.chunks, found.ignored = "uid-1", ["shop"], [CHUNK], {"reply": 3}
    return found


def test_evidence_comes_back_from_its_text() -> None:
    found = full()
    again = loads(dumps(found))
    found.inventory.nodes.sort()
    assert again == found
    assert dumps(again) == dumps(found)


def test_the_document_is_what_the_schema_says() -> None:
    schema = json.loads((ROOT / "docs" / "evidence.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for found in (full(), Evidence(), evidence_of(flows())):
        jsonschema.validate(to_json(found), schema)
    document = to_json(full())
    document["edges"][0]["port"] = "80"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def damaged(change: str) -> str:
    text = dumps(full())
    document = json.loads(text)
    if change == "cut":
        return text[: len(text) // 2]
    if change == "edited":
        document["edges"][0]["port"] = 22
    elif change == "newer":
        document["schema"] = "cloudnet.aks_cilium/evidence/v2"
    elif change == "other":
        document = {"flow": {}}
    elif change == "list":
        document = [1]
    elif change == "half":
        document["namespaces"] = ["\ud800"]
    elif change == "deep":
        return "[" * 100_000
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "code", "part"),
    [
        ("cut", "DamagedEvidence", "file.json is cut off or damaged"),
        ("edited", "DamagedEvidence", "does not match its checksum"),
        ("newer", "NewerEvidence", "has schema v2"),
        ("other", "NoEvidence", "is no evidence"),
        ("list", "NoEvidence", "is no evidence"),
        ("half", "DamagedEvidence", "does not match its checksum"),
        ("deep", "DamagedEvidence", "is cut off or damaged"),
    ],
)
def test_bad_evidence_is_refused_with_its_reason(change: str, code: str, part: str) -> None:
    with pytest.raises(CollectionError, match=part) as caught:
        loads(damaged(change), name="file.json")
    assert (caught.value.code, caught.value.option) == (code, "evidence")
    assert caught.value.remedy


def test_a_document_of_the_wrong_shape_is_refused_even_with_a_right_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    document = to_json(full())
    document["peers"] = []
    name = "ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.schema._checksum"
    monkeypatch.setattr(name, lambda __: document["checksum"])
    with pytest.raises(CollectionError) as caught:
        from_json(document)
    assert caught.value.code == "DamagedEvidence"


def test_evidence_of_another_cluster_is_refused() -> None:
    require_cluster(full(), "uid-1")
    require_cluster(full(), "")
    for refused in (lambda: require_cluster(full(), "uid-2"), lambda: merge(full(), replace(full(), cluster="uid-2"))):
        with pytest.raises(CollectionError, match="uid-2") as caught:
            refused()
        assert caught.value.code == "OtherCluster"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"lost": 7, "complete": False}, "UTC lost 7 events"),
        ({"complete": False}, "did not end regularly"),
        ({"problems": ("NODE_UNAVAILABLE: n2",)}, "NODE_UNAVAILABLE: n2"),
    ],
)
def test_incomplete_evidence_is_refused(change: dict[str, Any], part: str) -> None:
    found = full()
    require_complete(found)
    found.chunks = [CHUNK, replace(CHUNK, **change)]
    with pytest.raises(CollectionError, match=part) as caught:
        require_complete(found)
    assert caught.value.code == "IncompleteEvidence"


def test_merged_evidence_holds_both() -> None:
    early = evidence(flow(WEB, CART, time="2026-11-30T18:00:01Z", node_name="n1"))
    late = evidence(*both(WEB, CART, time="2026-11-30T19:00:00Z", node_name="n2"), flow(WEB, DB), fqdn_policies=True)
    early.chunks, late.chunks = [CHUNK], [replace(CHUNK, start_s=30.0, end_s=40.0)]
    early.platform = {"fqdn_policies": False}
    both_ways = merge(early, late), merge(late, early)
    assert dumps(both_ways[0]) == dumps(both_ways[1])
    found = both_ways[0]
    assert len(found.edges) == 2
    one = next(seen for edge, seen in found.edges.items() if edge.destination.workload.name == "cart")
    assert (one.egress, one.ingress, one.nodes) == (2, 1, {"n1", "n2"})
    assert one.last_s - one.first_s == 3599
    assert found.platform == {"fqdn_policies": True}, "what the later stretch knows of the cluster holds"
    assert len(early.edges) == 1, "merging leaves its arguments alone"


def test_merging_keeps_addresses_outside_bounded() -> None:
    halves = [
        evidence(*(flow(outside(f"203.0.{part}.{n}"), WEB, side="INGRESS") for n in range(12))) for part in (1, 2)
    ]
    merged = merge(*halves)
    assert len(merged.edges) == SOURCE_ADDRESSES + 1
    assert sum(seen.ingress for seen in merged.edges.values()) == 24


def test_the_digest_is_of_the_kinds_of_connections_and_not_of_their_counts() -> None:
    once, often = evidence(*both(WEB, CART)), evidence(*both(WEB, CART), *both(WEB, CART))
    assert edges_digest(once.edges) == edges_digest(often.edges)
    assert edges_digest(once.edges) != edges_digest(evidence(*both(WEB, DB)).edges)


def test_an_inventory_may_leave_out_what_it_does_not_know() -> None:
    found = inventory_from_json({"workloads": [{"namespace": "shop", "kind": "Deployment", "name": "web"}]})
    assert found.workloads[0].workload.text == "shop/Deployment/web"
    assert inventory_from_json(inventory_to_json(found)) == found


@pytest.mark.parametrize("moment", [float("inf"), float("nan"), 1e12, -1e12])
def test_times_that_no_calendar_has_are_refused(moment: float) -> None:
    found = full()
    found.chunks = [replace(CHUNK, end_s=moment)]
    with pytest.raises(CollectionError, match="is no time") as caught:
        loads(dumps(found))
    assert caught.value.code == "DamagedEvidence"


def test_addresses_of_a_document_have_one_spelling() -> None:
    found = full()
    found.edges = {
        Edge(edge.source, Peer(WORLD, address=text), "TCP", 80): seen
        for edge, seen in list(found.edges.items())[:1]
        for text in ("::ffff:169.254.169.254", "no address")
    }
    assert {edge.destination.address for edge in loads(dumps(found)).edges} == {"169.254.169.254", ""}
