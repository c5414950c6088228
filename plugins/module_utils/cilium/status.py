# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Whether Cilium works on a cluster: facts in, judgement out. Pure; collect.py reads, render.py shows.

The rules are those of `cilium status` (same counters, same sentences), corrected where it errs: pods and endpoints are
joined by name, nodes without an agent are named, a Deployment scaled to 0 is not OK, nothing is counted twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._text import agree, counted
from ..kube.kinds import DAEMON_SET
from ..kube.ready import ContainerTrouble, Workload, workload_of
from .agent_health import about_agent, about_proxies, about_versions
from .policies_health import about_policies
from .snapshot import PARTS, ClusterNode, Finding, Part, PartPod, Snapshot

# Pods that ended for these reasons were replaced by their controller; the CLI does not report them either.
HARMLESS_FAILURES = frozenset(
    {
        "TaintToleration",
        "NodeAffinity",
        "NodeLost",
        "Evicted",
        "Shutdown",
        "Preempting",
        "UnexpectedAdmissionError",
    }
)
CRASH_RESTARTS = 3
"""Restarts after which a crash loop counts as permanent; the first may be a race at start-up."""

IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_LOGGED_ERROR = re.compile(r"level=(error|fatal)|^panic: |\bFATAL\b")
_NO_SUCH_IMAGE = re.compile(r": not found|manifest unknown|repository does not exist|pull access denied")


@dataclass(frozen=True)
class Component:
    """The state of one part; workload is None where it is not installed."""

    part: Part
    workload: Workload | None
    phases: Mapping[str, int]
    images: Mapping[str, int]
    findings: Sequence[Finding]
    refused: bool = False
    """Whether this credential may not read its workload."""

    @property
    def text(self) -> str:
        """As in the banner: OK, disabled, or the number of errors and warnings."""
        errors = sum(finding.is_error for finding in self.findings)
        warnings = len(self.findings) - errors
        counts = [counted(errors, "error")] * bool(errors) + [counted(warnings, "warning")] * bool(warnings)
        if counts:
            return ", ".join(counts)
        if self.refused:
            return "unknown (may not be read)"
        return "OK" if self.workload else self.part.absent


@dataclass(frozen=True)
class Status:
    """The judgement. managed_pods is None where the CiliumEndpoint objects are not known."""

    components: Mapping[str, Component]
    findings: Sequence[Finding]
    total_pods: int
    managed_pods: int | None
    unmanaged: Sequence[str]
    nodes: Sequence[ClusterNode]
    nodes_without_agent: Sequence[str]

    @property
    def errors(self) -> list[str]:
        """All errors as lines."""
        return [finding.text for finding in self.findings if finding.is_error]

    @property
    def warnings(self) -> list[str]:
        """All warnings as lines."""
        return [finding.text for finding in self.findings if not finding.is_error]

    @property
    def health_warnings(self) -> list[str]:
        """Those that count for health: a policy that somebody wrote wrongly is no illness of Cilium."""
        return [finding.text for finding in self.findings if not finding.is_error and finding.part != "policies"]

    def is_healthy(self, ignore_warnings: bool) -> bool:
        """As `cilium status --wait` decides: no error and, unless ignored, no warning about Cilium itself."""
        return not self.errors and (ignore_warnings or not self.health_warnings)

    @property
    def agents_ready(self) -> bool:
        """Every node that wants an agent has a ready one of the newest rollout, and is Ready."""
        workload = self.components["cilium"].workload
        rolled_out = workload is not None and workload.wanted > 0 and workload.readiness.ready
        return rolled_out and not self.nodes_without_agent and all(n.ready for n in self.nodes if n.wants_agent)

    @property
    def relay_ready(self) -> bool:
        """Hubble relay is installed and all of its pods are available."""
        workload = self.components["relay"].workload
        return workload is not None and workload.wanted > 0 and workload.readiness.ready


def judge(snapshot: Snapshot) -> Status:
    """All errors and warnings of a snapshot, in a fixed order."""
    installed = snapshot.installed
    components = {part.key: _component(part, snapshot, installed) for part in PARTS}
    findings = [finding for component in components.values() for finding in component.findings]
    findings += [Finding("collection", "", problem) for problem in snapshot.problems]
    unmanaged, managed = _managed(snapshot)
    bare = _without_agent(snapshot) if installed and "pods" not in snapshot.refused else []
    findings += [Finding("nodes", name, "no agent runs on this node") for name in bare]
    for node in snapshot.nodes:
        if not node.ready:
            findings.append(Finding("nodes", node.name, f"not Ready: {node.why or 'no reason given'}", False))
    if installed:
        findings += _about_pods(snapshot, unmanaged) + about_versions(snapshot)
        findings += about_policies(snapshot) + about_proxies(snapshot)
    return Status(components, findings, len(snapshot.cluster_pods), managed, unmanaged, snapshot.nodes, bare)


def _component(part: Part, snapshot: Snapshot, installed: bool) -> Component:
    document = snapshot.workloads.get(part.key)
    pods = [pod for pod in snapshot.part_pods if pod.part == part.key]
    workload = workload_of(document) if document else None
    findings: list[Finding] = []
    if workload is not None:
        findings += _about_workload(part, workload)
        findings += [finding for pod in pods for finding in _about_pod(pod)]
    elif part.key not in snapshot.refused and (part.key == "cilium" or (part.required and installed)):
        message = f"{part.kind.kind} {part.name} not found in {snapshot.namespace}"
        findings.append(Finding(part.key, "", message))
    if part.key == "cilium":
        findings += [finding for probe in snapshot.probes for finding in about_agent(probe)]
    images: Counter[str] = Counter(image for pod in pods for image in pod.images)
    phases: Counter[str] = Counter(pod.phase for pod in pods)
    numbers = (dict(sorted(phases.items())), dict(sorted(images.items())))
    return Component(part, workload, *numbers, findings, part.key in snapshot.refused)


def _about_workload(part: Part, workload: Workload) -> list[Finding]:
    """The CLI's sentences; wanted is what the spec asks for, so that a stuck creation counts too."""
    what = f"{part.kind.kind} {part.name}"
    missing = workload.wanted - workload.ready
    unavailable = workload.wanted - workload.available - max(missing, 0)
    found = []
    if workload.wanted == 0:
        none = "is not scheduled on any node" if part.kind == DAEMON_SET else "is scaled to 0"
        found.append(Finding(part.key, part.name, f"{what} {none}"))
    if missing > 0:
        found.append(
            Finding(part.key, part.name, f"{counted(missing, 'pod')} of {what} {agree(missing, 'is', 'are')} not ready")
        )
    if unavailable > 0:
        message = f"{counted(unavailable, 'pod')} of {what} {agree(unavailable, 'is', 'are')} not available"
        found.append(Finding(part.key, part.name, message, False))
    if not workload.observed:
        found.append(Finding(part.key, part.name, f"{what} is updated but the rollout has not started"))
    elif workload.updated < workload.wanted:
        progress = f"{workload.updated} out of {counted(workload.wanted, 'pod')} updated"
        found.append(Finding(part.key, part.name, f"{what} is rolling out - {progress}"))
    return found


def _about_pod(pod: PartPod) -> list[Finding]:
    if pod.leaving:
        return []
    if pod.phase == "Failed":
        return [] if pod.reason in HARMLESS_FAILURES else [Finding(pod.part, pod.name, f"pod has failed: {pod.why}")]
    found = [Finding(pod.part, pod.name, trouble_text(trouble)) for trouble in pod.troubles]
    if pod.phase == "Pending" and not found:
        found.append(Finding(pod.part, pod.name, "pod is pending" + (f": {pod.why}" if pod.why else ""), False))
    return found


def trouble_text(trouble: ContainerTrouble) -> str:
    """As `container cilium-agent is in CrashLoopBackOff, exited with code 1: <last line of its message>`."""
    text = f"container {trouble.container} is in {trouble.reason}"
    if trouble.exit_code is not None:
        text += f", exited with code {trouble.exit_code}"
    said = _telling_line(trouble.message)
    return text + (f": {said}" if said else "")


def _telling_line(message: str) -> str:
    """The message may be the tail of a log, even one cut off too early: its last error, or its last line."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    errors = [line for line in lines if _LOGGED_ERROR.search(line)]
    if errors:
        return errors[-1][:300]
    return lines[-1][:300] if lines and "level=info" not in lines[-1] else ""


def hopeless(snapshot: Snapshot) -> list[tuple[PartPod, ContainerTrouble]]:
    """Containers for which waiting is pointless: they crash again and again, or their image cannot exist."""
    return [
        (pod, trouble)
        for pod in snapshot.part_pods
        for trouble in pod.troubles
        if not pod.leaving
        and (_impossible_image(trouble) or (trouble.crash_loop and trouble.restarts >= CRASH_RESTARTS))
    ]


def _impossible_image(trouble: ContainerTrouble) -> bool:
    """The name is no name, pulling is forbidden, or the registry answered that there is no such image."""
    if trouble.reason in ("InvalidImageName", "ErrImageNeverPull"):
        return True
    return trouble.reason in IMAGE_REASONS and _NO_SUCH_IMAGE.search(trouble.message) is not None


def _managed(snapshot: Snapshot) -> tuple[list[str], int | None]:
    """Names of the pods that have a network but no CiliumEndpoint, and the number of those that have one."""
    if snapshot.endpoints is None:
        return [], None
    managed, unmanaged = 0, []
    for pod in snapshot.cluster_pods:
        if (pod.namespace, pod.name) in snapshot.endpoints:
            managed += 1
        elif pod.has_address:
            unmanaged.append(f"{pod.namespace}/{pod.name}")
    return sorted(unmanaged), managed


def _about_pods(snapshot: Snapshot, unmanaged: Sequence[str]) -> list[Finding]:
    found = []
    if unmanaged:
        some = ", ".join(unmanaged[:5]) + (", ..." if len(unmanaged) > 5 else "")
        which = f"{counted(len(unmanaged), 'pod')} {agree(len(unmanaged), 'is', 'are')}"
        message = f"{which} not managed by Cilium (started before it?): {some}"
        found.append(Finding("pods", "", message, False))
    states = Counter(state for state in (snapshot.endpoints or {}).values() if state not in ("", "ready"))
    waiting = sum(states.values())
    if waiting:
        message = f"{counted(waiting, 'endpoint')} {agree(waiting, 'is', 'are')} not ready"
        found.append(Finding("cilium", "", message, False))
    return found


def _without_agent(snapshot: Snapshot) -> list[str]:
    covered = {pod.node for pod in snapshot.part_pods if pod.part == "cilium" and not pod.leaving}
    return sorted(node.name for node in snapshot.nodes if node.wants_agent and node.name not in covered)
