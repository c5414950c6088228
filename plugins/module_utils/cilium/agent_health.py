# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What the agents' answers say: findings as `cilium status` has them, and versions, Hubble and DNS proxy besides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from .._text import counted
from .._types import Json
from .chart import minor_of
from .detect import version_of
from .policies_health import LISTED, named
from .snapshot import AgentProbe, Finding, Snapshot

FULL = 0.9
"""Share of a BPF map's size from which it counts as nearly full; a full one loses connections or policies."""
_PRESSURE = "bpf_map_pressure{"


def about_agent(probe: AgentProbe) -> list[Finding]:
    """What an agent reports: states Warning and Failure, controllers that keep failing, maps that are nearly full."""
    if probe.error:
        return [Finding("cilium", probe.pod, f"unable to retrieve cilium status: {probe.error}")]
    document = probe.document
    found = []
    sections = {
        "Cilium": document.get("cilium"),
        "Health": (document.get("cluster") or {}).get("ciliumHealth"),
        "Hubble": document.get("hubble"),
        "Kubernetes": document.get("kubernetes"),
        "KVStore": document.get("kvstore"),
        "Auth certificate provider": document.get("auth-certificate-provider"),
    }
    for label, section in sections.items():
        state = str((section or {}).get("state") or "").lower()
        if state in ("warning", "failure"):
            message = f"{label}: {(section or {}).get('msg') or state}"
            found.append(Finding("cilium", probe.pod, message, state == "failure"))
    for controller in document.get("controllers") or []:
        status = controller.get("status") or {}
        count = int(status.get("consecutive-failure-count") or 0)
        if count > 0:
            said = status.get("last-failure-msg") or "no message"
            message = f"controller {controller.get('name')} is failing ({count}x): {said}"
            found.append(Finding("cilium", probe.pod, message))
    for name, value in sorted(probe.metrics.items()):
        if name.startswith(_PRESSURE) and value >= FULL:
            message = f"the BPF map {name[len(_PRESSURE) : -1]} is {100 * value:.0f}% full"
            found.append(Finding("cilium", probe.pod, message, False))
    return found


def versions_of(snapshot: Snapshot, part: str) -> dict[str, int]:
    """Version of the image -> number of pods of a part; an image without a version tag stands for itself."""
    images = [pod.images[0] for pod in snapshot.part_pods if pod.part == part and pod.images and not pod.leaving]
    found = Counter(version_of(image) or image for image in images)
    return dict(sorted(found.items()))


def about_versions(snapshot: Snapshot) -> list[Finding]:
    """Agents of several versions, and an operator of another minor version than the agents."""
    agents, operators = versions_of(snapshot, "cilium"), versions_of(snapshot, "operator")
    found = []
    if len(agents) > 1:
        counts = ", ".join(f"{version} on {counted(count, 'node')}" for version, count in agents.items())
        found.append(Finding("cilium", "", f"agents run different versions: {counts}", False))
    # Images whose tag is no version cannot be compared.
    minors = {minor_of(version) for version in agents} - {(0, 0)}
    others = [version for version in operators if minor_of(version) not in minors | {(0, 0)}]
    if minors and others:
        message = f"the operator is {', '.join(others)}, the agents are {', '.join(agents)}"
        found.append(Finding("operator", "", message, False))
    return found


def about_proxies(snapshot: Snapshot) -> list[Finding]:
    """Agents without a proxy that policies need: names then never resolve, L7 connections do not pass."""
    found = []
    for proxy, nodes in deaf_proxies(snapshot).items():
        message = f"the proxy {proxy} does not listen on {named(nodes)}: the rules that need it let nothing through"
        found.append(Finding("policies", "", message))
    if any(policy.names for policy in snapshot.policies):
        without = [probe.node for probe in snapshot.probes if not probe.error and not _has_dns_proxy(probe)]
        if without:
            message = f"no DNS proxy runs on {named(sorted(without))}, though policies have rules for names"
            found.append(Finding("policies", "", message))
    return found


def deaf_proxies(snapshot: Snapshot) -> dict[str, list[str]]:
    """Proxies to which policies redirect and that have no port -> nodes."""
    found: dict[str, list[str]] = {}
    for probe in snapshot.probes:
        for proxy in (probe.document.get("proxy") or {}).get("deaf") or []:
            found.setdefault(proxy, []).append(probe.node)
    return dict(sorted(found.items()))


def _has_dns_proxy(probe: AgentProbe) -> bool:
    return bool((probe.document.get("proxy") or {}).get("total-ports"))


def hubble_values(snapshot: Snapshot) -> Json:
    """Flows that the asked agents keep, saw and lost since they started. Lost: by the kernel's ring buffer."""
    keys = {"current-flows": "current_flows", "max-flows": "max_flows", "seen-flows": "seen_flows"}
    values: Json = {"agents": 0, **dict.fromkeys(keys.values(), 0), "lost_events": 0, "lost_on": {}}
    for probe in snapshot.probes:
        observer = (probe.document.get("hubble") or {}).get("observer") or {}
        values["agents"] += bool(observer)
        for key, name in keys.items():
            values[name] += int(observer.get(key) or 0)
        lost = int((probe.document.get("nodeMonitor") or {}).get("lost") or 0)
        values["lost_events"] += lost
        if lost and len(values["lost_on"]) < LISTED:
            values["lost_on"][probe.node] = lost
    return values


def hubble_text(values: Json) -> str:
    """A few words on flows; empty when no agent told of any."""
    if not values["agents"]:
        return ""
    text = f"{values['current_flows']}/{values['max_flows']} flows kept by {counted(values['agents'], 'agent')}"
    if values["lost_events"]:
        text += f", {counted(values['lost_events'], 'event')} lost on {named(sorted(values['lost_on']))}"
    return text


def dns_values(snapshot: Snapshot) -> Json:
    """The DNS proxies of the asked agents: how many run, and what they answered since they started."""
    answered = [probe for probe in snapshot.probes if not probe.error]
    rules = ("received", "forwarded", "denied", "parse_errors")
    return {
        "needed": any(policy.names for policy in snapshot.policies),
        "agents": len(answered),
        "running": sum(map(_has_dns_proxy, answered)),
        **{rule: _sum(answered, f"policy_l7_total{{fqdn,{rule}}}") for rule in rules},
    }


def dns_text(values: Mapping[str, int]) -> str:
    """A few words on the DNS proxy; empty while nothing asked it and nothing needs it."""
    if not values["agents"] or not (values["needed"] or values["received"]):
        return ""
    counts = f"{counted(values['received'], 'request')}, {values['denied']} denied"
    if values["parse_errors"]:
        counts += f", {values['parse_errors']} not understood"
    return f"runs on {values['running']}/{counted(values['agents'], 'node')}, {counts}"


def _sum(probes: Sequence[AgentProbe], metric: str) -> int:
    return int(sum(probe.metrics.get(metric, 0) for probe in probes))
