# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boundary between Ansible and the rest: processes, queries, libraries."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    InvalidInput,
    MissingRequirement,
    TimedOut,
    missing_library,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import apply_query, check_query, run_process


def test_a_process_gets_words_and_input_and_its_status_is_returned() -> None:
    done = run_process(["sh", "-c", 'cat; echo "$1" >&2; exit 3', "sh", "a b; $(c)"], timeout_s=10, stdin="in")
    assert (done.rc, done.stdout, done.stderr) == (3, "in", "a b; $(c)\n")


def test_without_input_a_process_does_not_wait_for_any() -> None:
    assert run_process(["cat"], timeout_s=10).stdout == ""


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingRequirement, match="/nowhere/helm") as caught:
        run_process(["/nowhere/helm"], timeout_s=1)
    assert caught.value.code == "ProgramNotFound"


def test_a_process_that_hangs_is_stopped() -> None:
    with pytest.raises(TimedOut, match="sleep did not end within 0 s"):
        run_process(["sleep", "100"], timeout_s=0.1)


def test_a_query_selects_from_the_result() -> None:
    assert apply_query("a[?b > `1`].b", {"a": [{"b": 1}, {"b": 2}]}) == [2]
    assert apply_query(None, {"a": 1}) == {"a": 1}


def test_a_wrong_query_is_refused_before_anything_is_asked() -> None:
    check_query(None)
    check_query("a.b")
    with pytest.raises(InvalidInput, match="query='a\\[' is not valid JMESPath") as caught:
        check_query("a[")
    assert (caught.value.option, "\n" in caught.value.message) == ("query", False)


def test_a_missing_library_names_package_interpreter_and_command(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("jmespath"):
            raise ImportError(f"No module named {name!r}")
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingRequirement) as caught:
        check_query("a")
    expected = missing_library("jmespath", ImportError("No module named 'jmespath'"))
    assert caught.value.text() == expected.text()
    assert f"{sys.executable} -m pip install jmespath" in expected.text()


def test_a_program_does_not_get_the_variables_that_it_must_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HELM_KUBECONTEXT", "HELM_KUBETOKEN", "HELM_DRIVER", "HELM_CACHE_HOME"):
        monkeypatch.setenv(name, "x")
    seen = run_process(["env"], timeout_s=10, without=("HELM_KUBE", "HELM_DRIVER")).stdout.splitlines()
    assert [line for line in seen if line.startswith("HELM_")] == ["HELM_CACHE_HOME=x"]
    assert any(line.startswith("PATH=") for line in seen)
    assert "HELM_KUBETOKEN=x" in run_process(["env"], timeout_s=10).stdout


def test_a_program_gets_variables_that_the_environment_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_CACHE_HOME", "/of/the/user")
    monkeypatch.delenv("KUBECACHEDIR", raising=False)
    given = {"HELM_CACHE_HOME": "/new", "KUBECACHEDIR": "/new"}
    seen = run_process(["env"], timeout_s=10, given=given).stdout.splitlines()
    assert {"HELM_CACHE_HOME=/of/the/user", "KUBECACHEDIR=/new"} <= set(seen)
