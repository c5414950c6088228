# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What the expressions of label selectors mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def expression_holds(expression: Mapping[str, Any], present: Sequence[str]) -> bool:
    """Whether one of `matchExpressions` holds. present: the values of its label; none where there is no such label."""
    wanted = expression.get("values") or ()
    operator = expression.get("operator")
    if operator == "In":
        return any(value in wanted for value in present)
    if operator == "NotIn":
        return not any(value in wanted for value in present)
    if operator == "DoesNotExist":
        return not present
    # Exists; and Gt and Lt of node selectors, which need the label at least.
    return bool(present)
