# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties of the overlay: what no option names keeps its value, and what is met stays met."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import body as bodies
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import compare
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.fields import (
    CLUSTER_FIELDS,
    POOL_FIELDS,
    Field,
    Path,
    read,
    write,
)
from fake_arm import options, recorded
from field_values import CLUSTER_CASES, POOL_CASES, Case

Json = dict[str, Any]
CLUSTER, POOLS = ({field.name: field for field in fields} for fields in (CLUSTER_FIELDS, POOL_FIELDS))
LIVE_POOL = "nodepool1"
NETWORK = ("properties", "networkProfile")
# The fields that no option names and that a change may touch: see companions.py.
COMPANIONS: dict[str, tuple[Path, ...]] = {
    "network_profile.pod_cidr": ((*NETWORK, "podCidrs"),),
    "network_profile.pod_cidrs": ((*NETWORK, "podCidr"),),
    "network_profile.outbound_type": ((*NETWORK, "loadBalancerProfile"), (*NETWORK, "natGatewayProfile")),
    "network_profile.advanced_networking.enabled": ((*NETWORK, "advancedNetworking"),),
    **{
        f"network_profile.load_balancer.{option}": ((*NETWORK, "loadBalancerProfile"),)
        for option in (
            "managed_outbound_ip_count",
            "managed_outbound_ipv6_count",
            "outbound_ip_ids",
            "outbound_ip_prefix_ids",
        )
    },
    "identity.type": (("identity", "userAssignedIdentities"),),
    "sku_tier": (("sku", "name"),),
    "enable_auto_scaling": (("minCount",), ("maxCount",)),
}

SCALARS = st.one_of(st.booleans(), st.integers(), st.text(max_size=8), st.none())
UNKNOWN = st.dictionaries(
    st.text(alphabet="xyz", min_size=3, max_size=6).map(lambda key: f"future{key}"),
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner), max_leaves=6
    ),
    max_size=3,
)
# Objects that unknown fields are put into.
PLACES: tuple[Path, ...] = (
    (),
    ("properties",),
    ("sku",),
    ("identity",),
    NETWORK,
    (*NETWORK, "loadBalancerProfile"),
    (*NETWORK, "advancedNetworking"),
    (*NETWORK, "advancedNetworking", "security"),
    ("properties", "apiServerAccessProfile"),
    ("properties", "securityProfile"),
    ("properties", "aadProfile"),
)
POOL_PLACES: tuple[Path, ...] = ((), ("upgradeSettings",))


def chosen(cases: Sequence[Case]) -> st.SearchStrategy[list[tuple[Case, Any]]]:
    """A random part of a playbook: cases with one of their values."""
    values = st.sampled_from(cases).flatmap(
        lambda case: st.tuples(st.just(case), st.sampled_from([case.first, case.second]))
    )
    return st.lists(values, unique_by=lambda pair: pair[0].option, max_size=8)


def playbook(cluster: list[tuple[Case, Any]], pool: list[tuple[Case, Any]]) -> Json:
    wanted: Json = {}
    for case, value in cluster:
        write(wanted, tuple(case.option.split(".")), value)
    mine: Json = {"name": LIVE_POOL}
    for case, value in pool:
        write(mine, tuple(case.option.split(".")), value)
    if mine.get("enable_auto_scaling") is False:
        # Bounds without scaling are refused before anything is compared.
        mine.pop("min_count", None)
        mine.pop("max_count", None)
    return options(**wanted, **({"agent_pools": [mine]} if len(mine) > 1 else {}))


RECORDED = recorded("cluster_acns_2026")


def live_cluster(
    cluster: list[tuple[Case, Any]], pool: list[tuple[Case, Any]], unknown: Mapping[tuple[bool, Path], Json]
) -> Json:
    """A recorded cluster with some typed fields set, and unknown ones here and there."""
    live = copy.deepcopy(RECORDED)
    profile = live["properties"]["agentPoolProfiles"][0]
    for document, fields, pairs in ((live, CLUSTER, cluster), (profile, POOLS, pool)):
        for case, value in pairs:
            if value is not None:
                write(document, fields[case.option].path, fields[case.option].to_arm(value, None))
    for (in_pool, place), extra in unknown.items():
        holder = read(profile if in_pool else live, place)
        if isinstance(holder, dict):
            holder.update(extra)
    return live


def flat(document: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf with its path; pools go by their names."""
    if isinstance(document, dict) and document:
        for key, value in document.items():
            yield from flat(value, (*path, key))
    elif path[-1:] == ("agentPoolProfiles",) and isinstance(document, list):
        for item in document:
            yield from flat(item, (*path, str(item["name"])))
    else:
        yield path, document


def touched(before: Json, after: Json) -> set[Path]:
    """Paths of the leaves that differ."""
    old, new = dict(flat(before)), dict(flat(after))
    return {path for path in old.keys() | new.keys() if path not in old or path not in new or old[path] != new[path]}


def allowed(cluster: list[tuple[Case, Any]], pool: list[tuple[Case, Any]]) -> list[Path]:
    """Where a playbook may change something."""
    at_pool = ("properties", "agentPoolProfiles", LIVE_POOL)
    places = [CLUSTER[case.option].path for case, __ in cluster]
    places += [(*at_pool, *POOLS[case.option].path) for case, __ in pool]
    for case, __ in cluster:
        places += COMPANIONS.get(case.option, ())
    for case, __ in pool:
        places += [(*at_pool, *path) for path in COMPANIONS.get(case.option, ())]
    return places


def inside(path: Path, place: Path) -> bool:
    # An empty object on the way to a new field is a leaf that goes away.
    return path[: len(place)] == place or place[: len(path)] == path


EVERYWHERE: tuple[tuple[bool, Path], ...] = (
    *((False, place) for place in PLACES),
    *((True, place) for place in POOL_PLACES),
)
unknown_somewhere = st.dictionaries(st.sampled_from(EVERYWHERE), UNKNOWN, min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(
    live=st.tuples(chosen(CLUSTER_CASES), chosen(POOL_CASES)),
    wanted=st.tuples(chosen(CLUSTER_CASES), chosen(POOL_CASES)),
    unknown=unknown_somewhere,
)
def test_the_body_differs_from_the_live_cluster_in_exactly_the_named_fields(
    live: Any, wanted: Any, unknown: Any
) -> None:
    document = live_cluster(*live, unknown)
    body = copy.deepcopy(document)
    given_options = playbook(*wanted)
    untouched = copy.deepcopy(given_options)
    changes = bodies.overlay(body, given_options)

    assert given_options == untouched
    places = allowed(*wanted)
    for path in touched(document, body):
        assert any(inside(path, place) for place in places), path
    named = {change.option[2:] if change.option[0] == "agent_pools" else change.option for change in changes}
    assert named <= {tuple(case.option.split(".")) for case, __ in (*wanted[0], *wanted[1])}
    assert bool(changes) == bool(touched(document, body))

    again = copy.deepcopy(body)
    assert bodies.overlay(again, given_options) == []
    assert again == body


def respelled(field: Field, value: Any, chance: random.Random) -> Any:
    """A value of the body as Azure may spell it, too."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        mixed = chance.sample(value, len(value))
        return [chance.choice([item, item.upper()]) for item in mixed] if field.same is compare.members else mixed
    if field.same in (compare.caseless, compare.location) and isinstance(value, str):
        return chance.choice([value.upper(), value.lower(), value.swapcase()])
    return value


@settings(max_examples=100, deadline=None)
@given(
    wanted=st.tuples(chosen(CLUSTER_CASES), chosen(POOL_CASES)), unknown=unknown_somewhere, seed=st.integers(0, 9999)
)
def test_order_and_casing_make_no_difference(wanted: Any, unknown: Any, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    document = live_cluster([], [], unknown)
    bodies.overlay(document, playbook(*wanted))
    for holder, fields, pairs in (
        (document, CLUSTER, wanted[0]),
        (document["properties"]["agentPoolProfiles"][0], POOLS, wanted[1]),
    ):
        for field in (fields[case.option] for case, __ in pairs):
            value = read(holder, field.path)
            if value is not None:
                write(holder, field.path, respelled(field, value, chance))
    body = copy.deepcopy(document)
    assert bodies.overlay(body, playbook(*wanted)) == []
    assert body == document
