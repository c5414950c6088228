# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options OBSERVED of module_utils/staging/argspec.py."""

    DOCUMENTATION = r"""
options:
  evidence:
    description:
      - Path of an evidence file, or the evidence itself, as M(cloudnet.aks_cilium.network_policy_evidence) returns it.
        The format is described in C(docs/evidence.md).
      - Exactly one of O(evidence) and O(flows) is needed.
    type: raw
  flows:
    description:
      - Path of a file of flows, one JSON document a line, as C(hubble observe -o jsonpb) prints them. It is read line
        by line.
      - Flows of policy verdicts are the best source. Of traces only those count that say they are no reply.
    type: path
  inventory:
    description:
      - What the cluster declares (workloads, Services, namespaces), as a path or a document in the format of
        C(inventory) in evidence. It replaces the evidence's own.
      - With O(flows) and without it workloads are told by the owners and the labels that flows carry.
    type: raw
  dns:
    description:
      - How pods reach DNS, as C(platform.dns) of evidence has it, with O(flows), or instead of what the evidence says.
      - Without it the resolvers seen in the flows are used, and C(k8s-app=kube-dns) in C(kube-system).
    type: dict
    suboptions:
      path:
        description: V(kube-dns), V(node-local-dns) or V(localdns).
        type: str
        choices: [kube-dns, node-local-dns, localdns, unknown]
      namespace:
        description: Namespace of the resolver's pods.
        type: str
      labels:
        description: Labels of the resolver's pods.
        type: dict
      ports:
        description: Ports of the resolver's pods, each with C(protocol) and C(port).
        type: list
        elements: dict
  cluster:
    description: UID of the namespace C(kube-system) of the cluster meant. Evidence of another cluster is refused.
    type: str
  accept_incomplete:
    description: Accepts evidence with lost events or with stretches that did not end regularly.
    type: bool
    default: false
"""
