# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What an operator does next, from what a look at Cilium found."""

from __future__ import annotations

from collections.abc import Iterator

from .._text import agree, counted
from .agent_health import deaf_proxies
from .detect import Installation
from .policies_health import missing_on
from .snapshot import Snapshot
from .status import Status


def next_steps(status: Status, snapshot: Snapshot, install: Installation) -> list[str]:
    """Sentences, the most urgent first; one at least."""
    if not snapshot.installed and "cilium" not in snapshot.refused:
        return [where_else(snapshot) or _about_none(install)]
    steps = [*_about_rights(snapshot), *_about_parts(status, snapshot), *_about_policies(snapshot)]
    if status.unmanaged:
        number = len(status.unmanaged)
        steps.append(
            f"Restart {agree(number, 'the pod', f'the {number} pods')} that Cilium does not manage (cilium with"
            f" restart_unmanaged): no policy holds for {agree(number, 'it', 'them')}."
        )
    if steps:
        return steps
    if not snapshot.policies:
        return ["All is well, and no policy is in force: see who talks to whom, then run the playbook harden."]
    return ["All is well."]


def where_else(snapshot: Snapshot) -> str:
    """What to do where the namespace has no Cilium and the cluster shows one; empty otherwise."""
    if snapshot.installed or "cilium" in snapshot.refused:
        return ""
    none = f"There is no Cilium in namespace {snapshot.namespace}, but"
    if snapshot.elsewhere:
        return f"{none} there is one in namespace {snapshot.elsewhere}: set namespace={snapshot.elsewhere}."
    if snapshot.endpoints:
        return (
            f"{none} the cluster has CiliumEndpoints: name Cilium's namespace with namespace=. They may also be what a"
            " Cilium left that was removed."
        )
    return ""


def _about_none(install: Installation) -> str:
    if install.manager == "aks":
        return "AKS manages Cilium on this cluster, and its agents are not there yet: wait, or ask Azure's support."
    return "Cilium is not installed: run the playbook cilium, or create the cluster with Cilium in it."


def _about_rights(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.refused:
        yield grants_text(snapshot.namespace)


def grants_text(namespace: str) -> str:
    """The rights that a look at Cilium needs."""
    return (
        f"Grant get on DaemonSets, Deployments and ConfigMaps in namespace {namespace}, and list on Nodes, Pods and"
        " CiliumEndpoints of the cluster: what may not be read is not judged."
    )


def _about_parts(status: Status, snapshot: Snapshot) -> Iterator[str]:
    kubectl = f"kubectl -n {snapshot.namespace}"
    troubled = [pod for pod in snapshot.part_pods if pod.troubles and not pod.leaving]
    if troubled:
        pod, container = troubled[0], troubled[0].troubles[0].container
        yield f"Read why {pod.name} does not run: {kubectl} logs {pod.name} -c {container} --previous"
    for component in status.components.values():
        if component.workload is not None and component.workload.wanted == 0:
            part = component.part
            yield f"{part.label} runs nowhere: scale {part.kind.kind} {part.name} up, or look at its node selector."
    if status.nodes_without_agent:
        number = len(status.nodes_without_agent)
        have = f"{counted(number, 'node')} {agree(number, 'has', 'have')}"
        yield f"Find out why {have} no agent: {kubectl} describe daemonset cilium"
    failed = [probe.pod for probe in snapshot.probes if probe.error]
    if failed and not troubled:
        yield f"Read why an agent gave no answer: {kubectl} logs {failed[0]} -c cilium-agent"


def _about_policies(snapshot: Snapshot) -> Iterator[str]:
    invalid = [policy.key for policy in snapshot.policies if policy.valid is False]
    if invalid:
        number = len(invalid)
        which = agree(number, "the policy that is", f"the {number} policies that are")
        yield f"Correct or remove {which} not valid; cilium_policy names the field."
    deaf = deaf_proxies(snapshot)
    for proxy in sorted(deaf)[:1]:
        yield f"Policies need the proxy {proxy}, which does not listen: look at Envoy, or drop these rules."
    if missing_on(snapshot):
        yield "Look at the agents that have not loaded a policy, or wait: cilium_status with wait_for=policies."
