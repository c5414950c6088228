# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.findings import Findings, without_nulls
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.semantics import (
    check_cilium_policy,
    has_dns_rule,
    has_names,
)
from cilium_documents import cnp

SELECTOR = {"matchLabels": {"org": "cilium101"}}
DNS = {
    "toEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "kube-system", "k8s:k8s-app": "kube-dns"}}],
    "toPorts": [{"ports": [{"port": "53", "protocol": "ANY"}], "rules": {"dns": [{"matchPattern": "*"}]}}],
}


def errors_of(document: dict[str, Any]) -> list[str]:
    found = Findings()
    check_cilium_policy(found, document)
    return found.errors


def ingress(*rules: Any) -> list[str]:
    return errors_of(cnp(endpointSelector=SELECTOR, ingress=list(rules)))


def egress(*rules: Any) -> list[str]:
    return errors_of(cnp(endpointSelector=SELECTOR, egress=list(rules)))


@pytest.mark.parametrize(
    "spec",
    [
        {"endpointSelector": SELECTOR, "ingress": [{}]},
        {"endpointSelector": {}, "ingressDeny": [{"fromEntities": ["world"]}]},
        {"endpointSelector": SELECTOR, "egress": [DNS, {"toFQDNs": [{"matchName": "google.com"}]}]},
        {"endpointSelector": SELECTOR, "egress": [{"toFQDNs": [{"matchPattern": "**.cilium.io"}]}]},
        {
            "endpointSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}]},
            "ingress": [
                {"fromCIDRSet": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}]},
                {"fromCIDR": ["192.0.2.1", "fd00::/8"], "toPorts": [{"ports": [{"port": "http"}]}]},
                {"icmps": [{"fields": [{"type": 8}, {"family": "IPv6", "type": "EchoRequest"}]}]},
                {"toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}], "rules": {"http": [{"path": "/"}]}}]},
                {"toPorts": [{"ports": [{"port": "1000", "endPort": 2000, "protocol": "UDP"}]}]},
                {"toPorts": [{"ports": [{"protocol": "VRRP"}]}]},
            ],
            "enableDefaultDeny": {"ingress": False, "egress": False},
            "description": "all kinds of rules",
            "log": {"value": "why"},
        },
    ],
)
def test_good_policies_pass(spec: dict[str, Any]) -> None:
    assert errors_of(cnp(**spec)) == []


def test_a_namespace_in_the_endpoint_selector_that_is_not_the_policys_own_is_refused() -> None:
    for key in ("k8s:io.kubernetes.pod.namespace", "io.kubernetes.pod.namespace", "any:io.kubernetes.pod.namespace"):
        other = cnp(endpointSelector={"matchLabels": {key: "elsewhere"}}, ingress=[{}])
        assert "replaces it by the policy's own namespace (basics)" in errors_of(other)[0]
        own = cnp(endpointSelector={"matchLabels": {key: "basics"}}, ingress=[{}])
        assert errors_of(own) == []
    clusterwide = cnp(
        namespace=None,
        kind="CiliumClusterwideNetworkPolicy",
        endpointSelector={"matchLabels": {"k8s:io.kubernetes.pod.namespace": "basics"}},
        ingress=[{}],
    )
    assert errors_of(clusterwide) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"endpointSelector": SELECTOR}, "spec: needs at least one of ingress"),
        ({"endpointSelector": SELECTOR, "ingress": []}, "spec.ingress: an empty list means 'not applied here'"),
        ({"endpointSelector": SELECTOR, "ingress": [{}], "egress": []}, "spec.egress: an empty list"),
        ({"endpointSelector": SELECTOR, "ingress": None}, "spec.ingress: an empty list"),
        ({"endpointSelector": SELECTOR, "ingressDeny": []}, "leave it out"),
        ({"endpointSelector": SELECTOR, "ingress": {}}, "spec.ingress: must be a list, is a map"),
        ({"ingress": [{}]}, "needs an endpointSelector"),
        ({"endpointSelector": {}, "nodeSelector": {}, "ingress": [{}]}, "exclude each other"),
        ({"nodeSelector": {}, "ingress": [{}]}, "CiliumClusterwideNetworkPolicy only"),
        ({"endpointSelector": {"org": "x"}, "ingress": [{}]}, "spec.endpointSelector.org: unknown field"),
        ({"endpointSelector": {"matchLabels": {"a": 1}}, "ingress": [{}]}, "write it in quotes"),
        ({"endpointSelector": {"matchLabels": {"a b": "c"}}, "ingress": [{}]}, "is not a label"),
        ({"endpointSelector": {"matchLabels": ["a"]}, "ingress": [{}]}, "must be a map, is a list"),
        ({"endpointSelector": {}, "ingres": [{}]}, "spec.ingres: unknown field, did you mean ingress?"),
        ({"endpointSelector": {}, "ingress": [{}], "enableDefaultDeny": {"ingress": "no"}}, "true or false, is 'no'"),
        ({"endpointSelector": {}, "ingress": [{}], "enableDefaultDeny": {"in": True}}, "enableDefaultDeny.in: unknown"),
        ({"endpointSelector": {}, "ingress": [{}], "log": {"value": "x" * 33}}, "at most 32 printable"),
    ],
)
def test_the_frame_of_a_rule(spec: dict[str, Any], text: str) -> None:
    found = errors_of(cnp(**spec))
    assert len([line for line in found if text in line]) == 1, found


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ({"key": "a", "operator": "In"}, "must not be empty with operator In"),
        ({"key": "a", "operator": "Exists", "values": ["b"]}, "must be absent with operator Exists"),
        ({"key": "a", "operator": "Equals", "values": ["b"]}, "must be one of In, NotIn"),
        ({"operator": "Exists"}, "key: is missing"),
    ],
)
def test_match_expressions(expression: dict[str, Any], text: str) -> None:
    found = errors_of(cnp(endpointSelector={"matchExpressions": [expression]}, ingress=[{}]))
    assert len(found) == 1
    assert text in found[0]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"fromEndpoints": [{}], "fromEntities": ["host"]}, "combining fromEndpoints and fromEntities"),
        ({"fromEntities": ["wrold"]}, "'wrold' is not allowed, did you mean world?"),
        ({"fromCIDR": ["10.0.0.0/33"]}, "fromCIDR[0]"),
        ({"fromCIDRSet": [{"cidr": "10.0.0.1"}]}, "must be a network"),
        ({"fromCIDRSet": [{"cidr": "10.0.0.0/8", "except": ["192.168.0.0/16"]}]}, "is not part of 10.0.0.0/8"),
        ({"fromCIDRSet": [{"cidr": "10.0.0.0/8", "cidrGroupRef": "g"}]}, "exactly one of cidr"),
        ({"fromCIDRSet": [{"except": ["10.0.0.0/8"]}]}, "exactly one of cidr"),
        ({"fromRequires": [{}]}, "was removed from Cilium"),
        ({"toFQDNs": [{"matchName": "a.io"}]}, "toFQDNs: unknown field"),
        ({"fromEndpoint": [{}]}, "did you mean fromEndpoints?"),
        ({"icmps": [{"fields": [{"type": 8}]}], "toPorts": [{"ports": [{"port": "80"}]}]}, "excludes toPorts"),
        ({"icmps": [{"fields": [{"type": 256}]}]}, "up to 255"),
        ({"icmps": [{"fields": [{"family": "IPv5", "type": 8}]}]}, "'IPv5' is not allowed"),
        ({"icmps": [{"fields": [{"type": 8}] * 41}]}, "at most 40, found 41"),
        ({"toPorts": [{"ports": [{"port": 80}]}]}, 'write "80" in quotes'),
        ({"toPorts": [{"ports": [{}]}]}, "port: is missing"),
        ({"toPorts": [{"ports": [{"port": "70000"}]}]}, "above 65535"),
        ({"toPorts": [{"ports": [{"port": "-80"}]}]}, "neither a number nor the name"),
        ({"toPorts": [{"ports": [{"port": "80", "protocol": "tcp"}]}]}, "did you mean TCP?"),
        ({"toPorts": [{"ports": [{"port": "80", "endPort": 79}]}]}, "79 is below the port 80"),
        ({"toPorts": [{"ports": [{"port": "http", "endPort": 90}]}]}, "needs a numeric port"),
        ({"toPorts": [{"ports": [{"port": "80", "endPort": "90"}]}]}, "must be a number"),
        ({"toPorts": [{"ports": [{"port": "1", "protocol": "GRE"}]}]}, "GRE has no ports"),
        ({"toPorts": [{"ports": [{"port": str(n)} for n in range(1, 42)]}]}, "at most 40 in one rule, found 41"),
        ({"toPorts": [{"port": "80"}]}, "did you mean ports?"),
        ({"toPorts": [DNS["toPorts"][0]]}, "rules.dns: is allowed in egress only"),
        ({"toPorts": [{"ports": [{"port": "80"}], "rules": {"http": [{}]}}]}, "HTTP rules need TCP"),
        ({"toPorts": [{"ports": [{"port": "0", "protocol": "TCP"}], "rules": {"http": [{}]}}]}, "must not be 0"),
        ({"toPorts": [{"ports": [{"port": "9", "protocol": "TCP"}], "rules": {"kafka": [{}]}}]}, "kafka: unknown"),
    ],
)
def test_bad_ingress_rules(rule: dict[str, Any], text: str) -> None:
    found = ingress(rule)
    assert len(found) == 1, found
    assert text in found[0]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"toEndpoints": [{}], "toFQDNs": [{"matchName": "a.io"}]}, "combining toEndpoints and toFQDNs"),
        ({"toFQDNs": [{"matchName": "*.google.com"}]}, "wildcards belong into matchPattern"),
        ({"toFQDNs": [{"matchName": "a.io", "matchPattern": "*.a.io"}]}, "exactly one of matchName"),
        ({"toFQDNs": [{}]}, "exactly one of matchName"),
        ({"toFQDNs": [{"matchPattern": "a b"}]}, "is not a DNS name"),
        ({"toFQDNs": ["google.com"]}, "must be a map"),
        ({"toPorts": [{"rules": {"dns": [{"matchPattern": "*"}]}}]}, "must name the port"),
        (
            {"toPorts": [{"ports": [{"port": "53", "endPort": 54}], "rules": {"dns": [{"matchName": "a"}]}}]},
            "no port ranges",
        ),
        (
            {
                "toPorts": [
                    {"ports": [{"port": "53", "protocol": "TCP"}], "rules": {"dns": [{"matchName": "a"}], "http": [{}]}}
                ]
            },
            "one of dns and http",
        ),
    ],
)
def test_bad_egress_rules(rule: dict[str, Any], text: str) -> None:
    found = egress(rule)
    assert len(found) == 1, found
    assert text in found[0]


def test_deny_rules_take_neither_names_nor_layer_seven() -> None:
    found = errors_of(cnp(endpointSelector={}, egressDeny=[{"toFQDNs": [{"matchName": "a.io"}]}, DNS]))
    assert [line.split(":")[0] for line in found] == [
        "spec.egressDeny[0].toFQDNs",
        "spec.egressDeny[1].toPorts[0].rules",
    ]


def test_http_rules_are_not_for_hosts() -> None:
    http = {"toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}], "rules": {"http": [{}]}}]}
    policy = cnp(namespace=None, kind="CiliumClusterwideNetworkPolicy", nodeSelector={}, ingress=[http])
    assert "not supported in host policies" in errors_of(policy)[0]


def test_each_of_specs_is_checked() -> None:
    policy = {**cnp(), "specs": [{"endpointSelector": {}, "ingress": [{}]}, {"endpointSelector": {}}]}
    del policy["spec"]
    assert [line.split(":")[0] for line in errors_of(policy)] == ["specs[1]"]
    del policy["specs"]
    assert errors_of(policy) == ["spec: is missing"]


@pytest.mark.parametrize(
    "rubbish", [None, 1, "x", [], [1], {"a": None}, {"toPorts": 1}, {"toPorts": [[]]}, {"icmps": [1]}]
)
def test_rubbish_is_an_error_and_never_a_crash(rubbish: Any) -> None:
    for section in ("ingress", "egressDeny"):
        assert errors_of(cnp(endpointSelector={}, **{section: [rubbish]}))
    assert errors_of(cnp(endpointSelector=rubbish, ingress=[{}])) or rubbish == {}


def test_names_and_dns_rules_are_found() -> None:
    names = cnp(endpointSelector={}, egress=[{"toFQDNs": [{"matchName": "a.io"}]}])
    assert (has_names(names), has_dns_rule(names)) == (True, False)
    both = cnp(endpointSelector={}, egress=[DNS])
    assert (has_names(both), has_dns_rule(both)) == (False, True)
    assert (has_names(cnp()), has_dns_rule(cnp())) == (False, False)


def test_nulls_go_from_maps_only() -> None:
    assert without_nulls({"a": None, "b": [None, {"c": None, "d": 0}]}) == {"b": [None, {"d": 0}]}
