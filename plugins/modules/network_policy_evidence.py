#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_evidence
short_description: Collect evidence of a cluster's connections, a stretch at a time
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Follows the policy verdicts of some namespaces for a time and adds what it saw to a store, which is a file or
    objects in the cluster. Each connection's first packet gives a verdict at each end where a policy selects the pod,
    so a listening or a shadow policy must be in place; see P(cloudnet.aks_cilium.policy_hardening#role).
  - Evidence is aggregated. It says who talks to whom, by which protocol and port, how often, when first and last, and
    seen by which nodes. It holds no single connection and no content.
  - Whatever makes a stretch incomplete is kept with it, and the task fails. These are lost events, nodes that do not
    answer, a relay that is down, and flows that a node overwrote while a connection was broken.
  - A stretch that is interrupted, even by C(SIGKILL), keeps what it had up to half a minute before and counts as
    incomplete. So a scheduler may run this module again and again, with an observation of days.
attributes:
  check_mode:
    support: full
    description: In check mode nothing is collected, written or removed.
  diff_mode:
    support: none
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
  - cloudnet.aks_cilium.following
options:
  state:
    description:
      - V(collected) - listen, and add to the store.
      - V(read) - return what the store holds.
      - V(absent) - remove the store.
    type: str
    choices: [collected, read, absent]
    default: collected
  namespaces:
    description: Namespaces whose connections are collected, at either end. Needed for O(state=collected).
    type: list
    elements: str
    default: []
  system_namespaces:
    description: Names C(kube-system) a second time, without which it is refused in O(namespaces).
    type: list
    elements: str
    default: []
  store:
    description: Where the evidence is kept. Exactly one of the two.
    type: dict
    required: true
    suboptions:
      path:
        description: A file on the machine that runs the module. It gets mode 0600.
        type: path
      config_map:
        description: V(true) for C(ConfigMap) objects in the namespace C(cloudnet-hardening), which is made.
        type: bool
  duration:
    description: Seconds to listen.
    type: int
    default: 60
  window:
    description:
      - Seconds of complete observation of O(namespaces) that the store should reach over all calls. When it has them,
        and O(late_edges) and O(unseen) are kept, nothing is collected. Otherwise the stretch is no longer than what is
        missing. RV(waiting_for) tells what is missing.
    type: int
  late_edges:
    description:
      - With O(window), how many kinds of connections may be new in the last fifth of the observed time. As long as more
        of them keep coming, the evidence is not enough. Another address outside of the cluster is nothing new.
    type: int
    default: 0
  unseen:
    description:
      - With O(window), CronJobs that need not be seen, as C(namespace/CronJob/name). Others must have run, because
        what they need is not known before.
    type: list
    elements: str
    default: []
notes:
  - Only Hubble relay can be followed. Where there is none, the task fails.
  - It needs the rights to get services and pods and to create C(pods/portforward) in O(cilium_namespace), to list
    pods, services, namespaces, nodes, deployments, statefulsets, daemonsets, jobs and cronjobs in all namespaces, and
    for O(store.config_map) to create the namespace C(cloudnet-hardening) and to manage C(configmaps) there.
  - Two collectors must not write to one store at the same time. The second one fails.
seealso:
  - module: cloudnet.aks_cilium.network_policy_recommend
  - module: cloudnet.aks_cilium.hubble_canary
"""

EXAMPLES = r"""
- name: Observe the shop for ten minutes more, until a day is full
  cloudnet.aks_cilium.network_policy_evidence:
    kubeconfig: ~/.kube/aksciliumlab
    namespaces: [shop, backend]
    duration: 600
    window: 86400
    store:
      config_map: true
  register: observed

- name: Show what is new, and what is still missing
  cloudnet.aks_cilium.show_text:
    title: Evidence
    lines: "{{ observed.lines }}"

- name: Read what is known
  cloudnet.aks_cilium.network_policy_evidence:
    kubeconfig: ~/.kube/aksciliumlab
    state: read
    store:
      config_map: true
  register: known

- name: Keep it in a file, too
  ansible.builtin.copy:
    content: "{{ known.evidence | to_nice_json }}"
    dest: hardening/evidence.json
    mode: "0600"
"""

RETURN = r"""
digest:
  description: SHA-256 of the evidence in the store; empty without evidence.
  returned: always
  type: str
  sample: 5f0c9c40a5f4cf4f8b1f5d2f60cb7a2a4fd0ca2c84f7b7bd2b0d2f1a1b1bd0d5
evidence:
  description: The evidence as a document; see C(docs/evidence.md).
  returned: when O(state=read) and there is some
  type: dict
  sample: {schema: cloudnet.aks_cilium/evidence/v1}
summary:
  description: The store in numbers.
  returned: always
  type: dict
  contains:
    edges:
      description: Kinds of connections.
      returned: always
      type: int
      sample: 17
    chunks:
      description: Stretches.
      returned: always
      type: int
      sample: 144
    incomplete_chunks:
      description: Stretches with something missing.
      returned: always
      type: int
      sample: 0
    flows:
      description: Verdicts that were seen.
      returned: always
      type: int
      sample: 80211
    observed_s:
      description: Seconds of complete observation.
      returned: always
      type: int
      sample: 86400
    namespaces:
      description: Namespaces that were observed.
      returned: always
      type: list
      elements: str
      sample: [payment, shop]
waiting_for:
  description: What O(window), O(late_edges) and O(unseen) still ask for, one sentence each; empty when it is enough.
  returned: always
  type: list
  elements: str
  sample: ["1 h of 168 h are observed"]
chunk:
  description: The stretch of this call.
  returned: when something was collected
  type: dict
  sample: {flows: 812, lost: 0, complete: true, new_edges: 0, seconds: 600, nodes: [aks-nodepool1-0, aks-nodepool1-1]}
complete:
  description: Whether nothing is known to be missing from the stretch of this call.
  returned: always
  type: bool
  sample: true
incomplete_because:
  description: Why something may be missing, each reason as a sentence.
  returned: always
  type: list
  elements: str
  sample: []
lines:
  description: The result for people.
  returned: always
  type: list
  elements: str
  sample: ["collected 812 verdicts in 10 min from 2 nodes: 17 edges, 0 of them new; nothing is missing"]
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: OperationFailed
    code: EvidenceIncomplete
    message: "Evidence of this stretch is incomplete: Hubble lost events: 12 in HUBBLE_RING_BUFFER."
    remedy: What was seen is kept, marked as incomplete. Repair the cause, then run the task again.
"""

from functools import partial

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import FOLLOWING, STORE, SYSTEM
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.flows import flows_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.observe import (
    Collector,
    Options,
    remove_evidence,
    report_evidence,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.store import store_of

SPEC = ArgSpec(
    {
        "state": {"type": "str", "choices": ["collected", "read", "absent"], "default": "collected"},
        "namespaces": {"type": "list", "elements": "str", "default": []},
        "duration": {"type": "int", "default": 60},
        "window": {"type": "int"},
        "late_edges": {"type": "int", "default": 0},
        "unseen": {"type": "list", "elements": "str", "default": []},
    }
).merge(SYSTEM, STORE, FOLLOWING, KUBE)


def action(context: Context) -> Result:
    """Collect, read or remove."""
    params = context.params
    options = Options.of(params)
    kube = connect(params, hide=context.hide)
    store = store_of(params, kube)
    if params["state"] == "absent":
        return remove_evidence(store, check_mode=context.check_mode)
    if params["state"] == "read":
        return report_evidence(kube, store, options.goal)
    flows = flows_of(kube, partial(forwarded, kube), options.cilium_namespace)
    return Collector(kube, store, options, flows, progress=context.progress).run(check_mode=context.check_mode)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
