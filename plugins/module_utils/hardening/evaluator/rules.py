# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The rules of policies, compiled: whom they apply to, which peers and which ports they mean. Pure.

Source: Cilium 1.20 (pkg/k8s/apis/cilium.io/utils, pkg/k8s/network_policy.go, pkg/policy). Each statement here is
held against the answers of Cilium's own engine, see tests/verdicts.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..._types import Json
from ...cilium.selector import matches_labels
from .endpoints import NAMESPACE, NAMESPACE_LABELS, Known

Test = Callable[[Known], bool]
_NUMBERS = itertools.count()

_NAMESPACE_NAME = NAMESPACE.removeprefix("k8s:")
_RESERVED = ("host", "remote-node", "init", "ingress", "health", "unmanaged", "kube-apiserver")
_WORLD = ("world", "world-ipv4", "world-ipv6")
_ENTITIES = {
    **{name: (name,) for name in (*_RESERVED, *_WORLD)},
    "world": _WORLD,
}
_TRANSPORTS = ("TCP", "UDP", "SCTP")
_ICMP_TYPES = {
    "IPv4": "EchoReply 0 DestinationUnreachable 3 Redirect 5 Echo 8 EchoRequest 8 RouterAdvertisement 9"
    " RouterSelection 10 TimeExceeded 11 ParameterProblem 12 Timestamp 13 TimestampReply 14 Photuris 40"
    " ExtendedEchoRequest 42 ExtendedEchoReply 43",
    "IPv6": "DestinationUnreachable 1 PacketTooBig 2 TimeExceeded 3 ParameterProblem 4 EchoRequest 128 EchoReply 129"
    " MulticastListenerQuery 130 MulticastListenerReport 131 MulticastListenerDone 132 RouterSolicitation 133"
    " RouterAdvertisement 134 NeighborSolicitation 135 NeighborAdvertisement 136 RedirectMessage 137"
    " RouterRenumbering 138 ICMPNodeInformationQuery 139 ICMPNodeInformationResponse 140"
    " InverseNeighborDiscoverySolicitation 141 InverseNeighborDiscoveryAdvertisement 142"
    " HomeAgentAddressDiscoveryRequest 144 HomeAgentAddressDiscoveryReply 145 MobilePrefixSolicitation 146"
    " MobilePrefixAdvertisement 147 DuplicateAddressRequestCodeSuffix 157 DuplicateAddressConfirmationCodeSuffix 158"
    " ExtendedEchoRequest 160 ExtendedEchoReply 161",
}


@dataclass(frozen=True)
class Port:
    """A range of ports of one protocol, or a port by its name (then first and last are 0). ICMP has its types here."""

    protocol: str
    first: int
    last: int
    name: str = ""


ANY_PORT: None = None
"""In place of ports: every port of every protocol, ICMP too."""


@dataclass(frozen=True)
class Subject:
    """Whom the rules of one spec apply to."""

    namespace: str
    """Empty for a clusterwide policy."""
    selector: Json

    def selects(self, end: Known) -> bool:
        """Whether the rules apply to an endpoint."""
        if self.namespace and end.namespace != self.namespace:
            return False
        return matches_labels(self.selector, end.labels)


@dataclass(frozen=True)
class Rule:
    """One item of ingress, egress, ingressDeny or egressDeny."""

    policy: str
    """`CiliumNetworkPolicy shop/cart`."""
    path: str
    """`spec.ingress[0]`."""
    direction: str
    deny: bool
    default_deny: bool
    """Whether it makes its endpoints deny what no rule allows."""
    flips: bool
    """Whether default deny is on once the policy is enforced: true of our own workload and namespace policies."""
    subject: Subject
    peers: tuple[Matcher, ...]
    """Any of them; none where the rule names nobody."""
    ports: tuple[Port, ...] | None
    dns: bool = False
    """Whether it shows DNS to the agent's proxy."""
    names: bool = False
    """Whether it allows by DNS names."""

    @property
    def key(self) -> str:
        """Policy and place, as results name a rule."""
        return f"{self.policy} {self.path}"

    def means(self, end: Known) -> bool:
        """Whether a peer is one that the rule names."""
        memory = end.memory
        # A loop and not any(): this is where the time of a million questions goes.
        for matcher in self.peers:
            found = memory.get(matcher.number)
            if matcher(end) if found is None else found:
                return True
        return False


class Matcher:
    """A kind of peer. Each endpoint remembers which kinds it is, for policies name few peers many times."""

    def __init__(self, test: Test) -> None:
        self._test = test
        self.number = next(_NUMBERS)
        """By which endpoints remember it."""

    def __call__(self, end: Known) -> bool:
        """Whether an endpoint is of this kind; the answer is put into its memory."""
        found = end.memory[self.number] = self._test(end)
        return found


class Matchers:
    """Makes each kind of peer once."""

    def __init__(self) -> None:
        self._made: dict[str, Matcher] = {}

    def of(self, make: Callable[..., Test], *arguments: object) -> Matcher:
        """The matcher of what make() makes of the arguments, which are as in JSON."""
        key = f"{make.__name__} {json.dumps(arguments, sort_keys=True, default=str)}"
        if key not in self._made:
            self._made[key] = Matcher(make(*arguments))
        return self._made[key]


def everyone() -> Test:
    """Each peer, whatever it is."""
    return lambda end: end is not None


def labelled(selector: Mapping[str, Any]) -> Test:
    """Peers by labels."""
    labels = dict(selector.get("matchLabels") or {})
    # The namespace decides most often, and is the quickest to ask for.
    namespace = labels.pop(NAMESPACE, None)
    rest = {"matchLabels": labels, "matchExpressions": list(selector.get("matchExpressions") or [])}

    def test(end: Known) -> bool:
        return (namespace is None or end.namespace == namespace) and matches_labels(rest, end.labels)

    return test


def keys_of(selector: Mapping[str, Any]) -> list[str]:
    """The keys that a selector asks for."""
    expressions = selector.get("matchExpressions") or []
    return [*(selector.get("matchLabels") or {}), *(str(item.get("key")) for item in expressions)]


def with_expression(selector: Mapping[str, Any], key: str, operator: str) -> Json:
    """A selector that asks for one thing more."""
    more = {"key": key, "operator": operator}
    return {**selector, "matchExpressions": [*(selector.get("matchExpressions") or []), more]}


def cilium_peer(selector: Mapping[str, Any], namespace: str) -> Json:
    """The selector of a Cilium policy's peer as an agent reads it: in the policy's namespace unless it says otherwise.

    A clusterwide policy has no namespace, and means pods of any.
    """
    keys = keys_of(selector)
    if any(key.startswith("reserved:") for key in keys):
        return dict(selector)
    bare = [key.removeprefix("k8s:").removeprefix("any:") for key in keys]
    elsewhere = any(key.startswith(NAMESPACE_LABELS.removeprefix("k8s:")) for key in bare)
    if namespace and _NAMESPACE_NAME not in bare and not elsewhere:
        return within(selector, namespace)
    # Only pods carry the cluster's label, which the agent asks for as well.
    return with_expression(selector, NAMESPACE, "Exists")


def within(selector: Mapping[str, Any], namespace: str) -> Json:
    """A selector confined to a namespace."""
    return {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), NAMESPACE: namespace}}


def node_peer(selector: Mapping[str, Any]) -> Test:
    """A peer of fromNodes or toNodes."""
    return labelled(with_expression(selector, "reserved:remote-node", "Exists"))


def entity(name: str) -> Test:
    """A peer of fromEntities or toEntities."""
    if name == "all":
        return everyone()
    if name in ("cluster", "cluster-mesh"):
        labels = tuple(f"reserved:{item}" for item in _RESERVED)
        return lambda end: end.is_pod or any(label in end.labels for label in labels)
    wanted = tuple(f"reserved:{item}" for item in _ENTITIES.get(name, ()))
    return lambda end: any(label in end.labels for label in wanted)


@lru_cache(maxsize=4096)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


@lru_cache(maxsize=65536)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


def cidr(network: str, excepts: Iterable[str] = ()) -> Test:
    """Addresses outside of the cluster; pods and nodes are never meant, wherever their addresses lie."""
    wanted, unwanted = _network(network), [_network(text) for text in excepts]

    def test(end: Known) -> bool:
        if not end.is_world:
            return False
        if not end.address:
            # The world as a whole is what no policy's network covers: only the network of everything means it.
            family = f"reserved:world-ipv{wanted.version}"
            return wanted.prefixlen == 0 and ("reserved:world" in end.labels or family in end.labels)
        address = _address(end.address)
        return address in wanted and not any(address in network for network in unwanted)

    return test


def dns_name(selector: Mapping[str, Any]) -> Test:
    """Addresses that were resolved from names of a matchName or matchPattern."""
    expression = re.compile(_expression(selector))
    return lambda end: any(expression.fullmatch(name) for name in end.names)


def _expression(selector: Mapping[str, Any]) -> str:
    """The regular expression of a name: * within one label, **. any number of labels, * alone everything."""
    text = str(selector.get("matchName") or selector.get("matchPattern") or "").strip().lower()
    if not selector.get("matchName") and re.fullmatch(r"\*+\.?", text):
        return r"([-a-z0-9_]+[.])+|[.]"
    text = text if text.endswith(".") else f"{text}."
    text = text.replace(".", "[.]")
    text = re.sub(r"^\*{2,}\[\.\]", lambda __: "([-a-z0-9_]+([.][-a-z0-9_]+)<any>)[.]", text)
    return re.sub(r"\*+", "[-a-z0-9_]*", text).replace("<any>", "*")


def cilium_ports(item: Mapping[str, Any]) -> tuple[Port, ...] | None:
    """Ports of an item of a Cilium policy."""
    if not item.get("toPorts") and not item.get("icmps"):
        return ANY_PORT
    ports = [
        port
        for rule in item.get("toPorts") or []
        for entry in rule.get("ports") or []
        for port in _transport(str(entry.get("port") or "0"), entry.get("endPort"), str(entry.get("protocol") or "ANY"))
    ]
    for icmp in item.get("icmps") or []:
        ports += [_icmp(field) for field in icmp.get("fields") or []]
    return tuple(ports)


def _transport(port: str, end: Any, protocol: str) -> list[Port]:
    protocols = _TRANSPORTS if protocol.upper() == "ANY" else (protocol.upper(),)
    if not port.isdigit():
        return [Port(name, 0, 0, port) for name in protocols]
    first = int(port)
    last = 65535 if first == 0 else max(first, int(end or 0))
    return [Port(name, first, last) for name in protocols]


def _icmp(field: Mapping[str, Any]) -> Port:
    family, kind = str(field.get("family") or "IPv4"), str(field.get("type"))
    words = _ICMP_TYPES["IPv6" if family == "IPv6" else "IPv4"].split()
    # A name that the family does not have is refused by the agent; 256 is the type of no packet.
    number = int(kind) if kind.isdigit() else int(dict(zip(words[::2], words[1::2], strict=True)).get(kind, 256))
    return Port("ICMPV6" if family == "IPv6" else "ICMP", number, number)


def kubernetes_peer(peer: Mapping[str, Any], namespace: str) -> Test:
    """A peer of a NetworkPolicy."""
    block = peer.get("ipBlock")
    if block is not None:
        return cidr(str(block.get("cidr")), block.get("except") or ())
    selector = _prefixed(peer.get("podSelector") or {}, "k8s:")
    if peer.get("namespaceSelector") is None:
        return labelled(within(selector, namespace))
    selector = with_expression(selector, NAMESPACE, "Exists")
    of_namespace = labelled(_prefixed(peer["namespaceSelector"], NAMESPACE_LABELS))
    of_pod = labelled(selector)
    return lambda end: of_pod(end) and of_namespace(end)


def kubernetes_subject(spec: Mapping[str, Any], namespace: str) -> Subject:
    """Whom a NetworkPolicy selects."""
    return Subject(namespace, _prefixed(spec.get("podSelector") or {}, "k8s:"))


def _prefixed(selector: Mapping[str, Any], prefix: str) -> Json:
    expressions = selector.get("matchExpressions") or []
    return {
        "matchLabels": {f"{prefix}{key}": value for key, value in (selector.get("matchLabels") or {}).items()},
        "matchExpressions": [{**item, "key": f"{prefix}{item.get('key')}"} for item in expressions],
    }


def kubernetes_ports(entries: Iterable[Mapping[str, Any]] | None) -> tuple[Port, ...] | None:
    """Ports of a rule of a NetworkPolicy."""
    if not entries:
        return ANY_PORT
    found = []
    for entry in entries:
        port = entry.get("port")
        number = "0" if port is None else str(port)
        found += _transport(number, entry.get("endPort"), str(entry.get("protocol") or "TCP"))
    return tuple(found)
