# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What a cluster allows the hardening to do: what it lacks is an error that says what is possible, the rest is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._errors import Conflict, Unsupported
from .._text import agree, counted
from .._types import Json
from ..cilium.policy import is_ours
from .marks import PREFIX
from .model import Inventory

_BY_FLOWS = (
    "From flows that you record by other means, network_policy_recommend makes policies and network_policy_prove"
    " proves them offline."
)


def require_capable(platform: Mapping[str, Any]) -> None:
    """Raise Unsupported where observation or shadow cannot work. platform: as read_platform() tells it."""
    if platform.get("manager") == "none":
        raise Unsupported(
            "No running Cilium was found on this cluster.",
            code="NoCilium",
            remedy="Install it first: ansible-playbook playbooks/cilium.yml",
        )
    if not platform.get("default_deny_field"):
        raise Unsupported(
            f"Cilium {platform.get('cilium_version') or '(unknown version)'} is older than 1.16: its policies have no"
            " enableDefaultDeny, so nothing can be observed or soaked without denying.",
            code="NoShadow",
            remedy=f"Upgrade Cilium to 1.16 or later. Until then: policy_hardening_mode=scenario. {_BY_FLOWS}",
        )
    if not platform.get("relay"):
        managed = platform.get("manager") == "aks"
        how = (
            "On AKS it comes with Advanced Container Networking Services: az aks update --enable-acns"
            if managed
            else "Install it: hubble_relay=true of the module cilium"
        )
        raise Unsupported(
            "There is no Hubble relay on this cluster, so what workloads do cannot be seen.",
            code="NoRelay",
            remedy=f"{how}. Until then: policy_hardening_mode=scenario. {_BY_FLOWS}",
        )


def require_names_free(namespaces: Sequence[str], policies: Iterable[Json]) -> None:
    """Raise Conflict for policies that have names of ours and that others made: they are never overwritten."""
    foreign = []
    for policy in policies:
        metadata = policy["metadata"]
        if metadata.get("namespace") in namespaces and metadata["name"].startswith(PREFIX) and not is_ours(policy):
            foreign.append(f"{policy['kind']} {metadata['namespace']}/{metadata['name']}")
    if foreign:
        raise Conflict(
            f"Policies with names of ours that this collection did not make: {', '.join(foreign)}.",
            code="PolicyNotOurs",
            target=foreign[0],
            remedy="Rename or remove them; nothing was changed.",
        )


def capability_lines(platform: Mapping[str, Any], namespaces: Sequence[str], policies: Sequence[Json]) -> list[str]:
    """What the cluster can do, for a person."""
    dns = platform.get("dns") or {}
    fqdn = "rules by name are possible" if platform.get("fqdn_policies") else "no rules by name (they need ACNS on AKS)"
    managers = {"aks": "managed by AKS", "helm": "installed by Helm", "other": "installed by other means"}
    there = sum((policy["metadata"].get("namespace") or namespaces[0]) in namespaces for policy in policies)
    return [
        f"Cilium {platform.get('cilium_version') or '(unknown version)'}, "
        f"{managers.get(str(platform.get('manager')), 'of unknown origin')}; {fqdn}",
        f"DNS through {dns.get('path') or 'an unknown resolver'}: {dns.get('namespace')}/{dns.get('service')}",
        f"namespaces {', '.join(namespaces)}: {counted(there, 'policy')} {agree(there, 'is', 'are')} there",
    ]


def limits(inventory: Inventory, namespaces: Sequence[str]) -> list[str]:
    """What policies cannot reach or must take care of, one sentence each."""
    found = [
        f"{facts.workload.text} uses the host's network: no policy can select its pods."
        for facts in inventory.workloads
        if facts.host_network and facts.workload.namespace in namespaces
    ]
    found += [
        f"Service {service.namespace}/{service.name} ({service.type}) may hand on clients of other nodes as"
        " remote-node: its policy needs world and remote-node (externalTrafficPolicy is not Local)."
        for service in inventory.services
        if service.namespace in namespaces
        and service.type in ("LoadBalancer", "NodePort")
        and service.external_traffic_policy != "Local"
    ]
    return found
