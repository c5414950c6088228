# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Clusters as inventory hosts: which, by what names, with which variables. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

Json = dict[str, Any]
PREFIX = "aks_"
# What the role aks_cluster needs of a cluster that exists.
ROLE_VARIABLES = {
    "aks_cluster_name": "name",
    "aks_cluster_resource_group": "resource_group",
    "aks_cluster_location": "location",
}


def selected(
    cluster: Mapping[str, Any],
    *,
    include: Sequence[str],
    exclude: Sequence[str],
    tags: Mapping[str, Any],
) -> bool:
    """Whether a cluster is wanted: its resource group by patterns (* and ?, any case), its tags by value.

    A tag's wanted value is one value, a list of which one must be there, or null for any.
    """
    group = str(cluster["resource_group"]).lower()
    if include and not any(fnmatchcase(group, pattern.lower()) for pattern in include):
        return False
    if any(fnmatchcase(group, pattern.lower()) for pattern in exclude):
        return False
    # Azure compares the names of tags without case, their values with it.
    held = {str(name).lower(): value for name, value in (cluster.get("tags") or {}).items()}
    return all(name.lower() in held and _is_wanted(held[name.lower()], value) for name, value in tags.items())


def _is_wanted(held: object, wanted: object) -> bool:
    if wanted is None:
        return True
    values = wanted if isinstance(wanted, (list, tuple)) else [wanted]
    return any(str(held) == str(value) for value in values)


def unique_names(clusters: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """Host names: those given, and where several clusters share one, with the resource group behind.

    Where even that is shared (two subscriptions), the first part of the subscription follows.
    """
    parts = [
        (
            str(cluster["resource_group"]),
            str(cluster["subscription_id"]).split("-", 1)[0],
            str(cluster["subscription_id"]),
        )
        for cluster in clusters
    ]
    made = [_plain(name) for name in names]
    for index in range(3):
        shared = {name for name, count in Counter(name.lower() for name in made).items() if count > 1}
        made = [
            _plain(f"{name}_{part[index]}") if name.lower() in shared else name
            for name, part in zip(made, parts, strict=True)
        ]
    return made


def _plain(name: str) -> str:
    """Without what host patterns give a meaning to."""
    return re.sub(r"[^\w.-]", "_", name)


def variables_of(cluster: Mapping[str, Any]) -> Json:
    """Variables of a host: the cluster as aks_cluster_info shows it, each key behind aks_."""
    version = str(cluster.get("current_kubernetes_version") or cluster.get("kubernetes_version") or "")
    return {
        **{f"{PREFIX}{key}": value for key, value in cluster.items()},
        f"{PREFIX}minor_version": ".".join(version.split(".")[:2]),
    }


def role_variables(cluster: Mapping[str, Any], connection: Mapping[str, Any]) -> Json:
    """Variables for the role aks_cluster. The connection has no secret: that comes from the environment."""
    names = {variable: cluster[key] for variable, key in ROLE_VARIABLES.items()}
    return {**names, "aks_cluster_connection": {"subscription_id": cluster["subscription_id"], **connection}}


def standard_groups(cluster: Mapping[str, Any], kinds: Sequence[str]) -> list[str]:
    """Groups of a host that nobody has to describe; not yet in the form that Ansible wants for names."""
    minor = variables_of(cluster)[f"{PREFIX}minor_version"]
    made = {
        # byo_cni, azure_cni_cilium or other: the names that the example inventories use.
        "network_mode": [str(cluster.get("network_mode") or "")],
        "location": [f"location_{cluster['location']}"] if cluster.get("location") else [],
        "version": [f"version_{minor}"] if minor else [],
        "tags": [
            f"tag_{name}_{value}" if value not in (None, "") else f"tag_{name}"
            for name, value in sorted((cluster.get("tags") or {}).items())
        ],
    }
    return [group for kind in kinds for group in made[kind] if group]
