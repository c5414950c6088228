# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The listening policy: blocks nothing, and makes each first packet report a verdict with the names of its peers."""

from __future__ import annotations

from .._types import Json
from ..cilium.policy import OWNER, OWNER_LABEL
from .marks import LISTEN, LISTEN_ROLE, ROLE_LABEL
from .peers import dns_ports, resolvers

# A label that no pod has: the agent reports verdicts of a direction only where some rule of it exists.
_NOBODY = {"cloudnet.aks-cilium/nobody": "none"}


def listening_policy(namespace: str, dns: Json, *, names: bool = True) -> Json:
    """For all pods of a namespace. dns: as the platform's detection gives it; names: the DNS proxy may be used.

    Without names there is no rule of layer 7 (managed Cilium without ACNS refuses it), and no DNS names in the flows.
    """
    ports: Json = {"ports": [{"port": str(port), "protocol": protocol} for protocol, port in dns_ports(dns)]}
    if names:
        ports["rules"] = {"dns": [{"matchPattern": "*"}]}
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {
            "name": LISTEN,
            "namespace": namespace,
            "labels": {OWNER_LABEL: OWNER, ROLE_LABEL: LISTEN_ROLE},
        },
        "spec": {
            "description": "Blocks nothing. With it the first packet of each connection reports its verdict to Hubble.",
            "endpointSelector": {},
            "enableDefaultDeny": {"ingress": False, "egress": False},
            "ingress": [{"fromEndpoints": [{"matchLabels": dict(_NOBODY)}]}],
            "egress": [{**peers, "toPorts": [ports]} for peers in resolvers([], dns)],
        },
    }
