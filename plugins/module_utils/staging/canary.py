# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Proves that Hubble shows a connection at both ends, with all nodes connected and nothing lost: for hubble_canary."""

from __future__ import annotations

import time
from collections.abc import Callable

from .._errors import InvalidInput, OperationFailed
from .._types import Json, Params, Result
from ..kube.interface import Exec, Kube
from .connection import SIDES, Attempt, Shown, address_of_pod, show
from .flows import READY_S, OpenFlows, unconnected, verdict_filters


def run_canary(
    kube: Kube,
    execute: Exec,
    open_flows: OpenFlows,
    params: Params,
    *,
    check_mode: bool,
    monotonic: Callable[[], float] = time.monotonic,
) -> Result:
    """Connect and see. Raises OperationFailed (CanaryNotSeen, FlowsIncomplete)."""
    client, server, timeout_s = params["client"], params["server"], params["timeout"]
    for option, most in (("timeout", 600), ("port", 65535)):
        if not 1 <= params[option] <= most:
            raise InvalidInput(
                f"{option}={params[option]} is not from 1 to {most}.",
                option=option,
                code="InvalidNumber",
                remedy="Give a number in this range.",
            )
    address_of_pod(kube, client["namespace"], client["pod"], "client")
    host = address_of_pod(kube, server["namespace"], server["pod"], "server")
    attempt = Attempt(client["namespace"], client["pod"], client.get("container") or "", host, params["port"], "client")
    what = f"{client['namespace']}/{client['pod']} to {server['namespace']}/{server['pod']}:{params['port']}"
    if check_mode:
        return Result(values=_values(False, Shown(), {}, 0, [f"{what} would be tried"]))
    namespaces = sorted({client["namespace"], server["namespace"]})
    with open_flows(verdict_filters(namespaces)) as flows:
        flows.wait_ready(READY_S)
        shown = show(kube, execute, flows, attempt, timeout_s, monotonic=monotonic)
        away = unconnected(kube, flows.nodes, params["cilium_namespace"])
        lost, nodes = flows.lost, dict(sorted(flows.nodes.items()))
        problems = [*(flows.problems if lost <= params["max_lost"] else flows.why_incomplete), *away]
    _require_shown(shown, timeout_s)
    if problems:
        raise OperationFailed(
            f"The canary connection was shown by Hubble, but flows are missing: {' '.join(problems)}",
            code="FlowsIncomplete",
            details={"nodes": nodes, "lost_events": lost},
            remedy="Repair the nodes that are named; where events are lost, enlarge Hubble's buffers.",
        )
    times = ", ".join(f"{side.lower()} after {shown.after_s[side]:.1f} s" for side in SIDES)
    return Result(values=_values(True, shown, nodes, lost, [f"{what} was shown by Hubble: {times}"]))


def _require_shown(shown: Shown, timeout_s: float) -> None:
    missing = [side.lower() for side in SIDES if side not in shown.verdicts]
    if missing:
        raise OperationFailed(
            f"The canary connection was not shown by Hubble within {timeout_s} s: no {' and no '.join(missing)} verdict"
            f" ({'the server answered' if shown.answered else 'the server did not answer'}).",
            code="CanaryNotSeen",
            remedy="Check that a listening policy selects both pods in both directions, and the health of Hubble.",
        )


def _values(passed: bool, shown: Shown, nodes: dict[str, str], lost: int, lines: list[str]) -> Json:
    times = {f"{side.lower()}_s": seconds for side, seconds in shown.after_s.items()}
    return {"passed": passed, **times, "nodes": nodes, "lost_events": lost, "lines": lines}
