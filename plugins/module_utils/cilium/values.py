# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Composes the user values of the Cilium chart for a mode, and checks what can be checked without the chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .._types import Json
from .podranges import parse_networks
from .valuerules import advice, check_rules
from .valuetree import at, canonical, deep_merge, put

MODES = ("aks_byo_cni", "kubeadm", "plain")


@dataclass(frozen=True)
class Wish:
    """What the user asked for. None: not given, so the chart's default (or the live value) holds."""

    mode: str
    cluster_name: str | None = None
    pod_cidrs: Sequence[str] = ()
    mask_size: int | None = None
    kube_proxy_replacement: bool | None = None
    api_host: str | None = None
    api_port: int | None = None
    operator_replicas: int | None = None
    hubble_relay: bool | None = None
    hubble_ui: bool | None = None
    overlay: Json = field(default_factory=dict)


def compose(wish: Wish) -> Json:
    """The user values: those of the mode, of the named options, and the user's overlay over both.

    Raises InvalidInput for a combination that every chart would refuse or would silently misread.
    """
    values = deep_merge(_of_options(wish), wish.overlay)
    check_rules(values)
    return values


def warnings_of(wish: Wish) -> list[str]:
    """What to warn of: named options that `values` overrules, and values that work but not for long."""
    options = _of_options(wish)
    found = []
    for option, paths in _NAMES.items():
        for path in paths:
            named, overlaid = at(options, path), at(wish.overlay, path)
            if named is not None and overlaid is not None and not _mean_the_same(named, overlaid):
                found.append(
                    f"values.{path}={overlaid!r} overrules {option} ({named!r}). Give it once, best as {option}."
                )
    return found + advice(deep_merge(options, wish.overlay))


def _mean_the_same(one: object, other: object) -> bool:
    """Whether two values are equal once templating's texts are brought to the chart's types."""
    scalars = not isinstance(one, (list, dict)) and not isinstance(other, (list, dict))
    return canonical(one) == canonical(other) or (scalars and str(one).lower() == str(other).strip().lower())


# Which values an option makes.
_NAMES = {
    "mode": ("aksbyocni.enabled",),
    "pod_cidr": ("ipam.operator.clusterPoolIPv4PodCIDRList", "ipam.operator.clusterPoolIPv6PodCIDRList", "ipam.mode"),
    "pod_cidr_mask_size": ("ipam.operator.clusterPoolIPv4MaskSize",),
    "cluster_name": ("cluster.name",),
    "kube_proxy_replacement": ("kubeProxyReplacement",),
    "k8s_service_host": ("k8sServiceHost",),
    "k8s_service_port": ("k8sServicePort",),
    "operator_replicas": ("operator.replicas",),
    "hubble_relay": ("hubble.relay.enabled",),
    "hubble_ui": ("hubble.ui.enabled",),
}


def _of_options(wish: Wish) -> Json:
    values: Json = {}
    put(values, "aksbyocni.enabled", True if wish.mode == "aks_byo_cni" else None)
    if wish.mode == "kubeadm" and not wish.pod_cidrs:
        put(values, "ipam.mode", "kubernetes")
    elif wish.mode != "aks_byo_cni" and wish.pod_cidrs:
        put(values, "ipam.mode", "cluster-pool")
    for version, pool in ((4, "IPv4"), (6, "IPv6")):
        networks = [str(network) for network in parse_networks(wish.pod_cidrs) if network.version == version]
        put(values, f"ipam.operator.clusterPool{pool}PodCIDRList", networks or None)
    named: dict[str, Any] = {
        "pod_cidr_mask_size": wish.mask_size,
        "cluster_name": wish.cluster_name,
        "kube_proxy_replacement": wish.kube_proxy_replacement,
        "k8s_service_host": wish.api_host,
        "k8s_service_port": wish.api_port,
        "operator_replicas": wish.operator_replicas,
        "hubble_relay": wish.hubble_relay,
        "hubble_ui": wish.hubble_ui,
    }
    for option, value in named.items():
        put(values, _NAMES[option][0], value)
    # Without these a changed setting reaches the ConfigMap, but no running pod.
    put(values, "rollOutCiliumPods", True)
    put(values, "operator.rollOutPods", True)
    put(values, "hubble.relay.rollOutPods", True if wish.hubble_relay else None)
    return values
