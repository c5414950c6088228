# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stages' modules from their arguments to the JSON that they print, over a cluster and flows that are made up."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CNP
from ansible_collections.cloudnet.aks_cilium.plugins.modules import (
    hubble_canary,
    network_policy_break_glass,
    network_policy_enforce,
    network_policy_evidence,
    network_policy_soak,
)
from fakes import FakeClock, FakeKube
from module_args import patch_module_args
from staging_flows import FakeFlows, first_packet
from staging_timer import FakeJobs, policy

MODULES = (
    hubble_canary,
    network_policy_break_glass,
    network_policy_enforce,
    network_policy_evidence,
    network_policy_soak,
)
Run = Callable[..., dict[str, Any]]


def document(kind: str, name: str, namespace: str = "", version: str = "v1", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


class Realized:
    """Nodes that realize everything at once."""

    def __init__(self, *parts: Any) -> None:
        pass

    def prepare(self, before: Any) -> None:
        pass

    def start(self, before: Any, after: Any, since: float) -> None:
        pass

    def realized_s(self) -> float:
        return 0.1

    def finished(self) -> bool:
        return True

    def wait_realized(self, before: Any, after: Any, timeout_s: float) -> float:
        return 0.1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def kube(clock: FakeClock) -> FakeKube:
    containers = [{"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.20.2"}]
    spec = {"template": {"spec": {"containers": containers}}}
    kube = FakeKube().add(
        document("Namespace", "shop"),
        document("Namespace", "kube-system"),
        document("DaemonSet", "cilium", "kube-system", "apps/v1", spec=spec),
        document("Pod", "client-1", "shop", status={"podIP": "10.0.0.1"}),
        document("Pod", "web-1", "shop", status={"podIP": "10.0.0.2"}),
        policy("web"),
    )
    FakeJobs(kube, clock)
    return kube


@pytest.fixture
def flows(clock: FakeClock) -> FakeFlows:
    return FakeFlows(clock)


@pytest.fixture
def run(
    kube: FakeKube,
    flows: FakeFlows,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs a module's main() and returns the JSON that it prints."""
    for module in MODULES:
        for name, value in {
            "connect": lambda params, hide=None: kube,
            "flows_of": lambda *parts, **options: flows.open,
            "exec_in_pod": lambda client, *words, **options: client.exec(*words, **options),
            "BackgroundWork": Realized,
            "SystemClock": lambda: clock,
        }.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)

    def call(module: ModuleType, **options: Any) -> dict[str, Any]:
        flags = {f"_ansible_{flag}": options.pop(flag, False) for flag in ("check_mode", "diff")}
        with patch_module_args({**options, **flags}), pytest.raises(SystemExit):
            module.main()
        printed: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        printed.pop("invocation", None)
        return printed

    return call


def documented(module: Any, result: dict[str, Any]) -> None:
    """Whether all that a module printed is in its documentation."""
    keys = yaml.safe_load(module.RETURN)
    assert set(result) - {"changed", "diff", "failed", "msg"} <= set(keys)
    for name, value in result.items():
        contains = keys.get(name, {}).get("contains")
        for row in value if isinstance(value, list) else [value]:
            assert contains is None or set(row) == set(contains), name


def test_a_step_and_what_it_returns(run: Run, kube: FakeKube, flows: FakeFlows) -> None:
    step = {"policy": {"namespace": "shop", "name": "web"}, "direction": "ingress"}
    checked = run(network_policy_enforce, **step, check_mode=True, diff=True)
    assert checked["changed"] is True
    assert checked["diff"]["after"] == {"enableDefaultDeny": {"ingress": True, "egress": False}}
    assert kube.writes == []
    flows.every(2, 10, first_packet())
    done = run(network_policy_enforce, **step)
    documented(network_policy_enforce, done)
    assert (done["changed"], done["directions"]) == (True, ["ingress"])
    assert run(network_policy_enforce, **step)["changed"] is False
    back = run(network_policy_enforce, **step, state="shadow")
    documented(network_policy_enforce, back)
    assert (back["changed"], back["directions"]) == (True, [])


def test_a_step_that_is_taken_back_tells_why(run: Run, kube: FakeKube, flows: FakeFlows) -> None:
    flows.at = [(4.0, first_packet("INGRESS", "DROPPED"))]
    failed = run(network_policy_enforce, policy={"namespace": "shop", "name": "web"})
    documented(network_policy_enforce, failed)
    assert (failed["failed"], failed["failure"]["code"]) == (True, "UnpredictedDrop")
    assert failed["failure"]["details"]["rolled_back"] is True
    assert kube.change(CNP, "web", "shop")["spec"]["enableDefaultDeny"]["ingress"] is False


def test_evidence_is_collected_read_and_removed(run: Run, tmp_path: Path) -> None:
    store = {"store": {"path": str(tmp_path / "evidence.json")}}
    options = {"namespaces": ["shop"], "duration": 1, **store}
    assert run(network_policy_evidence, **options, check_mode=True)["changed"] is True
    assert not list(tmp_path.iterdir())
    done = run(network_policy_evidence, **options)
    documented(network_policy_evidence, done)
    assert done["chunk"]["complete"] is True
    read = run(network_policy_evidence, state="read", **store)
    documented(network_policy_evidence, read)
    assert read["evidence"]["namespaces"] == ["shop"]
    gone = run(network_policy_evidence, state="absent", **store)
    documented(network_policy_evidence, gone)
    assert (gone["changed"], run(network_policy_evidence, state="absent", **store)["changed"]) == (True, False)


def test_a_soak_that_has_nothing_to_complain_of(
    run: Run, flows: FakeFlows, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", clock.monotonic)
    flows.every(2, 10, first_packet(by=["web"]))
    done = run(network_policy_soak, namespaces=["shop"], duration=10)
    documented(network_policy_soak, done)
    assert (done["changed"], done["passed"], done["summary"]["explained"]) == (False, True, 5)
    assert run(network_policy_soak, namespaces=["shop"], check_mode=True)["passed"] is False


def test_a_canary_that_is_seen(run: Run, kube: FakeKube, flows: FakeFlows) -> None:
    def answer(namespace: str, pod: str, command: Sequence[str], container: str | None) -> Completed:
        port = int(command[7].split("-")[0])
        now = flows.clock.now
        flows.at = [(now, first_packet(side, client_port=port, by=["web"])) for side in ("EGRESS", "INGRESS")]
        return Completed(command, 0, "0 exit=0\n0 time_connect=0.1\n", "")

    kube.exec_answers = answer
    pods = {
        "client": {"namespace": "shop", "pod": "client-1"},
        "server": {"namespace": "shop", "pod": "web-1"},
    }
    done = run(hubble_canary, **pods)
    documented(hubble_canary, done)
    assert (done["changed"], done["passed"]) == (False, True)
    assert run(hubble_canary, **pods, check_mode=True)["passed"] is False


def test_glass_is_broken_and_mended(run: Run, kube: FakeKube) -> None:
    kube.add(policy("web", ingress=True))
    opened = run(network_policy_break_glass, namespaces=["shop"], minutes=5)
    documented(network_policy_break_glass, opened)
    assert opened["changed"] is True
    assert run(network_policy_break_glass, namespaces=["shop"])["changed"] is False
    closed = run(network_policy_break_glass, namespaces=["shop"], state="closed")
    documented(network_policy_break_glass, closed)
    assert closed["changed"] is True
    assert kube.change(CNP, "web", "shop")["spec"]["enableDefaultDeny"]["ingress"] is True


@pytest.mark.parametrize(
    ("module", "options", "code"),
    [
        (network_policy_evidence, {"store": {}}, "InvalidStore"),
        (network_policy_evidence, {"store": {"path": "x"}}, "NoNamespaces"),
        (network_policy_evidence, {"store": {"path": "x"}, "namespaces": ["kube-system"]}, "SystemNamespace"),
        (network_policy_soak, {"namespaces": ["nowhere"]}, "NamespaceNotFound"),
        (network_policy_soak, {"namespaces": ["shop"], "prediction": {"denied": ["x"]}}, "InvalidPrediction"),
        (network_policy_enforce, {"policy": {"namespace": "shop", "name": "x"}}, "PolicyNotFound"),
        (
            network_policy_enforce,
            {"policy": {"namespace": "shop", "name": "web"}, "watch_s": 60},
            "InvalidNumber",
        ),
        (network_policy_break_glass, {"namespaces": ["shop"], "minutes": 0}, "InvalidNumber"),
    ],
    ids=str,
)
def test_wrong_input_changes_nothing(run: Run, kube: FakeKube, module: Any, options: dict[str, Any], code: str) -> None:
    result = run(module, **options)
    assert result["failed"] is True
    assert result["failure"]["code"] == code
    assert kube.writes == []
