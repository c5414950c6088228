# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Composes the user values of the Cilium chart for a mode, and checks what can be checked without the chart."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .._errors import InvalidInput
from .._types import MASK, Json

MODES = ("aks_byo_cni", "kubeadm", "plain")

# The chart's own rule (templates/validate.yaml), enforced by it from 1.16 on.
CLUSTER_NAME = re.compile(r"^([a-z0-9][-a-z0-9]*)?[a-z0-9]$")
CLUSTER_NAME_MAX = 32
API_HOST = re.compile(r"^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]+|\[[0-9A-Fa-f:.]+\])$")
CHART_MASK_SIZE = 24
"""The chart's default for ipam.operator.clusterPoolIPv4MaskSize."""

# A text, because sanity tests read this file with older Pythons as well.
Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

# Of the chart's values only these carry key material or passwords; `key` alone also names taints, so it
# counts as secret only beside a certificate (`tls`).
_SECRET_NAME = re.compile(r"password|passwd|token|client_?secret$|private_?key|secret_?key|preshared", re.IGNORECASE)


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


def deep_merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> Json:
    """As helm merges values files: maps are joined, everything else of the overlay replaces."""
    merged = dict(base)
    for key, value in overlay.items():
        below = merged.get(key)
        merged[key] = deep_merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def at(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, None when any part is missing."""
    found: Any = values
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def compose(wish: Wish) -> Json:
    """The user values: those of the mode, of the named options, and the user's overlay over both.

    Raises InvalidInput for a combination that the chart would refuse or would silently misread.
    """
    values: Json = {}
    if wish.mode == "aks_byo_cni":
        _put(values, "aksbyocni.enabled", True)
    if wish.mode == "kubeadm" and not wish.pod_cidrs:
        _put(values, "ipam.mode", "kubernetes")
    elif wish.mode != "aks_byo_cni" and wish.pod_cidrs:
        _put(values, "ipam.mode", "cluster-pool")
    for version, pool in ((4, "IPv4"), (6, "IPv6")):
        networks = [str(network) for network in parse_networks(wish.pod_cidrs) if network.version == version]
        if networks:
            _put(values, f"ipam.operator.clusterPool{pool}PodCIDRList", networks)
    _put(values, "ipam.operator.clusterPoolIPv4MaskSize", wish.mask_size)
    _put(values, "cluster.name", wish.cluster_name)
    _put(values, "kubeProxyReplacement", wish.kube_proxy_replacement)
    _put(values, "k8sServiceHost", wish.api_host)
    _put(values, "k8sServicePort", wish.api_port)
    _put(values, "operator.replicas", wish.operator_replicas)
    _put(values, "hubble.relay.enabled", wish.hubble_relay)
    _put(values, "hubble.ui.enabled", wish.hubble_ui)
    # Without these a changed setting reaches the ConfigMap, but no running pod.
    _put(values, "rollOutCiliumPods", True)
    _put(values, "operator.rollOutPods", True)
    _put(values, "hubble.relay.rollOutPods", True if wish.hubble_relay else None)
    values = deep_merge(values, wish.overlay)
    _check_cluster_name(values)
    _check_pools(values)
    _check_hubble(values)
    _check_kube_proxy_replacement(values)
    _check_api_host(values)
    return values


def _put(values: Json, path: str, value: object) -> None:
    """Set a value at a dotted path; None means not given."""
    if value is None:
        return
    *parents, last = path.split(".")
    for part in parents:
        values = values.setdefault(part, {})
    values[last] = value


def parse_networks(texts: Iterable[str], *, option: str = "pod_cidr") -> list[Network]:
    """Networks from their CIDR texts; InvalidInput for one that is none or has host bits set."""
    networks = []
    for text in texts:
        try:
            if "/" not in text:
                raise ValueError("the length of the prefix is missing")
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise InvalidInput(
                f"{option}={text!r} is not a network: {error}.",
                option=option,
                code="InvalidPodCidr",
                remedy="Write it as 10.244.0.0/16.",
            ) from error
    return networks


def pod_networks(values: Mapping[str, Any]) -> list[Network]:
    """The pod networks that the operator hands out by these values; empty when it hands out none of ours."""
    found: list[Network] = []
    for pool in ("IPv4", "IPv6"):
        path = f"ipam.operator.clusterPool{pool}PodCIDRList"
        listed = at(values, path)
        texts = listed.split() if isinstance(listed, str) else listed
        if isinstance(texts, list):
            found += parse_networks([str(text) for text in texts], option=f"values.{path}")
    return found


def _check_cluster_name(values: Mapping[str, Any]) -> None:
    name = at(values, "cluster.name")
    if not isinstance(name, str):
        return
    if not CLUSTER_NAME.match(name) or len(name) > CLUSTER_NAME_MAX:
        raise InvalidInput(
            f"cluster_name={name!r} is no name for a Cilium cluster.",
            option="cluster_name",
            code="InvalidClusterName",
            remedy=f"Use at most {CLUSTER_NAME_MAX} characters of a-z, 0-9 and '-', with a letter or digit at both ends"
            " (the name of the AKS cluster may differ).",
        )


def _check_pools(values: Mapping[str, Any]) -> None:
    networks = pod_networks(values)
    mode = at(values, "ipam.mode")
    on_aks = at(values, "aksbyocni.enabled") is True
    if on_aks and mode not in (None, "cluster-pool", "multi-pool"):
        raise InvalidInput(
            f"values.ipam.mode={mode!r} has no effect with mode=aks_byo_cni: the chart leaves the setting out.",
            option="values",
            code="IpamModeIgnored",
            remedy="Leave ipam.mode out of values, or set mode to kubeadm or plain.",
        )
    if on_aks and mode != "multi-pool" and not any(n.version == 4 for n in networks):
        raise InvalidInput(
            "pod_cidr is missing: without it the chart takes pods from 10.0.0.0/8, which overlaps the usual ranges of"
            " nodes and services on AKS.",
            option="pod_cidr",
            code="PodCidrMissing",
            remedy="Give a range that nothing else uses, for example 10.244.0.0/16.",
        )
    for index, network in enumerate(networks):
        other = next((n for n in networks[:index] if overlap(n, network)), None)
        if other is not None:
            raise InvalidInput(
                f"pod_cidr: {network} overlaps {other}.",
                option="pod_cidr",
                code="PodCidrOverlap",
                remedy="Leave one out.",
            )
    mask = at(values, "ipam.operator.clusterPoolIPv4MaskSize")
    size = mask if isinstance(mask, int) and not isinstance(mask, bool) else CHART_MASK_SIZE
    for network in networks:
        if network.version == 4 and not network.prefixlen <= size <= 30:
            raise InvalidInput(
                f"pod_cidr_mask_size={size} does not fit pod_cidr={network}: every node gets a /{size} out of it.",
                option="pod_cidr_mask_size",
                code="InvalidMaskSize",
                remedy=f"Use a size from {network.prefixlen} to 30, or a larger pod_cidr.",
            )


def _check_hubble(values: Mapping[str, Any]) -> None:
    ui = at(values, "hubble.ui.enabled") is True and at(values, "hubble.ui.standalone.enabled") is not True
    if ui and at(values, "hubble.relay.enabled") is not True:
        raise InvalidInput(
            "hubble_ui=true needs the relay: the chart refuses the user interface without it.",
            option="hubble_ui",
            code="HubbleUiNeedsRelay",
            remedy="Set hubble_relay to true.",
        )
    if at(values, "hubble.relay.enabled") is True and at(values, "hubble.enabled") is False:
        raise InvalidInput(
            "hubble_relay=true contradicts values.hubble.enabled=false.",
            option="hubble_relay",
            code="HubbleRelayNeedsHubble",
            remedy="Leave hubble.enabled out of values.",
        )


def _check_kube_proxy_replacement(values: Mapping[str, Any]) -> None:
    if at(values, "kubeProxyReplacement") not in (True, "true"):
        return
    if not at(values, "k8sServiceHost") and not at(values, "k8sServiceHostRef.name"):
        raise InvalidInput(
            "kube_proxy_replacement=true needs k8s_service_host: without kube-proxy the agents cannot reach the API"
            " server through its Service.",
            option="k8s_service_host",
            code="ApiServerHostMissing",
            remedy="Give the API server's name as the nodes reach it, and k8s_service_port: on AKS the fqdn and 443.",
        )


def _check_api_host(values: Mapping[str, Any]) -> None:
    """A URL here would leave the agents without API server, on nodes that then lose their network."""
    host = at(values, "k8sServiceHost")
    if isinstance(host, str) and host and host != "auto" and not API_HOST.match(host):
        raise InvalidInput(
            f"k8s_service_host={host!r} is neither a host name nor an address.",
            option="k8s_service_host",
            code="InvalidApiServerHost",
            remedy="Give the name alone, without https:// and port; the port is k8s_service_port.",
        )


def check_pools_kept(installed: Mapping[str, Any], wished: Mapping[str, Any]) -> None:
    """Refuse to take a pod range, or the size of the nodes' shares, away from a running installation.

    Cilium's documentation of ipam.operator: existing elements of the lists must never change, a new range is appended,
    and the mask size is fixed. Nodes keep their old ranges, so addresses would be handed out twice or not at all.
    """
    kept = pod_networks(wished)
    gone = [str(network) for network in pod_networks(installed) if network not in kept]
    if gone:
        raise InvalidInput(
            f"pod_cidr: the installed release hands out {', '.join(gone)}, and running pods have addresses of it.",
            option="pod_cidr",
            code="PodCidrInUse",
            remedy="Keep it and append the new range, or uninstall Cilium first (state=absent).",
        )
    path = "ipam.operator.clusterPoolIPv4MaskSize"
    before, after = (at(values, path) or CHART_MASK_SIZE for values in (installed, wished))
    if kept and before != after:
        raise InvalidInput(
            f"pod_cidr_mask_size={after}: the nodes of the installed release have shares of /{before}.",
            option="pod_cidr_mask_size",
            code="MaskSizeInUse",
            remedy=f"Keep {before}, or uninstall Cilium first (state=absent).",
        )


def overlap(one: Network, other: Network) -> bool:
    """Whether two networks share an address; networks of different families never do."""
    if isinstance(one, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network):
        return one.overlaps(other)
    if isinstance(one, ipaddress.IPv6Network) and isinstance(other, ipaddress.IPv6Network):
        return one.overlaps(other)
    return False


def check_against_cluster(
    pods: Sequence[Network], *, services: Mapping[str, str], node_addresses: Mapping[str, str]
) -> None:
    """Refuse pod networks that contain a Service range or address, or a node.

    services: what it is -> CIDR or address; node_addresses: node -> InternalIP.
    """
    for pod_network in pods:
        for what, text in services.items():
            if overlap(pod_network, ipaddress.ip_network(text, strict=False)):
                raise InvalidInput(
                    f"pod_cidr={pod_network} overlaps {what} {text} of the cluster.",
                    option="pod_cidr",
                    code="PodCidrOverlapsServices",
                    remedy="Choose another range for the pods.",
                )
        for node, address in node_addresses.items():
            if overlap(pod_network, ipaddress.ip_network(address)):
                raise InvalidInput(
                    f"pod_cidr={pod_network} contains {address}, the address of node {node}.",
                    option="pod_cidr",
                    code="PodCidrOverlapsNodes",
                    remedy="Choose a range outside of the nodes' network.",
                )


def canonical(value: Any) -> str:
    """A text that is equal exactly for equal values: 1, 1.0 and true are not confused as Python would, but 1 and 1.0
    are the same number, since helm stores numbers as JSON.
    """

    def plain(item: Any) -> Any:
        if isinstance(item, Mapping):
            return {str(key): plain(below) for key, below in item.items()}
        if isinstance(item, (list, tuple)):
            return [plain(below) for below in item]
        if isinstance(item, float) and item.is_integer():
            return int(item)
        return item

    return json.dumps(plain(value), sort_keys=True, default=str)


def masked(values: Mapping[str, Any]) -> Json:
    """The values with passwords and private keys hidden, for results and diffs."""
    shown: Json = _walk(values, (), [])
    return shown


def secrets_of(values: Mapping[str, Any]) -> list[str]:
    """The texts that masked() hides, so that they can be kept out of all output."""
    found: list[str] = []
    _walk(values, (), found)
    return found


def _walk(value: Any, path: tuple[str, ...], found: list[str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _walk(below, (*path, str(key)), found) for key, below in value.items()}
    if isinstance(value, (list, tuple)):
        return [_walk(below, path, found) for below in value]
    if isinstance(value, str) and value and path and _is_secret(path, value):
        found.append(value)
        return MASK
    return value


def _is_secret(path: tuple[str, ...], value: str) -> bool:
    name = path[-1]
    return bool(_SECRET_NAME.search(name) or (name == "key" and "tls" in path[:-1]) or "PRIVATE KEY-----" in value)
