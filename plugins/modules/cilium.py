#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cilium
short_description: Install, upgrade or remove Cilium with Helm
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Composes the values of the Cilium chart for the kind of cluster, checks them against the chart, and installs or
    upgrades the release.
  - Whether anything must change is read from the release record in the cluster - chart version and user values.
    Without a difference no program is started and the task reports no change.
  - After a change it waits until the agents, the operator, the nodes and, when enabled, the relay of Hubble are ready
    and the CRDs of Cilium are established.
  - It refuses to touch a Cilium that AKS manages (Azure CNI powered by Cilium).
requirements:
  - helm >= 3.8 on the machine that runs the module, needed only when something changes
  - PyYAML
attributes:
  check_mode:
    support: full
    description:
      - In check mode nothing is written. For a chart that is not local, helm downloads it to check the values.
  diff_mode:
    support: full
    description: Shows chart version and user values; passwords and private keys are hidden.
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
options:
  state:
    description: Whether Cilium should be installed.
    type: str
    choices: [present, absent]
    default: present
  release_name:
    description: Name of the Helm release.
    type: str
    default: cilium
  namespace:
    description: Namespace of the release.
    type: str
    default: kube-system
  chart:
    description:
      - The chart - its name in O(chart_repo), an C(oci://) reference, or the path of a chart directory or archive.
    type: str
    default: cilium
  chart_repo:
    description: Repository of the chart; not used for a local chart or an C(oci://) reference.
    type: str
    default: https://helm.cilium.io/
  chart_version:
    description:
      - Version of the chart.
      - When not set, an installed release keeps its version and a first install takes the newest one. A local chart
        always has the version that its C(Chart.yaml) tells.
    type: str
  mode:
    description:
      - Kind of cluster that the values are composed for.
      - V(aks_byo_cni) is AKS with its network plugin V(none); it sets C(aksbyocni.enabled) and needs O(pod_cidr).
      - V(kubeadm) is a cluster that gives each node a pod range, as kubeadm and kind do; it sets C(ipam.mode) to
        V(kubernetes) unless O(pod_cidr) is given.
      - V(plain) sets nothing by itself.
    type: str
    choices: [aks_byo_cni, kubeadm, plain]
    default: aks_byo_cni
  cluster_name:
    description:
      - Name of the cluster inside Cilium (C(cluster.name)), at most 32 characters of a-z, 0-9 and C(-).
    type: str
  pod_cidr:
    description:
      - One or more ranges that the operator gives to the nodes for their pods. They must not overlap the Services or
        the nodes.
    type: list
    elements: str
  pod_cidr_mask_size:
    description:
      - Size of the part of an IPv4 O(pod_cidr) that each node gets. The chart's default is 24, room for 254 pods.
    type: int
  kube_proxy_replacement:
    description: Whether Cilium does the work of kube-proxy; needs O(k8s_service_host).
    type: bool
  k8s_service_host:
    description:
      - Name of the API server as the nodes reach it. On AKS this is the cluster's C(fqdn), never the address of its
        Service.
    type: str
  k8s_service_port:
    description: Port of the API server as the nodes reach it.
    type: int
  operator_replicas:
    description:
      - Number of operators, which never share a node.
      - When not set, an installed release keeps its number and a first install takes 2, or 1 on a cluster of one
        node.
    type: int
  hubble_relay:
    description: Whether the relay of Hubble runs, which flows are read from.
    type: bool
  hubble_ui:
    description: Whether the user interface of Hubble runs; needs O(hubble_relay).
    type: bool
  values:
    description:
      - Values of the chart, merged over those that the other options make.
      - Their types and names are compared with the chart before anything is sent - a text where the chart wants a
        boolean or a number, an unknown key and a key that this version removed are refused.
    type: dict
    default: {}
  helm_binary:
    description: The helm program, by name or path.
    type: str
    default: helm
  wait:
    description: Whether to wait until Cilium works, or is gone.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait, and the time that helm may take.
    type: int
    default: 600
seealso:
  - module: cloudnet.aks_cilium.cilium_status
  - module: cloudnet.aks_cilium.aks_cluster
"""

EXAMPLES = r"""
- name: Cilium on an AKS cluster without a network plugin
  cloudnet.aks_cilium.cilium:
    kubeconfig: ~/.kube/aksciliumlab
    chart_version: 1.20.2
    mode: aks_byo_cni
    cluster_name: aksciliumlab
    pod_cidr: 10.244.0.0/16
    hubble_relay: true
    hubble_ui: true

- name: The same in place of kube-proxy, with a value of the chart that has no option here
  cloudnet.aks_cilium.cilium:
    kubeconfig: ~/.kube/aksciliumlab
    chart_version: 1.20.2
    pod_cidr: 10.244.0.0/16
    kube_proxy_replacement: true
    k8s_service_host: aksciliumlab-p68lm1x0.hcp.eastus.azmk8s.io
    k8s_service_port: 443
    values:
      hubble:
        tls:
          auto:
            method: cronJob

- name: Remove Cilium
  cloudnet.aks_cilium.cilium:
    kubeconfig: ~/.kube/aksciliumlab
    state: absent
"""

RETURN = r"""
release:
  description: The release after the task; in check mode as it would be; empty when there is none.
  returned: always
  type: dict
  sample:
    name: cilium
    namespace: kube-system
    revision: 1
    chart_version: 1.20.2
    app_version: 1.20.2
    status: deployed
  contains:
    name:
      description: Name of the release.
      returned: when there is a release
      type: str
      sample: cilium
    namespace:
      description: Namespace of the release.
      returned: when there is a release
      type: str
      sample: kube-system
    revision:
      description: Number of the revision.
      returned: when there is a release
      type: int
      sample: 1
    chart_version:
      description: Version of the chart.
      returned: when there is a release
      type: str
      sample: 1.20.2
    app_version:
      description: Version of Cilium.
      returned: when there is a release
      type: str
      sample: 1.20.2
    status:
      description: Status as helm recorded it.
      returned: when there is a release
      type: str
      sample: deployed
cilium_values:
  description: The user values as composed; passwords and private keys are hidden. Empty for O(state=absent).
  returned: always
  type: dict
  sample: {"aksbyocni": {"enabled": true}, "ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.244.0.0/16"]}}}
helm_processes:
  description: Number of helm processes that were started; 0 when nothing changed.
  returned: always
  type: int
  sample: 0
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: Unsupported
    code: CiliumManagedByAks
    message: Cilium on this cluster belongs to AKS (Azure CNI powered by Cilium).
    remedy: Set what you need on the cluster itself.
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import STATE, ArgSpec, waiting
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module, run_process
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Params, Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._wait import SystemClock
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.install import (
    Plan,
    Surroundings,
    ensure,
    remove,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import MODES, Wish
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect

SPEC = ArgSpec(
    {
        "release_name": {"type": "str", "default": "cilium"},
        "namespace": {"type": "str", "default": "kube-system"},
        "chart": {"type": "str", "default": "cilium"},
        "chart_repo": {"type": "str", "default": "https://helm.cilium.io/"},
        "chart_version": {"type": "str"},
        "mode": {"type": "str", "choices": list(MODES), "default": "aks_byo_cni"},
        "cluster_name": {"type": "str"},
        "pod_cidr": {"type": "list", "elements": "str"},
        "pod_cidr_mask_size": {"type": "int"},
        "kube_proxy_replacement": {"type": "bool"},
        "k8s_service_host": {"type": "str"},
        "k8s_service_port": {"type": "int"},
        "operator_replicas": {"type": "int"},
        "hubble_relay": {"type": "bool"},
        "hubble_ui": {"type": "bool"},
        "values": {"type": "dict", "default": {}},
        "helm_binary": {"type": "str", "default": "helm"},
    }
).merge(STATE, waiting(600), KUBE)


def plan_of(params: Params) -> Plan:
    """The options as the action reads them."""
    wish = Wish(
        mode=params["mode"],
        cluster_name=params["cluster_name"],
        pod_cidrs=params["pod_cidr"] or (),
        mask_size=params["pod_cidr_mask_size"],
        kube_proxy_replacement=params["kube_proxy_replacement"],
        api_host=params["k8s_service_host"],
        api_port=params["k8s_service_port"],
        operator_replicas=params["operator_replicas"],
        hubble_relay=params["hubble_relay"],
        hubble_ui=params["hubble_ui"],
        overlay=params["values"] or {},
    )
    return Plan(
        release_name=params["release_name"],
        namespace=params["namespace"],
        chart=params["chart"],
        chart_repo=params["chart_repo"],
        chart_version=params["chart_version"] or "",
        wish=wish,
        helm_binary=params["helm_binary"],
        wait=params["wait"],
        wait_timeout_s=float(params["wait_timeout"]),
    )


def action(context: Context) -> Result:
    """Install or remove."""
    around = Surroundings(
        kube=connect(context.params, hide=context.hide),
        runner=run_process,
        clock=SystemClock(),
        progress=context.progress,
        warn=context.warn,
        hide=context.hide,
        check_mode=context.check_mode,
    )
    return (ensure if context.params["state"] == "present" else remove)(plan_of(context.params), around)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
