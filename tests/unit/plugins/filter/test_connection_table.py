# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.cloudnet.aks_cilium.plugins.filter import connection_table as plugin


def test_the_filter_has_the_name_of_its_file_and_of_its_documentation() -> None:
    (name,) = plugin.FilterModule().filters()
    assert name == "connection_table" == yaml.safe_load(plugin.DOCUMENTATION)["name"]


def test_rows_become_lines() -> None:
    lines = plugin.FilterModule().filters()["connection_table"]([{"from": "a", "to": "b", "passed": True}])
    assert lines[2].startswith("a     b")


@pytest.mark.parametrize("rows", ["text", [1], {"from": "a"}, None])
def test_anything_else_is_refused(rows: object) -> None:
    with pytest.raises(AnsibleFilterError, match="connection_table needs a list"):
        plugin.connection_table(rows)
