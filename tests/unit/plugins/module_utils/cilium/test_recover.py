# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import Conflict, InvalidInput, TimedOut
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.install import ensure
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.plan import Plan, Surroundings
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.recover import age_of, recovery_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.release import (
    Records,
    parse_release,
    read_records,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.uninstall import remove
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import Wish
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import DAEMON_SET
from cilium_documents import chart_directory, daemon_set, node, release_secret
from fake_helm import FakeHelm, Killed
from fakes import FakeClock, FakeKube

WISH = Wish("aks_byo_cni", cluster_name="lab", pod_cidrs=["10.244.0.0/16"], operator_replicas=1)
OTHER = replace(WISH, overlay={"debug": {"enabled": True}})


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube().add(node())


@pytest.fixture
def helm(kube: FakeKube) -> FakeHelm:
    return FakeHelm(kube)


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def around(kube: FakeKube, helm: FakeHelm, lines: list[str]) -> Surroundings:
    def nothing(text: str) -> None:
        """No interest in warnings and secrets."""

    clock = FakeClock()
    return Surroundings(
        kube, helm, clock, lines.append, nothing, nothing, check_mode=False, now=lambda: helm.now + clock.now
    )


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan("cilium", "kube-system", chart_directory(tmp_path), "", "", WISH, "helm", True, 60.0)


def records(*secrets: Json) -> Records:
    return read_records(FakeKube().add(*secrets), "cilium", "kube-system")


@pytest.mark.parametrize(
    ("secrets", "action", "revision"),
    [
        ([release_secret({})], None, 0),
        ([release_secret({}, status="uninstalled")], None, 0),
        ([release_secret({}, status="pending-install")], "forget", 0),
        ([release_secret({}), release_secret({}, revision=2, status="pending-upgrade")], "rollback", 1),
        ([release_secret({}, status="failed"), release_secret({}, revision=2, status="pending-upgrade")], "forget", 0),
        (
            [
                release_secret({}, revision=2),
                release_secret({}, revision=3, status="pending-rollback", description="Rollback to 1"),
            ],
            "rollback",
            1,
        ),
        ([release_secret({}, status="uninstalling")], "uninstall", 0),
        ([release_secret({}, status="failed")], "upgrade", 0),
    ],
)
def test_the_way_out_of_each_state(secrets: list[Json], action: str | None, revision: int) -> None:
    recovery = recovery_of(records(*secrets))
    assert (recovery.action if recovery else None) == action
    assert (recovery.revision if recovery else 0) == revision


def test_an_age_is_never_negative_and_may_be_unknown() -> None:
    release = parse_release(release_secret({}, touched=100))
    assert age_of(release, 160.0) == 60.0
    assert age_of(release, 40.0) == 0.0
    assert age_of(parse_release(release_secret({})), 160.0) is None


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        ("pending-install", "ReleasePending", "removal of the record of revision 1"),
        ("pending-upgrade", "ReleasePending", "recover=true"),
        ("uninstalling", "ReleasePending", "helm uninstall once more"),
        ("failed", "ReleaseFailed", "upgrade over it"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_stuck_release_is_explained(
    plan: Plan,
    around: Surroundings,
    kube: FakeKube,
    helm: FakeHelm,
    status: str,
    code: str,
    told: str,
    check_mode: bool,
) -> None:
    kube.add(release_secret({}, status=status, touched=helm.now - 4000, description="timed out"), daemon_set())
    with pytest.raises(Conflict) as caught:
        ensure(plan, replace(around, check_mode=check_mode))
    assert (caught.value.code, caught.value.option) == (code, "recover")
    assert f"{status} for 1 h 6 min (revision 1, chart 1.20.2)" in caught.value.message
    assert told in caught.value.remedy
    assert helm.calls == []
    assert kube.writes == []


def test_a_young_record_is_waited_for_until_its_helm_is_done(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, lines: list[str]
) -> None:
    ensure(plan, around)
    values = helm.values[-1]
    kube.add(release_secret(values, revision=2, status="pending-upgrade", touched=helm.now))

    def finish() -> None:
        if clock.now >= 6:
            kube.add(release_secret(values, revision=2, touched=helm.now))

    clock = FakeClock()
    clock.during_sleep.append(finish)
    result = ensure(plan, replace(around, clock=clock))
    assert result.changed is False
    assert clock.now == 6
    assert any("other helm: release is pending-upgrade" in line for line in lines)


def test_a_young_record_is_not_waited_for_without_wait_and_never_recovered(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    kube.add(release_secret({}, status="pending-install", touched=helm.now - 12))
    for act in (ensure, remove):
        with pytest.raises(Conflict, match=r"for 12 s .*another helm is probably at work") as caught:
            act(replace(plan, wait=False, recover=True), around)
        assert caught.value.code == "ReleaseBusy"
    assert kube.writes == []


def test_a_record_that_stays_pending_gets_old_and_is_then_recovered(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    kube.add(release_secret({}, status="pending-install", touched=helm.now))
    result = ensure(replace(plan, recover=True), around)
    assert around.clock.monotonic() >= 900
    assert result.changed
    assert result.values["recovery"] == {
        "status": "pending-install",
        "revision": 1,
        "action": "removal of the record of revision 1, whose objects are then taken over",
    }
    assert helm.statuses() == ["deployed"]


def test_check_mode_plans_the_recovery_and_writes_nothing(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    ensure(plan, around)
    kube.add(release_secret({}, revision=2, status="pending-upgrade", touched=helm.now - 4000))
    kube.writes.clear()
    helm.calls.clear()
    result = ensure(replace(plan, recover=True), replace(around, check_mode=True))
    assert result.changed
    assert result.values["recovery"]["action"] == "helm rollback to revision 1"
    assert result.before is not None
    assert result.after is not None
    assert (result.before["status"], result.after["status"]) == ("pending-upgrade", "deployed")
    assert helm.verbs == []
    assert kube.writes == []


def test_a_failed_release_is_upgraded_over_on_request(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    kube.add(release_secret({}, status="failed", touched=helm.now - 4000))
    assert ensure(replace(plan, recover=True), around).changed
    assert helm.verbs == ["upgrade"]


def test_objects_without_a_record_are_taken_over_on_request(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    """A recovery that was stopped after the record was dropped."""
    kube.add(daemon_set())
    with pytest.raises(Conflict) as caught:
        ensure(plan, around)
    assert "recover=true" in caught.value.remedy
    assert ensure(replace(plan, recover=True), around).changed


@pytest.mark.parametrize("status", ["pending-install", "failed", "uninstalling", "pending-upgrade"])
def test_removal_is_possible_from_every_state(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, status: str
) -> None:
    kube.add(release_secret({}, status=status, touched=helm.now - 4000))
    assert remove(plan, around).changed
    assert helm.records() == []


def kill_points(start: Wish | None) -> list[int]:
    """Steps of helm in one run; before, between and after everything that it does."""
    return list(range(12)) if start is None else list(range(16))


@pytest.mark.parametrize("kill_at", kill_points(None))
def test_an_install_that_is_killed_anywhere_converges(
    plan: Plan, around: Surroundings, helm: FakeHelm, kill_at: int
) -> None:
    helm.kill_at = kill_at
    try:
        ensure(plan, around)
    except Killed:
        helm.revive()
    helm.now += 4000
    ensure(replace(plan, recover=True), around)
    assert helm.statuses()[-1] == "deployed"
    assert ensure(plan, around).changed is False


@pytest.mark.parametrize("kill_at", kill_points(WISH))
def test_an_upgrade_that_is_killed_anywhere_converges(
    plan: Plan, around: Surroundings, helm: FakeHelm, tmp_path: Path, kill_at: int
) -> None:
    """Preflight, upgrade, or the way back: the second run gets to the wish, and leaves no preflight behind."""
    ensure(plan, around)
    newer = replace(plan, chart=chart_directory(tmp_path / "newer", "1.21.0"), wish=OTHER)
    helm.kill_at, helm.steps = kill_at, 0
    try:
        ensure(newer, around)
    except Killed:
        helm.revive()
    helm.now += 4000
    result = ensure(replace(newer, recover=True), around)
    assert result.values["release"]["chart_version"] == "1.21.0"
    assert helm.statuses()[-1] == "deployed"
    assert helm.records("cilium-preflight") == []
    assert ensure(newer, around).changed is False


@pytest.mark.parametrize("kill_at", range(10))
def test_a_removal_that_is_killed_anywhere_is_taken_up(
    plan: Plan, around: Surroundings, helm: FakeHelm, kube: FakeKube, kill_at: int
) -> None:
    ensure(plan, around)
    helm.kill_at, helm.steps = kill_at, 0
    try:
        remove(plan, around)
    except Killed:
        helm.revive()
    helm.now += 4000
    remove(plan, around)
    assert helm.records() == []
    assert remove(plan, around).changed is False


@pytest.mark.parametrize(
    ("recover_after", "wait_timeout", "patience"), [(900, 60, 900), (1, 600, 720), (3000, 60, 3000)]
)
def test_a_helm_may_take_as_long_as_it_was_told(
    plan: Plan,
    around: Surroundings,
    kube: FakeKube,
    helm: FakeHelm,
    recover_after: int,
    wait_timeout: int,
    patience: int,
) -> None:
    plan = replace(plan, wait=False, recover=True, recover_after_s=recover_after, wait_timeout_s=wait_timeout)
    kube.add(release_secret({}, status="pending-install", touched=helm.now - patience + 1))
    with pytest.raises(Conflict) as caught:
        ensure(plan, around)
    assert caught.value.code == "ReleaseBusy"
    kube.add(release_secret({}, status="pending-install", touched=helm.now - patience))
    assert ensure(plan, around).changed


def test_a_record_that_is_touched_at_the_last_moment_is_left_alone(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    kube.add(release_secret({}, status="pending-install", touched=helm.now - 4000))
    clock = FakeClock()
    clock.during_sleep.append(lambda: kube.add(release_secret({}, status="deployed", touched=helm.now)))
    with pytest.raises(Conflict, match=r"was pending-install .* and is deployed \(revision 1\) now") as caught:
        ensure(replace(plan, recover=True), replace(around, clock=clock))
    assert caught.value.code == "ReleaseBusy"
    assert helm.verbs == []
    assert kube.writes == []


def test_a_wait_for_another_helm_that_never_ends_has_a_remedy(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    kube.add(release_secret({}, status="pending-install", touched=helm.now + 9000))
    with pytest.raises(TimedOut) as caught:
        ensure(plan, around)
    assert "clock of this machine" in caught.value.remedy


@pytest.mark.parametrize("status", ["pending-upgrade", "pending-rollback", "uninstalling"])
@pytest.mark.parametrize(
    "change", [{"wish": replace(WISH, overlay={"nosuchkey": 1})}, {"wish": replace(WISH, pod_cidrs=["172.18.0.0/16"])}]
)
def test_bad_input_is_refused_before_anything_is_recovered(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, status: str, change: dict[str, Wish]
) -> None:
    ensure(plan, around)
    kube.add(release_secret({}, revision=2, status=status, description="Rollback to 1", touched=helm.now - 4000))
    helm.calls.clear()
    kube.writes.clear()
    with pytest.raises(InvalidInput):
        ensure(replace(plan, recover=True, **change), around)
    assert helm.calls == []
    assert kube.writes == []


def test_a_step_over_minor_versions_is_refused_before_anything_is_recovered(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, tmp_path: Path
) -> None:
    ensure(plan, around)
    kube.add(release_secret({}, revision=2, status="pending-upgrade", touched=helm.now - 4000))
    helm.calls.clear()
    with pytest.raises(InvalidInput) as caught:
        ensure(replace(plan, recover=True, chart=chart_directory(tmp_path / "new", "1.22.0")), around)
    assert caught.value.code == "SkipsMinorVersions"
    assert helm.verbs == []


def test_after_a_recovery_the_change_has_its_preflight_and_its_way_back(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, tmp_path: Path
) -> None:
    """The agents of the revision that was left half way are not ready; those of the one before are in a moment."""
    ensure(plan, around)
    kube.add(release_secret({}, revision=2, status="pending-upgrade", touched=helm.now - 4000))
    helm.calls.clear()

    def slow(argv: Any, *, timeout_s: float, stdin: str | None = None) -> Any:
        done = helm(argv, timeout_s=timeout_s, stdin=stdin)
        if argv[1] == "rollback":
            kube.add(daemon_set(ready=0))
        return done

    clock = FakeClock()
    clock.during_sleep.append(lambda: kube.add(daemon_set()))
    newer = replace(plan, recover=True, chart=chart_directory(tmp_path / "new", "1.20.3"))
    result = ensure(newer, replace(around, runner=slow, clock=clock))
    assert result.values["preflight"] is True
    assert helm.verbs == ["rollback", "upgrade preflight", "uninstall preflight", "upgrade"]


def test_a_recovery_whose_revision_does_not_work_is_an_error_unless_it_is_corrected(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    ensure(plan, around)
    kube.add(release_secret({}, revision=2, status="pending-upgrade", touched=helm.now - 4000))
    warnings: list[str] = []
    helm.breaks = lambda values: "debug" not in values
    corrected = replace(plan, recover=True, wish=OTHER)
    assert ensure(corrected, replace(around, warn=warnings.append)).changed
    assert "no way back" in warnings[0]
    kube.add(release_secret({}, revision=9, status="pending-upgrade", touched=helm.now - 4000))
    helm.breaks = lambda values: True
    clock = FakeClock()
    with pytest.raises(TimedOut):
        ensure(corrected, replace(around, clock=clock))
    assert clock.now < 2 * plan.wait_timeout_s


def test_agents_that_another_helm_installs_meanwhile_are_waited_for(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    ensure(plan, around)
    values = helm.values[-1]
    kube.remove(DAEMON_SET, "cilium", "kube-system")
    kube.add(release_secret(values, revision=2, status="pending-upgrade", touched=helm.now))

    def finish() -> None:
        kube.add(release_secret(values, revision=2, touched=helm.now), daemon_set(ready=int(clock.now >= 10)))

    clock = FakeClock()
    clock.during_sleep.append(finish)
    assert ensure(plan, replace(around, clock=clock)).changed is False
    assert clock.now == 10
