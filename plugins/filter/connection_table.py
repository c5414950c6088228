# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of connectivity_probe as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe import table

DOCUMENTATION = r"""
name: connection_table
short_description: Show results of connectivity_probe as a table
version_added: 0.1.0
author: Cloudnet contributors (@cloudnet)
description:
  - Turns results of M(cloudnet.aks_cilium.connectivity_probe) into aligned lines, one or more for each connection, with
    the expected and the observed outcome, the time it took, the Hubble verdict, and the policy that decided.
  - Each result may carry C(step) and C(cluster), which then become columns, and C(skipped_because), which is shown in
    place of an outcome.
options:
  _input:
    description: The results.
    type: list
    elements: dict
    required: true
  width:
    description: Columns of the terminal. The policy is wrapped to fit; the other columns are as wide as they need.
    type: int
    default: 160
"""

EXAMPLES = r"""
- name: Try a connection
  cloudnet.aks_cilium.connectivity_probe:
    kubeconfig: ~/.kube/aksciliumlab
    probes:
      - from: {namespace: client, pod: client}
        to: {url: http://basicdeploy.basics}
        expect: allow
  register: probed

- name: Show what was tried, and what came of it
  cloudnet.aks_cilium.show_text:
    title: Connections
    lines: "{{ probed.results | cloudnet.aks_cilium.connection_table }}"
"""

RETURN = r"""
_value:
  description: The lines of the table.
  type: list
  elements: str
"""


def connection_table(rows: Any, width: int = table.WIDTH) -> list[str]:
    """Lines of a table; see DOCUMENTATION."""
    if not isinstance(rows, (list, tuple)) or not all(isinstance(row, dict) for row in rows):
        raise AnsibleFilterError("connection_table needs a list of results of cloudnet.aks_cilium.connectivity_probe.")
    return table.connection_table(rows, width)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"connection_table": connection_table}
