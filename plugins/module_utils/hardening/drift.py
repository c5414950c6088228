# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What has moved since a namespace was hardened: edited policies, new edges, rules that nothing uses, new workloads.

Pure: compares documents and evidence that others read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._text import counted
from .._types import Json
from ..cilium.policy import object_key
from ..cilium.semantics import map_rules
from .evaluator.endpoints import Endpoints
from .evaluator.verdict import compile_policies
from .keys import edge_key, peer_text
from .marks import NAMESPACE_ROLE, WORKLOAD_ROLE
from .model import WORKLOAD, WORLD, Edge, Evidence, Inventory, Peer
from .steps import DIRECTIONS, directions_of, enforces, role_of

EDITED = "edited-policy"
MISSING = "missing-policy"
STRANGE = "unknown-policy"
OPENED = "not-enforced"
NEW_EDGE = "new-edge"
UNUSED = "unused-rule"
UNPROTECTED = "unprotected-workload"
KINDS = (EDITED, MISSING, STRANGE, OPENED, NEW_EDGE, UNUSED, UNPROTECTED)

_DESCRIPTIVE = ("description", "labels")


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that has moved. kind is one of KINDS; text is a sentence for a person."""

    kind: str
    namespace: str
    subject: str
    text: str


def edited_policies(
    wanted: Iterable[Json], live: Iterable[Json], source: str = "the manifests", cause: str = "by hand"
) -> list[Finding]:
    """Compare the policies that should be there with the live ones that carry our label.

    source, cause: for the texts, where `wanted` comes from and what a difference is due to. enableDefaultDeny is not
    compared: flipping it is how a policy goes from shadow to enforce; see not_enforced().
    """
    expected = {object_key(document): document for document in wanted}
    found = {object_key(document): document for document in live}
    findings: list[Finding] = []
    for key in sorted(expected.keys() | found.keys()):
        kind, namespace, name = key
        if key not in found:
            text = f"{kind} {namespace}/{name} is in {source} and not in the cluster."
            findings.append(Finding(MISSING, namespace, name, text))
        elif key not in expected:
            text = f"{kind} {namespace}/{name} carries our label and is not in {source}."
            findings.append(Finding(STRANGE, namespace, name, text))
        else:
            paths = differences(_rules(expected[key]), _rules(found[key]))
            if paths:
                shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
                text = f"{kind} {namespace}/{name} was changed {cause} at {shown}."
                findings.append(Finding(EDITED, namespace, name, text))
    return findings


def not_enforced(live: Iterable[Json], sealed: bool) -> list[Finding]:
    """Policies that do not deny by default although the namespace was sealed."""
    findings = []
    for document in live if sealed else ():
        if role_of(document) not in (WORKLOAD_ROLE, NAMESPACE_ROLE):
            continue
        for direction in directions_of(document):
            if not enforces(document, direction):
                kind, namespace, name = object_key(document)
                text = f"{kind} {namespace}/{name} no longer enforces {direction}."
                findings.append(Finding(OPENED, namespace, name, text))
    return findings


def new_edges(known: Evidence, recent: Evidence) -> list[Finding]:
    """Edges that were seen lately and are not in the evidence that the policies rest on."""
    before = {_comparable(edge) for edge in known.edges}
    return [
        Finding(
            NEW_EDGE,
            _namespace_of(edge),
            edge_key(edge),
            f"{edge_key(edge)} was seen {counted(seen.count, 'time')}"
            + (f", denied {counted(seen.denied, 'time')}" if seen.denied else "")
            + ", and is not in the evidence. Observe again, then approve it or leave it denied.",
        )
        for edge, seen in sorted(recent.edges.items(), key=lambda item: edge_key(item[0]))
        if _comparable(edge) not in before and seen.count
    ]


def unprotected_workloads(inventory: Inventory, namespaces: Sequence[str], live: Iterable[Json]) -> list[Finding]:
    """Workloads of the namespaces whose pods no policy makes deny by default, in one or both directions."""
    policies, endpoints = compile_policies(live, inventory.namespaces), Endpoints(inventory)
    findings = []
    for facts in sorted(inventory.workloads, key=lambda facts: facts.workload):
        if facts.workload.namespace not in namespaces or facts.host_network:
            continue
        peer = Peer(WORKLOAD, workload=facts.workload, labels=facts.labels or facts.selector)
        governing = policies.governing(endpoints.of(peer))
        open_sides = [side for side in DIRECTIONS if not governing[side.upper()].enforced]
        if open_sides:
            text = (
                f"{facts.workload.text}: no policy makes its pods deny {' and '.join(open_sides)} by default."
                " Observe it, then run the sequence again."
            )
            findings.append(Finding(UNPROTECTED, facts.workload.namespace, facts.workload.name, text))
    return findings


def unused_rules(rules: Iterable[str], window_s: float) -> list[Finding]:
    """Findings for the rules, as the proof names them, that no connection of the recent window needs."""
    return [
        Finding(
            UNUSED,
            rule.partition("/")[0].rpartition(" ")[2],
            rule,
            f"{rule}: no connection of the last {window_s:.0f} s needs this rule. Watch for a whole period of your jobs"
            " before you remove it.",
        )
        for rule in sorted(rules)
    ]


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Paths at which two documents differ, the deepest ones that exist on both sides."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return [
            found
            for key in sorted(before.keys() | after.keys())
            for found in differences(before.get(key), after.get(key), f"{path}.{key}".lstrip("."))
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            found
            for index, pair in enumerate(zip(before, after, strict=True))
            for found in differences(*pair, f"{path}[{index}]")
        ]
    return [] if _canonical(before) == _canonical(after) else [path or "the whole document"]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _rules(document: Mapping[str, Any]) -> Json:
    """What a policy says, without the switch and without texts that nothing enforces."""
    left_out = (*_DESCRIPTIVE, "enableDefaultDeny")

    def kept(rule: Mapping[str, Any]) -> Json:
        return {key: value for key, value in rule.items() if key not in left_out and value is not None}

    return map_rules({key: document[key] for key in ("spec", "specs") if document.get(key)}, kept)


def _comparable(edge: Edge) -> tuple[str, str, str, int]:
    """An edge without what differs from one sight to the next: addresses of clients outside and behind names, and the
    labels of one rollout."""
    source = WORLD if edge.source.kind == WORLD else peer_text(edge.source)
    peer = edge.destination
    destination = f"world {','.join(peer.names) or peer.address}" if peer.kind == WORLD else peer_text(peer)
    return source, destination, edge.protocol, edge.port


def _namespace_of(edge: Edge) -> str:
    for peer in (edge.destination, edge.source):
        if peer.workload is not None:
            return peer.workload.namespace
    return ""
