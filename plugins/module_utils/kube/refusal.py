# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What a refusal of the API server (403) says: which right is missing, and how to look at it and give it. Pure."""

from __future__ import annotations

import re
import shlex

from .._types import Json

_CANNOT = re.compile(
    r'cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)'
)


def missing_right(said: str) -> Json | None:
    """Verb, resource, API group and namespace (empty: the whole cluster) of a refusal; None where it says none.

    helm hands these messages on, so they are looked for anywhere in a text.
    """
    found = _CANNOT.search(said)
    return {name: value or "" for name, value in found.groupdict().items()} if found else None


def remedy_for(right: Json) -> str:
    """Where the right is written down, and the command that shows whether it is there."""
    resource, __, subresource = right["resource"].partition("/")
    words = ["kubectl", "auth", "can-i", right["verb"], ".".join(filter(None, (resource, right["group"])))]
    words += ["--subresource", subresource] if subresource else []
    words += ["--namespace", right["namespace"]] if right["namespace"] else ["--all-namespaces"]
    return (
        f"Give the identity the role of this task (docs/permissions/kubernetes), or use another credential."
        f" To check: {shlex.join(words)}"
    )
