# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import (
    FIRST_PORT,
    LAST_PORT,
    PORTS_EACH,
    SLOTS,
    SLOTS_PER_S,
    Probe,
    Report,
    command_of,
    first_port_of,
    parse_probes,
    read_report,
)

POD = {"metadata": {"namespace": "client", "name": "client"}, "spec": {"nodeName": "n1"}}
SOURCE = {"namespace": "client", "pod": "client"}


def probe(**to: Any) -> Probe:
    return parse_probes([{"from": SOURCE, "to": to, "expect": "allow"}])[0]


HTTP, TCP, DNS = probe(url="http://web.basics/"), probe(host="web.basics", port=5432), probe(dns="web.basics")


def test_the_protocol_follows_from_the_target() -> None:
    assert [one.protocol for one in (HTTP, TCP, DNS)] == ["http", "tcp", "dns"]
    assert [one.target_text for one in (HTTP, TCP, DNS)] == ["http://web.basics/", "web.basics:5432", "DNS web.basics"]
    assert [one.host for one in (HTTP, TCP, DNS)] == ["web.basics"] * 3
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
    ],
    ids=str,
)
def test_a_wrong_entry_is_named(entry: dict[str, Any]) -> None:
    good = {"from": SOURCE, "to": {"dns": "a"}, "expect": "allow"}
    with pytest.raises(InvalidInput, match=r"probes\[1\]"):
        parse_probes([good, {"from": SOURCE, "expect": "allow", **entry}])


def test_the_target_is_an_argument_of_the_script_and_never_part_of_it() -> None:
    for one in (HTTP, TCP, DNS):
        shell, flag, script, _name, target, *_rest = command_of(one, 40000)
        assert (shell, flag) == ("sh", "-c")
        assert "web.basics" not in script
        assert "web.basics" in target
    assert command_of(HTTP, 40000)[5:7] == ["5", "40000-40003"]
    assert command_of(TCP, 40000)[4] == "http://web.basics:5432/"


def output(exit_code: int, *lines: str, **fields: Any) -> Completed:
    pairs = {"before": "100.25", **fields, "exit": exit_code, "after": "101.000000001"}
    return Completed([], 0, "\n".join([*(f"{name}={value}" for name, value in pairs.items()), *lines]), "curl: story\n")


def curl(exit_code: int, **fields: Any) -> Completed:
    zero = {"http_code": "000", "local_port": "0", "remote_ip": "", "time_namelookup": "0.000000"}
    return output(exit_code, **{**zero, "time_connect": "0.000000", "time_total": "5.002112", **fields})


def test_an_http_answer_is_read() -> None:
    done = curl(0, http_code="301", local_port="40001", remote_ip="10.0.0.9", time_namelookup="0.001", time_total="0.5")
    report = read_report(HTTP, done, 40000, POD)
    assert (report.answered, report.resolved, report.http_status) == (True, True, 301)
    assert (report.local_port, report.remote_ip, report.time_s) == (40001, "10.0.0.9", 0.5)
    assert report.ports == set(range(40000, 40000 + PORTS_EACH))
    assert (report.before, report.after) == ((100, 250_000_000), (101, 1))
    assert (report.namespace, report.pod, report.node, report.stderr) == ("client", "client", "n1", "curl: story")


def test_a_timeout_before_and_after_the_name_was_resolved_differ() -> None:
    unresolved = read_report(HTTP, curl(28), 40000, POD)
    assert (unresolved.answered, unresolved.resolved) == (False, False)
    unanswered = read_report(HTTP, curl(28, time_namelookup="0,004"), 40000, POD)
    assert (unanswered.answered, unanswered.resolved) == (False, True)


def test_for_tcp_the_connection_is_the_answer() -> None:
    done = curl(28, time_namelookup="0.001", time_connect="0.002", http_code="404")
    report = read_report(TCP, done, 40000, POD)
    assert (report.answered, report.http_status, report.stderr) == (True, 0, "")
    assert not read_report(TCP, curl(7, time_namelookup="0.001"), 40000, POD).answered


def test_addresses_are_the_answer_for_dns() -> None:
    lines = ("10.0.0.9       STREAM web.basics", "10.0.0.9       DGRAM", "10.0.0.8       STREAM")
    report = read_report(DNS, output(0, *lines), 40000, POD)
    assert (report.answered, report.addresses, report.ports) == (True, ("10.0.0.9", "10.0.0.8"), frozenset())
    assert not read_report(DNS, output(2), 40000, POD).answered
    assert not read_report(DNS, output(124), 40000, POD).resolved


def test_a_missing_program_and_a_failed_script_are_told() -> None:
    missing = read_report(HTTP, Completed([], 0, "missing=curl\n", ""), 40000, POD)
    assert missing.failure == "There is no program curl in the container of pod client/client."
    broken = read_report(HTTP, Completed([], 2, "", "a\nsh: bad substitution\n"), 40000, POD)
    assert "sh: bad substitution" in broken.failure
    assert read_report(HTTP, Completed([], 137, "before=1\n", ""), 40000, POD) == Report(
        failure="The probe did not run in pod client/client: exit status 137."
    )


def test_a_clock_without_fractions_is_read() -> None:
    done = Completed([], 0, "before=100.N\nexit=2\nafter=\n", "")
    report = read_report(DNS, done, 40000, POD)
    assert (report.before, report.after) == ((100, 0), None)


def test_slots_share_no_port_until_they_come_around() -> None:
    firsts = [first_port_of(slot) for slot in range(SLOTS)]
    assert len({port for first in firsts for port in range(first, first + PORTS_EACH)}) == SLOTS * PORTS_EACH
    assert (min(firsts), max(firsts) + PORTS_EACH - 1) == (FIRST_PORT, LAST_PORT)
    assert first_port_of(SLOTS) == FIRST_PORT
    # A flow that is mistaken for one of a later run would have to be older than the clocks of nodes may differ.
    assert SLOTS / SLOTS_PER_S >= 2 * 30
