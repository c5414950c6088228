# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Options that several stages have."""

from __future__ import annotations

from .._argspec import ArgSpec
from .._types import Json

FOLLOWING = ArgSpec(
    {"max_lost": {"type": "int", "default": 0}, "cilium_namespace": {"type": "str", "default": "kube-system"}}
)
SYSTEM = ArgSpec({"system_namespaces": {"type": "list", "elements": "str", "default": []}})
STORE = ArgSpec(
    {
        "store": {
            "type": "dict",
            "required": True,
            "options": {"path": {"type": "path"}, "config_map": {"type": "bool"}},
        }
    }
)
OBSERVED = ArgSpec(
    {
        "evidence": {"type": "raw"},
        "flows": {"type": "path"},
        "inventory": {"type": "raw"},
        "dns": {
            "type": "dict",
            "options": {
                "path": {"type": "str", "choices": ["kube-dns", "node-local-dns", "localdns", "unknown"]},
                "namespace": {"type": "str"},
                "labels": {"type": "dict"},
                "ports": {"type": "list", "elements": "dict"},
            },
        },
        "cluster": {"type": "str"},
        "accept_incomplete": {"type": "bool", "default": False},
    },
    mutually_exclusive=[["evidence", "flows"]],
    required_one_of=[["evidence", "flows"]],
)
PREDICTION = ArgSpec({"prediction": {"type": "dict"}})
TIMER_IMAGE = ArgSpec({"image": {"type": "str", "default": "nginx:1.26"}})
CONNECTION: Json = {
    "type": "dict",
    "options": {
        "from": {
            "type": "dict",
            "required": True,
            "options": {
                "namespace": {"type": "str", "required": True},
                "pod": {"type": "str", "required": True},
                "container": {"type": "str"},
            },
        },
        "to": {
            "type": "dict",
            "required": True,
            "options": {"host": {"type": "str", "required": True}, "port": {"type": "int", "required": True}},
        },
    },
}
"""An option that holds one connection which a stage makes itself."""
