# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress lines."""

from __future__ import annotations

from ansible_collections.cloudnet.aks_cilium.plugins.plugin_utils.progress import ProgressAction


class ActionModule(ProgressAction):
    """Shows what M(cloudnet.aks_cilium.network_policy_soak) waits for."""
