# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Chunk, Evidence, Inventory
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.schema import (
    dumps,
    inventory_to_json,
    to_json,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.recommending import recommend_policies
from hardening_flows import CART, DB, WEB, both, evidence, facts, flow, outside
from known_app import FLOWS, NAMESPACES

DEFAULTS: dict[str, Any] = {
    "evidence": None,
    "flows": None,
    "inventory": None,
    "namespaces": ["shop"],
    "system_namespaces": [],
    "approved": [],
    "kinds": ["cilium"],
    "fqdn": None,
    "networks": [],
    "platform_policy": False,
    "dns": None,
    "cluster": None,
    "accept_incomplete": False,
    "dest": None,
}


def run(warnings: list[str] | None = None, check: bool = False, **options: Any) -> Result:
    told: list[str] = [] if warnings is None else warnings
    return recommend_policies({**DEFAULTS, **options}, told.append, check)


def known(*flows: dict[str, Any], **platform: Any) -> Evidence:
    found = evidence(*(flows or both(WEB, CART)), **platform)
    found.cluster, found.namespaces, found.chunks = "uid-1", ["data", "shop"], [Chunk(1.0, 2.0, 2, 0, True)]
    return found


def code_of(**options: Any) -> str:
    with pytest.raises(CollectionError) as caught:
        run(**options)
    assert caught.value.remedy or caught.value.code == "NoNamespaces"
    return caught.value.code


def test_flows_of_a_file_become_policies() -> None:
    warnings: list[str] = []
    result = run(warnings, flows=str(FLOWS), namespaces=list(NAMESPACES))
    assert result.values["counts"] == {
        "edges": 31,
        "allowed": 31,
        "needed": 23,
        "infrastructure": 8,
        "denied": 0,
        "suspicious": 0,
        "unknown": 0,
        "policies": 14,
        "workload_policies": 10,
        "rules": 36,
        "to_decide": 0,
    }
    assert (len(warnings), result.values["policy_warnings"], result.values["ignored"]) == (2, warnings, {"reply": 64})
    assert result.changed is False


def test_what_was_chosen_is_told_and_no_warning_of_the_task() -> None:
    """DNS for all pods of a namespace comes with platform_policy: a healthy run warns of nothing."""
    warnings: list[str] = []
    result = run(warnings, flows=str(FLOWS), namespaces=list(NAMESPACES), platform_policy=True)
    told = [text for text in result.values["policy_warnings"] if "may ask DNS, though it was not seen to" in text]
    assert told
    assert set(result.values["policy_warnings"]) - set(told) == set(warnings)


def test_evidence_may_be_a_file_or_the_document_itself(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_text(dumps(known()), encoding="utf-8")
    assert run(evidence=str(path)).values == run(evidence=to_json(known())).values
    assert run(evidence=str(path)).values["classification"][0]["connection"] == (
        "shop/Deployment/web -> shop/Deployment/cart:8080/TCP"
    )


@pytest.mark.parametrize("as_file", [True, False])
def test_an_inventory_names_owners_and_selectors(tmp_path: Path, as_file: bool) -> None:
    document = inventory_to_json(Inventory(workloads=[facts("frontend", selector=(("app", "frontend"),))]))
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    result = run(flows=str(FLOWS), inventory=str(path) if as_file else document)
    assert "shop/cnp-learned-deployment-frontend.yaml" in result.values["files"]


def test_manifests_are_written_once_and_what_is_no_more_is_removed(tmp_path: Path) -> None:
    dest = tmp_path / "policies"
    options = {"evidence": to_json(known()), "dest": str(dest)}
    preview = run(check=True, **options)
    assert (preview.changed, dest.exists()) == (True, False)
    first = run(**options)
    names = ["cnp-learned-default-deny.yaml", "cnp-learned-deployment-cart.yaml", "cnp-learned-deployment-web.yaml"]
    assert sorted(path.name for path in (dest / "shop").iterdir()) == names
    assert (first.changed, first.before, first.after) == (True, {}, preview.after)
    assert first.after is not None
    assert first.after["shop/cnp-learned-deployment-web.yaml"][1:3] == [
        "apiVersion: cilium.io/v2",
        "kind: CiliumNetworkPolicy",
    ]
    assert run(**options).changed is False
    (dest / "shop" / "README.yaml").write_text("mine: true\n", encoding="utf-8")
    less = run(evidence=to_json(known(flow(WEB, outside(), 443))), dest=str(dest))
    assert less.changed
    left = sorted(path.name for path in (dest / "shop").iterdir())
    assert left == ["README.yaml", "cnp-learned-default-deny.yaml", "cnp-learned-deployment-web.yaml"]
    assert {path.stat().st_mode & 0o777 for path in (dest / "shop").glob("cnp-*")} == {0o644}


def test_a_file_of_somebody_else_is_never_changed(tmp_path: Path) -> None:
    stranger = tmp_path / "shop" / "cnp-learned-deployment-web.yaml"
    stranger.parent.mkdir()
    stranger.write_text("mine: true\n", encoding="utf-8")
    assert code_of(evidence=to_json(known()), dest=str(tmp_path)) == "FileNotOurs"
    assert [path.name for path in stranger.parent.iterdir()] == [stranger.name]
    assert stranger.read_text(encoding="utf-8") == "mine: true\n"


def test_files_of_namespaces_that_are_not_named_stay(tmp_path: Path) -> None:
    document = to_json(known(*both(WEB, DB)))
    run(evidence=document, namespaces=["data", "shop"], dest=str(tmp_path))
    assert run(evidence=document, namespaces=["shop"], dest=str(tmp_path)).changed is False
    assert (tmp_path / "data" / "cnp-learned-deployment-db.yaml").exists()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"namespaces": []}, "NoNamespaces"),
        ({"namespaces": ["shop", "shopp"]}, "NamespaceNotFound"),
        ({"namespaces": ["../../etc"]}, "InvalidNamespace"),
        ({"namespaces": ["kube-system"]}, "SystemNamespace"),
        ({"cluster": "uid-2"}, "OtherCluster"),
        ({"networks": ["203.0.113.1/24"]}, "InvalidNetwork"),
        ({"approved": ["web"]}, "InvalidApproval"),
        ({"inventory": "/nowhere/inventory.json"}, "UnreadableFile"),
        ({"inventory": {"workloads": [{"name": "web"}]}}, "InvalidInventory"),
        ({"evidence": "/nowhere/evidence.json"}, "UnreadableFile"),
        ({"evidence": {"schema": "cloudnet.aks_cilium/evidence/v9"}}, "NewerEvidence"),
        ({"evidence": {"flow": {}}}, "NoEvidence"),
        ({"evidence": None, "flows": "/nowhere/flows.jsonl"}, "UnreadableFile"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(tmp_path: Path, options: dict[str, Any], code: str) -> None:
    assert code_of(**{"evidence": to_json(known()), "dest": str(tmp_path), **options}) == code
    assert list(tmp_path.iterdir()) == []


def test_kube_system_is_accepted_when_it_is_named_twice() -> None:
    options = {"flows": str(FLOWS), "namespaces": ["kube-system"], "system_namespaces": ["kube-system"]}
    assert run(**options).values["counts"]["workload_policies"] == 1


def test_a_namespace_that_nobody_watched_is_refused() -> None:
    found = known(*both(WEB, DB))
    found.namespaces = ["shop"]
    assert code_of(evidence=to_json(found), namespaces=["data"]) == "NamespaceNotObserved"


def test_incomplete_evidence_is_refused_unless_it_is_accepted() -> None:
    found = known()
    found.chunks.append(Chunk(3.0, 4.0, 10, 7, False))
    assert code_of(evidence=to_json(found)) == "IncompleteEvidence"
    assert run(evidence=to_json(found), accept_incomplete=True).values["policies"]


def test_a_file_of_flows_with_lost_events_is_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "flows.jsonl"
    lines = [*both(WEB, CART), {"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "3"}}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert code_of(flows=str(path)) == "IncompleteEvidence"
    path.write_text("\n", encoding="utf-8")
    assert code_of(flows=str(path)) == "NoFlows"
    path.write_text(json.dumps(lines[0])[:-5], encoding="utf-8")
    assert code_of(flows=str(path)) == "InvalidFlows"


def test_cilium_before_1_16_gets_no_candidates() -> None:
    old = to_json(known(default_deny_field=False, cilium_version="1.15.9"))
    assert code_of(evidence=old) == "NoShadow"
    assert {one["kind"] for one in run(evidence=old, kinds=["kubernetes"]).values["policies"]} == {"NetworkPolicy"}


@pytest.mark.parametrize(
    ("platform", "fqdn", "named"),
    [
        ({}, None, True),
        ({"fqdn_policies": False}, None, False),
        ({"fqdn_policies": False}, True, True),
        ({}, False, False),
    ],
)
def test_names_are_used_where_the_cluster_takes_them(platform: dict[str, Any], fqdn: bool | None, named: bool) -> None:
    call = flow(WEB, outside(), 443, destination_names=["api.example.com"])
    result = run(evidence=to_json(known(call, **platform)), fqdn=fqdn)
    assert ("toFQDNs" in json.dumps(result.values["policies"])) is named


def test_the_resolver_of_the_options_replaces_that_of_the_evidence() -> None:
    call = flow(WEB, outside(), 443, destination_names=["api.example.com"])
    dns = {"path": "kube-dns", "namespace": "dns", "labels": {"app": "resolver"}, "ports": None}
    text = json.dumps(run(evidence=to_json(known(call)), dns=dns).values["policies"])
    assert '"app": "resolver"' in text
    assert "kube-dns" not in text


def test_the_flows_of_the_benchmark_are_evidence() -> None:
    path = Path(__file__).resolve().parents[4] / "bench" / "bench_hardening.py"
    spec = importlib.util.spec_from_file_location("bench_hardening", path)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    measured = bench.recommended(20_000)
    assert measured["ignored"] == {}
    assert measured["counts"]["workload_policies"] == bench.NAMESPACES * bench.WORKLOADS
    assert measured["counts"]["to_decide"] == 0
