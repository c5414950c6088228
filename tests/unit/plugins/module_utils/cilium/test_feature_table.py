# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.agents import with_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.collect import collect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.detect import Installation
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.feature_table import feature_table, table_text
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.features import features
from fakes import FakeClock

HELM = Installation("helm", version="1.20.2", fqdn_policies=True)


def rows(kube: Any = None, install: Any = HELM, **answers: Any) -> Any:
    kube = kube or make.healthy_cluster()
    if answers:
        kube.exec_answers = make.agents_answer(**answers)
    snapshot = with_probes(collect(kube, make.NAMESPACE), kube.exec, "all", clock=FakeClock())
    table = feature_table(snapshot, install, features(snapshot, install))
    return {row["feature"]: (row["works"], row["detail"]) for row in table}, table


L34, FQDN, HTTP = "NetworkPolicy, CiliumNetworkPolicy (L3/L4)", "Policies by name (DNS, FQDN)", "HTTP policies (L7)"
SWITCH = "Default deny switch (enableDefaultDeny)"


def test_what_works_says_how_and_what_does_not_says_why() -> None:
    table = rows()[0]
    assert table[L34] == table[FQDN] == table[SWITCH] == (True, "")
    assert table[HTTP] == (True, "Envoy in the agents")
    assert table["Encryption between nodes"] == (False, "off: Helm value encryption.enabled")
    assert table["Hubble relay (flows of all nodes)"] == (True, "")
    assert all(works or detail for works, detail in table.values())


def test_managed_cilium_names_what_aks_offers() -> None:
    table = rows(install=Installation("aks", version="1.18.6"))[0]
    assert "ACNS" in table[FQDN][1]
    assert "ACNS" in table["Encryption between nodes"][1]
    assert table["BGP"] == (False, "AKS does not offer it with Azure CNI powered by Cilium")


@pytest.mark.parametrize(
    ("config", "word"),
    [({"policy-audit-mode": "true"}, "nothing is denied"), ({"enable-policy": "never"}, "never")],
)
def test_policies_that_are_not_enforced_do_not_work(config: Any, word: Any) -> None:
    table = rows(make.healthy_cluster().add(make.config_map(**config)))[0]
    for feature in (L34, FQDN, HTTP, "Clusterwide policies"):
        assert table[feature][0] is False
        assert word in table[feature][1]


def test_enforcement_without_policies_is_told() -> None:
    table = rows(make.healthy_cluster().add(make.config_map(**{"enable-policy": "always"})))[0]
    assert table[L34] == (True, "without a policy nothing is allowed")


def test_an_old_version_has_no_switch_for_default_deny() -> None:
    install = Installation("helm", version="1.15.19", fqdn_policies=True)
    assert rows(install=install)[0][SWITCH] == (False, "needs Cilium 1.16, this is 1.15.19")


def test_an_envoy_that_does_not_answer() -> None:
    table = rows(proxy={"redirects": [{"proxy": "cilium-http-ingress"}]})[0]
    assert table[HTTP] == (False, "Envoy does not answer (cilium-http-ingress)")


def test_no_cilium_no_table() -> None:
    assert rows(make.FakeKube().add(make.node("n1")), Installation("none"))[1] == []
    assert table_text([]) == ""


def test_the_text_is_aligned() -> None:
    lines = table_text(rows()[1]).splitlines()
    assert lines[0] == "NetworkPolicy, CiliumNetworkPolicy (L3/L4)  yes"
    assert {line[44:47] for line in lines} == {"yes", "no "}
