# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Removes Cilium: the release, its state on the nodes, its taints and its CRDs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from .._errors import CollectionError, Conflict
from .._text import agree, counted
from .._types import Json, Result
from ..kube.kinds import DAEMON_SET
from .checks import maker_of, refuse_other_chart
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
from .detect import agent_daemon_set, refuse_managed, release_name_of
from .helm import Helm
from .install import managed_fields
from .plan import CountingRunner, Plan, Surroundings
from .preflight import clean_up, release_of
from .recover import check_recovery, recovery_of, wait_for_other_helm
from .release import Release, check_name, is_installed, read_records
from .rollout import wait_removed
from .valuetree import secrets_of

NODES_TIMEOUT_S = 180.0
"""Cleaning a node takes seconds; a node that is down must not keep the rest waiting for long."""


@dataclass(frozen=True)
class _Found:
    """What there is to remove. agents: those of this release; foreign: the namespace has agents of somebody else.

    cleaner, preflight: what an earlier run that was stopped left.
    """

    release: Release | None
    agents: Json | None
    foreign: bool
    cleaner: bool
    preflight: bool
    left: Leftovers


def remove(plan: Plan, around: Surroundings) -> Result:
    """Uninstall the release and, unless told to keep them, what it leaves: node state, taints, CRDs.

    A run that was stopped half way is taken up by the next one. Raises Unsupported on managed Cilium, Conflict while
    another helm works on the release, when it is not Cilium's, and when its record is lost.
    """
    check_name(plan.release_name, "release_name")
    check_name(plan.namespace, "namespace")
    agents = agent_daemon_set(around.kube, plan.namespace)
    refuse_managed(around.kube, agents)
    first = read_records(around.kube, plan.release_name, plan.namespace)
    refuse_other_chart(plan, first.newest)
    records = wait_for_other_helm(plan, around, first)
    if records is not first:
        # The other helm may have made them, or removed them.
        agents = agent_daemon_set(around.kube, plan.namespace)
    recovery = recovery_of(records)
    if recovery is not None:
        # Whatever state it is in, removing it is what was asked for; only a helm that still runs is in the way.
        check_recovery(replace(plan, recover=True), around, recovery)
    release = records.newest if is_installed(records.newest) else None
    if release is None and _is_foreign(plan, around, agents):
        return _result(False, None, Leftovers(), 0)
    for secret in secrets_of(release.values) if release else []:
        around.hide(secret)
    found = _find(plan, around, release, agents)
    left = found.left
    disarm = found.cleaner and not _may_clean(plan, found)
    cleaner = disarm or (found.cleaner and plan.wait)
    changed = release is not None or cleaner or found.preflight or bool(left.crds or left.tainted)
    if around.check_mode or not changed:
        return _result(changed, release, left, 0)
    if disarm:
        stop_cleaner(around.kube, plan.namespace)
    runner = CountingRunner(around.runner)
    if release is not None or found.preflight:
        _uninstall(plan, around, Helm(plan.helm_binary, runner), found)
    dirty = _clean(plan, around, found) if plan.wait and not found.foreign else {}
    return _result(True, release, left, runner.processes, dirty)


def _find(plan: Plan, around: Surroundings, release: Release | None, agents: Json | None) -> _Found:
    kube = around.kube
    foreign = agents is not None and release_name_of(agents) != plan.release_name
    found = _Found(
        release=release,
        agents=None if foreign else agents,
        foreign=foreign,
        cleaner=kube.get(DAEMON_SET, CLEANER, plan.namespace) is not None,
        preflight=read_records(kube, release_of(plan), plan.namespace).newest is not None,
        left=Leftovers() if foreign else _leftovers(plan, around, agents),
    )
    if foreign and agents is not None:
        around.warn(
            f"The Cilium that runs in {plan.namespace} was installed {maker_of(agents)}: beside the release"
            f" {plan.target} nothing is removed, neither from the nodes nor the CRDs."
        )
    elif release is not None and plan.wait and agents is None and not found.cleaner and _may_clean(plan, found):
        around.warn(
            "There are no agents any more that the nodes could be cleaned with: where they ran, restart or replace the"
            " nodes."
        )
    return found


def _may_clean(plan: Plan, found: _Found) -> bool:
    return not found.foreign and "node_state" not in plan.keep


def _is_foreign(plan: Plan, around: Surroundings, agents: Json | None) -> bool:
    """Whether a Cilium that is not of this release runs somewhere; it is left alone, with everything it needs.

    Raises Conflict for objects of this release: without its record helm cannot tell what belongs to it.
    """
    if agents is not None and release_name_of(agents) == plan.release_name:
        if agents["metadata"].get("deletionTimestamp"):
            return False
        raise Conflict(
            f"Cilium runs as the Helm release {plan.target}, but helm has no record of it and cannot remove it.",
            code="ReleaseRecordLost",
            option="release_name",
            target=plan.target,
            remedy="Run state=present with recover=true first, which takes its objects over, then state=absent again.",
        )
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
    ours = f"{plan.namespace}/cilium" if agents is not None else ""
    others = [name for name in agents_anywhere(around.kube) if name != ours]
    if others:
        around.warn(f"Another Cilium runs as {others[0]}: its CRDs are kept.")
        left.crds, left.objects = [], {}
    return left


def _uninstall(plan: Plan, around: Surroundings, helm: Helm, found: _Found) -> None:
    helm.version()
    with around.kube.kubeconfig_file() as kubeconfig:
        helm = replace(helm, kubeconfig=kubeconfig)
        clean_up(plan, around, helm)
        if found.release is None:
            return
        around.progress(f"helm: uninstall {plan.target}")
        try:
            if found.agents is not None and plan.wait and _may_clean(plan, found):
                start_cleaner(around.kube, found.agents)
            helm.uninstall(plan.release_name, plan.namespace, plan.wait_timeout_s)
        except BaseException:
            # Also for a run that is stopped (Ctrl-C): whatever happened is the error to tell.
            with contextlib.suppress(CollectionError):
                _disarm(plan, around)
            raise


def _disarm(plan: Plan, around: Surroundings) -> None:
    """Where the agents stay, no node that loses its agent for a moment may be cleaned.

    Without them the cleanup is kept: the next run could not make it any more.
    """
    agents = agent_daemon_set(around.kube, plan.namespace)
    if agents is not None and not agents["metadata"].get("deletionTimestamp"):
        stop_cleaner(around.kube, plan.namespace)


def _clean(plan: Plan, around: Surroundings, found: _Found) -> dict[str, str]:
    """All that helm does not remove; the nodes that could not be cleaned."""
    kube, clock, progress, left = around.kube, around.clock, around.progress, found.left
    down = wait_removed(kube, plan.namespace, plan.wait_timeout_s, clock, progress)
    dirty = {}
    if _may_clean(plan, found):
        patience = min(NODES_TIMEOUT_S, plan.wait_timeout_s)
        dirty = wait_cleaned(kube, plan.namespace, patience, clock, progress, down)
    if dirty:
        told = "; ".join(f"{node}: {what}" for node, what in list(dirty.items())[:5])
        number = len(dirty)
        still = f"{counted(number, 'node')} still {agree(number, 'has', 'have')} state of Cilium"
        around.warn(f"{still}, restart or replace {agree(number, 'it', 'them')}: {told}")
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
