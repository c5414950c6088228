#!/usr/bin/python

# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module aks_node_pool."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_node_pool
short_description: Create, scale, upgrade and delete node pools of AKS clusters
version_added: 0.1.0
author:
  - Cloudnet contributors (@cloudnet)
description:
  - Manages one node pool of a cluster by itself. The cluster and its other pools are not touched.
  - Reads the pool, lays only the given options over it, and writes only when something differs as Azure sees it. What a
    playbook does not name keeps its value.
  - Options that Azure would reject, and changes that Azure cannot make in place, fail before anything is written.
  - An operation on the pool or its cluster is waited for first. A pool whose last operation failed is written again,
    which makes AKS reconcile it, even if no option differs.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.azure
  - cloudnet.aks_cilium.azure_pool
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
      - V(present) creates or updates the pool, V(absent) deletes it with its nodes.
      - The last pool of mode V(System) is not deleted, as a cluster needs one.
    type: str
    choices: [present, absent]
    default: present
  resource_group:
    description: Resource group of the cluster.
    type: str
    required: true
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  name:
    description: Name of the pool, 1 to 12 lower-case letters and digits (Windows 6), beginning with a letter.
    type: str
    required: true
  upgrade_node_image:
    description:
      - Whether the nodes get the newest node image that Azure has for the pool. All nodes are replaced then.
      - A new O(orchestrator_version) comes with the newest image anyway.
    type: bool
    default: false
  ignore_pod_disruption_budget:
    description:
      - With O(state=absent), whether nodes are deleted although a pod disruption budget does not let their pods go.
        Otherwise Azure's operation fails in the end.
    type: bool
    default: false
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
        Nothing is compared or written, and only O(resource_group), O(cluster_name) and O(name) count, which have to be
        the same.
      - With O(wait=false) it looks once; RV(operation) is returned as long as the operation goes on.
    type: str
seealso:
  - module: cloudnet.aks_cilium.aks_cluster
"""

EXAMPLES = r"""
- name: Add a pool that scales automatically
  cloudnet.aks_cilium.aks_node_pool:
    resource_group: rsg-ciliumlab
    cluster_name: aksciliumlab
    name: workers
    vm_size: Standard_D4ads_v5
    enable_auto_scaling: true
    min_count: 1
    max_count: 5
    node_labels:
      team: network
  register: pool

- name: Show which Kubernetes its nodes run
  ansible.builtin.debug:
    msg: "{{ pool.agent_pool.name }}: {{ pool.agent_pool.current_orchestrator_version }}"

- name: Give it more room, and leave everything else as it is
  cloudnet.aks_cilium.aks_node_pool:
    resource_group: rsg-ciliumlab
    cluster_name: aksciliumlab
    name: workers
    max_count: 10

- name: Upgrade the nodes of a pool to the version of the control plane
  cloudnet.aks_cilium.aks_node_pool:
    resource_group: rsg-ciliumlab
    cluster_name: aksciliumlab
    name: nodepool1
    orchestrator_version: "1.35"

- name: Put the newest node image on a pool
  cloudnet.aks_cilium.aks_node_pool:
    resource_group: rsg-ciliumlab
    cluster_name: aksciliumlab
    name: workers
    upgrade_node_image: true

- name: Delete the pool
  cloudnet.aks_cilium.aks_node_pool:
    resource_group: rsg-ciliumlab
    cluster_name: aksciliumlab
    name: workers
    state: absent
"""

RETURN = r"""
agent_pool:
  description:
    - The node pool as Azure describes it after the task, by the names of the options; in check mode as it is, or as it
      would be created. Fields that Azure does not tell are left out.
  returned: when O(state=present)
  type: dict
  contains:
    id:
      description: Resource id.
      returned: always
      type: str
      sample: /subscriptions/0/resourcegroups/rg/providers/Microsoft.ContainerService/managedClusters/demo/agentPools/w
    cluster_name:
      description: Name of the cluster.
      returned: always
      type: str
      sample: demo
    name:
      description: Name of the pool.
      returned: always
      type: str
      sample: workers
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
    count:
      description: Number of nodes.
      returned: when Azure tells it
      type: int
      sample: 2
    mode:
      description: System, User or Gateway.
      returned: when Azure tells it
      type: str
      sample: User
    vm_size:
      description: Size of the virtual machines.
      returned: when Azure tells it
      type: str
      sample: Standard_D4ads_v5
    orchestrator_version:
      description: Kubernetes version that was asked for, maybe an alias.
      returned: when Azure tells it
      type: str
      sample: "1.34"
    current_orchestrator_version:
      description: Kubernetes version that the nodes run.
      returned: always
      type: str
      sample: 1.34.4
    node_image_version:
      description: Image of the nodes.
      returned: always
      type: str
      sample: AKSUbuntu-2204gen2containerd-202611.10.0
    tags:
      description: All tags.
      returned: always
      type: dict
      sample:
        team: network
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
      description: What it does, V(create), V(update), V(delete) or V(upgrade_node_image).
      returned: always
      type: str
      sample: create
    provisioning_state:
      description: State of the pool in Azure's answer.
      returned: always
      type: str
      sample: Creating
    token:
      description: For O(resume) of a later task. It names the pool and the operation, and holds no secret.
      returned: always
      type: str
      sample: aks1.eyJhY3Rpb24iOiJjcmVhdGUiLCJjbHVzdGVyIjoiZGVtbyJ9
msg:
  description: What would happen.
  returned: in check mode, when something would change
  type: str
  sample: node pool workers of cluster demo would be created.
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
    - The details of a failed operation tell the state of each pool of the cluster.
  returned: on failure
  type: dict
  sample:
    kind: Unsupported
    code: LastSystemPool
    option: name
    message: >-
      node pool system of cluster demo cannot be deleted: it is the only pool of mode System, and a cluster needs one.
    remedy: Add another pool of mode System first, or delete the whole cluster.
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import STATE, waiting
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.argspec import AZURE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.node_pool import OPTIONS, run
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.resume import RESUME

SPEC = OPTIONS.merge(STATE, AZURE, waiting(1800), RESUME)


def main() -> None:
    """Run the module."""
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
