# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.versions import upgrade_compatibility


@pytest.mark.parametrize(
    ("installed", "versions", "minor"),
    [
        ({}, ["1.14.0"], "1.14"),
        ({}, ["1.16.19", "1.14.0", "1.15.19"], "1.14"),
        ({}, ["1.9.3", "1.14.0"], "1.9"),
        ({}, ["1.20.2"], "1.20"),
        ({}, [], ""),
        ({}, ["main"], ""),
        ({"upgradeCompatibility": "1.12"}, ["1.14.0"], "1.12"),
        ({"upgradeCompatibility": "1.14.3"}, ["1.16.0"], "1.14.3"),
        ({"upgradeCompatibility": None}, ["1.16.0"], "1.16"),
        ({"upgradeCompatibility": "old"}, ["1.16.0"], "1.16"),
    ],
)
def test_the_minor_that_was_installed_first(installed: dict[str, Any], versions: list[str], minor: str) -> None:
    assert upgrade_compatibility(installed, versions) == minor
