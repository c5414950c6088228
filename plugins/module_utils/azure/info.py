# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reading clusters, for the module aks_cluster_info and the inventory plugin aks: writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._errors import AuthFailed
from .._module import Context, apply_query
from .._types import Json, Params, Result, Warn
from . import validate, view
from .client import ArmClient, connect
from .identity import EVERY, checked_subscription

SUBSCRIPTION_API_VERSION = "2022-12-01"
Connect = Callable[..., ArmClient]


def run(context: Context, connect_to: Connect = connect) -> Result:
    """Read one cluster (name and resource_group), or those of groups and subscriptions."""
    params = context.params
    name, group = params["name"] or "", params["resource_group"] or ""
    if name:
        validate.check_cluster_name(name)
    if group:
        validate.check_group_name(group)
    arm = connect_to(connection(params), hide=context.hide)
    if name:
        answer = arm.get(arm.cluster_path(group, name), what=f"cluster {name}")
        documents = [answer.body] if answer else []
    else:
        documents = clusters_in(arm, params.get("subscriptions") or [arm.subscription_id], group, context.warn)
    values: Json = {"clusters": shown(documents)}
    if params.get("query") is not None:
        values = {"queried": apply_query(params["query"], values)}
    return Result(values=values)


def connection(params: Params) -> Params:
    """Options for `connect`: where several subscriptions are named, the first stands for subscription_id."""
    several = [checked_subscription(one, "subscriptions") for one in params.get("subscriptions") or []]
    return {**params, "subscription_id": several[0]} if several else params


def shown(documents: Sequence[Json]) -> list[Json]:
    """The clusters as results show them, in the order of their ids."""
    clusters = [{"subscription_id": subscription_in(document), **view.cluster(document)} for document in documents]
    return sorted(clusters, key=lambda one: str(one["id"]).lower())


def subscription_in(document: Json) -> str:
    """The subscription in an id."""
    parts = str(document.get("id") or "").split("/")
    return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""


def clusters_in(arm: ArmClient, subscriptions: Sequence[str], group: str, warn: Warn) -> list[Json]:
    """Clusters of subscriptions (`*`: of all that are enabled and may be read), maybe of one resource group only."""
    every = EVERY in subscriptions
    documents: list[Json] = []
    for subscription in enabled_subscriptions(arm) if every else dict.fromkeys(subscriptions):
        scope = f"/subscriptions/{subscription}" + (f"/resourceGroups/{group}" if group else "")
        path = f"{scope}/providers/Microsoft.ContainerService/managedClusters"
        try:
            documents += listed(arm, path, what=f"clusters of {group or f'subscription {subscription}'}")
        except AuthFailed as error:
            if not every or error.status != 403:
                raise
            warn(f"The clusters of subscription {subscription} are left out: {error.message}")
    return documents


def enabled_subscriptions(arm: ArmClient) -> list[str]:
    """Ids of the subscriptions that the identity sees, disabled ones left out."""
    documents = listed(arm, "/subscriptions", what="list of subscriptions", api_version=SUBSCRIPTION_API_VERSION)
    enabled = [item for item in documents if str(item.get("state") or "Enabled") in ("Enabled", "PastDue", "Warned")]
    return sorted(str(item["subscriptionId"]) for item in enabled if item.get("subscriptionId"))


def listed(arm: ArmClient, path: str, *, what: str, api_version: str = "") -> list[Json]:
    """All pages of a list; none where the resource group does not exist."""
    answer = arm.get(path, what=what, api_version=api_version)
    documents: list[Json] = []
    while answer is not None:
        documents += answer.body.get("value") or []
        following = answer.body.get("nextLink")
        answer = arm.look(following, what=what) if following else None
    return documents
