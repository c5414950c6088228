# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubeconfigs: names as az gives them, merges that lose nothing, files that are never broken."""

from __future__ import annotations

import concurrent.futures
import functools
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    CollectionError,
    Conflict,
    InvalidInput,
    NotFound,
    OperationFailed,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import kubeconfig, kubefile
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.credentials_file import run
from fake_arm import FakeArm, error, task
from fakes import FakeClock

CANARY = "Q0FOQVJZLUtFWQ=="
# As the resource provider hands it out for a cluster with Entra ID.
EXEC: dict[str, Any] = {
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "args": [
        "get-token",
        "--environment",
        "AzurePublicCloud",
        "--server-id",
        "6dae42f8-4368-4678-94ff-3960e28e3630",
        "--client-id",
        "80faf920-1908-4b52-b5ef-a8e7bedfc67a",
        "--tenant-id",
        "11111111-1111-1111-1111-111111111111",
        "--login",
        "devicecode",
    ],
    "command": "kubelogin",
    "env": None,
    "provideClusterInfo": False,
}


def handed_out(name: str = "demo", *, admin: bool = False, key: str = CANARY) -> dict[str, Any]:
    """What the resource provider hands out for a cluster."""
    user = kubeconfig.user_name("rg", name, admin=admin)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": f"https://{name}.test:443", "certificate-authority-data": "Q0E="}}
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "users": [{"name": user, "user": {"client-key-data": key}}],
        "current-context": name,
        "preferences": {},
    }


def names(document: dict[str, Any], key: str) -> list[str]:
    return [item["name"] for item in document[key]]


class TestNames:
    def test_user_context_is_the_cluster(self) -> None:
        document = kubeconfig.renamed(handed_out(), "demo", None, admin=False)
        assert document == handed_out()

    def test_admin_context_has_a_suffix_and_shares_the_cluster(self) -> None:
        document = kubeconfig.renamed(handed_out(admin=True), "demo", None, admin=True)
        assert names(document, "contexts") == ["demo-admin"]
        assert names(document, "clusters") == ["demo"]
        assert document["current-context"] == "demo-admin"

    def test_a_given_context_names_the_cluster_too(self) -> None:
        document = kubeconfig.renamed(handed_out(), "demo", "mine", admin=False)
        assert names(document, "contexts") == names(document, "clusters") == ["mine"]
        assert document["contexts"][0]["context"]["cluster"] == "mine"

    def test_incomplete_credentials_are_an_error(self) -> None:
        with pytest.raises(OperationFailed):
            kubeconfig.renamed({"clusters": []}, "demo", None, admin=False)


class TestMerge:
    held: dict[str, Any] = {  # noqa: RUF012 (never changed: every function copies)
        **handed_out("other"),
        "extensions": [{"name": "x", "extension": {"kept": True}}],
        "users": [{"name": "other", "user": {"exec": {"command": "kubelogin", "env": None}}}],
    }

    def merge(self, held: dict[str, Any], addition: dict[str, Any], **how: bool) -> dict[str, Any]:
        return kubeconfig.merged(held, addition, **{"overwrite": False, "set_current": False, **how})

    def test_loses_nothing(self) -> None:
        merged = self.merge(self.held, handed_out())
        assert names(merged, "contexts") == ["other", "demo"]
        assert merged["extensions"] == self.held["extensions"]
        assert merged["users"][0] == self.held["users"][0]
        assert merged["current-context"] == "other"

    def test_twice_is_once(self) -> None:
        once = self.merge(self.held, handed_out())
        assert self.merge(once, handed_out()) == once

    def test_same_name_other_content_needs_permission(self) -> None:
        held = self.merge(self.held, handed_out(key="b2xk"))
        with pytest.raises(InvalidInput) as caught:
            self.merge(held, handed_out())
        assert caught.value.option == "overwrite_existing"
        assert CANARY not in caught.value.text()
        merged = self.merge(held, handed_out(), overwrite=True)
        assert merged["users"][1]["user"]["client-key-data"] == CANARY
        assert names(merged, "contexts") == ["other", "demo"]

    def test_current_context_moves_only_when_asked_or_missing(self) -> None:
        assert self.merge(self.held, handed_out(), set_current=True)["current-context"] == "demo"
        assert self.merge({}, handed_out())["current-context"] == "demo"

    def test_null_lists_are_lists(self) -> None:
        merged = self.merge({"kind": "Config", "users": None, "clusters": None, "contexts": None}, handed_out())
        assert names(merged, "contexts") == ["demo"]

    def test_user_and_admin_live_side_by_side(self) -> None:
        user = self.merge({}, kubeconfig.renamed(handed_out(), "demo", None, admin=False))
        both = self.merge(user, kubeconfig.renamed(handed_out(admin=True), "demo", None, admin=True))
        assert names(both, "contexts") == ["demo", "demo-admin"]
        assert names(both, "clusters") == ["demo"]
        left = kubeconfig.without(both, "demo-admin")
        assert names(left, "clusters") == ["demo"]
        assert left == user

    def test_removal_keeps_the_rest(self) -> None:
        merged = self.merge(self.held, handed_out(), set_current=True)
        left = kubeconfig.without(merged, "demo")
        assert left == {**self.held, "current-context": ""}
        assert kubeconfig.without(left, "demo") == left


class TestFile:
    @pytest.mark.parametrize("text", ["a: [", "just text", "- a", "contexts: text", "contexts: [{}]", "a: b", "\x00"])
    def test_what_is_no_kubeconfig_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            kubefile.parse(text, "/x")
        assert caught.value.code == "NotAKubeconfig"

    @pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "kind: Config", "contexts: null", "{'clusters': []}"])
    def test_empty_ones_are_fine(self, text: str) -> None:
        kubefile.parse(text, "/x")

    def test_timestamps_and_words_come_back_letter_by_letter(self, tmp_path: Path) -> None:
        text = "kind: Config\nusers:\n- name: a\n  user: {expiry: 2026-01-02T03:04:05Z, on: 'yes', code: '0123'}\n"
        path = tmp_path / "config"
        kubefile.write(str(path), kubefile.parse(text, "/x"))
        user = yaml.load(path.read_text(), Loader=yaml.BaseLoader)["users"][0]["user"]  # noqa: S506 (text only)
        assert user["expiry"] == "2026-01-02T03:04:05Z"
        assert kubefile.read(str(path)) == kubefile.parse(text, "/x")

    def test_is_private_and_leaves_nothing_beside_it(self, tmp_path: Path) -> None:
        path = tmp_path / "config"
        kubefile.write(str(path), handed_out())
        assert path.stat().st_mode & 0o777 == 0o600
        assert os.listdir(tmp_path) == ["config"]

    def test_a_failed_write_keeps_the_old_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "config"
        path.write_text("kind: Config\n")

        def full(source: str, target: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(InvalidInput, match="No space left"):
            kubefile.write(str(path), handed_out())
        assert path.read_text() == "kind: Config\n"
        assert os.listdir(tmp_path) == ["config"]

    def test_a_lock_that_is_never_free_is_an_error(self, tmp_path: Path) -> None:
        path = str(tmp_path / "config")
        with kubefile.locked(path, create=False), pytest.raises(Conflict) as caught:  # noqa: SIM117
            with kubefile.locked(path, create=False, clock=FakeClock()):
                pass
        assert caught.value.code == "KubeconfigLocked"


def act(
    path: Path | None,
    *,
    check_mode: bool = False,
    name: str = "demo",
    arm: FakeArm | None = None,
    environment: dict[str, str] | None = None,
    warnings: list[str] | None = None,
    **given: Any,
) -> Result:
    params = {
        "state": "present",
        "resource_group": "rg",
        "name": name,
        "credential": "user",
        "path": str(path) if path else None,
        "merge": False,
        "context": None,
        "overwrite_existing": False,
        "set_current": False,
        "format": None,
        "kubelogin_login": None,
        "kubelogin_client_id": None,
        "kubelogin_tenant": None,
        "public_fqdn": False,
        **given,
    }
    if arm is None:
        arm = FakeArm({name: {"properties": {}}})
        arm.kubeconfig = yaml.safe_dump(handed_out(name, admin=params["credential"] == "admin"))
    context, lines = task(params, check_mode=check_mode)
    client = arm.client()
    result = run(context, lambda params, hide: client, environment or {})
    assert CANARY not in str(result)
    if CANARY in arm.kubeconfig and params["state"] == "present" and not result.message:
        assert f"hidden: {CANARY}" in lines
    if warnings is not None:
        warnings += [line for line in lines if line.startswith("warning:")]
    return result


def merge_one(path: Path, name: str) -> bool:
    """What one run of many does; a function of the module, so that a process can be told to run it."""
    return act(path, name=name, merge=True).changed


def refusing(message: str) -> FakeArm:
    arm = FakeArm({"demo": {"properties": {}}})
    arm.before_write = [error(400, "BadRequest", message)]
    return arm


class TestEntraId:
    """Clusters whose kubeconfig starts kubelogin."""

    @pytest.fixture
    def arm(self) -> FakeArm:
        document = handed_out()
        document["users"][0]["user"] = {"exec": EXEC}
        arm = FakeArm({"demo": {"properties": {}}})
        arm.kubeconfig = yaml.safe_dump(document)
        return arm

    @pytest.fixture
    def no_kubelogin(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A PATH that leads to an empty folder."""
        folder = tmp_path / "bin"
        folder.mkdir()
        monkeypatch.setenv("PATH", str(folder))
        return folder

    @pytest.mark.parametrize(
        ("given", "query"),
        [
            ({}, ""),
            ({"format": "azure"}, "&format=azure"),
            ({"format": "exec"}, "&format=exec"),
            ({"kubelogin_login": "azurecli"}, "&format=exec"),
            ({"public_fqdn": True}, "&server-fqdn=public"),
        ],
    )
    def test_asks_azure_as_az_does(self, arm: FakeArm, tmp_path: Path, given: dict[str, Any], query: str) -> None:
        act(tmp_path / "x", arm=arm, **given)
        method, url, __, __ = arm.requests[-1]
        assert method == "POST"
        assert url.endswith(f"/listClusterUserCredential?api-version=2026-01-01{query}")

    def test_the_login_method_is_changed_once(self, arm: FakeArm, tmp_path: Path) -> None:
        path = tmp_path / "x"
        assert act(path, arm=arm).values["login"] == "devicecode"
        changed = act(path, arm=arm, kubelogin_login="azurecli")
        assert (changed.changed, changed.values["login"]) == (True, "azurecli")
        assert (changed.before or {})["login"] == "devicecode"
        assert not act(path, arm=arm, kubelogin_login="azurecli").changed

    def test_a_missing_kubelogin_is_a_warning(self, arm: FakeArm, tmp_path: Path, no_kubelogin: Path) -> None:
        warnings: list[str] = []
        act(tmp_path / "x", arm=arm, warnings=warnings)
        assert "kubelogin" in warnings[0]
        program = no_kubelogin / "kubelogin"
        program.write_text("#!/bin/sh\n", encoding="utf-8")
        program.chmod(0o755)
        act(tmp_path / "x", arm=arm, warnings=warnings)
        assert len(warnings) == 1

    @pytest.mark.parametrize("given", [{"format": "exec"}, {"kubelogin_login": "spn"}])
    def test_an_admin_does_not_log_in(self, tmp_path: Path, given: dict[str, str]) -> None:
        with pytest.raises(InvalidInput) as caught:
            act(tmp_path / "x", credential="admin", **given)
        assert caught.value.option == next(iter(given))

    def test_without_local_accounts_the_remedy_is_named(self, tmp_path: Path) -> None:
        arm = refusing(
            "Getting static credential is not allowed because this cluster is set to disable local accounts."
        )
        with pytest.raises(InvalidInput) as caught:
            act(tmp_path / "x", arm=arm, credential="admin")
        assert (caught.value.option, caught.value.code) == ("credential", "LocalAccountsDisabled")
        assert "format to exec" in caught.value.remedy

    def test_another_refusal_stays_what_it_is(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput) as caught:
            act(tmp_path / "x", arm=refusing("No."))
        assert caught.value.code == "BadRequest"


class TestPlace:
    def test_without_a_path_the_first_of_kubeconfig_is_merged_into(self, tmp_path: Path) -> None:
        environment = {"KUBECONFIG": f"{tmp_path}/one:{tmp_path}/two"}
        assert act(None, merge=True, environment=environment).values["path"] == f"{tmp_path}/one"
        assert act(tmp_path / "own", merge=True, environment=environment).values["path"] == f"{tmp_path}/own"
        assert sorted(os.listdir(tmp_path)) == ["one", "own"]

    def test_else_that_of_the_user(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert act(None, merge=True).values["path"] == f"{tmp_path}/.kube/config"


class TestPresent:
    def test_a_file_of_its_own(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "demo.yaml"
        result = act(path)
        assert result.changed
        assert result.values == {
            "path": str(path),
            "context": "demo",
            "credential": "user",
            "server": "https://demo.test:443",
            "login": "static",
        }
        assert yaml.safe_load(path.read_text()) == handed_out()
        assert path.parent.stat().st_mode & 0o777 == 0o700
        before = path.stat().st_mtime_ns
        assert not act(path).changed
        assert path.stat().st_mtime_ns == before

    def test_check_mode_writes_no_file(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "demo.yaml"
        result = act(path, check_mode=True)
        assert result.changed
        assert not path.parent.exists()

    def test_check_mode_before_the_cluster_exists(self, tmp_path: Path) -> None:
        arm = FakeArm()
        result = act(tmp_path / "x", check_mode=True, arm=arm)
        assert result.changed
        assert "does not exist yet" in result.message
        with pytest.raises(NotFound):
            act(tmp_path / "x", arm=arm)

    def test_a_wider_mode_is_corrected(self, tmp_path: Path) -> None:
        path = tmp_path / "demo.yaml"
        act(path)
        path.chmod(0o644)
        assert act(path, check_mode=True).changed
        assert act(path).after == {
            "context": "demo",
            "server": "https://demo.test:443",
            "user": "clusterUser_rg_demo",
            "login": "static",
            "current_context": "demo",
            "mode": "0600",
        }
        assert path.stat().st_mode & 0o777 == 0o600

    def test_renewed_credentials_show_without_their_content(self, tmp_path: Path) -> None:
        path = tmp_path / "demo.yaml"
        kubefile.write(str(path), handed_out(key="b2xk"))
        result = act(path)
        assert result.before is not None
        assert result.before["credentials"] == "old"
        assert "b2xk" not in str(result)

    def test_a_separate_file_does_not_lose_others(self, tmp_path: Path) -> None:
        path = tmp_path / "config"
        act(path, name="other")
        with pytest.raises(InvalidInput, match="other") as caught:
            act(path)
        assert caught.value.code == "KubeconfigHoldsOthers"
        assert act(path, merge=True).changed
        assert names(yaml.safe_load(path.read_text()), "contexts") == ["other", "demo"]

    @pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"hello"])
    def test_a_target_that_is_no_kubeconfig_stays_as_it_is(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "notes"
        path.write_bytes(content)
        for how in ({"merge": True, "overwrite_existing": True}, {"overwrite_existing": True}, {"state": "absent"}):
            with pytest.raises(CollectionError) as caught:
                act(path, **how)
            assert caught.value.option == "path"
            assert path.read_bytes() == content

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="folder"):
            act(tmp_path)

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        target, link = tmp_path / "real", tmp_path / "link"
        link.symlink_to(target)
        act(link)
        assert link.is_symlink()
        assert target.exists()

    def test_an_answer_without_a_kubeconfig_is_an_error(self, tmp_path: Path) -> None:
        arm = FakeArm({"demo": {"properties": {}}})
        arm.kubeconfig = "nonsense"
        with pytest.raises(OperationFailed) as caught:
            act(tmp_path / "x", arm=arm)
        assert caught.value.code == "IncompleteCredentials"

    @pytest.mark.parametrize("kind", ["threads", "processes"])
    def test_many_runs_at_once_lose_nothing(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "config"
        clusters = [f"c{number}" for number in range(50)]
        pool: concurrent.futures.Executor = (
            concurrent.futures.ThreadPoolExecutor(16)
            if kind == "threads"
            else concurrent.futures.ProcessPoolExecutor(8, multiprocessing.get_context("fork"))
        )
        with pool:
            results = list(pool.map(functools.partial(merge_one, path), clusters))
        assert all(results)
        document = yaml.safe_load(path.read_text())
        assert sorted(names(document, "contexts")) == sorted(clusters)
        assert os.listdir(tmp_path) == ["config"]


class TestAbsent:
    def test_removes_its_own_file(self, tmp_path: Path) -> None:
        path = tmp_path / "demo.yaml"
        act(path)
        assert act(path, state="absent", check_mode=True).changed
        assert path.exists()
        result = act(path, state="absent")
        assert result.changed
        assert not path.exists()
        assert not act(path, state="absent").changed

    def test_removes_only_its_entries(self, tmp_path: Path) -> None:
        path = tmp_path / "config"
        act(path, name="other", merge=True)
        before = yaml.safe_load(path.read_text())
        act(path, merge=True)
        assert act(path, state="absent", merge=True).changed
        assert yaml.safe_load(path.read_text()) == before
        assert not act(path, state="absent", merge=True).changed

    def test_a_context_of_a_cluster_in_another_group_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "config"
        act(path)
        assert not act(path, state="absent", resource_group="rg2").changed
        assert path.exists()

    def test_does_not_ask_azure(self, tmp_path: Path) -> None:
        arm = FakeArm()
        act(tmp_path / "x", state="absent", arm=arm)
        assert arm.requests == []
