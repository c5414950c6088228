# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What a subscription must have switched on before a cluster can be created: resource providers and features.

Only asked before a creation. Nothing is registered from here: that changes the subscription, which is its owner's call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .._errors import AuthFailed, NotFound, Unsupported
from .._types import Json, Params
from .client import ArmClient

PROVIDER_API_VERSION = "2021-04-01"
FEATURE_API_VERSION = "2021-07-01"
# https://learn.microsoft.com/azure/aks: what every cluster is made of, whatever it is made to do.
ALWAYS = ("Microsoft.ContainerService", "Microsoft.Network", "Microsoft.Compute")


@dataclass(frozen=True)
class Needed:
    """Resource providers, and features as `provider/feature`, each in the order in which they are asked for."""

    providers: tuple[str, ...] = ALWAYS
    features: tuple[str, ...] = ()


def _pools(params: Params) -> Sequence[Json]:
    return params.get("agent_pools") or []


def _raw(params: Params) -> Json:
    raw: Json = params.get("properties") or {}
    return raw


def _has_monitoring(params: Params) -> bool:
    addons = {str(name).lower(): addon for name, addon in (_raw(params).get("addonProfiles") or {}).items()}
    return bool((addons.get("omsagent") or {}).get("enabled"))


def _has_user_assigned_identity(params: Params) -> bool:
    identity = params.get("identity") or {}
    return str(identity.get("type") or "").lower() == "userassigned" or bool(_raw(params).get("identityProfile"))


def _encrypts_at_host(params: Params) -> bool:
    raw = [(pool.get("properties") or {}).get("enableEncryptionAtHost") for pool in _pools(params)]
    return any(pool.get("enable_encryption_at_host") for pool in _pools(params)) or any(raw)


def _has_initialization_taints(params: Params) -> bool:
    return any((pool.get("properties") or {}).get("nodeInitializationTaints") for pool in _pools(params))


def _sets_kube_proxy_with_a_plugin(params: Params) -> bool:
    """Since April 2025 the feature is waived for clusters without a network plugin."""
    plugin = str((params.get("network_profile") or {}).get("network_plugin") or "").lower()
    return plugin != "none" and bool((_raw(params).get("networkProfile") or {}).get("kubeProxyConfig"))


PROVIDERS: tuple[tuple[Callable[[Params], bool], tuple[str, ...]], ...] = (
    (_has_user_assigned_identity, ("Microsoft.ManagedIdentity",)),
    (_has_monitoring, ("Microsoft.OperationsManagement", "Microsoft.OperationalInsights")),
)
FEATURES: tuple[tuple[Callable[[Params], bool], str], ...] = (
    (_encrypts_at_host, "Microsoft.Compute/EncryptionAtHost"),
    (_has_initialization_taints, "Microsoft.ContainerService/NodeInitializationTaintsPreview"),
    (_sets_kube_proxy_with_a_plugin, "Microsoft.ContainerService/KubeProxyConfigurationPreview"),
)


def needed_by(params: Params) -> Needed:
    """What the options of a new cluster need."""
    more = tuple(name for applies, names in PROVIDERS if applies(params) for name in names)
    return Needed(ALWAYS + more, tuple(feature for applies, feature in FEATURES if applies(params)))


def require(arm: ArmClient, needed: Needed) -> None:
    """Unsupported, with what is missing and the commands that switch it on; what may not be read is not judged."""
    providers = {name: _provider_state(arm, name) for name in needed.providers}
    features = {name: _feature_state(arm, name) for name in needed.features}
    missing = {name: state for name, state in {**providers, **features}.items() if state not in ("", "Registered")}
    if not missing:
        return
    listed = ", ".join(f"{name} ({state})" for name, state in missing.items())
    raise Unsupported(
        f"The subscription {arm.subscription_id} lacks what this cluster needs: {listed}.",
        code="MissingRegistration",
        target=next(iter(missing)),
        details={"missing": missing},
        remedy=f"{_advice(missing)} A subscription's owner or contributor may do this. Set check_providers to false "
        "to try without.",
    )


def _provider_state(arm: ArmClient, name: str) -> str:
    path = f"/subscriptions/{arm.subscription_id}/providers/{name}"
    document = _asked(arm, path, f"resource provider {name}", PROVIDER_API_VERSION)
    return "not in this cloud" if document is None else str(document.get("registrationState") or "")


def _feature_state(arm: ArmClient, name: str) -> str:
    provider, feature = name.split("/")
    path = f"/subscriptions/{arm.subscription_id}/providers/Microsoft.Features/providers/{provider}/features/{feature}"
    # A feature that Azure does not know has become general, or is not there yet: the creation will tell.
    document = _asked(arm, path, f"feature {name}", FEATURE_API_VERSION) or {}
    return str((document.get("properties") or {}).get("state") or "")


def _asked(arm: ArmClient, path: str, what: str, api_version: str) -> Json | None:
    """The document; empty where this identity may not read it, None where Azure knows nothing of the kind."""
    try:
        return arm.send("GET", path, what=what, api_version=api_version).body or {}
    except AuthFailed as error:
        if error.status != 403:
            raise
        return {}
    except NotFound:
        return None


def _advice(missing: Json) -> str:
    """The commands. Registering takes minutes; a feature counts only after its provider is registered again."""
    running = {name for name, state in missing.items() if state in ("Registering", "Pending")}
    commands = []
    for name in missing:
        if name in running:
            continue
        provider, slash, feature = name.partition("/")
        if slash:
            commands.append(f"az feature register --namespace {provider} --name {feature}")
            commands.append(f"az provider register --namespace {provider} --wait")
        else:
            commands.append(f"az provider register --namespace {name} --wait")
    run = f"Run: {'; '.join(dict.fromkeys(commands))}." if commands else ""
    wait = f"Wait for {', '.join(sorted(running))}, then run again." if running else ""
    return " ".join(filter(None, (run, wait)))
