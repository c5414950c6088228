# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.labels import expression_holds


@pytest.mark.parametrize(
    ("expression", "present", "holds"),
    [
        ({"operator": "In", "values": ["a", "b"]}, ["b"], True),
        ({"operator": "In", "values": ["a"]}, ["b"], False),
        ({"operator": "In", "values": ["a"]}, [], False),
        ({"operator": "NotIn", "values": ["a"]}, ["b"], True),
        ({"operator": "NotIn", "values": ["a"]}, ["a"], False),
        # As Kubernetes has it: an object without the label is not in.
        ({"operator": "NotIn", "values": ["a"]}, [], True),
        ({"operator": "Exists"}, [""], True),
        ({"operator": "Exists", "values": None}, [], False),
        ({"operator": "DoesNotExist"}, [], True),
        ({"operator": "DoesNotExist"}, ["a"], False),
        ({"operator": "Gt", "values": ["3"]}, ["4"], True),
        ({"operator": "Gt", "values": ["3"]}, [], False),
    ],
)
def test_an_expression_means_what_it_means_to_kubernetes(
    expression: dict[str, Any], present: list[str], holds: bool
) -> None:
    assert expression_holds(expression, present) is holds
