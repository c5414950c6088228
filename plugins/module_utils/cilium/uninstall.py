# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Removes Cilium: the release, its state on the nodes, its taints and its CRDs."""

from __future__ import annotations

from dataclasses import replace

from .._errors import CollectionError
from .._types import Json, Result
from ..kube.kinds import DAEMON_SET
from .checks import maker_of
from .cleanup import (
    CLEANER,
    Leftovers,
    agents_anywhere,
    find_leftovers,
    remove_crds,
    remove_lease,
    remove_taints,
    start_cleaner,
    stop_cleaner,
    wait_cleaned,
)
from .detect import agent_daemon_set, refuse_managed
from .helm import Helm
from .install import managed_fields
from .plan import CountingRunner, Plan, Surroundings
from .preflight import clean_up
from .recover import check_recovery, recovery_of, wait_for_other_helm
from .release import Release, check_name, is_installed, read_records
from .rollout import wait_removed
from .valuetree import secrets_of

NODES_TIMEOUT_S = 180.0
"""Cleaning a node takes seconds; a node that is down must not keep the rest waiting for long."""


def remove(plan: Plan, around: Surroundings) -> Result:
    """Uninstall the release and, unless told to keep them, what it leaves: node state, taints, CRDs.

    A run that was stopped half way is taken up by the next one. Raises Unsupported on managed Cilium, Conflict while
    another helm works on the release.
    """
    check_name(plan.release_name, "release_name")
    check_name(plan.namespace, "namespace")
    agents = agent_daemon_set(around.kube, plan.namespace)
    refuse_managed(around.kube, agents)
    records = wait_for_other_helm(plan, around, read_records(around.kube, plan.release_name, plan.namespace))
    recovery = recovery_of(records)
    if recovery is not None:
        # Whatever state it is in, removing it is what was asked for; only a helm that still runs is in the way.
        check_recovery(replace(plan, recover=True), around, recovery)
    release = records.newest if is_installed(records.newest) else None
    if release is None and _is_foreign(plan, around, agents):
        return _result(False, None, Leftovers(), 0)
    for secret in secrets_of(release.values) if release else []:
        around.hide(secret)
    left = _leftovers(plan, around, agents)
    cleaner = around.kube.get(DAEMON_SET, CLEANER, plan.namespace) is not None
    changed = release is not None or cleaner or bool(left.crds or left.tainted)
    if around.check_mode or not changed:
        return _result(changed, release, left, 0)
    runner = CountingRunner(around.runner)
    if release is not None:
        _uninstall(plan, around, Helm(plan.helm_binary, runner), agents)
    dirty = _clean(plan, around, left) if plan.wait else {}
    return _result(True, release, left, runner.processes, dirty)


def _is_foreign(plan: Plan, around: Surroundings, agents: Json | None) -> bool:
    """Whether a Cilium that is not of this release runs somewhere; it is left alone, with everything it needs."""
    if agents is not None:
        around.warn(
            f"There is no Helm release {plan.target}, but a Cilium that was installed {maker_of(agents)}; it was left"
            " alone."
        )
        return True
    elsewhere = agents_anywhere(around.kube)
    if elsewhere:
        around.warn(f"There is no Helm release {plan.target}, but Cilium runs as {elsewhere[0]}; it was left alone.")
    return bool(elsewhere)


def _leftovers(plan: Plan, around: Surroundings, agents: Json | None) -> Leftovers:
    """What goes with it. Without wait only the release goes: the rest is in use until the agents are gone."""
    if not plan.wait:
        return Leftovers()
    left = find_leftovers(around.kube, crds="crds" not in plan.keep)
    if agents is None:
        return left
    others = [name for name in agents_anywhere(around.kube) if name != f"{plan.namespace}/cilium"]
    if others:
        around.warn(f"Another Cilium runs as {others[0]}: its CRDs are kept.")
        left.crds, left.objects = [], {}
    return left


def _uninstall(plan: Plan, around: Surroundings, helm: Helm, agents: Json | None) -> None:
    helm.version()
    clean_nodes = plan.wait and agents is not None and "node_state" not in plan.keep
    if clean_nodes and agents is not None:
        start_cleaner(around.kube, agents)
    around.progress(f"helm: uninstall {plan.target}")
    with around.kube.kubeconfig_file() as kubeconfig:
        helm = replace(helm, kubeconfig=kubeconfig)
        try:
            clean_up(plan, around, helm)
            helm.uninstall(plan.release_name, plan.namespace, plan.wait_timeout_s)
        except CollectionError:
            if clean_nodes:
                # The agents stay, and no node that loses its agent for a moment may be cleaned.
                stop_cleaner(around.kube, plan.namespace)
            raise


def _clean(plan: Plan, around: Surroundings, left: Leftovers) -> dict[str, str]:
    """All that helm does not remove; the nodes that could not be cleaned."""
    kube, clock, progress = around.kube, around.clock, around.progress
    wait_removed(kube, plan.namespace, plan.wait_timeout_s, clock, progress)
    dirty = wait_cleaned(kube, plan.namespace, min(NODES_TIMEOUT_S, plan.wait_timeout_s), clock, progress)
    if dirty:
        told = "; ".join(f"{node}: {what}" for node, what in list(dirty.items())[:5])
        around.warn(f"{len(dirty)} nodes still have state of Cilium, restart or replace them: {told}")
    remove_lease(kube, plan.namespace)
    if left.crds:
        remove_crds(kube, left.crds, plan.wait_timeout_s, clock, progress)
    # Agents and operator, which set the taint anew, are gone by now.
    remove_taints(kube, find_leftovers(kube, crds=False).tainted)
    return dirty


def _result(
    changed: bool, release: Release | None, left: Leftovers, processes: int, dirty: dict[str, str] | None = None
) -> Result:
    before = {**managed_fields(release), "leftovers": left.summary()} if changed else {}
    return Result(
        changed=changed,
        values={
            "release": {},
            "cilium_values": {},
            "helm_processes": processes,
            "removed": left.summary(),
            "nodes_not_cleaned": dirty or {},
        },
        before=before,
        after={},
    )
