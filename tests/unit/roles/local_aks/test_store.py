# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from local_aks import config
from local_aks.errors import ConfigError
from local_aks.store import Store, cluster_key


def test_state_outlives_the_process(tmp_path: Path) -> None:
    with Store(tmp_path).transaction() as state:
        state["groups"]["g"] = {"name": "G"}
    assert Store(tmp_path).group("G") == {"name": "G"}
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


def test_a_failed_transaction_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def change_and_fail() -> None:
        with store.transaction() as state:
            state["groups"]["g"] = {}
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        change_and_fail()
    assert store.groups() == []
    assert not store.path.exists()


def test_readers_get_copies(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction() as state:
        state["clusters"][cluster_key("G", "C")] = {"body": {"tags": {}}}
    found = store.cluster("g/c")
    assert found is not None
    found["body"]["tags"]["x"] = "y"
    assert store.cluster("g/c") == {"body": {"tags": {}}}


def test_a_broken_state_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"state\.json cannot be read"):
        Store(tmp_path)
    assert (tmp_path / "state.json").read_text(encoding="utf-8") == "{"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "JSON object"),
        ('{"prot": 1}', "unknown settings: prot"),
        ('{"backend": "minikube"}', "must be kind or stub"),
        ('{"address": "0.0.0.0"}', "must be one of the loopback network"),
        ('{"address": "192.0.2.1"}', "must be one of the loopback network"),
        ('{"address": "localhost.example"}', "must be one of the loopback network"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config.load(tmp_path, text)


def test_a_changed_setting_changes_the_digest(tmp_path: Path) -> None:
    one, other = config.load(tmp_path, "{}"), config.load(tmp_path, '{"client_secret": "x"}')
    assert config.digest(one) == config.digest(config.load(tmp_path, "{}"))
    assert config.digest(one) != config.digest(other)


@pytest.mark.parametrize(("address", "url"), [("127.0.0.1", "https://127.0.0.1:8461"), ("::1", "https://[::1]:8461")])
def test_clients_get_a_url_of_the_loopback_network(tmp_path: Path, address: str, url: str) -> None:
    assert config.load(tmp_path, "{}", address=address).url == url
