# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What is different between two reports: connections and default deny, before and after. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._types import Json
from .model import ALLOWED, AUDITED, BOTH, DENIED, LOST, connection_key

UNSEEN = "not seen"
CLOSED, OPENED, NEW, GONE, OTHER = "now denied", "now allowed", "new", "not seen again", "changed"
CHANGES = (CLOSED, OPENED, NEW, GONE, OTHER)
_PASSES = (ALLOWED, AUDITED, BOTH)


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Json]:
    """Connections whose outcome differs: {source, destination, port, before, after, change}, in a fixed order."""
    old = {connection_key(one): one["outcome"] for one in before["connections"]}
    new = {connection_key(one): one["outcome"] for one in after["connections"]}
    found = []
    for key in sorted({*old, *new}):
        was, now = old.get(key, UNSEEN), new.get(key, UNSEEN)
        if was != now:
            source, destination, port = key
            found.append(
                {
                    "source": source,
                    "destination": destination,
                    "port": port,
                    "before": was,
                    "after": now,
                    "change": _change(was, now),
                }
            )
    return sorted(found, key=lambda one: CHANGES.index(one["change"]))


def _change(was: str, now: str) -> str:
    if was == UNSEEN:
        return NEW
    if now == UNSEEN:
        return GONE
    if now in (DENIED, LOST) and was in _PASSES:
        return CLOSED
    if was in (DENIED, LOST) and now in _PASSES:
        return OPENED
    return OTHER
