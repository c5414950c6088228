# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    InvalidInput,
    OperationFailed,
    TimedOut,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.watch import Options, report_status
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import DAEMON_SET, DEPLOYMENT
from fakes import FakeClock

LOOK = Options(
    namespace="kube-system",
    release_name="cilium",
    wait=False,
    wait_for=["healthy"],
    wait_timeout_s=60,
    ignore_warnings=False,
    probe_agents="all",
    query=None,
)
WAIT = replace(LOOK, wait=True)


class World:
    """A cluster, a clock and what was said while waiting."""

    def __init__(self, kube: Any) -> None:
        self.kube = kube
        self.clock = FakeClock()
        self.lines = []

    def report(self, options: Any) -> Any:
        result = report_status(self.kube, self.kube.exec, options, progress=self.lines.append, clock=self.clock)
        assert not result.changed
        return result.values

    def after_sleeps(self, count: Any, change: Any) -> None:
        def act() -> None:
            if len(self.clock.sleeps) == count:
                change()

        self.clock.during_sleep.append(act)


class TestOneLook:
    def test_everything(self) -> None:
        values = World(make.healthy_cluster()).report(LOOK)
        assert values["healthy"] is True
        assert (values["version"], values["manager"], values["chart_version"]) == ("1.20.2", "helm", None)
        assert values["agents"]["probed"] == 2
        assert values["agents"]["failed"] == []
        assert values["banner"].startswith("    /¯¯")

    def test_absent_cilium_is_a_result(self) -> None:
        values = World(make.FakeKube().add(make.node("n1"))).report(LOOK)
        assert values["healthy"] is False
        assert values["errors"] == ["cilium: DaemonSet cilium not found in kube-system"]
        assert values["manager"] == "none"

    def test_unhealthy_is_a_result(self) -> None:
        values = World(make.healthy_cluster().add(make.daemon_set(ready=0))).report(LOOK)
        assert values["healthy"] is False

    def test_query_keeps_the_result_small(self) -> None:
        values = World(make.healthy_cluster()).report(replace(LOOK, query="pods.total"))
        assert values == {"healthy": True, "queried": 2}

    def test_a_release_that_may_not_be_read_is_a_note(self) -> None:
        kube = make.healthy_cluster()
        kube.failures["list", "Secret"] = AuthFailed("no secrets for you", status=403)
        values = World(kube).report(LOOK)
        assert values["healthy"] is True
        assert "no secrets for you" in values["notes"][0]

    def test_writes_nothing(self) -> None:
        kube = make.healthy_cluster()
        World(kube).report(LOOK)
        assert (kube.writes, kube.dry_writes) == ([], [])


class TestWaiting:
    def test_ends_when_healthy_and_tells_the_way(self) -> None:
        world = World(make.healthy_cluster().add(make.daemon_set(ready=1), make.node("n2", ready=False)))
        world.after_sleeps(3, lambda: world.kube.add(make.daemon_set(), make.node("n2")))
        assert world.report(WAIT)["healthy"] is True
        assert world.lines == [
            "cilium: agents 1/2 ready, nodes 1/2 Ready, operator 1/1, relay 1/1 (0 s)",
            "cilium: agents 2/2 ready, nodes 2/2 Ready, operator 1/1, relay 1/1 (6 s)",
        ]

    def test_agents_are_asked_only_when_all_else_is_well(self) -> None:
        world = World(make.healthy_cluster().add(make.daemon_set(ready=1)))
        world.after_sleeps(5, lambda: world.kube.add(make.daemon_set()))
        world.report(WAIT)
        assert len(world.kube.execs) == 2

    def test_what_an_agent_says_keeps_it_waiting(self) -> None:
        world = World(make.healthy_cluster())
        good = world.kube.exec_answers
        world.kube.exec_answers = lambda *words: make.Completed(
            [], 0, '{"cilium": {"state": "Failure", "msg": "m"}}', ""
        )

        def recover() -> None:
            world.kube.exec_answers = good

        world.after_sleeps(2, recover)
        assert world.report(WAIT)["healthy"] is True
        assert "cilium: cilium-a: Cilium: m" in world.lines[0]

    def test_what_the_counters_do_not_say_is_said(self) -> None:
        world = World(make.healthy_cluster().add(make.daemon_set(ready=1)))
        world.kube.add(make.pod("cilium-b", "cilium", node="n2", **make.crash(restarts=1)))
        world.after_sleeps(1, lambda: world.kube.add(make.daemon_set(), make.pod("cilium-b", "cilium", node="n2")))
        world.report(WAIT)
        assert (
            world.lines[0].split("; ")[1].startswith("cilium: cilium-b: container cilium-agent is in CrashLoopBackOff")
        )

    def test_fails_at_the_deadline_with_what_remains(self) -> None:
        world = World(make.healthy_cluster().add(make.deployment("cilium-operator", replicas=0, ready=0)))
        with pytest.raises(TimedOut) as caught:
            world.report(WAIT)
        assert "Deployment cilium-operator is scaled to 0" in caught.value.message
        assert "1 min" in caught.value.message
        assert caught.value.details["errors"] == [
            "operator: cilium-operator: Deployment cilium-operator is scaled to 0"
        ]
        assert "/¯¯" in caught.value.details["banner"]
        assert caught.value.history
        assert world.clock.now == 60

    def test_warnings_hold_it_up_unless_ignored(self) -> None:
        kube = make.healthy_cluster().add(make.pod("early", namespace="default"))
        assert World(kube).report(replace(WAIT, ignore_warnings=True))["healthy"] is True
        with pytest.raises(TimedOut, match="default/early"):
            World(kube).report(WAIT)

    def test_for_agents_only(self) -> None:
        kube = make.healthy_cluster().add(make.deployment("hubble-relay", ready=0))
        values = World(kube).report(replace(WAIT, wait_for=["agents"]))
        assert values["healthy"] is False

    def test_for_a_relay_that_is_not_installed(self) -> None:
        kube = make.healthy_cluster()
        kube.remove(DEPLOYMENT, "hubble-relay", make.NAMESPACE)
        with pytest.raises(TimedOut, match="hubble-relay is not installed"):
            World(kube).report(replace(WAIT, wait_for=["agents", "relay"]))

    def test_a_crash_loop_ends_it_at_once_with_the_log(self) -> None:
        kube = make.healthy_cluster().add(make.pod("cilium-b", "cilium", node="n2", **make.crash(restarts=4)))
        kube.container_logs["kube-system", "cilium-b"] = "starting\nfatal: no BPF\n"
        world = World(kube)
        with pytest.raises(OperationFailed) as caught:
            world.report(WAIT)
        assert "kube-system/cilium-b" in caught.value.message
        assert "fatal: no BPF" in caught.value.message
        assert caught.value.code == "CrashLoopBackOff"
        assert world.clock.now == 0

    def test_a_crash_loop_without_a_log(self) -> None:
        kube = make.healthy_cluster().add(make.pod("cilium-b", "cilium", node="n2", **make.crash(restarts=4)))
        kube.failures["logs", "cilium-b"] = AuthFailed("no logs for you", status=403)
        with pytest.raises(OperationFailed, match="no logs for you"):
            World(kube).report(WAIT)

    def test_an_api_server_that_is_away_for_a_moment(self) -> None:
        world = World(make.healthy_cluster().add(make.daemon_set(ready=1)))
        failures = world.kube.failures

        def back() -> None:
            failures.clear()
            world.kube.add(make.daemon_set())

        world.after_sleeps(1, lambda: failures.update({("get", "DaemonSet"): Unreachable("gone")}))
        world.after_sleeps(2, back)
        assert world.report(WAIT)["healthy"] is True
        assert "cilium: gone (2 s)" in world.lines

    def test_an_api_server_that_never_answered(self) -> None:
        kube = make.healthy_cluster()
        kube.failures["get", "DaemonSet"] = Unreachable("gone")
        with pytest.raises(Unreachable):
            World(kube).report(WAIT)

    def test_absent_cilium_is_waited_for(self) -> None:
        world = World(make.healthy_cluster())
        world.kube.remove(DAEMON_SET, "cilium", make.NAMESPACE)
        world.after_sleeps(1, lambda: world.kube.add(make.daemon_set()))
        assert world.report(WAIT)["healthy"] is True
        assert world.lines[0] == "cilium: not installed (0 s)"


FORBIDDEN = "daemonsets.apps is forbidden"


def without_rights(*kinds: str, verbs: Any = ("get", "list")) -> Any:
    kube = make.healthy_cluster()
    for kind in kinds:
        for verb in verbs:
            kube.failures[verb, kind] = AuthFailed(FORBIDDEN, status=403)
    return World(kube)


class TestRights:
    def test_without_any_a_look_is_a_result(self) -> None:
        kinds = ("DaemonSet", "Deployment", "ConfigMap", "CiliumEndpoint", "Node", "Pod", "Secret")
        values = without_rights(*kinds).report(LOOK)
        assert (values["healthy"], values["manager"], values["version"]) == (False, "unknown", "")
        assert not any("not found" in line for line in values["errors"])
        assert f"collection: DaemonSet cilium could not be read: {FORBIDDEN}" in values["errors"]
        assert values["next_steps"][0].startswith("Grant get on DaemonSets")
        assert "not installed" not in " ".join([*values["next_steps"], values["features"]["fqdn_policy_reason"]])
        assert values["policies"]["realized"] is None
        assert "Cilium:             unknown (may not be read)" in values["banner"]

    def test_what_one_cannot_do_without_services_is_a_note(self) -> None:
        values = without_rights("Service").report(LOOK)
        assert (values["healthy"], values["manager"], values["version"]) == (True, "helm", "1.20.2")
        assert values["notes"] == [f"What this Cilium can do is known in part only: {FORBIDDEN}"]

    def test_pods_that_may_not_be_read_are_no_nodes_without_an_agent(self) -> None:
        values = without_rights("Pod").report(LOOK)
        assert values["nodes"]["without_agent"] == []

    @pytest.mark.parametrize(
        ("wait_for", "kind"),
        [
            (["healthy"], "DaemonSet"),
            (["healthy"], "Node"),
            (["agents"], "DaemonSet"),
            (["relay"], "Deployment"),
            (["policies"], "CiliumNetworkPolicy"),
        ],
    )
    def test_a_right_does_not_come_by_waiting(self, wait_for: Any, kind: Any) -> None:
        world = without_rights(kind)
        with pytest.raises(AuthFailed, match=FORBIDDEN) as caught:
            world.report(replace(WAIT, wait_for=wait_for))
        assert world.clock.now == 0
        assert "Grant get on DaemonSets, Deployments and ConfigMaps in namespace kube-system" in caught.value.remedy

    def test_a_right_that_is_not_needed_is_not_asked_for(self) -> None:
        world = without_rights("Node", "CiliumNetworkPolicy")
        assert world.report(replace(WAIT, wait_for=["relay"]))["components"]["relay"]["ready"] == 1


class TestWrongNamespace:
    def test_the_right_one_is_named(self) -> None:
        values = World(make.healthy_cluster()).report(replace(LOOK, namespace="nope"))
        assert values["next_steps"] == [
            "There is no Cilium in namespace nope, but there is one in namespace kube-system:"
            " set namespace=kube-system."
        ]
        assert values["policies"]["realized"] is None

    def test_endpoints_alone_tell_too(self) -> None:
        kube = make.healthy_cluster()
        kube.failures["list", "DaemonSet"] = AuthFailed(FORBIDDEN, status=403)
        (step,) = World(kube).report(replace(LOOK, namespace="nope"))["next_steps"]
        assert "the cluster has CiliumEndpoints: name Cilium's namespace with namespace=" in step

    def test_a_wait_that_ends_says_so(self) -> None:
        with pytest.raises(TimedOut) as caught:
            World(make.healthy_cluster()).report(replace(WAIT, namespace="nope"))
        assert "set namespace=kube-system" in caught.value.remedy

    def test_no_policy_is_enforced_where_there_is_no_cilium(self) -> None:
        with pytest.raises(TimedOut):
            World(make.FakeKube().add(make.node("n1"))).report(replace(WAIT, wait_for=["policies"]))

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [({"namespace": "Kube System"}, "InvalidName"), ({"wait_timeout": -1}, "InvalidNumber")],
    )
    def test_wrong_options_are_named(self, wrong: Any, code: Any) -> None:
        good = {"wait": False, "wait_for": [], "probe_agents": "all", "namespace": "kube-system", "wait_timeout": 0}
        with pytest.raises(InvalidInput) as caught:
            Options.of({**good, **wrong})
        assert (caught.value.option, caught.value.code) == (next(iter(wrong)), code)


class TestPolicies:
    def world(self, *policies: Any, **answers: Any) -> Any:
        world = World(make.healthy_cluster().add(*policies))
        world.kube.exec_answers = make.agents_answer(**answers)
        return world

    def test_waits_until_the_agents_have_them(self) -> None:
        world = self.world(make.policy("web"))

        def load() -> None:
            world.kube.exec_answers = make.agents_answer(revision=2, loaded=[make.uid("web")])

        world.after_sleeps(6, load)
        values = world.report(replace(WAIT, wait_for=["agents", "policies"]))
        assert values["policies"]["realized"] is True
        assert "not loaded by the agents on n1, n2" in world.lines[0]

    def test_tells_what_is_not_realized_at_the_deadline(self) -> None:
        world = self.world(make.policy("web"), revision=2, loaded=[make.uid("web")], endpoints=[("ready", 1)])
        with pytest.raises(TimedOut, match=r"not enforcing all policies .* 2 endpoints have older policies"):
            world.report(replace(WAIT, wait_for=["policies"]))

    def test_an_invalid_policy_ends_it_soon(self) -> None:
        world = self.world(make.policy("web", valid=False, message="no rules"))
        with pytest.raises(InvalidInput, match="default/web is not valid, so Cilium does not enforce it: no rules"):
            world.report(replace(WAIT, wait_for=["policies"]))
        assert world.clock.now == 6

    def test_a_correction_in_time_is_accepted(self) -> None:
        world = self.world(make.policy("web", valid=False), loaded=[make.uid("web")])
        world.after_sleeps(2, lambda: world.kube.add(make.policy("web")))
        assert world.report(replace(WAIT, wait_for=["policies"]))["healthy"] is True

    def test_an_invalid_policy_is_no_illness_of_cilium(self) -> None:
        values = self.world(make.policy("web", valid=False)).report(WAIT)
        assert values["healthy"] is True
        assert "not valid" in values["cilium_warnings"][0]

    def test_nobody_to_ask(self) -> None:
        params = {"wait": True, "wait_for": ["policies"], "probe_agents": "none"}
        with pytest.raises(InvalidInput, match="wait_for=policies"):
            Options.of(params)


class TestImages:
    def world(self, reason: Any, message: Any) -> Any:
        waiting = {"name": "cilium-agent", "state": {"waiting": {"reason": reason, "message": message}}}
        pod = make.pod("cilium-b", "cilium", node="n2", phase="Pending", containerStatuses=[waiting])
        return World(make.healthy_cluster().add(make.daemon_set(ready=1), pod))

    @pytest.mark.parametrize(
        ("reason", "message"),
        [
            ("ImagePullBackOff", "Back-off: q/c:v9: not found"),
            ("ErrImagePull", "manifest unknown: no such manifest"),
            ("InvalidImageName", "invalid reference format"),
            ("ErrImageNeverPull", "not present with pull policy of Never"),
        ],
    )
    def test_an_impossible_image_ends_it_at_once(self, reason: Any, message: Any) -> None:
        world = self.world(reason, message)
        with pytest.raises(OperationFailed) as caught:
            world.report(WAIT)
        assert message in caught.value.message
        assert (caught.value.code, world.clock.now) == (reason, 0)
        assert caught.value.details["images"] == ["registry/cilium:1"]

    def test_a_registry_that_does_not_answer_is_given_time(self) -> None:
        world = self.world("ErrImagePull", "dial tcp: i/o timeout")
        with pytest.raises(OperationFailed, match="i/o timeout"):
            world.report(replace(WAIT, wait_timeout_s=300))
        assert world.clock.now == 90

    def test_a_registry_that_comes_back(self) -> None:
        world = self.world("ErrImagePull", "dial tcp: i/o timeout")
        world.after_sleeps(5, lambda: world.kube.add(make.daemon_set(), make.pod("cilium-b", "cilium", node="n2")))
        assert world.report(WAIT)["healthy"] is True
