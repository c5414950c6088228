# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, NotFound
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed, Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium import realized
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.realized import Realization, Target
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CNP, POD
from cilium_documents import agent_pod, cnp, workload_pod
from fake_cilium import FakeAgent, FakeCilium
from fakes import FakeClock, FakeKube, completed

WEB = ["k8s:org=cilium101", "k8s:io.kubernetes.pod.namespace=basics"]
OTHER = ["k8s:org=other", "k8s:io.kubernetes.pod.namespace=basics"]

# Recorded from an agent of Cilium 1.20.2 (`cilium-dbg policy get -o json`), one rule.
POLICY_GET = json.dumps(
    {
        "policy": json.dumps(
            [
                {
                    "Tier": 200,
                    "Priority": 0,
                    "Subject": {"matchLabels": {"any:org": "cilium101", "k8s:io.kubernetes.pod.namespace": "basics"}},
                    "L3": [],
                    "L4": [],
                    "Labels": [
                        {"key": "io.cilium.k8s.policy.name", "value": "deny", "source": "k8s"},
                        {"key": "io.cilium.k8s.policy.uid", "value": "0ff9add0-aacb", "source": "k8s"},
                    ],
                    "DefaultDeny": True,
                    "Verdict": 0,
                    "Ingress": True,
                    "Node": False,
                }
            ]
        ),
        "revision": 3,
    }
)
# Recorded from the same agent with the template that the module uses.
ENDPOINTS = (
    'ready\t3\t["k8s:io.kubernetes.pod.namespace=basics","k8s:org=cilium101"]\n'
    'waiting-for-identity\t\t["reserved:init"]\n'
    'ready\t3\t["k8s:node-role.kubernetes.io/control-plane","reserved:host"]\n\n'
)


def cluster(**agents: FakeAgent) -> tuple[FakeKube, FakeCilium]:
    kube = FakeKube()
    for node in agents:
        kube.add(workload_pod(f"web-{node}", node_name=node))
    return kube, FakeCilium(kube, agents)


def target(kube: FakeKube, policy: Json, **options: Any) -> Target:
    live = kube.create(CNP, policy)
    return Target("key", live, live["metadata"]["uid"], **options)


def test_parses_what_the_agents_print() -> None:
    revision, rules = realized.parse_repository(POLICY_GET)
    assert revision == 3
    assert realized.fingerprint(rules, "0ff9add0-aacb")
    assert realized.fingerprint(rules, "another-uid") == ""
    assert [(e.state, e.revision, len(e.labels)) for e in realized.parse_endpoints(ENDPOINTS)] == [
        ("ready", 3, 2),
        ("waiting-for-identity", 0, 1),
        ("ready", 3, 2),
    ]
    assert realized.parse_repository('{"policy": null}') == (0, [])
    assert realized.parse_endpoints("ready\t2\t[k8s:app=web k8s:org=x]\n")[0].labels == ["k8s:app=web", "k8s:org=x"]


def test_the_order_of_rules_does_not_matter() -> None:
    rules = [{"Labels": ["uid"], "n": 1}, {"labels": ["uid"], "n": 2}, {"Labels": None}]
    assert realized.fingerprint(rules, "uid") == realized.fingerprint(rules[::-1], "uid")


def test_only_nodes_with_selectable_pods_are_asked() -> None:
    kube, _cilium = cluster(a=FakeAgent([WEB]), b=FakeAgent([OTHER]))
    kube.remove(POD, "web-b", "basics")
    kube.add(workload_pod("host", node_name="b", hostNetwork=True))
    look = Realization(kube, kube.exec, FakeClock()).look([target(kube, cnp())], 0.0)
    assert look.done
    assert [(state.node, state.endpoints) for state in look.value["key"]] == [("a", 1)]
    assert {pod for _namespace, pod, _command in kube.execs} == {"cilium-a"}


def test_a_clusterwide_policy_asks_all_agents() -> None:
    kube, _cilium = cluster(a=FakeAgent([WEB]), b=FakeAgent([OTHER]))
    kube.remove(POD, "web-b", "basics")
    policy = cnp(namespace=None, kind="CiliumClusterwideNetworkPolicy", endpointSelector={}, ingress=[{}])
    assert len(Realization(kube, kube.exec, FakeClock()).agents_for(policy)) == 2


def test_loaded_is_not_enough_endpoints_must_follow() -> None:
    kube, _cilium = cluster(a=FakeAgent([WEB, OTHER], lag=1, slow_endpoints=2))
    wanted = target(kube, cnp())
    realization = Realization(kube, kube.exec, FakeClock())
    reasons = []
    for _round in range(5):
        look = realization.look([wanted], 0.0)
        reasons.append(look.value["key"][0].reason)
    assert reasons == [
        "the agent has not loaded it",
        "1 of 1 endpoint is behind",
        "1 of 1 endpoint is behind",
        "realized",
        "realized",
    ]
    # What was seen as realized is not asked for again.
    assert len(kube.execs) == 8


def test_endpoints_that_are_not_selected_do_not_hold_up() -> None:
    kube, _cilium = cluster(a=FakeAgent([OTHER], slow_endpoints=9))
    assert Realization(kube, kube.exec, FakeClock()).look([target(kube, cnp())], 0.0).done


def test_an_update_is_recognised_by_its_changed_rules() -> None:
    agent = FakeAgent([WEB])
    kube, _cilium = cluster(a=agent)
    live = kube.create(CNP, cnp())
    uid = live["metadata"]["uid"]
    realization = Realization(kube, kube.exec, FakeClock())
    before = realization.fingerprints(live, uid)
    assert list(before) == ["a"]
    agent.lag = 1
    changed = kube.replace(CNP, {**live, "spec": {**live["spec"], "description": "new"}})
    update = Target("key", changed, uid, previous=live, before=before)
    assert realization.look([update], 0.0).value["key"][0].reason == "the agent still has the previous version"
    assert realization.look([update], 0.1).done


def test_an_update_that_changes_no_rule_is_believed_after_a_while() -> None:
    kube, _cilium = cluster(a=FakeAgent([WEB]))
    live = kube.create(CNP, cnp())
    uid = live["metadata"]["uid"]
    realization = Realization(kube, kube.exec, FakeClock())
    same = Target("key", live, uid, before=realization.fingerprints(live, uid))
    assert not realization.look([same], 4.9).done
    assert realization.look([same], 5.0).done


def test_endpoints_that_an_update_lets_go_must_follow_as_well() -> None:
    agent = FakeAgent([WEB])
    kube, _cilium = cluster(a=agent)
    live = kube.create(CNP, cnp())
    uid = live["metadata"]["uid"]
    realization = Realization(kube, kube.exec, FakeClock())
    before = realization.fingerprints(live, uid)
    agent.slow_endpoints = 1
    other = kube.replace(CNP, {**live, "spec": {"endpointSelector": {"matchLabels": {"org": "x"}}, "ingress": [{}]}})
    update = Target("key", other, uid, previous=live, before=before)
    look = realization.look([update], 0.0)
    assert (look.done, look.value["key"][0].endpoints) == (False, 0)
    assert realization.look([update], 0.0).done


def test_a_removed_policy_is_gone_when_the_agents_dropped_it() -> None:
    agent = FakeAgent([WEB])
    kube, cilium = cluster(a=agent)
    live = kube.create(CNP, cnp())
    realization = Realization(kube, kube.exec, FakeClock())
    agent.repository(cilium.rules())
    agent.lag = 1
    kube.delete(CNP, "deny", "basics")
    gone = Target("key", live, live["metadata"]["uid"], present=False)
    assert realization.look([gone], 0.0).state == "not realized on 1 node (a: the agent has not dropped it)"
    assert realization.look([gone], 0.0).done


def test_an_agent_that_does_not_answer_is_waited_for_and_found_again_in_its_new_pod() -> None:
    kube, cilium = cluster(a=FakeAgent([WEB]))
    wanted = target(kube, cnp())
    realization = Realization(kube, kube.exec, FakeClock())
    kube.remove(POD, "cilium-a", "kube-system")
    kube.exec_answers = _raise(NotFound("pod cilium-a not found", code="NotFound"))
    look = realization.look([wanted], 0.0)
    assert look.value["key"][0].reason == "pod cilium-a not found"
    kube.add(agent_pod("a", "cilium-new"))
    kube.exec_answers = lambda ns, pod, command, container: cilium.answer(ns, "cilium-a", command, container)
    assert realization.look([wanted], 0.0).done
    assert kube.execs[-1][1] == "cilium-new"


def _raise(error: Exception) -> Any:
    def answer(*_words: Any) -> Completed:
        raise error

    return answer


def test_a_failing_command_is_a_reason_not_a_crash() -> None:
    kube, _cilium = cluster(a=FakeAgent([WEB]))
    kube.exec_answers = lambda *_words: completed(rc=1, stderr="Cannot get policy: 503\n")
    look = Realization(kube, kube.exec, FakeClock()).look([target(kube, cnp())], 0.0)
    assert "Cannot get policy: 503" in look.value["key"][0].reason


def test_without_the_right_to_exec_the_remedy_is_named() -> None:
    kube, _cilium = cluster(a=FakeAgent([WEB]))
    kube.exec_answers = _raise(AuthFailed("forbidden", status=403))
    with pytest.raises(AuthFailed) as caught:
        Realization(kube, kube.exec, FakeClock()).look([target(kube, cnp())], 0.0)
    assert "wait_for=valid" in caught.value.remedy


def test_old_agents_have_the_program_under_its_old_name() -> None:
    kube, cilium = cluster(a=FakeAgent([WEB]))

    def answer(namespace: str, pod: str, command: Any, container: str | None) -> Completed:
        if command[0] != "cilium":
            raise NotFound("no program", code="CommandNotFound")
        return cilium.answer(namespace, pod, command, container)

    kube.exec_answers = answer
    assert Realization(kube, kube.exec, FakeClock()).look([target(kube, cnp())], 0.0).done


def test_agents_that_do_not_run_are_not_asked() -> None:
    kube, _cilium = cluster(a=FakeAgent([WEB]))
    kube.change(POD, "cilium-a", "kube-system")["status"]["phase"] = "Pending"
    assert Realization(kube, kube.exec, FakeClock()).has_agents is False
