#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hubble_canary
short_description: Prove that Hubble shows a connection which is made on purpose
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Opens a connection from one pod to another and demands that Hubble shows its policy verdicts, of egress at the
    client and of ingress at the server, within seconds, that every node is connected, and that nothing is lost.
  - Evidence that does not arrive is no evidence of absence. So this comes before any observation.
  - It deploys nothing. Both pods must be selected by a policy in both directions (a listening policy does), since
    there are no verdicts otherwise.
attributes:
  check_mode:
    support: full
    description: In check mode no connection is made, and RV(passed) is false.
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
  client:
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
  server:
    description: The pod that is connected to.
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
  port:
    description: TCP port of the server.
    type: int
    default: 80
  timeout:
    description: Seconds within which the verdicts must arrive.
    type: int
    default: 10
notes:
  - It needs the rights to get services and pods and to create C(pods/portforward) in O(cilium_namespace), to get pods
    and to create C(pods/exec) in the namespaces of the pods, and to list pods of O(cilium_namespace).
seealso:
  - module: cloudnet.aks_cilium.network_policy_evidence
"""

EXAMPLES = r"""
- name: Require that Hubble shows a connection at both of its ends
  cloudnet.aks_cilium.hubble_canary:
    kubeconfig: ~/.kube/aksciliumlab
    client: {namespace: canary, pod: canary-client}
    server: {namespace: canary, pod: canary-server}
    port: 80
  register: canary

- name: Show how long that took
  cloudnet.aks_cilium.show_text:
    title: What Hubble saw
    lines: "{{ canary.lines }}"
"""

RETURN = r"""
passed:
  description: Whether all that is demanded was seen.
  returned: success
  type: bool
  sample: true
egress_s:
  description: Seconds from the start of the connection to the arrival of the client's verdict here.
  returned: when it arrived
  type: float
  sample: 0.9
ingress_s:
  description: Seconds from the start of the connection to the arrival of the server's verdict here.
  returned: when it arrived
  type: float
  sample: 0.9
nodes:
  description: State by node, as Hubble relay tells it.
  returned: success
  type: dict
  sample: {aks-nodepool1-0: CONNECTED, aks-nodepool1-1: CONNECTED}
lost_events:
  description: Events that Hubble lost meanwhile.
  returned: success
  type: int
  sample: 0
lines:
  description: The result for people.
  returned: success
  type: list
  elements: str
  sample: ["canary/client to canary/server:8080 was shown by Hubble: egress after 0.9 s, ingress after 0.9 s"]
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: OperationFailed
    code: CanaryNotSeen
    message: "The canary connection was not shown by Hubble within 10 s: no ingress verdict."
    remedy: Check that a listening policy selects both pods, and the health of Hubble.
"""

from functools import partial

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import FOLLOWING
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.canary import run_canary
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.flows import flows_of

POD = {"namespace": {"type": "str", "required": True}, "pod": {"type": "str", "required": True}}
SPEC = ArgSpec(
    {
        "client": {"type": "dict", "required": True, "options": {**POD, "container": {"type": "str"}}},
        "server": {"type": "dict", "required": True, "options": POD},
        "port": {"type": "int", "default": 80},
        "timeout": {"type": "int", "default": 10},
    }
).merge(FOLLOWING, KUBE)


def action(context: Context) -> Result:
    """Connect, and see what Hubble shows."""
    params = context.params
    kube = connect(params, hide=context.hide)
    flows = flows_of(kube, partial(forwarded, kube), params["cilium_namespace"])
    return run_canary(kube, partial(exec_in_pod, kube), flows, params, check_mode=context.check_mode)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
