# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Which Azure credential a task uses, from its options and its environment."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._errors import InvalidInput, missing_library
from .._types import Params
from .cloud import Cloud

# Ansible's and AWX's spelling first, then the one of azure-identity.
ENVIRONMENT = {
    "tenant": ("AZURE_TENANT", "AZURE_TENANT_ID"),
    "client_id": ("AZURE_CLIENT_ID",),
    "secret": ("AZURE_SECRET", "AZURE_CLIENT_SECRET"),
}
TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE"  # noqa: S105 (the name of a variable)


@dataclass(frozen=True)
class Choice:
    """The kind of credential, and what it is made of."""

    kind: str
    """service_principal, workload_identity, cli or managed_identity."""
    tenant: str = ""
    client_id: str = ""
    secret: str = ""
    token_file: str = ""


def choose(params: Params, environment: Mapping[str, str], *, have_az: bool | None = None) -> Choice:
    """Decide by auth_source; `auto` takes the first that is complete; half a service principal is an error."""
    source = params["auth_source"]
    found = _values(params, environment, source)
    token_file = environment.get(TOKEN_FILE, "")
    chosen = Choice("", _checked_tenant(found["tenant"]), found["client_id"], found["secret"], token_file)
    if source == "cli":
        return Choice("cli", tenant=chosen.tenant)
    if source == "managed_identity":
        return Choice("managed_identity", client_id=chosen.client_id)
    if source == "workload_identity":
        return _workload_identity(chosen)
    if source in ("options", "environment") or chosen.secret:
        return _service_principal(chosen, source)
    return _automatic(chosen, environment, shutil.which("az") is not None if have_az is None else have_az)


def _values(params: Params, environment: Mapping[str, str], source: str) -> dict[str, str]:
    values = {}
    for option, variables in ENVIRONMENT.items():
        given = "" if source == "environment" else str(params.get(option) or "")
        if not given and source != "options":
            given = next((environment[name] for name in variables if environment.get(name)), "")
        values[option] = given
    return values


def _checked_tenant(tenant: str) -> str:
    """A directory's GUID or domain name; anything else azure-identity refuses with an error of its own kind."""
    if not re.fullmatch(r"[0-9A-Za-z.-]*", tenant):
        raise InvalidInput(
            f"tenant={tenant!r} is neither the GUID nor the domain name of a directory.",
            option="tenant",
            code="InvalidTenant",
            remedy="Give the directory's id: `az account show --query tenantId` shows it.",
        )
    return tenant


def _service_principal(chosen: Choice, source: str) -> Choice:
    parts = {"tenant": chosen.tenant, "client_id": chosen.client_id, "secret": chosen.secret}
    missing = [name for name, value in parts.items() if not value]
    if missing:
        ways = {
            "options": "as module options",
            "environment": "in the environment",
        }.get(source, "as module options or in the environment")
        variables = ", ".join(" or ".join(ENVIRONMENT[name]) for name in missing)
        raise InvalidInput(
            f"The service principal is incomplete: {' and '.join(missing)} not given {ways}.",
            option=missing[0],
            code="IncompleteCredential",
            remedy=f"Set {', '.join(missing)} (environment: {variables}), or choose another auth_source.",
        )
    return Choice("service_principal", **parts)


def _workload_identity(chosen: Choice) -> Choice:
    parts = {"tenant": chosen.tenant, "client_id": chosen.client_id, TOKEN_FILE: chosen.token_file}
    missing = [name for name, value in parts.items() if not value]
    if missing:
        raise InvalidInput(
            f"auth_source=workload_identity lacks {' and '.join(missing)}.",
            option="auth_source",
            code="IncompleteCredential",
            remedy=f"Set tenant, client_id and the environment variable {TOKEN_FILE}.",
        )
    return Choice("workload_identity", chosen.tenant, chosen.client_id, token_file=chosen.token_file)


def _automatic(chosen: Choice, environment: Mapping[str, str], have_az: bool) -> Choice:
    if chosen.token_file and chosen.tenant and chosen.client_id:
        return _workload_identity(chosen)
    if environment.get("IDENTITY_ENDPOINT") or environment.get("MSI_ENDPOINT"):
        return Choice("managed_identity", client_id=chosen.client_id)
    if chosen.client_id:
        return _service_principal(chosen, "auto")
    if have_az:
        return Choice("cli", tenant=chosen.tenant)
    # The metadata service of a virtual machine is not probed: elsewhere that costs a timeout and a puzzling error.
    raise InvalidInput(
        "No Azure credential was found: no service principal, no workload identity, and no az CLI.",
        option="auth_source",
        code="NoCredential",
        remedy="Set tenant, client_id and secret (or AZURE_TENANT, AZURE_CLIENT_ID, AZURE_SECRET), run az login, "
        "or set auth_source to managed_identity on an Azure virtual machine.",
    )


def build(choice: Choice, cloud: Cloud, *, ca_bundle: str | None, timeout_s: float) -> Any:
    """The azure-identity credential (a TokenCredential) for a choice."""
    try:
        from azure import identity
    except ImportError as error:
        raise missing_library("azure-identity", error) from error
    transport: dict[str, Any] = {
        "retry_total": 0,
        "connection_timeout": timeout_s,
        "read_timeout": timeout_s,
        **({"connection_verify": ca_bundle} if ca_bundle else {}),
    }
    authority = {"authority": cloud.authority, "disable_instance_discovery": cloud.discovered}
    if choice.kind == "service_principal":
        tenant = cloud.tenant or choice.tenant
        return identity.ClientSecretCredential(tenant, choice.client_id, choice.secret, **authority, **transport)
    if choice.kind == "workload_identity":
        return identity.WorkloadIdentityCredential(
            tenant_id=choice.tenant,
            client_id=choice.client_id,
            token_file_path=choice.token_file,
            **authority,
            **transport,
        )
    if choice.kind == "managed_identity":
        return identity.ManagedIdentityCredential(**({"client_id": choice.client_id} if choice.client_id else {}))
    return identity.AzureCliCredential(
        **({"tenant_id": choice.tenant} if choice.tenant else {}), process_timeout=int(max(timeout_s, 10))
    )
