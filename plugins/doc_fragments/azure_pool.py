# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a node pool: at the top level of a module, and as the list C(agent_pools)."""

from __future__ import annotations

import textwrap

# `@` stands for the place of the options, which semantic markup has to name.
_POOL = r"""
count:
  description: Number of nodes; a new pool has 1 if not given. Ignored for an existing pool that scales automatically.
  type: int
vm_size:
  description: Size of the virtual machines. Cannot be changed.
  type: str
mode:
  description:
    - V(System) pools run what the cluster needs itself; V(Gateway) pools are for static egress gateways.
    - A pool can change between V(System) and V(User).
  type: str
  choices: [System, User, Gateway]
os_type:
  description: Operating system. Cannot be changed.
  type: str
  choices: [Linux, Windows]
os_sku:
  description: Distribution. It can be changed within an operating system; the nodes are reimaged.
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
os_disk_type:
  description: Whether the system disk is on the host (V(Ephemeral)) or a disk of its own. Cannot be changed.
  type: str
  choices: [Managed, Ephemeral]
kubelet_disk_type:
  description: Disk of container images, logs and C(emptyDir) volumes. Cannot be changed.
  type: str
  choices: [OS, Temporary]
max_pods:
  description: Most pods on a node, 10 to 250. Cannot be changed.
  type: int
vnet_subnet_id:
  description: Subnet of the nodes. Cannot be changed.
  type: str
pod_subnet_id:
  description: Subnet of the pods. Needs O(@vnet_subnet_id). Cannot be changed.
  type: str
pod_ip_allocation_mode:
  description: How pods get addresses of O(@pod_subnet_id), one by one or as a block for each node. Cannot be changed.
  type: str
  choices: [DynamicIndividual, StaticBlock]
enable_node_public_ip:
  description: Whether each node has a public address. Cannot be changed.
  type: bool
node_public_ip_prefix_id:
  description: Prefix that the public addresses are taken from. Needs O(@enable_node_public_ip). Cannot be changed.
  type: str
availability_zones:
  description: Zones. Cannot be changed.
  type: list
  elements: str
node_labels:
  description:
    - Labels of the nodes; the whole set, so labels that are not named are removed.
    - Those that AKS sets itself (C(kubernetes.azure.com/)) stay.
  type: dict
node_taints:
  description:
    - Taints of the nodes, as C(key=value:Effect); the whole set. Those that AKS sets itself (C(kubernetes.azure.com/))
      stay.
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
scale_down_mode:
  description: Whether nodes that are not needed are deleted, or stopped and kept.
  type: str
  choices: [Delete, Deallocate]
scale_set_priority:
  description: V(Spot) nodes are cheap and may be taken away. Not for mode V(System). Cannot be changed.
  type: str
  choices: [Regular, Spot]
scale_set_eviction_policy:
  description: What becomes of a spot node that is taken away. Needs O(@scale_set_priority=Spot). Cannot be changed.
  type: str
  choices: [Delete, Deallocate]
spot_max_price:
  description:
    - Most US dollars per hour for a spot node; -1 is the price of a regular one. Needs O(@scale_set_priority=Spot).
    - Cannot be changed.
  type: float
enable_encryption_at_host:
  description: Whether disks are encrypted on the host. Cannot be changed.
  type: bool
enable_fips:
  description: Whether the nodes run an image with FIPS 140 modules. A change reimages them.
  type: bool
orchestrator_version:
  description:
    - Kubernetes version of the nodes, as an alias V(1.34), which any patch of 1.34 meets, or in full.
    - Not newer than the control plane, and changed by one minor version at a time.
  type: str
upgrade_settings:
  description: How nodes are replaced in upgrades.
  type: dict
  suboptions:
    max_surge:
      description: Nodes to add, as a number or a percentage.
      type: str
    max_unavailable:
      description: Nodes that may be missing, as a number or a percentage. Not together with a surge.
      type: str
    drain_timeout_in_minutes:
      description: Minutes to wait for pods to leave a node, 1 to 1440.
      type: int
    node_soak_duration_in_minutes:
      description: Minutes to wait after a node before the next one, 0 to 30.
      type: int
    undrainable_node_behavior:
      description: What becomes of a node that pods do not leave.
      type: str
      choices: [Schedule, Cordon]
tags:
  description: Tags to set; others stay, a null removes one.
  type: dict
properties:
  description: Raw fields of the pool, by Azure's names, laid over what is there.
  type: dict
"""


def _pool(place: str, indent: int) -> str:
    return textwrap.indent(_POOL.strip("\n").replace("O(@", f"O({place}"), " " * indent)


class ModuleDocFragment:
    """POOL_OPTIONS of module_utils/azure/cluster_spec.py."""

    # With a type, because ansible-test takes a bare assignment of a fragment for a literal.
    DOCUMENTATION: str = f"""
options:
{_pool("", 2)}
"""

    AGENT_POOLS: str = f"""
options:
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
{_pool("agent_pools[].", 6)}
"""
