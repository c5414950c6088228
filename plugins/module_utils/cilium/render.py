# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The status as people of the `cilium` CLI know it, and as data."""

from __future__ import annotations

from collections.abc import Iterable

from .._text import counted
from .._types import Json
from .agent_health import dns_text, dns_values, hubble_text, hubble_values, versions_of
from .policies_health import policy_text, policy_values
from .snapshot import Snapshot
from .status import Component, Status

# Five honeycomb cells; one line of the summary stands beside each row from the second on.
HONEYCOMB = (
    r"    /¯¯\   ",
    r" /¯¯\__/¯¯\ ",
    r" \__/¯¯\__/ ",
    r" /¯¯\__/¯¯\ ",
    r" \__/¯¯\__/ ",
    r"    \__/    ",
)
BESIDE = ("cilium", "operator", "envoy", "relay", "clustermesh")
LISTED = 1000
"""Names of unmanaged pods that a result carries at most; a result must stay small."""
WIDTHS = (23, 19)


def banner(status: Status, chart_version: str | None, snapshot: Snapshot | None = None) -> str:
    """What `cilium status` prints: the honeycomb with the summary, then the details, then errors and warnings.

    With the snapshot, between them, what the command does not tell: policies, DNS proxy, flows, where there are any.
    """
    summary = ["", *(_line(status.components[key]) for key in BESIDE)]
    lines = [(cells + "   " + text).rstrip() for cells, text in zip(HONEYCOMB, summary, strict=True)]
    lines.append("")
    components = list(status.components.values())
    for component in components:
        workload = component.workload
        if workload is not None:
            of = f"/{workload.wanted}"
            counts = f"Desired: {workload.wanted}, Ready: {workload.ready}{of}, Available: {workload.available}{of}"
            lines.append(_row(component.part.kind.kind, component.part.name, counts))
    lines += _rows("Containers:", ((c.part.name, f"{p}: {n}") for c in components for p, n in c.phases.items()))
    lines.append(_row("Cluster Pods:", _managed_text(status)))
    if chart_version:
        lines.append(_row("Helm chart version:", chart_version))
    lines += _rows("Image versions", ((c.part.name, f"{i}: {n}") for c in components for i, n in c.images.items()))
    if snapshot is not None:
        lines += [_row(f"{title}:", text) for title, text in _more(snapshot).items() if text]
    for title, wanted in (("Errors:", True), ("Warnings:", False)):
        found = [finding for finding in status.findings if finding.is_error is wanted]
        lines += _rows(title, ((f.part, ": ".join(filter(None, (f.target, f.message)))) for f in found))
    if snapshot is not None:
        lines += _rows("Configuration:", ((text, "") for text in snapshot.config_errors))
    return "\n".join(lines)


def _more(snapshot: Snapshot) -> dict[str, str]:
    return {
        "Policies": policy_text(policy_values(snapshot)),
        "DNS proxy": dns_text(dns_values(snapshot)),
        "Hubble flows": hubble_text(hubble_values(snapshot)),
    }


def _line(component: Component) -> str:
    return f"{component.part.label + ':':<20}{component.text}"


def _row(*cells: str) -> str:
    padded = [f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=False)]
    return "".join([*padded, *cells[len(WIDTHS) :]]).rstrip()


def _rows(title: str, cells: Iterable[tuple[str, str]]) -> list[str]:
    """One row per pair, the title before the first."""
    return [_row("" if number else title, name, text) for number, (name, text) in enumerate(cells)]


def _managed_text(status: Status) -> str:
    if status.managed_pods is None:
        return f"{status.total_pods}, managed by Cilium: unknown (no CiliumEndpoint objects)"
    return f"{status.managed_pods}/{status.total_pods} managed by Cilium"


def state_line(status: Status) -> str:
    """A few words for a person who waits."""
    agents = status.components["cilium"].workload
    if agents is None:
        return "not installed"
    nodes = f"nodes {sum(node.ready for node in status.nodes)}/{len(status.nodes)} Ready"
    pieces = [f"agents {agents.ready}/{agents.wanted} ready", nodes]
    for key in ("operator", "relay"):
        workload = status.components[key].workload
        if workload is not None:
            pieces.append(f"{key} {workload.ready}/{workload.wanted}")
    if status.unmanaged:
        pieces.append(f"{counted(len(status.unmanaged), 'pod')} unmanaged")
    return ", ".join(pieces)


def as_values(status: Status, snapshot: Snapshot) -> Json:
    """The status as documented data; lists are sorted and bounded."""
    return {
        "errors": status.errors,
        # Not `warnings`: Ansible would print them as its own.
        "cilium_warnings": status.warnings,
        "components": {key: _component(component) for key, component in status.components.items()},
        "pods": {
            "total": status.total_pods,
            "managed": status.managed_pods,
            "unmanaged_total": len(status.unmanaged),
            "unmanaged": list(status.unmanaged[:LISTED]),
        },
        "nodes": {
            "total": len(status.nodes),
            "ready": sum(node.ready for node in status.nodes),
            "not_ready": [node.name for node in status.nodes if not node.ready],
            "without_agent": list(status.nodes_without_agent),
        },
        "agents": {
            "probed": len(snapshot.probes),
            "failed": [probe.pod for probe in snapshot.probes if probe.error],
            "versions": versions_of(snapshot, "cilium"),
            "operator_versions": versions_of(snapshot, "operator"),
        },
        "policies": policy_values(snapshot),
        "dns_proxy": dns_values(snapshot),
        "hubble": hubble_values(snapshot),
        "config_errors": list(snapshot.config_errors),
        "images": {c.part.name: dict(c.images) for c in status.components.values() if c.workload is not None},
    }


def _component(component: Component) -> Json:
    workload = component.workload
    return {
        "name": component.part.name,
        "kind": component.part.kind.kind,
        "installed": workload is not None,
        "text": component.text,
        "desired": workload.wanted if workload else 0,
        "ready": workload.ready if workload else 0,
        "available": workload.available if workload else 0,
        "phases": dict(component.phases),
        "errors": [finding.text for finding in component.findings if finding.is_error],
        "warnings": [finding.text for finding in component.findings if not finding.is_error],
    }
