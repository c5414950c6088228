# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.modules import cilium as module
from cilium_documents import chart_directory, crds, daemon_set, deployment, node, release_secret
from fakes import FakeKube, FakeRunner, completed
from module_args import patch_module_args

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> FakeKube:
    fake = FakeKube().add(node())
    monkeypatch.setattr(module, "connect", lambda params, hide=None: fake)
    real = module.run_process

    def helm_or_real(
        argv: list[str],
        *,
        timeout_s: float,
        stdin: str | None = None,
        without: Sequence[str] = (),
        given: Mapping[str, str] | None = None,
    ) -> Completed:
        # Without these variables helm works on the cluster that was judged.
        assert {"HELM_KUBE", "HELM_DRIVER", "HELM_NAMESPACE"} == set(without)
        # Its cache is not kept: a job of AWX finds its home empty, and leaves it so.
        assert given is not None
        assert given["KUBECACHEDIR"].startswith(tempfile.gettempdir())
        if argv[0] != "helm":
            return real(argv, timeout_s=timeout_s, stdin=stdin, without=without)
        return completed(stdout='{"manifest": ""}' if argv[1] == "upgrade" else "v3.22.0")

    monkeypatch.setattr(module, "run_process", helm_or_real)
    return fake


@pytest.fixture
def run(kube: FakeKube, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs main() and returns the JSON that it prints."""

    def call(**options: Any) -> dict[str, Any]:
        flags = {f"_ansible_{flag}": options.pop(flag, False) for flag in ("check_mode", "diff")}
        arguments = {"chart": chart_directory(tmp_path), "pod_cidr": "10.244.0.0/16", "cluster_name": "lab"}
        with patch_module_args({**arguments, **options, **flags}), pytest.raises(SystemExit):
            module.main()
        printed: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return printed

    return call


def installed(kube: FakeKube, values: dict[str, Any]) -> None:
    kube.add(release_secret(values), daemon_set(), deployment("cilium-operator"), *crds())


def test_an_unchanged_release_starts_no_process(run: Run, kube: FakeKube, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = run(check_mode=True)
    assert planned["changed"] is True
    monkeypatch.setattr(module, "run_process", FakeRunner())
    installed(kube, planned["cilium_values"])
    result = run()
    assert (result["changed"], result["helm_processes"]) == (False, 0)
    assert result["release"]["chart_version"] == "1.20.2"


def test_the_diff_is_shown_on_request_only(run: Run) -> None:
    assert "diff" not in run(check_mode=True)
    diff = run(check_mode=True, diff=True)["diff"]
    assert diff["before"] == {}
    assert diff["after"]["values"]["cluster"] == {"name": "lab"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"values": {"aksbyocni": {"enabled": "maybe"}}}, "InvalidValues"),
        ({"values": {"hubbel": {}}}, "InvalidValues"),
        ({"cluster_name": "Not_OK"}, "InvalidClusterName"),
        ({"pod_cidr": None}, "PodCidrMissing"),
        ({"chart": "./nowhere.tgz"}, "ChartNotFound"),
        ({"helm_binary": "/nowhere/helm"}, "HelmNotFound"),
    ],
)
def test_bad_input_is_a_clear_failure(run: Run, kube: FakeKube, options: dict[str, Any], code: str) -> None:
    result = run(**options)
    assert result["failed"] is True
    assert result["failure"]["code"] == code
    assert result["failure"]["remedy"] in result["msg"]
    assert kube.writes == []


def test_managed_cilium_is_refused(run: Run, kube: FakeKube) -> None:
    kube.add(daemon_set(image="mcr.microsoft.com/oss/cilium/cilium:1.18.6"))
    for state in ("present", "absent"):
        assert run(state=state)["failure"]["code"] == "CiliumManagedByAks"


def test_an_old_helm_is_refused_before_anything_is_sent(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run_process", FakeRunner(completed(stdout="v3.7.0")))
    assert run()["failure"]["code"] == "HelmTooOld"


def test_secrets_in_values_are_not_printed(run: Run) -> None:
    values = {"extraConfig": {"token": "s3cr3t-token"}}
    assert "s3cr3t-token" not in json.dumps(run(check_mode=True, diff=True, values=values)["cilium_values"])


def test_absent_twice(run: Run) -> None:
    assert run(state="absent") == {
        **run(state="absent"),
        "changed": False,
        "release": {},
        "cilium_values": {},
        "helm_processes": 0,
    }


def test_returned_keys_are_documented(run: Run) -> None:
    documented = yaml.safe_load(module.RETURN)
    result = run(check_mode=True)
    sometimes = {"failure", "preflight", "recovery", "removed", "nodes_not_cleaned"}
    sometimes |= {"unmanaged_pods", "restarted_pods", "not_restarted_pods"}
    assert set(result) - {"changed", "invocation", "warnings"} == set(documented) - sometimes
    absent = run(state="absent")
    more = {"removed", "nodes_not_cleaned"}
    assert set(absent) - {"changed", "invocation", "warnings"} == set(documented) - sometimes | more
    assert set(result["release"]) == set(documented["release"]["contains"])
