#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_cluster_info
short_description: Read AKS managed clusters
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Reads one managed cluster, those of a resource group, or those of one or several subscriptions. A cluster or a
    resource group that does not exist gives an empty list, not an error.
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Changes nothing, so there is no difference to show.
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.azure
  - cloudnet.aks_cilium.query
options:
  resource_group:
    description: Resource group of the clusters. Without it, all clusters of the subscription are read.
    type: str
  name:
    description: Name of one cluster; needs O(resource_group).
    type: str
  subscriptions:
    description:
      - Subscriptions whose clusters are read, in place of O(subscription_id).
      - V(*) stands for all enabled ones that the identity sees; those whose clusters it may not read are left out with
        a warning.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Read one cluster
  cloudnet.aks_cilium.aks_cluster_info:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
  register: found

- name: Show how it is
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.current_kubernetes_version }}, {{ item.power_state }}, {{ item.network_mode }}"
  loop: "{{ found.clusters }}"
  loop_control:
    label: "{{ item.name }}"

- name: Names of the clusters that bring their own CNI plugin, in the subscription of the credential
  cloudnet.aks_cilium.aks_cluster_info:
    query: "clusters[?network_mode=='byo_cni'].name"
  register: own_cni

- name: Read the clusters of every subscription that the identity sees
  cloudnet.aks_cilium.aks_cluster_info:
    subscriptions: ["*"]
"""

RETURN = r"""
clusters:
  description: The clusters, in the order of their ids.
  returned: without O(query)
  type: list
  elements: dict
  contains:
    subscription_id:
      description: Subscription.
      returned: always
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    id:
      description: Resource id.
      returned: always
      type: str
      sample: /subscriptions/0000/resourcegroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo
    name:
      description: Name.
      returned: always
      type: str
      sample: demo
    resource_group:
      description: Resource group, in Azure's spelling.
      returned: always
      type: str
      sample: rg-demo
    location:
      description: Azure region.
      returned: always
      type: str
      sample: westeurope
    provisioning_state:
      description: State of the last operation.
      returned: always
      type: str
      sample: Succeeded
    power_state:
      description: Running or Stopped.
      returned: always
      type: str
      sample: Running
    fqdn:
      description: Public name of the API server; empty for private clusters without one.
      returned: always
      type: str
      sample: demo-rg-demo-1f2e3d-a1b2c3d4.hcp.westeurope.azmk8s.io
    api_server_host:
      description: Name by which the nodes reach the API server, the private one for a private cluster. Cilium needs
        it without kube-proxy.
      returned: always
      type: str
      sample: demo-rg-demo-1f2e3d-a1b2c3d4.hcp.westeurope.azmk8s.io
    kubernetes_version:
      description: Version that was asked for, maybe an alias.
      returned: always
      type: str
      sample: "1.34"
    current_kubernetes_version:
      description: Version that runs.
      returned: always
      type: str
      sample: 1.34.4
    node_resource_group:
      description: Resource group of the nodes.
      returned: always
      type: str
      sample: MC_rg-demo_demo_westeurope
    network_mode:
      description: V(byo_cni), V(azure_cni_cilium) or V(other).
      returned: always
      type: str
      sample: byo_cni
    network_profile:
      description: Networking, by the names of the options; fields that Azure does not tell are left out.
      returned: always
      type: dict
      sample:
        network_plugin: none
        pod_cidr: 10.244.0.0/16
        service_cidr: 10.0.0.0/16
        dns_service_ip: 10.0.0.10
    acns:
      description: Advanced Container Networking Services, complete.
      returned: always
      type: dict
      sample:
        enabled: false
        observability: false
        security: false
        advanced_network_policies: None
        transit_encryption: None
        acceleration_mode: None
    oidc_issuer_url:
      description: Address of the OIDC issuer; empty without one.
      returned: always
      type: str
      sample: ""
    private_fqdn:
      description: Private name of the API server; empty for clusters that are not private.
      returned: always
      type: str
      sample: ""
    effective_outbound_ip_ids:
      description: Resource ids of the addresses that traffic leaves the cluster with, where AKS manages them.
      returned: always
      type: list
      elements: str
      sample:
        - /subscriptions/0000/resourceGroups/MC_rg-demo_demo/providers/Microsoft.Network/publicIPAddresses/1a2b
    dns_prefix:
      description: Prefix of the API server's name.
      returned: when Azure tells it
      type: str
      sample: demo-rg-demo-1f2e3d
    support_plan:
      description: How long Azure supports the Kubernetes version.
      returned: when Azure tells it
      type: str
      sample: KubernetesOfficial
    sku_name:
      description: Kind of cluster.
      returned: when Azure tells it
      type: str
      sample: Base
    sku_tier:
      description: Pricing tier of the control plane.
      returned: when Azure tells it
      type: str
      sample: Free
    node_resource_group_restriction:
      description: Whether people may change what is in the resource group of the nodes.
      returned: when Azure tells it
      type: str
      sample: Unrestricted
    identity:
      description: Identity of the cluster.
      returned: when Azure tells it
      type: dict
      sample:
        type: SystemAssigned
    enable_rbac:
      description: Whether Kubernetes checks permissions.
      returned: when Azure tells it
      type: bool
      sample: true
    disable_local_accounts:
      description: Whether credentials other than those of Entra ID are refused.
      returned: when Azure tells it
      type: bool
      sample: false
    aad_profile:
      description: Login with Entra ID, by the names of the options.
      returned: when Azure tells it
      type: dict
      sample:
        managed: true
        azure_rbac: true
    oidc_issuer:
      description: Whether the cluster issues OIDC tokens.
      returned: when Azure tells it
      type: bool
      sample: true
    workload_identity:
      description: Whether pods may use workload identities.
      returned: when Azure tells it
      type: bool
      sample: true
    image_cleaner:
      description: Removal of unused images, by the names of the options.
      returned: when Azure tells it
      type: dict
      sample:
        enabled: true
        interval_hours: 168
    api_server_access:
      description: Who reaches the API server, by the names of the options.
      returned: when Azure tells it
      type: dict
      sample:
        authorized_ip_ranges: [203.0.113.0/24]
    auto_upgrade:
      description: What Azure upgrades by itself, by the names of the options.
      returned: when Azure tells it
      type: dict
      sample:
        node_os_channel: NodeImage
    upgrade_override:
      description: Exceptions for upgrades, by the names of the options.
      returned: when Azure tells it
      type: dict
      sample:
        force_upgrade: false
    node_provisioning:
      description: Node auto-provisioning, by the names of the options.
      returned: when Azure tells it
      type: dict
      sample:
        mode: Manual
    agent_pools:
      description: Node pools by name, with the names of the options and the states.
      returned: always
      type: list
      elements: dict
      sample:
        - name: system
          count: 2
          mode: System
          vm_size: Standard_D4ads_v5
          provisioning_state: Succeeded
          power_state: Running
          current_orchestrator_version: 1.34.4
    tags:
      description: All tags.
      returned: always
      type: dict
      sample:
        team: network
    etag:
      description: Version of the cluster's description; empty where Azure gives none.
      returned: always
      type: str
      sample: 6f679464-4447-4e30-9fa1-5f0da743f605
queried:
  description: What O(query) selected.
  returned: with O(query)
  type: raw
  sample: [aksciliumlab]
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: AuthFailed
    code: AADSTS7000215
    option: secret
    message: Entra ID refused the credential.
    remedy: Check tenant, client_id and secret.
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import QUERY, ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.argspec import AZURE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.info import run

SPEC = ArgSpec(
    {
        "resource_group": {"type": "str"},
        "name": {"type": "str"},
        "subscriptions": {"type": "list", "elements": "str"},
    },
    mutually_exclusive=[["name", "subscriptions"]],
    required_by={"name": ["resource_group"]},
).merge(QUERY, AZURE)


def main() -> None:
    """Run the module."""
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
