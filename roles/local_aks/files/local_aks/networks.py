# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual networks and their subnets. The shapes follow the API description; none of it was recorded."""

from __future__ import annotations

import copy
import ipaddress
import uuid
from collections.abc import Iterator

from . import paging
from .clusters import Clusters
from .errors import ArmError, Json
from .lifecycle import PROVIDER as AKS
from .locations import required
from .messages import Request, Response, check_preconditions
from .registration import Registration
from .store import cluster_key

PROVIDER = "Microsoft.Network"
SUBNET_KEYS = ("vnetSubnetID", "podSubnetID")


class Networks:
    """The virtual networks of the subscription."""

    def __init__(self, clusters: Clusters, registration: Registration) -> None:
        self.clusters = clusters
        self.config = clusters.config
        self.store = clusters.store
        self.operations = clusters.operations
        self.registration = registration

    def listed(self, request: Request, group: str, size: int) -> Response:
        """The virtual networks of a group."""
        self.clusters.group(group)
        found = [body for key, body in self.store.networks() if key.startswith(f"{group.lower()}/")]
        return paging.page(request, found, size, self.config.url)

    def get(self, group: str, name: str) -> Response:
        """One virtual network."""
        return Response(200, self._network(group, name))

    def put(self, request: Request, group: str, name: str) -> Response:
        """Create or replace a virtual network with its subnets."""
        self.registration.require(PROVIDER)
        body = request.json()
        location = required(body.get("location"), f"{PROVIDER}/virtualNetworks")
        given = body.get("properties") or {}
        prefixes = (given.get("addressSpace") or {}).get("addressPrefixes") or []
        if not prefixes:
            message = "The address space of the virtual network must have at least one address prefix."
            raise ArmError(400, "AddressSpaceMissing", message, gateway=True)  # own words
        with self.store.transaction() as state:
            found = self.clusters.writable_group(group)
            key = cluster_key(group, name)
            live = state["networks"].get(key)
            check_preconditions(request, live["etag"] if live else None)
            base = f"/subscriptions/{self.config.subscription}/resourceGroups/{found['name']}/providers/{PROVIDER}"
            network = self._resource(f"{base}/virtualNetworks/{name}", f"{PROVIDER}/virtualNetworks")
            network.update(location=location, **({"tags": body["tags"]} if body.get("tags") else {}))
            network["properties"].update(addressSpace={"addressPrefixes": prefixes}, subnets=[])
            wanted = {str(item.get("name")).lower() for item in given.get("subnets") or []}
            for subnet in live["properties"]["subnets"] if live else []:
                if subnet["name"].lower() not in wanted:
                    self._refuse_used(subnet["id"])
            for item in given.get("subnets") or []:
                self._add(network, str(item.get("name")), item.get("properties") or {})
            network["properties"]["provisioningState"] = "Updating"
            state["networks"][key] = network
            identifier = str(self.operations.begin("network", key, location)["id"])
            return self._begun(request, identifier, network, 200 if live else 201)

    def patch(self, request: Request, group: str, name: str) -> Response:
        """Replace the tags."""
        with self.store.transaction() as state:
            self._network(group, name)
            network = state["networks"][cluster_key(group, name)]
            network["tags"] = request.json().get("tags") or {}
            return Response(200, network)

    def delete(self, request: Request, group: str, name: str) -> Response:
        """Delete a virtual network that nobody uses."""
        with self.store.transaction() as state:
            network = state["networks"].get(cluster_key(group, name))
            if network is None:
                return Response(204)
            for subnet in network["properties"]["subnets"]:
                self._refuse_used(subnet["id"])
            network["properties"]["provisioningState"] = "Deleting"
            operation = self.operations.begin("network_delete", cluster_key(group, name), network["location"])
            return self._begun(request, str(operation["id"]), None, 202)

    def launch(self, identifier: str) -> None:
        """Run or resume an operation on a virtual network."""
        operation = self.store.operation(identifier) or {}

        def finish(state: Json, status: str) -> None:
            network = state["networks"].get(operation["target"])
            if network is not None and operation["kind"] == "network_delete":
                del state["networks"][operation["target"]]
            elif network is not None:
                network["properties"]["provisioningState"] = "Succeeded"

        self.operations.run(identifier, lambda progress: None, finish)

    def _begun(self, request: Request, identifier: str, network: Json | None, status: int) -> Response:
        shown = copy.deepcopy(network)
        self.launch(identifier)
        url = self.clusters.life.url(identifier, "operations", request).replace(AKS, PROVIDER)
        headers = {"Azure-AsyncOperation": url}
        if status == 202:
            headers["Location"] = url
        return Response(status, shown, headers)

    def subnets(self, request: Request, group: str, name: str, size: int) -> Response:
        """The subnets of a virtual network."""
        return paging.page(request, self._network(group, name)["properties"]["subnets"], size, self.config.url)

    def subnet(self, group: str, name: str, subnet: str) -> Response:
        """One subnet."""
        for found in self._network(group, name)["properties"]["subnets"]:
            if found["name"].lower() == subnet.lower():
                return Response(200, found)
        message = f"The Resource '{PROVIDER}/virtualNetworks/{name}/subnets/{subnet}' was not found."
        raise ArmError(404, "NotFound", message, gateway=True)

    def put_subnet(self, request: Request, group: str, name: str, subnet: str) -> Response:
        """Create or change a subnet."""
        given = request.json().get("properties") or {}
        with self.store.transaction() as state:
            self._network(group, name)
            network = state["networks"][cluster_key(group, name)]
            before = len(network["properties"]["subnets"])
            made = self._add(network, subnet, given)
            return Response(201 if len(network["properties"]["subnets"]) > before else 200, made)

    def delete_subnet(self, group: str, name: str, subnet: str) -> Response:
        """Delete a subnet that nobody uses."""
        with self.store.transaction() as state:
            network = state["networks"].get(cluster_key(group, name))
            left = list((network or {}).get("properties", {}).get("subnets", []))
            found = [item for item in left if item["name"].lower() == subnet.lower()]
            if network is None or not found:
                return Response(204)
            self._refuse_used(found[0]["id"])
            network["properties"]["subnets"] = [item for item in left if item is not found[0]]
        return Response(200)

    def _network(self, group: str, name: str) -> Json:
        self.clusters.group(group)
        for key, body in self.store.networks():
            if key == cluster_key(group, name):
                return self._with_users(body)
        message = (
            f"The Resource '{PROVIDER}/virtualNetworks/{name}' under resource group '{group}' was not found. For more "
            "details please go to https://aka.ms/ARMResourceNotFoundFix"
        )
        raise ArmError(404, "ResourceNotFound", message, gateway=True)

    def _add(self, network: Json, name: str, given: Json) -> Json:
        prefix = given.get("addressPrefix") or (given.get("addressPrefixes") or [""])[0]
        space = network["properties"]["addressSpace"]["addressPrefixes"]
        others = [item for item in network["properties"]["subnets"] if item["name"].lower() != name.lower()]
        target = f"subnet '{name}' in virtual network '{network['name']}'"
        try:
            wanted = ipaddress.ip_network(prefix)
        except ValueError as error:
            message = f"The address prefix {prefix} of {target} is not a valid CIDR: {error}."
            raise ArmError(400, "InvalidCIDRNotation", message, gateway=True) from error
        if not any(_inside(wanted, outer) for outer in space):
            message = f"The address prefix {prefix} of {target} is not contained within its address space."
            raise ArmError(400, "NetcfgInvalidSubnet", message, gateway=True)
        for other in others:
            if wanted.overlaps(ipaddress.ip_network(other["properties"]["addressPrefix"])):
                message = f"The address prefix {prefix} of {target} overlaps with that of subnet '{other['name']}'."
                raise ArmError(400, "NetcfgSubnetRangesOverlap", message, gateway=True)
        subnet = self._resource(f"{network['id']}/subnets/{name}", f"{PROVIDER}/virtualNetworks/subnets")
        subnet["properties"].update({key: value for key, value in given.items() if key != "addressPrefixes"})
        subnet["properties"]["addressPrefix"] = prefix
        network["properties"]["subnets"] = [*others, subnet]
        return subnet

    @staticmethod
    def _resource(identifier: str, kind: str) -> Json:
        etag = f'W/"{uuid.uuid4()}"'
        return {
            "name": identifier.rsplit("/", 1)[-1],
            "id": identifier,
            "etag": etag,
            "type": kind,
            "properties": {"provisioningState": "Succeeded"},
        }

    def _with_users(self, network: Json) -> Json:
        for subnet in network["properties"]["subnets"]:
            users = [{"id": user} for user in self._users(subnet["id"])]
            if users:
                subnet["properties"]["ipConfigurations"] = users
        return network

    def _users(self, subnet: str) -> Iterator[str]:
        for record in self.store.clusters():
            properties = record["body"]["properties"]
            for pool in properties["agentPoolProfiles"]:
                if subnet.lower() in {str(pool.get(key, "")).lower() for key in SUBNET_KEYS}:
                    yield (
                        f"/subscriptions/{self.config.subscription}/resourceGroups/{properties['nodeResourceGroup']}"
                        f"/providers/Microsoft.Compute/virtualMachineScaleSets/aks-{pool['name']}-vmss"
                    )

    def _refuse_used(self, subnet: str) -> None:
        for user in self._users(subnet):
            message = (
                f"Subnet {subnet.rsplit('/', 1)[-1]} is in use by {user} and cannot be deleted. In order to delete the "
                "subnet, delete all the resources within the subnet. See aka.ms/deletesubnet."
            )
            raise ArmError(400, "InUseSubnetCannotBeDeleted", message, gateway=True)


def _inside(inner: ipaddress.IPv4Network | ipaddress.IPv6Network, outer: str) -> bool:
    space = ipaddress.ip_network(outer, strict=False)
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(space, ipaddress.IPv4Network):
        return inner.subnet_of(space)
    return (
        isinstance(inner, ipaddress.IPv6Network) and isinstance(space, ipaddress.IPv6Network) and inner.subnet_of(space)
    )
