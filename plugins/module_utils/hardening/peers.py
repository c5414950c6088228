# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""How peers are written in Cilium's rules: pods, resolvers of DNS, addresses outside."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Any

from .._types import Json
from .joining import METADATA, WIRE_SERVER
from .model import ENTITY, Edge, Peer
from .owners import NAMESPACE_LABEL

NAMESPACE_KEY = f"k8s:{NAMESPACE_LABEL}"
DNS_PORT = 53
LOCAL_DNS = ("169.254.10.0/24", "169.254.20.10/32")
"""Where AKS LocalDNS and NodeLocal DNSCache listen; Cilium up to 1.16 sees an address, later versions the host."""
_DNS_APPS = ("kube-dns", "coredns", "node-local-dns", "nodelocaldns")
_LINK_LOCAL = ipaddress.ip_network("169.254.0.0/16")
ADDRESSES_PER_RULE = 16
"""More addresses without a name than this are no list of peers any more."""
EVERYWHERE: tuple[Json, ...] = (
    {"cidr": "0.0.0.0/0", "except": [f"{WIRE_SERVER}/32", f"{METADATA[0]}/32"]},
    {"cidr": "::/0", "except": [f"{METADATA[1]}/128"]},
)
"""Every address outside but those that give out credentials, which take an approval of their own."""
_DNS_NAME = re.compile(r"(?=.{1,255}\Z)[-a-z0-9_]+(\.[-a-z0-9_]+)*")
_NO_PUBLIC_NAME = (".cluster.local", ".svc", ".in-addr.arpa")


def peer_selector(namespace: str, selector: Json) -> Json:
    """A workload's selector as a peer: with the namespace, which a peer's selector must always carry."""
    labels = {**selector.get("matchLabels", {}), NAMESPACE_KEY: namespace}
    return {**selector, "matchLabels": dict(sorted(labels.items()))}


def dns_ports(dns: Json) -> list[tuple[str, int]]:
    """Ports of the resolver's pods as (protocol, port), both protocols: long answers come over TCP."""
    ports = {int(port["port"]) for port in dns.get("ports") or ()} or {DNS_PORT}
    return [(protocol, port) for port in sorted(ports) for protocol in ("TCP", "UDP")]


def is_resolver(edge: Edge, dns: Json) -> bool:
    """Whether an edge is a question to the cluster's own DNS."""
    if (edge.protocol, edge.port) not in dns_ports(dns) and edge.port != DNS_PORT:
        return False
    peer = edge.destination
    if peer.workload is not None:
        labels = dict(peer.labels)
        wanted = (dns.get("labels") or {}).items()
        if peer.workload.namespace != (dns.get("namespace") or "kube-system"):
            return False
        return bool(wanted and wanted <= labels.items()) or labels.get("k8s-app") in _DNS_APPS
    if peer.kind == ENTITY:
        return peer.entity == "host"
    return _is_link_local(peer.address)


def resolvers(destinations: Iterable[tuple[Peer, Json | None]], dns: Json) -> list[Json]:
    """The peers of DNS rules, one kind in each, for the resolvers that were seen; the platform's where none was.

    destinations: peers of DNS edges with the selectors of those that are pods.
    """
    selectors: list[Json] = []
    on_node = (dns.get("path") or "") in ("localdns", "node-local-dns")
    for peer, selector in destinations:
        if peer.workload is None:
            on_node = True
        elif selector is not None and (found := peer_selector(peer.workload.namespace, selector)) not in selectors:
            selectors.append(found)
    if not selectors and not on_node:
        labels = dict(dns.get("labels") or {"k8s-app": "kube-dns"})
        selectors.append(peer_selector(dns.get("namespace") or "kube-system", {"matchLabels": labels}))
    rules: list[Json] = []
    if selectors:
        rules.append({"toEndpoints": sorted(selectors, key=lambda selector: sorted(selector["matchLabels"].items()))})
    if on_node:
        rules += [{"toCIDR": list(LOCAL_DNS)}, {"toEntities": ["host"]}]
    return rules


def networks_of(addresses: Iterable[str], ranges: Sequence[str]) -> list[str] | None:
    """CIDRs for addresses without a name: the configured ranges that hold them, else the addresses themselves.

    An IPv6 address is a /128. None: an address is unknown, or they are too many to be a list.
    """
    wide = [ipaddress.ip_network(text) for text in ranges]
    found: set[Any] = set()
    single: set[Any] = set()
    for text in addresses:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return None
        holding = [network for network in wide if address in network]
        if holding:
            found.add(max(holding, key=lambda network: network.prefixlen))
        else:
            single.add(ipaddress.ip_network(address))
    if len(single) > ADDRESSES_PER_RULE:
        return None
    merged: list[str] = []
    for version in (4, 6):
        merged += map(str, ipaddress.collapse_addresses(one for one in found | single if one.version == version))
    return merged


def public_names(peer: Peer) -> list[str]:
    """Names that a rule can use: none that Cilium refuses, none of the cluster's own domain (those are Services)."""
    return [name for name in peer.names if _DNS_NAME.fullmatch(name) and not name.endswith(_NO_PUBLIC_NAME)]


def _is_link_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in _LINK_LOCAL
    except ValueError:
        return False
