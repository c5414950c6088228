# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput, OperationFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CNP, CONFIG_MAP, JOB, ROLE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.breakglass import BreakGlass
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.timer import Setting, Timer
from fakes import FakeClock, FakeKube
from staging_timer import FakeJobs, policy


class World:
    """A namespace with an enforced policy, a shadow, and one of somebody else."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.clock.now = 60.0
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
        self.kube = FakeKube().add(
            namespace,
            policy("web", ingress=True),
            policy("shadow"),
            policy("theirs", owner="argocd", ingress=True),
        )
        self.jobs = FakeJobs(self.kube, self.clock)
        self.warnings: list[str] = []

    def glass(self, **params: Any) -> BreakGlass:
        options = {"namespaces": ["shop"], "minutes": 15, "image": "nginx:1.26", **params}
        return BreakGlass(self.kube, self.clock, options, warn=self.warn)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def denies(self, name: str = "web") -> bool:
        return bool(self.kube.change(CNP, name, "shop")["spec"]["enableDefaultDeny"]["ingress"])

    @property
    def timers(self) -> int:
        return sum(1 for kind in (CONFIG_MAP, JOB, ROLE) for __ in self.kube.list(kind))


@pytest.fixture
def world() -> World:
    return World()


def test_opens_and_the_cluster_closes_by_itself(world: World) -> None:
    result = world.glass().open(check_mode=False)
    assert result.changed
    assert result.values["namespaces"] == [
        {
            "namespace": "shop",
            "open": True,
            "changed": True,
            "policies": ["web"],
            "closes_at": "1970-01-01T00:16:00Z",
        }
    ]
    assert (result.before, result.after) == ({"shop/web": {"ingress": True}}, {"shop/web": {"ingress": False}})
    assert not world.denies()
    assert world.denies("theirs")
    assert world.warnings == ["These policies may go on denying in shop: CiliumNetworkPolicy shop theirs."]
    world.clock.sleep(15 * 60 + 1)
    assert world.denies()
    assert not world.denies("shadow")


def test_opening_an_open_namespace_changes_nothing(world: World) -> None:
    world.glass().open(check_mode=False)
    again = world.glass(minutes=60).open(check_mode=False)
    assert not again.changed
    assert again.values["lines"] == ["shop is open already, until 1970-01-01T00:16:00Z"]
    assert again.values["namespaces"][0]["open"] is True


def test_opening_again_after_its_time(world: World) -> None:
    world.glass().open(check_mode=False)
    world.clock.sleep(15 * 60 + 1)
    assert world.glass().open(check_mode=False).changed
    assert not world.denies()


def test_closing_before_its_time(world: World) -> None:
    world.glass().open(check_mode=False)
    assert world.glass().close(check_mode=True).changed
    assert not world.denies()
    result = world.glass().close(check_mode=False)
    assert result.changed
    assert world.denies()
    assert not world.denies("shadow")
    assert world.timers == 0
    assert not world.glass().close(check_mode=False).changed


def test_check_mode_opens_nothing(world: World) -> None:
    result = world.glass().open(check_mode=True)
    assert result.changed
    assert world.kube.writes == []


def test_nothing_is_opened_without_a_timer_that_closes(world: World) -> None:
    world.jobs.image_is_there = False
    with pytest.raises(OperationFailed, match="Nothing was changed"):
        world.glass().open(check_mode=False)
    assert world.denies()
    assert world.timers == 0


def test_what_fails_half_way_is_closed_again(world: World) -> None:
    world.kube.add(policy("zweb", ingress=True))
    world.kube.failures["patch", "CiliumNetworkPolicy", "zweb"] = OperationFailed("refused")
    with pytest.raises(OperationFailed, match="refused"):
        world.glass().open(check_mode=False)
    assert world.denies()


def test_without_policies_of_ours_there_is_nothing_to_open(world: World) -> None:
    world.kube.remove(CNP, "web", "shop")
    result = world.glass().open(check_mode=False)
    assert not result.changed
    assert result.values["lines"] == ["shop has no policy of this collection that denies"]


@pytest.mark.parametrize("minutes", [0, 1441])
def test_the_time_is_limited(world: World, minutes: int) -> None:
    with pytest.raises(InvalidInput, match=f"minutes={minutes}"):
        world.glass(minutes=minutes)


def test_namespaces_must_exist(world: World) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        world.glass(namespaces=["nowhere"]).open(check_mode=False)


def test_closing_does_not_enforce_what_nobody_confirmed(world: World) -> None:
    step = Timer(world.kube, world.clock, "dead-man", "shop/half")
    world.kube.add(policy("half", ingress=True))
    step.arm([Setting("shop", "half", "uid-half", {"ingress": False})], 60, "nginx:1.26")
    checked = world.glass().open(check_mode=True)
    opened = world.glass().open(check_mode=False)
    assert opened.values["namespaces"][0]["policies"] == checked.values["namespaces"][0]["policies"] == ["web"]
    assert not world.denies("half")
    assert checked.values["lines"][0] == "An earlier step of shop/half was left armed."
    assert opened.values["lines"][0].endswith("was left armed and never confirmed: it was taken back.")
    world.glass().close(check_mode=False)
    assert world.denies()
    assert not world.denies("half")


def test_a_step_that_is_all_there_is_to_open_is_a_change(world: World) -> None:
    world.kube.remove(CNP, "web", "shop")
    world.kube.add(policy("half", ingress=True))
    step = Timer(world.kube, world.clock, "dead-man", "shop/half")
    step.arm([Setting("shop", "half", "uid-half", {"ingress": False})], 60, "nginx:1.26")
    assert world.glass().open(check_mode=True).changed
    assert world.glass().open(check_mode=False).changed
    assert not world.denies("half")
    assert not world.glass().open(check_mode=False).changed


def test_a_closing_that_was_killed_is_finished(world: World) -> None:
    world.glass().open(check_mode=False)
    Timer(world.kube, world.clock, "break-glass", "shop").stop("taken-over")
    assert world.glass().close(check_mode=False).changed
    assert world.denies()
    world.glass().open(check_mode=False)
    Timer(world.kube, world.clock, "break-glass", "shop").stop("taken-over")
    assert world.glass(minutes=5).open(check_mode=False).changed
    assert not world.denies()
    world.clock.sleep(301)
    assert world.denies()


def test_a_timer_that_died_while_firing_holds_nobody_up(world: World) -> None:
    world.glass().open(check_mode=False)
    (marker,) = world.kube.list(CONFIG_MAP)
    world.kube.change(CONFIG_MAP, marker["metadata"]["name"], "cloudnet-hardening")["data"]["state"] = "firing"
    world.kube.remove(JOB, marker["metadata"]["name"], "cloudnet-hardening")
    assert world.glass().close(check_mode=False).changed
    assert world.denies()
    assert world.timers == 0
