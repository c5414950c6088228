# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.crosscheck import declared_and_seen
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Inventory
from hardening_flows import CART, WEB, both, evidence, facts, flow, recommended, service

INVENTORY = Inventory(
    workloads=[
        facts("web", ports=(("TCP", 8080),)),
        facts("cart", ports=(("TCP", 7070),)),
        facts("agent", host_network=True),
        facts("db", namespace="data"),
    ],
    services=[service("web", 8080), service("cart", 9090), service("agent", 1), service("db", 2, namespace="data")],
)


def test_ports_that_nobody_used_and_ports_that_nobody_declares_are_told() -> None:
    known = evidence(*both(CART, WEB, 8080), *both(WEB, CART, 7070), *both(CART, WEB, 9100), inventory=INVENTORY)
    wanted = [
        "TCP/9090 of shop/Deployment/cart is declared by the Service cart, and nobody was seen to use it: with default"
        " deny nobody may.",
        "TCP/9100 of shop/Deployment/web is used, and neither its containers nor a Service declare it.",
    ]
    assert declared_and_seen(known, ["shop"]) == wanted
    assert recommended(known).notes == wanted


def test_a_denied_connection_is_no_use() -> None:
    known = evidence(flow(CART, WEB, 9100, verdict="DROPPED"), *both(CART, WEB), inventory=INVENTORY)
    assert not any("9100" in text for text in declared_and_seen(known, ["shop"]))


def test_without_an_inventory_there_is_nothing_to_compare() -> None:
    assert declared_and_seen(evidence(*both(CART, WEB)), ["shop"]) == []
