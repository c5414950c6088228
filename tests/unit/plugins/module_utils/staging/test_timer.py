# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    Conflict,
    InvalidInput,
    OperationFailed,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import (
    CNP,
    CONFIG_MAP,
    JOB,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.leftover import clear_leftover
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.timer import Setting, Timer
from fakes import FakeClock, FakeKube, Write
from staging_timer import FakeJobs, policy

NAMESPACE = "cloudnet-hardening"
SETTING = Setting("shop", "web", "uid-web", {"ingress": False})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube().add(policy("web", ingress=True))


@pytest.fixture
def jobs(kube: FakeKube, clock: FakeClock) -> FakeJobs:
    return FakeJobs(kube, clock)


@pytest.fixture
def timer(kube: FakeKube, clock: FakeClock, jobs: FakeJobs) -> Timer:
    return Timer(kube, clock, "dead-man", "shop/web")


def denied(kube: FakeKube) -> Any:
    return kube.change(CNP, "web", "shop")["spec"]["enableDefaultDeny"]


def left(kube: FakeKube, timer: Timer) -> list[str]:
    kinds = (CONFIG_MAP, JOB, ROLE, ROLE_BINDING, SERVICE_ACCOUNT)
    return [f"{kind.kind} {one['metadata']['namespace']}" for kind in kinds for one in kube.list(kind)]


def test_it_is_armed_with_rights_on_just_the_policy(kube: FakeKube, timer: Timer) -> None:
    timer.arm([SETTING], 60, "nginx:1.26")
    marker = timer.marker()
    assert marker is not None
    assert (marker.state, marker.seconds, marker.settings) == ("armed", 60, (SETTING,))
    rules = {role["metadata"]["namespace"]: role["rules"] for role in kube.list(ROLE)}
    assert rules["shop"] == [
        {
            "apiGroups": ["cilium.io"],
            "resources": ["ciliumnetworkpolicies"],
            "resourceNames": ["web"],
            "verbs": ["patch"],
        }
    ]
    # They go with the policy, even where nobody clears a fired timer away.
    for kind in (ROLE, ROLE_BINDING):
        (beside,) = kube.list(kind, "shop")
        assert [owner["uid"] for owner in beside["metadata"]["ownerReferences"]] == ["uid-web"]
    assert rules[NAMESPACE][0]["resourceNames"] == [timer.name]
    job = kube.get(JOB, timer.name, NAMESPACE)
    assert job is not None
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "nginx:1.26"
    assert pod["securityContext"]["runAsNonRoot"] is True
    timer.remove()
    assert left(kube, timer) == []


def test_of_the_timer_and_the_controller_one_wins(kube: FakeKube, clock: FakeClock, timer: Timer) -> None:
    timer.arm([SETTING], 60, "x")
    assert timer.stop("confirmed")
    assert timer.stop("confirmed"), "said twice is not a race"
    assert not timer.stop("taken-back")
    clock.sleep(100)
    assert denied(kube)["ingress"] is True
    timer.remove()
    timer.arm([SETTING], 60, "x")
    clock.sleep(100)
    assert not timer.stop("confirmed")


def test_a_timer_that_moves_between_reading_and_writing_wins(kube: FakeKube, timer: Timer, jobs: FakeJobs) -> None:
    timer.arm([SETTING], 60, "x")
    real = kube.get

    def get(kind: Any, name: str, namespace: str | None = None) -> Any:
        found = real(kind, name, namespace)
        if name == timer.name:
            jobs.fire(name)
        return found

    kube.get = get  # type: ignore[method-assign]
    assert not timer.stop("confirmed")


def test_a_timer_that_is_never_armed_leaves_nothing(kube: FakeKube, timer: Timer, jobs: FakeJobs) -> None:
    jobs.image_is_there = False
    with pytest.raises(
        OperationFailed, match=r"not armed within 60 s: .*ImagePullBackOff.* Nothing was changed"
    ) as caught:
        timer.arm([SETTING], 60, "x")
    assert caught.value.code == "DeadManNotArmed"
    assert left(kube, timer) == []


def test_without_the_right_to_give_rights_nothing_stays(kube: FakeKube, timer: Timer) -> None:
    kube.failures["create", "Role"] = AuthFailed("roles is forbidden", code="Forbidden")
    with pytest.raises(AuthFailed):
        timer.arm([SETTING], 60, "x")
    assert left(kube, timer) == []


def test_two_timers_of_one_purpose_and_subject_are_one_too_many(timer: Timer) -> None:
    timer.arm([SETTING], 60, "x")
    with pytest.raises(Conflict):
        timer.arm([SETTING], 60, "x")


def test_a_marker_that_somebody_edited_is_told(kube: FakeKube, timer: Timer) -> None:
    timer.arm([SETTING], 60, "x")
    kube.change(CONFIG_MAP, timer.name, NAMESPACE)["data"]["settings"] = "{"
    with pytest.raises(InvalidInput, match="not as it was written"):
        timer.marker()


def test_nothing_is_left_over_without_a_timer(kube: FakeKube, clock: FakeClock, timer: Timer) -> None:
    assert clear_leftover(kube, timer, clock, check_mode=False) == ""


def test_a_step_that_was_left_armed_is_taken_back(kube: FakeKube, clock: FakeClock, timer: Timer) -> None:
    timer.arm([SETTING], 60, "x")
    assert "left armed" in clear_leftover(kube, timer, clock, check_mode=True)
    assert denied(kube)["ingress"] is True
    story = clear_leftover(kube, timer, clock, check_mode=False)
    assert story == "An earlier step of shop/web was left armed and never confirmed: it was taken back."
    assert denied(kube) == {"ingress": False, "egress": False}
    assert left(kube, timer) == []


def test_a_timer_that_has_fired_is_told_with_its_time(kube: FakeKube, clock: FakeClock, timer: Timer) -> None:
    timer.arm([SETTING], 60, "x")
    clock.sleep(61)
    story = clear_leftover(kube, timer, clock, check_mode=False)
    assert "its dead man's switch took it back at 1970-01-01T00:01:" in story
    assert left(kube, timer) == []


def test_a_timer_that_fires_just_now_is_waited_for(
    kube: FakeKube, clock: FakeClock, timer: Timer, jobs: FakeJobs
) -> None:
    timer.arm([SETTING], 60, "x")
    kube.change(CONFIG_MAP, timer.name, NAMESPACE)["data"]["state"] = "firing"
    clock.during_sleep.append(lambda: jobs.fire(timer.name) if clock.now > 5 else None)
    assert "took it back" in clear_leftover(kube, timer, clock, check_mode=False)


def test_a_step_that_was_confirmed_stays(kube: FakeKube, clock: FakeClock, timer: Timer) -> None:
    timer.arm([SETTING], 60, "x")
    timer.stop("confirmed")
    assert "was confirmed" in clear_leftover(kube, timer, clock, check_mode=False)
    assert denied(kube) == {"ingress": True, "egress": False}


def test_a_policy_that_was_made_anew_is_not_taken_back(kube: FakeKube, clock: FakeClock, timer: Timer) -> None:
    timer.arm([SETTING], 60, "x")
    kube.add(policy("web", uid="uid-new", ingress=True))
    clear_leftover(kube, timer, clock, check_mode=False)
    assert denied(kube) == {"ingress": True, "egress": False}
    assert not [write for write in kube.writes if isinstance(write, Write) and write.kind == "CiliumNetworkPolicy"]
