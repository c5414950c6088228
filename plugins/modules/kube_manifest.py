#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_manifest
short_description: Apply the objects of a manifest and wait until they work
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Applies namespaces, workloads and Services by server-side apply, in the order given, and waits until they work -
    pods ready, workloads rolled out, load balancers with an address, deleted objects gone.
  - For the small set of kinds that this collection knows. For network policies use
    M(cloudnet.aks_cilium.cilium_policy), which also waits until the nodes enforce them; for everything else use
    M(kubernetes.core.k8s).
attributes:
  check_mode:
    support: full
    description: In check mode the API server computes the result of a dry run and stores nothing.
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
    description: Whether the objects should exist.
    type: str
    choices: [present, absent]
    default: present
  definition:
    description: The objects - YAML text with one or more documents, a list of objects, or one object.
    type: raw
    required: true
  wait:
    description: Whether to wait until the objects work, or are gone.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Apply a manifest and wait until what is in it works
  cloudnet.aks_cilium.kube_manifest:
    kubeconfig: ~/.kube/aksciliumlab
    definition: "{{ lookup('ansible.builtin.file', 'web.yaml') }}"
  register: applied

- name: Show the external addresses of its Services
  ansible.builtin.debug:
    var: applied.addresses

- name: Remove all that is in it
  cloudnet.aks_cilium.kube_manifest:
    kubeconfig: ~/.kube/aksciliumlab
    definition: "{{ lookup('ansible.builtin.file', 'web.yaml') }}"
    state: absent
"""

RETURN = r"""
objects:
  description: The objects, in the order of the manifest.
  returned: always
  type: list
  elements: dict
  sample: [{"kind": "Deployment", "namespace": "basics", "name": "basicdeploy", "changed": true}]
  contains:
    kind:
      description: Kind of the object.
      returned: always
      type: str
      sample: Deployment
    namespace:
      description: Namespace; empty for objects without one.
      returned: always
      type: str
      sample: basics
    name:
      description: Name.
      returned: always
      type: str
      sample: basicdeploy
    changed:
      description: Whether this object was (or, in check mode, would be) changed.
      returned: always
      type: bool
      sample: true
addresses:
  description: External addresses of the LoadBalancer Services among the objects, by C(namespace/name).
  returned: when O(state=present)
  type: dict
  sample: {"basics/basicdeploy": "172.171.45.48"}
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: InvalidInput
    code: NoName
    option: definition
    message: "definition: object 2 (Service) has no metadata.name."
    remedy: Give it a name.
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import STATE, ArgSpec, waiting
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.manifest import (
    ensure_absent,
    ensure_present,
    read_manifest,
)

SPEC = ArgSpec(
    {
        "definition": {"type": "raw", "required": True},
    }
).merge(STATE, waiting(300), KUBE)


def action(context: Context) -> Result:
    """Read the manifest, then apply or delete its objects."""
    documents = read_manifest(context.params["definition"])
    timeout_s = float(context.params["wait_timeout"]) if context.params["wait"] else None
    ensure = ensure_present if context.params["state"] == "present" else ensure_absent
    return ensure(
        connect(context.params, hide=context.hide),
        documents,
        check_mode=context.check_mode,
        timeout_s=timeout_s,
        progress=context.progress,
    )


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
