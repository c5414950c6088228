# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The action of the module aks_cluster_info: reads clusters and writes nothing."""

from __future__ import annotations

from collections.abc import Callable

from .._module import Context, apply_query
from .._types import Json, Result
from . import validate, view
from .client import ArmClient, connect

PROVIDER = "providers/Microsoft.ContainerService/managedClusters"


def run(context: Context, connect_to: Callable[..., ArmClient] = connect) -> Result:
    """Read one cluster (name and resource_group), those of a resource group, or those of the subscription."""
    params = context.params
    name, group = params["name"] or "", params["resource_group"] or ""
    if name:
        validate.check_cluster_name(name)
    if group:
        validate.check_group_name(group)
    arm = connect_to(params, hide=context.hide)
    if name:
        answer = arm.get(arm.cluster_path(group, name), what=f"cluster {name}")
        documents = [answer.body] if answer else []
    elif group:
        documents = _list(arm, f"{arm.group_path(group)}/{PROVIDER}", what=f"clusters of {group}")
    else:
        documents = _list(arm, f"/subscriptions/{arm.subscription_id}/{PROVIDER}", what="clusters of the subscription")
    clusters = sorted((view.cluster(document) for document in documents), key=lambda one: str(one["id"]).lower())
    values: Json = {"clusters": clusters}
    if params.get("query") is not None:
        values = {"queried": apply_query(params["query"], values)}
    return Result(values=values)


def _list(arm: ArmClient, path: str, *, what: str) -> list[Json]:
    """All pages of a list; none where the resource group does not exist."""
    answer = arm.get(path, what=what)
    documents: list[Json] = []
    while answer is not None:
        documents += answer.body.get("value") or []
        following = answer.body.get("nextLink")
        answer = arm.look(following, what=what) if following else None
    return documents
