# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Options that every module which reads flows has. Documented in the fragment `hubble`."""

from __future__ import annotations

from .._argspec import ArgSpec

READER = ArgSpec(
    {
        "source": {"type": "str", "choices": ["auto", "relay", "agents"], "default": "auto"},
        "cilium_namespace": {"type": "str", "default": "kube-system"},
        "relay_address": {"type": "str"},
        "relay_tls": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
        "relay_server_name": {"type": "str"},
        "relay_ca_cert": {"type": "path"},
        "relay_client_cert": {"type": "path"},
        "relay_client_key": {"type": "path", "no_log": False},
    },
    required_together=[["relay_client_cert", "relay_client_key"]],
)
