# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Evidence as a JSON document: versioned, checked, byte-stable; and the union of two evidences.

The format is described in docs/evidence.md and docs/evidence.schema.json.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from .._errors import Conflict, InvalidInput, Unsupported
from .._types import Json
from .joining import address_text, edge_sort_key, join, normal, peers_of
from .model import WORLD, Chunk, Edge, Evidence, Inventory, Labels, Peer, Seen, ServiceFacts, Workload, WorkloadFacts

VERSION = 1
SCHEMA = f"cloudnet.aks_cilium/evidence/v{VERSION}"
_SCHEMA = re.compile(r"cloudnet\.aks_cilium/evidence/v(\d+)")


def to_json(evidence: Evidence) -> Json:
    """The document, with its checksum. Lists are sorted, so equal evidence gives equal documents."""
    peers = peers_of(evidence)
    numbers = {peer: number for number, peer in enumerate(peers)}
    document: Json = {
        "schema": SCHEMA,
        "cluster": evidence.cluster,
        "namespaces": sorted(set(evidence.namespaces)),
        "platform": evidence.platform,
        "inventory": inventory_to_json(evidence.inventory),
        "chunks": [_chunk(chunk) for chunk in sorted(evidence.chunks, key=_chunk_key)],
        "ignored": dict(sorted(evidence.ignored.items())),
        "peers": [_peer(peer) for peer in peers],
        "edges": [
            _edge(edge, seen, numbers)
            for edge, seen in sorted(evidence.edges.items(), key=lambda item: edge_sort_key(item[0]))
        ],
    }
    return {**document, "checksum": _checksum(document)}


def dumps(evidence: Evidence) -> str:
    """The document as text that ends with a newline; the same for equal evidence."""
    return json.dumps(to_json(evidence), sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def loads(text: str, *, name: str = "evidence", option: str = "evidence") -> Evidence:
    """Evidence from text. name: what the error calls it. Raises InvalidInput or Unsupported (newer schema)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"{name} is cut off or damaged: {error}.",
            option=option,
            code="DamagedEvidence",
            remedy="Give a whole file as network_policy_evidence writes it, or observe again.",
        ) from error
    return from_json(document, name=name, option=option)


def from_json(document: object, *, name: str = "evidence", option: str = "evidence") -> Evidence:
    """Evidence from a document; schema and checksum are checked first. Raises InvalidInput or Unsupported."""
    found = _SCHEMA.fullmatch(str(document.get("schema"))) if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or found is None:
        raise InvalidInput(
            f"{name} is no evidence: its schema is not {SCHEMA}.",
            option=option,
            code="NoEvidence",
            remedy="For flows as `hubble observe -o jsonpb` prints them use the option flows.",
        )
    if int(found[1]) > VERSION:
        raise Unsupported(
            f"{name} has schema v{found[1]}; this version of the collection reads v{VERSION}.",
            option=option,
            code="NewerEvidence",
            remedy="Upgrade the collection cloudnet.aks_cilium.",
        )
    if document.get("checksum") != _checksum({key: value for key, value in document.items() if key != "checksum"}):
        raise InvalidInput(
            f"{name} does not match its checksum: it was edited or damaged.",
            option=option,
            code="DamagedEvidence",
            remedy="Give the file as it was written, or observe again.",
        )
    try:
        return _evidence(document)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InvalidInput(
            f"{name} is not evidence as v{VERSION} describes it: {type(error).__name__} {error}.",
            option=option,
            code="DamagedEvidence",
            remedy="See docs/evidence.md for the format.",
        ) from error


def require_cluster(evidence: Evidence, cluster: str) -> None:
    """Raise Conflict for evidence of another cluster than the one with this UID (of the namespace kube-system)."""
    if evidence.cluster and cluster and evidence.cluster != cluster:
        raise Conflict(
            f"evidence is of the cluster {evidence.cluster}, not of {cluster}.",
            option="evidence",
            code="OtherCluster",
            remedy="Give the evidence of this cluster, or observe it first.",
        )


def require_complete(evidence: Evidence) -> None:
    """Raise InvalidInput where flows were lost or a chunk ended early: what was not seen proves nothing then."""
    problems = [text for chunk in evidence.chunks for text in _problems(chunk)]
    if problems:
        raise InvalidInput(
            f"evidence is incomplete: {'; '.join(problems[:5])}.",
            option="evidence",
            code="IncompleteEvidence",
            details={"problems": problems},
            remedy="Observe again (with larger Hubble buffers where events were lost), or set accept_incomplete=true"
            " to judge by what was seen.",
        )


def _problems(chunk: Chunk) -> Iterable[str]:
    start, end = (datetime.fromtimestamp(moment, timezone.utc) for moment in (chunk.start_s, chunk.end_s))
    what = f"the stretch from {start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC" if chunk.end_s else "the file of flows"
    if chunk.lost:
        yield f"{what} lost {chunk.lost} events"
    if not chunk.complete and not chunk.lost:
        yield f"{what} did not end regularly"
    yield from chunk.problems


def merge(first: Evidence, second: Evidence) -> Evidence:
    """Both together; the order does not matter, except that inventory and platform are those of the later chunk.

    Raises Conflict for evidences of two clusters. Chunks that both hold count once, their edges twice: merge only
    evidences of different stretches of time.
    """
    require_cluster(first, second.cluster)
    older, newer = sorted((first, second), key=_age)
    edges = {edge: _copy(seen) for edge, seen in first.edges.items()}
    for edge, seen in second.edges.items():
        edges[edge] = join(edges[edge], seen) if edge in edges else _copy(seen)
    ignored = dict(first.ignored)
    for reason, count in second.ignored.items():
        ignored[reason] = ignored.get(reason, 0) + count
    return Evidence(
        cluster=first.cluster or second.cluster,
        namespaces=sorted({*first.namespaces, *second.namespaces}),
        chunks=sorted({*first.chunks, *second.chunks}, key=_chunk_key),
        edges=normal(edges),
        inventory=newer.inventory if newer.inventory != Inventory() else older.inventory,
        platform=newer.platform or older.platform,
        ignored=ignored,
    )


def edges_digest(edges: Iterable[Edge]) -> str:
    """A digest of which edges there are, whatever their counts and times; so it stays when nothing new is seen."""
    listed = [
        [_peer(edge.source), _peer(edge.destination), edge.protocol, edge.port]
        for edge in sorted(edges, key=edge_sort_key)
    ]
    return hashlib.sha256(_canonical(listed).encode(errors="surrogatepass")).hexdigest()


def _copy(seen: Seen) -> Seen:
    return replace(seen, nodes=set(seen.nodes))


def _age(evidence: Evidence) -> tuple[float, str]:
    """Newest chunk last; the text decides between equals, so that the order of the arguments does not."""
    end_s = max((chunk.end_s for chunk in evidence.chunks), default=0.0)
    return end_s, _canonical([inventory_to_json(evidence.inventory), evidence.platform])


def _canonical(document: object) -> str:
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _checksum(document: Mapping[str, Any]) -> str:
    return "sha256:" + hashlib.sha256(_canonical(document).encode(errors="surrogatepass")).hexdigest()


def _chunk_key(chunk: Chunk) -> tuple[Any, ...]:
    return (chunk.start_s, chunk.end_s, chunk.flows, chunk.lost, chunk.complete, chunk.nodes, chunk.problems)


def _chunk(chunk: Chunk) -> Json:
    return {
        "start": float(chunk.start_s),
        "end": float(chunk.end_s),
        "flows": chunk.flows,
        "lost": chunk.lost,
        "complete": chunk.complete,
        "nodes": list(chunk.nodes),
        "problems": list(chunk.problems),
        "new_edges": chunk.new_edges,
    }


def _peer(peer: Peer) -> Json:
    found: Json = {"kind": peer.kind}
    if peer.workload:
        workload = peer.workload
        found["workload"] = {"namespace": workload.namespace, "kind": workload.kind, "name": workload.name}
        found["labels"] = dict(peer.labels)
    if peer.entity:
        found["entity"] = peer.entity
    if peer.kind == WORLD:
        found["address"] = peer.address
        found["names"] = list(peer.names)
    return found


def _edge(edge: Edge, seen: Seen, numbers: Mapping[Peer, int]) -> Json:
    return {
        "source": numbers[edge.source],
        "destination": numbers[edge.destination],
        "protocol": edge.protocol,
        "port": edge.port,
        "egress": seen.egress,
        "ingress": seen.ingress,
        "denied": seen.denied,
        "first": float(seen.first_s),
        "last": float(seen.last_s),
        "nodes": sorted(seen.nodes),
    }


def inventory_to_json(inventory: Inventory) -> Json:
    """What the cluster declares, as a document."""
    return {
        "workloads": [
            {
                "namespace": facts.workload.namespace,
                "kind": facts.workload.kind,
                "name": facts.workload.name,
                "selector": dict(facts.selector),
                "labels": dict(facts.labels),
                "ports": [list(port) for port in facts.ports],
                "named_ports": [list(port) for port in facts.named_ports],
                "pods": facts.pods,
                "host_network": facts.host_network,
                "schedule": facts.schedule,
            }
            for facts in sorted(inventory.workloads, key=lambda facts: facts.workload)
        ],
        "services": [
            {
                "namespace": service.namespace,
                "name": service.name,
                "type": service.type,
                "selector": dict(service.selector),
                "target_ports": [list(port) for port in service.target_ports],
                "external_traffic_policy": service.external_traffic_policy,
            }
            for service in sorted(inventory.services, key=lambda service: (service.namespace, service.name))
        ],
        "namespaces": {name: dict(sorted(labels.items())) for name, labels in sorted(inventory.namespaces.items())},
        "nodes": sorted(inventory.nodes),
    }


def _labels(document: Mapping[str, Any] | None) -> Labels:
    return tuple(sorted((str(key), str(value)) for key, value in (document or {}).items()))


def inventory_from_json(document: Mapping[str, Any]) -> Inventory:
    """The inventory of a document as inventory_to_json() makes it; every field but the names may be absent."""
    return Inventory(
        workloads=[
            WorkloadFacts(
                workload=Workload(one["namespace"], one["kind"], one["name"]),
                selector=_labels(one.get("selector")),
                labels=_labels(one.get("labels")),
                ports=tuple((str(protocol), int(port)) for protocol, port in one.get("ports") or ()),
                pods=int(one.get("pods", 0)),
                host_network=bool(one.get("host_network", False)),
                schedule=str(one.get("schedule", "")),
                named_ports=tuple((str(name), int(port)) for name, port in one.get("named_ports") or ()),
            )
            for one in document.get("workloads") or ()
        ],
        services=[
            ServiceFacts(
                namespace=one["namespace"],
                name=one["name"],
                type=str(one.get("type") or "ClusterIP"),
                selector=_labels(one.get("selector")),
                target_ports=tuple((str(protocol), int(port)) for protocol, port in one.get("target_ports") or ()),
                external_traffic_policy=str(one.get("external_traffic_policy") or ""),
            )
            for one in document.get("services") or ()
        ],
        namespaces={str(name): dict(labels or {}) for name, labels in (document.get("namespaces") or {}).items()},
        nodes=[str(node) for node in document.get("nodes") or ()],
    )


def _moment(value: Any) -> float:
    """Seconds since 1970, within what a calendar has: years 1 to 9999."""
    if not -62135596800 <= float(value) < 253402300800:
        raise ValueError(f"{value!r} is no time")
    return float(value)


def _evidence(document: Mapping[str, Any]) -> Evidence:
    peers = [_peer_from(one) for one in document["peers"]]
    return Evidence(
        cluster=str(document["cluster"]),
        namespaces=[str(name) for name in document["namespaces"]],
        chunks=[
            Chunk(
                start_s=_moment(one["start"]),
                end_s=_moment(one["end"]),
                flows=int(one["flows"]),
                lost=int(one["lost"]),
                complete=bool(one["complete"]),
                nodes=tuple(one["nodes"]),
                problems=tuple(one["problems"]),
                new_edges=int(one["new_edges"]),
            )
            for one in document["chunks"]
        ],
        edges={
            Edge(peers[one["source"]], peers[one["destination"]], str(one["protocol"]), int(one["port"])): Seen(
                egress=int(one["egress"]),
                ingress=int(one["ingress"]),
                denied=int(one["denied"]),
                first_s=_moment(one["first"]),
                last_s=_moment(one["last"]),
                nodes=set(one["nodes"]),
            )
            for one in document["edges"]
        },
        inventory=inventory_from_json(document["inventory"]),
        platform=dict(document["platform"]),
        ignored={str(reason): int(count) for reason, count in document["ignored"].items()},
    )


def _peer_from(document: Mapping[str, Any]) -> Peer:
    workload = document.get("workload")
    return Peer(
        kind=document["kind"],
        workload=Workload(workload["namespace"], workload["kind"], workload["name"]) if workload else None,
        labels=_labels(document.get("labels")),
        entity=str(document.get("entity", "")),
        address=address_text(str(document.get("address", ""))),
        names=tuple(document.get("names") or ()),
    )
