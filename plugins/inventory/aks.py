# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AKS clusters as inventory hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: aks
short_description: AKS clusters as hosts
version_added: 0.1.0
author: Cloudnet contributors (@cloudnet)
description:
  - Lists the managed clusters of one or several Azure subscriptions as hosts, with C(ansible_connection=local), so that
    the playbooks and roles of this collection run for each of them.
  - The name of the file must end with C(.aks.yml) or C(.aks.yaml), or be C(aks.yml) or C(aks.yaml).
  - Each host has the variables of C(clusters) as M(cloudnet.aks_cilium.aks_cluster_info) returns them, with C(aks_) in
    front, such as C(aks_id), C(aks_tags), C(aks_network_mode) and C(aks_fqdn), and C(aks_minor_version), such as
    V(1.34). It is in the group C(aks).
  - It only reads.
extends_documentation_fragment:
  - constructed
  - inventory_cache
  - cloudnet.aks_cilium.azure
  - cloudnet.aks_cilium.azure.plugin
notes:
  - Templates in the options of the connection are resolved, so a secret may come from a lookup.
options:
  plugin:
    description: Marks the file as one of this plugin.
    type: str
    required: true
    choices: [cloudnet.aks_cilium.aks]
  subscriptions:
    description:
      - Subscriptions to list. Without it, O(subscription_id).
      - V(*) stands for all enabled ones that the identity sees.
    type: list
    elements: str
    default: []
  include_resource_groups:
    description: Only clusters of these resource groups. C(*) and C(?) stand for any characters.
    type: list
    elements: str
    default: []
  exclude_resource_groups:
    description: No clusters of these resource groups. C(*) and C(?) stand for any characters.
    type: list
    elements: str
    default: []
  tags:
    description:
      - Only clusters with all of these tags. A value may be a list, of which one must fit, or null for any value.
    type: dict
    default: {}
  hostnames:
    description:
      - Jinja2 expressions over the variables of a host. The first that gives a text is its name. Without one, the name
        of the cluster.
      - Where several clusters get the same name, C(_) and the resource group follow, and if need be the subscription.
    type: list
    elements: str
    default: []
  standard_groups:
    description:
      - Groups that are made without being described.
      - V(network_mode) gives C(byo_cni), C(azure_cni_cilium) or C(other), as in the example inventories of this
        collection. V(location) gives C(location_westeurope), V(version) C(version_1_34), V(tags) C(tag_team_network).
    type: list
    elements: str
    choices: [network_mode, location, version, tags]
    default: [network_mode, location, version, tags]
  role_variables:
    description:
      - Whether each host also gets C(aks_cluster_name), C(aks_cluster_resource_group), C(aks_cluster_location) and
        C(aks_cluster_connection), as the role P(cloudnet.aks_cilium.aks_cluster#role) needs them.
      - The connection has the subscription and what else is set here, but no secret; that is for the environment.
        As a variable of a host it is stronger than one in C(group_vars). Set this to V(false) to keep the latter.
    type: bool
    default: true
"""

EXAMPLES = r"""
# demo.aks.yml: all clusters of the subscription in AZURE_SUBSCRIPTION_ID, with the credential in the environment.
plugin: cloudnet.aks_cilium.aks

---
# Production clusters of two subscriptions, grouped by team, listed once per hour.
plugin: cloudnet.aks_cilium.aks
subscriptions:
  - 00000000-0000-0000-0000-000000000001
  - 00000000-0000-0000-0000-000000000002
exclude_resource_groups: ["*-sandbox"]
tags:
  stage: [prod, canary]
hostnames:
  - aks_tags.dns_name
  - aks_name
keyed_groups:
  - key: aks_tags.team
    prefix: team
groups:
  stopped: aks_power_state == 'Stopped'
compose:
  cilium_k8s_service_host: aks_api_server_host
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.ansible/cache/aks
cache_timeout: 3600
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import info
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.argspec import AZURE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.plugin_utils import aks_hosts

try:
    # Since ansible-core 2.19 only what is trusted is looked through for templates.
    from ansible.template import trust_as_template as _trusted

    _opaque: Callable[[str], str] = str
except ImportError:
    # Before, everything is, unless it is marked as unsafe.
    from ansible.utils.unsafe_proxy import wrap_var

    _opaque, _trusted = wrap_var, str

SUFFIXES = (".aks.yml", ".aks.yaml", "/aks.yml", "/aks.yaml")
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
# What a task needs to reach the same Azure. Secrets are left out: variables of hosts are shown freely.
SHAREABLE = ("auth_source", "cloud_environment", "ca_bundle", "tenant", "client_id", "profile")
TEMPLATE_MARKS = ("{{", "{%", "{#")


def _as_text(value: Any) -> Any:
    """A value whose templates, if there are any, are never resolved.

    Only what holds one is marked as unsafe (or left without trust): ansible-inventory and AWX show marks as they are.
    """
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if not isinstance(value, str):
        return value
    return _opaque(value) if any(mark in value for mark in TEMPLATE_MARKS) else _trusted(value)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Reads clusters, and makes hosts of them."""

    NAME = "cloudnet.aks_cilium.aks"

    def verify_file(self, path: str) -> bool:
        """Whether the file is meant for this plugin, by its name."""
        return bool(super().verify_file(path)) and f"/{path}".endswith(SUFFIXES)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        params = self._params()
        try:
            clusters = self._clusters(params, path, cache)
        except CollectionError as error:
            # Ansible would show the text of a cause once more.
            raise AnsibleParserError(f"{path}: {error.text()}") from None
        wanted = [cluster for cluster in clusters if self._selected(cluster)]
        names = aks_hosts.unique_names(wanted, [self._wanted_name(cluster) for cluster in wanted])
        connection = self._connection(params)
        for name, cluster in zip(names, wanted, strict=True):
            self._add(name, cluster, connection)

    def _params(self) -> dict[str, Any]:
        """The options of the connection as modules have them, templates resolved."""
        params = {name: self.get_option(name) for name in (*AZURE.options, "subscriptions")}
        return {name: self.templar.template(value) for name, value in params.items()}

    def _clusters(self, params: dict[str, Any], path: str, cache: bool) -> list[dict[str, Any]]:
        """From the cache where that is allowed and filled, else from Azure."""
        chosen = [params[name] for name in ("subscriptions", "subscription_id", *SHAREABLE)]
        digest = hashlib.sha256(json.dumps(chosen).encode()).hexdigest()[:12]
        key = f"{self.get_cache_key(path)}_{digest}"
        use_cache = self.get_option("cache")
        if use_cache and cache:
            # Only reading fetches an entry from where the cache keeps it; `in` does not.
            with contextlib.suppress(KeyError):
                cached: list[dict[str, Any]] = self._cache[key]
                return cached
        clusters = self._read(params)
        if use_cache:
            self._cache[key] = clusters
        return clusters

    def _read(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        arm = connect(info.connection(params), hide=lambda secret: None)
        subscriptions = params["subscriptions"] or [arm.subscription_id]
        return info.shown(info.clusters_in(arm, subscriptions, "", self.display.warning))

    def _selected(self, cluster: dict[str, Any]) -> bool:
        return aks_hosts.selected(
            cluster,
            include=self.get_option("include_resource_groups"),
            exclude=self.get_option("exclude_resource_groups"),
            tags=self.get_option("tags"),
        )

    def _wanted_name(self, cluster: dict[str, Any]) -> str:
        variables = _as_text(aks_hosts.variables_of(cluster))
        for expression in self.get_option("hostnames"):
            try:
                name = self._compose(expression, variables)
            except AnsibleError as error:
                if self.get_option("strict"):
                    raise AnsibleParserError(
                        f"hostnames: {expression} gives no name for cluster {cluster['name']}: {error}"
                    ) from error
                continue
            if name:
                return str(name)
        return str(cluster["name"])

    def _connection(self, params: dict[str, Any]) -> dict[str, Any]:
        defaults = {name: AZURE.options[name].get("default") for name in SHAREABLE}
        return {name: params[name] for name in SHAREABLE if params[name] and params[name] != defaults[name]}

    def _add(self, name: str, cluster: dict[str, Any], connection: dict[str, Any]) -> None:
        """One host with its variables and groups. Tags are other people's text, so no template in them is resolved."""
        self.inventory.add_host(name, group=self.inventory.add_group("aks"))
        variables = aks_hosts.variables_of(cluster)
        if self.get_option("role_variables"):
            variables.update(aks_hosts.role_variables(cluster, connection))
        variables = _as_text(variables)
        for key, value in variables.items():
            self.inventory.set_variable(name, key, value)
        for key, value in LOCAL.items():
            self.inventory.set_variable(name, key, _trusted(value))
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        for group in aks_hosts.standard_groups(cluster, self.get_option("standard_groups")):
            self.inventory.add_child(self.inventory.add_group(self._sanitize_group_name(group)), name)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)
