# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import Probe, parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.report import Report, read_reports, timed_out
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.script import PORTS_EACH

POD = {"metadata": {"namespace": "client", "name": "client"}, "spec": {"nodeName": "n1"}}
SOURCE = {"namespace": "client", "pod": "client"}


def probe(protocol: str | None = None, **to: Any) -> Probe:
    return parse_probes([{"from": SOURCE, "to": to, "protocol": protocol, "expect": "allow"}])[0]


HTTP, TCP, DNS = probe(url="http://web.basics/"), probe(host="web.basics", port=5432), probe(dns="web.basics")
UDP, ICMP = probe("udp", host="web.basics", port=53), probe("icmp", host="web.basics")


def read(one: Probe, done: Completed) -> Report:
    """The report of a command with this one attempt; its lines get their number here."""
    lines = "\n".join(f"0 {line}" for line in done.stdout.splitlines())
    (report,) = read_reports([one], Completed(done.argv, done.rc, lines, done.stderr), [40000], POD)
    return report


def output(exit_code: int, *lines: str, **fields: Any) -> Completed:
    pairs = {"before": "100.25", **fields, "exit": exit_code, "after": "101.000000001"}
    return Completed([], 0, "\n".join([*(f"{name}={value}" for name, value in pairs.items()), *lines]), "")


def curl(exit_code: int, **fields: Any) -> Completed:
    zero = {"http_code": "000", "local_port": "0", "remote_ip": "", "time_namelookup": "0.000000"}
    return output(exit_code, **{**zero, "time_connect": "0.000000", "time_total": "5.002112", **fields})


def test_an_http_answer_is_read() -> None:
    done = curl(
        0,
        stderr="curl: story",
        http_code="301",
        local_port="40001",
        remote_ip="10.0.0.9",
        time_namelookup="0.001",
        time_total="0.5",
    )
    report = read(HTTP, done)
    assert (report.answered, report.resolved, report.http_status) == (True, True, 301)
    assert (report.local_port, report.remote_ip, report.time_s) == (40001, "10.0.0.9", 0.5)
    assert report.ports == set(range(40000, 40000 + PORTS_EACH))
    assert (report.before, report.after) == ((100, 250_000_000), (101, 1))
    assert (report.namespace, report.pod, report.node, report.stderr) == ("client", "client", "n1", "curl: story")


def test_a_timeout_before_and_after_the_name_was_resolved_differ() -> None:
    unresolved = read(HTTP, curl(28))
    assert (unresolved.answered, unresolved.resolved) == (False, False)
    unanswered = read(HTTP, curl(28, time_namelookup="0,004"))
    assert (unanswered.answered, unanswered.resolved) == (False, True)


def test_for_tcp_the_connection_is_the_answer() -> None:
    done = curl(28, time_namelookup="0.001", time_connect="0.002", http_code="404", stderr="curl: story")
    report = read(TCP, done)
    assert (report.answered, report.http_status, report.stderr) == (True, 0, "")
    assert not read(TCP, curl(7, time_namelookup="0.001")).answered


def test_addresses_are_the_answer_for_dns() -> None:
    lines = (
        "address=10.0.0.9       STREAM web.basics",
        "address=10.0.0.9       DGRAM",
        "address=10.0.0.8       STREAM",
        "address=",
    )
    report = read(DNS, output(0, *lines))
    assert (report.answered, report.addresses, report.ports) == (True, ("10.0.0.9", "10.0.0.8"), frozenset())
    assert not read(DNS, output(2)).answered
    assert not read(DNS, output(124)).resolved


def test_a_missing_program_and_a_failed_script_are_told() -> None:
    missing = read(HTTP, Completed([], 0, "missing=curl\n", ""))
    assert missing.failure == "There is no program curl in the container of pod client/client."
    broken = read(HTTP, Completed([], 2, "", "a\nsh: bad substitution\n"))
    assert "sh: bad substitution" in broken.failure
    assert read(HTTP, Completed([], 137, "before=1\n", "")) == Report(
        failure="The probe did not run in pod client/client: exit status 137."
    )


def test_a_clock_without_fractions_leaves_room_for_them() -> None:
    done = Completed([], 0, "before=100.N\nexit=2\nafter=101\n", "")
    report = read(DNS, done)
    assert (report.before, report.after) == ((100, 0), (101, 999_999_999))
    assert read(DNS, Completed([], 0, "exit=2\nafter=\n", "")).after is None


def test_attempts_side_by_side_are_told_apart() -> None:
    lines = "1 exit=2\n0 before=1.0\n1 stderr=0 exit=7\nnoise\n7 exit=0\n0 exit=28\n0 after=3.5\n"
    first, second = read_reports([HTTP, DNS], Completed([], 0, lines, ""), [40000, 40004], POD)
    assert (first.exit_code, second.exit_code, second.stderr) == (28, 2, "0 exit=7")
    assert first.ports == {40000, 40001, 40002, 40003}


@pytest.mark.parametrize(
    ("hex_text", "address"),
    [
        ("EB01B80A:270F", "10.184.1.235"),
        ("0000000000000000FFFF0000EB01B80A:0035", "10.184.1.235"),
        ("B80D01200000000067452301EFCDAB89:0035", "2001:db8::123:4567:89ab:cdef"),
        ("nonsense:1", ""),
        ("", ""),
    ],
)
def test_the_kernel_s_addresses_are_read(hex_text: str, address: str) -> None:
    done = output(28, local="A601B80A:CD4C", remote=hex_text)
    report = read(UDP, done)
    assert (report.local_port, report.remote_ip, report.ports) == (52556, address, {52556})


@pytest.mark.parametrize(
    ("exit_code", "local", "stderr", "answered", "refused", "resolved", "read_as"),
    [
        (0, "A:1", "", True, False, True, 0),
        (28, "A:1", "", False, False, True, 28),
        # Silence before there is a socket is that of DNS.
        (28, "", "", False, False, False, 28),
        (7, "A:1", "x: line 5: read: read error: 3: Connection refused", False, True, True, 7),
        (6, "", "bash: web.basics: Name or service not known", False, False, False, 6),
        (6, "", "bash: connect: No route to host", False, False, True, 7),
        # An empty datagram is an answer, too.
        (7, "A:1", "", True, False, True, 7),
    ],
)
def test_what_became_of_a_datagram(
    exit_code: int, local: str, stderr: str, answered: bool, refused: bool, resolved: bool, read_as: int
) -> None:
    report = read(UDP, output(exit_code, local=local, stderr=stderr))
    assert (report.answered, report.refused, report.resolved, report.exit_code) == (
        answered,
        refused,
        resolved,
        read_as,
    )
    assert timed_out(UDP, report) == (read_as == 28)


# As the programs print it.
IPUTILS = """PING web.basics (10.184.1.235) 56(84) bytes of data.
64 bytes from 10.184.1.235: icmp_seq=1 ttl=63 time=2.45 ms

--- 10.184.1.235 ping statistics ---
1 packets transmitted, 1 received, 0% packet loss, time 0ms
rtt min/avg/max/mdev = 2.454/2.454/2.454/0.000 ms"""
BUSYBOX = """PING web.basics (10.184.1.235): 56 data bytes
64 bytes from 10.184.1.235: seq=0 ttl=63 time=2.450 ms

--- web.basics ping statistics ---
1 packets transmitted, 1 packets received, 0% packet loss
round-trip min/avg/max = 2.450/2.450/2.450 ms"""
LOST = """PING web.basics (10.184.1.235) 56(84) bytes of data.

--- 10.184.1.235 ping statistics ---
1 packets transmitted, 0 received, 100% packet loss, time 0ms"""
REFUSED = """PING web.basics (10.185.16.68) 56(84) bytes of data.
From 10.0.0.1 icmp_seq=1 Destination Port Unreachable

--- web.basics ping statistics ---
1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms"""


def pinged(exit_code: int, text: str) -> Report:
    return read(ICMP, output(exit_code, *(f"ping={line}" for line in text.splitlines())))


@pytest.mark.parametrize("text", [IPUTILS, BUSYBOX], ids=["iputils", "busybox"])
def test_an_echo_is_read(text: str) -> None:
    report = pinged(0, text)
    assert (report.answered, report.resolved, report.refused, report.stderr) == (True, True, False, "")
    assert (report.remote_ip, report.time_s, report.ports) == ("10.184.1.235", 0.00245, frozenset())


@pytest.mark.parametrize(
    ("exit_code", "text", "resolved", "refused", "silent"),
    [
        (1, LOST, True, False, True),
        (124, LOST.splitlines()[0], True, False, True),
        (1, REFUSED, True, True, False),
        (2, "ping: web.basics: Name or service not known", False, False, False),
        (1, "ping: bad address 'web.basics'", False, False, False),
        (124, "", False, False, True),
    ],
    ids=["lost", "killed", "refused", "iputils name", "busybox name", "no DNS"],
)
def test_no_echo(exit_code: int, text: str, resolved: bool, refused: bool, silent: bool) -> None:
    report = pinged(exit_code, text)
    assert (report.answered, report.resolved, report.refused) == (False, resolved, refused)
    assert timed_out(ICMP, report) == silent
    assert report.failure == ""


@pytest.mark.parametrize(
    "text", ["ping: socket: Operation not permitted", "ping: permission denied (are you root?)"], ids=str
)
def test_a_pod_that_may_not_ping_is_one_without_the_program(text: str) -> None:
    report = pinged(2, text)
    assert (report.missing, report.final) == ("ping", True)
    assert report.failure == f"ping is not permitted in pod client/client: {text}."
