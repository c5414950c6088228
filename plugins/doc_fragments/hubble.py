# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of module_utils/hubble/argspec.py."""

    DOCUMENTATION = r"""
options:
  source:
    description:
      - Who is asked for flows. V(relay) fails where there is no relay, V(agents) needs no gRPC, and V(auto) takes the
        relay where there is one.
    type: str
    choices: [auto, relay, agents]
    default: auto
  cilium_namespace:
    description: Namespace of Cilium and Hubble relay.
    type: str
    default: kube-system
"""
