# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules return of a cluster is documented, and alike in both."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import info
from ansible_collections.cloudnet.aks_cilium.plugins.modules import aks_cluster, aks_cluster_info
from fake_arm import recorded

LISTED: dict[str, Any] = yaml.safe_load(aks_cluster_info.RETURN)["clusters"]["contains"]


def test_both_modules_document_the_same_cluster() -> None:
    one = yaml.safe_load(aks_cluster.RETURN)["cluster"]["contains"]
    assert {name: text for name, text in LISTED.items() if name != "subscription_id"} == one


@pytest.mark.parametrize("name", ["cluster_acns_2026", "cluster_overlay_2023"])
def test_every_key_of_a_recorded_cluster_is_documented(name: str) -> None:
    (shown,) = info.shown([recorded(name)])
    assert set(shown) <= set(LISTED)
    always = {key for key, text in LISTED.items() if text["returned"] == "always"}
    assert always <= set(shown)
    types = {"str": str, "bool": bool, "dict": dict, "list": list}
    for key, value in shown.items():
        assert isinstance(value, types[LISTED[key]["type"]]), key
