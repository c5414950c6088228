# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Rules for raw options (`properties`): spelling and shape, so that they reach the field that is meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .._types import Json, Params
from .fields import CLUSTER_FIELDS, POOL_FIELDS, Path, read
from .invalid import RAW_CLUSTER, fail

# Azure fills them in and takes them from nobody: a playbook that names one would differ from it for ever.
READ_ONLY_CLUSTER = frozenset(
    {
        "azurePortalFQDN",
        "currentKubernetesVersion",
        "fqdn",
        "maxAgentPools",
        "powerState",
        "privateFQDN",
        "provisioningState",
        "resourceUID",
    }
)
READ_ONLY_POOL = frozenset({"currentOrchestratorVersion", "eTag", "nodeImageVersion", "provisioningState"})


def check_raw_cluster(raw: Json) -> None:
    """Raw fields below `properties` of a cluster."""
    if "agentPoolProfiles" in raw:
        fail(
            f"{RAW_CLUSTER}agentPoolProfiles",
            "...",
            "pools are merged by name, which a raw list cannot be",
            "Use agent_pools; it takes raw keys in agent_pools[].properties.",
        )
    _check(raw, RAW_CLUSTER, READ_ONLY_CLUSTER, [f.path[1:] for f in CLUSTER_FIELDS if f.path[0] == "properties"])


def check_raw_pool(raw: Json, where: str) -> None:
    """Raw fields of a node pool. where: the raw option, with a dot."""
    _check(raw, where, READ_ONLY_POOL, [field.path for field in POOL_FIELDS])


def check_kube_proxy(params: Params, *, new: bool) -> None:
    """kubeProxyConfig has no option, as it is in preview; only clusters without a network plugin go without kube-proxy.

    new: the cluster is to be created, so a plugin that is not named is one of Azure.
    """
    raw = (params.get("properties") or {}).get("networkProfile")
    named = (params.get("network_profile") or {}).get("network_plugin") or read(raw, ("networkPlugin",))
    plugin = str(named or ("azure" if new else "none")).lower()
    if read(raw, ("kubeProxyConfig", "enabled")) is False and plugin != "none":
        fail(
            f"{RAW_CLUSTER}networkProfile.kubeProxyConfig.enabled",
            False,
            "kube-proxy can be left out only where you bring the CNI",
            "Set network_profile.network_plugin to none, or leave it out.",
            "KubeProxyConfigDisabledBYOCNIOnly",
        )


def _check(raw: Json, where: str, read_only: frozenset[str], paths: Iterable[Path]) -> None:
    held = {name.lower() for name in read_only}
    for key in raw:
        if str(key).lower() in held:
            fail(f"{where}{key}", "...", "Azure sets it, and takes it from nobody", "Leave it out.", "ReadOnlyField")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", str(key)):
            rule = "this is no name of Azure's API, which has letters and digits, as in storageProfile"
            fail(f"{where}{key}", "...", rule, "Write it as Azure's documentation of managed clusters does.")
    _check_shape(raw, _tree(paths), where)


def _tree(paths: Iterable[Path]) -> Json:
    tree: Json = {}
    for path in paths:
        level = tree
        for key in path:
            level = level.setdefault(key, {})
    return tree


def _check_shape(raw: Json, tree: Json, where: str) -> None:
    """Known names in Azure's spelling (another one would be a second field), and objects where Azure has objects."""
    spelled = {name.lower(): name for name in tree}
    for key, value in raw.items():
        name = spelled.get(str(key).lower())
        if name is None:
            continue
        if name != key:
            fail(f"{where}{key}", "...", f"Azure spells it {name}", f"Write {name}.", "MisspeltField")
        if not tree[name] or value is None:
            continue
        if not isinstance(value, dict):
            rule = f"Azure has an object there, with fields such as {min(tree[name])}"
            fail(f"{where}{key}", value, rule, "Give the fields in it.", "NotAnObject")
        _check_shape(value, tree[name], f"{where}{key}.")
