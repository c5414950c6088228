# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""A connection that is made on purpose, and the verdicts that Hubble must then show of it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .._errors import CollectionError, InvalidInput, NotFound, OperationFailed
from .._types import Json
from ..kube.interface import Exec, Kube
from ..kube.kinds import POD
from ..probe.plan import Probe
from ..probe.report import read_reports
from ..probe.script import SLOTS_PER_S, command_of, first_port_of
from .flows import Flows, direction_of

SIDES = ("EGRESS", "INGRESS")
CONNECT_S = 3
AGAIN_EVERY_S = 3.0
EXEC_MARGIN_S = 15.0
_slots = itertools.count(int(time.time() * SLOTS_PER_S))


@dataclass(frozen=True)
class Attempt:
    """Where from and where to. option: at fault when that is impossible."""

    namespace: str
    pod: str
    container: str
    host: str
    port: int
    option: str


@dataclass
class Shown:
    """What Hubble showed: the first verdict of each side, and after how many seconds it arrived here."""

    verdicts: dict[str, Json] = field(default_factory=dict)
    after_s: dict[str, float] = field(default_factory=dict)
    answered: bool = False
    ports: set[int] = field(default_factory=set)
    """Ports at the client."""


def attempt_of(option: str, value: Json) -> Attempt:
    """From an option with `from` and `to`. Raises InvalidInput."""
    source, to = value["from"], value["to"]
    if not 0 < int(to["port"]) < 65536:
        raise InvalidInput(
            f"{option}.to.port={to['port']} is no port.",
            option=option,
            code="InvalidNumber",
            remedy="Give a number from 1 to 65535.",
        )
    return Attempt(
        source["namespace"], source["pod"], source.get("container") or "", to["host"], int(to["port"]), option
    )


def address_of_pod(kube: Kube, namespace: str, pod: str, option: str) -> str:
    """The address of a pod. Raises InvalidInput where there is none."""
    found = kube.get(POD, pod, namespace)
    address = str(((found or {}).get("status") or {}).get("podIP") or "")
    if not address:
        why = "does not exist" if found is None else "has no address"
        raise InvalidInput(
            f"{option}: the pod {namespace}/{pod} {why}.",
            option=option,
            code="PodNotFound",
            remedy=f"Look at what there is: kubectl --namespace {namespace} get pods",
        )
    return address


def show(
    kube: Kube,
    execute: Exec,
    flows: Flows,
    attempt: Attempt,
    timeout_s: float,
    *,
    one_side_after_s: float | None = None,
    others: Callable[[Json], None] = lambda flow: None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Shown:
    """Connect, and connect again, until the verdicts of both sides have arrived or the time is over.

    one_side_after_s: so long after the verdict of one side, that is enough; where one end is no pod there is no other.
    others gets the flows of the stream that belong to something else. A connection that is refused or denied is one
    all the same. Raises NotFound or OperationFailed when the pod cannot connect at all.
    """
    shown = Shown()
    deadline = monotonic() + timeout_s
    started: dict[int, float] = {}
    again_at = monotonic()
    while monotonic() < deadline and len(shown.verdicts) < len(SIDES):
        if monotonic() >= again_at:
            again_at = monotonic() + AGAIN_EVERY_S
            _connect(kube, execute, attempt, started, shown, monotonic)
        flow = flows.next(0.2)
        if flow is None:
            continue
        side = direction_of(flow)
        began = started.get(client_port(flow, attempt))
        if began is None:
            others(flow)
        elif side in SIDES and side not in shown.verdicts:
            shown.verdicts[side] = flow
            shown.after_s[side] = round(monotonic() - began, 2)
            if one_side_after_s is not None:
                deadline = min(deadline, monotonic() + one_side_after_s)
                again_at = deadline
    return shown


def _connect(
    kube: Kube,
    execute: Exec,
    attempt: Attempt,
    started: dict[int, float],
    shown: Shown,
    monotonic: Callable[[], float],
) -> None:
    """Connect once from ports of our own, by which the flows are recognised."""
    pod = kube.get(POD, attempt.pod, attempt.namespace)
    if pod is None:
        raise NotFound(
            f"{attempt.option}: the pod {attempt.namespace}/{attempt.pod} does not exist.",
            code="PodNotFound",
            remedy=f"Look at what there is: kubectl --namespace {attempt.namespace} get pods",
        )
    probe = Probe(
        name=attempt.option,
        namespace=attempt.namespace,
        pod=attempt.pod,
        selector="",
        container=attempt.container,
        protocol="tcp",
        target=attempt.host,
        port=attempt.port,
        expect="allow",
        expect_status=None,
        timeout_s=CONNECT_S,
    )
    first_port = first_port_of(next(_slots))
    began = monotonic()
    try:
        done = execute(
            attempt.namespace,
            attempt.pod,
            command_of([probe], [first_port]),
            container=attempt.container or None,
            timeout_s=CONNECT_S + EXEC_MARGIN_S,
        )
    except CollectionError as error:
        error.message = f"{attempt.option}: {error.message}"
        error.args = (error.message,)
        raise
    (report,) = read_reports([probe], done, [first_port], pod)
    if report.failure:
        raise OperationFailed(
            f"{attempt.option}: {report.failure}",
            code="ProbeFailed",
            remedy=f"Look at the pod: kubectl --namespace {attempt.namespace} describe pod {attempt.pod}",
        )
    shown.answered = shown.answered or report.answered
    started.update(dict.fromkeys(report.ports, began))
    shown.ports |= report.ports


def client_port(flow: Json, attempt: Attempt) -> int:
    """The port at the client, if the client is the one of the attempt; else 0."""
    source = flow.get("source") or {}
    if (source.get("namespace"), source.get("pod_name")) != (attempt.namespace, attempt.pod):
        return 0
    header = next(iter((flow.get("l4") or {}).values()), None) or {}
    return int(header.get("source_port") or 0)
