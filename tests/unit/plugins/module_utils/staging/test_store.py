# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    Conflict,
    InvalidInput,
    OperationFailed,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CONFIG_MAP
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.store import (
    HARDENING_NAMESPACE,
    ConfigMapStore,
    FileStore,
    store_of,
)
from fakes import FakeKube


def names(kube: FakeKube) -> list[str]:
    return [one["metadata"]["name"] for one in kube.list(CONFIG_MAP, HARDENING_NAMESPACE)]


def test_exactly_one_place_is_named() -> None:
    for option in ({"path": None, "config_map": None}, {"path": "x", "config_map": True}):
        with pytest.raises(InvalidInput, match="exactly one"):
            store_of({"store": option}, FakeKube())
    assert isinstance(store_of({"store": {"path": "x", "config_map": None}}, FakeKube()), FileStore)
    assert isinstance(store_of({"store": {"path": None, "config_map": True}}, FakeKube()), ConfigMapStore)


def test_a_file_is_private_and_replaced_as_a_whole(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path / "evidence.json"))
    assert store.read().text == ""
    kept = store.write("one", "")
    assert store.write("two", kept.token).text == "two"
    assert store.read().text == "two"
    assert os.stat(tmp_path / "evidence.json").st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["evidence.json"]
    assert store.remove(dry_run=True)
    assert store.remove()
    assert not store.remove()


def test_a_file_that_somebody_else_changed_is_not_overwritten(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path / "evidence.json"))
    kept = store.write("one", "")
    store.write("two", kept.token)
    with pytest.raises(Conflict, match="changed by somebody else"):
        store.write("three", kept.token)
    assert store.read().text == "two"


def test_a_file_in_a_folder_that_is_not_there_is_an_error_of_the_option(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file") as caught:
        FileStore(str(tmp_path / "no" / "evidence.json")).write("one", "")
    assert caught.value.option == "store"


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(str(tmp_path / "evidence.json"))
    kept = store.write("one", "")

    def fails(*paths: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(InvalidInput, match="No space left"):
        store.write("two", kept.token)
    assert os.listdir(tmp_path) == ["evidence.json"]
    assert store.read().text == "one"


def test_config_maps_hold_a_long_text_in_parts() -> None:
    kube = FakeKube()
    store = ConfigMapStore(kube, part_bytes=40)
    text = "".join(chr(33 + (7 * i * i) % 90) for i in range(500))
    kept = store.write(text, "")
    assert len(names(kube)) > 3
    assert all(len(one["data"].get("part", "")) <= 40 for one in kube.list(CONFIG_MAP, HARDENING_NAMESPACE))
    assert store.read().text == text
    second = store.write("short", kept.token)
    assert store.read() == second
    assert len(names(kube)) == 2
    assert store.remove(dry_run=True)
    assert store.remove()
    assert names(kube) == []
    assert not store.remove()


def test_a_writer_that_is_killed_leaves_the_old_text() -> None:
    kube = FakeKube()
    store = ConfigMapStore(kube, part_bytes=40)
    kept = store.write("old", "")
    kube.failures["replace", "ConfigMap"] = OperationFailed("killed")
    with pytest.raises(OperationFailed):
        store.write("new", kept.token)
    assert store.read().text == "old"
    kube.failures.clear()
    store.write("newer", kept.token)
    assert store.read().text == "newer"
    assert len(names(kube)) == 2, "the parts that the killed writer left are gone"


def test_two_writers_do_not_overwrite_each_other() -> None:
    kube = FakeKube()
    kept = ConfigMapStore(kube).write("one", "")
    ConfigMapStore(kube).write("two", kept.token)
    with pytest.raises(Conflict):
        ConfigMapStore(kube).write("three", kept.token)
    assert ConfigMapStore(kube).read().text == "two"


def test_a_writer_that_is_overtaken_at_the_last_moment_cleans_up_after_itself() -> None:
    kube = FakeKube()
    kept = ConfigMapStore(kube).write("one", "")
    kube.failures["replace", "ConfigMap"] = Conflict("modified", code="Conflict", status=409)
    with pytest.raises(Conflict) as caught:
        ConfigMapStore(kube).write("two", kept.token)
    assert caught.value.code == "StoreChanged"
    assert len(names(kube)) == 2
    assert ConfigMapStore(kube).read().text == "one"


@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_damaged_parts_are_told(damage: str) -> None:
    kube = FakeKube()
    store = ConfigMapStore(kube)
    store.write("a text", "")
    part = next(name for name in names(kube) if name != "evidence")
    if damage == "missing":
        kube.remove(CONFIG_MAP, part, HARDENING_NAMESPACE)
    elif damage == "cut":
        data = kube.change(CONFIG_MAP, part, HARDENING_NAMESPACE)["data"]
        data["part"] = data["part"][:-8]
    else:
        kube.change(CONFIG_MAP, "evidence", HARDENING_NAMESPACE)["data"]["digest"] = "0"
    with pytest.raises(InvalidInput, match="is damaged") as caught:
        store.read()
    assert caught.value.code == "DamagedStore"


def test_a_generation_that_is_switched_while_it_is_read_is_read_again() -> None:
    kube = FakeKube()
    store = ConfigMapStore(kube)
    kept = store.write("one", "")
    real = kube.get
    switched: list[bool] = []

    def get(kind: object, name: str, namespace: str | None = None) -> object:
        if name.startswith("evidence-") and not switched:
            switched.append(True)
            ConfigMapStore(kube).write("two", kept.token)
        return real(kind, name, namespace)  # type: ignore[arg-type]

    kube.get = get  # type: ignore[assignment,method-assign]
    assert store.read().text == "two"


def test_a_part_that_somebody_edited_is_damage_too() -> None:
    kube = FakeKube()
    store = ConfigMapStore(kube)
    store.write("a text that is long enough to be compressed", "")
    part = next(name for name in names(kube) if name != "evidence")
    data = kube.change(CONFIG_MAP, part, HARDENING_NAMESPACE)["data"]
    packed = bytearray(base64.b64decode(data["part"]))
    packed[12:16] = b"\xff\xff\xff\xff"
    data["part"] = base64.b64encode(packed).decode()
    with pytest.raises(InvalidInput, match="is damaged"):
        store.read()


def test_a_write_whose_answer_was_lost_is_known_as_the_own_one() -> None:
    kube = FakeKube()
    store = ConfigMapStore(kube)
    kept = store.write("one", "")
    real = kube.replace

    def replace(*args: Any, **options: Any) -> Any:
        real(*args, **options)
        raise Unreachable("the answer was lost")

    kube.replace = replace  # type: ignore[method-assign]
    with pytest.raises(Unreachable):
        store.write("two", kept.token)
    kube.replace = real  # type: ignore[method-assign]
    store.write("three", kept.token)
    assert store.read().text == "three"
    assert len(names(kube)) == 2


def test_a_slow_writer_does_not_remove_the_parts_of_the_next_one() -> None:
    kube = FakeKube()
    first, second = ConfigMapStore(kube), ConfigMapStore(kube)
    kept = first.write("one", "")
    real = kube.replace

    def replace(*args: Any, **options: Any) -> Any:
        written = real(*args, **options)
        kube.replace = real  # type: ignore[method-assign]
        # Has its parts, and not yet its index, when the first one clears up.
        kube.failures["replace", "ConfigMap"] = OperationFailed("slow")
        with pytest.raises(OperationFailed):
            second.write("three", written["metadata"]["resourceVersion"])
        kube.failures.clear()
        return written

    kube.replace = replace  # type: ignore[method-assign]
    first.write("two", kept.token)
    assert len(names(kube)) == 3
