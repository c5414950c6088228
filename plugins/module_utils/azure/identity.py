# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Credentials of azure-identity, and the subscription that goes with one."""

from __future__ import annotations

import inspect
import re
from typing import Any

from .._errors import AuthFailed, InvalidInput, missing_library
from .._module import run_process
from .._types import Params, Runner
from .client_secret import ClientSecretCredential
from .cloud import Cloud
from .credential import Choice

AZ_TIMEOUT_S = 30.0
EVERY = "*"
"""In place of a subscription: all that the identity sees. Only reading takes it."""
# Kinds that are more than a secret. ADFS (the tenant that a cloud prescribes) has an endpoint of its own form, too.
OTHERS = ("managed_identity", "cli", "certificate", "workload_identity")


def build(choice: Choice, cloud: Cloud, *, ca_bundle: str | None, timeout_s: float, subscription_id: str = "") -> Any:
    """The credential (a TokenCredential, of azure-identity unless it is a plain secret) for a choice."""
    if choice.kind not in OTHERS and not cloud.tenant:
        found = _tenant(choice, cloud)
        return ClientSecretCredential(
            cloud.authority, found, choice.client_id, choice.secret, ca_bundle=ca_bundle, timeout_s=timeout_s
        )
    try:
        from azure import identity
    except ImportError as error:
        raise missing_library("azure-identity", error) from error
    if choice.kind == "managed_identity":
        # Its endpoint is inside of the machine; a few tries, because it is throttled and starts late.
        limits = {"connection_timeout": timeout_s, "read_timeout": timeout_s, "retry_total": 3}
        return identity.ManagedIdentityCredential(
            **({"client_id": choice.client_id} if choice.client_id else {}), **limits
        )
    if choice.kind == "cli":
        # Without a tenant, az takes that of the subscription, which matters where it is logged in to several.
        named = {"subscription": subscription_id} if subscription_id not in ("", EVERY) else {}
        # azure-identity before 1.20 cannot be told; az then takes the tenant of its current subscription.
        if "subscription" not in inspect.signature(identity.AzureCliCredential.__init__).parameters:
            named = {}
        chosen = {"tenant_id": choice.tenant} if choice.tenant else named
        return identity.AzureCliCredential(**chosen, process_timeout=int(max(timeout_s, 10)))
    tenant = _tenant(choice, cloud)
    # Clouds that are known from their metadata alone are not in Entra ID's list of instances.
    common: dict[str, Any] = {
        "authority": cloud.authority,
        "disable_instance_discovery": cloud.discovered,
        "retry_total": 0,
        "connection_timeout": timeout_s,
        "read_timeout": timeout_s,
        **({"connection_verify": ca_bundle} if ca_bundle else {}),
    }
    if choice.kind == "certificate":
        return _certificate(identity, choice, tenant, common)
    if choice.kind == "workload_identity":
        _assertion(choice)
        return identity.ClientAssertionCredential(tenant, choice.client_id, lambda: _assertion(choice), **common)
    return identity.ClientSecretCredential(tenant, choice.client_id, choice.secret, **common)


def _tenant(choice: Choice, cloud: Cloud) -> str:
    tenant = cloud.tenant or choice.tenant
    if not tenant:
        raise InvalidInput(
            f"tenant is not given, and the cloud {cloud.name} prescribes none.",
            option="tenant",
            code="IncompleteCredential",
            remedy="Set tenant, or the environment variable AZURE_TENANT.",
        )
    return tenant


def _certificate(identity: Any, choice: Choice, tenant: str, common: dict[str, Any]) -> Any:
    """PEM (with the private key) or PKCS #12; what is wrong with it is said without its content."""
    path = choice.certificate_path
    password = {"password": choice.certificate_password} if choice.certificate_password else {}
    try:
        return identity.CertificateCredential(tenant, choice.client_id, path, **password, **common)
    except OSError as error:
        raise InvalidInput(
            f"certificate_path={path} cannot be read: {error.strerror}.",
            option="certificate_path",
            code="CertificateUnreadable",
            remedy="Give the path of a PEM or PKCS #12 (PFX) file with the certificate and its private key.",
        ) from error
    except (ValueError, TypeError) as error:
        # The reason may quote the file, so it is not passed on.
        word = "does not open with this certificate_password" if password else "may need a certificate_password"
        raise InvalidInput(
            f"certificate_path={path} holds no certificate with a private key, or {word}.",
            option="certificate_path",
            code="CertificateInvalid",
            remedy="Put certificate and private key into one PEM file, or give a PKCS #12 (PFX) file and its password.",
        ) from error


def _assertion(choice: Choice) -> str:
    """The token of a workload identity. Its file is read for every new token: the platform replaces it meanwhile."""
    if choice.federated_token:
        return choice.federated_token
    try:
        with open(choice.federated_token_file, encoding="utf-8") as file:
            token = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise InvalidInput(
            f"federated_token_file={choice.federated_token_file} cannot be read: {reason}.",
            option="federated_token_file",
            code="TokenFileUnreadable",
            remedy="Give the file that the platform keeps up to date (AZURE_FEDERATED_TOKEN_FILE in a pod of AKS).",
        ) from error
    if not token:
        raise InvalidInput(
            f"federated_token_file={choice.federated_token_file} is empty.",
            option="federated_token_file",
            code="TokenFileUnreadable",
            remedy="Give the file that the platform keeps up to date.",
        )
    return token


def subscription(params: Params, choice: Choice, *, run: Runner = run_process) -> str:
    """The subscription of a task: its option (or AZURE_SUBSCRIPTION_ID), the profile's, or the default of az."""
    given = str(params.get("subscription_id") or "") or choice.subscription_id
    if given:
        return checked_subscription(given)
    if choice.kind == "cli":
        return _default_of_az(run)
    raise InvalidInput(
        "subscription_id is not given.",
        option="subscription_id",
        code="MissingSubscription",
        remedy="Set subscription_id or the environment variable AZURE_SUBSCRIPTION_ID.",
    )


def checked_subscription(given: str, option: str = "subscription_id") -> str:
    """An id as Azure gives them, or `*`; a name, or anything that would lead an address elsewhere, is refused."""
    if given != EVERY and not re.fullmatch(r"[0-9A-Za-z-]+", given):
        raise InvalidInput(
            f"{option}={given!r} is not the id of a subscription.",
            option=option,
            code="InvalidSubscription",
            remedy="Give the id: `az account list --output table` shows it.",
        )
    return given


def _default_of_az(run: Runner) -> str:
    done = run(["az", "account", "show", "--query", "id", "--output", "tsv"], timeout_s=AZ_TIMEOUT_S)
    if done.rc or not done.stdout.strip():
        reason = (done.stderr.strip().splitlines() or ["it named none"])[-1]
        raise AuthFailed(
            f"subscription_id is not given, and az has no default subscription: {reason}",
            option="subscription_id",
            code="MissingSubscription",
            remedy="Run az login (and az account set --subscription <id>), or set subscription_id.",
        )
    return done.stdout.strip()
