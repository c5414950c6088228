# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What is to be probed: the options of one probe, checked before anything is sent (all pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._errors import InvalidInput
from .._types import Json, Params
from ..hubble.selectors import selector_of
from .client_spec import CLIENT_OPTIONS, ClientSpec, client_of

_TIMEOUT_S = 5
# Kubernetes can compare numbers in labels, which Hubble cannot.
_COMPARISON = re.compile(r"\s*[<>]\s*-?\d+\s*(?=,|$)")

_SOURCE: Json = {
    "namespace": {"type": "str", "required": True},
    "pod": {"type": "str"},
    "selector": {"type": "str"},
    "container": {"type": "str"},
}
_TARGET: Json = {
    "url": {"type": "str"},
    "host": {"type": "str"},
    "port": {"type": "int"},
    "dns": {"type": "str"},
}
_EXPECTED: Json = {
    "expect": {"type": "str", "choices": ["allow", "deny"], "required": True},
    "expect_status": {"type": "int"},
    "timeout": {"type": "int", "default": _TIMEOUT_S},
}

PROBE_OPTIONS: Json = {
    "name": {"type": "str"},
    "from": {
        "type": "dict",
        "required": True,
        "options": _SOURCE,
        "required_one_of": [["pod", "selector"]],
        "mutually_exclusive": [["pod", "selector"]],
    },
    "to": {
        "type": "dict",
        "required": True,
        "options": _TARGET,
        "required_one_of": [["url", "host", "dns"]],
        "mutually_exclusive": [["url", "host", "dns"], ["url", "port"], ["dns", "port"]],
        "required_together": [["host", "port"]],
    },
    "protocol": {"type": "str", "choices": ["http", "tcp", "dns"]},
    **_EXPECTED,
}
"""An entry of `probes` where the client's word alone must do; the protocol follows from `to`, and is checked against it
when given. So there are no datagrams, whose silence means nothing, and no pods of our own."""

CONNECTION_OPTIONS: Json = {
    "name": {"type": "str"},
    "from": {
        "type": "dict",
        "required": True,
        "options": {
            **_SOURCE,
            "client": {
                "type": "dict",
                "options": CLIENT_OPTIONS,
                "required_one_of": [["like", "labels"]],
            },
        },
        "required_one_of": [["pod", "selector", "client"]],
        "mutually_exclusive": [["pod", "selector", "client"], ["container", "client"]],
    },
    "to": {
        "type": "dict",
        "required": True,
        "options": {**_TARGET, "payload": {"type": "str"}},
        "required_one_of": [["url", "host", "dns"]],
        "mutually_exclusive": [["url", "host", "dns"], ["url", "port"], ["dns", "port"]],
    },
    "protocol": {"type": "str", "choices": ["http", "tcp", "udp", "icmp", "dns"]},
    **_EXPECTED,
}
"""An entry of `probes` of the module connectivity_probe."""

_PAYLOAD = "cloudnet.aks_cilium probe\n"
"""What a datagram carries when the user does not say; a server that logs it shows where it comes from."""


@dataclass(frozen=True)
class Probe:
    """One connection to try. pod, selector and client: one is set. port is 0 where the target is no host and port.

    A client pod that stands in for a pod without tools keeps that pod's name in `pod`, which is what the user named.
    """

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
    payload: str = ""
    """What the datagram of a UDP probe carries."""
    client: ClientSpec | None = None
    """The short-lived pod to probe from."""

    @property
    def host(self) -> str:
        """The name or address behind the target, without brackets."""
        return urlsplit(self.target).hostname or "" if self.protocol == "http" else self.target

    @property
    def source_text(self) -> str:
        """Where it starts, as the user named it."""
        if self.pod:
            return f"{self.namespace}/{self.pod}"
        return f"{self.namespace} ({self.client.text() if self.client is not None else self.selector})"

    @property
    def target_text(self) -> str:
        """Where it goes, as the user named it."""
        if self.protocol in ("tcp", "udp"):
            host = f"[{self.target}]" if ":" in self.target else self.target
            return f"{'UDP ' if self.protocol == 'udp' else ''}{host}:{self.port}"
        return {"dns": "DNS ", "icmp": "ping "}.get(self.protocol, "") + self.target


def required_probes(entries: Sequence[Params]) -> list[Probe]:
    """The probes of an option that must name one. Raises InvalidInput."""
    if not entries:
        raise _invalid("probes=[] names no connection: nothing would be proved.", "Name at least one.")
    return parse_probes(entries)


def parse_probes(entries: Sequence[Params]) -> list[Probe]:
    """The probes of the option `probes`. Raises InvalidInput that names the entry."""
    return [_parse(entry, f"probes[{index}]") for index, entry in enumerate(entries)]


def _parse(entry: Params, place: str) -> Probe:
    source, to = entry["from"], entry["to"]
    protocol = _protocol(entry, place)
    port = int(to.get("port") or 0)
    target = str(to.get("url") or to.get("dns") or to.get("host") or "")
    _check_target(protocol, target, to.get("port"), place)
    if entry.get("expect_status") is not None and (protocol != "http" or entry["expect"] != "allow"):
        raise _invalid(
            f"{place}.expect_status={entry['expect_status']} needs to.url and expect=allow.", "Leave expect_status out."
        )
    if to.get("payload") is not None and protocol != "udp":
        raise _invalid(
            f"{place}.to.payload is what a datagram carries; it needs protocol=udp, not {protocol}.", "Leave it out."
        )
    status = entry.get("expect_status")
    if status is not None and not 100 <= status <= 599:
        raise _invalid(f"{place}.expect_status={status} is not from 100 to 599.", "Give a status of HTTP.")
    _check_selector(source.get("selector") or "", place)
    timeout_s = _TIMEOUT_S if entry.get("timeout") is None else int(entry["timeout"])
    if not 1 <= timeout_s <= 300:
        raise _invalid(f"{place}.timeout={timeout_s} is not from 1 to 300.", "Give seconds in this range.")
    return Probe(
        name=entry.get("name") or "",
        namespace=source["namespace"],
        pod=source.get("pod") or "",
        selector=source.get("selector") or "",
        container=source.get("container") or "",
        protocol=protocol,
        target=target,
        port=port,
        expect=entry["expect"],
        expect_status=status,
        timeout_s=timeout_s,
        payload=_payload(to.get("payload"), place) if protocol == "udp" else "",
        client=client_of(source, place),
    )


def _invalid(message: str, remedy: str) -> InvalidInput:
    return InvalidInput(message, option="probes", code="InvalidProbe", remedy=remedy)


def _protocol(entry: Params, place: str) -> str:
    """The protocol that the target has, or that was chosen among those it may have."""
    to, chosen = entry["to"], entry.get("protocol")
    possible = ("http",) if to.get("url") else ("dns",) if to.get("dns") else ("tcp", "udp", "icmp")
    if chosen is not None and chosen not in possible:
        raise _invalid(
            f"{place}.protocol={chosen} does not fit {place}.to, which makes it {' or '.join(possible)}.",
            "Give to.url for http, to.host and to.port for tcp and udp, to.host for icmp, to.dns for dns.",
        )
    return str(chosen or possible[0])


def _check_selector(selector: str, place: str) -> None:
    try:
        selector_of(_COMPARISON.sub("", selector))
    except InvalidInput as error:
        raise _invalid(
            f"{place}.from.selector={selector} is not a label selector.",
            "Write it as for kubectl: app=web,tier in (a, b).",
        ) from error


def _payload(text: str | None, place: str) -> str:
    payload = _PAYLOAD if text is None else text
    if not payload or "\x00" in payload or len(payload.encode()) > 1000:
        raise _invalid(f"{place}.to.payload is not a text of 1 to 1000 bytes without NUL.", "Shorten it.")
    return payload


def _check_target(protocol: str, target: str, port: int | None, place: str) -> None:
    """Refuse what the program in the pod would misread as something else than one address."""
    if protocol == "http":
        if not _is_http_url(target):
            raise _invalid(
                f"{place}.to.url={target} is not an http or https URL.", "Write for example http://web.shop:8080/path."
            )
    elif not re.fullmatch(r"[A-Za-z0-9_:][A-Za-z0-9_.:%-]*", target):
        option = "dns" if protocol == "dns" else "host"
        raise _invalid(
            f"{place}.to.{option}={target} is neither a name nor an address.", "Give one, without a scheme and a port."
        )
    elif protocol == "icmp" and port is not None:
        raise _invalid(f"{place}.to.port={port}: ICMP has no ports.", "Leave to.port out, or choose tcp or udp.")
    elif protocol in ("tcp", "udp") and port is None:
        raise _invalid(f"{place}.to.host={target} needs {place}.to.port.", "Give it, or set protocol to icmp.")
    elif protocol in ("tcp", "udp") and not 0 < (port or 0) < 65536:
        raise _invalid(f"{place}.to.port={port} is not from 1 to 65535.", "Give a port.")


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f]", text)
