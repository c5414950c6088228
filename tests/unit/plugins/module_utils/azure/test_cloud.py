# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cloud, and how its metadata is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput, Unreachable
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cloud import (
    fetch_json,
    from_metadata,
    named,
    resolve,
)

METADATA = {
    "name": "LocalAKS",
    "resourceManager": "https://arm.test/",
    "authentication": {
        "loginEndpoint": "https://login.test/",
        "audiences": ["https://arm.test/", "https://other"],
        "identityProvider": "AAD",
    },
}


def nothing(url: str) -> dict[str, Any]:
    raise AssertionError(f"{url} must not be asked")


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("AzureCloud", "https://management.azure.com/.default"),
        ("azurechinacloud", "https://management.chinacloudapi.cn/.default"),
        ("AzureUSGovernment", "https://management.core.usgovcloudapi.net/.default"),
    ],
)
def test_known_clouds_need_no_request(name: str, scope: str) -> None:
    cloud = resolve(name, nothing)
    assert cloud.scope == scope
    assert not cloud.discovered


@pytest.mark.parametrize(
    "url", ["https://arm.test", "https://arm.test/", "https://arm.test/metadata/endpoints?api-version=2020-06-01"]
)
def test_a_url_is_asked_for_its_metadata(url: str) -> None:
    asked: list[str] = []

    def fetch(address: str) -> dict[str, Any]:
        asked.append(address)
        return METADATA

    cloud = resolve(url, fetch)
    assert asked == ["https://arm.test/metadata/endpoints?api-version=2022-09-01"]
    assert (cloud.resource_manager, cloud.authority) == ("https://arm.test", "https://login.test")
    assert cloud.scope == "https://arm.test/.default"
    assert cloud.discovered


@pytest.mark.parametrize("value", ["Mars", "http://arm.test", "https://", ""])
def test_anything_else_is_refused_with_the_allowed_names(value: str) -> None:
    with pytest.raises(InvalidInput, match="AzureChinaCloud") as caught:
        resolve(value, nothing)
    assert caught.value.option == "cloud_environment"
    assert repr(value) in caught.value.message


def test_adfs_prescribes_its_tenant() -> None:
    authentication = {**METADATA["authentication"], "identityProvider": "ADFS", "loginEndpoint": "https://a.test/adfs"}  # type: ignore[dict-item]
    cloud = from_metadata("https://arm.test", {**METADATA, "authentication": authentication})
    assert (cloud.tenant, cloud.authority) == ("adfs", "https://a.test")


def test_the_old_form_of_the_metadata_will_do() -> None:
    asked: list[str] = []
    old = {"authentication": {"loginEndpoint": "https://a.test/adfs", "audiences": ["https://management.stack/guid"]}}

    def fetch(address: str) -> dict[str, Any]:
        asked.append(address)
        if "2015-01-01" not in address:
            raise Unreachable("no such version", status=400)
        return old

    cloud = resolve("https://arm.test", fetch)
    assert (cloud.resource_manager, cloud.authority, cloud.tenant) == ("https://arm.test", "https://a.test", "adfs")
    assert cloud.scope == "https://management.stack/guid/.default"
    assert len(asked) == 2


def test_a_name_that_az_knows_is_a_cloud(tmp_path: Path) -> None:
    (tmp_path / "clouds.config").write_text(
        "[Stack]\nendpoint_resource_manager = https://arm.test/\n", encoding="utf-8"
    )
    asked: list[str] = []

    def fetch(address: str) -> dict[str, Any]:
        asked.append(address)
        return METADATA

    assert resolve("stack", fetch, {"AZURE_CONFIG_DIR": str(tmp_path)}).name == "LocalAKS"
    assert asked[0].startswith("https://arm.test/metadata/endpoints?")
    with pytest.raises(InvalidInput, match="'other'"):
        resolve("other", nothing, {"AZURE_CONFIG_DIR": str(tmp_path)})


def test_the_profile_tells_the_cloud_only_beside_the_default() -> None:
    assert named("AzureCloud", "") == named("", "") == "AzureCloud"
    assert named("AzureCloud", "https://arm.test") == "https://arm.test"
    assert named("AzureChinaCloud", "https://arm.test") == "AzureChinaCloud"


@pytest.mark.parametrize("document", [{}, {"authentication": {"loginEndpoint": "https://x"}}])
def test_incomplete_metadata_is_an_error(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        from_metadata("https://arm.test", document)
    assert caught.value.code == "IncompleteCloudMetadata"


def test_an_endpoint_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9") as caught:
        fetch_json("https://127.0.0.1:9/metadata", ca_bundle=None, timeout_s=2)
    assert caught.value.option == "cloud_environment"
