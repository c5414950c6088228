# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the resource provider refuses to change in an existing cluster. Texts marked "own words" were never recorded."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from .errors import ArmError, Json, bad_request
from .validation import cidr
from .versions import Versions, numbers

IMMUTABLE = ("serviceCidr", "serviceCidrs", "dnsServiceIP", "ipFamilies", "networkMode")
FIXED = ("dnsPrefix", "fqdnSubdomain", "nodeResourceGroup", "enableRBAC", "diskEncryptionSetID")
POOL_IMMUTABLE = (
    "vmSize",
    "osType",
    "osDiskSizeGB",
    "osDiskType",
    "maxPods",
    "vnetSubnetID",
    "podSubnetID",
    "availabilityZones",
    "enableEncryptionAtHost",
    "kubeletDiskType",
    "enableUltraSSD",
    "scaleSetPriority",
    "type",
)


def upgrade(live: Json, desired: Json, versions: Versions) -> None:
    """Refuse to skip a minor version of Kubernetes, and to go back."""
    current = live["currentKubernetesVersion"]
    versions.check_upgrade(current, versions.resolve(desired["kubernetesVersion"], current))
    known = {pool["name"]: pool for pool in live["agentPoolProfiles"]}
    for pool in desired["agentPoolProfiles"]:
        if pool["name"] not in known:
            continue
        old = known[pool["name"]]["currentOrchestratorVersion"]
        new = versions.resolve(pool["orchestratorVersion"], old)
        if numbers(new) < numbers(old):
            message = (
                f"Upgrading agent pool {pool['name']} from version {old} to {new} is not allowed. Please see "
                "https://aka.ms/aks-supported-k8s-ver for version details."
            )  # own words
            raise ArmError(400, "OperationNotAllowed", message, target="agentPoolProfile.orchestratorVersion")


def fixed(live: Json, desired: Json) -> None:
    """Refuse what AKS does not change in an existing cluster (properties with defaults filled in)."""
    old, new = live["networkProfile"], desired["networkProfile"]
    migration(old, new)
    for key in IMMUTABLE:
        if _differs(old.get(key), new.get(key)):
            raise _fixed(f"networkProfile.{key}")
    podcidr(old, new)
    if str(old.get("loadBalancerSku")).lower() == "standard" and str(new.get("loadBalancerSku")).lower() == "basic":
        raise _fixed("networkProfile.loadBalancerSku")
    for key in FIXED:
        if _differs(live.get(key), desired.get(key)):
            raise _fixed(key)
    access = [part.get("apiServerAccessProfile") or {} for part in (live, desired)]
    private = [part.get("enablePrivateCluster", False) for part in access]
    # Only an API server that is integrated in the virtual network can become private or public later (docs).
    if private[0] != private[1] and not access[1].get("enableVnetIntegration"):
        raise _fixed("apiServerAccessProfile.enablePrivateCluster")
    if live["oidcIssuerProfile"]["enabled"] and not desired["oidcIssuerProfile"].get("enabled", True):
        raise ArmError(
            400,
            "OIDCIssuerFeatureCannotBeDisabled",
            "OIDC issuer feature cannot be disabled.",
            target="oidcIssuerProfile.enabled",
        )
    known = {pool["name"]: pool for pool in live["agentPoolProfiles"]}
    for pool in desired["agentPoolProfiles"]:
        for key in POOL_IMMUTABLE:
            if pool["name"] in known and _differs(known[pool["name"]].get(key), pool.get(key)):
                raise _fixed(f"agentPoolProfile.{key}")


def migration(old: Json, new: Json) -> None:
    """Refuse all ways between plugins, modes and dataplanes but those that Azure has, one at a time."""
    plugins = (old["networkPlugin"], new["networkPlugin"])
    overlay = [profile.get("networkPluginMode") == "overlay" for profile in (old, new)]
    cilium = [profile.get("networkDataplane") == "cilium" for profile in (old, new)]
    becomes_overlay, becomes_cilium = overlay == [False, True], cilium == [False, True]
    if plugins[0] != plugins[1] and (plugins != ("kubenet", "azure") or not becomes_overlay):
        raise _fixed("networkProfile.networkPlugin")
    if overlay == [True, False]:
        raise _fixed("networkProfile.networkPluginMode")
    if cilium == [True, False]:
        raise _fixed("networkProfile.networkDataplane")
    if becomes_overlay and becomes_cilium:
        raise bad_request(
            "Changing the IP address management and the dataplane in one operation is not supported.",
            target="networkProfile.networkDataplane",
        )  # own words
    if becomes_overlay and str(old.get("networkPolicy", "none")).lower() != "none":
        raise ArmError(
            400,
            "ValidationError",
            "Cannot update cluster to Azure CNI Overlay while using network policies with Azure CNI v1.",
            target="networkProfile.networkPolicy",
        )
    if {str(profile.get("networkPolicy")).lower() for profile in (old, new)} == {"azure", "calico"}:
        raise _fixed("networkProfile.networkPolicy")


def podcidr(old: Json, new: Json) -> None:
    """The pods' range of an overlay cluster grows; without a plugin it is free; on the way to overlay it is new."""
    free = new["networkPlugin"] == "none" or old.get("networkPluginMode") != new.get("networkPluginMode")
    if free or not _differs(old.get("podCidr"), new.get("podCidr")):
        return
    before, after = cidr(old, "podCidr"), cidr(new, "podCidr")
    single = all(len(profile.get("podCidrs") or []) <= 1 for profile in (old, new))
    overlay = single and new.get("networkPluginMode") == "overlay"
    if isinstance(before, ipaddress.IPv4Network) and isinstance(after, ipaddress.IPv4Network):
        overlay = overlay and before.subnet_of(after)
    if not overlay or (after is not None and after.version == 6):
        raise _fixed("networkProfile.podCidr")


def _fixed(name: str) -> ArmError:
    return ArmError(400, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", target=name)


def _differs(old: object, new: object) -> bool:
    fold: Callable[[object], object] = lambda value: value.lower() if isinstance(value, str) else value  # noqa: E731
    return fold(old) != fold(new)
