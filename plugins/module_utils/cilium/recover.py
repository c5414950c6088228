# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Releases that helm left half way: what happened, and the way back to a state that helm can go on from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .._errors import Conflict
from .._text import elapsed_text
from .._types import Json
from .._wait import Look, wait_until
from .helm import Helm
from .plan import Plan, Surroundings
from .release import Records, Release, forget_revision, read_records
from .rollout import wait_removed

LOOK_EVERY_S = 2.0
STILL_S = 5.0
"""A record that was not touched for so long since it was judged is touched by nobody."""
PENDING = ("pending-install", "pending-upgrade", "pending-rollback")


@dataclass(frozen=True)
class Recovery:
    """The way out. action: rollback (to revision), forget (the record), uninstall (again), upgrade (over it)."""

    release: Release
    action: str
    revision: int = 0

    @property
    def text(self) -> str:
        """What is done about it."""
        if self.action == "rollback":
            return f"helm rollback to revision {self.revision}"
        if self.action == "forget":
            return f"removal of the record of revision {self.release.revision}, whose objects are then taken over"
        return "helm uninstall once more" if self.action == "uninstall" else "a new helm upgrade over it"

    def summary(self) -> Json:
        """The facts that the module returns."""
        return {"status": self.release.status, "revision": self.release.revision, "action": self.text}


def is_under_way(release: Release | None) -> bool:
    """Whether helm works on the release, or was stopped while it did."""
    return release is not None and release.status in (*PENDING, "uninstalling")


def recovery_of(records: Records) -> Recovery | None:
    """The way out for a release that is stuck or failed; None for one that is neither."""
    newest = records.newest
    if newest is None or not (is_under_way(newest) or newest.status == "failed"):
        return None
    if newest.status == "failed":
        return Recovery(newest, "upgrade")
    if newest.status == "uninstalling":
        return Recovery(newest, "uninstall")
    back_to = records.deployed.revision if records.deployed else 0
    # A rollback that was stopped is finished: the revision that it left is the one that did not work.
    begun = re.search(r"Rollback to (\d+)", newest.description) if newest.status == "pending-rollback" else None
    back_to = int(begun[1]) if begun else back_to
    return Recovery(newest, "rollback", back_to) if back_to else Recovery(newest, "forget")


def age_of(release: Release, now: float) -> float | None:
    """Seconds since helm last wrote the record, never negative; None when the record does not tell."""
    return None if release.touched is None else max(0.0, now - release.touched)


def wait_for_other_helm(plan: Plan, around: Surroundings, records: Records) -> Records:
    """While a pending record is so young that its helm probably runs, wait for it; the records afterwards."""
    if not plan.wait or around.check_mode or not _is_young(plan, around, records.newest):
        return records

    def look() -> Look[Records]:
        seen = read_records(around.kube, plan.release_name, plan.namespace)
        state = seen.newest.status if seen.newest else "gone"
        return Look(not _is_young(plan, around, seen.newest), f"release is {state}", seen)

    return wait_until(
        look,
        what="other helm",
        # Whatever the clocks of the two machines say, this long is enough.
        timeout_s=plan.patience_s + LOOK_EVERY_S,
        interval_s=LOOK_EVERY_S,
        clock=around.clock,
        progress=around.progress,
        remedy=f"One helm after another works on {plan.target}, or the clock of this machine is behind: run again"
        " when they are done.",
    )


def _is_young(plan: Plan, around: Surroundings, release: Release | None) -> bool:
    if release is None or not is_under_way(release):
        return False
    age = age_of(release, around.now())
    return age is not None and age < plan.patience_s


def check_recovery(plan: Plan, around: Surroundings, recovery: Recovery) -> None:
    """Raise Conflict for a release that another helm probably works on, or whose recovery was not asked for."""
    release = recovery.release
    young = _is_young(plan, around, release)
    if plan.recover and not young:
        return
    age = age_of(release, around.now())
    since = f" for {elapsed_text(age)}" if age is not None else f" since {release.updated}"
    story = f"The Helm release {plan.target} is {release.status}{since} (revision {release.revision}"
    story += f", chart {release.chart_version})"
    if release.status == "failed":
        code, story = "ReleaseFailed", f"{story}: {release.description or 'helm did not say why'}"
        remedy = "Set recover=true to upgrade over it."
    elif young:
        code, story = "ReleaseBusy", f"{story}: another helm is probably at work on it"
        remedy = f"Wait for it; after {elapsed_text(plan.patience_s)} it counts as left behind (recover_after, but at"
        remedy += " least wait_timeout and two minutes)."
    else:
        code, story = "ReleasePending", f"{story}: its helm was stopped half way, no helm needs that long"
        remedy = f"Set recover=true for {recovery.text}."
    raise Conflict(f"{story.rstrip('.')}.", code=code, option="recover", target=plan.target, remedy=remedy)


def _require_still(plan: Plan, around: Surroundings, release: Release) -> None:
    around.clock.sleep(STILL_S)
    now = read_records(around.kube, plan.release_name, plan.namespace).newest
    if now is not None and (now.revision, now.status, now.touched) == (
        release.revision,
        release.status,
        release.touched,
    ):
        return
    state = f"{now.status} (revision {now.revision})" if now else "gone"
    raise Conflict(
        f"The Helm release {plan.target} was {release.status} (revision {release.revision}) and is {state} now:"
        " another helm is at work on it.",
        code="ReleaseBusy",
        option="recover",
        target=plan.target,
        remedy="Wait for it, and run again.",
    )


def recover(plan: Plan, around: Surroundings, helm: Helm, recovery: Recovery) -> Records:
    """Free the release so that helm can go on; the records afterwards. Nothing to do for a failed one.

    Raises Conflict when the record changed since it was judged: its helm lives.
    """
    if recovery.action == "upgrade":
        return read_records(around.kube, plan.release_name, plan.namespace)
    _require_still(plan, around, recovery.release)
    around.progress(f"helm: {plan.target} is {recovery.release.status}: {recovery.text}")
    if recovery.action == "forget":
        forget_revision(around.kube, recovery.release)
    elif recovery.action == "rollback":
        helm.rollback(plan.release_name, plan.namespace, recovery.revision, plan.wait_timeout_s)
    else:
        helm.uninstall(plan.release_name, plan.namespace, plan.wait_timeout_s)
        wait_removed(around.kube, plan.namespace, plan.wait_timeout_s, around.clock, around.progress)
    return read_records(around.kube, plan.release_name, plan.namespace)
