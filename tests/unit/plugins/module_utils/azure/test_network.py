# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The virtual network of a first try: made when missing, kept when it is somebody's, removed when it was ours."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import Conflict, InvalidInput, NotFound
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import network
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import Answer, ArmClient
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.group import OUR_TAG, OUR_VALUE
from fake_arm import BASE, error
from fakes import FakeClock

Json = dict[str, Any]
PATH = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet"
OURS = {OUR_TAG: OUR_VALUE}
NODES = "/subscriptions/s/resourceGroups/MC_rg_demo/providers/Microsoft.Compute/virtualMachineScaleSets/x/nic"


class Networks:
    """Virtual networks in memory. settles: looks after which an operation has ended; before_write: answers first."""

    def __init__(self, live: Json | None = None, *, settles: int = 2) -> None:
        self.live = copy.deepcopy(live)
        self.settles = settles
        self.before_write: list[Answer] = []
        self.asked: list[tuple[str, str, Json | None]] = []
        self.with_operations = True
        self._left = 0
        self._end: Any = None

    @property
    def writes(self) -> list[tuple[str, str, Json | None]]:
        return [item for item in self.asked if item[0] != "GET"]

    def client(self) -> ArmClient:
        return ArmClient(self, base_url=BASE, subscription_id="s", api_version="1", patience_s=30.0, clock=FakeClock())

    def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        path, version = url.removeprefix(BASE).split("?", 1)
        body = json.loads(content) if content else None
        self.asked.append((method, path, body))
        if path == "/operation":
            return Answer(200, {}, {"status": "Succeeded" if self._step() else "InProgress"})
        assert version == "api-version=2024-05-01"
        if method == "GET":
            self._step()
            return Answer(200, {}, copy.deepcopy(self.live)) if self.live else error(404, "ResourceNotFound")
        if self.before_write:
            return self.before_write.pop(0)
        return self._write(method, path, body)

    def _step(self) -> bool:
        self._left -= 1
        if self._left <= 0 and self._end:
            self._end()
            self._end = None
        return self._left <= 0

    def _write(self, method: str, path: str, body: Json | None) -> Answer:
        self._left = self.settles
        headers = {"azure-asyncoperation": f"{BASE}/operation?s=signed"} if self.with_operations else {}
        if method == "DELETE":
            self._end = lambda: self._remove(path)
            return Answer(202, headers)
        if path == PATH:
            self.live = copy.deepcopy(body)
        else:
            (self.live or {})["properties"]["subnets"].append({"name": path.rsplit("/", 1)[-1], **(body or {})})
        state = (self.live or {})["properties"]
        state["provisioningState"] = "Updating"
        self._end = lambda: state.update(provisioningState="Succeeded")
        return Answer(201, headers, self.live)

    def _remove(self, path: str) -> None:
        name = path.rsplit("/", 1)[-1]
        if path == PATH:
            self.live = None
        elif self.live:
            subnets = self.live["properties"]["subnets"]
            self.live["properties"]["subnets"] = [item for item in subnets if item["name"] != name]


def vnet(*subnets: Json, tags: Json | None = None, **more: Any) -> Json:
    space = {"addressPrefixes": ["10.240.0.0/12"]}
    properties = {"provisioningState": "Succeeded", "addressSpace": space, "subnets": list(subnets), **more}
    return {"id": PATH, "name": "vnet", "tags": OURS if tags is None else tags, "properties": properties}


def subnet(name: str = "nodes", cidr: str = "10.240.0.0/16", **more: Any) -> Json:
    return {"name": name, "properties": {"addressPrefix": cidr, **more}}


def options(**more: Any) -> Json:
    given = {"name": "vnet", "resource_group": None, "cidrs": ["10.240.0.0/12"], **more.pop("network", {})}
    given.setdefault("subnet", {"name": "nodes", "cidr": "10.240.0.0/16"})
    return {"resource_group": "rg", "location": "westeurope", "tags": {"team": "net"}, "virtual_network": given, **more}


def ensure(networks: Networks, *, check: bool = False, **more: Any) -> network.Outcome:
    lines: list[str] = []
    return network.ensure(networks.client(), options(**more), check=check, timeout_s=600, progress=lines.append)


def remove(networks: Networks, *, check: bool = False, **how: Any) -> network.Outcome:
    lines: list[str] = []
    how.setdefault("node_resource_group", "MC_rg_demo")
    return network.remove(networks.client(), options(), check=check, timeout_s=600, progress=lines.append, **how)


class TestNothingAsked:
    def test_costs_nothing(self) -> None:
        networks = Networks()
        arm, params = networks.client(), {"resource_group": "rg", "virtual_network": None}
        network.check(params)
        assert network.subnet_id(arm, params) == ""
        for act in (network.ensure, network.remove):
            assert act(arm, params, check=False, timeout_s=1, progress=print) == network.Outcome()
        assert networks.asked == []


class TestEnsure:
    @pytest.mark.parametrize("with_operations", [True, False])
    def test_makes_network_and_subnet_with_our_tag(self, with_operations: bool) -> None:
        networks = Networks()
        networks.with_operations = with_operations
        planned = ensure(networks, check=True)
        assert networks.writes == []
        done = ensure(networks)
        assert (planned.changed, planned.after) == (done.changed, done.after) == (True, planned.after)
        assert done.subnet_id == f"{PATH}/subnets/nodes"
        ((method, path, body),) = networks.writes
        assert (method, path) == ("PUT", PATH)
        assert body == {
            "location": "westeurope",
            "tags": {"team": "net", **OURS},
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.240.0.0/12"]},
                "subnets": [{"name": "nodes", "properties": {"addressPrefix": "10.240.0.0/16"}}],
            },
        }
        assert networks.live
        assert networks.live["properties"]["provisioningState"] == "Succeeded"
        assert not ensure(networks).changed
        assert len(networks.writes) == 1

    @pytest.mark.parametrize("tags", [{}, OURS])
    def test_what_fits_is_used_and_never_changed(self, tags: Json) -> None:
        networks = Networks(vnet(subnet(), subnet("other", "10.241.0.0/16"), tags=tags))
        assert ensure(networks) == network.Outcome(subnet_id=f"{PATH}/subnets/nodes")
        names_only = {"cidrs": None, "subnet": {"name": "NODES", "cidr": None}}
        assert not ensure(networks, network=names_only).changed
        assert networks.writes == []

    def test_a_subnet_is_added_to_our_network_only(self) -> None:
        networks = Networks(vnet(subnet("other", "10.241.0.0/16")))
        assert ensure(networks, check=True).changed
        assert networks.writes == []
        assert ensure(networks).changed
        assert networks.writes == [("PUT", f"{PATH}/subnets/nodes", {"properties": {"addressPrefix": "10.240.0.0/16"}})]
        foreign = Networks(vnet(subnet("other", "10.241.0.0/16"), tags={"team": "theirs"}))
        with pytest.raises(NotFound, match="nodes") as caught:
            ensure(foreign)
        assert (caught.value.code, caught.value.option) == ("SubnetNotFound", "virtual_network.subnet.name")
        assert "other" in caught.value.remedy
        assert foreign.writes == []

    @pytest.mark.parametrize(
        ("given", "option"),
        [
            ({"cidrs": ["10.0.0.0/8"]}, "virtual_network.cidrs"),
            ({"subnet": {"name": "nodes", "cidr": "10.241.0.0/16"}}, "virtual_network.subnet.cidr"),
        ],
    )
    def test_other_ranges_than_the_given_ones_are_an_error(self, given: Json, option: str) -> None:
        networks = Networks(vnet(subnet()))
        with pytest.raises(InvalidInput) as caught:
            ensure(networks, network=given)
        assert (caught.value.option, caught.value.code) == (option, "VirtualNetworkDiffers")
        assert networks.writes == []

    @pytest.mark.parametrize(
        ("given", "option"),
        [
            ({"network": {"cidrs": None}}, "virtual_network.cidrs"),
            ({"network": {"subnet": {"name": "nodes", "cidr": None}}}, "virtual_network.subnet.cidr"),
            ({"location": None}, "location"),
        ],
    )
    @pytest.mark.parametrize("check", [True, False])
    def test_what_a_creation_needs_is_named(self, given: Json, option: str, check: bool) -> None:
        networks = Networks()
        with pytest.raises(InvalidInput) as caught:
            ensure(networks, check=check, **given)
        assert caught.value.option == option
        assert networks.writes == []

    def test_another_runs_network_is_met_by_looking_again(self) -> None:
        networks = Networks(vnet(subnet("other", "10.241.0.0/16")))
        networks.before_write = [error(409, "AnotherOperationInProgress"), error(412, "PreconditionFailed")]
        assert ensure(networks).changed
        stuck = Networks()
        stuck.before_write = [error(409, "AnotherOperationInProgress")] * 9
        with pytest.raises(Conflict):
            ensure(stuck)


class TestRemove:
    def test_takes_back_what_it_made(self) -> None:
        networks = Networks()
        ensure(networks)
        planned = remove(networks, check=True)
        assert networks.live is not None
        done = remove(networks)
        assert (planned.changed, planned.before, planned.removed) == (done.changed, done.before, done.removed)
        assert done.removed == [PATH]
        assert networks.live is None
        assert remove(networks) == network.Outcome()

    @pytest.mark.parametrize(
        ("live", "reason"),
        [
            (vnet(subnet(), tags={}), "tag"),
            (vnet(subnet(), tags={OUR_TAG: "kept"}), "tag"),
            (vnet(subnet(ipConfigurations=[{"id": "/subscriptions/s/resourceGroups/x/nic"}])), "other resource uses"),
            (vnet(subnet(delegations=[{"name": "aci"}])), "other resource uses"),
            (vnet(subnet(), virtualNetworkPeerings=[{"name": "hub"}]), "peered"),
        ],
        ids=["no tag", "other value", "addresses", "delegation", "peering"],
    )
    @pytest.mark.parametrize("check", [True, False])
    def test_what_is_not_ours_or_is_used_stays(self, live: Json, reason: str, check: bool) -> None:
        networks = Networks(live)
        outcome = remove(networks, check=check)
        assert (outcome.changed, outcome.removed) == (False, [])
        assert reason in outcome.message
        assert networks.writes == []

    def test_beside_other_subnets_only_ours_goes(self) -> None:
        networks = Networks(vnet(subnet(), subnet("other", "10.241.0.0/16")))
        outcome = remove(networks)
        assert (outcome.changed, outcome.removed) == (True, [])
        assert networks.writes == [("DELETE", f"{PATH}/subnets/nodes", None)]
        assert networks.live
        assert [item["name"] for item in networks.live["properties"]["subnets"]] == ["other"]
        assert remove(networks) == network.Outcome()

    def test_in_check_mode_the_clusters_own_nodes_are_no_reason(self) -> None:
        assert remove(Networks(vnet(subnet(ipConfigurations=[{"id": NODES}]))), check=True).changed

    def test_addresses_of_the_deleted_nodes_are_waited_for(self) -> None:
        networks = Networks(vnet(subnet(ipConfigurations=[{"id": NODES}])))
        arm = networks.client()
        free = networks.live["properties"]["subnets"][0]["properties"].pop  # type: ignore[index]
        arm.clock.during_sleep.append(lambda: free("ipConfigurations", None))  # type: ignore[attr-defined]
        outcome = network.remove(
            arm, options(), check=False, timeout_s=600, progress=print, node_resource_group="mc_rg_demo"
        )
        assert outcome.changed
        assert networks.live is None

    def test_addresses_that_are_never_freed_are_told(self) -> None:
        networks = Networks(vnet(subnet(ipConfigurations=[{"id": NODES}])))
        outcome = remove(networks)
        assert not outcome.changed
        assert "run again" in outcome.message
        assert networks.writes == []

    def test_a_use_that_only_azure_knows_is_no_failure(self) -> None:
        networks = Networks(vnet(subnet()))
        networks.before_write = [error(400, "InUseSubnetCannotBeDeleted", "Subnet nodes is in use.")]
        outcome = remove(networks)
        assert (outcome.changed, outcome.removed) == (False, [])
        assert "in use" in outcome.message
        networks.before_write = [error(400, "SomethingElse")]
        with pytest.raises(InvalidInput):
            remove(networks)

    def test_without_waiting_it_is_only_asked_for(self) -> None:
        networks = Networks(vnet(subnet()), settles=99)
        assert remove(networks, wait=False).changed
        assert networks.asked[-1][0] == "DELETE"


class TestCheck:
    @pytest.mark.parametrize(
        ("given", "option"),
        [
            ({"name": "-x"}, "virtual_network.name"),
            ({"name": "x" * 65}, "virtual_network.name"),
            ({"subnet": {"name": "a b", "cidr": None}}, "virtual_network.subnet.name"),
            ({"cidrs": ["10.0.0.1/8"]}, "virtual_network.cidrs"),
            ({"cidrs": ["10.20.0.0"]}, "virtual_network.cidrs"),
            ({"subnet": {"name": "nodes", "cidr": "nonsense"}}, "virtual_network.subnet.cidr"),
            ({"subnet": {"name": "nodes", "cidr": "192.168.0.0/24"}}, "virtual_network.subnet.cidr"),
            ({"subnet": {"name": "nodes", "cidr": "10.0.0.0/8"}}, "virtual_network.subnet.cidr"),
            ({"subnet": {"name": "nodes", "cidr": "fd00::/64"}}, "virtual_network.subnet.cidr"),
            ({"resource_group": "rg."}, "resource_group"),
        ],
    )
    def test_mistakes_are_named(self, given: Json, option: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            network.check(options(network=given))
        assert caught.value.option == option

    def test_good_ones_pass(self) -> None:
        network.check(options())
        network.check(options(network={"cidrs": None, "subnet": {"name": "a.b-c_1", "cidr": None}}))
        both = {"cidrs": ["10.240.0.0/12", "fd00::/48"], "subnet": {"name": "nodes", "cidr": "fd00::/64"}}
        network.check(options(network=both))

    def test_the_network_may_be_in_another_group(self) -> None:
        given = options(network={"resource_group": "rg-net"})
        expected = PATH.replace("/rg/", "/rg-net/") + "/subnets/nodes"
        assert network.subnet_id(Networks().client(), given) == expected
