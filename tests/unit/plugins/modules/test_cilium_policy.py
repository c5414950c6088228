# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cloudnet.aks_cilium.plugins.modules import cilium_policy as module
from cilium_documents import cnp, network_policy, workload_pod
from fake_cilium import FakeAgent, FakeCilium
from fakes import FakeKube
from module_args import patch_module_args

Run = Callable[..., dict[str, Any]]
WEB = ["k8s:org=cilium101", "k8s:io.kubernetes.pod.namespace=basics"]


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> FakeKube:
    fake = FakeKube().add(workload_pod())
    FakeCilium(fake, {"node-1": FakeAgent([WEB])})
    monkeypatch.setattr(module, "connect", lambda params, hide=None: fake)
    monkeypatch.setattr(module, "exec_in_pod", lambda client, *words, **options: client.exec(*words, **options))
    return fake


@pytest.fixture
def run(kube: FakeKube, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs main() and returns the JSON that it prints."""

    def call(**options: Any) -> dict[str, Any]:
        flags = {f"_ansible_{flag}": options.pop(flag, False) for flag in ("check_mode", "diff")}
        with patch_module_args({**options, **flags}), pytest.raises(SystemExit):
            module.main()
        printed: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return printed

    return call


def test_applies_once_and_then_nothing(run: Run, kube: FakeKube) -> None:
    assert run(definition=cnp(), check_mode=True)["changed"] is True
    assert kube.writes == []
    first = run(definition=[cnp(), network_policy()])
    assert first["changed"] is True
    assert [policy["realized"]["endpoints"] for policy in first["policies"]] == [1, 1]
    second = run(definition=[cnp(), network_policy()], diff=True)
    assert second["changed"] is False
    assert second["diff"] == {"before": {}, "after": {}}
    assert len(kube.writes) == 2


def test_text_and_file_mean_the_same(run: Run, tmp_path: Path) -> None:
    text = yaml.safe_dump_all([cnp(), network_policy()])
    path = tmp_path / "p.yaml"
    path.write_text(text)
    assert run(definition=text)["changed"] is True
    assert run(src=str(path))["changed"] is False


def test_absent(run: Run, kube: FakeKube) -> None:
    run(definition=cnp())
    assert run(definition=cnp(), state="absent", diff=True)["diff"]["after"] == {}
    assert run(definition=cnp(), state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"definition": cnp(endpointSelector={}, ingress=[])}, "InvalidPolicy"),
        ({"definition": {**cnp(), "kind": "Deployment"}}, "InvalidPolicy"),
        ({"definition": "a: ["}, "InvalidYaml"),
        ({"definition": ""}, "NoPolicy"),
        ({"src": "/nowhere.yaml"}, "UnreadableFile"),
    ],
)
def test_bad_input_is_a_clear_failure(run: Run, kube: FakeKube, options: dict[str, Any], code: str) -> None:
    result = run(**options)
    assert result["failed"] is True
    assert result["failure"]["code"] == code
    assert kube.requests == 0


def test_a_policy_of_somebody_else(run: Run, kube: FakeKube) -> None:
    kube.add(cnp())
    assert run(definition=cnp())["failure"]["option"] == "adopt"
    assert run(definition=cnp(), adopt=True)["changed"] is True


def test_without_waiting_no_agent_is_asked(run: Run, kube: FakeKube) -> None:
    assert run(definition=cnp(), wait=False)["policies"][0]["realized"]["checked"] is False
    assert kube.execs == []


def test_warnings_reach_the_user(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    # Where a process has loaded the controller's code as well, ansible-core prints warnings instead of returning them.
    monkeypatch.setattr(AnsibleModule, "warn", lambda self, text: warnings.append(text))
    run(definition=cnp(endpointSelector={}, egress=[{"toFQDNs": [{"matchName": "google.com"}]}]), check_mode=True)
    assert "DNS rule" in " ".join(warnings)


def test_returned_keys_are_documented(run: Run) -> None:
    documented = yaml.safe_load(module.RETURN)["policies"]["contains"]
    [policy] = run(definition=cnp())["policies"]
    assert set(policy) == set(documented)
    assert set(policy["realized"]) == set(documented["realized"]["contains"])


def test_the_examples_are_valid() -> None:
    from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.policy import check_documents

    for task in yaml.safe_load(module.EXAMPLES):
        arguments = task.get("cloudnet.aks_cilium.cilium_policy", {})
        if "definition" in arguments:
            check_documents([arguments["definition"]], print, names_only=arguments.get("state") == "absent")


def add_agents(kube: FakeKube, version: str) -> None:
    template = {"spec": {"containers": [{"name": "cilium-agent", "image": f"quay.io/cilium/cilium:v{version}"}]}}
    metadata = {"name": "cilium", "namespace": "kube-system"}
    kube.add({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": {"template": template}})


def test_on_an_old_cilium_nothing_is_written_that_would_deny_by_mistake(run: Run, kube: FakeKube) -> None:
    add_agents(kube, "1.15.19")
    listening = cnp(endpointSelector={}, ingress=[{}], enableDefaultDeny={"ingress": False})
    assert run(definition=listening)["failure"]["code"] == "NoDefaultDenyField"
    assert run(definition=listening, mode="shadow")["failure"]["code"] == "NoShadow"
    assert kube.writes == []
    assert run(definition=cnp(), wait=False)["changed"] is True


def test_a_shadow_and_then_the_same_policy_enforced(run: Run, kube: FakeKube) -> None:
    add_agents(kube, "1.20.2")
    assert run(definition=cnp(), mode="shadow", wait=False)["changed"] is True
    assert kube.writes[-1].body["spec"]["enableDefaultDeny"] == {"ingress": False, "egress": False}
    assert run(definition=cnp(), mode="shadow", wait=False)["changed"] is False
    assert run(definition=cnp(), mode="enforce", wait=False)["changed"] is True
    assert kube.writes[-1].body["spec"]["enableDefaultDeny"]["ingress"] is True
