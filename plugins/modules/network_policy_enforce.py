#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_enforce
short_description: Enforce one shadow policy in one step that takes itself back when something goes wrong
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Switches the default deny of one C(CiliumNetworkPolicy) on, in one direction or both, by a patch of the very object
    that soaked. The patch is bound to the object's UID and version.
  - Before that, a dead man's switch is armed in the cluster. It is a C(Job) which patches the policy back after
    O(dead_man_s) seconds unless this module has confirmed the step. It first proves by a dry run on the API server
    that it is able to. So the policy comes back even when this module is killed or loses the cluster.
  - After the patch the module follows the verdicts of the pods that the policy selects. The first denied connection
    that O(prediction) does not name makes it patch back at once. So do lost events, a stream of verdicts that stays
    broken, pods that are no longer ready or were started anew, and probes that are not as expected.
  - Only when all agree, the step is confirmed, and the dead man's switch is removed.
  - While the policy is open by M(cloudnet.aks_cilium.network_policy_break_glass), nothing is done.
  - A step that an earlier run left behind is told in RV(leftover), waited for and cleared away first.
attributes:
  check_mode:
    support: full
    description: In check mode nothing is armed or patched.
  diff_mode:
    support: full
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
  - cloudnet.aks_cilium.following
  - cloudnet.aks_cilium.following.prediction
options:
  state:
    description: V(enforced) takes the step, V(shadow) switches the default deny off, at once and without a watch.
    type: str
    choices: [enforced, shadow]
    default: enforced
  policy:
    description: The policy. It must carry the label C(app.kubernetes.io/managed-by=cloudnet.aks_cilium).
    type: dict
    required: true
    suboptions:
      namespace:
        description: Its namespace.
        type: str
        required: true
      name:
        description: Its name.
        type: str
        required: true
  direction:
    description: The direction whose default deny is switched. A direction without rules in the policy is left alone.
    type: str
    choices: [ingress, egress, both]
    default: both
  probes:
    description:
      - Connections to try while the step is watched, as in M(cloudnet.aks_cilium.connectivity_probe). One that is not
        as expected takes the step back.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: A name for people.
        type: str
      from:
        description: The pod that connects; O(probes[].from.pod) or O(probes[].from.selector).
        type: dict
        required: true
        suboptions:
          namespace:
            description: Its namespace.
            type: str
            required: true
          pod:
            description: Its name.
            type: str
          selector:
            description: Labels, of which the first ready pod is taken.
            type: str
          container:
            description: One of its containers; the first one when not set.
            type: str
      to:
        description: Where it connects to; a URL, a host and port, or a name to resolve.
        type: dict
        required: true
        suboptions:
          url:
            description: An http or https URL.
            type: str
          host:
            description: A name or an address.
            type: str
          port:
            description: TCP port of O(probes[].to.host).
            type: int
          dns:
            description: A name to resolve.
            type: str
      protocol:
        description: V(http), V(tcp) or V(dns); it follows from O(probes[].to).
        type: str
        choices: [http, tcp, dns]
      expect:
        description: What should happen.
        type: str
        choices: [allow, deny]
        required: true
      expect_status:
        description: HTTP status that the answer must have.
        type: int
      timeout:
        description: Seconds for the connection.
        type: int
        default: 5
  watch_s:
    description: Seconds to watch after the nodes have realized the policy.
    type: int
    default: 10
  dead_man_s:
    description:
      - Seconds after which the dead man's switch takes the step back by itself. They must be at least 25 more than
        O(watch_s).
    type: int
    default: 60
  image:
    description: Image of the dead man's switch; any with C(sh) and C(curl).
    type: str
    default: nginx:1.26
notes:
  - In the policy's namespace it needs the rights to get and patch C(ciliumnetworkpolicies), to list pods, and to
    manage C(roles) and C(rolebindings) (of the right to patch this one policy).
  - In the namespace C(cloudnet-hardening), which it makes, it needs the rights to manage C(configmaps), C(jobs),
    C(serviceaccounts), C(roles) and C(rolebindings).
  - In O(cilium_namespace) it needs the rights to get services and pods, and to create C(pods/portforward) and
    C(pods/exec). To list workloads, pods, services, namespaces and nodes in all namespaces it needs the right to.
  - Connections that exist already are not cut by Cilium. Only new ones are judged.
seealso:
  - module: cloudnet.aks_cilium.network_policy_soak
  - module: cloudnet.aks_cilium.network_policy_break_glass
"""

EXAMPLES = r"""
- name: From now on only known clients reach the cart
  cloudnet.aks_cilium.network_policy_enforce:
    kubeconfig: ~/.kube/aksciliumlab
    policy:
      namespace: shop
      name: learned-deployment-cart
    direction: ingress
    prediction: "{{ proof.predicted_denials }}"
  register: enforced

- name: Show what was watched meanwhile
  cloudnet.aks_cilium.show_text:
    title: Enforced
    lines: "{{ enforced.lines }}"

- name: Take it back
  cloudnet.aks_cilium.network_policy_enforce:
    kubeconfig: ~/.kube/aksciliumlab
    policy:
      namespace: shop
      name: learned-deployment-cart
    state: shadow
"""

RETURN = r"""
policy:
  description: The policy as C(namespace/name).
  returned: success
  type: str
  sample: shop/learned-deployment-cart
directions:
  description: The directions that are enforced afterwards.
  returned: success
  type: list
  elements: str
  sample: [ingress]
enforce_to_deny_s:
  description: Seconds from the patch until all nodes that run pods of the policy had realized it.
  returned: when the policy was enforced
  type: float
  sample: 0.41
armed_s:
  description: Seconds that it took to arm the dead man's switch.
  returned: when the policy was enforced
  type: float
  sample: 3.2
watch:
  description: What the watch saw.
  returned: when the policy was enforced
  type: dict
  contains:
    seconds:
      description: How long was watched.
      returned: always
      type: int
      sample: 10
    first_packets:
      description: Verdicts at the pods of the policy.
      returned: always
      type: int
      sample: 211
    predicted_denials:
      description: Denied first packets that were predicted or known.
      returned: always
      type: int
      sample: 2
    denied:
      description: The denied connections, with C(source), C(destination), C(protocol), C(port) and C(count).
      returned: always
      type: list
      elements: dict
      sample: []
    interruptions:
      description: How often the stream of verdicts broke and was taken up again without a gap.
      returned: always
      type: int
      sample: 0
leftover:
  description: What an earlier run had left behind, as a sentence; empty when nothing.
  returned: success
  type: str
  sample: ""
lines:
  description: The result for people.
  returned: success
  type: list
  elements: str
  sample: ["shop/learned-deployment-cart enforces ingress after 0.41 s; 211 first packets, 2 denied as predicted"]
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
    - With C(UnpredictedDrop) and the other reasons for taking a step back, C(details) holds C(rolled_back),
      C(rollback_s) (from the first unpredicted drop until the patch back was done), C(detected_s), C(allowed_again_s)
      (until the nodes had realized that; some seconds too many where they had not realized the step before), C(review)
      (the connections to decide upon), C(flow) and C(watch). Where the API server could not be reached,
      C(left_to_dead_man) is true.
  returned: on failure
  type: dict
  sample:
    kind: OperationFailed
    code: UnpredictedDrop
    message: shop/learned-deployment-cart was taken back, since a connection was denied that was not predicted.
    remedy: Approve the connection and generate the policies again.
    details: {rolled_back: true, rollback_s: 1.3, detected_s: 1.2}
"""

from functools import partial

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._wait import SystemClock
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import PROBE_OPTIONS
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import (
    FOLLOWING,
    PREDICTION,
    TIMER_IMAGE,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.enforce import LATE_S, Enforcement
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.flows import flows_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.realizing import BackgroundWork
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.step_options import Options

SPEC = ArgSpec(
    {
        "state": {"type": "str", "choices": ["enforced", "shadow"], "default": "enforced"},
        "policy": {
            "type": "dict",
            "required": True,
            "options": {"namespace": {"type": "str", "required": True}, "name": {"type": "str", "required": True}},
        },
        "direction": {"type": "str", "choices": ["ingress", "egress", "both"], "default": "both"},
        "probes": {"type": "list", "elements": "dict", "default": [], "options": PROBE_OPTIONS},
        "watch_s": {"type": "int", "default": 10},
        "dead_man_s": {"type": "int", "default": 60},
    }
).merge(TIMER_IMAGE, PREDICTION, FOLLOWING, KUBE)


def action(context: Context) -> Result:
    """Take the step, or take it back."""
    params = context.params
    options = Options.of(params)
    kube, clock = connect(params, hide=context.hide), SystemClock()
    step = Enforcement(
        kube,
        flows_of(kube, partial(forwarded, kube), options.cilium_namespace, denied_within_s=LATE_S),
        BackgroundWork(kube, partial(exec_in_pod, kube), clock, options.probes),
        options,
        clock,
        progress=context.progress,
    )
    return (step.take_off if params["state"] == "shadow" else step.run)(check_mode=context.check_mode)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
