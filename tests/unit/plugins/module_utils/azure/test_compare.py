# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raw comparison and versions; typed fields are compared in test_body."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.compare import raw, version_key, version_of


@pytest.mark.parametrize(
    ("live", "wanted", "path", "same"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, [], True),
        ({"a": 1}, {"a": 2}, [], False),
        ({"a": 1}, {"b": None}, [], True),
        (None, {}, [], True),
        (None, {"a": None}, [], True),
        (None, {"a": {"b": 1}}, [], False),
        ("text", {"a": 1}, [], False),
        ("NodeImage", "nodeimage", ["autoUpgradeProfile", "nodeOSUpgradeChannel"], True),
        ("Value", "value", ["nodeLabels", "a"], False),
        (["b", "A"], ["a", "b"], ["zones"], True),
        (["A"], ["a"], ["nodeTaints"], False),
        (["a"], ["a", "b"], ["zones"], False),
        ([{"id": "/X", "extra": 1}], [{"id": "/x"}], ["outboundIPs"], True),
        ([{"id": "/X"}], [{"id": "/y"}], ["outboundIPs"], False),
        ("text", ["a"], ["zones"], False),
        (None, "secret", ["windowsProfile", "adminPassword"], True),
        (None, "azureuser", ["windowsProfile", "adminUsername"], False),
        (True, True, ["enabled"], True),
        (0, False, ["count"], True),
    ],
)
def test_raw(live: Any, wanted: Any, path: list[str], same: bool) -> None:
    assert raw(live, wanted, path) is same


@pytest.mark.parametrize(
    ("live", "current", "wanted", "same"),
    [
        ("1.34", "1.34.4", "1.34", True),
        ("1.34", "1.34.4", "1.34.4", True),
        ("1.34", "1.34.4", "1.34.5", False),
        ("1.34.4", "1.34.4", "1.34", True),
        ("1.34.4", None, "1.3", False),
        ("1.34", "1.34.4", "1.35", False),
        (None, None, "1.34", False),
    ],
)
def test_versions(live: str | None, current: str | None, wanted: str, same: bool) -> None:
    assert version_of("current")(live, wanted, {"current": current}) is same


def test_version_key_orders_by_number() -> None:
    assert version_key("1.9.10") < version_key("1.10.2") < version_key("1.10.10-preview.1")
