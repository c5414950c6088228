# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Results of probes as an aligned table for people (pure)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from .._types import Json
from .judge import NOT_RUN

WIDTH = 160
NARROWEST_POLICY = 24
# Keeps a kind and its name on one line while the text is wrapped.
_GLUE = "\u00a0"
_KIND = re.compile(r"\b(CCNP|CNP|NP) ")
_SHORT = (
    ("CiliumClusterwideNetworkPolicy ", "CCNP "),
    ("CiliumNetworkPolicy ", "CNP "),
    ("NetworkPolicy ", "NP "),
)
# The random end of a Deployment's pod name says nothing to a reader of the table; the results have the full name.
_REPLICA = re.compile(r"-[0-9a-f]{8,10}-[a-z0-9]{5}(?=[),]|$)")
_HEADS = ("cluster", "step", "from", "to", "expected", "result", "time", "verdict", "", "policy")


def connection_table(rows: Sequence[Json], width: int = WIDTH) -> list[str]:
    """The lines of the table: a head, a rule, and one line or more for each row.

    Rows are entries of the module's `results`; each may carry `step` and `cluster`, columns that are left out when no
    row does. A row with `skipped_because` shows that reason. The policy comes last and is wrapped to fit the width.
    """
    table = [_cells(row) for row in rows]
    shown = [index for index, head in enumerate(_HEADS[:-1]) if not head or any(cells[index] for cells in table)]
    widths = {index: max(len(cells[index]) for cells in [_HEADS, *table]) for index in shown}
    used = sum(widths.values()) + 2 * len(shown)
    rest = max(width - used, NARROWEST_POLICY)
    lines = []
    for cells in [_HEADS, *table]:
        start = "  ".join(cells[index].ljust(widths[index]) for index in shown)
        policy = _KIND.sub(rf"\1{_GLUE}", cells[-1])
        wrapped = textwrap.wrap(policy, rest, break_long_words=False, break_on_hyphens=False) or [""]
        lines.append(f"{start}  {wrapped[0]}".replace(_GLUE, " ").rstrip())
        lines += [" " * used + more.replace(_GLUE, " ") for more in wrapped[1:]]
    lines.insert(1, "-" * max((len(line) for line in lines), default=0))
    return lines


def _cells(row: Json) -> tuple[str, ...]:
    skipped = str(row.get("skipped_because") or "")
    policy = f"left out: {skipped}" if skipped else str(row.get("decided_by") or "")
    if not skipped and not row.get("passed", False) and not policy:
        policy = str((row.get("story") if row.get("observed") == NOT_RUN else "") or row.get("reason") or "")
    for long, short in _SHORT:
        policy = policy.replace(long, short)
    if row.get("direction"):
        # The column of the verdict has the direction already.
        policy = policy.removeprefix(f"{row['direction']}: ").removeprefix("no rule allows it, ")
    mark = "-" if skipped else "ok" if row.get("passed") else "FAILED"
    cells = (
        str(row.get("cluster") or ""),
        str(row.get("step") or ""),
        _REPLICA.sub("", str(row.get("from") or "")),
        str(row.get("to") or ""),
        str(row.get("expected") or ""),
        "" if skipped else str(row.get("observed") or ""),
        "" if skipped else _time(row),
        _verdict(row),
        mark,
        policy,
    )
    # A row stays one row, whatever a name holds.
    return tuple(" ".join(cell.split()) for cell in cells)


def _time(row: Json) -> str:
    """What the answer took, or how long it was waited for: `4 ms`, `5.0 s`."""
    client = row.get("client")
    seconds = client.get("time_s") if isinstance(client, dict) else None
    if not isinstance(seconds, (int, float)) or seconds <= 0:
        return ""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{max(seconds * 1000, 1):.0f} ms"


def _verdict(row: Json) -> str:
    verdict, direction = row.get("verdict") or "", row.get("direction") or ""
    return f"{verdict} {direction}".strip()
