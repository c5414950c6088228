# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Upgrades: the allowed steps, what a release keeps of its first version, and the way back when the new one fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .._errors import CollectionError, InvalidInput, OperationFailed, TimedOut
from .._text import elapsed_text
from .._types import Json
from ..kube.interface import Kube
from .chart import minor_of
from .helm import Helm
from .plan import Plan, Surroundings
from .release import Release, read_history, read_records
from .rollout import evidence, parts_of, wait_working
from .valuetree import at
from .versions import upgrade_compatibility

NEWEST_PATCHES = {
    13: "1.13.18",
    14: "1.14.19",
    15: "1.15.19",
    16: "1.16.19",
    17: "1.17.18",
    18: "1.18.12",
    19: "1.19.6",
    20: "1.20.2",
}
"""The newest patch version of each minor version, as of November 2026; for remedies only."""
COMPATIBILITY = "upgradeCompatibility"


def check_step(installed: str, wished: str) -> None:
    """Refuse to skip minor versions, up or down: Cilium tests upgrades and rollbacks between neighbours only."""
    (old_major, old), (new_major, new) = minor_of(installed), minor_of(wished)
    if old_major != new_major or not old_major or abs(new - old) <= 1:
        return
    verb = "upgrade" if new > old else "downgrade"
    raise InvalidInput(
        f"chart_version={wished}: the installed Cilium is {installed}, and this {verb} skips minor versions; upgrades"
        " and rollbacks are tested between consecutive minor versions only.",
        option="chart_version",
        code="SkipsMinorVersions",
        remedy=f"Go step by step, each with its own run: {' -> '.join([installed, *path_between(installed, wished)])}.",
    )


def path_between(installed: str, wished: str) -> list[str]:
    """The versions to install one after the other, the wished one last. The patch of the installed minor comes first,
    since it knows best what the next minor version needs.
    """
    (major, old), (__, new) = minor_of(installed), minor_of(wished)
    step = 1 if new > old else -1
    first = old if step > 0 else old - 1
    found = [NEWEST_PATCHES.get(minor, f"{major}.{minor} (its newest patch)") for minor in range(first, new, step)]
    return [version for version in found if version.removeprefix("v") != installed.removeprefix("v")] + [wished]


def with_compatibility(kube: Kube, installed: Release | None, wished: str, values: Json) -> Json:
    """The values with upgradeCompatibility, the minor version that was installed first, where an upgrade needs it.

    With it the chart keeps defaults that would break what runs. What the user gives wins; what the release carries
    stays; otherwise the history of the release tells, which is read only when a minor version is crossed upwards.
    """
    if installed is None or at(values, COMPATIBILITY) is not None:
        return values
    kept = at(installed.values, COMPATIBILITY)
    if kept is None and minor_of(wished) > minor_of(installed.chart_version):
        history = read_history(kube, installed.name, installed.namespace)
        kept = upgrade_compatibility(installed.values, [release.chart_version for release in history])
    return {**values, COMPATIBILITY: kept} if kept else values


def changes_images(installed: Release, wished: str, values: Json) -> bool:
    """Whether nodes will need an image that they may not have: another version, or another image of the agent."""
    return installed.chart_version != wished or at(installed.values, "image") != at(values, "image")


@dataclass(frozen=True)
class Attempt:
    """One helm upgrade of a running release, that may have to be taken back to `before`.

    last_revision: the newest record before it.
    """

    plan: Plan
    around: Surroundings
    helm: Helm
    before: Release
    wished: str
    last_revision: int

    def run(self, upgrade: Callable[[], None], wait: Callable[[frozenset[str]], None]) -> None:
        """Upgrade and wait; wait takes the names of the pods that are replaced, and returns when the new ones work.

        Raises OperationFailed, after the way back where there is one, with the whole story.
        """
        kube = self.around.kube
        old_pods = frozenset(pod.name for pod in parts_of(kube, self.plan.namespace))
        try:
            upgrade()
            wait(old_pods)
        except (OperationFailed, TimedOut) as error:
            newest = read_records(kube, self.plan.release_name, self.plan.namespace).newest
            if newest is None or newest.revision == self.last_revision:
                # helm refused before it wrote anything: nothing to take back.
                raise
            pods = error.details.get("pods") or evidence(kube, self.plan.namespace, old_pods)
            raise self._taken_back(error, newest, pods) from error

    def _taken_back(self, error: CollectionError, newest: Release, pods: list[Json]) -> OperationFailed:
        tried = f"Cilium {self.wished} (revision {newest.revision} of {self.plan.target}) did not get ready"
        tried += f": {error.message.rstrip('.')}. "
        details: Json = {"tried": self.wished, "failure": error.facts(), "pods": pods}
        self.around.progress(f"Cilium: {error.message} Back to revision {self.before.revision}.")
        started = self.around.clock.monotonic()
        try:
            self.helm.rollback(
                self.plan.release_name, self.plan.namespace, self.before.revision, self.plan.wait_timeout_s
            )
            relay = at(self.before.values, "hubble.relay.enabled") is True
            failed = frozenset(str(pod.get("pod", "")).rpartition("/")[2] for pod in pods)
            wait_working(
                self.around.kube,
                self.plan.namespace,
                relay,
                self.plan.wait_timeout_s,
                self.around.clock,
                self.around.progress,
                old_pods=failed,
                settling=True,
            )
        except CollectionError as second:
            return OperationFailed(
                f"{tried}The way back to revision {self.before.revision} ({self.before.chart_version}) failed too:"
                f" {second.message}",
                code="RollbackFailed",
                target=self.plan.target,
                remedy="Look at the pods (details.pods, cilium_status), then run again with recover=true.",
                details={**details, "rollback": second.facts()},
                history=error.history,
            )
        seconds = self.around.clock.monotonic() - started
        after = read_records(self.around.kube, self.plan.release_name, self.plan.namespace).newest
        revision = after.revision if after else 0
        return OperationFailed(
            f"{tried}It was taken back within {elapsed_text(seconds)}: {self.before.chart_version} runs again as"
            f" revision {revision}, and everything is ready.",
            code="RolledBack",
            target=self.plan.target,
            remedy="Correct what the pods say (details.pods) and run again.",
            details={**details, "rolled_back_to": self.before.revision, "revision": revision},
            history=error.history,
        )
