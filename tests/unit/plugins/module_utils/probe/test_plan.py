# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.client_spec import ClientSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import Probe, parse_probes, required_probes

SOURCE = {"namespace": "client", "pod": "client"}


def probe(**to: Any) -> Probe:
    return parse_probes([{"from": SOURCE, "to": to, "expect": "allow"}])[0]


HTTP, TCP, DNS = probe(url="http://web.basics/"), probe(host="web.basics", port=5432), probe(dns="web.basics")
UDP = parse_probes([{"from": SOURCE, "to": {"host": "web.basics", "port": 53}, "protocol": "udp", "expect": "allow"}])[
    0
]
ICMP = parse_probes([{"from": SOURCE, "to": {"host": "web.basics"}, "protocol": "icmp", "expect": "allow"}])[0]


def test_the_protocol_follows_from_the_target() -> None:
    assert [one.protocol for one in (HTTP, TCP, DNS)] == ["http", "tcp", "dns"]
    assert [one.target_text for one in (HTTP, TCP, DNS)] == ["http://web.basics/", "web.basics:5432", "DNS web.basics"]
    assert [one.host for one in (HTTP, TCP, DNS)] == ["web.basics"] * 3


def test_a_host_may_be_asked_by_datagram_and_echo() -> None:
    assert [one.protocol for one in (UDP, ICMP)] == ["udp", "icmp"]
    assert [one.target_text for one in (UDP, ICMP)] == ["UDP web.basics:53", "ping web.basics"]
    assert [one.host for one in (UDP, ICMP)] == ["web.basics"] * 2
    # A server that logs the datagram shows where it comes from.
    assert "cloudnet.aks_cilium" in UDP.payload
    assert TCP.payload == ""


def test_the_payload_of_a_datagram_is_the_user_s() -> None:
    entry = {
        "from": SOURCE,
        "to": {"host": "a", "port": 1, "payload": "status\n"},
        "protocol": "udp",
        "expect": "allow",
    }
    assert parse_probes([entry])[0].payload == "status\n"


def test_an_address_in_brackets() -> None:
    assert probe(host="::1", port=80).target_text == "[::1]:80"


def test_a_pod_may_be_found_by_labels() -> None:
    entry = {"from": {"namespace": "n", "selector": "app=web"}, "to": {"dns": "a"}, "expect": "deny", "name": "x"}
    one = parse_probes([entry])[0]
    assert (one.source_text, one.name, one.timeout_s) == ("n (app=web)", "x", 5)


@pytest.mark.parametrize(
    "entry",
    [
        {"to": {"url": "http://a"}, "protocol": "dns"},
        {"to": {"url": "ftp://a"}},
        {"to": {"url": "http://"}},
        {"to": {"url": "http://[::1"}},
        {"to": {"url": "http://a/ b"}},
        {"to": {"url": "http://a/\n--next"}},
        {"to": {"host": "-o", "port": 80}},
        {"to": {"host": "a b", "port": 80}},
        {"to": {"host": "a", "port": 0}},
        {"to": {"host": "a", "port": 65536}},
        {"to": {"dns": "-h"}},
        {"to": {"dns": "a;b"}},
        {"to": {"dns": "a"}, "expect_status": 200},
        {"to": {"url": "http://a"}, "expect": "deny", "expect_status": 200},
        {"to": {"url": "http://a"}, "timeout": 301},
        {"to": {"url": "http://a"}, "timeout": 0},
        {"to": {"url": "http://a"}, "expect_status": 99},
        {"to": {"url": "http://a"}, "expect_status": 600},
        {"from": {"namespace": "n", "selector": "app in ("}, "to": {"dns": "a"}},
        {"from": {"namespace": "n", "selector": "app=web="}, "to": {"dns": "a"}},
        {"to": {"url": "http://a"}, "protocol": "udp"},
        {"to": {"dns": "a"}, "protocol": "icmp"},
        {"to": {"host": "a"}},
        {"to": {"host": "a"}, "protocol": "udp"},
        {"to": {"host": "a", "port": 0}, "protocol": "udp"},
        {"to": {"host": "a", "port": 80}, "protocol": "icmp"},
        {"to": {"host": "a", "port": 80, "payload": "x"}},
        {"to": {"host": "a", "port": 80, "payload": ""}, "protocol": "udp"},
        {"to": {"host": "a", "port": 80, "payload": "\x00"}, "protocol": "udp"},
        {"to": {"host": "a", "port": 80, "payload": "x" * 1001}, "protocol": "udp"},
        {"from": {"namespace": "n", "client": {"like": "Deployment"}}, "to": {"dns": "a"}},
        {"from": {"namespace": "n", "client": {"like": "Secret/a"}}, "to": {"dns": "a"}},
        {"from": {"namespace": "n", "client": {"like": "Pod/"}}, "to": {"dns": "a"}},
        {"from": {"namespace": "n", "client": {"like": "Pod/../x"}}, "to": {"dns": "a"}},
    ],
    ids=str,
)
def test_a_wrong_entry_is_named(entry: dict[str, Any]) -> None:
    good = {"from": SOURCE, "to": {"dns": "a"}, "expect": "allow"}
    with pytest.raises(InvalidInput, match=r"probes\[1\]"):
        parse_probes([good, {"from": SOURCE, "expect": "allow", **entry}])


def test_a_client_pod_is_named_by_what_it_stands_for() -> None:
    source = {"namespace": "n", "client": {"like": "deployment/web", "labels": {"tier": "b", "app": "a"}}}
    one = parse_probes([{"from": source, "to": {"dns": "a"}, "expect": "allow"}])[0]
    assert one.client == ClientSpec("n", "deployment/web", (("app", "a"), ("tier", "b")))
    assert one.source_text == "n (as deployment/web, app=a,tier=b)"


@pytest.mark.parametrize(
    "selector", ["app=web,tier in (a, b)", "!old, example.com/part != db", "app", "generation > 3", "size < 5,app=web"]
)
def test_what_kubernetes_takes_as_a_selector_is_taken(selector: str) -> None:
    entry = {"from": {"namespace": "n", "selector": selector}, "to": {"dns": "a"}, "expect": "allow"}
    assert parse_probes([entry])[0].selector == selector


def test_a_selector_is_named_with_its_option() -> None:
    entry = {"from": {"namespace": "n", "selector": "app in ("}, "to": {"dns": "a"}, "expect": "allow"}
    with pytest.raises(InvalidInput) as caught:
        parse_probes([entry])
    assert caught.value.message == "probes[0].from.selector=app in ( is not a label selector."
    assert (caught.value.option, caught.value.code) == ("probes", "InvalidProbe")


def test_nothing_to_probe_proves_nothing() -> None:
    with pytest.raises(InvalidInput, match=r"probes=\[\]") as caught:
        required_probes([])
    assert caught.value.code == "InvalidProbe"
    # Where probes are an option among others, there may be none.
    assert parse_probes([]) == []
