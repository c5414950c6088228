# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""network_policy_prove from its options to its result or its error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    CollectionError,
    Conflict,
    InvalidInput,
    OperationFailed,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.generate import recommend
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    WORKLOAD,
    WORLD,
    Chunk,
    Edge,
    Evidence,
    Peer,
    Seen,
    Workload,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.rules import Options
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.schema import dumps, to_json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.proving import prove_policies
from ansible_collections.cloudnet.aks_cilium.plugins.modules import network_policy_prove
from known_app import FLOWS, NAMESPACES, evidence_of, flows

WEB = Peer(WORKLOAD, Workload("shop", "Deployment", "web"), (("app", "web"),))
CART = Peer(WORKLOAD, Workload("shop", "Deployment", "cart"), (("app", "cart"),))
CALL = Edge(WEB, CART, "TCP", 8080)
STEAL = Edge(CART, Peer(WORLD, address="169.254.169.254"), "TCP", 80)
CALL_KEY = "shop/Deployment/web -> shop/Deployment/cart:8080/TCP"


def evidence(*edges: Edge, complete: bool = True) -> Evidence:
    return Evidence(
        cluster="uid-1",
        namespaces=["shop"],
        chunks=[Chunk(0.0, 60.0, 10, 0, complete=complete, problems=() if complete else ("the stream broke",))],
        edges={edge: Seen(egress=2, ingress=2, first_s=1.0, last_s=50.0) for edge in edges},
    )


def policy(port: str = "8080") -> Any:
    ports = [{"ports": [{"port": port, "protocol": "TCP"}]}]
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "all", "namespace": "shop"},
        "spec": {
            "endpointSelector": {},
            "ingress": [{"fromEndpoints": [{}], "toPorts": ports}],
            "egress": [{"toEndpoints": [{}], "toPorts": ports}],
        },
    }


def params(**given: Any) -> Any:
    defaults = {name: option.get("default") for name, option in network_policy_prove.SPEC.options.items()}
    return {**defaults, "evidence": to_json(evidence(CALL)), "definition": [policy()], **given}


def proved(**given: Any) -> Any:
    return prove_policies(params(**given), lambda text: None).values


def refused(**given: Any) -> CollectionError:
    with pytest.raises(CollectionError) as raised:
        proved(**given)
    return raised.value


def test_every_value_is_documented() -> None:
    values = proved()
    documented = yaml.safe_load(network_policy_prove.RETURN)
    assert set(values) | {"failure"} == set(documented)
    for name in ("needed", "extra", "predicted_denials"):
        assert set(values[name]) == set(documented[name]["contains"])
    denied = proved(definition=[policy("80")], fail_on=[])["predicted_denials"]["denied"][0]
    sample = documented["predicted_denials"]["contains"]["denied"]["sample"][0]
    assert set(denied) == set(sample)
    assert set(values["policies"][0]) == set(documented["policies"]["sample"][0])


def test_a_needed_connection_that_would_be_denied_fails() -> None:
    error = refused(definition=[policy("80")])
    assert isinstance(error, OperationFailed)
    assert error.code == "ProofFailed"
    assert CALL_KEY in error.message
    assert "0 of 1 needed" in error.message
    assert error.details["needed"]["allowed"] == 0
    forgiven = proved(definition=[policy("80")], fail_on=[])
    assert forgiven["passed"]
    assert [item["edge"] for item in forgiven["predicted_denials"]["denied"]] == [CALL_KEY]


def test_suspicious_connections_are_needed_once_approved() -> None:
    document = to_json(evidence(CALL, STEAL))
    values = proved(evidence=document)
    assert values["needed"]["total"] == 1
    assert [item["destination"] for item in values["predicted_denials"]["denied"]] == ["169.254.169.254"]
    error = refused(evidence=document, approved=["shop/Deployment/cart -> 169.254.169.254:80/TCP  # for a test"])
    assert error.code == "ProofFailed"


def test_files(tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_text(dumps(evidence(CALL)), encoding="utf-8")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text(yaml.safe_dump(policy()), encoding="utf-8")
    values = proved(evidence=str(tmp_path / "evidence.json"), definition=None, manifests=str(tmp_path / "policies"))
    assert values["passed"]
    assert proved(definition=yaml.safe_dump(policy())) == values


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"definition": []}, "NoPolicies"),
        ({"definition": [{"kind": "Pod", "metadata": {"name": "x"}}]}, "UnknownPolicyKind"),
        ({"evidence": "no-such-file.json"}, "UnreadableFile"),
        ({"evidence": {"schema": "cloudnet.aks_cilium/evidence/v99"}}, "NewerEvidence"),
        ({"evidence": to_json(evidence(CALL, complete=False))}, "IncompleteEvidence"),
        ({"cluster": "uid-2"}, "OtherCluster"),
        ({"approved": ["everything"]}, "InvalidApproval"),
        ({"held_out": ["a -> b:1/TCP"]}, "UnknownConnection"),
        ({"held_out_share": 1.0}, "InvalidShare"),
        ({"random_edges": -1}, "InvalidNumber"),
    ],
)
def test_bad_input(given: Any, code: str) -> None:
    error = refused(**given)
    assert isinstance(error, (InvalidInput, Conflict, CollectionError))
    assert error.code == code


def test_incomplete_evidence_can_be_accepted() -> None:
    assert proved(evidence=to_json(evidence(CALL, complete=False)), accept_incomplete=True)["passed"]


def test_named_connections_are_held_out() -> None:
    assert proved(held_out=["* -> shop/Deployment/cart:8080/TCP"])["held_out"]["total"] == 1


def test_policies_of_the_earlier_part_are_tried_on_the_later() -> None:
    """A new client outside is of a kind that was seen before; a new port is not."""
    clients = [Peer(WORLD, address=f"203.0.113.{number}") for number in range(2)]
    seen = evidence(CALL, *(Edge(client, WEB, "TCP", 443) for client in clients), Edge(WEB, CART, "TCP", 9000))
    for edge in seen.edges:
        late = edge.source == clients[1] or edge.port == 9000
        seen.edges[edge] = Seen(egress=2, ingress=2, first_s=90.0 if late else 1.0, last_s=100.0)
    document = to_json(seen)
    ours = recommend(seen, Options(namespaces=("shop",))).policies
    values = proved(evidence=document, definition=ours)
    assert values["held_out"] == {"total": 2, "allowed": 2, "denied": []}
    assert (values["forecast"]["total"], values["forecast"]["allowed"]) == (2, 1)
    assert [item["port"] for item in values["forecast"]["denied"]] == [9000]
    assert values["passed"]
    # Of policies that others made nobody can tell how they would have been made earlier.
    assert proved(evidence=document, fail_on=[])["forecast"]["total"] == 0


def test_as_ansible_runs_it() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    arguments = {"evidence": to_json(evidence(CALL)), "definition": [policy("80")], "_ansible_check_mode": True}
    done = subprocess.run(
        [sys.executable, network_policy_prove.__file__],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    result = json.loads(done.stdout)
    assert result["failed"]
    assert result["failure"]["code"] == "ProofFailed"
    assert "Traceback" not in done.stderr


def test_policies_are_proved_by_the_flows_that_they_were_made_from() -> None:
    made = recommend(evidence_of(flows()), Options(NAMESPACES)).policies
    found = proved(evidence=None, flows=str(FLOWS), definition=made, namespaces=list(NAMESPACES))
    assert (found["needed"]["total"], found["needed"]["allowed"]) == (31, 31)
    assert (found["extra"]["total"], found["redundant"]) == (2, [])
    assert sum(one["rules"] for one in found["policies"]) == 36


def test_a_rule_has_one_name_in_its_reason_and_in_the_proof() -> None:
    made = recommend(evidence_of(flows()), Options(NAMESPACES))
    nothing = proved(evidence=to_json(evidence(CALL)), definition=made.policies, fail_on=[])
    assert set(nothing["redundant"]) <= set(made.reasons)
    assert nothing["redundant"]
