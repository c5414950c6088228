# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What an operator does next, from what a look at Cilium found."""

from __future__ import annotations

from collections.abc import Iterator

from .agent_health import deaf_proxies
from .detect import Installation
from .policies_health import missing_on
from .snapshot import Snapshot
from .status import Status


def next_steps(status: Status, snapshot: Snapshot, install: Installation) -> list[str]:
    """Sentences, the most urgent first; one at least."""
    if install.manager == "none":
        return ["Cilium is not installed: run the playbook cilium, or create the cluster with Cilium in it."]
    steps = [*_about_parts(status, snapshot), *_about_policies(snapshot)]
    if status.unmanaged:
        steps.append(
            f"Restart the {len(status.unmanaged)} pods that Cilium does not manage (cilium with restart_unmanaged):"
            " no policy holds for them."
        )
    if steps:
        return steps
    if not snapshot.policies:
        return ["All is well, and no policy is in force: see who talks to whom, then run the playbook harden."]
    return ["All is well."]


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
        count = len(status.nodes_without_agent)
        yield f"Find out why {count} nodes have no agent: {kubectl} describe daemonset cilium"
    failed = [probe.pod for probe in snapshot.probes if probe.error]
    if failed and not troubled:
        yield f"Read why an agent gave no answer: {kubectl} logs {failed[0]} -c cilium-agent"


def _about_policies(snapshot: Snapshot) -> Iterator[str]:
    invalid = [policy.key for policy in snapshot.policies if policy.valid is False]
    if invalid:
        yield f"Correct or remove the {len(invalid)} policies that are not valid; cilium_policy names the field."
    deaf = deaf_proxies(snapshot)
    if deaf:
        yield f"Policies need the proxy {next(iter(deaf))}, which does not listen: look at Envoy, or drop these rules."
    if missing_on(snapshot):
        yield "Look at the agents that have not loaded a policy, or wait: cilium_status with wait_for=policies."
