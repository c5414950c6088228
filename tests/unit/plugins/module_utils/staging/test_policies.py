# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.policies import default_deny, deny_patch


@pytest.mark.parametrize(
    ("rule", "ingress", "egress"),
    [
        ({"ingress": [{}]}, True, False),
        ({"egressDeny": [{"toEntities": ["world"]}]}, False, True),
        ({"ingress": [], "egress": [{}]}, False, True),
        ({"ingress": [{}], "egress": [{}], "enableDefaultDeny": {"ingress": False}}, False, True),
        ({"enableDefaultDeny": {"ingress": True, "egress": False}, "egress": [{}]}, True, False),
        ({"ingressDeny": [{}], "enableDefaultDeny": {"ingress": False, "egress": False}}, False, False),
    ],
)
def test_a_direction_that_is_not_stated_denies_when_it_has_any_rule(rule: Json, ingress: bool, egress: bool) -> None:
    assert default_deny({"spec": rule}) == {"ingress": ingress, "egress": egress}


def test_a_patch_is_bound_to_the_object_and_on_request_to_its_version() -> None:
    policy = {"metadata": {"uid": "u1", "resourceVersion": "7"}}
    assert deny_patch(policy, ["egress"], True) == {
        "metadata": {"uid": "u1"},
        "spec": {"enableDefaultDeny": {"egress": True}},
    }
    assert deny_patch(policy, ["ingress"], False, version=True)["metadata"] == {"uid": "u1", "resourceVersion": "7"}
