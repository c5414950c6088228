# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""How the policies that we make are named and marked."""

from __future__ import annotations

# With a hyphen: Kubernetes takes no underscore in the prefix of a label.
ROLE_LABEL = "cloudnet.aks-cilium/role"
WORKLOAD_ROLE, PLATFORM_ROLE, NAMESPACE_ROLE, LISTEN_ROLE = "workload", "platform", "namespace", "listen"
EVIDENCE_ANNOTATION = "cloudnet.aks-cilium/evidence"
WORKLOAD_ANNOTATION = "cloudnet.aks-cilium/workload"
PREFIX = "learned-"
PLATFORM, DEFAULT_DENY, LISTEN = f"{PREFIX}platform", f"{PREFIX}default-deny", f"{PREFIX}listen"
