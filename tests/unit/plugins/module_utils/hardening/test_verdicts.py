# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The evaluator against the answers of Cilium's own policy engine. How the table is made: tests/verdicts/README.md."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.endpoints import Endpoint
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.verdict import compile_policies

TABLE = Path(__file__).resolve().parents[3] / "data" / "verdicts" / "cilium-1.20.2.json.gz"
SIDES = ("egress", "ingress")
GROUP = 20


@cache
def worlds() -> list[Any]:
    found: list[Any] = json.loads(gzip.decompress(TABLE.read_bytes()))
    return found


def endpoint(end: Any) -> Endpoint:
    ports = tuple((str(protocol), str(name), int(port)) for protocol, name, port in end["ports"])
    return Endpoint(frozenset(end["labels"]), end["address"], tuple(end["names"]), ports)


def differences(world: Any) -> list[str]:
    policies = compile_policies(world["policies"], {})
    ends = [endpoint(end) for end in world["endpoints"]]
    found = []
    for (source, destination, protocol, port), answers in zip(world["questions"], world["answers"], strict=True):
        decision = policies.verdict(ends[source], ends[destination], protocol, port)
        for side, answer in zip(SIDES, answers, strict=True):
            if answer and getattr(decision, side).allowed != (answer == "allowed"):
                found.append(f"{world['title']}: {side} of {source} -> {destination} {protocol}/{port} is {answer}")
    return found


@pytest.mark.parametrize("start", range(0, len(worlds()), GROUP))
def test_answers_are_those_of_cilium(start: int) -> None:
    assert [text for world in worlds()[start : start + GROUP] for text in differences(world)] == []


def test_the_table_is_worth_something() -> None:
    answers = [answer for world in worlds() for pair in world["answers"] for answer in pair]
    assert len(worlds()) > 300
    assert answers.count("allowed") > 8000
    assert answers.count("denied") > 5000
    assert not any(world.get("refused") for world in worlds())
    kinds = {policy["kind"] for world in worlds() for policy in world["policies"]}
    assert kinds == {"NetworkPolicy", "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"}
    text = json.dumps([world["policies"] for world in worlds()])
    for word in (
        *(
            "toFQDNs",
            "except",
            "endPort",
            "icmps",
            "ingressDeny",
            "egressDeny",
            "enableDefaultDeny",
            "namespaceSelector",
        ),
        *("matchExpressions", "toEntities", '"fromEndpoints": []', '"fromEndpoints": null', '"port": "http"', "specs"),
    ):
        assert word in text


def test_a_wrong_answer_would_be_found() -> None:
    """The comparison itself can fail: the same questions of policies that are not there."""
    enforcing = next(world for world in worlds() if world["title"] == "CNP ingress [{}] denies all")
    assert differences({**enforcing, "policies": []})
