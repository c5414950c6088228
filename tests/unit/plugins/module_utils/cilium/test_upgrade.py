# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    InvalidInput,
    OperationFailed,
    TimedOut,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.install import ensure
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.plan import Plan, Surroundings
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.upgrade import check_step, path_between
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import Wish
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuetree import at
from cilium_documents import chart_directory, daemon_set, node, release_secret
from fake_helm import FakeHelm
from fakes import FakeClock, FakeKube

WISH = Wish("aks_byo_cni", cluster_name="lab", pod_cidrs=["10.244.0.0/16"], operator_replicas=1)
BROKEN = replace(WISH, overlay={"image": {"tag": "v9.9.9"}})


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube().add(node())


@pytest.fixture
def helm(kube: FakeKube) -> FakeHelm:
    made = FakeHelm(kube)
    made.breaks = lambda values: (
        (at(values, "image.tag") or at(values, "preflight.image.tag") or at(values, "debug")) is not None
    )
    return made


@pytest.fixture
def around(kube: FakeKube, helm: FakeHelm) -> Surroundings:
    def nothing(text: str) -> None:
        """No interest in what is told."""

    return Surroundings(kube, helm, FakeClock(), nothing, nothing, nothing, check_mode=False, now=lambda: helm.now)


@pytest.fixture
def charts(tmp_path: Path) -> Any:
    return lambda version: chart_directory(tmp_path / version, version)


@pytest.fixture
def plan(charts: Any) -> Plan:
    return Plan("cilium", "kube-system", charts("1.20.2"), "", "", WISH, "helm", True, 60.0)


@pytest.mark.parametrize(
    ("installed", "wished", "path"),
    [
        ("1.14.0", "1.20.2", "1.14.19 1.15.19 1.16.19 1.17.18 1.18.12 1.19.6 1.20.2"),
        ("1.18.12", "1.20.2", "1.19.6 1.20.2"),
        ("1.20.2", "1.18.12", "1.19.6 1.18.12"),
        ("v1.19.6", "1.22.1", "1.20.2 1.21 1.22.1"),
    ],
)
def test_a_step_over_minor_versions_is_refused_with_the_way(installed: str, wished: str, path: str) -> None:
    assert [version.split(" ")[0] for version in path_between(installed, wished)] == path.split()
    with pytest.raises(InvalidInput) as caught:
        check_step(installed, wished)
    assert (caught.value.code, caught.value.option) == ("SkipsMinorVersions", "chart_version")
    assert f"{installed} -> {path.split()[0]}" in caught.value.remedy


@pytest.mark.parametrize(
    ("installed", "wished"),
    [("1.20.2", "1.20.3"), ("1.20.2", "1.21.0"), ("1.20.2", "1.19.6"), ("1.20.2", "2.0.0"), ("latest", "1.20.2")],
)
def test_neighbours_are_allowed(installed: str, wished: str) -> None:
    check_step(installed, wished)


def test_nothing_is_started_for_a_refused_step(plan: Plan, around: Surroundings, helm: FakeHelm, charts: Any) -> None:
    ensure(plan, around)
    helm.calls.clear()
    with pytest.raises(InvalidInput):
        ensure(replace(plan, chart=charts("1.22.0")), around)
    assert helm.calls == []


def test_an_upgrade_over_a_minor_version_keeps_the_first_one_in_mind(
    plan: Plan, around: Surroundings, helm: FakeHelm, charts: Any
) -> None:
    assert at(ensure(plan, around).values["cilium_values"], "upgradeCompatibility") is None
    patch = ensure(replace(plan, chart=charts("1.20.3")), around)
    assert at(patch.values["cilium_values"], "upgradeCompatibility") is None
    newer = replace(plan, chart=charts("1.21.0"))
    result = ensure(newer, around)
    assert result.after is not None
    assert at(result.after, "values.upgradeCompatibility") == "1.20"
    assert result.values["preflight"] is True
    assert ensure(newer, around).changed is False
    further = ensure(replace(plan, chart=charts("1.22.0")), around)
    assert at(further.values["cilium_values"], "upgradeCompatibility") == "1.20"
    own = replace(newer, chart=charts("1.22.0"), wish=replace(WISH, overlay={"upgradeCompatibility": "1.21"}))
    assert at(ensure(own, around).values["cilium_values"], "upgradeCompatibility") == "1.21"


def test_the_preflight_comes_first_and_goes_again(
    plan: Plan, around: Surroundings, helm: FakeHelm, charts: Any
) -> None:
    ensure(plan, around)
    helm.calls.clear()
    assert ensure(replace(plan, chart=charts("1.20.3")), around).values["preflight"] is True
    assert helm.verbs == ["upgrade preflight", "uninstall preflight", "upgrade"]
    helm.calls.clear()
    assert ensure(replace(plan, chart=charts("1.20.3"), wish=replace(WISH, hubble_relay=False)), around).changed
    assert helm.verbs == ["upgrade"]
    helm.calls.clear()
    ensure(replace(plan, preflight=False), around)
    assert helm.verbs == ["upgrade"]


def test_a_preflight_that_finds_something_ends_it_before_the_upgrade(
    plan: Plan, around: Surroundings, helm: FakeHelm, charts: Any
) -> None:
    ensure(plan, around)
    helm.calls.clear()
    with pytest.raises(TimedOut, match="preflight"):
        ensure(replace(plan, chart=charts("1.20.3"), wish=BROKEN), around)
    assert helm.verbs == ["upgrade preflight", "uninstall preflight"]
    assert helm.statuses() == ["deployed"]


@pytest.mark.parametrize("overlay", [{"image": {"tag": "v9.9.9"}}, {"debug": {"enabled": True}}])
def test_a_change_that_does_not_get_ready_is_taken_back_and_fails(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, charts: Any, overlay: Any
) -> None:
    ensure(plan, around)
    worse = replace(plan, preflight=False, chart=charts("1.20.3"), wish=replace(WISH, overlay=overlay))
    with pytest.raises(OperationFailed, match=r"1\.20\.2 runs again as revision 3") as caught:
        ensure(worse, around)
    assert caught.value.code == "RolledBack"
    assert "0 of 1 pod available" in caught.value.message
    assert caught.value.details["rolled_back_to"] == 1
    assert helm.statuses() == ["superseded", "superseded", "deployed"]
    assert ensure(plan, around).changed is False


def test_a_change_is_not_taken_back_when_nobody_wants_it(
    plan: Plan, around: Surroundings, helm: FakeHelm, charts: Any
) -> None:
    ensure(plan, around)
    worse = replace(plan, preflight=False, rollback=False, wish=BROKEN)
    with pytest.raises(TimedOut):
        ensure(worse, around)
    assert helm.statuses() == ["superseded", "deployed"]


def test_there_is_no_way_back_to_what_did_not_work(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    ensure(plan, around)
    kube.add(daemon_set(ready=0))
    with pytest.raises(TimedOut):
        ensure(replace(plan, wish=BROKEN), around)
    assert "rollback" not in helm.verbs
    assert "upgrade preflight" not in helm.verbs


def test_helm_that_refuses_before_it_writes_is_only_told(plan: Plan, around: Surroundings, helm: FakeHelm) -> None:
    ensure(plan, around)
    helm.works = False
    with pytest.raises(OperationFailed, match="failed pre-install"):
        ensure(replace(plan, wish=replace(WISH, hubble_relay=False)), around)
    assert "rollback" not in helm.verbs


def test_a_way_back_that_fails_tells_both_stories(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    ensure(plan, around)
    helm.breaks = lambda values: True
    with pytest.raises(OperationFailed) as caught:
        ensure(replace(plan, preflight=False, wish=BROKEN), around)
    assert caught.value.code == "RollbackFailed"
    assert "did not get ready" in caught.value.message
    assert "The way back to revision 1 (1.20.2) failed too" in caught.value.message


@pytest.mark.parametrize("error", [Unreachable("no answer"), OperationFailed("etcdserver: leader changed", status=503)])
def test_a_bad_moment_of_the_api_server_takes_nothing_back(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, error: Exception
) -> None:
    ensure(plan, around)
    helm.calls.clear()

    def away(argv: Any, *, timeout_s: float, stdin: str | None = None) -> Any:
        done = helm(argv, timeout_s=timeout_s, stdin=stdin)
        if argv[1] == "upgrade":
            kube.failures["list", "Node"] = error
        return done

    clock = FakeClock()
    clock.during_sleep.append(kube.failures.clear)
    changed = replace(plan, wish=replace(WISH, hubble_relay=False))
    assert ensure(changed, replace(around, runner=away, clock=clock)).changed
    assert helm.verbs == ["upgrade"]


def test_an_upgrade_without_a_way_back_is_announced(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    warnings: list[str] = []
    around = replace(around, warn=warnings.append)
    ensure(plan, around)
    kube.add(daemon_set(ready=0))
    changed = replace(plan, wish=replace(WISH, hubble_relay=False))
    ensure(changed, around)
    assert warnings == ["Agents were not ready on all nodes before the change: no preflight, and no way back."]
    kube.add(daemon_set(ready=0))
    ensure(replace(plan, rollback=False, preflight=False), around)
    assert len(warnings) == 1


def test_what_a_killed_preflight_left_goes_with_the_next_change(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    """Also with one that needs no preflight of its own."""
    ensure(plan, around)
    kube.add(release_secret({}, name="cilium-preflight", status="pending-install"))
    helm.calls.clear()
    ensure(replace(plan, wish=replace(WISH, hubble_relay=False)), around)
    assert helm.verbs == ["uninstall preflight", "upgrade"]
