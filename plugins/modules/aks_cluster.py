#!/usr/bin/python

# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module aks_cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_cluster
short_description: Create, update and delete AKS clusters, with Cilium in mind
version_added: 0.1.0
author:
  - Cloudnet contributors (@cloudnet)
description:
  - Manages clusters of both kinds that run Cilium on AKS, I(Azure CNI Powered by Cilium)
    (O(network_profile.network_dataplane=cilium)) and I(bring your own CNI) (O(network_profile.network_plugin=none)),
    and any other AKS cluster as well.
  - Reads the cluster, lays only the given options over it, and writes only when something differs as Azure sees it.
    What a playbook does not name keeps its value, fields that this module does not know included.
  - Options that Azure would reject, and changes that Azure cannot make in place, fail before anything is written.
  - A cluster that another operation works on is waited for first. A cluster (or a named node pool) whose last
    operation failed is written again, which makes AKS reconcile it, even if no option differs.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.azure
  - cloudnet.aks_cilium.azure.cluster
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows exactly the options that differ.
  platform:
    platforms: posix
    support: full
options:
  state:
    description:
      - V(present) creates or updates the cluster, V(absent) deletes it.
    type: str
    choices: [present, absent]
    default: present
  location:
    description: Azure region. Needed to create a cluster.
    type: str
  create_resource_group:
    description:
      - With O(state=present), create a missing O(resource_group) and tag it C(cloudnet.aks_cilium=created).
      - With O(state=absent), delete the resource group after the cluster, but only if it carries this tag and is empty.
    type: bool
    default: false
  tags:
    description: Tags to set. Others stay, as Azure Policy adds tags of its own; a null removes a tag.
    type: dict
  dns_prefix:
    description: Prefix of the API server's name. Made from the names of cluster and group, as C(az) does, if not given.
    type: str
  kubernetes_version:
    description:
      - Version of the control plane, as an alias V(1.34), which any patch of 1.34 meets, or in full. Quote it in YAML.
      - Azure's default for new clusters if not given.
    type: str
  sku_tier:
    description: Pricing tier of the control plane.
    type: str
    choices: [Free, Standard, Premium]
  identity:
    description: Identity of the cluster. New clusters get a system-assigned one if not given.
    type: dict
    suboptions:
      type:
        description: Kind of identity.
        type: str
        choices: [SystemAssigned, UserAssigned]
      user_assigned:
        description: Resource ids of user-assigned identities.
        type: list
        elements: str
  enable_rbac:
    description: Whether Kubernetes checks permissions. Cannot be changed later.
    type: bool
  disable_local_accounts:
    description: Whether credentials other than those of Entra ID are refused.
    type: bool
  oidc_issuer:
    description: Whether the cluster issues OIDC tokens. Cannot be switched off later.
    type: bool
  workload_identity:
    description: Whether pods may use workload identities. Needs O(oidc_issuer=true).
    type: bool
  authorized_ip_ranges:
    description: Address ranges that may reach the API server. An empty list opens it to all.
    type: list
    elements: str
  network_profile:
    description: Networking of the cluster.
    type: dict
    suboptions:
      network_plugin:
        description:
          - V(azure) is Azure CNI, V(none) means that you bring the CNI, for example Cilium by Helm.
          - A cluster gets or loses its plugin only when it is created.
        type: str
        choices: [azure, kubenet, none]
      network_plugin_mode:
        description: V(overlay) gives pods addresses outside of the virtual network.
        type: str
        choices: [overlay]
      network_policy:
        description: Policy engine. V(cilium) is set with O(network_profile.network_dataplane=cilium) if not given.
        type: str
        choices: [none, calico, azure, cilium]
      network_dataplane:
        description:
          - V(cilium) makes Azure install and manage Cilium.
          - The change of a running cluster to V(cilium) reimages the nodes of all pools at once, and there is no way
            back.
        type: str
        choices: [azure, cilium]
      pod_cidr:
        description: Range for pods, where they are not in the virtual network. An overlay cluster's can only grow.
        type: str
      service_cidr:
        description: Range for services, smaller than a /12. Cannot be changed.
        type: str
      dns_service_ip:
        description: Address of the cluster's DNS in O(network_profile.service_cidr), not its first. Cannot be changed.
        type: str
      outbound_type:
        description: How nodes and pods reach the internet.
        type: str
        choices: [loadBalancer, userDefinedRouting, managedNATGateway, userAssignedNATGateway, none]
      load_balancer_sku:
        description: Kind of load balancer.
        type: str
        choices: [standard, basic]
      ip_families:
        description: One or both of IPv4 and IPv6. Cannot be changed.
        type: list
        elements: str
        choices: [IPv4, IPv6]
      pod_cidrs:
        description: Ranges for pods, one per IP family. Cannot be changed.
        type: list
        elements: str
      service_cidrs:
        description: Ranges for services, one per IP family. Cannot be changed.
        type: list
        elements: str
      advanced_networking:
        description: Advanced Container Networking Services (ACNS), which Azure charges for.
        type: dict
        suboptions:
          enabled:
            description: Whether they are on. Needs Kubernetes 1.29.
            type: bool
          observability:
            description: Whether flows and metrics are collected (Hubble).
            type: bool
          security:
            description: Whether policies by name (FQDN) and on layer 7 are possible. Needs the Cilium dataplane.
            type: bool
          advanced_network_policies:
            description: Which of these policies are possible; V(L7) includes V(FQDN).
            type: str
            choices: [None, FQDN, L7]
          transit_encryption:
            description: Encryption between nodes.
            type: str
            choices: [None, WireGuard]
          acceleration_mode:
            description: V(BpfVeth) shortens the path between pod and node. Needs Kubernetes 1.33.
            type: str
            choices: [None, BpfVeth]
  vnet_cidrs:
    description: Ranges of the virtual network. They are not sent to Azure, only checked for overlaps with those of
      the cluster.
    type: list
    elements: str
  agent_pools:
    description:
      - Node pools to create or change, by name. A new cluster needs at least one, and one of mode V(System); if no
        pool has a mode, the first becomes the system pool.
      - Pools that are not in the list are left alone, never deleted.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name, 1 to 12 lower-case letters and digits (Windows 6), beginning with a letter.
        type: str
        required: true
      count:
        description: Number of nodes; a new pool has 1 if not given. Ignored for an existing pool that scales
          automatically.
        type: int
      vm_size:
        description: Size of the virtual machines. Cannot be changed.
        type: str
      mode:
        description: V(System) pools run what the cluster needs itself.
        type: str
        choices: [System, User, Gateway]
      os_type:
        description: Operating system. Cannot be changed.
        type: str
        choices: [Linux, Windows]
      os_sku:
        description: Distribution.
        type: str
        choices:
          - Ubuntu
          - Ubuntu2204
          - Ubuntu2404
          - AzureLinux
          - AzureLinux3
          - AzureContainerLinux
          - CBLMariner
          - Windows2019
          - Windows2022
          - Windows2025
      os_disk_size_gb:
        description: Size of the system disk; 0 is the default of the VM size. Cannot be changed.
        type: int
      max_pods:
        description: Most pods on a node. Cannot be changed.
        type: int
      vnet_subnet_id:
        description: Subnet of the nodes. Cannot be changed.
        type: str
      pod_subnet_id:
        description: Subnet of the pods. Cannot be changed.
        type: str
      availability_zones:
        description: Zones. Cannot be changed.
        type: list
        elements: str
      node_labels:
        description: Labels of the nodes; the whole set, so labels that are not named are removed.
        type: dict
      node_taints:
        description:
          - Taints of the nodes, as C(key=value:Effect); the whole set.
          - C(node.cilium.io/agent-not-ready) is refused. AKS does not let Cilium remove a taint that was set on a pool.
        type: list
        elements: str
      enable_auto_scaling:
        description: Whether the number of nodes follows the load.
        type: bool
      min_count:
        description: Least number of nodes when scaling automatically.
        type: int
      max_count:
        description: Largest number of nodes when scaling automatically.
        type: int
      enable_encryption_at_host:
        description: Whether disks are encrypted on the host. Cannot be changed.
        type: bool
      orchestrator_version:
        description: Kubernetes version of the nodes, as for O(kubernetes_version).
        type: str
      tags:
        description: Tags to set; others stay, a null removes one.
        type: dict
      properties:
        description: Raw fields of the pool, by Azure's names, laid over what is there.
        type: dict
  properties:
    description:
      - Raw fields below C(properties) of the managed cluster, by Azure's names, laid over what is there. For
        everything that has no option here.
      - Objects are merged, a null resets a field, everything else is replaced. Values are compared without case,
        except in tags, labels and taints; what Azure takes but never returns (passwords, secrets) is sent along, but
        is no difference by itself.
    type: dict
  wait:
    description: Whether to wait for the end of Azure's operation. Otherwise RV(operation) tells what was started.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most. The operation goes on in Azure after that, and the next run picks it up.
    type: int
    default: 1800
seealso:
  - module: cloudnet.aks_cilium.aks_kubeconfig
  - module: cloudnet.aks_cilium.cilium
"""

EXAMPLES = r"""
- name: Create a cluster without a CNI, for Cilium by Helm
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rg-demo
    name: demo
    location: westeurope
    create_resource_group: true
    network_profile:
      network_plugin: none
      pod_cidr: 10.244.0.0/16
      service_cidr: 10.0.0.0/16
      dns_service_ip: 10.0.0.10
    agent_pools:
      - name: system
        mode: System
        count: 2
        vm_size: Standard_D4ads_v5

- name: Create a cluster whose Cilium is managed by Azure, with flows and FQDN policies
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rg-demo
    name: managed
    location: westeurope
    network_profile:
      network_plugin: azure
      network_plugin_mode: overlay
      network_dataplane: cilium
      advanced_networking:
        enabled: true
        advanced_network_policies: FQDN
    agent_pools:
      - name: system
        mode: System
        enable_auto_scaling: true
        min_count: 2
        max_count: 5

- name: Scale one pool, and leave everything else as it is
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rg-demo
    name: demo
    agent_pools:
      - name: system
        count: 3

- name: Set a field that has no option
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rg-demo
    name: demo
    properties:
      autoUpgradeProfile:
        upgradeChannel: patch

- name: Delete the cluster, and the resource group if it was made for it
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rg-demo
    name: demo
    create_resource_group: true
    state: absent
"""

RETURN = r"""
cluster:
  description: The cluster as Azure describes it after the task; in check mode as it is, or as it would be created.
  returned: when O(state=present)
  type: dict
  contains:
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
operation:
  description: The operation that was started.
  returned: when O(wait=false) and something was changed
  type: dict
  contains:
    id:
      description: Id of the operation.
      returned: always
      type: str
      sample: 39cd9936-45eb-4345-a903-136a44e6d417
    action:
      description: What it does, V(create), V(update), V(tags) or V(delete).
      returned: always
      type: str
      sample: create
    provisioning_state:
      description: State of the cluster in Azure's answer.
      returned: always
      type: str
      sample: Creating
msg:
  description: What would happen in check mode, or why a resource group stays.
  returned: in check mode, or when O(state=absent) leaves the resource group
  type: str
  sample: cluster demo would be created.
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
    - The details of a failed operation tell the state of each pool.
  returned: on failure
  type: dict
  sample:
    kind: InvalidInput
    code: OverlappingCidr
    option: network_profile.pod_cidr
    message: "network_profile.pod_cidr='10.0.0.0/16': it overlaps service_cidr=10.0.0.0/16."
    remedy: Choose ranges that have no address in common.
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import STATE, waiting
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.argspec import AZURE, CLUSTER
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster import run
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster_spec import CLUSTER_OPTIONS

SPEC = CLUSTER_OPTIONS.merge(STATE, AZURE, CLUSTER, waiting(1800))


def main() -> None:
    """Run the module."""
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
