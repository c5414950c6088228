# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/modes.md says of the two modes what the code says: each of its tables is read here and compared."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import body as bodies
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import cluster_spec, rules, rules_network
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.agents import with_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.collect import collect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.detect import Installation
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.feature_table import feature_table
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.features import features
from fake_arm import options
from fakes import FakeClock

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "modes.md").read_text(encoding="utf-8")
HELM = Installation("helm", version="1.20.2", fqdn_policies=True)
AKS = Installation("aks", version="1.18.6")


def table(mark: str) -> list[list[str]]:
    """The rows of the table that follows a mark, without its head."""
    text = PAGE.partition(f"<!-- {mark}: ")[2].partition("-->")[2].lstrip()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.partition("\n\n")[0].splitlines()]
    assert len(rows) > 3, f"no table {mark}"
    return rows[2:]


def told(install: Installation, *, hubble: bool) -> dict[str, tuple[bool, str]]:
    """What cilium_status tells of a healthy cluster."""
    kube = make.healthy_cluster()
    kube.add(make.config_map(**{"enable-hubble": str(hubble).lower()}))
    snapshot = with_probes(collect(kube, make.NAMESPACE), kube.exec, "all", clock=FakeClock())
    if not hubble:
        snapshot.workloads.pop("relay")
    rows = feature_table(snapshot, install, features(snapshot, install))
    return {row["feature"]: (row["works"], row["detail"]) for row in rows}


BYO, MANAGED = told(HELM, hubble=True), told(AKS, hubble=False)


def with_helm(feature: str) -> str:
    works, detail = BYO[feature]
    return "yes" if works else f"with `{detail.removeprefix('off: Helm value ')}`"


def with_aks(feature: str) -> str:
    return "yes" if MANAGED[feature][0] else "no"


def with_acns(feature: str) -> str:
    works, detail = MANAGED[feature]
    return "yes" if works or "ACNS" in detail else "no"


def test_the_features_are_those_of_cilium_status() -> None:
    rows = table("features")
    assert [row[0] for row in rows] == list(BYO) == list(MANAGED)
    for feature, byo, managed, acns in rows:
        assert (feature, byo) == (feature, with_helm(feature))
        assert (feature, managed) == (feature, with_aks(feature))
        assert (feature, acns.partition(",")[0]) == (feature, with_acns(feature))


def test_options_that_a_feature_needs_exist() -> None:
    spec = cluster_spec.ADVANCED_NETWORKING["options"]
    named = [found for row in table("features") for found in re.findall(r"`(\w+): (\w+)`", row[3])]
    assert len(named) == 2
    for option, value in named:
        assert value in spec[option]["choices"]


def test_the_hardening_leaves_out_what_the_role_leaves_out() -> None:
    role = ROOT / "roles" / "policy_hardening"
    steps = yaml.safe_load((role / "vars" / "main.yml").read_text(encoding="utf-8"))["__policy_hardening_steps"]
    rows = table("hardening")
    assert [row[0] for row in rows[: len(steps)]] == [step["name"] for step in steps]
    for row, step in zip(rows, steps, strict=False):
        assert row[1:] == ["yes", "no" if step["needs_fqdn"] else "yes", "yes"], step["name"]
    relay = ["yes" if told["Hubble relay (flows of all nodes)"][0] else "no" for told in (BYO, MANAGED)]
    for row in rows[len(steps) :]:
        assert row[1:3] == relay, row[0]


def live(profile: dict[str, Any]) -> dict[str, Any]:
    pool = {"name": "system", "count": 1, "vmSize": "A", "maxPods": 30, "orchestratorVersion": "1.34.2"}
    properties = {"networkProfile": profile, "agentPoolProfiles": [pool], "kubernetesVersion": "1.34.2"}
    return {"location": "eastus", "properties": properties}


NODE_SUBNET = {"networkPlugin": "azure", "networkPolicy": "none"}
OVERLAY = {**NODE_SUBNET, "networkPluginMode": "overlay", "podCidr": "10.244.0.0/16"}
CILIUM = {**OVERLAY, "networkPolicy": "cilium", "networkDataplane": "cilium"}
ACNS = {"advancedNetworking": {"enabled": True}}
# What a place of the table is, as Azure tells it, and as options ask for it.
FROM: dict[str, dict[str, Any]] = {
    "bring your own CNI": {"networkPlugin": "none", "podCidr": "10.244.0.0/16"},
    "Azure CNI powered by Cilium": CILIUM,
    "Azure CNI overlay": OVERLAY,
    "Azure CNI on the nodes' subnet": NODE_SUBNET,
    "kubenet": {"networkPlugin": "kubenet", "networkPolicy": "none", "podCidr": "10.244.0.0/16"},
    "without ACNS": CILIUM,
    "with ACNS": {**CILIUM, **ACNS},
}
TO: dict[str, dict[str, Any]] = {
    "bring your own CNI": {"network_plugin": "none"},
    "Azure CNI powered by Cilium": {"network_plugin": "azure", "network_dataplane": "cilium"},
    "Azure CNI powered by Cilium, overlay": {
        "network_plugin": "azure",
        "network_plugin_mode": "overlay",
        "network_dataplane": "cilium",
    },
    "Azure CNI overlay": {
        "network_plugin": "azure",
        "network_plugin_mode": "overlay",
        "network_dataplane": "azure",
    },
    "with ACNS": {"advanced_networking": {"enabled": True}},
    "without ACNS": {"advanced_networking": {"enabled": False}},
}


def outcome(before: dict[str, Any], given: dict[str, Any]) -> tuple[str, str]:
    """Whether a change is possible, and what is said of it."""
    document = live(before)
    body = copy.deepcopy(document)
    changes = bodies.overlay(body, bodies.with_defaults(options(network_profile=given)))
    assert changes
    try:
        rules.check_changes(changes, document, body)
    except CollectionError as error:
        return "no", f"{error.message} {error.remedy}"
    return "yes", " ".join(rules_network.warnings_for(document, body))


@pytest.mark.parametrize("row", table("migrations"), ids=lambda row: f"{row[0]} to {row[1]}")
def test_migrations_are_those_that_the_rules_allow(row: list[str]) -> None:
    possible, text = outcome(FROM[row[0]], TO[row[1]])
    assert row[2].startswith(possible), text
    assert ("reimage" in row[2]) is ("reimage" in text), text
    if "two runs" in row[2]:
        assert "two runs" in text or "first" in text


# The lines of the history, and the features of cilium_status that they sum up; None: it knows nothing of them.
HISTORY = {
    "CNI": None,
    "Kubernetes NetworkPolicy and Services": "NetworkPolicy, CiliumNetworkPolicy (L3/L4)",
    "Policies by name, HTTP rules": "Policies by name (DNS, FQDN)",
    "Encryption": "Encryption between nodes",
    "Hubble": "Hubble (flows)",
    "Ingress, Gateway API": "Ingress, Gateway API",
    "Egress gateway, BGP": "BGP",
    "Cluster mesh": "Cluster mesh",
    "Tetragon": None,
}


def test_the_history_ends_with_what_is_true_today() -> None:
    rows = table("history")
    assert [row[0] for row in rows] == list(HISTORY)
    for feature, __, __, today in rows:
        name = HISTORY[feature]
        if name:
            works, detail = MANAGED[name]
            expected = "yes" if works else "with ACNS" if "ACNS" in detail else "no"
            assert re.split(r"[,:;]", today)[0] == expected, feature
