# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What was seen against what the manifests declare: ports that nobody used, and ports that nobody declares."""

from __future__ import annotations

from collections.abc import Collection

from .model import Evidence, Workload

_PROTOCOLS = ("TCP", "UDP", "SCTP")
Port = tuple[str, int]


def declared_and_seen(evidence: Evidence, namespaces: Collection[str]) -> list[str]:
    """Differences for the workloads of the namespaces, one sentence each; none without an inventory.

    A port that a Service declares and nobody used may be needed tomorrow; one that is used and nobody declares may be
    a mistake of the manifest, or of the client.
    """
    used: dict[Workload, set[Port]] = {}
    for edge, seen in evidence.edges.items():
        if edge.destination.workload is not None and edge.protocol in _PROTOCOLS and (seen.egress or seen.ingress):
            used.setdefault(edge.destination.workload, set()).add((edge.protocol, edge.port))
    found: list[str] = []
    for facts in evidence.inventory.workloads:
        workload = facts.workload
        if workload.namespace not in namespaces or facts.host_network:
            continue
        declared = set(facts.ports)
        for service in evidence.inventory.services:
            if service.namespace != workload.namespace or not service.selector:
                continue
            if set(service.selector) <= set(facts.labels):
                declared |= set(service.target_ports)
                found += [
                    f"{_text(port)} of {workload.text} is declared by the Service {service.name}, and nobody was seen"
                    " to use it: with default deny nobody may."
                    for port in sorted(set(service.target_ports) - used.get(workload, set()))
                ]
        found += [
            f"{_text(port)} of {workload.text} is used, and neither its containers nor a Service declare it."
            for port in sorted(used.get(workload, set()) - declared)
        ]
    return sorted(found)


def _text(port: Port) -> str:
    return f"{port[0]}/{port[1]}"
