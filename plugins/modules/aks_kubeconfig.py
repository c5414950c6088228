#!/usr/bin/python

# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module aks_kubeconfig."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_kubeconfig
short_description: Write or remove the kubeconfig of an AKS cluster
version_added: 0.1.0
author:
  - Cloudnet contributors (@cloudnet)
description:
  - Does what C(az aks get-credentials) does, idempotently. The credentials go into a file of their own, or into one
    that holds other clusters as well; they never show in a result, a diff or the output.
  - The file is replaced in one step, has mode 0600, and its folder is locked meanwhile, so that many runs can merge
    into one file.
  - A target that exists and is not a kubeconfig is never touched.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - cloudnet.aks_cilium.azure
  - cloudnet.aks_cilium.azure.cluster
attributes:
  check_mode:
    support: full
    details: Check mode asks Azure for the credentials, which changes nothing, and writes no file.
  diff_mode:
    support: full
    details: Shows names and the server, never credentials.
  platform:
    platforms: posix
    support: full
options:
  state:
    description:
      - V(present) writes the credentials.
      - V(absent) removes the context, its cluster and its user, and the whole file when O(merge=false) and nothing
        else is in it. It does not contact Azure.
    type: str
    choices: [present, absent]
    default: present
  credential:
    description: Whose credentials to get. V(admin) is refused by Azure for clusters without local accounts.
    type: str
    choices: [user, admin]
    default: user
  format:
    description:
      - For a cluster with Entra ID, how kubectl logs in. V(exec) starts C(kubelogin). V(azure) is the auth-provider
        that kubectl has no longer had since 1.26.
      - If not set, V(exec) with O(kubelogin_login), else what Azure takes for the cluster's version.
      - It means nothing for a cluster without Entra ID, and does not go with O(credential=admin).
    type: str
    choices: [azure, exec]
  kubelogin_login:
    description:
      - Login method to put into the kubeconfig, as C(kubelogin convert-kubeconfig) does. Azure hands out
        V(devicecode).
      - V(azurecli) uses the login of C(az). V(spn), V(workloadidentity) and V(msi) log in without a person; V(spn)
        takes the secret from the environment of whoever runs kubectl, and V(workloadidentity) its token file. No secret
        is written.
      - A cluster without Entra ID keeps its static credential.
    type: str
    choices: [azurecli, devicecode, interactive, msi, spn, workloadidentity]
  kubelogin_client_id:
    description:
      - Application that logs in, for V(spn) and V(workloadidentity), or user-assigned identity, for V(msi).
      - If not set, C(AZURE_CLIENT_ID) in the environment of kubectl, or what Azure handed out.
    type: str
  kubelogin_tenant:
    description: Tenant to log in to. If not set, what Azure handed out; V(azurecli) then asks C(az).
    type: str
  public_fqdn:
    description: Whether the kubeconfig of a private cluster names its public address, where it has one.
    type: bool
    default: false
  path:
    description:
      - File to write. Required unless O(merge=true), where it is the first file of E(KUBECONFIG), or C(~/.kube/config),
        if not given.
      - A missing folder is made with mode 0700.
    type: path
  merge:
    description:
      - Whether the file may hold other clusters as well, which are kept.
      - Otherwise the file is this cluster's own. One that holds other contexts is refused unless
        O(overwrite_existing=true).
    type: bool
    default: false
  context:
    description:
      - Name for the context and the cluster entry. The cluster's name if not given.
      - As C(az) does, C(-admin) is put behind the context's name with O(credential=admin).
    type: str
  overwrite_existing:
    description: Whether entries of the same name and other content are replaced when merging.
    type: bool
    default: false
  set_current:
    description:
      - Whether the context becomes the current one of a file with O(merge=true). A file that has no current context
        gets it anyway, and in a file of its own a cluster is always current.
      - C(az) always does this; here it is off, as several clusters that merge into one file would take turns on every
        run.
    type: bool
    default: false
seealso:
  - module: cloudnet.aks_cilium.aks_cluster
"""

EXAMPLES = r"""
- name: Write the kubeconfig of a cluster into a file of its own
  cloudnet.aks_cilium.aks_kubeconfig:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    path: ~/.kube/aksciliumlab
  register: written

- name: Use it
  ansible.builtin.debug:
    msg: "export KUBECONFIG={{ written.path }}   # {{ written.server }}"

- name: Merge it into the kubeconfig of the user, as az does
  cloudnet.aks_cilium.aks_kubeconfig:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    merge: true
    set_current: true

- name: Write the kubeconfig of a cluster without local accounts, for a pipeline that logs in as a service principal
  cloudnet.aks_cilium.aks_kubeconfig:
    resource_group: rsg-ciliumlab
    name: aks-cnicilium
    path: ~/.kube/aks-cnicilium
    format: exec
    kubelogin_login: spn
    kubelogin_client_id: 22222222-2222-2222-2222-222222222222

- name: Remove the file again
  cloudnet.aks_cilium.aks_kubeconfig:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    path: ~/.kube/aksciliumlab
    state: absent
"""

RETURN = r"""
path:
  description: The file, with symbolic links resolved.
  returned: success
  type: str
  sample: /home/ops/.kube/demo.yaml
context:
  description: Name of the context.
  returned: success
  type: str
  sample: demo
credential:
  description: Whose credentials these are.
  returned: success
  type: str
  sample: user
server:
  description: Address of the API server; empty when the cluster does not exist yet (check mode).
  returned: when O(state=present)
  type: str
  sample: https://demo-rg-demo-1f2e3d-a1b2c3d4.hcp.westeurope.azmk8s.io:443
login:
  description:
    - How kubectl logs in. V(static), or the login method of kubelogin; empty when the cluster does not exist yet.
  returned: when O(state=present)
  type: str
  sample: azurecli
msg:
  description: What would happen, where that is not obvious.
  returned: in check mode, when the cluster does not exist yet
  type: str
  sample: The cluster does not exist yet; its kubeconfig would be written.
failure:
  description:
    - Facts about an error, as far as there are any. C(kind), C(message), C(remedy), C(code), C(option), C(target),
      C(status) (HTTP), C(correlation_id), C(details), C(history) (states seen while waiting).
  returned: on failure
  type: dict
  sample:
    kind: InvalidInput
    code: NotAKubeconfig
    option: path
    message: path=/home/ops/notes.txt exists and is not a kubeconfig; it was left as it is.
    remedy: Give another path, or move the file away.
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import STATE, ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.argspec import AZURE, CLUSTER
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.credentials_file import run

SPEC = ArgSpec(
    {
        "credential": {"type": "str", "choices": ["user", "admin"], "default": "user"},
        "format": {"type": "str", "choices": ["azure", "exec"]},
        "kubelogin_login": {
            "type": "str",
            "choices": ["azurecli", "devicecode", "interactive", "msi", "spn", "workloadidentity"],
        },
        "kubelogin_client_id": {"type": "str"},
        "kubelogin_tenant": {"type": "str"},
        "public_fqdn": {"type": "bool", "default": False},
        "path": {"type": "path"},
        "merge": {"type": "bool", "default": False},
        "context": {"type": "str"},
        "overwrite_existing": {"type": "bool", "default": False},
        "set_current": {"type": "bool", "default": False},
    },
    required_if=[("merge", False, ["path"])],
    required_by={"kubelogin_client_id": ["kubelogin_login"], "kubelogin_tenant": ["kubelogin_login"]},
).merge(STATE, AZURE, CLUSTER)


def main() -> None:
    """Run the module."""
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
