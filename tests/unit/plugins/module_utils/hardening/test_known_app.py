# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application whose needs are known, judged by the evaluator that is tested against Cilium's own policy engine."""

from __future__ import annotations

import random

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.classify import WORLD
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.explain import explain
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.generate import counts, recommend
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.manifests import files
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.rules import Options
from known_app import (
    FLOWS,
    FLOWS_WITHOUT_REPLIES,
    NAMESPACES,
    SYSTEM,
    evidence_of,
    expected,
    flows,
    held_out,
    judge,
    needed,
)

# World covers the address of the name, and where the API server runs on a node it is also a node.
EXTRA = {("stripe", "ingress", "TCP", 443), ("api-server", "ingress", "TCP", 443)}


def test_there_is_enough_to_judge() -> None:
    assert (len(needed()), len(held_out())) == (32, 4)
    assert judge([]).unneeded >= 2699
    assert len(expected()["endpoints"]) == 20


def test_without_rules_only_the_probe_of_the_own_node_gets_through() -> None:
    found = recommend(evidence_of([]), Options(NAMESPACES))
    judgement = judge(found.policies)
    assert len(judgement.needed_denied) == 31
    assert ("own-node", "frontend", "TCP", 8080) not in judgement.needed_denied
    assert (len(judgement.held_out_denied), judgement.extra) == (4, [])


@pytest.mark.parametrize("path", [FLOWS, FLOWS_WITHOUT_REPLIES], ids=["with-replies", "without-replies"])
def test_all_needed_and_all_held_out_are_allowed_and_two_more_each_with_a_warning(path: object) -> None:
    found = recommend(evidence_of(flows(path)), Options(NAMESPACES))  # type: ignore[arg-type]
    judgement = judge(found.policies)
    assert (judgement.needed_denied, judgement.held_out_denied) == ([], [])
    assert set(judgement.extra) == EXTRA
    assert counts(found)["workload_policies"] == 10
    assert len(found.warnings) == 2
    assert all("ingress-nginx" in text and "TCP/443" in text for text in found.warnings)
    assert any(f"entity {WORLD}" in text for text in found.warnings)
    assert any("entity remote-node" in text for text in found.warnings)


def test_with_kube_system_named_as_well_nothing_else_opens() -> None:
    namespaces = (*NAMESPACES, SYSTEM)
    judgement = judge(recommend(evidence_of(flows()), Options(namespaces)).policies, namespaces)
    assert (judgement.needed_denied, judgement.held_out_denied) == ([], [])
    assert set(judgement.extra) == EXTRA


def test_the_output_is_the_same_for_both_files_and_every_order() -> None:
    wanted = None
    for path in (FLOWS, FLOWS_WITHOUT_REPLIES):
        for seed in range(4):
            lines = flows(path)
            random.Random(seed).shuffle(lines)  # noqa: S311
            found = recommend(evidence_of(lines), Options(NAMESPACES[::-1] if seed % 2 else NAMESPACES))
            output = ["".join(files(found.policies).values()), *explain(found), found.digest]
            wanted = wanted or output
            assert output == wanted


def test_dns_for_all_pods_costs_one_extra_for_each_workload_that_does_not_ask() -> None:
    found = recommend(evidence_of(flows()), Options(NAMESPACES, platform_policy=True))
    judgement = judge(found.policies)
    assert (judgement.needed_denied, judgement.held_out_denied) == ([], [])
    assert set(judgement.extra) - EXTRA == {("cache-redis", "dns", "UDP", 53), ("redis-master", "dns", "UDP", 53)}
    assert sum("may ask DNS" in text for text in found.warnings) == 2
