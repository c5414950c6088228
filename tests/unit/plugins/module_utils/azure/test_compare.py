# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raw comparison, versions and times; typed fields are compared in test_fields."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.compare import (
    instant,
    parse_instant,
    pod_cidrs,
    raw,
    version_key,
    version_of,
)


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


@pytest.mark.parametrize(
    ("live", "wanted", "same"),
    [
        ("2027-01-31T00:00:00Z", "2027-01-31T00:00:00+00:00", True),
        ("2027-01-31T00:00:00.1234567Z", "2027-01-31T00:00:00.123456Z", True),
        ("2027-01-31T00:00:00", "2027-01-31T00:00:00Z", True),
        ("2027-01-31T00:00:00Z", "2027-01-31T01:00:00Z", False),
        (None, "2027-01-31T00:00:00Z", False),
        (None, None, False),
    ],
)
def test_times(live: str | None, wanted: str | None, same: bool) -> None:
    assert instant(live, wanted, {}) is same


def test_what_is_no_time() -> None:
    assert parse_instant("tomorrow") is None


def test_pod_ranges_that_azure_does_not_tell_are_no_difference() -> None:
    """API versions before 2026-01-01, for clusters without a CNI."""
    assert pod_cidrs(None, ["10.1.0.0/16"], {"networkPlugin": "None"})
    assert not pod_cidrs(None, ["10.1.0.0/16"], {"networkPlugin": "azure"})
