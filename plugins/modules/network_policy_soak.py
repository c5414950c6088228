#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_soak
short_description: Watch shadow policies until it is clear what enforcing them would deny
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - A shadow policy has its default deny switched off, so it blocks nothing. Yet each verdict names the policy that
    covers a connection, or C(allow-any-ingress) or C(allow-any-egress) where none does. Such a connection is
    I(unexplained), and enforcing would deny it.
  - The module follows the verdicts of some namespaces for a time. It fails as soon as a connection is unexplained that
    O(prediction) does not name, or is dropped that was not dropped before.
  - A listening policy explains nothing.
attributes:
  check_mode:
    support: full
    description: In check mode nothing is watched, and RV(passed) is false.
  diff_mode:
    support: none
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
  - cloudnet.aks_cilium.following
  - cloudnet.aks_cilium.following.prediction
options:
  namespaces:
    description: Namespaces of the shadow policies.
    type: list
    elements: str
    required: true
  system_namespaces:
    description: Names C(kube-system) a second time, without which it is refused in O(namespaces).
    type: list
    elements: str
    default: []
  duration:
    description: Seconds to watch.
    type: int
    default: 300
  positive_control:
    description:
      - A connection that no policy covers. It is made first, and must be unexplained. Otherwise the verdicts could not
        show a mistake. It is written as the entries of O(cloudnet.aks_cilium.connectivity_probe#module:probes).
    type: dict
    suboptions: &connection
      from:
        description: The pod that connects. It needs C(sh) and C(curl).
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
            required: true
          container:
            description: One of its containers; the first one when not set.
            type: str
      to:
        description: Where it connects to.
        type: dict
        required: true
        suboptions:
          host:
            description: An address, or a name that the pod can resolve.
            type: str
            required: true
          port:
            description: TCP port.
            type: int
            required: true
  negative_control:
    description: A connection that a policy covers. It is made first, and its verdicts must name a policy.
    type: dict
    suboptions: *connection
notes:
  - It needs the rights to get services and pods and to create C(pods/portforward) in O(cilium_namespace), to list
    policies, pods, services, namespaces, nodes and the kinds of workloads in all namespaces, and to create
    C(pods/exec) where the controls start.
seealso:
  - module: cloudnet.aks_cilium.network_policy_prove
  - module: cloudnet.aks_cilium.network_policy_enforce
"""

EXAMPLES = r"""
- name: Let the policies soak for a quarter of an hour
  cloudnet.aks_cilium.network_policy_soak:
    kubeconfig: ~/.kube/aksciliumlab
    namespaces: [shop, backend]
    duration: 900
    prediction: "{{ proof.predicted_denials }}"
  register: soaked

- name: Show what was explained by which policy
  cloudnet.aks_cilium.show_text:
    title: Soak
    lines: "{{ soaked.lines }}"

- name: Do it with a control, a connection that no policy covers and that must be seen so
  cloudnet.aks_cilium.network_policy_soak:
    kubeconfig: ~/.kube/aksciliumlab
    namespaces: [shop, backend]
    duration: 900
    prediction: "{{ proof.predicted_denials }}"
    positive_control:
      from: {namespace: canary, pod: canary-client}
      to: {host: cart.shop, port: 80}
"""

RETURN = r"""
passed:
  description: Whether the whole time went by with nothing unexpected and nothing missing.
  returned: success
  type: bool
  sample: true
summary:
  description: First packets in numbers.
  returned: success
  type: dict
  contains:
    seconds:
      description: How long was watched.
      returned: always
      type: int
      sample: 900
    first_packets:
      description: Verdicts that were seen.
      returned: always
      type: int
      sample: 5120
    explained:
      description: Verdicts that a policy explains, or the rule that a node reaches its own pods.
      returned: always
      type: int
      sample: 5117
    predicted:
      description: Unexplained verdicts that were predicted.
      returned: always
      type: int
      sample: 3
    unexplained:
      description: Unexplained verdicts that were not predicted.
      returned: always
      type: int
      sample: 0
    dropped:
      description: Dropped first packets that were known before.
      returned: always
      type: int
      sample: 0
by_policy:
  description: Number of verdicts by the policy that covers them.
  returned: success
  type: dict
  sample: {"CiliumNetworkPolicy shop/learned-deployment-cart": 812}
unexplained:
  description:
    - Connections that no policy covers, all of them predicted, with C(edge), C(source), C(destination), C(protocol),
      C(port), C(direction), C(count) and C(predicted).
  returned: success
  type: list
  elements: dict
  sample: []
controls:
  description: What the controls showed, by C(positive) and C(negative).
  returned: success
  type: dict
  sample: {positive: "allow-any-egress, allow-any-ingress"}
lines:
  description: The result for people.
  returned: success
  type: list
  elements: str
  sample: ["soaked for 900 s: 5120 first packets, all explained or predicted; nothing was dropped; nothing is missing"]
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
    - With the codes C(UnexplainedConnections) and C(NewDrops), C(details.review) lists the connections to decide upon,
      C(details.dropped) those that were dropped, and C(details.summary) has the numbers.
  returned: on failure
  type: dict
  sample:
    kind: OperationFailed
    code: UnexplainedConnections
    message: "1 connection would be denied that was not predicted: shop/Deployment/web -> shop/Deployment/cart TCP/80."
    remedy: Approve it and generate the policies again, or add it to the prediction if it should be denied.
"""

from functools import partial

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import (
    CONNECTION,
    FOLLOWING,
    PREDICTION,
    SYSTEM,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.flows import flows_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.soak import Options, Soak

SPEC = ArgSpec(
    {
        "namespaces": {"type": "list", "elements": "str", "required": True},
        "duration": {"type": "int", "default": 300},
        "positive_control": CONNECTION,
        "negative_control": CONNECTION,
    }
).merge(SYSTEM, PREDICTION, FOLLOWING, KUBE)


def action(context: Context) -> Result:
    """Watch the shadow policies."""
    params = context.params
    options = Options.of(params)
    kube = connect(params, hide=context.hide)
    flows = flows_of(kube, partial(forwarded, kube), options.cilium_namespace)
    soak = Soak(kube, partial(exec_in_pod, kube), flows, options, progress=context.progress)
    return soak.run(check_mode=context.check_mode)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
