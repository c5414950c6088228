# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""One look at Cilium's health, or looks until it is as wanted; what the module cilium_status does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from .._errors import AuthFailed, CollectionError, OperationFailed, Throttled, TimedOut, Unreachable
from .._module import apply_query
from .._types import Clock, Json, Params, Progress, Result
from .._wait import Look, elapsed_text, silent, wait_until
from ..kube.interface import Exec, Kube
from .collect import collect, with_probes
from .detect import installation
from .features import features
from .release import read_release
from .render import as_values, banner, state_line
from .snapshot import Snapshot
from .status import Status, hopeless, judge, trouble_text

INTERVAL_S = 2.0
LOG_LINES = 10
WANTED = {"healthy": "healthy", "agents": "ready on all nodes", "relay": "serving Hubble relay"}


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
        """From a module's parameters."""
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
        snapshot = with_probes(collect(kube, options.namespace), run, options.probe_agents)
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

    def look() -> Look[Seen]:
        try:
            snapshot = collect(kube, options.namespace)
        except (Unreachable, Throttled, OperationFailed) as error:
            # A first failure is the user's to see; later ones happen while a cluster settles.
            if not latest:
                raise
            return Look(False, error.message, latest[-1])
        _give_up_on_crash_loops(kube, snapshot)
        seen = Seen(snapshot, judge(snapshot))
        if _holds(seen.status, options):
            # Asking the agents costs an exec each: only when all else is well.
            snapshot = with_probes(snapshot, run, options.probe_agents)
            seen = Seen(snapshot, judge(snapshot))
        latest[:] = [seen]
        return Look(_holds(seen.status, options), _state(seen.status, options), seen)

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
        _timed_out(error, latest[-1].status, options)


def _holds(status: Status, options: Options) -> bool:
    conditions = {
        "healthy": lambda: status.is_healthy(options.ignore_warnings),
        "agents": lambda: status.agents_ready,
        "relay": lambda: status.relay_ready,
    }
    return all(conditions[name]() for name in options.wait_for)


def _remaining(status: Status, options: Options) -> list[str]:
    """Why it is not as wanted."""
    lines = list(status.errors)
    if "healthy" in options.wait_for and not options.ignore_warnings:
        lines += status.warnings
    relay = status.components["relay"].workload
    if "relay" in options.wait_for and relay is None:
        lines.append("relay: Deployment hubble-relay is not installed")
    return lines


def _state(status: Status, options: Options) -> str:
    telling = [line for line in _remaining(status, options) if not _counted(line)]
    return state_line(status) + (f"; {telling[0]}" if telling else "")


def _counted(line: str) -> bool:
    """Whether the counters in front say the same."""
    return line.endswith("are not ready") or "not found in" in line or ": not Ready: " in line


def _timed_out(error: TimedOut, status: Status, options: Options) -> NoReturn:
    remaining = _remaining(status, options)
    raise TimedOut(
        f"Cilium is not {' and '.join(WANTED[name] for name in options.wait_for)} "
        f"after {elapsed_text(options.wait_timeout_s)}: {'; '.join(remaining) or state_line(status)}.",
        code="WaitTimeout",
        remedy="Look at the pods that are named, or raise wait_timeout.",
        history=error.history,
        details={"errors": status.errors, "warnings": status.warnings, "banner": banner(status, None)},
    ) from error


def _give_up_on_crash_loops(kube: Kube, snapshot: Snapshot) -> None:
    """Raise, with the last lines of its log, for a container that will not come up by waiting."""
    for pod, trouble in hopeless(snapshot):
        try:
            log = kube.logs(
                snapshot.namespace, pod.name, container=trouble.container, tail=LOG_LINES, previous=trouble.crash_loop
            )
        except CollectionError as error:
            log = f"(no log: {error.message})"
        raise OperationFailed(
            f"{snapshot.namespace}/{pod.name}: {trouble_text(trouble)} ({trouble.restarts} restarts). "
            f"Its last lines: {log.strip() or '(empty log)'}",
            code=trouble.reason,
            target=f"{snapshot.namespace}/{pod.name}",
            details={"log": log.splitlines(), "container": trouble.container, "restarts": trouble.restarts},
        )


def _values(kube: Kube, seen: Seen, options: Options) -> Json:
    """All return values of the module."""
    install = installation(kube, options.namespace)
    notes: list[str] = []
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
        features=features(seen.snapshot, install),
        banner=banner(seen.status, chart_version),
        notes=notes,
    )
    values["api_requests"] = kube.requests
    return values
