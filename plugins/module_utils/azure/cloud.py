# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Azure clouds: where Azure Resource Manager and the authority are, by name or from a metadata URL."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass

from ansible.module_utils.urls import ConnectionError, open_url

from .._errors import InvalidInput, Unreachable
from .._types import Json

METADATA_PATH = "/metadata/endpoints?api-version=2022-09-01"


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


def resolve(value: str, fetch: Callable[[str], Json]) -> Cloud:
    """The cloud that the option cloud_environment names; fetch reads the JSON document behind an https URL."""
    known = KNOWN.get(value.lower())
    if known:
        return known
    parsed = urllib.parse.urlparse(value)
    if parsed.scheme != "https" or not parsed.netloc:
        names = ", ".join(cloud.name for cloud in KNOWN.values())
        raise InvalidInput(
            f"cloud_environment={value!r} is neither the name of a cloud ({names}) nor an https URL.",
            option="cloud_environment",
            code="UnknownCloudEnvironment",
            remedy=f"Use one of {names}, or the https address of an Azure Resource Manager that serves metadata.",
        )
    # A full metadata address and the bare address of the Resource Manager are both in use.
    base = value.split("/metadata/endpoints", 1)[0].rstrip("/")
    return from_metadata(base, fetch(base + METADATA_PATH))


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
    adfs = str(authentication.get("identityProvider") or "").upper() == "ADFS"
    return Cloud(
        name=str(document.get("name") or base),
        resource_manager=str(document.get("resourceManager") or base).rstrip("/"),
        authority=login.removesuffix("/adfs") if adfs else login,
        scope=str(audiences[0]).rstrip("/") + "/.default",
        discovered=True,
        tenant="adfs" if adfs else "",
    )


def fetch_json(url: str, *, ca_bundle: str | None, timeout_s: float) -> Json:
    """GET a JSON document over TLS; every failure names the option cloud_environment."""
    try:
        with open_url(url, timeout=timeout_s, ca_path=ca_bundle) as answer:
            # Azure Stack puts a byte order mark before the document.
            document = json.loads(answer.read().decode("utf-8-sig"))
    except (OSError, ValueError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise Unreachable(
            f"The cloud metadata at {url} could not be read: {reason}.",
            option="cloud_environment",
            code="CloudMetadataUnavailable",
            status=error.code if isinstance(error, urllib.error.HTTPError) else None,
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
