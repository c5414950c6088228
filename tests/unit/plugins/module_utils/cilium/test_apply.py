# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    Conflict,
    InvalidInput,
    OperationFailed,
    TimedOut,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json, Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.apply import (
    Surroundings,
    ensure_absent,
    ensure_present,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.policy import (
    OWNER,
    OWNER_LABEL,
    check_documents,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CNP, NETWORK_POLICY
from cilium_documents import cnp, network_policy, workload_pod
from fake_cilium import FakeAgent, FakeCilium
from fakes import FakeClock, FakeKube

WEB = ["k8s:org=cilium101", "k8s:io.kubernetes.pod.namespace=basics"]
OTHER_SPEC = {"endpointSelector": {"matchLabels": {"org": "cilium101"}}, "ingress": [{"fromEntities": ["cluster"]}]}


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube().add(workload_pod())


@pytest.fixture
def agent() -> FakeAgent:
    return FakeAgent([WEB])


@pytest.fixture
def cilium(kube: FakeKube, agent: FakeAgent) -> FakeCilium:
    return FakeCilium(kube, {"node-1": agent})


@pytest.fixture
def around(kube: FakeKube, cilium: FakeCilium) -> Surroundings:
    return Surroundings(kube, kube.exec, FakeClock(), lambda line: None, False, "realized", 30.0)


def present(around: Surroundings, *documents: Json, adopt: bool = False) -> Result:
    return ensure_present(check_documents(documents, lambda message: None), adopt, around)


def absent(around: Surroundings, *documents: Json, adopt: bool = False) -> Result:
    return ensure_absent(check_documents(documents, lambda message: None, names_only=True), adopt, around)


def row(result: Result, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = result.values["policies"][number]
    return found


def test_twelve_steps(around: Surroundings, kube: FakeKube) -> None:
    checking = replace(around, check_mode=True)
    changed = cnp(**OTHER_SPEC)
    for act, document in ((present, cnp()), (present, changed), (absent, changed)):
        writes = len(kube.writes)
        assert act(checking, document).changed
        assert len(kube.writes) == writes
        assert act(around, document).changed
        assert len(kube.writes) == writes + 1
        assert not act(checking, document).changed
        assert not act(around, document).changed
        assert len(kube.writes) == writes + 1
    assert kube.dry_writes == []


def test_a_new_policy_is_valid_realized_and_ours(around: Surroundings, kube: FakeKube) -> None:
    result = present(around, cnp(), network_policy())
    assert row(result) == {
        "kind": "CiliumNetworkPolicy",
        "namespace": "basics",
        "name": "deny",
        "changed": True,
        "before": {},
        "valid": True,
        "realized": {
            "checked": True,
            "endpoints": 1,
            "nodes": [{"node": "node-1", "realized": True, "endpoints": 1, "reason": "realized"}],
        },
    }
    assert (row(result, 1)["kind"], row(result, 1)["valid"]) == ("NetworkPolicy", None)
    live = kube.get(CNP, "deny", "basics")
    assert live is not None
    assert live["metadata"]["labels"] == {OWNER_LABEL: OWNER}


def test_the_diff_shows_only_what_changes(around: Surroundings) -> None:
    present(around, cnp(), network_policy())
    result = present(around, cnp(**OTHER_SPEC), network_policy())
    label = "CiliumNetworkPolicy basics/deny"
    assert result.before is not None
    assert result.after is not None
    assert list(result.before) == list(result.after) == [label]
    assert result.before[label]["spec"] == cnp()["spec"]
    assert result.after[label]["spec"] == OTHER_SPEC
    gone = absent(around, network_policy())
    assert gone.after == {}
    assert list(gone.before or {}) == ["NetworkPolicy basics/np"]


def test_waits_for_slow_agents_and_endpoints(around: Surroundings, agent: FakeAgent) -> None:
    agent.lag, agent.slow_endpoints = 3, 2
    clock = FakeClock()
    present(replace(around, clock=clock), cnp())
    assert clock.now > 1
    agent.lag, agent.slow_endpoints = 3, 2
    started = clock.now
    present(replace(around, clock=clock), cnp(**OTHER_SPEC))
    assert clock.now > started + 1
    agent.lag = 3
    started = clock.now
    absent(replace(around, clock=clock), cnp())
    assert clock.now > started


def test_an_update_that_stays_valid_needs_no_extra_wait_once_an_agent_has_it(around: Surroundings) -> None:
    present(around, cnp())
    clock = FakeClock()
    present(replace(around, clock=clock), cnp(**OTHER_SPEC))
    assert clock.now == 0


def test_nodes_that_do_not_follow_end_in_a_timeout_and_the_policy_stays(
    around: Surroundings, agent: FakeAgent, kube: FakeKube
) -> None:
    agent.lag = 10_000
    with pytest.raises(TimedOut, match=r"not realized on 1 node \(node-1: the agent has not loaded it\)"):
        present(around, cnp())
    assert kube.get(CNP, "deny", "basics") is not None


def test_a_rejected_policy_is_taken_back_with_all_of_the_task(
    around: Surroundings, cilium: FakeCilium, kube: FakeKube
) -> None:
    cilium.rejects["bad"] = "mutual auth feature is disabled"
    with pytest.raises(OperationFailed, match=r"Cilium rejects it .*mutual auth feature is disabled") as caught:
        present(around, cnp(), cnp("bad"))
    assert caught.value.code == "PolicyRejected"
    assert list(kube.list(CNP)) == []


def test_a_rejected_update_gives_back_what_was_before(around: Surroundings, cilium: FakeCilium, kube: FakeKube) -> None:
    present(around, cnp())
    cilium.rejects["deny"] = "no"
    with pytest.raises(OperationFailed):
        present(around, cnp(**OTHER_SPEC))
    live = kube.get(CNP, "deny", "basics")
    assert live is not None
    assert live["spec"] == cnp()["spec"]


def test_an_unchanged_policy_that_cilium_rejects_is_not_called_good(
    around: Surroundings, cilium: FakeCilium, kube: FakeKube
) -> None:
    cilium.rejects["deny"] = "no"
    present(replace(around, wait_for="accepted"), cnp())
    writes = len(kube.writes)
    with pytest.raises(OperationFailed, match="stood in the cluster before"):
        present(around, cnp(), network_policy())
    assert len(kube.writes) == writes


def test_a_refused_write_takes_back_the_earlier_ones(around: Surroundings, kube: FakeKube) -> None:
    kube.failures["create", "NetworkPolicy"] = InvalidInput("spec.ports: invalid", status=422)
    with pytest.raises(InvalidInput, match="taken back: CiliumNetworkPolicy basics/deny"):
        present(around, cnp(), network_policy())
    assert list(kube.list(CNP)) == []


@pytest.mark.parametrize("wait_for", [None, "accepted", "valid"])
def test_less_waiting_asks_no_agent(around: Surroundings, kube: FakeKube, wait_for: str | None) -> None:
    clock = FakeClock()
    result = present(replace(around, wait_for=wait_for, clock=clock), cnp(), network_policy())
    assert result.changed
    assert row(result)["realized"]["checked"] is False
    assert kube.execs == []
    assert clock.now == 0


def test_an_update_must_stay_valid_for_a_moment(around: Surroundings) -> None:
    present(around, cnp())
    clock = FakeClock()
    present(replace(around, wait_for="valid", clock=clock), cnp(**OTHER_SPEC))
    assert 2 <= clock.now < 3


def test_an_operator_without_a_verdict_leaves_validity_unknown(around: Surroundings, cilium: FakeCilium) -> None:
    cilium.judges = False
    clock = FakeClock()
    result = present(replace(around, clock=clock), cnp())
    assert row(result)["valid"] is None
    assert 10 <= clock.now < 11


def test_without_agents_a_network_policy_is_only_accepted() -> None:
    kube = FakeKube()
    around = Surroundings(kube, kube.exec, FakeClock(), lambda line: None, False, "realized", 30.0)
    result = present(around, network_policy())
    assert result.changed
    assert row(result)["realized"] == {"checked": False, "nodes": [], "endpoints": 0}


def test_policies_of_others_are_left_alone_in_both_directions(around: Surroundings, kube: FakeKube) -> None:
    kube.add(cnp())
    for act in (present, absent):
        with pytest.raises(Conflict) as caught:
            act(around, network_policy(), cnp())
        assert caught.value.code == "PolicyNotOurs"
    assert kube.writes == []
    assert present(around, cnp(), adopt=True).changed
    assert absent(around, cnp()).changed


def test_a_status_written_in_between_is_no_obstacle(around: Surroundings, kube: FakeKube) -> None:
    present(around, cnp())
    attempts = iter([Conflict("the object has been modified", status=409)])
    original = kube.replace

    def replace_once(kind: Any, body: Json, *, dry_run: bool = False) -> Json:
        error = next(attempts, None)
        if error is not None:
            raise error
        return original(kind, body, dry_run=dry_run)

    kube.replace = replace_once  # type: ignore[method-assign]
    assert present(around, cnp(**OTHER_SPEC)).changed


def test_removal_goes_backwards_and_skips_what_is_absent(around: Surroundings, kube: FakeKube) -> None:
    present(around, cnp("one"), cnp("two"))
    result = absent(around, cnp("one"), network_policy(), cnp("two"))
    assert [policy["name"] for policy in result.values["policies"]] == ["two", "np", "one"]
    assert [policy["changed"] for policy in result.values["policies"]] == [True, False, True]
    assert [write.name for write in kube.writes if write.verb == "delete"] == ["two", "one"]


def test_enforcing_is_one_field_of_one_object(around: Surroundings, kube: FakeKube) -> None:
    spec = {"endpointSelector": {}, "ingress": [{"fromEntities": ["none"]}]}
    present(around, cnp(**spec, enableDefaultDeny={"ingress": False, "egress": False}))
    result = present(around, cnp(**spec, enableDefaultDeny={"ingress": True, "egress": False}))
    assert result.changed
    assert [write.verb for write in kube.writes] == ["create", "replace"]


def test_an_unchanged_network_policy_is_still_shown_as_realized(around: Surroundings, kube: FakeKube) -> None:
    present(around, network_policy())
    result = present(around, network_policy())
    assert result.changed is False
    assert row(result)["realized"]["nodes"][0]["realized"] is True
    assert kube.get(NETWORK_POLICY, "np", "basics") is not None
