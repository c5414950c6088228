# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Azure's answers as typed errors, with what to do about them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .._errors import AuthFailed, CollectionError, Conflict, InvalidInput, NotFound, OperationFailed, Throttled
from .._types import Json

# Codes and subcodes that people meet, and the way out (facts: AKS documentation and issue trackers).
REMEDIES = {
    "CiliumDataplaneRequiresNetworkPolicyCilium": "Set network_profile.network_policy to cilium, or leave it out.",
    "NetworkPolicyCiliumRequiresCiliumDataplane": "Set network_profile.network_dataplane to cilium as well.",
    "NetworkPolicyNotSupported": "Set network_profile.network_dataplane to cilium as well.",
    "PropertyChangeNotAllowed": "Azure cannot change this in place: keep the old value, or delete and create again.",
    "OperationNotAllowed": "Wait for the other operation (or abort it: az aks operation-abort), then run again.",
    "EtagMismatch": "Somebody else changed the cluster meanwhile: run again.",
    "PreconditionFailed": "Somebody else changed the cluster meanwhile: run again.",
    "QuotaExceeded": "Choose a smaller agent_pools count or another vm_size or location, or ask for more quota.",
    "InsufficientVCPUQuota": "Choose a smaller count or another vm_size or location, or ask for more quota.",
    "ErrCode_InsufficientVCPUQuota": "Choose a smaller count or another vm_size or location, or ask for more quota.",
    "SkuNotAvailable": "Choose another agent_pools vm_size or another location.",
    "VMSizeNotSupported": "Choose another agent_pools vm_size or another location.",
    "NodePoolMcVersionIncompatible": "Give the pool no newer orchestrator_version than kubernetes_version.",
    "ResourceNotFound": "Check name, resource_group and subscription_id.",
    "ParentResourceNotFound": "Check the names of cluster and resource group, and subscription_id.",
    "ResourceGroupNotFound": "Create the resource group (az group create), or set create_resource_group to true.",
    "ResourceGroupBeingDeleted": "Wait until the resource group is gone, then run again.",
    "SubscriptionNotFound": "Check subscription_id, and that the credential may see this subscription.",
    "AuthorizationFailed": "Give the identity the role of this task, as in docs/permissions/azure.",
    "LinkedAuthorizationFailed": "Let the identity join that subnet, or use that identity: see docs/permissions/azure.",
    "MissingSubscriptionRegistration": "Run: az provider register --namespace Microsoft.ContainerService",
    "K8sVersionNotSupported": "Choose one of: az aks get-versions --location <location> --output table.",
    "AgentPoolK8sVersionNotSupported": "Choose one of: az aks get-versions --location <location> --output table.",
    "SystemPoolHasRestrictedTaint": "Leave only CriticalAddonsOnly or PreferNoSchedule taints on system pools.",
    "KubeProxyConfigDisabledBYOCNIOnly": "kubeProxyConfig needs network_profile.network_plugin none.",
    "InvalidApiVersionParameter": "Set api_version to one that this cloud offers.",
    "NoRegisteredProviderFound": "Set api_version to one that this cloud offers, or choose another location.",
    "RequestDisallowedByPolicy": "An Azure Policy refuses this: ask who administers the subscription.",
    "AKSOperationPreempted": "A newer operation took over: run again.",
    "AKSOperationPreemptedByDelete": "Somebody deletes it: find out who, then run again.",
    "OriginalEtagNotExpect": "Somebody else changed the cluster meanwhile: run again.",
    "NotLatestOperation": "A newer operation took over: run again.",
    "OperationCanceled": "Somebody aborted it (az aks operation-abort): run again to bring the cluster about.",
    "Canceled": "Somebody aborted it (az aks operation-abort): run again to bring the cluster about.",
    "PodDrainFailure": "A pod disruption budget keeps pods on a node: see the message, free it, then run again.",
    "AADSTS7000215": "The secret is wrong: give the secret's value (not its id), and check that it has not expired.",
    "AADSTS7000222": "The secret has expired: make a new one.",
    "AADSTS700016": "client_id is not known in this tenant: check client_id and tenant.",
    "AADSTS700024": "The token's time is over or has not begun: get a new one, and check the clock of this machine.",
    "AADSTS700027": "The application does not know this certificate: upload it to client_id, or give the one it has.",
    "AADSTS70021": "No federated credential of client_id fits the token: compare issuer, subject and audience.",
    "AADSTS700213": "No federated credential of client_id fits the token: compare issuer, subject and audience.",
    "AADSTS53003": "A conditional access policy of the tenant refuses this login: ask who administers the tenant.",
    "AADSTS90002": "The tenant was not found: check tenant and cloud_environment.",
}
# A newer operation took the place of ours: what it left is what counts.
SUPERSEDED = frozenset({"AKSOperationPreempted", "OperationPreempted", "OriginalEtagNotExpect", "NotLatestOperation"})
_RACES = ("EtagMismatch", "PreconditionFailed", "OperationPreempted")
_STATIC_CREDENTIAL = "disable local accounts"


def text_of(value: object) -> str:
    """A string without the query parts of addresses: those of operations are signed."""
    return re.sub(r"(https?://[^\s?'\"]+|url: [^\s?'\"]+)\?[^\s'\")]*", r"\1?...", str(value))


def error_of(document: object) -> Json:
    """The error object of a body: wrapped in `error` or flat; empty where there is none."""
    if not isinstance(document, dict):
        return {}
    wrapped = document.get("error")
    if isinstance(wrapped, dict):
        return wrapped
    return document if "code" in document and "message" in document else {}


def remedy_for(code: str, subcode: str, message: str) -> str:
    """What to do about a code; the more specific subcode wins."""
    if _STATIC_CREDENTIAL in message.lower():
        return "This cluster has no local accounts: use credential=user with an Entra ID login."
    if code == "OperationNotAllowed" and "quota" in message.lower():
        return REMEDIES["QuotaExceeded"]
    return REMEDIES.get(subcode) or REMEDIES.get(code, "")


def from_answer(what: str, status: int, headers: Mapping[str, str], body: object) -> CollectionError:
    """The error for an HTTP answer that is no success. what: `PUT of the cluster demo` or the like."""
    error = error_of(body)
    code = str(error.get("code") or f"HTTP{status}")
    subcode = str(error.get("subcode") or "")
    message = text_of(error.get("message") or "no message").strip()
    kind = _kind(status, code)
    known = {name.lower(): str(value) for name, value in headers.items()}
    full_code = f"{code}/{subcode}" if subcode and subcode != code else code
    return kind(
        f"Azure refused the {what}: {message.rstrip('.')} (HTTP {status}).",
        code=full_code,
        target=str(error.get("target") or ""),
        status=status,
        correlation_id=known.get("x-ms-correlation-request-id", ""),
        details=_details(error),
        remedy=remedy_for(code, subcode, message),
    )


def _kind(status: int, code: str) -> type[CollectionError]:
    if status in (401, 403):
        return AuthFailed
    if status == 404:
        return NotFound
    if status in (409, 412):
        return Conflict
    if status == 429 or code == "Throttled":
        return Throttled
    return InvalidInput if status in (400, 422) else OperationFailed


def _details(error: Json) -> Json:
    details = error.get("details")
    return {"azure": details} if details else {}


def lost_race(error: CollectionError) -> bool:
    """Whether another writer was faster: on fresh data the same request may succeed at once."""
    if not isinstance(error, Conflict):
        return False
    return error.status == 412 or any(race in error.code for race in _RACES)


def lock_held(error: CollectionError) -> bool:
    """Whether another operation is in progress; OperationNotAllowed has other reasons as well (quota, stopped)."""
    return isinstance(error, Conflict) and (
        error.code.startswith("AnotherOperation")
        or ("OperationNotAllowed" in error.code and bool(re.search(r"in progress|pending", error.message, re.I)))
    )


def from_state(message: str, documents: Sequence[Json], *, code: str, remedy: str) -> OperationFailed:
    """The error for an object whose state tells a failure, with the reason where one of the documents has it."""
    errors = [error_of((document.get("status") or {}).get("provisioningError")) for document in documents]
    reason = next((error for error in errors if error), {})
    told = text_of(reason.get("message") or "").strip().rstrip(".")
    code = str(reason.get("code") or code)
    return OperationFailed(
        f"{message}: {told}." if told else f"{message}.",
        code=code,
        target=str(reason.get("target") or ""),
        details=_details(reason),
        remedy=remedy_for(code, str(reason.get("subcode") or ""), told) or remedy,
    )


def from_operation(what: str, document: Json) -> OperationFailed:
    """The error for an operation that ended as Failed or Canceled."""
    error = error_of(document)
    code = str(error.get("code") or document.get("status") or "Failed")
    message = text_of(error.get("message") or "Azure gave no reason").strip()
    return OperationFailed(
        f"{what} ended as {document.get('status')}: {message.rstrip('.')}.",
        code=code,
        target=str(error.get("target") or ""),
        details=_details(error),
        remedy=remedy_for(code, str(error.get("subcode") or ""), message)
        or REMEDIES.get(str(document.get("status")))
        or "Read the message; once its cause is gone, run again: a failed cluster is reconciled.",
    )


def from_token(message: str) -> AuthFailed:
    """The error for a refused token request (AADSTS codes are in the text)."""
    first = text_of(message).strip().splitlines()[0] if message.strip() else "no message"
    match = re.search(r"AADSTS\d+", message)
    code = match.group(0) if match else "AuthenticationFailed"
    return AuthFailed(
        f"Azure did not accept the credential: {first}",
        code=code,
        status=401 if match else None,
        remedy=REMEDIES.get(code) or "Check tenant, client_id, secret and cloud_environment, or run az login.",
    )
