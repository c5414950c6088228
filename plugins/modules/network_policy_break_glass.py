#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_break_glass
short_description: Open namespaces for a limited time, after which the cluster closes them by itself
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Switches the default deny of all policies of this collection in some namespaces off, so that they deny nothing.
  - Before that, a C(Job) is started in the cluster for each namespace. It switches the same policies on again when the
    time is over, and first proves by a dry run on the API server that it is able to. So nobody has to remember it.
  - A step of M(cloudnet.aks_cilium.network_policy_enforce) that is not confirmed is taken back first, and is not among
    what is switched on again.
  - Policies of others are not touched. Those that deny by default are named in a warning, since they may go on denying.
attributes:
  check_mode:
    support: full
    description: In check mode nothing is written.
  diff_mode:
    support: full
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.kube
options:
  state:
    description:
      - V(open) - open the namespaces. One that is open already stays so until its own time is over.
      - V(closed) - close them now, if this module opened them.
    type: str
    choices: [open, closed]
    default: open
  namespaces:
    description: The namespaces.
    type: list
    elements: str
    required: true
  minutes:
    description: Minutes after which a namespace is closed again, up to a day.
    type: int
    default: 30
  image:
    description: Image of the C(Job); any with C(sh) and C(curl).
    type: str
    default: nginx:1.26
notes:
  - In the namespaces it needs the rights to list and patch C(ciliumnetworkpolicies), to list C(networkpolicies), and to
    manage C(roles) and C(rolebindings) (of the right to patch these policies).
  - In the namespace C(cloudnet-hardening), which it makes, it needs the rights to manage C(configmaps), C(jobs),
    C(serviceaccounts), C(roles) and C(rolebindings).
seealso:
  - module: cloudnet.aks_cilium.network_policy_enforce
"""

EXAMPLES = r"""
- name: Open the shop for a quarter of an hour
  cloudnet.aks_cilium.network_policy_break_glass:
    kubeconfig: ~/.kube/aksciliumlab
    namespaces: [shop]
    minutes: 15
  register: opened

- name: Show until when
  cloudnet.aks_cilium.show_text:
    title: Break glass
    lines: "{{ opened.lines }}"

- name: Close it before
  cloudnet.aks_cilium.network_policy_break_glass:
    kubeconfig: ~/.kube/aksciliumlab
    namespaces: [shop]
    state: closed
"""

RETURN = r"""
namespaces:
  description: One entry for each namespace, in the order given.
  returned: always
  type: list
  elements: dict
  sample:
    - namespace: shop
      open: true
      changed: true
      policies: [learned-deployment-cart, learned-default-deny]
      closes_at: "2026-11-30T18:35:00Z"
  contains:
    namespace:
      description: Its name.
      returned: always
      type: str
      sample: shop
    open:
      description: Whether it is open afterwards.
      returned: always
      type: bool
      sample: true
    changed:
      description: Whether this call opened or closed it.
      returned: always
      type: bool
      sample: true
    policies:
      description: The policies that are (or were) switched off.
      returned: always
      type: list
      elements: str
      sample: [learned-deployment-cart, learned-default-deny]
    closes_at:
      description: When the cluster closes it, by the clock of the node of the C(Job); empty when it is not open.
      returned: always
      type: str
      sample: "2026-11-30T18:35:00Z"
lines:
  description: The result for people.
  returned: always
  type: list
  elements: str
  sample: ["shop is open until 2026-11-30T18:35:00Z: 2 policies deny nothing"]
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: OperationFailed
    code: DeadManNotArmed
    message: "The dead man's switch was not armed within 60 s: ImagePullBackOff. Nothing was changed."
    remedy: Name an image with sh and curl that the nodes can pull (option image).
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._wait import SystemClock
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import TIMER_IMAGE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.breakglass import BreakGlass

SPEC = ArgSpec(
    {
        "state": {"type": "str", "choices": ["open", "closed"], "default": "open"},
        "namespaces": {"type": "list", "elements": "str", "required": True},
        "minutes": {"type": "int", "default": 30},
    }
).merge(TIMER_IMAGE, KUBE)


def action(context: Context) -> Result:
    """Open or close."""
    params = context.params
    kube = connect(params, hide=context.hide)
    glass = BreakGlass(kube, SystemClock(), params, warn=context.warn, progress=context.progress)
    return (glass.open if params["state"] == "open" else glass.close)(check_mode=context.check_mode)


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
