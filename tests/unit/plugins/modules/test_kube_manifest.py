# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.modules import kube_manifest as module
from fakes import FakeKube
from module_args import patch_module_args

Run = Callable[..., dict[str, Any]]
TEXT = """\
apiVersion: v1
kind: Namespace
metadata: {name: basics}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: page, namespace: basics, annotations: {since: 2026-11-30}}
data: {index: hello}
"""


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> FakeKube:
    fake = FakeKube()
    monkeypatch.setattr(module, "connect", lambda params, hide=None: fake)
    return fake


@pytest.fixture
def run(kube: FakeKube, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs main() and returns the JSON that it prints."""

    def call(**options: Any) -> dict[str, Any]:
        flags = {f"_ansible_{flag}": options.pop(flag, False) for flag in ("check_mode", "diff")}
        with patch_module_args({"definition": TEXT, **options, **flags}), pytest.raises(SystemExit):
            module.main()
        printed: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return printed

    return call


def test_applies_once_and_then_nothing(run: Run, kube: FakeKube) -> None:
    assert run(check_mode=True)["changed"] is True
    first, second = run(), run(diff=True)
    assert (first["changed"], second["changed"]) == (True, False)
    assert [row["name"] for row in first["objects"]] == ["basics", "page"]
    assert second["diff"] == {"before": {}, "after": {}}


def test_absent_twice(run: Run) -> None:
    run()
    assert run(state="absent", check_mode=True)["changed"] is True
    assert run(state="absent")["changed"] is True
    assert run(state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("definition", "code"),
    [("", "NoObjects"), ("a: [", "InvalidYaml"), ([3], "NotAnObject"), ({"kind": "Pod"}, "UnknownKind")],
)
def test_bad_input_is_a_clear_failure(run: Run, kube: FakeKube, definition: Any, code: str) -> None:
    result = run(definition=definition)
    assert result["failed"] is True
    assert result["failure"]["code"] == code
    assert kube.requests == 0


def test_returned_keys_are_documented(run: Run) -> None:
    documented = yaml.safe_load(module.RETURN)
    result = run()
    assert set(result) - {"changed", "invocation"} == set(documented) - {"failure"}
    assert set(result["objects"][0]) == set(documented["objects"]["contains"])
