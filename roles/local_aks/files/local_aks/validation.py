# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the resource provider refuses, with its codes. Texts marked "own words" were never recorded."""

from __future__ import annotations

import ipaddress
import re

from .errors import ArmError, Json, bad_request, invalid_parameter
from .versions import Versions, check_skew, numbers

CLUSTER_NAME = re.compile(r"[a-zA-Z0-9]([-_a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
GROUP_NAME = re.compile(r"[-\w._()]{0,89}[-\w_()]")
DNS_PREFIX = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,52}[a-zA-Z0-9])?")
LINUX_POOL = re.compile(r"[a-z][a-z0-9]{0,11}")
WINDOWS_POOL = re.compile(r"[a-z][a-z0-9]{0,5}")
# Refused for pods since 2026-05, beside the ranges of the cluster itself.
RESERVED = ("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24")
ALLOWED = {
    "networkPlugin": ("azure", "kubenet", "none"),
    "networkPluginMode": ("overlay",),
    "networkPolicy": ("none", "calico", "azure", "cilium"),
    "networkDataplane": ("azure", "cilium"),
    "outboundType": ("loadBalancer", "userDefinedRouting", "managedNATGateway", "userAssignedNATGateway", "none"),
    "loadBalancerSku": ("standard", "basic"),
}


def group_name(name: str) -> None:
    """Refuse a name that no resource group can have."""
    if not GROUP_NAME.fullmatch(name):
        bad = sorted({char for char in name if not re.match(r"[-\w._()]", char)}) or [name[-1:]]
        listed = ",".join(bad)
        message = (
            f"The provided resource group name '{name}' has these invalid characters: '{listed}'. The name can only "
            "be a letter, digit, '-', '.', '(', ')' or '_', and cannot end with '.'."
        )
        raise ArmError(400, "InvalidResourceGroup", message, gateway=True)


def cluster_name(name: str) -> None:
    """Refuse a name that no managed cluster can have."""
    if not CLUSTER_NAME.fullmatch(name):
        message = (
            f"The resource name '{name}' is invalid. It must be 1 to 63 characters, start and end with a letter or "
            "number, and contain only letters, numbers, underscores and hyphens."
        )
        raise ArmError(400, "InvalidResourceName", message, target="resourceName")


def request_body(body: Json) -> None:
    """What a PUT must contain before its details matter."""
    if not body.get("location"):
        message = "The location property is required for this definition."
        raise ArmError(400, "LocationRequired", message, gateway=True)
    properties = body.get("properties")
    if not isinstance(properties, dict) or not properties.get("agentPoolProfiles"):
        raise ArmError(
            400,
            "InvalidParameter",
            "Required parameter agentPoolProfiles is missing (null).",
            target="agentPoolProfiles",
        )
    shapes(body, properties)
    prefix = properties.get("dnsPrefix") or properties.get("fqdnSubdomain")
    if not prefix:
        raise ArmError(400, "InvalidParameter", "Required parameter dnsPrefix is missing (null).", target="dnsPrefix")
    if not DNS_PREFIX.fullmatch(prefix):
        raise invalid_parameter(
            "dnsPrefix",
            "Must contain only letters, numbers and hyphens, begin and end with a "
            "letter or number, and have at most 54 characters.",
        )


def shapes(body: Json, properties: Json) -> None:
    """Objects must be objects, and pools must have names, before anything is read from them."""
    profile = properties.get("networkProfile") or {}
    objects = {
        "identity": body.get("identity"),
        "sku": body.get("sku"),
        "tags": body.get("tags"),
        "properties.networkProfile": profile,
        "properties.oidcIssuerProfile": properties.get("oidcIssuerProfile"),
        "properties.linuxProfile": properties.get("linuxProfile"),
    }
    if isinstance(profile, dict):
        advanced = profile.get("advancedNetworking")
        objects["properties.networkProfile.advancedNetworking"] = advanced
        if isinstance(advanced, dict):
            for part in ("observability", "security", "performance"):
                objects[f"properties.networkProfile.advancedNetworking.{part}"] = advanced.get(part)
    wrong = [name for name, value in objects.items() if value is not None and not isinstance(value, dict)]
    pools = properties["agentPoolProfiles"]
    if not isinstance(pools, list) or not all(isinstance(pool, dict) for pool in pools):
        wrong.append("properties.agentPoolProfiles")
    if wrong:
        message = f"The request content was invalid and could not be deserialized: '{wrong[0]}' has the wrong type."
        raise ArmError(400, "InvalidRequestContent", message, gateway=True)
    if not all(pool.get("name") for pool in pools):
        message = "Required parameter agentPoolProfile.name is missing (null)."
        raise ArmError(400, "InvalidParameter", message, target="agentPoolProfile.name")


def cluster(properties: Json, versions: Versions) -> None:
    """Refuse a cluster (defaults filled in) that AKS would refuse."""
    control_plane = versions.resolve(properties["kubernetesVersion"], properties["currentKubernetesVersion"])
    network(properties["networkProfile"], control_plane)
    pools(properties["agentPoolProfiles"], properties["networkProfile"])
    for pool in properties["agentPoolProfiles"]:
        # The pools of a new cluster are as old as it is; later ones may not be newer than what runs.
        check_skew(versions.resolve(pool["orchestratorVersion"], pool["currentOrchestratorVersion"]), control_plane)


def network(profile: Json, version: str) -> None:
    """Plugin, policy and dataplane must fit; address ranges must not collide."""
    for key, values in ALLOWED.items():
        given = profile.get(key)
        if given is not None and str(given).lower() not in [value.lower() for value in values]:
            raise invalid_parameter(f"networkProfile.{key}", f"'{given}' is not one of {', '.join(values)}.")
    plugin, dataplane = profile["networkPlugin"], profile.get("networkDataplane", "")
    policy = profile.get("networkPolicy", "none")
    if plugin == "none":
        _without_plugin(profile, policy, dataplane)
    elif dataplane == "cilium":
        if plugin != "azure":
            raise bad_request(
                "Cilium dataplane requires network plugin azure.",
                target="networkProfile.networkPlugin",
                subcode="CiliumDataplaneRequiresNetworkPluginAzure",
            )  # own words
        if policy != "cilium":
            raise bad_request(
                "Cilium dataplane requires network policy cilium.",
                target="networkProfile.networkPolicy",
                subcode="CiliumDataplaneRequiresNetworkPolicyCilium",
            )
    elif policy == "cilium":
        raise bad_request(
            "Network policy cilium requires network dataplane cilium.",
            target="networkProfile.networkPolicy",
            subcode="NetworkPolicyCiliumRequiresCiliumDataplane",
        )
    if plugin != "azure" and profile.get("networkPluginMode"):
        raise bad_request(
            "Network plugin mode overlay requires network plugin azure.",
            target="networkProfile.networkPluginMode",
            subcode="InvalidNetworkPluginMode",
        )  # own words
    if profile.get("kubeProxyConfig") and plugin != "none":
        raise bad_request(
            "Disabling kube-proxy is only supported with bring your own CNI.",
            target="networkProfile.kubeProxyConfig",
            subcode="KubeProxyConfigDisabledBYOCNIOnly",
        )
    acns(profile.get("advancedNetworking") or {}, dataplane, version)
    ranges(profile)


def _without_plugin(profile: Json, policy: str, dataplane: str) -> None:
    # Own words: facts know that these are refused, not how.
    if policy != "none":
        raise bad_request(
            f"Network policy {policy} is not supported with network plugin none.",
            target="networkProfile.networkPolicy",
            subcode="NetworkPolicyNotSupported",
        )
    if dataplane:
        raise bad_request(
            f"Network dataplane {dataplane} is not supported with network plugin none.",
            target="networkProfile.networkDataplane",
            subcode="NetworkDataplaneNotSupported",
        )
    if (profile.get("advancedNetworking") or {}).get("enabled"):
        raise bad_request(
            "Advanced networking is not supported with network plugin none.",
            target="networkProfile.advancedNetworking",
            subcode="AdvancedNetworkingNotSupported",
        )


def acns(advanced: Json, dataplane: str, version: str) -> None:
    """Advanced Container Networking Services: what must be on for what (own words)."""
    if not advanced.get("enabled"):
        return
    if numbers(version) < (1, 29):
        raise bad_request(
            "Advanced networking requires Kubernetes 1.29 or later.", target="networkProfile.advancedNetworking"
        )
    target = "networkProfile.advancedNetworking"
    observability, security = advanced["observability"]["enabled"], advanced["security"]["enabled"]
    if not observability and not security:
        raise bad_request("Advanced networking requires observability or security to be enabled.", target=target)
    accelerated = advanced["performance"]["accelerationMode"] != "None"
    encrypted = security and (advanced["security"].get("transitEncryption") or {}).get("type", "None") != "None"
    if dataplane != "cilium" and (security or accelerated or encrypted):
        raise bad_request(
            "Advanced networking security and performance require network dataplane cilium.", target=target
        )
    if accelerated and numbers(version) < (1, 33):
        raise bad_request("Acceleration mode BpfVeth requires Kubernetes 1.33 or later.", target=target)


def cidr(profile: Json, key: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A range of the profile, refused when it is none."""
    if key not in profile:
        return None
    try:
        return ipaddress.ip_network(profile[key])
    except ValueError as error:
        raise ArmError(
            400,
            "InvalidCIDR",
            f"The value of networkProfile.{key} '{profile[key]}' is not a CIDR: {error}",
            target=f"networkProfile.{key}",
        ) from error


def ranges(profile: Json) -> None:
    """Pod and service ranges: well formed, apart from each other and from what AKS reserves."""
    pods, services = cidr(profile, "podCidr"), cidr(profile, "serviceCidr")
    if pods is not None:
        for name in RESERVED:
            if pods.version == 4 and pods.overlaps(ipaddress.ip_network(name)):
                raise ArmError(
                    400,
                    "PodCIDRInReservedRange",
                    f"podCidr {pods} overlaps the reserved range {name}.",
                    target="networkProfile.podCidr",
                )
    if services is None:
        return
    if pods is not None and pods.overlaps(services):
        raise ArmError(
            400,
            "ServiceCidrOverlapPodCidr",
            f"serviceCidr {services} overlaps podCidr {pods}.",
            target="networkProfile.serviceCidr",
        )
    if services.version == 4 and services.prefixlen < 12:
        raise ArmError(
            400,
            "ServiceCidrTooLarge",
            f"serviceCidr {services} must be smaller than /12.",
            target="networkProfile.serviceCidr",
        )
    try:
        address = ipaddress.ip_address(profile["dnsServiceIP"])
    except ValueError as error:
        raise invalid_parameter("networkProfile.dnsServiceIP", str(error)) from error
    if address not in services or address in (services[0], services[1]):
        raise ArmError(
            400,
            "DNSServiceIPNotInServiceCIDR",
            f"dnsServiceIP {address} must be in serviceCidr {services} and not its first address.",
            target="networkProfile.dnsServiceIP",
        )


def pools(profiles: list[Json], profile: Json) -> None:
    """Names, counts, taints and systems of the agent pools."""
    names = [str(pool.get("name", "")) for pool in profiles]
    if len(set(names)) != len(names):
        raise invalid_parameter("agentPoolProfile.name", "Agent pool names must be unique.")
    for pool in profiles:
        windows = pool["osType"].lower() == "windows"
        pattern, most = (WINDOWS_POOL, 6) if windows else (LINUX_POOL, 12)
        if not pattern.fullmatch(str(pool.get("name", ""))):
            kind = "WindowsAgentPool" if windows else "LinuxAgentPool"
            rule = f"start with a lowercase letter, have only lowercase letters and numbers, and max length {most}"
            raise invalid_parameter("agentPoolProfile.name", f"{kind} name '{pool.get('name', '')}' must {rule}.")
        if windows and (profile["networkPlugin"] == "none" or profile.get("networkDataplane") == "cilium"):
            raise bad_request(
                "Windows agent pools are not supported with this network profile.",
                target="agentPoolProfile.osType",
                subcode="WindowsNotSupported",
            )
        _pool_numbers(pool)
        _system_taints(pool)
    some_system_pool(profiles)


def some_system_pool(profiles: list[Json]) -> None:
    """Refuse to be left without a system pool."""
    if not any(pool["mode"].lower() == "system" and pool["osType"].lower() == "linux" for pool in profiles):
        message = "Must define at least one system pool."
        raise ArmError(400, "MustDefineAtLeastOneSystemPool", message, target="agentPoolProfile.mode")


def _pool_numbers(pool: Json) -> None:
    lowest = 1 if pool["mode"].lower() == "system" else 0
    stopped = (pool.get("powerState") or {}).get("code") == "Stopped"
    lowest = 0 if stopped else lowest
    if not isinstance(pool["count"], int) or not lowest <= pool["count"] <= 1000:
        raise invalid_parameter(
            "agentPoolProfile.count",
            f"The count {pool['count']} of pool {pool['name']} must be between {lowest} and 1000.",
        )
    if not 10 <= int(pool["maxPods"]) <= 250:
        raise invalid_parameter("agentPoolProfile.maxPods", f"maxPods {pool['maxPods']} must be between 10 and 250.")
    if pool["enableAutoScaling"] and not (pool.get("minCount") and pool.get("maxCount")):
        raise invalid_parameter("agentPoolProfile.minCount", "minCount and maxCount are required for autoscaling.")


def _system_taints(pool: Json) -> None:
    if pool["mode"].lower() != "system":
        return
    for taint in pool.get("nodeTaints") or []:
        if not taint.endswith(":PreferNoSchedule") and not taint.startswith("CriticalAddonsOnly="):
            message = (
                f"System agentpool {pool['name']} has a restricted taint {taint}. System pools only allow "
                "CriticalAddonsOnly or taints with effect PreferNoSchedule."
            )
            raise ArmError(400, "SystemPoolHasRestrictedTaint", message, target="agentPoolProfile.nodeTaints")
