# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The words of a report of flows: ends, connections, outcomes, and why something was refused. Pure.

A connection is who, to whom, by which protocol, on which port. Its outcome is what became of it in the whole time that
the report covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._types import Json
from ..hardening.owners import workload_named
from ..hubble.names import DROP_REASONS, DROP_TEXTS, NUMBERS, POLICY_DENIED, POLICY_DENY, POLICY_DROPS
from .ends import Owned, Pods

ALLOWED, DENIED, BOTH, AUDITED, LOST = "allowed", "denied", "both", "audited", "lost"
OUTCOMES = (DENIED, BOTH, LOST, AUDITED, ALLOWED)
"""The most interesting first."""
OUTCOME_TEXTS = {
    ALLOWED: "allowed",
    DENIED: "denied by a policy",
    BOTH: "allowed and denied",
    AUDITED: "let through by audit mode",
    LOST: "dropped for another reason",
}
WORKLOAD = "workload"
_PASSED = ("FORWARDED", "REDIRECTED")
_COUNTED = ("verdicts", "drop_reasons", "directions", "types")


def end_document(end: Mapping[str, Any]) -> Json:
    """An end of an edge of EdgeCounter, with an id. The id of a workload is `shop/Deployment/cart`, as elsewhere."""
    kind, namespace, name = str(end.get("kind") or "unknown"), str(end.get("namespace") or ""), str(end.get("name"))
    owner = str(end.get("owner") or "")
    if kind == WORKLOAD:
        workload = workload_named(namespace, owner or "Pod", name)
        return {
            "id": workload.text,
            "kind": kind,
            "namespace": namespace,
            "owner": workload.kind,
            "name": workload.name,
        }
    path = f"{namespace}/{name}" if kind == "service" else name
    return {"id": f"{kind}:{path}", "kind": kind, "namespace": namespace, "owner": "", "name": name or kind}


def end_text(end: Mapping[str, Any]) -> str:
    """An end for people: `shop/Deployment/cart`, `api.example.com`, `host`, `Service shop/cart`."""
    if end["kind"] == WORKLOAD:
        return str(end["id"])
    if end["kind"] == "service":
        return f"Service {end['namespace']}/{end['name']}"
    return f"namespace {end['name']}" if end["kind"] == "namespace" else str(end["name"])


def port_text(connection: Mapping[str, Any]) -> str:
    """`80/TCP`; `ICMPv4` where there is no port; `any` where nothing is known."""
    protocol, port = connection["protocol"], connection["port"]
    return f"{port}/{protocol or '?'}" if port else protocol or "any"


def connection_key(connection: Mapping[str, Any]) -> tuple[str, str, str]:
    """What makes a connection the same in two reports."""
    return connection["source"], connection["destination"], port_text(connection)


def joined(edges: Sequence[Mapping[str, Any]], pods: Pods | None = None) -> tuple[dict[str, Json], list[Json]]:
    """Ends by id, and edges whose ends are ids. What is one workload becomes one end, so edges may fall together.

    Some events of Hubble name a pod and not its workload; pods tells the workload of those.
    """
    ends: dict[str, Json] = {}
    found: dict[tuple[str, str, str, int], Json] = {}
    owners = Owned(edges, pods or {})
    for edge in edges:
        ids = []
        for side in ("source", "destination"):
            end = end_document(owners.owned(edge[side]))
            known = ends.setdefault(end["id"], {**end, "names": [], "addresses": []})
            for key in ("names", "addresses"):
                known[key] = sorted({*known[key], *(edge[side].get(key) or ())})
            ids.append(end["id"])
        place = (ids[0], ids[1], str(edge["protocol"]), int(edge["port"] or 0))
        found[place] = _sum(found[place], edge) if place in found else dict(edge)
    rows = [{**edge, "source": place[0], "destination": place[1]} for place, edge in sorted(found.items())]
    return ends, rows


def _sum(first: Json, second: Mapping[str, Any]) -> Json:
    """Two edges as one."""
    found = dict(first)
    found["flows"] = first["flows"] + second["flows"]
    found["replies"] = first["replies"] + second["replies"]
    found["first_seen"] = min(filter(None, (first["first_seen"], second["first_seen"])), default="")
    found["last_seen"] = max(first["last_seen"], second["last_seen"])
    for key in _COUNTED:
        found[key] = _added(first[key], second[key])
    found["first_packets"] = {
        side: _added(first["first_packets"].get(side, {}), second["first_packets"].get(side, {}))
        for side in sorted({*first["first_packets"], *second["first_packets"]})
    }
    for key in ("allowed_by", "denied_by"):
        found[key] = [*first[key], *second[key]]
    return found


def _added(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {key: first.get(key, 0) + second.get(key, 0) for key in sorted({*first, *second})}


def connection_of(edge: Mapping[str, Any]) -> Json:
    """The connection that an edge (with ids) shows; the policies of default deny are still to be found."""
    refused = _refused(edge)
    lost = {name: count for name, count in edge["drop_reasons"].items() if _number(name) not in POLICY_DROPS}
    return {
        "source": edge["source"],
        "destination": edge["destination"],
        "protocol": edge["protocol"],
        "port": edge["port"],
        "outcome": _outcome(edge, refused, lost),
        "flows": edge["flows"],
        "first_seen": edge["first_seen"],
        "last_seen": edge["last_seen"],
        "allowed_by": _policies(edge["allowed_by"]),
        "denials": [*refused, *(_lost(name, count) for name, count in sorted(lost.items()))],
    }


def _outcome(edge: Mapping[str, Any], refused: Sequence[Json], lost: Mapping[str, int]) -> str:
    packets = edge["first_packets"]
    let_in = any(packets.get("INGRESS", {}).get(verdict) for verdict in _PASSED)
    # What left the sender may still be refused at the receiver: only an answer, or being let in there, is delivery.
    delivered = let_in or edge["replies"] > 0
    if refused:
        return BOTH if delivered else DENIED
    if edge["verdicts"].get("AUDIT"):
        return AUDITED
    if lost and not delivered:
        return LOST
    return ALLOWED


def _refused(edge: Mapping[str, Any]) -> list[Json]:
    """Refusals by policies, one for each direction in which there were some."""
    reasons = {_number(name): count for name, count in edge["drop_reasons"].items()}
    by_policy = {number: count for number, count in reasons.items() if number in POLICY_DROPS}
    packets = {side: counts.get("DROPPED", 0) for side, counts in edge["first_packets"].items()}
    packets = {side: count for side, count in packets.items() if count}
    if not packets and by_policy:
        # Only drops were seen; which end refused is known where one end alone was seen.
        sides = list(edge["directions"])
        packets = {sides[0] if len(sides) == 1 else "": sum(by_policy.values())}
    if not packets and not by_policy and edge["verdicts"].get("DROPPED") and not reasons:
        packets = dict.fromkeys(list(edge["directions"])[:1], edge["verdicts"]["DROPPED"]) or {"": 1}
    found = []
    for side in sorted(packets):
        policies = _policies([one for one in edge["denied_by"] if one["direction"] == side])
        number = POLICY_DENY if policies else min(by_policy, default=POLICY_DENIED)
        found.append(
            {
                "direction": side.lower() if side in ("INGRESS", "EGRESS") else "",
                "reason": DROP_REASONS[number],
                "count": packets[side],
                "policies": policies,
                "told_by": "hubble" if policies else "",
            }
        )
    return found


def _lost(name: str, count: int) -> Json:
    return {"direction": "", "reason": name, "count": count, "policies": [], "told_by": ""}


def _number(reason: str) -> int:
    return int(reason) if reason.isdigit() else NUMBERS["DropReason"].get(reason, 0)


def _policies(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """`CiliumNetworkPolicy shop/cart` for each; what stands in for an object is no policy."""
    found = set()
    for entry in entries:
        if entry["name"]:
            path = f"{entry['namespace']}/{entry['name']}" if entry["namespace"] else entry["name"]
            found.add(f"{entry['kind'] or 'policy'} {path}")
    return sorted(found)


def reason_text(denial: Mapping[str, Any]) -> str:
    """Why something was dropped, in words: `no rule allows it`, `a deny rule`, or what the datapath says."""
    number = _number(denial["reason"])
    if number == POLICY_DENIED:
        return "no rule allows it"
    if number == POLICY_DENY:
        return "a deny rule forbids it"
    if number in POLICY_DROPS:
        return "authentication is required"
    return DROP_TEXTS.get(number, denial["reason"]).lower() if number else str(denial["reason"])


def policy_text(denial: Mapping[str, Any]) -> str:
    """Which policies refused, or why none is named."""
    if denial["policies"]:
        return ", ".join(denial["policies"])
    if _number(denial["reason"]) not in POLICY_DROPS:
        return "none: not a policy's decision"
    return "not known: Hubble names none for default deny"
