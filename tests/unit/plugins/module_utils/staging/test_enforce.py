# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    CollectionError,
    Conflict,
    InvalidInput,
    NotFound,
    OperationFailed,
    Unreachable,
    Unsupported,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import (
    CNP,
    CONFIG_MAP,
    JOB,
    POD,
    ROLE,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.breakglass import BreakGlass
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.enforce import Enforcement
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.leftover import clear_leftover
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.step_options import Options
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.timer import Setting, Timer
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.watching import TakeBack
from fakes import FakeClock, FakeKube, Write
from staging_flows import FakeFlows, first_packet, pod_end
from staging_timer import FakeJobs, policy

PARAMS: dict[str, Any] = {
    "policy": {"namespace": "shop", "name": "web"},
    "direction": "ingress",
    "watch_s": 10,
    "dead_man_s": 60,
    "image": "nginx:1.26",
    "prediction": None,
    "probes": [],
    "max_lost": 0,
    "cilium_namespace": "kube-system",
}
STRANGER = pod_end("other", "stranger")
DROP = first_packet("INGRESS", "DROPPED", source=STRANGER)
PREDICTED = {
    "denied": [
        {"source": "other/Deployment/stranger", "destination": "shop/Deployment/web", "protocol": "TCP", "port": 80}
    ]
}


def agents(version: str = "1.20.2") -> dict[str, Any]:
    containers = [{"name": "cilium-agent", "image": f"quay.io/cilium/cilium:v{version}"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "cilium", "namespace": "kube-system"},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


def pod(name: str = "web-1", *, ready: bool = True, restarts: int = 0) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": "web-abc", "controller": True}
    metadata = {
        "name": name,
        "namespace": "shop",
        "labels": {"app": "web", "pod-template-hash": "abc"},
        "ownerReferences": [owner],
    }
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"restartCount": restarts}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}


class FakeBackground:
    """Realized two seconds after the patch; the way back at once."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock, self._since = clock, 0.0
        self.problem: TakeBack | None = None

    def prepare(self, before: dict[str, Any]) -> None:
        pass

    def start(self, before: dict[str, Any], after: dict[str, Any], since: float) -> None:
        self._since = since

    def realized_s(self) -> float | None:
        return 2.0 if self._clock.now >= self._since + 2 else None

    def finished(self) -> bool:
        if self.problem is not None:
            raise self.problem
        return True

    def wait_realized(self, before: dict[str, Any], after: dict[str, Any], timeout_s: float) -> float | None:
        return 0.3


class World:
    """A cluster, its clock and its flows."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.kube = FakeKube().add(policy("web"), agents(), pod())
        self.jobs = FakeJobs(self.kube, self.clock)
        self.flows = FakeFlows(self.clock)
        self.background = FakeBackground(self.clock)

    def step(self, **params: Any) -> Enforcement:
        options = Options.of({**PARAMS, **params})
        return Enforcement(
            self.kube, self.flows.open, self.background, options, self.clock, wall=lambda: self.clock.now
        )

    def run(self, **params: Any) -> Any:
        check_mode = params.pop("check_mode", False)
        return self.step(**params).run(check_mode=check_mode)

    def fails(self, **params: Any) -> OperationFailed:
        with pytest.raises(OperationFailed) as caught:
            self.run(**params)
        return caught.value

    @property
    def default_deny(self) -> Any:
        return self.kube.change(CNP, "web", "shop")["spec"]["enableDefaultDeny"]

    @property
    def timers(self) -> int:
        return sum(1 for kind in (CONFIG_MAP, JOB, ROLE) for __ in self.kube.list(kind))


@pytest.fixture
def world() -> World:
    return World()


def test_a_step_is_armed_patched_watched_and_confirmed(world: World) -> None:
    world.flows.every(3, 12, first_packet())
    result = world.run()
    assert result.changed
    assert world.default_deny == {"ingress": True, "egress": False}
    assert world.timers == 0
    assert result.values["directions"] == ["ingress"]
    assert result.values["enforce_to_deny_s"] == 2.0
    assert result.values["watch"] == {
        "seconds": 12,
        "first_packets": 4,
        "predicted_denials": 0,
        "denied": [],
        "interruptions": 0,
    }
    assert (result.before, result.after) == (
        {"enableDefaultDeny": {"ingress": False, "egress": False}},
        {"enableDefaultDeny": {"ingress": True, "egress": False}},
    )
    written = [f"{write.verb} {write.kind}" for write in world.kube.writes]
    assert written.index("create Job") < written.index("patch CiliumNetworkPolicy"), "armed before anything is denied"


def test_the_patch_is_bound_to_the_object_and_its_version(world: World) -> None:
    world.run()
    (patch,) = [write.body for write in world.kube.writes if write.kind == "CiliumNetworkPolicy"]
    assert patch is not None
    assert patch["metadata"]["uid"] == "uid-web"
    assert patch["metadata"]["resourceVersion"]
    assert patch["spec"] == {"enableDefaultDeny": {"ingress": True}}


def test_a_second_run_changes_nothing(world: World) -> None:
    world.run()
    writes = len(world.kube.writes)
    again = world.run()
    assert not again.changed
    assert len(world.kube.writes) == writes
    assert again.values["lines"] == ["shop/web enforces ingress already"]


def test_check_mode_writes_nothing(world: World) -> None:
    result = world.run(check_mode=True)
    assert result.changed
    assert world.kube.writes == []
    assert result.values["lines"] == ["shop/web would enforce ingress"]


def test_a_direction_without_rules_is_left_alone(world: World) -> None:
    assert not world.run(direction="egress").changed
    assert world.run(direction="both").values["directions"] == ["ingress"]


def test_the_first_unpredicted_denial_takes_the_step_back_at_once(world: World) -> None:
    world.flows.at = [(10.0, DROP)]
    error = world.fails()
    assert error.code == "UnpredictedDrop"
    assert "other/Deployment/stranger -> shop/Deployment/web:80/TCP was denied and not predicted" in error.message
    assert world.default_deny == {"ingress": False, "egress": False}
    assert world.timers == 0
    details = error.details
    assert (details["rolled_back"], details["left_to_dead_man"], details["allowed_again_s"]) == (True, False, 0.3)
    assert details["detected_s"] == 0.0
    assert details["rollback_s"] < 3
    assert details["review"][0]["edge"] == "other/Deployment/stranger -> shop/Deployment/web:80/TCP"
    assert details["watch"]["predicted_denials"] == 0
    assert world.clock.now < 11


def test_a_predicted_denial_is_fine(world: World) -> None:
    world.flows.every(4, 12, DROP)
    result = world.run(prediction=PREDICTED)
    assert result.values["watch"]["predicted_denials"] == 3
    assert result.values["watch"]["denied"][0]["count"] == 3


def test_what_was_denied_before_the_step_is_no_consequence_of_it(world: World) -> None:
    # It takes a moment until the switch is armed, and so long the flows are looked at as well.
    world.flows.at = [(0.0, DROP), (5.0, DROP)]
    assert world.run().values["watch"]["predicted_denials"] == 1


@pytest.mark.parametrize(
    "flow",
    [
        first_packet("EGRESS", "DROPPED", source=STRANGER),
        first_packet("INGRESS", "DROPPED", destination=pod_end("shop", "cart")),
        first_packet("INGRESS", "DROPPED", destination=pod_end("other", "web")),
    ],
    ids=["direction", "pod", "namespace"],
)
def test_denials_that_the_step_cannot_have_caused_do_not_count(world: World, flow: dict[str, Any]) -> None:
    world.flows.at = [(5.0, flow)]
    assert world.run().values["watch"]["first_packets"] == 0


def test_a_workload_that_lost_its_labels_by_a_rollout_counts(world: World) -> None:
    relabelled = {**pod_end("shop", "web"), "labels": ["k8s:io.kubernetes.pod.namespace=shop", "k8s:app=web-v2"]}
    world.flows.at = [(5.0, first_packet("INGRESS", "DROPPED", source=STRANGER, destination=relabelled))]
    assert world.fails().code == "UnpredictedDrop"


def lose(world: World) -> None:
    world.flows.lost = 1


def go_away(world: World) -> None:
    world.flows.problems.append("No flows from n2 (unavailable).")


def break_down(world: World) -> None:
    world.flows.blind_s = 6.0


def not_ready(world: World) -> None:
    world.kube.add(pod(ready=False))


def restart(world: World) -> None:
    world.kube.add(pod(restarts=1))


def vanish(world: World) -> None:
    world.kube.remove(POD, "web-1", "shop")


def edit(world: World) -> None:
    world.kube.change(CNP, "web", "shop")["spec"]["ingress"] = [{}]


def probe(world: World) -> None:
    world.background.problem = TakeBack("ProbesFailed", "1 of 1 connection is not as expected")


def unrealized(world: World) -> None:
    world.background.problem = TakeBack("NotRealized", "The nodes have not realized the policy within 15 s")


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (lose, "FlowsIncomplete"),
        (go_away, "FlowsIncomplete"),
        (break_down, "FlowsBroken"),
        (not_ready, "PodsUnhealthy"),
        (restart, "PodsUnhealthy"),
        (vanish, "PodsUnhealthy"),
        (edit, "PolicyChanged"),
        (probe, "ProbesFailed"),
        (unrealized, "NotRealized"),
    ],
)
def test_whatever_goes_wrong_takes_the_step_back(world: World, happens: Any, code: str) -> None:
    world.flows.at = [(5.0, lambda: happens(world))]
    error = world.fails()
    assert error.code == code
    assert error.details["rolled_back"] is True
    assert world.default_deny["ingress"] is False
    assert world.timers == 0


def test_a_short_break_of_the_stream_is_borne(world: World) -> None:
    world.flows.at = [(5.0, lambda: setattr(world.flows, "blind_s", 4.0))]
    assert world.run().changed


def test_so_many_lost_events_may_be_accepted(world: World) -> None:
    world.flows.at = [(5.0, lambda: lose(world))]
    assert world.run(max_lost=1).changed


def test_a_pod_that_is_replaced_is_no_harm(world: World) -> None:
    def replace() -> None:
        vanish(world)
        world.kube.add(pod("web-2"))

    world.flows.at = [(5.0, replace)]
    assert world.run().changed


def test_without_sight_nothing_is_begun(world: World) -> None:
    world.flows.problems = ["No flows from n2 (unavailable)."]
    error = world.fails()
    assert "Nothing was changed" in error.message
    assert world.kube.writes == []


def test_without_a_relay_nothing_is_begun(world: World) -> None:
    world.flows.unready = NotFound("There is no relay.", code="HubbleRelayNotFound")
    with pytest.raises(NotFound):
        world.run()
    assert world.kube.writes == []


def test_without_the_dead_man_nothing_is_begun(world: World) -> None:
    world.jobs.image_is_there = False
    assert world.fails().code == "DeadManNotArmed"
    assert world.default_deny["ingress"] is False
    assert world.timers == 0


def away(world: World, *verbs: tuple[str, str]) -> None:
    for verb in verbs:
        world.kube.failures[verb] = Unreachable("The API server cannot be reached.", code="NoConnection")


def test_an_api_server_that_comes_back_gets_the_way_back(world: World) -> None:
    def go() -> None:
        away(world, ("patch", "CiliumNetworkPolicy"))
        world.clock.during_sleep.append(lambda: world.kube.failures.clear() if world.clock.now > 20 else None)

    world.flows.at = [(5.0, go), (6.0, DROP)]
    error = world.fails()
    assert error.details["rolled_back"] is True
    assert world.default_deny["ingress"] is False
    assert 14 < error.details["rollback_s"] < 16


def test_an_api_server_that_stays_away_is_left_to_the_dead_man(world: World) -> None:
    world.flows.at = [
        (5.0, lambda: away(world, ("patch", "CiliumNetworkPolicy"), ("patch", "ConfigMap"))),
        (6.0, DROP),
    ]
    error = world.fails()
    assert (error.details["rolled_back"], error.details["left_to_dead_man"]) == (False, True)
    assert "the dead man's switch does so within 60 s" in error.message
    assert world.default_deny["ingress"] is False, "it has done so by now"
    world.kube.failures.clear()
    world.flows.at = []
    result = world.run()
    assert result.values["leftover"].startswith("An earlier step of shop/web was never confirmed: its dead man's")
    assert world.default_deny["ingress"] is True


def test_a_right_that_is_missing_takes_the_step_back(world: World) -> None:
    def forbid() -> None:
        failure = AuthFailed(
            "pods is forbidden", code="Forbidden", remedy="Ask.", details={"missing_right": "list pods"}
        )
        world.kube.failures["list", "Pod"] = failure

    world.flows.at = [(5.0, forbid)]
    error = world.fails()
    assert (error.code, error.remedy, error.details["missing_right"]) == ("Forbidden", "Ask.", "list pods")
    assert world.default_deny["ingress"] is False


def test_confirmation_and_dead_man_cannot_both_win(world: World) -> None:
    world.flows.at = [(11.5, lambda: world.jobs.fire(Timer(world.kube, world.clock, "dead-man", "shop/web").name))]
    error = world.fails()
    assert error.code in ("DeadManFired", "PolicyChanged")
    assert world.default_deny["ingress"] is False
    assert world.timers == 0


def test_a_confirmation_that_cannot_be_sent_is_tried_again(world: World) -> None:
    def go() -> None:
        away(world, ("patch", "ConfigMap"))
        world.clock.during_sleep.append(lambda: world.kube.failures.clear() if world.clock.now > 20 else None)

    world.flows.at = [(9.0, go)]
    assert world.run().changed
    assert world.clock.now > 20


def test_a_controller_that_is_killed_leaves_it_to_the_dead_man(world: World) -> None:
    def kill() -> None:
        raise SystemExit(137)

    world.flows.at = [(8.0, kill)]
    with pytest.raises(SystemExit):
        world.run()
    assert world.default_deny["ingress"] is True
    world.clock.sleep(60)
    assert world.default_deny["ingress"] is False
    result = world.run()
    assert "took it back" in result.values["lines"][0]
    assert world.default_deny["ingress"] is True
    assert world.timers == 0


def test_a_run_after_a_killed_one_does_not_wait_for_the_dead_man(world: World) -> None:
    def kill() -> None:
        raise SystemExit(137)

    world.flows.at = [(8.0, kill)]
    with pytest.raises(SystemExit):
        world.run()
    began = world.clock.now
    result = world.run()
    assert "was left armed and never confirmed: it was taken back" in result.values["leftover"]
    assert world.clock.now - began < 15
    assert world.default_deny["ingress"] is True


def test_interrupted_by_a_person_it_is_taken_back(world: World) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    world.flows.at = [(8.0, interrupt)]
    assert world.fails().code == "Interrupted"
    assert world.default_deny["ingress"] is False


def test_a_status_that_is_written_meanwhile_is_no_conflict(world: World) -> None:
    def touch(kube: FakeKube, write: Write) -> None:
        if write.kind == "Job":
            kube._stamp(kube.change(CNP, "web", "shop"))

    world.kube.reactions.append(touch)
    assert world.run().changed


def test_rules_that_are_edited_meanwhile_are_not_enforced(world: World) -> None:
    def touch(kube: FakeKube, write: Write) -> None:
        if write.kind == "Job" and write.verb == "create":
            edit(world)
            kube._stamp(kube.change(CNP, "web", "shop"))

    world.kube.reactions.append(touch)
    error = world.fails()
    assert error.code == "PolicyChanged"
    assert world.default_deny["ingress"] is False


@pytest.mark.parametrize(
    ("document", "kind", "code"),
    [
        (policy("other"), NotFound, "PolicyNotFound"),
        (policy("web", owner="argocd"), Conflict, "PolicyNotOurs"),
        (policy("web", enableDefaultDeny=None), InvalidInput, "NoShadowPolicy"),
    ],
)
def test_policies_that_cannot_be_stepped(document: dict[str, Any], kind: type[CollectionError], code: str) -> None:
    world = World()
    world.kube.remove(CNP, "web", "shop")
    world.kube.add(document)
    with pytest.raises(kind) as caught:
        world.run()
    assert caught.value.code == code
    assert world.kube.writes == []


def test_cilium_before_1_16_is_refused(world: World) -> None:
    world.kube.add(agents("1.15.19"))
    with pytest.raises(Unsupported, match=r"Cilium 1\.15\.19 has no enableDefaultDeny"):
        world.run()
    assert world.kube.writes == []


@pytest.mark.parametrize(("option", "value"), [("watch_s", 0), ("dead_man_s", 34), ("dead_man_s", 10_000)])
def test_numbers_are_checked(option: str, value: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        Options.of({**PARAMS, option: value})
    assert caught.value.option == option


def test_taken_off_on_request(world: World) -> None:
    world.run()
    step = world.step(direction="both")
    assert step.take_off(check_mode=True).changed
    assert world.default_deny["ingress"] is True
    assert step.take_off(check_mode=False).values["directions"] == []
    assert world.default_deny["ingress"] is False
    assert not step.take_off(check_mode=False).changed


def test_a_denial_of_unknown_ends_excuses_no_other(world: World) -> None:
    unknown = {"labels": [], "namespace": "", "identity": 0}

    def drop(address: str) -> dict[str, Any]:
        flow = first_packet("INGRESS", "DROPPED", source=unknown)
        return {**flow, "IP": {**(flow.get("IP") or {}), "source": address}}

    world.flows.at = [(0.0, drop("10.0.0.1")), (5.0, drop("10.0.0.1"))]
    assert world.run().values["watch"]["predicted_denials"] == 1
    world = World()
    world.flows.at = [(0.0, drop("10.0.0.1")), (5.0, drop("10.0.0.2"))]
    assert world.fails().code == "UnpredictedDrop"


def test_a_pod_on_its_way_out_is_no_harm(world: World) -> None:
    def replace() -> None:
        world.kube.add(pod("web-2"))
        old = pod(ready=False)
        old["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        world.kube.add(old)

    world.flows.at = [(5.0, replace)]
    assert world.run().changed


def test_a_fault_of_the_code_takes_the_step_back_before_it_is_shown(world: World) -> None:
    world.flows.at = [(5.0, {**DROP, "time": "no time"})]
    with pytest.raises(ValueError, match="time"):
        world.run()
    assert world.default_deny["ingress"] is False


@pytest.mark.parametrize("what", ["marker", "job", "pod"])
def test_without_its_switch_a_step_does_not_go_on(world: World, what: str) -> None:
    name = Timer(world.kube, world.clock, "dead-man", "shop/web").name

    def break_it() -> None:
        if what == "pod":
            world.kube.change(JOB, name, "cloudnet-hardening")["status"] = {"active": 0}
        else:
            world.kube.remove(CONFIG_MAP if what == "marker" else JOB, name, "cloudnet-hardening")

    world.flows.at = [(5.0, break_it)]
    error = world.fails()
    assert error.code == "DeadManGone"
    assert world.default_deny["ingress"] is False


def test_the_switch_of_another_run_is_left_alone(world: World) -> None:
    other = Timer(world.kube, world.clock, "dead-man", "shop/web")

    def take_over() -> None:
        clear_leftover(
            world.kube, Timer(world.kube, world.clock, "dead-man", "shop/web"), world.clock, check_mode=False
        )
        other.arm([Setting("shop", "web", "uid-web", {"ingress": False})], 60, "nginx:1.26")

    world.flows.at = [(5.0, take_over)]
    error = world.fails()
    assert error.code == "TakenOver"
    assert other.is_armed()


def test_what_was_cleared_away_is_a_change(world: World) -> None:
    def kill() -> None:
        raise SystemExit(137)

    world.flows.at = [(8.0, kill)]
    with pytest.raises(SystemExit):
        world.run()
    result = world.step().take_off(check_mode=False)
    assert result.changed
    assert world.default_deny["ingress"] is False
    assert not world.step().take_off(check_mode=False).changed


def test_break_glass_is_not_broken_by_a_step(world: World) -> None:
    world.run()
    world.kube.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    params = {"namespaces": ["shop"], "minutes": 15, "image": "nginx:1.26"}
    glass = BreakGlass(world.kube, world.clock, params, warn=lambda message: None)
    glass.open(check_mode=False)
    for step in (world.step().run, world.step().take_off):
        with pytest.raises(Conflict, match="is open by break glass") as caught:
            step(check_mode=False)
        assert caught.value.code == "BreakGlassOpen"
    assert world.default_deny["ingress"] is False
    glass.close(check_mode=False)
    assert world.step().take_off(check_mode=False).changed


def test_a_clock_that_is_wrong_makes_no_way_back_slower(world: World) -> None:
    world.flows.at = [(10.0, {**DROP, "time": "1970-01-01T00:00:10Z"})]
    step = Enforcement(
        world.kube,
        world.flows.open,
        world.background,
        Options.of(PARAMS),
        world.clock,
        wall=lambda: world.clock.now + 600,
    )
    with pytest.raises(OperationFailed) as caught:
        step.run(check_mode=False)
    assert caught.value.details["detected_s"] <= 10
    assert caught.value.details["rollback_s"] < 11


def test_the_namespace_of_the_switch_itself_is_not_enforced() -> None:
    with pytest.raises(InvalidInput) as caught:
        Options.of({**PARAMS, "policy": {"namespace": "cloudnet-hardening", "name": "learned-default-deny"}})
    assert caught.value.code == "OwnNamespace"
