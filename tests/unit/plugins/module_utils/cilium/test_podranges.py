# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium import podranges as values


def test_the_pool_as_one_text_is_understood() -> None:
    listed = {"ipam": {"operator": {"clusterPoolIPv4PodCIDRList": "10.1.0.0/16 10.2.0.0/16"}}}
    assert [str(n) for n in values.pod_networks(listed)] == ["10.1.0.0/16", "10.2.0.0/16"]


def test_pods_must_not_share_addresses_with_services_or_nodes() -> None:
    pods = values.parse_networks(["10.0.0.0/8", "fd00::/64"])
    values.check_against_cluster(pods, services={"service": "172.20.0.0/16"}, node_addresses={"n": "192.168.0.1"})
    with pytest.raises(InvalidInput, match=r"overlaps the service range 10\.96\.0\.0/16"):
        values.check_against_cluster(pods, services={"the service range": "10.96.0.0/16"}, node_addresses={})
    with pytest.raises(InvalidInput, match=r"10\.224\.0\.4, the address of node aks-1"):
        values.check_against_cluster(pods, services={}, node_addresses={"aks-1": "10.224.0.4"})
    with pytest.raises(InvalidInput, match="fd00::9"):
        values.check_against_cluster(pods, services={}, node_addresses={"aks-1": "fd00::9"})
