# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which request leads where."""

from __future__ import annotations

import re
from collections.abc import Callable

from .clusters import Clusters
from .errors import cannot_here
from .groups import Groups
from .messages import Request, Response
from .networks import Networks
from .parts import Parts
from .pools import Pools
from .registration import Registration

Names = dict[str, str]
Action = Callable[[Request, Names, int], Response]
"""(request, parts of its path, entries per page or 0) -> answer."""
Rows = list[tuple[str, str, Action]]

SUB = r"/subscriptions/(?P<sub>[^/]+)"
RG = SUB + r"/resourcegroups/(?P<rg>[^/]+)"
AKS = r"/providers/Microsoft\.ContainerService"
MC = RG + AKS + r"/managedClusters/(?P<name>[^/]+)"
POOL = MC + r"/agentPools/(?P<pool>[^/]+)"
LOCATION = SUB + AKS + r"/locations/[^/]+"
VNETS = RG + r"/providers/Microsoft\.Network/virtualNetworks"
VNET = VNETS + r"/(?P<name>[^/]+)"
NETWORK_OPERATION = SUB + r"/providers/Microsoft\.Network/locations/[^/]+/operations/(?P<id>[^/]+)"
SUBNET = VNET + r"/subnets/(?P<subnet>[^/]+)"
PROVIDER = SUB + r"/providers/(?P<ns>[^/]+)"
FEATURES = SUB + r"/providers/Microsoft\.Features/providers/(?P<ns>[^/]+)/features"


def table(
    groups: Groups, clusters: Clusters, networks: Networks, registration: Registration
) -> list[tuple[str, re.Pattern[str], Action]]:
    """Method (`*`: any), path and action; the first row that fits counts."""
    rows = [
        *_subscription(groups, registration),
        *_groups(groups),
        *_networks(networks),
        *_clusters(clusters, Parts(clusters)),
        *_pools(Pools(clusters)),
        ("*", MC + "/.+", _unsupported),
    ]
    return [(method, re.compile(pattern, re.IGNORECASE), action) for method, pattern, action in rows]


def _subscription(groups: Groups, registration: Registration) -> Rows:
    return [
        ("GET", SUB, lambda r, n, p: Response(200, groups.subscription())),
        ("GET", SUB + "/resources", lambda r, n, p: groups.resources(r, None, p)),
        ("GET", SUB + "/operationresults/(?P<id>[^/]+)", lambda r, n, p: groups.result(n["id"])),
        ("GET", SUB + "/providers", lambda r, n, p: registration.providers()),
        ("GET", PROVIDER, lambda r, n, p: registration.provider(n["ns"])),
        ("POST", PROVIDER + "/register", lambda r, n, p: registration.register(n["ns"])),
        ("GET", FEATURES, lambda r, n, p: registration.features(n["ns"])),
        ("GET", FEATURES + "/(?P<name>[^/]+)", lambda r, n, p: registration.feature(n["ns"], n["name"])),
        (
            "POST",
            FEATURES + "/(?P<name>[^/]+)/register",
            lambda r, n, p: registration.register_feature(n["ns"], n["name"]),
        ),
    ]


def _groups(groups: Groups) -> Rows:
    return [
        ("GET", SUB + "/resourcegroups", lambda r, n, p: groups.listed(r, p)),
        ("GET", RG, lambda r, n, p: groups.get(n["rg"])),
        ("HEAD", RG, lambda r, n, p: groups.exists(n["rg"])),
        ("PUT", RG, lambda r, n, p: groups.put(r, n["rg"])),
        ("PATCH", RG, lambda r, n, p: groups.patch(r, n["rg"])),
        ("DELETE", RG, lambda r, n, p: groups.delete(n["rg"])),
        ("GET", RG + "/resources", lambda r, n, p: groups.resources(r, n["rg"], p)),
    ]


def _networks(networks: Networks) -> Rows:
    return [
        ("GET", VNETS, lambda r, n, p: networks.listed(r, n["rg"], p)),
        ("GET", VNET, lambda r, n, p: networks.get(n["rg"], n["name"])),
        ("PUT", VNET, lambda r, n, p: networks.put(r, n["rg"], n["name"])),
        ("PATCH", VNET, lambda r, n, p: networks.patch(r, n["rg"], n["name"])),
        ("DELETE", VNET, lambda r, n, p: networks.delete(r, n["rg"], n["name"])),
        ("GET", VNET + "/subnets", lambda r, n, p: networks.subnets(r, n["rg"], n["name"], p)),
        ("GET", NETWORK_OPERATION, lambda r, n, p: networks.clusters.life.operation(r, n["id"])),
        ("GET", SUBNET, lambda r, n, p: networks.subnet(n["rg"], n["name"], n["subnet"])),
        ("PUT", SUBNET, lambda r, n, p: networks.put_subnet(r, n["rg"], n["name"], n["subnet"])),
        ("DELETE", SUBNET, lambda r, n, p: networks.delete_subnet(n["rg"], n["name"], n["subnet"])),
    ]


def _clusters(clusters: Clusters, parts: Parts) -> Rows:
    life = clusters.life
    return [
        ("GET", SUB + AKS + "/managedClusters", lambda r, n, p: clusters.listed(r, None, p)),
        ("GET", RG + AKS + "/managedClusters", lambda r, n, p: clusters.listed(r, n["rg"], p)),
        ("GET", MC, lambda r, n, p: clusters.get(r, n["rg"], n["name"])),
        ("PUT", MC, lambda r, n, p: clusters.put(r, n["rg"], n["name"])),
        ("PATCH", MC, lambda r, n, p: clusters.patch(r, n["rg"], n["name"])),
        ("DELETE", MC, lambda r, n, p: clusters.delete(r, n["rg"], n["name"])),
        ("POST", MC + "/start", lambda r, n, p: clusters.power(r, n["rg"], n["name"], "start")),
        ("POST", MC + "/stop", lambda r, n, p: clusters.power(r, n["rg"], n["name"], "stop")),
        ("POST", MC + "/abort", lambda r, n, p: clusters.abort(r, n["rg"], n["name"])),
        ("GET", MC + "/upgradeProfiles/default", lambda r, n, p: parts.upgrades(n["rg"], n["name"])),
        (
            "POST",
            MC + "/listClusterUserCredential",
            lambda r, n, p: parts.credential(r, n["rg"], n["name"], admin=False),
        ),
        (
            "POST",
            MC + "/listClusterAdminCredential",
            lambda r, n, p: parts.credential(r, n["rg"], n["name"], admin=True),
        ),
        ("GET", LOCATION + "/kubernetesVersions", lambda r, n, p: parts.versions()),
        ("GET", LOCATION + "/operations/(?P<id>[^/]+)", lambda r, n, p: life.operation(r, n["id"])),
        ("GET", LOCATION + "/operationresults/(?P<id>[^/]+)", lambda r, n, p: life.operation_result(r, n["id"])),
    ]


def _pools(pools: Pools) -> Rows:
    return [
        ("GET", MC + "/agentPools", lambda r, n, p: pools.listed(r, n["rg"], n["name"], p)),
        (
            "GET",
            MC + "/availableAgentPoolVersions",
            lambda r, n, p: pools.available_versions(n["rg"], n["name"]),
        ),
        ("GET", POOL, lambda r, n, p: pools.get(r, n["rg"], n["name"], n["pool"])),
        ("PUT", POOL, lambda r, n, p: pools.put(r, n["rg"], n["name"], n["pool"])),
        ("DELETE", POOL, lambda r, n, p: pools.delete(r, n["rg"], n["name"], n["pool"])),
        (
            "GET",
            POOL + "/upgradeProfiles/default",
            lambda r, n, p: pools.upgrades(n["rg"], n["name"], n["pool"]),
        ),
        (
            "POST",
            POOL + "/upgradeNodeImageVersion",
            lambda r, n, p: pools.upgrade_image(r, n["rg"], n["name"], n["pool"]),
        ),
        ("POST", POOL + "/abort", lambda r, n, p: pools.abort(r, n["rg"], n["name"], n["pool"])),
    ]


def _unsupported(request: Request, names: Names, page: int) -> Response:
    """Answer to what Azure has and this stand-in has not."""
    raise cannot_here(f"{request.method} of this resource is not part of it.")
