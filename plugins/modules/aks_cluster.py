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
  - cloudnet.aks_cilium.azure_pool.agent_pools
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
      - V(started) and V(stopped) change only whether an existing cluster runs. The options that describe a cluster are
        not looked at.
      - Azure does not change stopped clusters, so V(present) fails on one if anything but its tags differs.
    type: str
    choices: [present, absent, started, stopped]
    default: present
  location:
    description: Azure region. Needed to create a cluster. Cannot be changed.
    type: str
  create_resource_group:
    description:
      - With O(state=present), create a missing O(resource_group) and tag it C(cloudnet.aks_cilium=created).
      - With O(state=absent), delete the resource group after the cluster, but only if it carries this tag and is empty.
    type: bool
    default: false
  virtual_network:
    description:
      - Virtual network with a subnet for the nodes. It is created if it is missing, and tagged
        C(cloudnet.aks_cilium=created); one that is there is used as it is.
      - The subnet is that of every new pool which names no O(agent_pools[].vnet_subnet_id).
      - With O(state=absent), it is deleted after the cluster, but only if it carries this tag and nothing else uses it.
    type: dict
    suboptions:
      name:
        description: Name of the virtual network.
        type: str
        required: true
      resource_group:
        description: Resource group of the virtual network; that of the cluster if not given.
        type: str
      cidrs:
        description: Ranges of the virtual network. Needed to create it.
        type: list
        elements: str
      subnet:
        description: The subnet for the nodes.
        type: dict
        required: true
        suboptions:
          name:
            description: Name of the subnet.
            type: str
            required: true
          cidr:
            description: Range of the subnet, inside of O(virtual_network.cidrs). Needed to create it.
            type: str
  check_providers:
    description:
      - Whether to check, before a cluster is created, that the subscription has the resource providers and preview
        features that it needs. Nothing is registered; the error names what is missing and the command for it.
    type: bool
    default: true
  tags:
    description:
      - Tags to set. Others stay, as Azure Policy adds tags of its own; a null removes a tag.
      - Names are compared without case, as Azure does.
    type: dict
  dns_prefix:
    description:
      - Prefix of the API server's name. Made from the names of cluster and group, as C(az) does, if not given.
      - Cannot be changed.
    type: str
  kubernetes_version:
    description:
      - Version of the control plane, as an alias V(1.34), which any patch of 1.34 meets, or in full. Quote it in YAML.
      - It is raised by one minor version at a time, except in clusters with O(support_plan=AKSLongTermSupport).
      - Node pools keep their version, which may be up to three minor versions older.
      - Azure's default for new clusters if not given.
    type: str
  support_plan:
    description: How long Azure supports a Kubernetes version. V(AKSLongTermSupport) needs O(sku_tier=Premium).
    type: str
    choices: [KubernetesOfficial, AKSLongTermSupport]
  sku_name:
    description: Kind of cluster. V(Automatic) is AKS Automatic.
    type: str
    choices: [Base, Automatic]
  sku_tier:
    description: Pricing tier of the control plane.
    type: str
    choices: [Free, Standard, Premium]
  node_resource_group:
    description: Resource group that AKS makes for the nodes. AKS chooses a name if not given. Cannot be changed.
    type: str
  node_resource_group_restriction:
    description: Whether people may change what is in the resource group of the nodes.
    type: str
    choices: [Unrestricted, ReadOnly]
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
  aad_profile:
    description: Login with Entra ID.
    type: dict
    suboptions:
      managed:
        description:
          - Whether it is on. Follows from the other options here if not given.
          - Cannot be switched off later.
        type: bool
      azure_rbac:
        description: Whether roles of Azure give permissions in Kubernetes.
        type: bool
      admin_group_object_ids:
        description: Object ids of groups whose members administer the cluster.
        type: list
        elements: str
      tenant_id:
        description: Tenant whose users may log in; that of the subscription if not given.
        type: str
  oidc_issuer:
    description: Whether the cluster issues OIDC tokens. Cannot be switched off later.
    type: bool
  workload_identity:
    description: Whether pods may use workload identities. Needs O(oidc_issuer=true).
    type: bool
  image_cleaner:
    description: Removal of unused images with vulnerabilities from the nodes.
    type: dict
    suboptions:
      enabled:
        description: Whether it is on.
        type: bool
      interval_hours:
        description: Hours between two runs, 24 to 2160.
        type: int
  api_server_access:
    description: Who reaches the API server, and how.
    type: dict
    suboptions:
      authorized_ip_ranges:
        description: Address ranges that may reach the API server. An empty list opens it to all.
        type: list
        elements: str
      private_cluster:
        description:
          - Whether the API server has a private address only.
          - Can be changed only with O(api_server_access.vnet_integration=true).
        type: bool
      private_dns_zone:
        description:
          - Zone with the private name, V(system), V(none), or the resource id of a private DNS zone.
          - Can be changed to V(none) only.
        type: str
      public_fqdn:
        description: Whether a private cluster has a public name as well, for its private address.
        type: bool
      disable_run_command:
        description: Whether C(az aks command invoke) is switched off.
        type: bool
      vnet_integration:
        description: Whether the API server is in the virtual network of the nodes. Cannot be switched off later.
        type: bool
      subnet_id:
        description: Subnet for the API server. Needs O(api_server_access.vnet_integration=true). Cannot be changed.
        type: str
      public_network_access:
        description: Whether the API server may be reached from the internet at all.
        type: str
        choices: [Enabled, Disabled]
  auto_upgrade:
    description:
      - What Azure upgrades by itself. When it does is a resource of its own (C(maintenanceConfigurations)), which this
        module does not manage.
    type: dict
    suboptions:
      channel:
        description: Kubernetes versions that the cluster follows.
        type: str
        choices: [none, patch, stable, rapid, node-image]
      node_os_channel:
        description: Where the nodes get operating system updates from.
        type: str
        choices: [None, Unmanaged, NodeImage, SecurityPatch]
  upgrade_override:
    description: Exceptions for upgrades that start before a given time.
    type: dict
    suboptions:
      force_upgrade:
        description: Whether upgrades go on despite checks such as that for APIs which go away. Needs
          O(upgrade_override.until).
        type: bool
      until:
        description: Time until which it holds, in ISO 8601, as V(2027-01-31T06:00:00Z).
        type: str
  node_provisioning:
    description: Node auto-provisioning (Karpenter).
    type: dict
    suboptions:
      mode:
        description:
          - V(Auto) lets AKS create nodes as pods need them.
          - A cluster cannot change to the Cilium dataplane, nor its outbound type, while it is V(Auto).
        type: str
        choices: [Manual, Auto]
      default_node_pools:
        description:
          - Whether AKS makes its default Karpenter node pools.
          - The change to V(None) drains and deletes the nodes of these pools.
        type: str
        choices: [None, Auto]
  network_profile:
    description: Networking of the cluster.
    type: dict
    suboptions:
      network_plugin:
        description:
          - V(azure) is Azure CNI, V(none) means that you bring the CNI, for example Cilium by Helm.
          - A cluster gets or loses its plugin only when it is created. V(kubenet) can be changed to V(azure), together
            with O(network_profile.network_plugin_mode=overlay).
          - V(azure) for a new cluster with O(network_profile.network_dataplane=cilium) or
            O(network_profile.network_plugin_mode=overlay) if not given.
        type: str
        choices: [azure, kubenet, none]
      network_plugin_mode:
        description:
          - V(overlay) gives pods addresses outside of the virtual network.
          - The change of a running cluster reimages the nodes of all pools at once, and there is no way back. It needs
            Kubernetes 1.27, no policy engine, and pods without a subnet of their own.
        type: str
        choices: [overlay]
      network_policy:
        description:
          - Policy engine. V(cilium) is set with O(network_profile.network_dataplane=cilium) if not given.
          - The others can be changed from Kubernetes 1.30 on, and from one engine to the other by way of V(none).
        type: str
        choices: [none, calico, azure, cilium]
      network_dataplane:
        description:
          - V(cilium) makes Azure install and manage Cilium.
          - The change of a running cluster to V(cilium) reimages the nodes of all pools at once, and there is no way
            back. It replaces the policy engine, and is refused for clusters with kubenet, Windows pools or node
            auto-provisioning, and together with the change to overlay.
        type: str
        choices: [azure, cilium]
      network_mode:
        description: How Azure CNI connects pods in the node. Cannot be changed.
        type: str
        choices: [transparent, bridge]
      pod_cidr:
        description:
          - Range for pods, where they are not in the virtual network.
          - An overlay cluster's can only grow to an IPv4 range that contains the old one, and not with Windows pools.
        type: str
      service_cidr:
        description: Range for services, smaller than a /12. Cannot be changed.
        type: str
      dns_service_ip:
        description: Address of the cluster's DNS in O(network_profile.service_cidr), not its first. Cannot be changed.
        type: str
      outbound_type:
        description:
          - How nodes and pods reach the internet. V(userDefinedRouting) and V(userAssignedNATGateway) need a virtual
            network of your own, V(managedNATGateway) one that AKS made.
          - A change ends open connections and changes the outbound addresses.
        type: str
        choices: [loadBalancer, userDefinedRouting, managedNATGateway, userAssignedNATGateway, none]
      load_balancer_sku:
        description: Kind of load balancer. Cannot be changed to V(basic).
        type: str
        choices: [standard, basic]
      load_balancer:
        description:
          - Outbound side of the load balancer, for O(network_profile.outbound_type=loadBalancer).
          - The addresses are either managed, or given, or from given prefixes. Naming one kind replaces the other.
        type: dict
        suboptions:
          managed_outbound_ip_count:
            description: Number of IPv4 addresses that AKS makes, 1 to 100.
            type: int
          managed_outbound_ipv6_count:
            description: Number of IPv6 addresses that AKS makes, 0 to 100.
            type: int
          outbound_ip_ids:
            description: Resource ids of public addresses.
            type: list
            elements: str
          outbound_ip_prefix_ids:
            description: Resource ids of public prefixes.
            type: list
            elements: str
          allocated_outbound_ports:
            description: Ports for each node, 0 to 64000 in steps of 8; 0 lets Azure decide.
            type: int
          idle_timeout_in_minutes:
            description: Minutes after which idle connections end, 4 to 120.
            type: int
          backend_pool_type:
            description: How nodes are members of the load balancer's pool.
            type: str
            choices: [NodeIPConfiguration, NodeIP]
          multiple_standard_load_balancers:
            description: Whether the cluster may have more than one load balancer.
            type: bool
      nat_gateway:
        description: The NAT gateway that AKS manages, for O(network_profile.outbound_type=managedNATGateway).
        type: dict
        suboptions:
          sku:
            description: Kind of NAT gateway; V(StandardV2) where the region has it if not given.
            type: str
            choices: [Standard, StandardV2]
          managed_outbound_ip_count:
            description: Number of IPv4 addresses that AKS makes, 1 to 16.
            type: int
          managed_outbound_ipv6_count:
            description: Number of IPv6 addresses that AKS makes, 0 to 16. Needs
              O(network_profile.nat_gateway.sku=StandardV2).
            type: int
          outbound_ip_ids:
            description: Resource ids of public addresses, instead of managed ones.
            type: list
            elements: str
          outbound_ip_prefix_ids:
            description: Resource ids of public prefixes, instead of managed addresses. Needs
              O(network_profile.nat_gateway.sku=StandardV2).
            type: list
            elements: str
          idle_timeout_in_minutes:
            description: Minutes after which idle connections end, 4 to 120.
            type: int
      static_egress_gateway:
        description: Whether pods may leave by pools of mode V(Gateway), with addresses that stay.
        type: bool
      ip_families:
        description: V(IPv4), or both for dual stack. Cannot be changed.
        type: list
        elements: str
        choices: [IPv4, IPv6]
      pod_cidrs:
        description:
          - Ranges for pods, one for each of O(network_profile.ip_families) in their order.
          - Of one family, the same as O(network_profile.pod_cidr); of two, they cannot be changed.
        type: list
        elements: str
      service_cidrs:
        description:
          - Ranges for services, one for each of O(network_profile.ip_families) in their order, of IPv6 a /108 at most.
          - Cannot be changed.
        type: list
        elements: str
      advanced_networking:
        description:
          - Advanced Container Networking Services (ACNS), which Azure charges for.
          - Everything but O(network_profile.advanced_networking.observability) needs the Cilium dataplane.
        type: dict
        suboptions:
          enabled:
            description:
              - Whether they are on. Needs Kubernetes 1.29, and observability or security.
              - V(false) switches their features off as well.
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
            description: Encryption between nodes. V(WireGuard) does not go with pools that have FIPS images.
            type: str
            choices: [None, WireGuard]
          acceleration_mode:
            description:
              - V(BpfVeth) shortens the path between pod and node. Needs Kubernetes 1.33, and nodes with Ubuntu 24.04 or
                Azure Linux 3. Does not go with O(network_profile.static_egress_gateway=true).
            type: str
            choices: [None, BpfVeth]
  vnet_cidrs:
    description: Ranges of the virtual network. They are not sent to Azure, only checked for overlaps with those of
      the cluster. Those of O(virtual_network.cidrs) need not be repeated.
    type: list
    elements: str
  properties:
    description:
      - Raw fields below C(properties) of the managed cluster, by Azure's names, laid over what is there. For
        everything that has no option here.
      - Objects are merged, a null resets a field, everything else is replaced. Values are compared without case,
        except in tags, labels and taints; what Azure takes but never returns (passwords, secrets) is sent along, but
        is no difference by itself.
    type: dict
  wait:
    description:
      - Whether to wait for the end of Azure's operation. Otherwise RV(operation) tells what was started, and its
        C(token) lets a later task wait for it.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most. The operation goes on in Azure after that, and the next run picks it up.
    type: int
    default: 1800
  resume:
    description:
      - RV(operation.token) of an earlier task. This task then only waits for that operation, and fails if it failed.
        Nothing is compared or written, and only O(resource_group) and O(name) count, which have to be the same.
      - With O(wait=false) it looks once; RV(operation) is returned as long as the operation goes on.
      - The token holds no secret. Where Azure does not show the operation itself without its signature, the state of
        the cluster and its node pools tells how it ended.
    type: str
seealso:
  - module: cloudnet.aks_cilium.aks_node_pool
  - module: cloudnet.aks_cilium.aks_kubeconfig
  - module: cloudnet.aks_cilium.cilium
"""

EXAMPLES = r"""
- name: Create a cluster without a CNI plugin, for Cilium by Helm
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    location: westeurope
    create_resource_group: true
    network_profile:
      network_plugin: none
      pod_cidr: 10.244.0.0/16
      service_cidr: 10.0.0.0/16
      dns_service_ip: 10.0.0.10
    agent_pools:
      - name: nodepool1
        mode: System
        count: 3
        vm_size: Standard_D2s_v5
  register: created

- name: Show where the nodes reach its API server, which Cilium needs
  ansible.builtin.debug:
    msg: "{{ created.cluster.api_server_host }}"

- name: Create a cluster whose Cilium belongs to Azure, with flows and rules by name
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aks-cnicilium
    location: westeurope
    network_profile:
      network_plugin: azure
      network_plugin_mode: overlay
      network_dataplane: cilium
      advanced_networking:
        enabled: true
        advanced_network_policies: FQDN
    agent_pools:
      - name: nodepool1
        mode: System
        enable_auto_scaling: true
        min_count: 2
        max_count: 5

- name: Scale one pool, and leave everything else as it is
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    agent_pools:
      - name: nodepool1
        count: 4

- name: Set a field that has no option
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    properties:
      storageProfile:
        blobCSIDriver:
          enabled: true

- name: Create a cluster in a virtual network that is made for it
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: akshub
    location: westeurope
    virtual_network:
      name: vnet-hub
      cidrs: [10.20.0.0/16]
      subnet:
        name: nodes
        cidr: 10.20.0.0/22
    network_profile:
      network_plugin: azure
      network_plugin_mode: overlay
      network_dataplane: cilium
      load_balancer:
        managed_outbound_ip_count: 2
        allocated_outbound_ports: 4000
    api_server_access:
      authorized_ip_ranges: [203.0.113.0/24]
    auto_upgrade:
      channel: patch
      node_os_channel: SecurityPatch
    agent_pools:
      - name: nodepool1
        mode: System
        count: 3
        availability_zones: ["1", "2", "3"]
        upgrade_settings:
          max_surge: 33%

- name: Move a cluster with Azure CNI to an overlay network; the nodes of all pools are reimaged
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aksold
    network_profile:
      network_plugin: azure
      network_plugin_mode: overlay
      pod_cidr: 10.244.0.0/16

- name: Move it to the Cilium dataplane, in a run of its own
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aksold
    network_profile:
      network_dataplane: cilium

- name: See what an upgrade of the control plane would change
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    kubernetes_version: "1.35"
  check_mode: true
  diff: true

- name: Start the upgrade without waiting; node pools keep their version until somebody names a new one for them
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    kubernetes_version: "1.35"
    wait: false
  register: upgrade

- name: Wait for it later
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    resume: "{{ upgrade.operation.token }}"
  when: upgrade.operation is defined

- name: Stop the cluster for the night
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    state: stopped

- name: Delete the cluster, and the resource group if it was made for it and is empty
  cloudnet.aks_cilium.aks_cluster:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    create_resource_group: true
    state: absent
"""

RETURN = r"""
cluster:
  description: The cluster as Azure describes it after the task; in check mode as it is, or as it would be created.
  returned: when O(state) is not V(absent)
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
operation:
  description: The operation that was started.
  returned: when O(wait=false) and something was changed, or O(resume) still goes on
  type: dict
  contains:
    id:
      description: Id of the operation.
      returned: always
      type: str
      sample: 39cd9936-45eb-4345-a903-136a44e6d417
    action:
      description: What it does, V(create), V(update), V(tags), V(delete), V(start) or V(stop).
      returned: always
      type: str
      sample: create
    provisioning_state:
      description: State of the cluster in Azure's answer.
      returned: always
      type: str
      sample: Creating
    token:
      description: For O(resume) of a later task. It names the cluster and the operation, and holds no secret.
      returned: always
      type: str
      sample: aks1.eyJhY3Rpb24iOiJjcmVhdGUiLCJjbHVzdGVyIjoiZGVtbyJ9
msg:
  description: What would happen in check mode, or why a resource group or virtual network stays.
  returned: in check mode, or when O(state=absent) leaves the resource group or the virtual network
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

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import waiting
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.argspec import AZURE, CLUSTER
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster import run
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster_spec import CLUSTER_OPTIONS
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.power import STATES
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.resume import RESUME

SPEC = CLUSTER_OPTIONS.merge(STATES, AZURE, CLUSTER, waiting(1800), RESUME)


def main() -> None:
    """Run the module."""
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
