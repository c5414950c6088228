# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Azure clouds: where Azure Resource Manager and the authority are, by name or from a metadata URL."""

from __future__ import annotations

import configparser
import json
import os
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .._errors import InvalidInput, Unreachable, missing_library
from .._types import Json

METADATA_PATH = "/metadata/endpoints?api-version=2022-09-01"
# Azure Stack Hub may know this version only; it names neither the Resource Manager nor the identity provider.
OLD_METADATA_PATH = "/metadata/endpoints?api-version=2015-01-01"


@dataclass(frozen=True)
class Cloud:
    """Endpoints of one cloud; discovered clouds are not known to Entra ID's instance discovery."""

    name: str
    resource_manager: str
    authority: str
    scope: str
    discovered: bool = False
    tenant: str = ""
    """Tenant that the cloud prescribes ("adfs" where the identity provider is ADFS), else empty."""


KNOWN = {
    cloud.name.lower(): cloud
    for cloud in (
        Cloud(
            "AzureCloud",
            "https://management.azure.com",
            "https://login.microsoftonline.com",
            "https://management.azure.com/.default",
        ),
        Cloud(
            "AzureChinaCloud",
            "https://management.chinacloudapi.cn",
            "https://login.chinacloudapi.cn",
            "https://management.chinacloudapi.cn/.default",
        ),
        Cloud(
            "AzureUSGovernment",
            "https://management.usgovcloudapi.net",
            "https://login.microsoftonline.us",
            # Not management.usgovcloudapi.net: the audience of this cloud has its own name.
            "https://management.core.usgovcloudapi.net/.default",
        ),
    )
}


DEFAULT = "AzureCloud"


def named(option: str, profile: str) -> str:
    """The cloud of a task: its option (or AZURE_CLOUD_ENVIRONMENT), and only beside its default that of the profile."""
    # AWX may leave the variable empty.
    option = option or DEFAULT
    return profile if profile and option == DEFAULT else option


def is_address(value: str) -> bool:
    """Whether cloud_environment is no name that is known by itself, so that its metadata must be asked for."""
    return bool(value) and value.lower() not in KNOWN


def resolve(value: str, fetch: Callable[[str], Json], environment: Mapping[str, str] | None = None) -> Cloud:
    """The cloud that the option cloud_environment names; fetch reads the JSON document behind an https URL.

    A name that is not known by itself may be one that was registered with `az cloud register`.
    """
    known = KNOWN.get(value.lower())
    if known:
        return known
    address = value if ":" in value else registered(value, os.environ if environment is None else environment)
    parsed = urllib.parse.urlparse(address)
    if parsed.scheme != "https" or not parsed.netloc:
        names = ", ".join(cloud.name for cloud in KNOWN.values())
        raise InvalidInput(
            f"cloud_environment={value!r} is neither the name of a cloud ({names}, or one registered with az) nor an "
            "https URL.",
            option="cloud_environment",
            code="UnknownCloudEnvironment",
            remedy=f"Use one of {names}, or the https address of an Azure Resource Manager that serves metadata.",
        )
    # A full metadata address and the bare address of the Resource Manager are both in use.
    base = address.split("/metadata/endpoints", 1)[0].rstrip("/")
    try:
        document = fetch(base + METADATA_PATH)
    except Unreachable as error:
        if error.status not in (400, 404):
            raise
        document = fetch(base + OLD_METADATA_PATH)
    return from_metadata(base, document)


def registered(name: str, environment: Mapping[str, str]) -> str:
    """Address of the Resource Manager of a cloud in az's own list (`az cloud register`); empty where there is none."""
    folder = environment.get("AZURE_CONFIG_DIR") or os.path.join("~", ".azure")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(os.path.join(os.path.expanduser(folder), "clouds.config"), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        # az's file, not ours: what is unreadable names no cloud.
        return ""
    section = next((item for item in parser.sections() if item.lower() == name.lower()), "")
    return parser.get(section, "endpoint_resource_manager", fallback="") if section else ""


def from_metadata(base: str, document: Json) -> Cloud:
    """A cloud from its metadata document (https://<arm>/metadata/endpoints)."""
    authentication = document.get("authentication") or {}
    audiences = authentication.get("audiences") or []
    login = str(authentication.get("loginEndpoint") or "").rstrip("/")
    if not login or not audiences:
        raise InvalidInput(
            f"cloud_environment={base!r} answered with metadata that lacks the login endpoint or the audiences.",
            option="cloud_environment",
            code="IncompleteCloudMetadata",
            remedy="Give the address of an Azure Resource Manager (api-version 2022-09-01 of its metadata).",
        )
    # The old form of the document does not name the provider; its address does.
    adfs = str(authentication.get("identityProvider") or "").upper() == "ADFS" or login.endswith("/adfs")
    return Cloud(
        name=str(document.get("name") or base),
        resource_manager=str(document.get("resourceManager") or base).rstrip("/"),
        authority=login.removesuffix("/adfs") if adfs else login,
        scope=str(audiences[0]).rstrip("/") + "/.default",
        discovered=True,
        tenant="adfs" if adfs else "",
    )


def _reason(error: BaseException) -> str:
    """The innermost reason of a failed request, which is the readable one."""
    reason: object = error.args[0] if error.args else error
    while getattr(reason, "reason", None):
        reason = getattr(reason, "reason", None)
    return re.sub(r"^\S*HTTPS?Connection\S*?(\(.*?\))?: ", "", str(reason)).rstrip(".")


def fetch_json(url: str, *, ca_bundle: str | None, timeout_s: float) -> Json:
    """GET a JSON document over TLS; every failure names the option cloud_environment."""
    try:
        # What azure-core uses, too; ansible.module_utils.urls takes long to import.
        import requests
    except ImportError as error:
        raise missing_library("azure-identity", error) from error
    try:
        answer = requests.get(url, timeout=timeout_s, verify=ca_bundle or True)
        answer.raise_for_status()
        # Azure Stack puts a byte order mark before the document.
        document = json.loads(answer.content.decode("utf-8-sig"))
    except (requests.RequestException, ValueError) as error:
        held = getattr(error, "response", None)
        raise Unreachable(
            f"The cloud metadata at {url} could not be read: {_reason(error)}.",
            option="cloud_environment",
            code="CloudMetadataUnavailable",
            status=None if held is None else held.status_code,
            remedy="Check cloud_environment, the network, and ca_bundle where the endpoint has its own certificate.",
        ) from error
    if not isinstance(document, dict):
        raise InvalidInput(
            f"cloud_environment: {url} answered with something that is not a JSON object.",
            option="cloud_environment",
            code="IncompleteCloudMetadata",
            remedy="Give the address of an Azure Resource Manager.",
        )
    return document
