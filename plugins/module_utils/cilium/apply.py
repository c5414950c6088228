# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Brings policies about, or away, and waits until the nodes agree; what Cilium rejects is taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .._errors import CollectionError, Conflict, OperationFailed
from .._types import Clock, Json, Progress, Result
from .._wait import Look, wait_until
from ..kube.interface import Exec, Kube
from ..kube.kinds import NETWORK_POLICY
from .policy import (
    Policy,
    differs,
    managed_fields,
    refuse_foreign,
    rules_differ,
    take_back,
    validity,
    write,
)
from .realized import NodeState, Realization, Target

WAIT_FOR = ("accepted", "valid", "realized")
LOOK_EVERY_S = 0.5
WRITE_ATTEMPTS = 3
# The operator judges a policy within milliseconds, but leaves no mark when an update stays valid: so long a changed
# policy must not turn invalid to count as valid, unless an agent has loaded it, which proves the same.
STAYS_VALID_S = 2.0
# Operators before 1.16 say nothing at all.
NO_ANSWER_S = 10.0


@dataclass(frozen=True)
class Surroundings:
    """Effects that the actions are given. wait_for: how far to wait; None is not at all."""

    kube: Kube
    execute: Exec
    clock: Clock
    progress: Progress
    check_mode: bool
    wait_for: str | None
    wait_timeout_s: float


@dataclass
class Step:
    """One policy on its way. before: the live object as found; fingerprints: of its rules on the nodes, if updated."""

    policy: Policy
    before: Json | None
    changed: bool
    after: Json | None = None
    valid: bool | None = None
    nodes: list[NodeState] | None = None
    fingerprints: dict[str, str] = field(default_factory=dict)

    def row(self) -> Json:
        """For results."""
        nodes = [state.row() for state in self.nodes or []]
        return {
            "kind": self.policy.kind.kind,
            "namespace": self.policy.namespace or "",
            "name": self.policy.name,
            "changed": self.changed,
            "before": {key: (self.before or {})[key] for key in ("spec", "specs") if (self.before or {}).get(key)},
            "valid": self.valid,
            "realized": {
                "checked": self.nodes is not None,
                "nodes": nodes,
                "endpoints": sum(state.endpoints for state in self.nodes or []),
            },
        }


def ensure_present(policies: Sequence[Policy], adopt: bool, around: Surroundings) -> Result:
    """Write the policies that differ, in order, and wait.

    Raises Conflict for a policy of somebody else; OperationFailed for one that Cilium rejects, after everything that
    this call wrote was taken back; TimedOut when nodes do not realize them in time (they stay).
    """
    steps = []
    for policy in policies:
        live = around.kube.get(policy.kind, policy.name, policy.namespace)
        refuse_foreign(policy, live, adopt)
        steps.append(Step(policy, live, differs(policy, live), after=live, valid=validity(live)[0]))
    if around.check_mode:
        return _result(steps, removed=False)
    _refuse_invalid(steps, around)
    realization = _realization(around)
    for step in steps:
        if realization and step.before and step.changed and rules_differ(step.policy, step.before):
            step.fingerprints = realization.fingerprints(step.before, step.before["metadata"].get("uid", ""))
    written: list[Step] = []
    try:
        for step in steps:
            if step.changed:
                step.after = _write(around.kube, step, adopt)
                written.append(step)
        _wait_present(steps, around, realization)
    except _Rejected as rejection:
        raise _explain_rejection(rejection, written, around.kube) from rejection
    except CollectionError as error:
        if len(written) == sum(step.changed for step in steps):
            # All is written; only the wait went wrong, and taking back is the caller's decision.
            raise
        _take_back(written, around.kube)
        raise _with_note(error, written) from error
    return _result(steps, removed=False)


def ensure_absent(policies: Sequence[Policy], adopt: bool, around: Surroundings) -> Result:
    """Remove the policies that exist, last first, and wait until no node enforces them."""
    steps = []
    for policy in reversed(policies):
        live = around.kube.get(policy.kind, policy.name, policy.namespace)
        refuse_foreign(policy, live, adopt)
        steps.append(Step(policy, live, live is not None))
    if not around.check_mode and any(step.changed for step in steps):
        realization = _realization(around)
        for step in steps:
            if step.changed:
                around.kube.delete(step.policy.kind, step.policy.name, step.policy.namespace)
        targets = [
            Target(step.policy.label, step.before, step.before["metadata"].get("uid", ""), present=False)
            for step in steps
            if step.before is not None
        ]
        _wait_realized(steps, targets, around, realization)
    return _result(steps, removed=True)


class _Rejected(Exception):
    """Cilium's operator said Valid=False."""

    def __init__(self, step: Step, message: str) -> None:
        super().__init__(message)
        self.step = step
        self.message = message


def _write(kube: Kube, step: Step, adopt: bool) -> Json:
    """Write, again when somebody else (the operator's status, mostly) wrote in between."""
    for attempt in range(WRITE_ATTEMPTS):
        try:
            return write(kube, step.policy, step.before)
        except Conflict:
            if attempt == WRITE_ATTEMPTS - 1:
                raise
            step.before = kube.get(step.policy.kind, step.policy.name, step.policy.namespace)
            refuse_foreign(step.policy, step.before, adopt)
    raise AssertionError("unreachable")


def _realization(around: Surroundings) -> Realization | None:
    """The look at the agents, when the caller wants to wait for them and there are any."""
    if around.wait_for != "realized":
        return None
    realization = Realization(around.kube, around.execute, around.clock)
    return realization if realization.has_agents else None


def _wait_present(steps: Sequence[Step], around: Surroundings, realization: Realization | None) -> None:
    if around.wait_for in (None, "accepted"):
        return
    targets = [
        Target(
            step.policy.label,
            step.policy.body,
            ((step.after or {}).get("metadata") or {}).get("uid", ""),
            previous=step.before if step.changed else None,
            before=step.fingerprints,
        )
        for step in steps
    ]
    judged = [step for step in steps if step.changed and step.policy.kind is not NETWORK_POLICY]

    def valid_enough(waited_s: float, loaded: bool) -> str:
        return _look_valid(around.kube, judged, waited_s, loaded)

    _wait_realized(steps, targets, around, realization, valid_enough)


def _look_valid(kube: Kube, steps: Sequence[Step], waited_s: float, loaded: bool) -> str:
    """What validity is still waited for, empty when nothing; raises _Rejected."""
    for step in steps:
        live = kube.get(step.policy.kind, step.policy.name, step.policy.namespace)
        step.valid, message = validity(live)
        if step.valid is False:
            raise _Rejected(step, message)
        settled = waited_s >= (NO_ANSWER_S if step.valid is None else STAYS_VALID_S)
        created = step.before is None and step.valid is True
        if not (created or settled or (loaded and step.before is not None)):
            return f"{step.policy.label}: Cilium has not judged it yet"
    return ""


def _wait_realized(
    steps: Sequence[Step],
    targets: Sequence[Target],
    around: Surroundings,
    realization: Realization | None,
    valid_enough: Callable[[float, bool], str] | None = None,
) -> None:
    """Poll the agents (when there is a realization) and the operator's verdicts until both are satisfied."""
    if realization is None and valid_enough is None:
        return
    started = around.clock.monotonic()

    def look() -> Look[None]:
        waited_s = around.clock.monotonic() - started
        seen = realization.look(targets, waited_s) if realization else Look(True, "", {})
        for step in steps:
            if step.policy.label in seen.value:
                step.nodes = seen.value[step.policy.label]
        loaded = realization is not None and seen.done
        missing = valid_enough(waited_s, loaded) if valid_enough else ""
        return Look(seen.done and not missing, missing or seen.state or "valid", None)

    if look().done:
        # Mostly it is a matter of a moment, about which nobody needs a line.
        return
    wait_until(
        look,
        what="policies",
        timeout_s=around.wait_timeout_s,
        interval_s=LOOK_EVERY_S,
        clock=around.clock,
        progress=around.progress,
        remedy="The change was made and stays; cilium_status tells whether the agents of the named nodes are healthy.",
    )


def _take_back(written: Sequence[Step], kube: Kube) -> None:
    for step in reversed(written):
        take_back(kube, step.policy, step.before)


def _refuse_invalid(steps: Sequence[Step], around: Surroundings) -> None:
    """Refuse to call a policy good that is unchanged and that Cilium has rejected before."""
    for step in steps:
        if around.wait_for in ("valid", "realized") and not step.changed and step.valid is False:
            message = validity(step.before)[1]
            raise _rejected(step.policy, message, "It stood in the cluster before this task and is not enforced.")


def _explain_rejection(rejection: _Rejected, written: Sequence[Step], kube: Kube) -> OperationFailed:
    _take_back(written, kube)
    what = "It was taken back" + (", with all that this task wrote." if len(written) > 1 else ".")
    return _rejected(rejection.step.policy, rejection.message, what)


def _rejected(policy: Policy, message: str, what: str) -> OperationFailed:
    return OperationFailed(
        f"{policy.label}: the API server accepted it, but Cilium rejects it (Valid=False): {message}. {what}",
        code="PolicyRejected",
        target=policy.label,
        remedy="Correct the policy.",
    )


def _with_note(error: CollectionError, written: Sequence[Step]) -> CollectionError:
    """The error, and that the earlier policies of the task were taken back."""
    if written:
        labels = ", ".join(step.policy.label for step in written)
        error.message = f"{error.message.rstrip('.')}. What this task had written was taken back: {labels}."
        error.args = (error.message,)
    return error


def _result(steps: Sequence[Step], *, removed: bool) -> Result:
    changed = [step for step in steps if step.changed]
    return Result(
        changed=bool(changed),
        values={"policies": [step.row() for step in steps]},
        before={step.policy.label: managed_fields(step.policy, step.before) for step in changed},
        after={} if removed else {step.policy.label: managed_fields(step.policy, step.policy.body) for step in changed},
    )
