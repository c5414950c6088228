# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a subscription lacks is named before a cluster is created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, Unsupported
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import providers
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import Answer, ArmClient
from fake_arm import BASE, error
from fakes import FakeClock

HOST = "Microsoft.Compute/EncryptionAtHost"
BASIC = providers.ALWAYS


class States:
    """Registration states by the end of the address; Registered where nothing is said."""

    def __init__(self, **states: str | Answer) -> None:
        self.states = {name.replace("_", "."): state for name, state in states.items()}
        self.asked: list[str] = []

    def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        assert method == "GET"
        self.asked.append(url.removeprefix(f"{BASE}/subscriptions/s/"))
        path = url.split("?")[0]
        state = self.states.get(path.rsplit("/", 1)[-1], "Registered")
        if isinstance(state, Answer):
            return state
        return Answer(
            200, {}, {"properties": {"state": state}} if "/features/" in path else {"registrationState": state}
        )


def require(states: States, needed: providers.Needed) -> None:
    arm = ArmClient(states, base_url=BASE, subscription_id="s", api_version="1", patience_s=30.0, clock=FakeClock())
    providers.require(arm, needed)


@pytest.mark.parametrize(
    ("params", "more", "features"),
    [
        ({}, (), ()),
        ({"identity": {"type": "UserAssigned"}}, ("Microsoft.ManagedIdentity",), ()),
        (
            {"properties": {"addonProfiles": {"omsAgent": {"enabled": True}}}},
            ("Microsoft.OperationsManagement", "Microsoft.OperationalInsights"),
            (),
        ),
        ({"properties": {"addonProfiles": {"omsAgent": {"enabled": False}}}}, (), ()),
        ({"agent_pools": [{"name": "a"}, {"name": "b", "enable_encryption_at_host": True}]}, (), (HOST,)),
        ({"agent_pools": [{"properties": {"enableEncryptionAtHost": True}}]}, (), (HOST,)),
        (
            {"agent_pools": [{"properties": {"nodeInitializationTaints": ["a=b:NoSchedule"]}}]},
            (),
            ("Microsoft.ContainerService/NodeInitializationTaintsPreview",),
        ),
        (
            {"properties": {"networkProfile": {"kubeProxyConfig": {"enabled": False}}}},
            (),
            ("Microsoft.ContainerService/KubeProxyConfigurationPreview",),
        ),
        (
            {
                "network_profile": {"network_plugin": "none"},
                "properties": {"networkProfile": {"kubeProxyConfig": {"enabled": False}}},
            },
            (),
            (),
        ),
    ],
)
def test_options_tell_what_is_needed(params: dict[str, Any], more: tuple[str, ...], features: tuple[str, ...]) -> None:
    assert providers.needed_by(params) == providers.Needed(BASIC + more, features)


def test_what_is_registered_is_asked_for_once() -> None:
    states = States()
    require(states, providers.Needed(features=(HOST,)))
    assert states.asked == [
        "providers/Microsoft.ContainerService?api-version=2021-04-01",
        "providers/Microsoft.Network?api-version=2021-04-01",
        "providers/Microsoft.Compute?api-version=2021-04-01",
        "providers/Microsoft.Features/providers/Microsoft.Compute/features/EncryptionAtHost?api-version=2021-07-01",
    ]


def test_all_that_is_missing_is_named_with_the_commands() -> None:
    states = States(
        Microsoft_Network="NotRegistered", EncryptionAtHost="NotRegistered", Microsoft_Compute="Registering"
    )
    with pytest.raises(Unsupported, match=r"Microsoft\.Network \(NotRegistered\)") as caught:
        require(states, providers.Needed(features=(HOST,)))
    assert caught.value.details["missing"] == {
        "Microsoft.Network": "NotRegistered",
        "Microsoft.Compute": "Registering",
        HOST: "NotRegistered",
    }
    remedy = caught.value.remedy
    assert "az provider register --namespace Microsoft.Network --wait" in remedy
    assert "az feature register --namespace Microsoft.Compute --name EncryptionAtHost" in remedy
    assert "Wait for Microsoft.Compute" in remedy
    assert "check_providers" in remedy


def test_what_may_not_be_read_is_not_judged() -> None:
    require(States(Microsoft_Network=error(403, "AuthorizationFailed")), providers.Needed())
    with pytest.raises(AuthFailed):
        require(States(Microsoft_Network=error(401, "ExpiredAuthenticationToken")), providers.Needed())


def test_a_cloud_without_the_provider_is_told_and_an_unknown_feature_is_not() -> None:
    require(States(EncryptionAtHost=error(404, "FeatureNotFound")), providers.Needed(features=(HOST,)))
    with pytest.raises(Unsupported, match="not in this cloud"):
        require(States(Microsoft_ContainerService=error(404, "InvalidResourceNamespace")), providers.Needed())
