# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is protected, for every reason why a pod with policies may be open all the same."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.coverage import (
    Mode,
    Pod,
    Row,
    counts,
    cover,
    lines,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.verdict import compile_policies


def pod(name: str, **facts: Any) -> Pod:
    return Pod("shop", f"{name}-1", f"Deployment/{name}", (("app", name),), **facts)


def cnp(name: str, **spec: Any) -> Any:
    selector = spec.pop("selector", {})
    return {
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"endpointSelector": selector, **spec},
    }


NP = {
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny", "namespace": "shop"},
    "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]},
}
ENFORCED = cnp("in", ingress=[{}])
SHADOW = cnp("shadow", ingress=[{}], egress=[{}], enableDefaultDeny={"ingress": False, "egress": False})


def rows(documents: list[Any], *pods: Pod, mode: Mode | None = None) -> list[Row]:
    return cover(pods, compile_policies(documents, {}), mode or Mode())


def test_each_direction_has_its_own_policies() -> None:
    web, cart = (row.as_json() for row in rows([ENFORCED, NP, SHADOW], pod("web"), pod("cart")))
    assert web == {
        "namespace": "shop",
        "pod": "web-1",
        "workload": "Deployment/web",
        "host_network": False,
        "managed": None,
        "ingress": True,
        "ingress_by": ["CiliumNetworkPolicy shop/in"],
        "egress": True,
        "egress_by": ["NetworkPolicy shop/deny"],
        "shadow": ["CiliumNetworkPolicy shop/shadow"],
        "note": "",
    }
    assert (cart["ingress"], cart["egress"], cart["egress_by"]) == (True, False, [])


@pytest.mark.parametrize(
    ("facts", "mode", "note"),
    [
        ({"host_network": True}, Mode(), "node's network"),
        ({"managed": False}, Mode(), "not managed by Cilium"),
        ({}, Mode(audit=True), "audit mode"),
        ({}, Mode("never"), "enable-policy=never"),
    ],
)
def test_policies_that_do_not_count(facts: Any, mode: Mode, note: str) -> None:
    (row,) = rows([ENFORCED, NP], pod("web", **facts), mode=mode)
    document = row.as_json()
    assert (document["ingress"], document["egress"]) == (False, False)
    assert (document["ingress_by"], document["egress_by"]) == ([], [])
    assert note in document["note"]


def test_agents_that_always_enforce_need_no_policies() -> None:
    (row,) = rows([], pod("web"), mode=Mode("always"))
    assert (row.enforced("INGRESS"), row.enforced("EGRESS")) == (True, True)
    assert "enable-policy=always" in row.note


def test_counts() -> None:
    found = rows([ENFORCED, NP], pod("web"), pod("cart"), pod("agent", host_network=True))
    assert counts(found) == {"pods": 3, "ingress": 2, "egress": 1, "both": 1, "neither": 1, "host_network": 1}


def test_the_table_has_a_line_for_each_workload() -> None:
    found = rows([ENFORCED, NP, SHADOW], pod("web"), pod("cart"), pod("cart"))
    assert lines(found) == [
        "WORKLOAD              PODS  INGRESS       EGRESS",
        "shop/Deployment/cart  2     denied by in  open            shadow: shadow",
        "shop/Deployment/web   1     denied by in  denied by deny  shadow: shadow",
        "3 pods: 1 denies by default both ways, 3 at ingress, 1 at egress, 0 neither",
    ]
    long = rows([cnp(f"policy-with-a-long-name-{number}", ingress=[{}]) for number in range(9)], pod("web"))
    assert all(len(line) <= 140 for line in lines(long))
    assert "and 7 more" in lines(long)[1]
