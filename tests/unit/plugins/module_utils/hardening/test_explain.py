# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.explain import MOST_SHOWN, WIDTH, explain
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Inventory
from hardening_flows import CART, DB, DNS, WEB, both, evidence, facts, flow, outside, recommended, reserved

APPROVE = "To approve a connection put its line into `approved`, with a remark: 'CONNECTION  # who, why'."


def sections(lines: list[str]) -> dict[str, list[str]]:
    """Lines by section."""
    found: dict[str, list[str]] = {}
    for before, line in itertools.pairwise(lines):
        if not before and line:
            found[line] = []
        elif line and found:
            found[list(found)[-1]].append(line.strip())
    return found


def test_a_person_reads_what_is_allowed_what_breaks_and_what_is_open() -> None:
    known = evidence(
        *both(WEB, CART),
        flow(WEB, outside("169.254.169.254"), 80),
        flow(WEB, DB, verdict="DROPPED"),
        flow(outside(), WEB, 443, side="INGRESS"),
        flow(reserved("host"), WEB, side="INGRESS"),
    )
    lines = explain(recommended(known))
    assert lines[0].startswith(
        "5 kinds of connections, 3 allowed, 2 to decide on; 2 workload policies, 3 rules (evidence "
    )
    found = sections(lines)
    assert found["Will be allowed"] == [
        "CiliumNetworkPolicy shop/learned-deployment-cart",
        "ingress TCP/8080 from shop/Deployment/web",
        "CiliumNetworkPolicy shop/learned-deployment-web",
        "ingress TCP/443 from world",
        "egress TCP/8080 to shop/Deployment/cart",
        "host -> shop/Deployment/web:8080/TCP: the own node and its health checks are always let in, so it needs no"
        " rule",
    ]
    assert found["Works today and WILL BE DENIED, unless approved (1)"] == [
        "shop/Deployment/web -> 169.254.169.254:80/TCP  (suspicious: the metadata address gives out credentials of the"
        " node)"
    ]
    assert found["Is denied today and stays denied (1)"] == [
        "shop/Deployment/web -> data/Deployment/db:8080/TCP  (denied: it is denied today)"
    ]
    assert len(found["Allowed beyond what was seen (1)"]) == 1
    assert lines[-1] == APPROVE


def test_nothing_is_asked_where_nothing_is_open() -> None:
    lines = explain(recommended(evidence(*both(WEB, CART))))
    assert APPROVE not in lines
    assert not any("DENIED" in line or "beyond" in line for line in lines)


def test_what_nobody_saw_is_a_section_of_its_own() -> None:
    inventory = Inventory(workloads=[facts("web"), facts("cart"), facts("nightly", kind="CronJob", schedule="@daily")])
    found = sections(explain(recommended(evidence(*both(WEB, CART), inventory=inventory))))
    assert found["Nobody has seen (1)"][0].startswith("shop/CronJob/nightly: no connection of it was seen")


def test_lines_are_no_wider_than_a_screen() -> None:
    documents = [flow(WEB, outside(f"198.51.{n}.1"), 1000 + n) for n in range(30)]
    lines = explain(recommended(evidence(*documents, *both(WEB, DNS, 53, "UDP"))))
    assert max(map(len, lines)) <= WIDTH


def test_a_scan_does_not_drown_the_rest() -> None:
    scan = [flow(WEB, DB, 1000 + number, verdict="DROPPED") for number in range(MOST_SHOWN + 50)]
    lines = explain(recommended(evidence(*scan)))
    assert f"Is denied today and stays denied ({MOST_SHOWN + 50})" in lines
    assert "  and 50 more: see `review` and `classification`" in lines
    assert len(lines) < 2 * MOST_SHOWN + 20
