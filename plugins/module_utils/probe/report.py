# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What the clients in a pod saw, read from what the script printed (all pure)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .._types import Completed, Json
from ..hubble.times import Moment
from .plan import Probe
from .script import PORTS_EACH


@dataclass(frozen=True)
class Report:
    """What the client in the pod saw in one attempt.

    failure: why there was no attempt at all (no pod, no program, exec refused); else empty.
    answered: the other side answered (an HTTP status, a connection, an address, a datagram, an echo).
    resolved: whether a name was turned into an address; the first step that a policy can stop.
    """

    failure: str = ""
    missing: str = ""
    """The program that the container lacks, when that is the failure."""
    final: bool = False
    """Whether the failure will be the same whenever it is tried again."""
    namespace: str = ""
    pod: str = ""
    node: str = ""
    exit_code: int = -1
    answered: bool = False
    resolved: bool = True
    refused: bool = False
    """The other side's machine said that nobody listens there."""
    http_status: int = 0
    local_port: int = 0
    ports: frozenset[int] = frozenset()
    remote_ip: str = ""
    addresses: tuple[str, ...] = ()
    time_s: float = 0.0
    stderr: str = ""
    before: Moment | None = None
    after: Moment | None = None


# ping tells by its exit status (1) only that no echo came, whatever else did. 124 is that of `timeout`.
_TIMED_OUT = {"http": (28,), "tcp": (28,), "udp": (28,), "dns": (124,), "icmp": (1, 124)}
_ICMP_ERROR = re.compile(r"unreachable|filtered|prohibited|exceeded|redirect", re.IGNORECASE)
_UNKNOWN_NAME = re.compile(
    r"name resolution|not known|no address|bad address|unknown host|host lookup|could not resolve|getaddrinfo",
    re.IGNORECASE,
)
# BusyBox can be built so.
_NO_OPTION = re.compile(r"(invalid|unrecognized|unknown|illegal) option", re.IGNORECASE)
_NOT_PERMITTED = re.compile(r"not permitted|permission denied|are you root", re.IGNORECASE)
_ECHO = re.compile(r"\bbytes from \S.*?(?:time[=<]([\d.,]+) ?ms)?\s*$", re.IGNORECASE)
_PINGED = re.compile(r"PING \S+ ?\(([0-9a-fA-F:.%]+)\)")


def timed_out(probe: Probe, report: Report) -> bool:
    """Whether the client heard nothing until its time was over."""
    if probe.protocol == "icmp" and (report.refused or (not report.resolved and report.exit_code != 124)):
        return False
    return report.exit_code in _TIMED_OUT[probe.protocol]


def read_reports(probes: Sequence[Probe], done: Completed, first_ports: Sequence[int], pod: Json) -> list[Report]:
    """The reports of a finished command, one for each attempt, in their order."""
    lines: list[list[str]] = [[] for __ in probes]
    for line in done.stdout.splitlines():
        number, space, rest = line.partition(" ")
        if space and number.isascii() and number.isdigit() and int(number) < len(probes):
            lines[int(number)].append(rest)
    return [_read(*one, done, pod) for one in zip(probes, lines, first_ports, strict=True)]


class _Fields:
    """The lines `name=value` of one attempt; a name may come more than once."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for line in lines:
            name, equals, value = line.partition("=")
            if equals:
                self._values.setdefault(name, []).append(value)

    def has(self, name: str) -> bool:
        return name in self._values

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def last(self, name: str) -> str:
        return self._values.get(name, [""])[-1]


def _read(probe: Probe, lines: Sequence[str], first_port: int, done: Completed, pod: Json) -> Report:
    fields = _Fields(lines)
    metadata = pod["metadata"]
    place = f"{metadata['namespace']}/{metadata['name']}"
    if fields.has("missing"):
        program = fields.last("missing")
        return Report(
            failure=f"There is no program {program} in the container of pod {place}.",
            missing=program,
            final=True,
            namespace=metadata["namespace"],
            pod=metadata["name"],
        )
    if not fields.has("exit"):
        said = [*fields.all("stderr"), *done.stderr.strip().splitlines()] or [f"exit status {done.rc}"]
        return Report(failure=f"The probe did not run in pod {place}: {said[-1]}.")
    before, after = _moment(fields.last("before"), 0), _moment(fields.last("after"), 999_999_999)
    report = Report(
        namespace=metadata["namespace"],
        pod=metadata["name"],
        node=(pod.get("spec") or {}).get("nodeName", ""),
        exit_code=_integer(fields.last("exit")),
        stderr="\n".join(fields.all("stderr")).strip(),
        before=before,
        after=after,
        time_s=_between_s(before, after),
    )
    return _READERS[probe.protocol](report, fields, first_port)


def _read_http(report: Report, fields: _Fields, first_port: int) -> Report:
    status = _integer(fields.last("http_code"))
    answered = status > 0 or report.exit_code == 0
    return replace(_read_curl(report, fields, first_port, answered), http_status=status)


def _read_tcp(report: Report, fields: _Fields, first_port: int) -> Report:
    answered = _seconds(fields.last("time_connect")) > 0
    read = _read_curl(report, fields, first_port, answered)
    # What curl thinks of a server that speaks no HTTP is of no interest.
    return replace(read, stderr="", time_s=round(_seconds(fields.last("time_connect")), 3)) if answered else read


def _read_curl(report: Report, fields: _Fields, first_port: int, answered: bool) -> Report:
    return replace(
        report,
        answered=answered,
        resolved=answered or _seconds(fields.last("time_namelookup")) > 0,
        refused=report.exit_code == 7,
        local_port=_integer(fields.last("local_port")),
        ports=frozenset(range(first_port, first_port + PORTS_EACH)),
        remote_ip=fields.last("remote_ip"),
        time_s=round(_seconds(fields.last("time_total")), 3),
    )


def _read_dns(report: Report, fields: _Fields, first_port: int) -> Report:
    del first_port
    addresses = tuple(dict.fromkeys(line.split()[0] for line in fields.all("address") if line.strip()))
    answered = report.exit_code == 0 and bool(addresses)
    return replace(report, answered=answered, resolved=answered, addresses=addresses)


def _read_udp(report: Report, fields: _Fields, first_port: int) -> Report:
    del first_port
    if _NO_OPTION.search(report.stderr):
        return Report(
            failure=f"Pod {report.namespace}/{report.pod} has no bash in its container, and its nc knows no UDP.",
            missing="bash",
            final=True,
            namespace=report.namespace,
            pod=report.pod,
        )
    local = _hex(fields.last("local").rpartition(":")[2])
    exit_code = report.exit_code
    if _UNKNOWN_NAME.search(report.stderr):
        exit_code = 6
    elif exit_code == 6 or (exit_code == 28 and "refused" in report.stderr):
        # There was a name but no way to it; and nc goes on after it was told that nobody listens.
        exit_code = 7
    return replace(
        report,
        exit_code=exit_code,
        # The end of an empty datagram is no error.
        answered=exit_code == 0 or (exit_code == 7 and not report.stderr),
        # Before there is a socket, the name is what is waited for.
        resolved=exit_code == 7 or (exit_code != 6 and local > 0),
        refused=exit_code == 7 and "refused" in report.stderr,
        local_port=local,
        ports=frozenset({local} if local else ()),
        remote_ip=_socket_address(fields.last("remote").rpartition(":")[0]),
    )


def _read_icmp(report: Report, fields: _Fields, first_port: int) -> Report:
    del first_port
    lines = fields.all("ping")
    text = "\n".join(lines)
    if _NOT_PERMITTED.search(text) and not _PINGED.search(text):
        return Report(
            failure=f"ping is not permitted in pod {report.namespace}/{report.pod}: {lines[-1].strip()}.",
            missing="ping",
            final=True,
            namespace=report.namespace,
            pod=report.pod,
        )
    echo = next((match for match in map(_ECHO.search, lines) if match), None)
    pinged = _PINGED.search(text)
    return replace(
        report,
        answered=echo is not None,
        resolved=echo is not None or pinged is not None,
        refused=echo is None and any(_ICMP_ERROR.search(line) for line in lines),
        remote_ip=pinged[1] if pinged else "",
        time_s=round(_seconds(echo[1]) / 1000, 6) if echo and echo[1] else report.time_s,
        stderr="" if echo is not None else text.strip(),
    )


_READERS = {"http": _read_http, "tcp": _read_tcp, "udp": _read_udp, "icmp": _read_icmp, "dns": _read_dns}


def _integer(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _hex(text: str) -> int:
    return int(text, 16) if re.fullmatch(r"[0-9a-fA-F]{1,8}", text) else 0


def _socket_address(text: str) -> str:
    """An address as the kernel writes it in its table of sockets: words of 4 bytes, each the wrong way around."""
    if not re.fullmatch(r"[0-9A-Fa-f]{8}|[0-9A-Fa-f]{32}", text):
        return ""
    words = bytes.fromhex(text)
    address = ipaddress.ip_address(b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4)))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _seconds(text: str) -> float:
    # A client in a locale of its own may write a comma.
    return float(text.replace(",", ".")) if re.fullmatch(r"\d+([.,]\d+)?", text, re.ASCII) else 0.0


def _moment(text: str, nanos: int) -> Moment | None:
    """nanos stand in for a fraction that the pod's `date` does not give."""
    match = re.match(r"(\d+)(?:\.(\d{1,9}))?", text, re.ASCII)
    if match is None:
        return None
    return int(match[1]), int(match[2].ljust(9, "0")) if match[2] else nanos


def _between_s(before: Moment | None, after: Moment | None) -> float:
    if before is None or after is None:
        return 0.0
    return max(round(after[0] - before[0] + (after[1] - before[1]) / 1e9, 3), 0.0)
