# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the modules that follow the verdicts of Hubble relay."""

from __future__ import annotations


class ModuleDocFragment:
    """FOLLOWING and PREDICTION of module_utils/staging/argspec.py."""

    DOCUMENTATION = r"""
options:
  max_lost:
    description: Lost events that are still accepted.
    type: int
    default: 0
  cilium_namespace:
    description: Namespace of Cilium and Hubble relay.
    type: str
    default: kube-system
requirements:
  - grpcio (Python package)
  - protobuf 4.22 or later (Python package)
"""

    PREDICTION = r"""
options:
  prediction:
    description:
      - Denials that are expected, as M(cloudnet.aks_cilium.network_policy_prove) predicts them - C(denied) and
        C(already_denied), each a list of connections with C(source), C(destination), C(protocol) and C(port).
    type: dict
"""
