# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Options of every module that talks to Kubernetes; documented in the fragment cloudnet.aks_cilium.kube."""

from __future__ import annotations

from .._argspec import ArgSpec

# No `fallback` here: which variables of the environment count depends on the options that were given,
# see kubeconfig.py. A token of the environment must never be sent to the cluster that an option names.
KUBE = ArgSpec(
    {
        "kubeconfig": {"type": "raw"},
        "context": {"type": "str"},
        "host": {"type": "str"},
        "api_key": {"type": "str", "no_log": True},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "ca_cert": {"type": "path"},
        "validate_certs": {"type": "bool"},
        "proxy": {"type": "str"},
        "request_timeout": {"type": "int", "default": 30},
    },
    required_together=[["client_cert", "client_key"]],
)
