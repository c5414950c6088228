# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""One step of enforcement that takes itself back; what the module network_policy_enforce does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from .._errors import AuthFailed, CollectionError, Conflict, InvalidInput, NotFound, OperationFailed
from .._text import counted, elapsed_text
from .._types import Clock, Json, Progress, Result
from .._wait import silent
from ..cilium.detect import installation
from ..cilium.policy import OWNER, OWNER_LABEL, is_ours
from ..cilium.semantics import with_default_deny
from ..kube.interface import Kube
from ..kube.kinds import CNP
from .flows import READY_S, Flows, OpenFlows, unconnected, verdict_filters
from .inventory import PodFacts, read_inventory, read_pods
from .leftover import clear_leftover
from .policies import default_deny, deny_patch, required_shadow
from .realizing import Background
from .step_options import DIRECTIONS, Options
from .timer import BREAK_GLASS, DEAD_MAN, PENDING, Setting, Timer
from .watching import TakeBack, Watch, unhealthy

BLIND_S = 5.0
"""So long a stream of verdicts may be broken; then nobody could take the step back in time."""
STILL_S = 0.1
LATE_S = 0.5
"""The most that a verdict may be late."""
HEALTH_EVERY_S = 2.0
RETRY_S = 0.5
AGAIN_S = 5.0
"""How long the nodes are asked whether the way back is realized."""
PATCH_TRIES = 5


@dataclass
class _Course:
    """How far a step has come. Times are monotonic."""

    before: Json
    directions: Sequence[str]
    armed_at: float = 0.0
    armed_s: float = 0.0
    patched_at: float | None = None
    watch: Watch | None = None


class Enforcement:
    """Takes one step, or takes it back."""

    def __init__(
        self,
        kube: Kube,
        open_flows: OpenFlows,
        background: Background,
        options: Options,
        clock: Clock,
        *,
        wall: Callable[[], float] = time.time,
        progress: Progress = silent,
    ) -> None:
        self._kube, self._open, self._background, self._options = kube, open_flows, background, options
        self._clock, self._wall, self._progress = clock, wall, progress
        self._timer = Timer(kube, clock, DEAD_MAN, options.subject)

    def run(self, *, check_mode: bool) -> Result:
        """Take the step. Raises OperationFailed with the reason after taking it back."""
        self._require_shadow_field()
        before = self._read()
        leftover = clear_leftover(self._kube, self._timer, self._clock, check_mode=check_mode)
        if leftover and not check_mode:
            before = self._read()
        wanted = [one for one in self._options.directions if before["spec"].get(one)]
        todo = [one for one in wanted if not default_deny(before)[one]]
        if not todo:
            enforced = ", ".join(wanted) or "no direction that was asked for, since it has no rules there"
            return self._unchanged(before, leftover, f"{self._options.subject} enforces {enforced} already")
        self._require_closed("cannot be enforced")
        after = with_default_deny(before, dict.fromkeys(todo, True))
        if check_mode:
            line = f"{self._options.subject} would enforce {' and '.join(todo)}"
            return self._result(before, after, leftover, [line], {})
        course = _Course(before, todo)
        values = self._step(course)
        return self._result(before, after, leftover, [self._line(todo, values)], values)

    def take_off(self, *, check_mode: bool) -> Result:
        """For state=shadow: default deny off, now."""
        before = self._read()
        self._require_closed("will deny again when it is closed")
        leftover = clear_leftover(self._kube, self._timer, self._clock, check_mode=check_mode)
        if leftover and not check_mode:
            before = self._read()
        todo = [one for one in self._options.directions if default_deny(before)[one]]
        if not todo:
            return self._unchanged(before, leftover, f"{self._options.subject} denies nothing there already")
        after = with_default_deny(before, dict.fromkeys(todo, False))
        line = (
            f"{self._options.subject} {'would deny' if check_mode else 'denies'} nothing more by {' and '.join(todo)}"
        )
        if not check_mode:
            self._background.prepare(before)
            self._kube.patch(CNP, self._options.name, deny_patch(before, todo, False), self._options.namespace)
            self._background.wait_realized(before, after, AGAIN_S)
        return self._result(before, after, leftover, [line], {})

    def _require_shadow_field(self) -> None:
        install = installation(self._kube, self._options.cilium_namespace)
        required_shadow(install.default_deny_field, install.version)

    def _require_closed(self, then: str) -> None:
        """Raise Conflict while break glass holds the policy open: what is set now would not stay."""
        options = self._options
        marker = Timer(self._kube, self._clock, BREAK_GLASS, options.namespace).marker()
        if marker is None or marker.state not in PENDING:
            return
        if any(one.policy == options.name for one in marker.settings):
            raise Conflict(
                f"The namespace {options.namespace} is open by break glass, so {options.subject} {then}."
                " Nothing was changed.",
                option="policy",
                code="BreakGlassOpen",
                remedy="Wait until it is closed, or close it: network_policy_break_glass with state=closed.",
            )

    def _read(self) -> Json:
        """The policy. Raises NotFound, Conflict (PolicyNotOurs), InvalidInput (NoShadowPolicy)."""
        options = self._options
        policy = self._kube.get(CNP, options.name, options.namespace)
        if policy is None:
            raise NotFound(
                f"There is no CiliumNetworkPolicy {options.subject}.",
                code="PolicyNotFound",
                option="policy",
                remedy="Apply it as a shadow policy first: cilium_policy with mode=shadow.",
            )
        if not is_ours(policy):
            raise Conflict(
                f"CiliumNetworkPolicy {options.subject} was not made by this collection.",
                option="policy",
                code="PolicyNotOurs",
                remedy=f"Policies of others are never touched; ours carry the label {OWNER_LABEL}={OWNER}.",
            )
        if not isinstance((policy.get("spec") or {}).get("enableDefaultDeny"), dict) or policy.get("specs"):
            raise InvalidInput(
                f"CiliumNetworkPolicy {options.subject} is no shadow policy: it needs one spec with enableDefaultDeny.",
                option="policy",
                code="NoShadowPolicy",
                remedy="Apply it with cilium_policy and mode=shadow, let it soak, then enforce it.",
            )
        return policy

    def _step(self, course: _Course) -> Json:
        """Arm, patch, watch, confirm; the values of the result."""
        options = self._options
        inventory = read_inventory(self._kube)
        pods = read_pods(self._kube, [options.namespace])
        with self._open(verdict_filters([options.namespace])) as flows:
            flows.wait_ready(READY_S)
            self._require_sight(flows)
            course.watch = Watch(
                flows,
                course.before,
                course.directions,
                options.prediction,
                inventory,
                pods,
                monotonic=self._clock.monotonic,
                wall=self._wall,
            )
            self._background.prepare(course.before)
            self._arm(course)
            try:
                while course.watch.look_before(0.0):
                    pass
                return self._enforce(course, flows, pods)
            except TakeBack as reason:
                self._back(course, reason)
            except CollectionError as error:
                self._back(course, TakeBack.of(error))
            except KeyboardInterrupt:
                self._back(course, TakeBack("Interrupted", "the task was interrupted"))
            except Exception:
                # A fault of this code. The way back comes first; then the fault is shown as it is.
                if course.patched_at is not None:
                    self._patch_off(course)
                raise

    def _require_sight(self, flows: Flows) -> None:
        """Before anything is changed: do the verdicts of all nodes come?"""
        problems = [*flows.why_incomplete, *unconnected(self._kube, flows.nodes, self._options.cilium_namespace)]
        if problems:
            raise OperationFailed(
                f"The verdicts cannot be watched: {' '.join(problems)} Nothing was changed.",
                code="FlowsIncomplete",
                remedy="Repair what is named: without verdicts nobody would notice what the step denies.",
            )

    def _arm(self, course: _Course) -> None:
        options = self._options
        self._progress(f"enforce {options.subject}: arming the dead man's switch")
        setting = Setting(
            options.namespace,
            options.name,
            course.before["metadata"]["uid"],
            dict.fromkeys(course.directions, False),
        )
        course.armed_s = self._timer.arm([setting], options.dead_man_s, options.image)
        course.armed_at = self._clock.monotonic()

    def _enforce(self, course: _Course, flows: Flows, pods: Sequence[PodFacts]) -> Json:
        options, watch = self._options, course.watch
        if watch is None:
            raise ValueError("the watch was not set up")
        directions = " and ".join(course.directions)
        self._progress(f"enforce {options.subject}: {directions}, watched for {elapsed_text(options.watch_s)}")
        after = self._patch_on(course)
        patched_at = course.patched_at or 0.0
        self._background.start(course.before, after, patched_at)
        healthy_at = patched_at
        while True:
            watch.look(STILL_S)
            now = self._clock.monotonic()
            self._require_sight_still(flows)
            if now - course.armed_at > options.dead_man_s - RETRY_S * 4:
                raise TakeBack("StepTooSlow", "the step was not through before its time was over")
            if now - healthy_at >= HEALTH_EVERY_S:
                healthy_at = now
                self._check_health(pods)
            realized_s = self._background.realized_s()
            watched = realized_s is not None and now - patched_at - realized_s >= options.watch_s
            if self._background.finished() and watched:
                break
        self._check_health(pods)
        self._check_unchanged(after, course)
        self._confirm(course)
        return {
            "enforce_to_deny_s": realized_s,
            "armed_s": round(course.armed_s, 2),
            "watch": watch.summary(self._clock.monotonic() - patched_at),
        }

    def _patch_on(self, course: _Course) -> Json:
        """Switch it on, bound to the version that was read; again when only the status has changed since."""
        options = self._options
        current = course.before
        for __ in range(PATCH_TRIES):
            body = deny_patch(current, course.directions, True, version=True)
            course.patched_at = self._clock.monotonic()
            try:
                return self._kube.patch(CNP, options.name, body, options.namespace)
            except Conflict:
                current = self._read()
                same = current["metadata"]["uid"] == course.before["metadata"]["uid"]
                if not same or current["spec"] != course.before["spec"]:
                    raise TakeBack("PolicyChanged", "somebody else changed the policy meanwhile") from None
        raise TakeBack("PolicyChanged", "somebody else keeps changing the policy")

    def _require_sight_still(self, flows: Flows) -> None:
        tolerated = flows.lost <= self._options.max_lost
        problems = flows.problems if tolerated else flows.why_incomplete
        if problems:
            raise TakeBack("FlowsIncomplete", f"verdicts are missing: {' '.join(problems).rstrip('.')}")
        if flows.blind_s > BLIND_S:
            raise TakeBack("FlowsBroken", f"no verdicts came for {flows.blind_s:.0f} s")

    def _check_health(self, before: Sequence[PodFacts]) -> None:
        try:
            armed = self._timer.is_armed()
            now = read_pods(self._kube, [self._options.namespace])
        except AuthFailed:
            raise
        except CollectionError:
            # The API server is away: the stream of verdicts, which needs it too, decides how long that may be.
            return
        if not armed:
            raise TakeBack(*self._timer.why_stopped())
        worse = unhealthy(before, now)
        if worse:
            raise TakeBack("PodsUnhealthy", "; ".join(worse[:5]), pods=worse)

    def _check_unchanged(self, after: Json, course: _Course) -> None:
        current = self._read()
        if current["metadata"]["uid"] != after["metadata"]["uid"] or current["spec"] != after["spec"]:
            raise TakeBack("PolicyChanged", "somebody else changed the policy meanwhile")

    def _confirm(self, course: _Course) -> None:
        """Stop the dead man's switch. Raises TakeBack when it was faster."""
        while True:
            try:
                stopped = self._timer.stop("confirmed")
                break
            except CollectionError as error:
                if self._clock.monotonic() - course.armed_at >= self._options.dead_man_s:
                    raise TakeBack("NotConfirmed", f"the step could not be confirmed: {error.message}") from error
                self._clock.sleep(RETRY_S)
        if not stopped:
            raise TakeBack(*self._timer.why_stopped())
        with contextlib.suppress(CollectionError):
            # What is left is found, and removed, by the next step of this policy.
            self._timer.remove()

    def _back(self, course: _Course, reason: TakeBack) -> NoReturn:
        """Patch back, stop the dead man's switch, and tell. What cannot be reached is left to the switch."""
        options = self._options
        details: Json = dict(reason.details)
        if course.patched_at is not None:
            restored = self._patch_off(course)
            done = self._clock.monotonic()
            details["rolled_back"] = restored
            details["left_to_dead_man"] = not restored
            if reason.detected_at is not None and restored:
                # The drop came after the patch, whatever the clocks of the node and of this machine say.
                late_s = min(details.get("detected_s", 0.0), reason.detected_at - course.patched_at)
                details["detected_s"] = round(late_s, 3)
                details["rollback_s"] = round(late_s + done - reason.detected_at, 3)
            if restored:
                after = with_default_deny(course.before, dict.fromkeys(course.directions, True))
                details["allowed_again_s"] = self._background.wait_realized(after, course.before, AGAIN_S)
        if not details.get("left_to_dead_man"):
            with contextlib.suppress(CollectionError):
                self._timer.stop("taken-back")
                self._timer.remove()
        if course.watch is not None and course.patched_at is not None:
            details["watch"] = course.watch.summary(self._clock.monotonic() - course.patched_at)
        how = (
            f"could not be taken back by this task; the dead man's switch does so within {options.dead_man_s} s of"
            " being armed, as soon as it reaches the API server"
            if details.get("left_to_dead_man")
            else "was taken back"
            if course.patched_at is not None
            else "was not begun"
        )
        raise OperationFailed(
            f"The step of {options.subject} ({' and '.join(course.directions)}) {how}: {reason.why}.",
            code=reason.code,
            target=options.subject,
            details=details,
            remedy="Decide about the connections in details.review, generate the policies again, and let them soak."
            if details.get("review")
            else reason.remedy or "Repair the cause, then run the task again.",
        ) from reason

    def _patch_off(self, course: _Course) -> bool:
        """Whether the policy is back as it was (or gone). Tried until the dead man's switch has had its time."""
        options = self._options
        body = deny_patch(course.before, course.directions, False)
        while True:
            try:
                self._kube.patch(CNP, options.name, body, options.namespace)
                return True
            except (NotFound, InvalidInput):
                return True
            except Conflict:
                # Bound to the UID only: the object of this name is another one by now.
                current = self._kube.get(CNP, options.name, options.namespace)
                if current is None or current["metadata"]["uid"] != course.before["metadata"]["uid"]:
                    return True
            except CollectionError:
                if self._clock.monotonic() - course.armed_at >= options.dead_man_s:
                    return False
            self._clock.sleep(RETRY_S)

    def _line(self, directions: Sequence[str], values: Json) -> str:
        watch = values["watch"]
        return (
            f"{self._options.subject} enforces {' and '.join(directions)} after {values['enforce_to_deny_s']:.2f} s;"
            f" {counted(watch['first_packets'], 'first packet')} in {elapsed_text(watch['seconds'])},"
            f" {watch['predicted_denials']} denied as predicted"
        )

    def _unchanged(self, policy: Json, leftover: str, line: str) -> Result:
        found = self._result(policy, policy, leftover, [line], {})
        # Clearing away is a change, too.
        return Result(bool(leftover), found.values)

    def _result(self, before: Json, after: Json, leftover: str, lines: list[str], values: Json) -> Result:
        return Result(
            True,
            {
                "policy": self._options.subject,
                "directions": [one for one in DIRECTIONS if default_deny(after)[one]],
                "leftover": leftover,
                "lines": [*([leftover] if leftover else []), *lines],
                **values,
            },
            before={"enableDefaultDeny": default_deny(before)},
            after={"enableDefaultDeny": default_deny(after)},
        )
