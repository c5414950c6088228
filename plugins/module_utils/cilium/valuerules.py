# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Rules that composed values must keep: those of every chart, those of one version, those of the cluster."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from .._errors import InvalidInput
from .podranges import CHART_MASK_SIZE, overlap, pod_networks
from .valuetree import at, switched_on

# The chart's own rule (templates/validate.yaml), enforced by it from 1.16 on.
CLUSTER_NAME = re.compile(r"^([a-z0-9][-a-z0-9]*)?[a-z0-9]$")
CLUSTER_NAME_MAX = 32
_STRICT_NAME = (1, 16)
"""The first minor that checks the name; only this one lets upgradeCompatibility skip the check."""
API_HOST = re.compile(r"^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]+|\[[0-9A-Fa-f:.]+\])$")
# Names that the cluster's own DNS answers, which needs a network first.
_SERVICE_NAME = re.compile(r"kubernetes(\.default(\.svc(\..+)?)?)?\.?", re.IGNORECASE)
_FIRST_AUTO_HOST = 18
_FIRST_MULTI_POOL_ON_AKS = 19


def check_rules(values: Mapping[str, Any]) -> None:
    """Raise InvalidInput for what every chart would refuse, or would silently misread."""
    _check_cluster_name(values)
    _check_routing(values)
    _check_pools(values)
    _check_hubble(values)
    _check_kube_proxy_replacement(values)
    _check_api_host(values)


def check_version_rules(values: Mapping[str, Any], version: str, minor: int) -> None:
    """Raise InvalidInput for what the chart of this version would refuse or misread, and others would not."""
    name = at(values, "cluster.name")
    if (1, minor) > _STRICT_NAME and isinstance(name, str) and not _is_cluster_name(name):
        raise InvalidInput(
            f"cluster_name={name!r} is no name for a Cilium cluster, and {version} does not take it for the sake of"
            " upgradeCompatibility any more.",
            option="cluster_name",
            code="InvalidClusterName",
            remedy="Stay on 1.16 until the cluster has a valid name; the identities of its pods carry the old one.",
        )
    if at(values, "k8sServiceHost") == "auto" and minor < _FIRST_AUTO_HOST:
        raise InvalidInput(
            f"k8s_service_host=auto needs Cilium 1.{_FIRST_AUTO_HOST} or later; chart_version is {version}.",
            option="k8s_service_host",
            code="AutoApiServerHostTooNew",
            remedy="Give the API server's name as the nodes reach it.",
        )
    on_aks = switched_on(values, "aksbyocni.enabled")
    if on_aks and at(values, "ipam.mode") == "multi-pool" and minor < _FIRST_MULTI_POOL_ON_AKS:
        raise InvalidInput(
            f"values.ipam.mode=multi-pool has no effect with mode=aks_byo_cni before 1.{_FIRST_MULTI_POOL_ON_AKS}:"
            f" the chart {version} uses cluster-pool all the same.",
            option="values",
            code="IpamModeIgnored",
            remedy="Leave ipam.mode out of values and give pod_cidr.",
        )


def check_api_host_in_cluster(values: Mapping[str, Any], services: Mapping[str, str]) -> None:
    """Refuse an API server address that is a Service address: only Cilium makes those reachable.

    services: what it is -> CIDR or address, as check_against_cluster takes them.
    """
    address = _address(at(values, "k8sServiceHost"))
    if address is None:
        return
    for what, text in services.items():
        if overlap(ipaddress.ip_network(address), ipaddress.ip_network(text, strict=False)):
            raise InvalidInput(
                f"k8s_service_host={address} belongs to {what} {text}: without kube-proxy only Cilium makes such an"
                " address reachable, and Cilium needs the API server first.",
                option="k8s_service_host",
                code="ApiServerHostIsService",
                remedy="Give the API server's name as the nodes reach it: on AKS the cluster's fqdn.",
            )


def advice(values: Mapping[str, Any]) -> list[str]:
    """Warnings about values that work, but not for long or not everywhere."""
    host = at(values, "k8sServiceHost")
    found = []
    if switched_on(values, "aksbyocni.enabled") and _address(host) is not None:
        found.append(
            f"k8s_service_host={host} is an address. AKS may change the address of its API server: use the cluster's"
            " fqdn (private_fqdn for a private cluster)."
        )
    return found


def _is_cluster_name(name: str) -> bool:
    return bool(CLUSTER_NAME.match(name)) and len(name) <= CLUSTER_NAME_MAX


def _check_cluster_name(values: Mapping[str, Any]) -> None:
    name = at(values, "cluster.name")
    if not isinstance(name, str):
        return
    if not name or not (_is_cluster_name(name) or _keeps_old_name(values)):
        raise InvalidInput(
            f"cluster_name={name!r} is no name for a Cilium cluster.",
            option="cluster_name",
            code="InvalidClusterName",
            remedy=f"Use at most {CLUSTER_NAME_MAX} characters of a-z, 0-9 and '-', with a letter or digit at both ends"
            " (the name of the AKS cluster may differ). A cluster that has its name since 1.15 or earlier keeps it up"
            " to 1.16 with values.upgradeCompatibility.",
        )
    if name == "default" and str(at(values, "cluster.id") or "0") != "0":
        raise InvalidInput(
            f"values.cluster.id={at(values, 'cluster.id')} needs a cluster_name other than 'default'.",
            option="cluster_name",
            code="InvalidClusterName",
            remedy="Give the cluster a name of its own.",
        )


def _keeps_old_name(values: Mapping[str, Any]) -> bool:
    """Whether upgradeCompatibility tells the chart that the cluster is older than the rule."""
    since = re.fullmatch(r"v?1\.(\d+)(\..*)?", str(at(values, "upgradeCompatibility") or ""))
    return since is not None and (1, int(since[1])) < _STRICT_NAME


def _check_routing(values: Mapping[str, Any]) -> None:
    """AKS without a network plugin routes no pod addresses. 1.14.0 takes any routingMode and writes both."""
    if not switched_on(values, "aksbyocni.enabled"):
        return
    routing = at(values, "routingMode")
    for path, wrong in (
        ("routingMode", routing not in (None, "", "tunnel")),
        ("tunnel", values.get("tunnel") == "disabled"),
    ):
        if wrong:
            raise InvalidInput(
                f"values.{path}={at(values, path)!r} contradicts mode=aks_byo_cni: pods reach each other through"
                " tunnels there.",
                option="values",
                code="RoutingModeNotPossible",
                remedy="Leave it out; tunnelProtocol (vxlan or geneve) may be chosen.",
            )


def _check_pools(values: Mapping[str, Any]) -> None:
    networks = pod_networks(values)
    mode = at(values, "ipam.mode")
    on_aks = switched_on(values, "aksbyocni.enabled")
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
    ui = switched_on(values, "hubble.ui.enabled") and not switched_on(values, "hubble.ui.standalone.enabled")
    if ui and not switched_on(values, "hubble.relay.enabled"):
        raise InvalidInput(
            "hubble_ui=true needs the relay: the chart refuses the user interface without it.",
            option="hubble_ui",
            code="HubbleUiNeedsRelay",
            remedy="Set hubble_relay to true.",
        )
    if switched_on(values, "hubble.relay.enabled") and at(values, "hubble.enabled") is False:
        raise InvalidInput(
            "hubble_relay=true contradicts values.hubble.enabled=false.",
            option="hubble_relay",
            code="HubbleRelayNeedsHubble",
            remedy="Leave hubble.enabled out of values.",
        )


def _check_kube_proxy_replacement(values: Mapping[str, Any]) -> None:
    if not switched_on(values, "kubeProxyReplacement") and at(values, "kubeProxyReplacement") != "strict":
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
    if not isinstance(host, str) or not host:
        return
    if host == "auto":
        if switched_on(values, "aksbyocni.enabled"):
            raise InvalidInput(
                "k8s_service_host=auto reads what kubeadm publishes (kube-public/cluster-info); AKS publishes nothing"
                " there.",
                option="k8s_service_host",
                code="AutoApiServerHostNotPossible",
                remedy="Give the cluster's fqdn.",
            )
        return
    if not API_HOST.match(host):
        raise InvalidInput(
            f"k8s_service_host={host!r} is neither a host name nor an address.",
            option="k8s_service_host",
            code="InvalidApiServerHost",
            remedy="Give the name alone, without https:// and port; the port is k8s_service_port.",
        )
    address = _address(host)
    local = host.rstrip(".").lower()
    if (
        local == "localhost"
        or local.endswith(".localhost")
        or (address and (address.is_loopback or address.is_unspecified))
    ):
        raise InvalidInput(
            f"k8s_service_host={host!r} is the node itself; on most nodes no API server answers there.",
            option="k8s_service_host",
            code="ApiServerHostIsLocal",
            remedy="Give the API server's name as the nodes reach it, not as this machine does.",
        )
    if _SERVICE_NAME.fullmatch(host):
        raise InvalidInput(
            f"k8s_service_host={host!r} is a name of the cluster's own DNS, which needs Cilium first.",
            option="k8s_service_host",
            code="ApiServerHostIsService",
            remedy="Give the API server's name as the nodes reach it: on AKS the cluster's fqdn.",
        )


def _address(host: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(str(host).strip("[]"))
    except ValueError:
        return None
