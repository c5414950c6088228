# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The options and values of the module hubble_flows (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .._errors import InvalidInput
from .._types import Json, Params
from .compact import compact_line
from .filters import build_filters
from .observation import FlowRequest, Observation
from .times import parse_moment

DEFAULT_LAST = 100
MOST_FLOWS = 100_000
LONGEST_FOLLOW_S = 3600


def request_of(params: Params, now_s: float) -> FlowRequest:
    """What the options ask for. The number of flows is always stated: Hubble's own default is 20.

    Raises InvalidInput that names the option.
    """
    limit = _within("limit", params["limit"], MOST_FLOWS)
    last = params.get("last")
    follow_s = params.get("follow_for") or 0
    if follow_s:
        _within("follow_for", follow_s, LONGEST_FOLLOW_S)
    if last is not None:
        _within("last", last, MOST_FLOWS)
    since = parse_moment("since", params["since"], now_s) if params.get("since") else None
    until = parse_moment("until", params["until"], now_s) if params.get("until") else None
    if since is not None and until is not None and until < since:
        raise InvalidInput(
            f"until={params['until']} is before since={params['since']}.", option="until", code="InvalidTime"
        )
    unbounded = since is not None or until is not None or bool(follow_s)
    number = last if last is not None else 0 if unbounded else min(DEFAULT_LAST, limit)
    return FlowRequest(
        allow=build_filters(params),
        deny=build_filters(params.get("exclude") or {}, "exclude."),
        keep=min(limit, number) if number and not follow_s else limit,
        number=number,
        since=since,
        until=until,
        follow_s=float(follow_s),
        timeout_s=float(params["request_timeout"]),
    )


def _within(option: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise InvalidInput(f"{option}={value} is not from 1 to {most}.", option=option, code="InvalidNumber")
    return value


def values_of(request: FlowRequest, seen: Observation) -> Json:
    """The values that the module returns."""
    # Each node sends `number` flows of which the newest are kept: that was asked for, and is not a loss.
    asked_for = 0 < request.number <= request.keep and not request.follow_s
    return {
        "flows": [flow.document for flow in seen.flows],
        "lines": [compact_line(flow) for flow in seen.flows],
        "summary": {
            "flows": len(seen.flows),
            "verdicts": _counts(flow.verdict for flow in seen.flows),
            "drop_reasons": _counts(flow.drop_name for flow in seen.flows if flow.verdict == "DROPPED"),
        },
        "truncated": seen.seen > len(seen.flows) and not asked_for,
        "complete": seen.complete,
        "incomplete_because": list(seen.problems),
        "lost_events": seen.lost,
        "source": seen.source,
        "nodes": dict(sorted(seen.nodes.items())),
    }


def _counts(names: Iterable[str]) -> dict[str, int]:
    counted = Counter(names)
    return dict(sorted(counted.items()))
