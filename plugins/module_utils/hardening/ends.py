# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The ends of flows: pods, reserved identities, addresses outside. Remembers each pod, so that a flow costs little."""

from __future__ import annotations

from typing import Any, TypeAlias

from .._types import Json
from ..hubble.names import IDENTITIES
from .joining import address_text
from .model import ENTITY, WORLD, Inventory, Peer
from .owners import Owners

World = tuple[str, tuple[str, ...]]
"""An address outside and its names."""
# A text, because sanity tests read this file with older Pythons as well.
End: TypeAlias = "int | World"

# In this order: the API server is also a node, and outside of the cluster it is also the world.
_ENTITIES = ("kube-apiserver", "host", "remote-node", "health", "ingress", "init", "unmanaged")
_ENTITY_NUMBERS = {number: name for number, name in IDENTITIES.items() if name in _ENTITIES}
_WORLD_NUMBERS = frozenset((2, 9, 10))
_LOCAL_IDENTITY = 1 << 24
"""From here on identities are those of addresses, and each node numbers them by itself."""


class Ends:
    """Turns an end of a flow into a number for what is remembered, or into (address, names) for the outside."""

    def __init__(self, inventory: Inventory) -> None:
        self._owners = Owners(inventory)
        self._known: dict[tuple[Any, ...], Any] = {}
        self._peers: list[Peer] = []
        self._numbers: dict[Peer, int] = {}

    def source(self, flow: Json) -> End | None:
        """Who opened the connection; None where the flow does not say."""
        return self._end(flow, "source", False)

    def destination(self, flow: Json) -> End | None:
        """Who was asked, with the DNS names that the asking pod knows the address by."""
        return self._end(flow, "destination", True)

    def is_untranslated(self, flow: Json) -> bool:
        """Whether the destination is still the address of a Service, not yet the pod or node behind it."""
        end = flow.get("destination") or {}
        return not end.get("pod_name") and not end.get("workloads") and self._entity(end) in ("", WORLD)

    def peer_of(self, end: End) -> Peer:
        """The peer behind what source() and destination() gave."""
        if isinstance(end, int):
            return self._peers[end]
        return Peer(WORLD, address=end[0], names=end[1])

    def _end(self, flow: Json, side: str, with_names: bool) -> End | None:
        endpoint = flow.get(side) or {}
        labels = endpoint.get("labels") or ()
        key = (side, endpoint.get("identity"), endpoint.get("pod_name"), endpoint.get("namespace"), *labels)
        known: Any = self._known.get(key)
        if known is None:
            known = self._known_end(endpoint, side)
            # Identities of addresses are many and cheap to tell.
            if known != WORLD:
                self._known[key] = known
        if known == WORLD:
            address = address_text(str((flow.get("IP") or {}).get(side) or ""))
            return address, _names(flow.get(f"{side}_names")) if with_names else ()
        return None if known < 0 else int(known)

    def _known_end(self, endpoint: Json, side: str) -> int | str:
        """The number of the peer; WORLD for the outside; -1 for what cannot be told."""
        entity = self._entity(endpoint)
        if side == "source" and "reserved:host" in (endpoint.get("labels") or ()):
            # Also where the API server runs: what the own node opens is always let in.
            entity = "host"
        if entity == WORLD:
            return WORLD
        if entity:
            return self._number(Peer(ENTITY, entity=entity))
        labels = endpoint.get("labels") or ()
        namespace = str(endpoint.get("namespace") or "")
        peer = self._owners.peer(
            namespace, str(endpoint.get("pod_name") or ""), labels, endpoint.get("workloads") or ()
        )
        if peer.workload is None or not peer.workload.namespace:
            return -1
        return self._number(peer)

    @staticmethod
    def _entity(endpoint: Json) -> str:
        """host, world and so on; empty for a pod and for what is unknown."""
        reserved = {str(label)[9:] for label in endpoint.get("labels") or () if str(label).startswith("reserved:")}
        for name in _ENTITIES:
            if name in reserved:
                return name
        if any(name.startswith("world") for name in reserved):
            return WORLD
        if endpoint.get("labels") or endpoint.get("pod_name"):
            is_address = not endpoint.get("pod_name") and int(endpoint.get("identity") or 0) >= _LOCAL_IDENTITY
            return WORLD if is_address else ""
        identity = int(endpoint.get("identity") or 0)
        if identity in _WORLD_NUMBERS or identity >= _LOCAL_IDENTITY:
            return WORLD
        return _ENTITY_NUMBERS.get(identity, "")

    def _number(self, peer: Peer) -> int:
        number = self._numbers.get(peer)
        if number is None:
            number = self._numbers[peer] = len(self._peers)
            self._peers.append(peer)
        return number


def _names(names: object) -> tuple[str, ...]:
    """DNS names as policies write them: lower case, without the last dot, each once, sorted."""
    if not isinstance(names, (list, tuple)) or not names:
        return ()
    return tuple(sorted({str(name).rstrip(".").lower() for name in names} - {""}))
