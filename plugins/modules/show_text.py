#!/usr/bin/python
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: show_text
short_description: Print lines as they are
version_added: 0.1.0
author: [Cloudnet contributors (@cloudnet)]
description:
  - Prints a status banner or a table as it is. The result of M(ansible.builtin.debug) is quoted, escaped and wrapped
    on its way to the terminal, which breaks both.
  - Runs on the controller.
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: Changes nothing, so there is no difference to show.
  platform:
    platforms: posix
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  title:
    description: A line above the text.
    type: str
    required: true
  lines:
    description: The text.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Read the status
  cloudnet.aks_cilium.cilium_status:
    kubeconfig: ~/.kube/aksciliumlab
  register: status

- name: Show it as the cilium command does
  cloudnet.aks_cilium.show_text:
    title: "Cilium on {{ inventory_hostname }}"
    lines: "{{ status.banner.splitlines() }}"
"""

RETURN = r"""
"""

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context, run_module
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result

SPEC = ArgSpec(
    {
        "title": {"type": "str", "required": True},
        "lines": {"type": "list", "elements": "str", "required": True},
    }
)


def action(context: Context) -> Result:
    """Nothing is left to do: the action plugin of this name has printed the lines."""
    del context
    return Result()


def main() -> None:
    """Entry point."""
    run_module(SPEC, action)


if __name__ == "__main__":
    main()
