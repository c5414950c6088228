# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script as a shell runs it: what it prints is read as in earnest."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import Probe, parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.report import Report, read_reports
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.script import (
    FIRST_PORT,
    LAST_PORT,
    PORTS_EACH,
    SLOTS,
    SLOTS_PER_S,
    command_of,
    first_port_of,
)

SOURCE = {"namespace": "client", "pod": "client"}
POD = {"metadata": {"namespace": "client", "name": "client"}, "spec": {"nodeName": "n1"}}


def probe(protocol: str | None = None, timeout: int = 2, **to: Any) -> Probe:
    return parse_probes([{"from": SOURCE, "to": to, "protocol": protocol, "expect": "allow", "timeout": timeout}])[0]


HTTP, TCP, DNS = probe(url="http://web.basics/"), probe(host="web.basics", port=5432), probe(dns="web.basics")
UDP, ICMP = probe("udp", host="web.basics", port=53), probe("icmp", host="web.basics")


def test_the_targets_are_arguments_of_the_script_and_never_a_part_of_it() -> None:
    shell, flag, script, _name, *words = command_of([HTTP, TCP, DNS, UDP, ICMP], [40000] * 5)
    assert (shell, flag) == ("sh", "-c")
    assert "web.basics" not in script
    groups = [words[at : at + 6] for at in range(0, len(words), 6)]
    assert [group[:3] for group in groups] == [
        ["http", "http://web.basics/", "2"],
        ["http", "http://web.basics:5432/", "2"],
        ["dns", "web.basics", "2"],
        ["udp", "web.basics", "2"],
        ["icmp", "web.basics", "2"],
    ]
    assert groups[0][3] == "40000-40003"
    assert groups[3][4:] == ["53", UDP.payload]


def test_only_the_clients_that_are_needed_are_in_the_script() -> None:
    script = command_of([ICMP], [40000])[2]
    assert "ping" in script
    assert "curl" not in script
    assert "/dev/udp" not in script


def test_slots_share_no_port_until_they_come_around() -> None:
    firsts = [first_port_of(slot) for slot in range(SLOTS)]
    assert len({port for first in firsts for port in range(first, first + PORTS_EACH)}) == SLOTS * PORTS_EACH
    assert (min(firsts), max(firsts) + PORTS_EACH - 1) == (FIRST_PORT, LAST_PORT)
    assert first_port_of(SLOTS) == FIRST_PORT
    # A flow that is mistaken for one of a later run would have to be older than the clocks of nodes may differ.
    assert SLOTS / SLOTS_PER_S >= 2 * 30


# The script in earnest, with the shell and the programs of this machine.


def run(*probes: Probe, path: str | None = None) -> list[Report]:
    ports = [FIRST_PORT + PORTS_EACH * index for index in range(len(probes))]
    command = command_of(probes, ports)
    environment = {**os.environ, **({"PATH": path} if path is not None else {})}
    command[0] = shutil.which("sh") or "/bin/sh"
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)
    return read_reports(probes, Completed(command, done.returncode, done.stdout, done.stderr), ports, POD)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A socket for datagrams; whoever wants answers must give them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(10)
        yield made


@pytest.mark.parametrize("answer", [b"pong", b"\x00\x01", b""], ids=["text", "nul", "empty"])
def test_a_datagram_that_is_answered(server: socket.socket, answer: bytes) -> None:
    seen: list[Any] = []

    def respond() -> None:
        data, address = server.recvfrom(2000)
        seen.append((data, address))
        server.sendto(answer, address)

    thread = threading.Thread(target=respond)
    thread.start()
    (report,) = run(probe("udp", host="127.0.0.1", port=server.getsockname()[1], payload="a b\n$x"))
    thread.join()
    ((data, address),) = seen
    assert data == b"a b\n$x"
    assert (report.answered, report.resolved, report.exit_code == 6) == (True, True, False)
    assert report.local_port == address[1]
    assert report.ports == {address[1]}
    assert report.remote_ip == "127.0.0.1"


def test_silence_and_refusal_of_a_datagram_are_told_apart(server: socket.socket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        closed = other.getsockname()[1]
    began = time.monotonic()
    silent, refused, unknown = run(
        probe("udp", 1, host="127.0.0.1", port=server.getsockname()[1]),
        probe("udp", 9, host="127.0.0.1", port=closed),
        probe("udp", 9, host="no-such-name.invalid", port=closed),
    )
    assert (silent.answered, silent.refused, silent.exit_code, silent.resolved) == (False, False, 28, True)
    assert (refused.answered, refused.refused, refused.exit_code, refused.resolved) == (False, True, 7, True)
    assert (unknown.answered, unknown.resolved, unknown.local_port) == (False, False, 0)
    # All at the same time; nobody waits longer than need be.
    assert 1 <= time.monotonic() - began < 9


def test_a_name_is_resolved() -> None:
    known, unknown = run(probe(dns="localhost"), probe(dns="no-such-name.invalid"))
    assert known.answered
    assert known.addresses[0] in ("127.0.0.1", "::1")
    assert not unknown.answered
    assert known.before is not None
    assert known.after is not None
    assert known.before <= known.after


def test_what_the_container_lacks_is_named(tmp_path: Path) -> None:
    """A container with a shell and nothing else."""
    reports = run(HTTP, DNS, UDP, ICMP, path=str(tmp_path))
    assert [report.missing for report in reports] == ["curl", "getent", "nc", "ping"]
    assert all(report.final for report in reports)
    assert reports[0].failure == "There is no program curl in the container of pod client/client."


def programs(folder: Path, *names: str, **scripts: str) -> str:
    """A PATH with some programs of this machine, and some of ours."""
    for name in names:
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return str(folder)


def test_without_bash_nc_sends_the_datagram_from_the_port_that_it_is_told(tmp_path: Path) -> None:
    path = programs(
        tmp_path, "date", "timeout", "head", "wc", "cat", nc='cat > "$0.got"; echo "$@" > "$0.args"; echo pong'
    )
    (report,) = run(UDP, path=path)
    assert (tmp_path / "nc.got").read_text() == UDP.payload
    assert (tmp_path / "nc.args").read_text() == f"-u -p {FIRST_PORT} -w 2 web.basics 53\n"
    assert (report.answered, report.local_port, report.ports) == (True, FIRST_PORT, {FIRST_PORT})


@pytest.mark.parametrize(
    ("says", "exit_code", "resolved", "refused"),
    [
        ("exit 1", 28, True, False),
        ("echo 'nc: read: Connection refused' >&2; exit 1", 7, True, True),
        ("echo \"nc: bad address 'web.basics'\" >&2; exit 1", 6, False, False),
    ],
)
def test_what_nc_complains_about(tmp_path: Path, says: str, exit_code: int, resolved: bool, refused: bool) -> None:
    path = programs(tmp_path, "date", "timeout", "head", "wc", nc=says)
    (report,) = run(UDP, path=path)
    assert (report.answered, report.exit_code) == (False, exit_code)
    assert (report.resolved, report.refused) == (resolved, refused)


def test_an_nc_without_datagrams_is_as_good_as_none(tmp_path: Path) -> None:
    says = "echo \"nc: invalid option -- 'u'\" >&2; echo 'Usage: nc [-iN] [-wN] [-l]' >&2; exit 1"
    (report,) = run(UDP, path=programs(tmp_path, "date", "timeout", "head", "wc", nc=says))
    assert (report.missing, report.final) == ("bash", True)
    assert "its nc knows no UDP" in report.failure


def test_busybox_ping_gets_no_option_that_it_does_not_know(tmp_path: Path) -> None:
    echo = "64 bytes from 10.0.0.9: seq=0"
    says = f'case $1 in -h) echo "BusyBox v1.36.1" >&2 ;; *) echo "$@" > "$0.args"; echo "{echo}" ;; esac'
    (report,) = run(ICMP, path=programs(tmp_path, "date", "timeout", ping=says))
    assert (tmp_path / "ping.args").read_text() == "-c 1 -W 2 web.basics\n"
    assert report.answered


def test_ping_does_not_ask_for_the_names_of_addresses(tmp_path: Path) -> None:
    says = 'case $1 in -h) echo Usage >&2 ;; *) printf "%s\\n" "$*" > "$0.args" ;; esac'
    run(ICMP, path=programs(tmp_path, "date", "timeout", ping=says))
    assert (tmp_path / "ping.args").read_text() == "-n -c 1 -W 2 web.basics\n"


def test_curl_gets_its_ports_and_only_connects_for_tcp(tmp_path: Path) -> None:
    says = 'echo "$@" | head -1 >> "$0.args"; echo http_code=200; echo oops >&2'
    http, tcp = run(HTTP, TCP, path=programs(tmp_path, "date", "head", curl=says))
    lines = sorted((tmp_path / "curl.args").read_text().splitlines())
    assert any("--local-port 33000-33003 --url http://web.basics/ " in line for line in lines)
    assert any("--local-port 33004-33007 -I -y 1 -Y 1 --url http://web.basics:5432/ " in line for line in lines)
    assert (http.answered, http.http_status, http.stderr) == (True, 200, "oops")
    assert tcp.http_status == 0
