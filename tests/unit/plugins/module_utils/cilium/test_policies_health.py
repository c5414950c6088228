# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.agents import with_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.collect import collect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.policies_health import (
    about_policies,
    are_realized,
    named,
    policy_fact,
    policy_text,
    policy_values,
)
from fakes import FakeClock


def fact(document: Any, **config: Any) -> Any:
    return policy_fact(document["kind"], document, config)


def look(*policies: Any, which: Any = "all", **answers: Any) -> Any:
    kube = make.healthy_cluster().add(*policies)
    kube.exec_answers = make.agents_answer(**answers)
    return with_probes(collect(kube, make.NAMESPACE), kube.exec, which, clock=FakeClock())


class TestFact:
    @pytest.mark.parametrize(("status", "valid"), [(True, True), (False, False), (None, None), ("Unknown", None)])
    def test_validity_has_three_states(self, status: Any, valid: Any) -> None:
        assert fact(make.policy("web", valid=status)).valid is valid

    def test_every_agent_has_a_valid_policy(self) -> None:
        assert fact(make.policy("web")).expected
        assert fact(make.policy("web", valid=None)).expected
        assert fact(make.network_policy("web")).expected

    def test_not_those_that_are_invalid_go_or_are_for_hosts(self) -> None:
        assert not fact(make.policy("web", valid=False)).expected
        assert not fact(make.policy("host", namespace=None, nodeSelector={}, ingress=[{}])).expected
        leaving = make.policy("web")
        leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        assert not fact(leaving).expected

    def test_not_those_of_a_kind_that_is_switched_off(self) -> None:
        off = {"enable-k8s-networkpolicy": "false"}
        assert not policy_fact("NetworkPolicy", make.network_policy("web"), off).expected
        assert policy_fact("CiliumNetworkPolicy", make.policy("web"), off).expected

    @pytest.mark.parametrize(
        ("egress", "names"),
        [
            ([{"toFQDNs": [{"matchName": "a.b"}]}], True),
            ([{"toPorts": [{"rules": {"dns": [{"matchPattern": "*"}]}}]}], True),
            ([{"toPorts": [{"rules": {"http": [{}]}}]}], False),
            ([{}], False),
            (None, False),
        ],
    )
    def test_rules_for_names(self, egress: Any, names: Any) -> None:
        assert fact(make.policy("web", endpointSelector={}, egress=egress)).names is names

    def test_several_rules_in_one_object(self) -> None:
        document = make.policy("web")
        document["specs"] = [{"endpointSelector": {}, "egress": [{"toFQDNs": [{"matchName": "a.b"}]}]}]
        del document["spec"]
        assert (fact(document).expected, fact(document).names) == (True, True)


class TestFindings:
    def test_none_where_all_is_realized(self) -> None:
        snapshot = look(make.policy("web"), revision=4, loaded=[make.uid("web")], endpoints=[("ready", 4)])
        assert about_policies(snapshot) == []
        assert are_realized(snapshot)
        assert policy_text(policy_values(snapshot)) == "1, realized on 2 nodes"

    def test_not_valid_is_a_warning_with_the_reason(self) -> None:
        snapshot = look(make.policy("web", valid=False, message="no rules"))
        assert [(one.text, one.is_error) for one in about_policies(snapshot)] == [
            ("policies: CiliumNetworkPolicy default/web: not valid, so it is not enforced: no rules", False)
        ]
        assert not are_realized(snapshot)
        assert policy_text(policy_values(snapshot)) == "1, 1 not valid, the others realized on 2 nodes"

    def test_not_loaded_is_an_error_with_the_nodes(self) -> None:
        snapshot = look(make.policy("web"), make.network_policy("deny"), loaded=[make.uid("deny")])
        assert [(one.text, one.is_error) for one in about_policies(snapshot)] == [
            ("policies: CiliumNetworkPolicy default/web: not realized: not loaded by the agents on n1, n2", True)
        ]
        values = policy_values(snapshot)
        assert values["not_loaded"] == [{"policy": "CiliumNetworkPolicy default/web", "nodes": ["n1", "n2"]}]
        assert policy_text(values) == "2, 1 not loaded everywhere"

    def test_endpoints_with_older_policies(self) -> None:
        states = [("ready", 4), ("regenerating", 1)]
        snapshot = look(make.policy("web"), revision=4, loaded=[make.uid("web")], endpoints=states)
        assert [one.text for one in about_policies(snapshot)] == [
            "policies: not realized: 2 endpoints have older policies on n1, n2"
        ]
        assert policy_text(policy_values(snapshot)) == "1, 2 of 4 endpoints have older ones"

    def test_unknown_where_nobody_was_asked(self) -> None:
        snapshot = look(make.policy("web"), which="none")
        assert about_policies(snapshot) == []
        assert policy_values(snapshot)["realized"] is None
        assert not are_realized(snapshot)
        assert policy_text(policy_values(snapshot)) == "1"

    def test_an_agent_that_does_not_tell_proves_nothing(self) -> None:
        assert not are_realized(look(make.policy("web"), policy="no JSON"))

    def test_no_policies_are_realized(self) -> None:
        assert are_realized(look())
        assert policy_text(policy_values(look())) == ""


@pytest.mark.parametrize(
    ("nodes", "text"), [(["a"], "a"), (["a", "b", "c"], "a, b, c"), (list("abcde"), "a, b, c and 2 more")]
)
def test_long_lists_of_nodes_are_counted(nodes: Any, text: Any) -> None:
    assert named(nodes) == text
