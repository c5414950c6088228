# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    ENTITY,
    WORKLOAD,
    WORLD,
    Edge,
    Inventory,
    Peer,
    Workload,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging import judging
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.judging import Edges, Prediction, Tally
from staging_flows import first_packet

CART = Peer(WORKLOAD, Workload("shop", "Deployment", "cart"))
GOOGLE = Peer(WORLD, address="203.0.113.9", names=("google.com",))


def item(source: str, destination: str, protocol: str = "TCP", port: int = 443) -> dict[str, Any]:
    return {"source": source, "destination": destination, "protocol": protocol, "port": port}


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("world google.com (203.0.113.9)", True),
        ("google.com", True),
        ("203.0.113.9", True),
        ("world", True),
        ("world github.com (203.0.113.8)", False),
        ("shop/Deployment/cart", False),
    ],
)
def test_the_outside_has_many_names(destination: str, expected: bool) -> None:
    prediction = Prediction({"denied": [item("shop/Deployment/cart", destination)]})
    assert prediction.expects(Edge(CART, GOOGLE, "TCP", 443)) is expected


def test_source_protocol_and_port_count() -> None:
    prediction = Prediction({"already_denied": [item("host", "shop/Deployment/cart", port=80)]})
    assert prediction.expects(Edge(Peer(ENTITY, entity="host"), CART, "TCP", 80))
    assert not prediction.expects(Edge(Peer(ENTITY, entity="remote-node"), CART, "TCP", 80))
    assert not prediction.expects(Edge(Peer(ENTITY, entity="host"), CART, "UDP", 80))
    assert not prediction.expects(Edge(Peer(ENTITY, entity="host"), CART, "TCP", 81))
    assert not Prediction(None).expects(Edge(CART, CART, "TCP", 80))


def test_what_is_no_prediction_is_refused() -> None:
    with pytest.raises(InvalidInput, match="lacks one of source, destination, protocol, port"):
        Prediction({"denied": [{"source": "x"}]})


def test_a_flow_becomes_an_edge() -> None:
    edge = Edges(Inventory()).of(first_packet())
    assert edge is not None
    assert judging.edge_row(edge, "ingress", 2) == {
        "edge": "shop/Deployment/client -> shop/Deployment/web:80/TCP",
        "source": "shop/Deployment/client",
        "destination": "shop/Deployment/web",
        "protocol": "TCP",
        "port": 80,
        "direction": "ingress",
        "count": 2,
    }
    assert Edges(Inventory()).of({"source": {}, "destination": {}}) is None


def test_a_scan_fills_no_memory() -> None:
    tally = Tally()
    for port in range(2 * judging.MOST_EDGES):
        tally.add(Edge(CART, CART, "TCP", port))
    tally.add(None)
    assert (len(tally.rows), tally.total) == (judging.MOST_EDGES, 2 * judging.MOST_EDGES + 1)
    assert judging.listed(tally.texts(), 2).endswith("and 498 more")
