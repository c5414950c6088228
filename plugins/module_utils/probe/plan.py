# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What is to be probed, the command that does it in a pod, and what that command reported (all pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._errors import InvalidInput
from .._types import Completed, Json, Params
from ..hubble.times import Moment

FIRST_PORT, LAST_PORT = 33000, 60999
PORTS_EACH = 4
"""Local ports of one attempt. curl binds one for each address it tries; the flows of all of them are looked for."""
SLOTS = (LAST_PORT + 1 - FIRST_PORT) // PORTS_EACH
SLOTS_PER_S = 100
"""How fast the start of the next run moves through the slots: once around in 70 s, ahead of any run's own attempts."""

PROBE_OPTIONS: Json = {
    "name": {"type": "str"},
    "from": {
        "type": "dict",
        "required": True,
        "options": {
            "namespace": {"type": "str", "required": True},
            "pod": {"type": "str"},
            "selector": {"type": "str"},
            "container": {"type": "str"},
        },
        "required_one_of": [["pod", "selector"]],
        "mutually_exclusive": [["pod", "selector"]],
    },
    "to": {
        "type": "dict",
        "required": True,
        "options": {
            "url": {"type": "str"},
            "host": {"type": "str"},
            "port": {"type": "int"},
            "dns": {"type": "str"},
        },
        "required_one_of": [["url", "host", "dns"]],
        "mutually_exclusive": [["url", "host", "dns"], ["url", "port"], ["dns", "port"]],
        "required_together": [["host", "port"]],
    },
    "protocol": {"type": "str", "choices": ["http", "tcp", "dns"]},
    "expect": {"type": "str", "choices": ["allow", "deny"], "required": True},
    "expect_status": {"type": "int"},
    "timeout": {"type": "int", "default": 5},
}
"""One entry of the option `probes`; the protocol follows from `to`, and is checked against it when given."""


@dataclass(frozen=True)
class Probe:
    """One connection to try. pod and selector: exactly one is set. port is 0 where the target is no host and port."""

    name: str
    namespace: str
    pod: str
    selector: str
    container: str
    protocol: str
    target: str
    """The URL, the host, or the name to resolve."""
    port: int
    expect: str
    expect_status: int | None
    timeout_s: int

    @property
    def host(self) -> str:
        """The name or address behind the target, without brackets."""
        return urlsplit(self.target).hostname or "" if self.protocol == "http" else self.target

    @property
    def source_text(self) -> str:
        """Where it starts, as the user named it."""
        return f"{self.namespace}/{self.pod}" if self.pod else f"{self.namespace} ({self.selector})"

    @property
    def target_text(self) -> str:
        """Where it goes, as the user named it."""
        if self.protocol == "tcp":
            return f"[{self.target}]:{self.port}" if ":" in self.target else f"{self.target}:{self.port}"
        return f"DNS {self.target}" if self.protocol == "dns" else self.target


def parse_probes(entries: Sequence[Params]) -> list[Probe]:
    """The probes of the option `probes`. Raises InvalidInput that names the entry."""
    return [_parse(entry, f"probes[{index}]") for index, entry in enumerate(entries)]


def _parse(entry: Params, place: str) -> Probe:
    source, to = entry["from"], entry["to"]
    protocol = "http" if to.get("url") else "dns" if to.get("dns") else "tcp"
    if entry.get("protocol") not in (None, protocol):
        raise InvalidInput(
            f"{place}.protocol={entry['protocol']} does not fit {place}.to, which makes it {protocol}.",
            option="probes",
            code="InvalidProbe",
            remedy="Give to.url for http, to.host and to.port for tcp, to.dns for dns.",
        )
    target = str(to.get("url") or to.get("dns") or to.get("host") or "")
    _check_target(protocol, target, int(to.get("port") or 0), place)
    if entry.get("expect_status") is not None and (protocol != "http" or entry["expect"] != "allow"):
        raise InvalidInput(
            f"{place}.expect_status={entry['expect_status']} needs to.url and expect=allow.",
            option="probes",
            code="InvalidProbe",
        )
    timeout_s = int(entry.get("timeout") or 5)
    if not 1 <= timeout_s <= 300:
        raise InvalidInput(f"{place}.timeout={timeout_s} is not from 1 to 300.", option="probes", code="InvalidProbe")
    return Probe(
        name=entry.get("name") or "",
        namespace=source["namespace"],
        pod=source.get("pod") or "",
        selector=source.get("selector") or "",
        container=source.get("container") or "",
        protocol=protocol,
        target=target,
        port=int(to.get("port") or 0),
        expect=entry["expect"],
        expect_status=entry.get("expect_status"),
        timeout_s=timeout_s,
    )


def _check_target(protocol: str, target: str, port: int, place: str) -> None:
    """Refuse what the program in the pod would misread as something else than one address."""
    if protocol == "http":
        if not _is_http_url(target):
            raise InvalidInput(
                f"{place}.to.url={target} is not an http or https URL.", option="probes", code="InvalidProbe"
            )
    elif not re.fullmatch(r"[A-Za-z0-9_:][A-Za-z0-9_.:%-]*", target):
        option = "dns" if protocol == "dns" else "host"
        raise InvalidInput(
            f"{place}.to.{option}={target} is neither a name nor an address.", option="probes", code="InvalidProbe"
        )
    elif protocol == "tcp" and not 0 < port < 65536:
        raise InvalidInput(f"{place}.to.port={port} is not from 1 to 65535.", option="probes", code="InvalidProbe")


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f]", text)


# curl has no scheme that only connects and then ends (telnet waits for the time limit). So it asks for a page and gives
# up when nothing comes for a second; for tcp only the connection counts, not what the server thinks of the request.
_CONNECT_ONLY = "-I -y 1 -Y 1"
# The target comes in as $1 and so on, never as a part of the script. date +%s.%N gives no fraction with BusyBox.
_CURL = r"""
command -v curl >/dev/null 2>&1 || { echo 'missing=curl'; exit 0; }
echo "before=$(date +%s.%N)"
curl -q -sS -g -k -o /dev/null -m "$2" --noproxy '*' --local-port "$3" $4 --url "$1" -w 'http_code=%{http_code}
local_port=%{local_port}
remote_ip=%{remote_ip}
time_namelookup=%{time_namelookup}
time_connect=%{time_connect}
time_total=%{time_total}
' </dev/null
echo "exit=$?"
echo "after=$(date +%s.%N)"
"""
_RESOLVE = r"""
command -v getent >/dev/null 2>&1 || { echo 'missing=getent'; exit 0; }
echo "before=$(date +%s.%N)"
timeout "$2" getent ahosts "$1"
echo "exit=$?"
echo "after=$(date +%s.%N)"
"""


def first_port_of(slot: int) -> int:
    """The first of the local ports of a slot; slots come around again."""
    return FIRST_PORT + PORTS_EACH * (slot % SLOTS)


def command_of(probe: Probe, first_port: int) -> list[str]:
    """The command to run in the pod; it uses local ports from first_port on (not for dns)."""
    if probe.protocol == "dns":
        return ["sh", "-c", _RESOLVE, "probe", probe.target, str(probe.timeout_s)]
    http = probe.protocol == "http"
    target = probe.target if http else f"http://{probe.target_text}/"
    ports = f"{first_port}-{first_port + PORTS_EACH - 1}"
    return ["sh", "-c", _CURL, "probe", target, str(probe.timeout_s), ports, "" if http else _CONNECT_ONLY]


@dataclass(frozen=True)
class Report:
    """What the client in the pod saw in one attempt.

    failure: why there was no attempt at all (no pod, no program, exec refused); else empty.
    answered: the other side answered (an HTTP status, a connection, an address).
    resolved: whether a name was turned into an address; the first step that a policy can stop.
    """

    failure: str = ""
    namespace: str = ""
    pod: str = ""
    node: str = ""
    exit_code: int = -1
    answered: bool = False
    resolved: bool = True
    http_status: int = 0
    local_port: int = 0
    ports: frozenset[int] = frozenset()
    remote_ip: str = ""
    addresses: tuple[str, ...] = ()
    time_s: float = 0.0
    stderr: str = ""
    before: Moment | None = None
    after: Moment | None = None


_TIMED_OUT = {"http": 28, "tcp": 28, "dns": 124}


def timed_out(probe: Probe, report: Report) -> bool:
    """Whether the client heard nothing until its time was over."""
    return report.exit_code == _TIMED_OUT[probe.protocol]


def read_report(probe: Probe, done: Completed, first_port: int, pod: Json) -> Report:
    """The report of a finished command."""
    fields: dict[str, str] = {}
    others: list[str] = []
    for line in done.stdout.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            fields[key] = value
        else:
            others.append(line)
    metadata = pod["metadata"]
    place = f"{metadata['namespace']}/{metadata['name']}"
    if "missing" in fields:
        return Report(failure=f"There is no program {fields['missing']} in the container of pod {place}.")
    if "exit" not in fields:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.rc}"])[-1]
        return Report(failure=f"The probe did not run in pod {place}: {last}.")
    exit_code = int(fields["exit"])
    status = _integer(fields.get("http_code", "")) if probe.protocol == "http" else 0
    addresses = tuple(dict.fromkeys(line.split()[0] for line in others if line.strip()))
    answered = {
        "http": status > 0 or exit_code == 0,
        "tcp": _seconds(fields.get("time_connect", "")) > 0,
        "dns": exit_code == 0 and bool(addresses),
    }[probe.protocol]
    by_name = probe.protocol != "dns"
    return Report(
        namespace=metadata["namespace"],
        pod=metadata["name"],
        node=(pod.get("spec") or {}).get("nodeName", ""),
        exit_code=exit_code,
        answered=answered,
        resolved=answered or (by_name and _seconds(fields.get("time_namelookup", "")) > 0),
        http_status=status,
        local_port=_integer(fields.get("local_port", "")),
        ports=frozenset(range(first_port, first_port + PORTS_EACH)) if by_name else frozenset(),
        remote_ip=fields.get("remote_ip", ""),
        addresses=addresses,
        time_s=round(_seconds(fields.get("time_total", "")), 3),
        stderr="" if probe.protocol == "tcp" and answered else done.stderr.strip(),
        before=_moment(fields.get("before", "")),
        after=_moment(fields.get("after", "")),
    )


def _integer(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _seconds(text: str) -> float:
    # A client in a locale of its own may write a comma.
    return float(text.replace(",", ".")) if re.fullmatch(r"\d+([.,]\d+)?", text, re.ASCII) else 0.0


def _moment(text: str) -> Moment | None:
    match = re.match(r"(\d+)(?:\.(\d{1,9}))?", text, re.ASCII)
    return (int(match[1]), int((match[2] or "").ljust(9, "0"))) if match else None
