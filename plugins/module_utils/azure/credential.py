# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Which Azure credential a task uses, from its options, its environment and ~/.azure/credentials."""

from __future__ import annotations

import configparser
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .._errors import InvalidInput
from .._types import Params
from .cloud import is_address

# Ansible's and AWX's spelling first, then the one of azure-identity.
ENVIRONMENT = {
    "tenant": ("AZURE_TENANT", "AZURE_TENANT_ID"),
    "client_id": ("AZURE_CLIENT_ID",),
    "secret": ("AZURE_SECRET", "AZURE_CLIENT_SECRET"),
    "certificate_path": ("AZURE_X509_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"),
    "certificate_password": ("AZURE_CLIENT_CERTIFICATE_PASSWORD",),
    "federated_token": ("AZURE_FEDERATED_TOKEN",),
    "federated_token_file": ("AZURE_FEDERATED_TOKEN_FILE",),
}
# What proves an identity, in the order of preference, and the kind of credential that it makes.
PROOFS = {
    "secret": "service_principal",
    "certificate_path": "certificate",
    "federated_token": "workload_identity",
    "federated_token_file": "workload_identity",
}
IDENTITY_ENDPOINTS = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")
PROFILES = "~/.azure/credentials"
# As azure.azcollection names the keys of a profile.
PROFILE_KEYS = {"x509_certificate_path": "certificate_path"}


class Profiles(Protocol):
    """Reads a profile of azure.azcollection's credentials file; None where there is none of this name."""

    def __call__(self, name: str, /) -> dict[str, str] | None:
        """The keys of the profile."""


@dataclass(frozen=True)
class Choice:
    """The kind of credential, and what it is made of."""

    kind: str
    """service_principal (with a secret), certificate, workload_identity, cli or managed_identity."""
    tenant: str = ""
    client_id: str = ""
    secret: str = field(default="", repr=False)
    certificate_path: str = ""
    certificate_password: str = field(default="", repr=False)
    federated_token: str = field(default="", repr=False)
    federated_token_file: str = ""
    subscription_id: str = ""
    """As the profile says; options and environment are before it."""
    cloud_environment: str = ""
    """As the profile says."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return tuple(filter(None, (self.secret, self.certificate_password, self.federated_token)))


def choose(
    params: Params,
    environment: Mapping[str, str],
    *,
    have_az: bool | None = None,
    profiles: Profiles | None = None,
) -> Choice:
    """Decide by auth_source; `auto` takes the first that is there; half a service principal is an error."""
    return _Chooser(params, environment, profiles or read_profile, have_az).choose()


class _Chooser:
    """One decision, with what it is made from."""

    def __init__(
        self, params: Params, environment: Mapping[str, str], profiles: Profiles, have_az: bool | None
    ) -> None:
        self.environment = environment
        self.profiles = profiles
        self.have_az = shutil.which("az") is not None if have_az is None else have_az
        self.source: str = params["auth_source"]
        self.profile: str = params.get("profile") or ""
        self.options = {name: str(params.get(name) or "") for name in ENVIRONMENT}
        self.variables = {
            name: next((environment[variable] for variable in variables if environment.get(variable)), "")
            for name, variables in ENVIRONMENT.items()
        }
        self.both = {name: self.options[name] or self.variables[name] for name in ENVIRONMENT}
        # ADFS needs no tenant; whether a cloud has it is known only when its metadata is read.
        self.needs_tenant = not is_address(str(params.get("cloud_environment") or ""))

    def choose(self) -> Choice:
        """By auth_source."""
        if self.source == "cli":
            return Choice("cli", tenant=_checked_tenant(self.both["tenant"]))
        if self.source == "managed_identity":
            return Choice("managed_identity", client_id=self.both["client_id"])
        if self.source == "workload_identity":
            return self._workload_identity()
        if self.source == "credential_file":
            return self._from_profile(self._profile_name())
        if self.source == "options":
            return self._made_of(self.options, "as module options")
        if self.source == "environment":
            return self._made_of(self.variables, "in the environment")
        return self._automatic()

    def _automatic(self) -> Choice:
        anywhere = "as module options or in the environment"
        if any(self.options[proof] for proof in PROOFS):
            # An option decides the kind; only what completes it may come from the environment.
            proofs = {proof: self.options[proof] for proof in PROOFS}
            return self._made_of({**self.both, **proofs}, anywhere)
        if self.profile or self.environment.get("AZURE_PROFILE"):
            return self._from_profile(self._profile_name())
        if self.variables["secret"] or self.variables["certificate_path"]:
            return self._made_of(self.both, anywhere)
        if self._has_token() and self.both["client_id"] and (self.both["tenant"] or not self.needs_tenant):
            return self._workload_identity()
        if any(self.environment.get(name) for name in IDENTITY_ENDPOINTS):
            return Choice("managed_identity", client_id=self.both["client_id"])
        if self.both["client_id"]:
            return self._made_of(self.both, anywhere)
        found = self.profiles("default")
        if found and any(found.get(proof) for proof in PROOFS):
            return self._from_profile("default")
        if self.have_az:
            return Choice("cli", tenant=_checked_tenant(self.both["tenant"]))
        raise self._nothing(found)

    def _has_token(self) -> bool:
        return bool(self.both["federated_token"] or self.both["federated_token_file"])

    def _profile_name(self) -> str:
        return self.profile or self.environment.get("AZURE_PROFILE") or "default"

    def _made_of(self, values: Mapping[str, str], where: str) -> Choice:
        """A credential of the first proof among the values; the error names what is missing, and where."""
        proof = next((name for name in PROOFS if values[name]), "secret")
        self._require(values, proof, where, f"The {_spoken(proof)}")
        tenant = _checked_tenant(values["tenant"])
        password = values["certificate_password"] if proof == "certificate_path" else ""
        return Choice(
            PROOFS[proof], tenant, values["client_id"], certificate_password=password, **{proof: values[proof]}
        )

    def _workload_identity(self) -> Choice:
        # A token that is given as such is before a file; of each, the option is before the variable.
        proofs = [
            (values, name)
            for values in (self.options, self.variables)
            for name in ("federated_token", "federated_token_file")
        ]
        given, proof = next(((held, name) for held, name in proofs if held[name]), (self.both, "federated_token_file"))
        values = {**self.both, proof: given[proof]}
        self._require(values, proof, "as module options or in the environment", "The workload identity")
        tenant = _checked_tenant(values["tenant"])
        return Choice("workload_identity", tenant, values["client_id"], **{proof: values[proof]})

    def _require(self, values: Mapping[str, str], proof: str, where: str, what: str) -> None:
        needed = [*(["tenant"] if self.needs_tenant else []), "client_id", proof]
        missing = [name for name in needed if not values.get(name)]
        if not missing:
            return
        variables = ", ".join(" or ".join(ENVIRONMENT[name]) for name in missing)
        others = " (or certificate_path, or federated_token)" if "secret" in missing else ""
        raise InvalidInput(
            f"{what} is incomplete: {' and '.join(missing)}{others} not given {where}.",
            option=missing[0],
            code="IncompleteCredential",
            remedy=f"Set {', '.join(missing)} (environment: {variables}), or choose another auth_source.",
        )

    def _from_profile(self, name: str) -> Choice:
        found = self.profiles(name)
        if found is None:
            raise InvalidInput(
                f"profile={name!r} is not in {PROFILES}.",
                option="profile",
                code="ProfileNotFound",
                remedy=f"Add a section [{name}] with tenant, client_id, secret and subscription_id, or choose another.",
            )
        values = {**dict.fromkeys(ENVIRONMENT, ""), **found}
        made = self._made_of(values, f"in the profile {name} of {PROFILES}")
        more = {key: found.get(key, "") for key in ("subscription_id", "cloud_environment")}
        return Choice(**{**vars(made), **more})

    def _nothing(self, profile: Mapping[str, str] | None) -> InvalidInput:
        """The error that says what was tried, and what each lacked. It names variables, never values."""
        proofs = "secret, certificate_path, federated_token or federated_token_file"
        names = ", ".join(variable for name in ("client_id", *PROOFS) for variable in ENVIRONMENT[name])
        tried = {
            "options": f"no {proofs}",
            "environment": f"none of {names} is set",
            "managed_identity": f"none of {', '.join(IDENTITY_ENDPOINTS)} is set",
            "credential_file": f"{PROFILES} has no section [default]"
            if profile is None
            else f"the section [default] of {PROFILES} has no secret and no x509_certificate_path",
            "cli": "there is no program az",
        }
        user = self.environment.get("AZURE_AD_USER") or self.environment.get("AZURE_USERNAME")
        refused = " A login with a user's name and password is not offered: Entra ID asks for a second factor."
        return InvalidInput(
            f"No Azure credential was found. Tried: {'; '.join(f'{way}: {lack}' for way, lack in tried.items())}."
            f"{refused if user else ''}",
            option="auth_source",
            code="NoCredential",
            details={"tried": tried},
            # The metadata service of a virtual machine is not probed: elsewhere that costs a timeout.
            remedy="Set tenant, client_id and secret (or AZURE_TENANT, AZURE_CLIENT_ID, AZURE_SECRET), run az login, "
            "or set auth_source to managed_identity on an Azure virtual machine.",
        )


def _spoken(proof: str) -> str:
    return {"secret": "service principal", "certificate_path": "service principal with a certificate"}.get(
        proof, "workload identity"
    )


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


def read_profile(name: str, path: str = PROFILES) -> dict[str, str] | None:
    """A section of the credentials file that azure.azcollection reads; None where there is none."""
    # No interpolation: a secret may hold a percent sign.
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(os.path.expanduser(path), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError) as error:
        # The text of the error would quote a line, which may hold a secret.
        raise InvalidInput(
            f"profile={name!r}: {path} is no INI file that can be read ({type(error).__name__}).",
            option="profile",
            code="ProfileUnreadable",
            remedy=f"Correct {path}, or choose another auth_source.",
        ) from None
    if not parser.has_section(name):
        return None
    return {PROFILE_KEYS.get(key, key): value for key, value in parser.items(name)}
