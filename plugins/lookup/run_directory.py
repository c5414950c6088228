# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of this run alone."""

from __future__ import annotations

DOCUMENTATION = r"""
name: run_directory
short_description: A directory of this run alone, which Ansible removes in the end
version_added: 0.1.0
author: Cloudnet contributors (@cloudnet)
description:
  - Gives the directory that Ansible makes on the controller for its own temporary files, with mode 0700, and removes
    when it ends, whether the run succeeded, failed or was interrupted.
  - For files that must not stay, such as the kubeconfig of a job. It is the same one in all tasks of a run, and another
    in each run.
notes:
  - It is on the controller, so it is for hosts with C(ansible_connection=local).
  - When Ansible is killed (SIGKILL), nothing is removed. In AWX, the container goes with what is in it.
  - Where it is made is Ansible's setting E(ANSIBLE_LOCAL_TEMP).
options:
  _terms:
    description: Names of files in it. Without any, the directory itself is given.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Write the kubeconfig of a cluster for this run
  cloudnet.aks_cilium.aks_kubeconfig:
    resource_group: rsg-ciliumlab
    name: aksciliumlab
    path: "{{ lookup('cloudnet.aks_cilium.run_directory', 'kubeconfig') }}"
"""

RETURN = r"""
_raw:
  description: The path of each name, or of the directory.
  type: list
  elements: path
  sample: [/home/ops/.ansible/tmp/ansible-local-4711k2x9w0q_/demo.yml]
"""

import os
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """Knows where the run's own directory is."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[str]:
        """The path of each name."""
        names = [str(term) for term in terms]
        for name in names:
            if name != os.path.basename(name) or name in ("", ".", ".."):
                raise AnsibleError(f"{name!r} is not the name of a file. Give a name without a slash.")
        # Not through the lookup ansible.builtin.config: on newer versions that makes a directory of its own each time,
        # in a worker process, which removes nothing.
        directory = str(constants.DEFAULT_LOCAL_TMP)
        return [os.path.join(directory, name) for name in names] or [directory]
