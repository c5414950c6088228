# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Names the policies that make a pod deny by default, read from the cluster when a result needs them."""

from __future__ import annotations

from .._errors import CollectionError
from .._types import Json
from ..hubble.flow import Flow
from ..kube.interface import Kube
from ..kube.kinds import CCNP, CNP, NAMESPACE, NETWORK_POLICY, POD
from .selecting import denying

DIRECTIONS = ("INGRESS", "EGRESS")


class Attribution:
    """Reads each object at most once. A credential that may not read policies gets no names, and no error.

    Cilium's endpoints are not asked: since 1.20 their objects no longer tell whether policies are enforced.
    """

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._policies: list[Json] | None = None
        self._pods: dict[tuple[str, str], dict[str, list[str]]] = {}
        self._unread: set[tuple[str, str]] = set()

    def of_flow(self, denial: Flow) -> list[str]:
        """The policies that make the denying end of a flow deny by default; empty when nobody knows."""
        peer = denial.destination if denial.direction == "INGRESS" else denial.source
        if not peer.pod or denial.direction not in DIRECTIONS:
            return []
        return self._by_direction(peer.namespace, peer.pod)[denial.direction]

    def of_pod(self, namespace: str, pod: str) -> Json:
        """Default deny at a pod: the policies for ingress and for egress, and whether they could be read."""
        found = self._by_direction(namespace, pod)
        return {
            "pod": f"{namespace}/{pod}",
            "ingress": found["INGRESS"],
            "egress": found["EGRESS"],
            "known": (namespace, pod) not in self._unread,
        }

    def _by_direction(self, namespace: str, pod: str) -> dict[str, list[str]]:
        if (namespace, pod) not in self._pods:
            try:
                self._pods[namespace, pod] = self._read(namespace, pod)
            except CollectionError:
                # Only names would be missing: whoever may exec need not be allowed to list policies.
                self._pods[namespace, pod] = {direction: [] for direction in DIRECTIONS}
                self._unread.add((namespace, pod))
        return self._pods[namespace, pod]

    def _read(self, namespace: str, pod: str) -> dict[str, list[str]]:
        pod_labels = self._labels(self._kube.get(POD, pod, namespace))
        namespace_labels = self._labels(self._kube.get(NAMESPACE, namespace))
        if self._policies is None:
            self._policies = [
                {**policy, "kind": kind.kind}
                for kind in (NETWORK_POLICY, CNP, CCNP)
                for policy in self._kube.list(kind)
            ]
        return {
            direction: denying(self._policies, namespace, pod_labels, namespace_labels, direction)
            for direction in DIRECTIONS
        }

    @staticmethod
    def _labels(document: Json | None) -> dict[str, str]:
        return ((document or {}).get("metadata") or {}).get("labels") or {}
