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
    Without a difference no program is started and the task reports no change. A release whose agents' DaemonSet was
    deleted is installed anew.
  - After a change it waits until the agents, the operator, the nodes and, when enabled, the relay of Hubble are ready
    and the CRDs of Cilium are established. It gives up early on containers that crash again and again and on images
    that cannot be pulled, and quotes them.
  - An upgrade goes one minor version at a time, after Cilium's own preflight, and is taken back when the new version
    does not get ready. Over a minor version it sets the value C(upgradeCompatibility) to the minor version that was
    installed first, as Cilium asks for, and keeps it.
  - Removal takes the CRDs, the taints and Cilium's state on the nodes with it; see O(keep). CRDs of Tetragon, and all
    that belongs to a Cilium of another release, stay.
  - It refuses to touch a Cilium that AKS manages (Azure CNI powered by Cilium), and a release of another chart.
requirements:
  - helm >= 3.8 on the machine that runs the module (3.13 for check mode; Helm 4 works), needed only when something
    changes
  - PyYAML
attributes:
  check_mode:
    support: full
    description:
      - In check mode nothing is written. Where something would change, helm makes a dry run with the API server, so
        that what the chart or the server refuses is an error already; a chart that is not local is downloaded for it.
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
      - The chart - its name in O(chart_repo), an C(oci://) reference, the path of a chart directory or archive, or the
        https URL of an archive.
      - An C(oci://) reference may end with a tag (C(:1.20.2)) and a digest (C(@sha256:...)).
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
      - A step that skips a minor version, up or down, is refused, with the versions to go through.
    type: str
  chart_username:
    description:
      - User for O(chart_repo) or the registry of an C(oci://) reference; needs O(chart_password).
      - Without it, what C(helm registry login) left on this machine is used.
    type: str
  chart_password:
    description: Password or token for O(chart_username). It is handed to helm on its standard input.
    type: str
  chart_ca_file:
    description: File with the certificate authority of a private repository or registry.
    type: path
  image_registry:
    description:
      - Registry that all images come from, such as V(myregistry.azurecr.io) or V(myregistry.azurecr.io/mirror).
      - It replaces the host of every image that the chart knows, so C(quay.io/cilium/operator-generic) becomes
        C(myregistry.azurecr.io/cilium/operator-generic). What O(values) says about an image wins.
    type: str
  image_digests:
    description:
      - Whether images are asked for by the digests that the chart names. Registries that copy images keep digests; one
        that builds or repacks them does not, and needs V(false).
      - When not set, the chart decides (it uses digests).
    type: bool
  image_pull_secrets:
    description: Names of Secrets in O(namespace) that hold the credentials for O(image_registry).
    type: list
    elements: str
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
      - Their types and names are compared with the chart before anything is sent. Texts, numbers and booleans are
        brought to the chart's types; what cannot be brought to them, an unknown key and a key that this version removed
        are refused.
    type: dict
    default: {}
  helm_binary:
    description: The helm program, by name or path.
    type: str
    default: helm
  preflight:
    description:
      - Whether Cilium's preflight runs before the version of the chart or the image of the agents changes. It pulls the
        new image on every node that runs an agent and lets the new version read all policies, as the release
        RV(release.name) with C(-preflight) behind it, which is always removed again.
      - What it finds ends the task before anything is upgraded. It needs agents that are ready, and is left out
        otherwise.
    type: bool
    default: true
  rollback:
    description:
      - Whether a changed release is taken back with C(helm rollback) when helm fails or Cilium does not get ready
        within O(wait_timeout). The task fails either way and tells what the pods said.
      - This is only done with O(wait), and only when the agents were ready before the change; a warning tells when
        they were not.
    type: bool
    default: true
  recover:
    description:
      - Whether a release that helm left half way is brought back to a state that helm can go on from.
      - One that is V(pending-upgrade) or V(pending-rollback) is rolled back to the revision that is deployed; without
        such a revision, and for V(pending-install), its record is removed and the installation takes its objects over.
        One that is V(uninstalling) is uninstalled once more, and then installed. One that is V(failed) is upgraded.
      - When V(false), such a release is an error that explains it.
      - With O(state=absent) no recovery is needed; removal is possible from every state. Only objects whose release
        record was lost must be taken over with O(state=present) first.
    type: bool
    default: false
  recover_after:
    description:
      - Age in seconds from which a pending record counts as left behind. Younger ones probably belong to a helm that
        still runs; with O(wait) it is waited for.
      - It is never less than O(wait_timeout) and two minutes, which a helm of this module may take.
    type: int
    default: 900
  restart_unmanaged:
    description:
      - Whether pods that started before Cilium, and are not managed by it, are restarted. It looks for them in every
        run, which costs a few requests.
      - Pods of a ReplicaSet, StatefulSet or DaemonSet are evicted, so that PodDisruptionBudgets count, the cluster's
        DNS first, and one pod of a controller at a time. Other pods are left and returned with the reason.
      - When V(false), a first install returns and warns of them. Needs O(wait).
    type: bool
    default: false
  keep:
    description:
      - What O(state=absent) leaves in place.
      - V(crds) are the CRDs of Cilium with all of their objects, such as your policies, which a later installation
        finds again. Deleting a CRD deletes its objects; RV(removed) lists those that people wrote.
      - V(node_state) is Cilium's state on the nodes - CNI configuration and plugin, BPF programs, links, rules of
        iptables. A short-lived pod on each node with the image and the rights of the agents removes it otherwise.
    type: list
    elements: str
    choices: [crds, node_state]
    default: []
  wait:
    description:
      - Whether to wait until Cilium works, or is gone.
      - Without waiting, O(state=absent) only uninstalls the release; what O(keep) names and the taints stay.
    type: bool
    default: true
  wait_timeout:
    description: Seconds that each step may take - helm, the preflight, the wait until Cilium works, a rollback.
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
    cluster_name: aksciliumlab
    pod_cidr: 10.244.0.0/16
    kube_proxy_replacement: true
    k8s_service_host: aksciliumlab-p68lm1x0.hcp.eastus.azmk8s.io
    k8s_service_port: 443
    hubble_relay: true
    hubble_ui: true
  register: installed

- name: Name the pods that are older than Cilium, which no policy protects
  ansible.builtin.debug:
    msg: "{{ installed.unmanaged_pods | default([]) }}"

- name: The same with a value of the chart that has no option here
  cloudnet.aks_cilium.cilium:
    kubeconfig: ~/.kube/aksciliumlab
    chart_version: 1.20.2
    pod_cidr: 10.244.0.0/16
    hubble_relay: true
    values:
      hubble:
        tls:
          auto:
            method: cronJob

- name: The same from a private registry that needs a password
  cloudnet.aks_cilium.cilium:
    kubeconfig: ~/.kube/aksciliumlab
    chart: oci://myregistry.azurecr.io/helm/cilium:1.20.2
    chart_username: "{{ registry_user }}"
    chart_password: "{{ registry_token }}"
    image_registry: myregistry.azurecr.io
    image_pull_secrets: [registry]
    pod_cidr: 10.244.0.0/16
    hubble_relay: true

- name: See what an upgrade would change; the API server judges it
  cloudnet.aks_cilium.cilium:
    kubeconfig: ~/.kube/aksciliumlab
    chart_version: 1.21.0
    pod_cidr: 10.244.0.0/16
    hubble_relay: true
  check_mode: true
  diff: true

- name: Go on after a helm that was killed, and bring older pods under Cilium
  cloudnet.aks_cilium.cilium:
    kubeconfig: ~/.kube/aksciliumlab
    chart_version: 1.20.2
    pod_cidr: 10.244.0.0/16
    hubble_relay: true
    recover: true
    restart_unmanaged: true

- name: Remove Cilium but keep the policies
  cloudnet.aks_cilium.cilium:
    kubeconfig: ~/.kube/aksciliumlab
    state: absent
    keep: [crds]
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
preflight:
  description: Whether the preflight ran, and found nothing.
  returned: when helm changed the release, not in check mode
  type: bool
  sample: true
recovery:
  description: What was done, or in check mode would be done, about a release that helm left half way.
  returned: when there was one, and O(recover=true)
  type: dict
  sample:
    status: pending-upgrade
    revision: 3
    action: helm rollback to revision 2
  contains:
    status:
      description: Its status.
      returned: always
      type: str
      sample: pending-upgrade
    revision:
      description: Number of the revision that was left half way.
      returned: always
      type: int
      sample: 3
    action:
      description: The way back.
      returned: always
      type: str
      sample: helm rollback to revision 2
unmanaged_pods:
  description: Pods that started before Cilium and were not managed by it, as namespace/name.
  returned: after a first install, and with O(restart_unmanaged=true)
  type: list
  elements: str
  sample: [kube-system/coredns-66bc5c9577-dk6v5, shop/bare]
restarted_pods:
  description: Those that were restarted, or in check mode would be.
  returned: as RV(unmanaged_pods)
  type: list
  elements: str
  sample: [kube-system/coredns-66bc5c9577-dk6v5]
not_restarted_pods:
  description: Those that were not restarted, and why.
  returned: as RV(unmanaged_pods)
  type: list
  elements: dict
  sample:
    - pod: shop/bare
      reason: it has no controller that would make it anew
  contains:
    pod:
      description: Namespace and name.
      returned: always
      type: str
      sample: shop/bare
    reason:
      description: Why it was left.
      returned: always
      type: str
      sample: it has no controller that would make it anew
removed:
  description: What was removed beside the release, or in check mode would be.
  returned: with O(state=absent)
  type: dict
  sample:
    crds: [ciliumnetworkpolicies.cilium.io]
    objects: {CiliumNetworkPolicy: [shop/web]}
    tainted_nodes: [aks-nodepool1-24680135-vmss000000]
  contains:
    crds:
      description: Names of the CRDs.
      returned: always
      type: list
      elements: str
      sample: [ciliumnetworkpolicies.cilium.io]
    objects:
      description: Objects of these CRDs that people wrote, by kind, at most 20 names of each.
      returned: always
      type: dict
      sample: {CiliumNetworkPolicy: [shop/web]}
    tainted_nodes:
      description: Nodes that had the taint C(node.cilium.io/agent-not-ready).
      returned: always
      type: list
      elements: str
      sample: [aks-nodepool1-24680135-vmss000000]
nodes_not_cleaned:
  description: Nodes on which state of Cilium is left, and what; a node that is down is not waited for.
  returned: with O(state=absent)
  type: dict
  sample: {aks-nodepool1-24680135-vmss000001: the cleanup did not end}
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

import functools
import time

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import STATE, ArgSpec, waiting
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module, run_process
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Params, Result, Runner
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._wait import SystemClock
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.chartsource import Access
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.helm import NOT_FROM_THE_ENVIRONMENT, own_cache
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.images import Images
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.install import ensure
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.plan import Plan, Surroundings
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.uninstall import remove
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import MODES, Wish
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuetree import secrets_of
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
        "chart_username": {"type": "str"},
        "chart_password": {"type": "str", "no_log": True},
        "chart_ca_file": {"type": "path"},
        "image_registry": {"type": "str"},
        "image_digests": {"type": "bool"},
        "image_pull_secrets": {"type": "list", "elements": "str", "no_log": False},
        "preflight": {"type": "bool", "default": True},
        "rollback": {"type": "bool", "default": True},
        "recover": {"type": "bool", "default": False},
        "recover_after": {"type": "int", "default": 900},
        "restart_unmanaged": {"type": "bool", "default": False},
        "keep": {"type": "list", "elements": "str", "choices": ["crds", "node_state"], "default": []},
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
        preflight=params["preflight"],
        rollback=params["rollback"],
        recover=params["recover"],
        recover_after_s=float(params["recover_after"]),
        restart_unmanaged=params["restart_unmanaged"],
        keep=params["keep"],
        images=Images(
            registry=params["image_registry"] or "",
            digests=params["image_digests"],
            pull_secrets=params["image_pull_secrets"] or (),
        ),
        access=Access(
            username=params["chart_username"] or "",
            password=params["chart_password"] or "",
            ca_file=params["chart_ca_file"] or "",
        ),
    )


def action(context: Context) -> Result:
    """Install or remove."""
    with own_cache() as given:
        return _act(context, functools.partial(run_process, without=NOT_FROM_THE_ENVIRONMENT, given=given))


def _act(context: Context, runner: Runner) -> Result:
    for secret in (*secrets_of(context.params["values"]), context.params["chart"].partition("?")[2]):
        context.hide(secret)
    around = Surroundings(
        kube=connect(context.params, hide=context.hide),
        runner=runner,
        clock=SystemClock(),
        progress=context.progress,
        warn=context.warn,
        hide=context.hide,
        check_mode=context.check_mode,
        now=time.time,
    )
    return (ensure if context.params["state"] == "present" else remove)(plan_of(context.params), around)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
