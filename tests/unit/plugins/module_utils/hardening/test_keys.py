# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.keys import (
    edge_key,
    edge_keys,
    parse_approvals,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Edge
from hardening_flows import CART, WEB, evidence, flow, outside

CALL = flow(WEB, outside("2001:db8::1"), 443, destination_names=["a.example.com", "b.example.com"])


def edge(document: object = CALL) -> Edge:
    (found,) = evidence(document).edges  # type: ignore[arg-type]
    return found


def test_an_edge_has_a_name_by_each_name_of_its_peers() -> None:
    assert edge_key(edge()) == "shop/Deployment/web -> a.example.com,b.example.com:443/TCP"
    assert edge_keys(edge())[1:] == [
        "shop/Deployment/web -> a.example.com:443/TCP",
        "shop/Deployment/web -> b.example.com:443/TCP",
        "shop/Deployment/web -> [2001:db8::1]:443/TCP",
        "shop/Deployment/web -> world:443/TCP",
    ]
    client = edge(flow(outside("203.0.113.7"), WEB, side="INGRESS"))
    assert edge_key(client) == "world -> shop/Deployment/web:8080/TCP"


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("shop/Deployment/web -> b.example.com:443/TCP", True),
        ("shop/Deployment/web -> *.example.com:443/TCP", True),
        ("shop/*/web -> *:*/*", True),
        ("shop/Deployment/web -> [2001:db8::1]:443/TCP", True),
        ("shop/Deployment/web -> b.example.com:80/TCP", False),
        ("shop/Deployment/we -> b.example.com:443/TCP", False),
        ("shop/Deployment/web -> bxexample.com:443/TCP", False),
    ],
)
def test_an_approval_covers_what_it_names(text: str, covered: bool) -> None:
    (approval,) = parse_approvals([f"{text}  # the platform team"])
    assert approval.covers(edge()) is covered
    assert approval.by == "the platform team"


def test_an_approval_without_a_remark_stands_for_itself() -> None:
    (approval,) = parse_approvals(["a/b/c -> world:1/TCP"])
    assert approval.by == "a/b/c -> world:1/TCP"


@pytest.mark.parametrize("text", ["", "web", "web -> cart", "web -> cart:http/TCP", "web->cart:80/TCP", "# remark"])
def test_an_approval_that_is_no_connection_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="does not name a connection") as caught:
        parse_approvals([text])
    assert (caught.value.option, caught.value.code) == ("approved", "InvalidApproval")


def test_the_key_of_an_edge_approves_it() -> None:
    for document in (CALL, flow(WEB, CART), flow(WEB, CART, 8, "ICMPv4"), flow(outside(), WEB)):
        found = edge(document)
        (approval,) = parse_approvals([edge_key(found)])
        assert approval.covers(found)
