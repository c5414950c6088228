# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""One look at Cilium's health, or looks until it is as wanted; what the module cilium_status does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from .._errors import AuthFailed, InvalidInput, OperationFailed, Throttled, TimedOut, Unreachable
from .._module import apply_query
from .._text import elapsed_text
from .._types import Clock, Json, Params, Progress, Result
from .._wait import Look, SystemClock, silent, wait_until
from ..kube.interface import Exec, Kube
from .agents import with_probes
from .collect import collect
from .detect import Installation, installation, installation_seen
from .feature_table import feature_table, table_text
from .features import features
from .giveup import GiveUp
from .next_steps import grants_text, next_steps, where_else
from .policies_health import are_realized
from .release import check_name, read_release
from .render import as_values, banner, state_line
from .snapshot import Snapshot
from .status import Status, judge

INTERVAL_S = 2.0
WANTED = {
    "healthy": "healthy",
    "agents": "ready on all nodes",
    "relay": "serving Hubble relay",
    "policies": "enforcing all policies",
}
NEEDED = {"healthy": ("cilium",), "agents": ("cilium",), "relay": ("relay",), "policies": ("cilium", "policies")}
"""What must be readable for each of wait_for; health needs all but the policies."""


@dataclass(frozen=True)
class Options:
    """The options of cilium_status, except those of the connection."""

    namespace: str
    release_name: str
    wait: bool
    wait_for: Sequence[str]
    wait_timeout_s: float
    ignore_warnings: bool
    probe_agents: str
    query: str | None

    @classmethod
    def of(cls, params: Params) -> Options:
        """From a module's parameters. Raises InvalidInput for a wrong one, and for a wait that nothing could end."""
        if params["wait"] and "policies" in params["wait_for"] and params["probe_agents"] == "none":
            raise InvalidInput(
                "wait_for=policies needs the agents' own view, but probe_agents=none.",
                option="probe_agents",
                code="AgentsNotAsked",
                remedy="Set probe_agents to all, or leave it out.",
            )
        check_name(params["namespace"], "namespace")
        if params["wait_timeout"] < 0:
            raise InvalidInput(
                f"wait_timeout={params['wait_timeout']} is negative.",
                option="wait_timeout",
                code="InvalidNumber",
                remedy="Give seconds from 0 on, or set wait to false.",
            )
        return cls(
            namespace=params["namespace"],
            release_name=params["release_name"],
            wait=params["wait"],
            wait_for=params["wait_for"],
            wait_timeout_s=float(params["wait_timeout"]),
            ignore_warnings=params["ignore_warnings"],
            probe_agents=params["probe_agents"],
            query=params["query"],
        )


@dataclass(frozen=True)
class Seen:
    """A look and its judgement."""

    snapshot: Snapshot
    status: Status


def report_status(
    kube: Kube, run: Exec, options: Options, *, progress: Progress = silent, clock: Clock | None = None
) -> Result:
    """The status as a result; with wait, only when it is as wanted.

    Raises TimedOut with the remaining errors, OperationFailed as soon as a container crashes again and again.
    """
    if options.wait:
        seen = wait_for_status(kube, run, options, progress=progress, clock=clock)
    else:
        snapshot = with_probes(collect(kube, options.namespace), run, options.probe_agents, clock=clock)
        seen = Seen(snapshot, judge(snapshot))
    values = _values(kube, seen, options)
    if options.query is not None:
        return Result(values={"healthy": values["healthy"], "queried": apply_query(options.query, values)})
    return Result(values=values)


def wait_for_status(
    kube: Kube, run: Exec, options: Options, *, progress: Progress = silent, clock: Clock | None = None
) -> Seen:
    """Look until everything in wait_for holds."""
    latest: list[Seen] = []
    clock = clock or SystemClock()
    patience = GiveUp(kube, clock, policies="policies" in options.wait_for)

    def look() -> Look[Seen]:
        try:
            snapshot = collect(kube, options.namespace)
        except (Unreachable, Throttled, OperationFailed) as error:
            # A first failure is the user's to see; later ones happen while a cluster settles.
            if not latest:
                raise
            return Look(False, error.message, latest[-1])
        _require_rights(snapshot, options.wait_for)
        patience.check(snapshot)
        seen = Seen(snapshot, judge(snapshot))
        if _holds(seen, options, asked=False):
            # Asking the agents costs an exec each: only when all else is well.
            snapshot = with_probes(snapshot, run, options.probe_agents, clock=clock)
            seen = Seen(snapshot, judge(snapshot))
        latest[:] = [seen]
        return Look(_holds(seen, options, asked=True), _state(seen, options), seen)

    try:
        return wait_until(
            look,
            what="cilium",
            timeout_s=options.wait_timeout_s,
            interval_s=INTERVAL_S,
            clock=clock,
            progress=progress,
        )
    except TimedOut as error:
        _timed_out(error, latest[-1], options)


def _require_rights(snapshot: Snapshot, wait_for: Sequence[str]) -> None:
    """Raise AuthFailed for a right without which what is waited for cannot be seen: waiting does not bring it."""
    needed = {key for name in wait_for for key in NEEDED[name]}
    for key, error in snapshot.refused.items():
        if key in needed or ("healthy" in wait_for and key != "policies"):
            error.remedy = grants_text(snapshot.namespace)
            raise error


def _holds(seen: Seen, options: Options, *, asked: bool) -> bool:
    """asked: whether the agents were; before, nothing is known of policies but that they are valid."""
    status = seen.status
    invalid = any(policy.valid is False for policy in seen.snapshot.policies)
    conditions = {
        "healthy": lambda: status.is_healthy(options.ignore_warnings),
        "agents": lambda: status.agents_ready,
        "relay": lambda: status.relay_ready,
        "policies": lambda: are_realized(seen.snapshot) if asked else not invalid,
    }
    return all(conditions[name]() for name in options.wait_for)


def _remaining(seen: Seen, options: Options) -> list[str]:
    """Why it is not as wanted."""
    status = seen.status
    lines = list(status.errors)
    if "healthy" in options.wait_for and not options.ignore_warnings:
        lines += status.health_warnings
    if "policies" in options.wait_for:
        lines += [line for line in status.warnings if line.startswith("policies: ")]
    relay = status.components["relay"].workload
    if "relay" in options.wait_for and relay is None:
        lines.append("relay: Deployment hubble-relay is not installed")
    return lines


def _state(seen: Seen, options: Options) -> str:
    telling = [line for line in _remaining(seen, options) if not _counted(line)]
    return state_line(seen.status) + (f"; {telling[0]}" if telling else "")


def _counted(line: str) -> bool:
    """Whether the counters in front say the same."""
    return line.endswith(("is not ready", "are not ready")) or "not found in" in line or ": not Ready: " in line


def _timed_out(error: TimedOut, seen: Seen, options: Options) -> NoReturn:
    status, remaining = seen.status, _remaining(seen, options)
    raise TimedOut(
        f"Cilium is not {' and '.join(WANTED[name] for name in options.wait_for)} "
        f"after {elapsed_text(options.wait_timeout_s)}: {'; '.join(remaining) or state_line(status)}.",
        code="WaitTimeout",
        remedy=where_else(seen.snapshot) or "Look at the pods that are named, or raise wait_timeout.",
        history=error.history,
        details={"errors": status.errors, "warnings": status.warnings, "banner": banner(status, None, seen.snapshot)},
    ) from error


def _values(kube: Kube, seen: Seen, options: Options) -> Json:
    """All return values of the module."""
    notes = list(seen.snapshot.notes)
    install = _installation(kube, seen, notes)
    known = features(seen.snapshot, install)
    rows = feature_table(seen.snapshot, install, known)
    chart_version: str | None = None
    try:
        release = read_release(kube, options.release_name, options.namespace)
        chart_version = release.chart_version if release else None
    except AuthFailed as error:
        notes.append(f"The chart's version is not known: {error.message}")
    values = as_values(seen.status, seen.snapshot)
    values.update(
        healthy=seen.status.is_healthy(options.ignore_warnings),
        manager=install.manager,
        version=install.version,
        chart_version=chart_version,
        features=known,
        feature_table=rows,
        feature_text=table_text(rows),
        banner=banner(seen.status, chart_version, seen.snapshot),
        next_steps=next_steps(seen.status, seen.snapshot, install),
        notes=notes,
        api_requests=kube.requests,
    )
    return values


def _installation(kube: Kube, seen: Seen, notes: list[str]) -> Installation:
    """Who manages Cilium and what it can do; where a right is missing for that, as far as it was seen, and a note."""
    snapshot = seen.snapshot
    if "cilium" not in snapshot.refused:
        try:
            return installation(kube, snapshot.namespace)
        except AuthFailed as error:
            if error.status != 403:
                raise
            notes.append(f"What this Cilium can do is known in part only: {error.message}")
    return installation_seen(snapshot.workloads.get("cilium"), snapshot.config, relay=seen.status.relay_ready)
