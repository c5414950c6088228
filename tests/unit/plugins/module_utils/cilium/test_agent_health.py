# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.agent_health import (
    about_agent,
    about_proxies,
    about_versions,
    dns_text,
    dns_values,
    hubble_text,
    hubble_values,
    versions_of,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.agents import with_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.collect import collect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.snapshot import AgentProbe
from fakes import FakeClock

DNS = {"endpointSelector": {}, "egress": [{"toFQDNs": [{"matchName": "a.b"}]}]}


def look(kube: Any = None, which: Any = "all", **answers: Any) -> Any:
    kube = kube or make.healthy_cluster()
    kube.exec_answers = make.agents_answer(**answers)
    return with_probes(collect(kube, make.NAMESPACE), kube.exec, which, clock=FakeClock())


def l7(rule: Any, value: Any) -> Any:
    return {"name": "cilium_policy_l7_total", "labels": {"proxy_type": "fqdn", "rule": rule}, "value": value}


class TestVersions:
    def cluster(self, **images: Any) -> Any:
        kube = make.healthy_cluster()
        for name, image in images.items():
            part = "cilium-operator" if name == "operator" else "cilium"
            pod = make.pod("cilium-operator-x" if name == "operator" else f"cilium-{name}", part)
            pod["spec"]["containers"][0]["image"] = image
            kube.add(pod)
        return look(kube)

    def test_one_version_has_nothing_to_tell(self) -> None:
        snapshot = self.cluster(a="q/c:v1.20.2@sha256:1", b="q/c:v1.20.2", operator="q/o:v1.20.1")
        assert about_versions(snapshot) == []
        assert versions_of(snapshot, "cilium") == {"1.20.2": 2}

    def test_agents_of_several_versions(self) -> None:
        snapshot = self.cluster(a="q/c:v1.19.6", b="q/c:v1.20.2", operator="q/o:v1.20.2")
        assert [one.text for one in about_versions(snapshot)] == [
            "cilium: agents run different versions: 1.19.6 on 1 node, 1.20.2 on 1 node"
        ]

    def test_an_operator_of_another_minor_version(self) -> None:
        snapshot = self.cluster(a="q/c:v1.19.6", b="q/c:v1.19.6", operator="q/o:v1.20.2")
        assert [one.text for one in about_versions(snapshot)] == [
            "operator: the operator is 1.20.2, the agents are 1.19.6"
        ]

    def test_tags_that_are_no_versions_are_not_compared(self) -> None:
        assert about_versions(self.cluster(a="q/c:latest", b="q/c:latest", operator="q/o:v1.20.2")) == []


class TestProxies:
    def test_names_need_a_dns_proxy(self) -> None:
        kube = make.healthy_cluster().add(make.policy("web", **DNS))
        found = about_proxies(look(kube, proxy={}))
        assert [(one.text, one.is_error) for one in found] == [
            ("policies: no DNS proxy runs on n1, n2, though policies have rules for names", True)
        ]
        assert about_proxies(look(kube)) == []

    def test_without_such_rules_none_is_needed(self) -> None:
        assert about_proxies(look(proxy={})) == []

    def test_a_proxy_that_does_not_listen(self) -> None:
        proxy = {"total-ports": 1, "redirects": [{"proxy": "cilium-http-ingress"}, {"proxy": "cilium-http-ingress"}]}
        assert [one.message for one in about_proxies(look(proxy=proxy))] == [
            "the proxy cilium-http-ingress does not listen on n1, n2: the rules that need it let nothing through"
        ]

    def test_what_it_answered(self) -> None:
        snapshot = look(metrics=[l7("received", 5), l7("forwarded", 4), l7("denied", 1)])
        values = dns_values(snapshot)
        assert (values["running"], values["received"], values["denied"], values["parse_errors"]) == (2, 10, 2, 0)
        assert dns_text(values) == "runs on 2/2 nodes, 10 requests, 2 denied"

    def test_what_it_did_not_understand(self) -> None:
        values = dns_values(look(metrics=[l7("received", 5), l7("parse_errors", 1)]))
        assert dns_text(values).endswith("2 not understood")

    def test_silent_while_nobody_needs_it(self) -> None:
        assert dns_text(dns_values(look())) == ""
        assert dns_text(dns_values(look(which="none"))) == ""


class TestHubble:
    def test_flows_and_losses(self) -> None:
        values = hubble_values(look(nodeMonitor={"cpus": 2, "lost": 7}))
        assert values["lost_events"] == 14
        assert values["lost_on"] == {"n1": 7, "n2": 7}
        assert (values["current_flows"], values["max_flows"]) == (980, 8190)
        assert hubble_text(values) == "980/8190 flows kept by 2 agents, 14 events lost on n1, n2"

    def test_without_hubble(self) -> None:
        assert hubble_text(hubble_values(look(hubble={"state": "Disabled"}))) == ""


@pytest.mark.parametrize(("value", "lines"), [(0.95, ["the BPF map ct4_global is 95% full"]), (0.5, [])])
def test_a_map_that_is_nearly_full(value: Any, lines: Any) -> None:
    probe = AgentProbe("cilium-a", "n1", {}, "", {"bpf_map_pressure{ct4_global}": value})
    assert [one.message for one in about_agent(probe)] == lines
    assert not any(one.is_error for one in about_agent(probe))
