# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Ends a wait early for what waiting does not cure: crash loops, impossible images, policies that are not valid."""

from __future__ import annotations

from collections.abc import Iterable

from .._errors import CollectionError, InvalidInput, OperationFailed
from .._text import counted
from .._types import Clock
from ..kube.interface import Kube
from ..kube.ready import ContainerTrouble
from .snapshot import PartPod, Snapshot
from .status import IMAGE_REASONS, hopeless, trouble_text

LOG_LINES = 10
IMAGE_PATIENCE_S = 90.0
"""How long an image may fail to come for a reason that could pass, such as a registry that does not answer: kubelet
tries again after 10, 20 and 40 s."""
POLICY_PATIENCE_S = 6.0
"""How long a policy may be invalid: after a correction the operator needs a moment to judge it anew."""


def last_log(kube: Kube, namespace: str, pod: PartPod, trouble: ContainerTrouble) -> str:
    """What a container in trouble said last, or why that cannot be read."""
    try:
        return kube.logs(namespace, pod.name, container=trouble.container, tail=LOG_LINES, previous=trouble.crash_loop)
    except CollectionError as error:
        return f"(no log: {error.message})"


class ImagePatience:
    """Remembers since when the images of containers cannot be pulled."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[tuple[str, str], float] = {}

    def exhausted(self, pods: Iterable[PartPod]) -> list[tuple[PartPod, ContainerTrouble]]:
        """Containers whose image could not be pulled for IMAGE_PATIENCE_S."""
        now = self._clock.monotonic()
        bad = {
            (pod.name, trouble.container): (pod, trouble)
            for pod in pods
            for trouble in pod.troubles
            if trouble.reason in IMAGE_REASONS and not pod.leaving
        }
        self._since = {key: self._since.get(key, now) for key in bad}
        return [found for key, found in bad.items() if now - self._since[key] >= IMAGE_PATIENCE_S]


class GiveUp:
    """Looks at each snapshot of one wait; remembers since when a policy is invalid."""

    def __init__(self, kube: Kube, clock: Clock, *, policies: bool) -> None:
        """policies: whether the wait is for policies too."""
        self._kube = kube
        self._clock = clock
        self._policies = policies
        self._images = ImagePatience(clock)
        self._since: dict[str, float] = {}

    def check(self, snapshot: Snapshot) -> None:
        """Raise OperationFailed (InvalidInput for a policy) when waiting longer is pointless."""
        for pod, trouble in [*hopeless(snapshot), *self._images.exhausted(snapshot.part_pods)]:
            raise self._failed(snapshot, pod, trouble)
        invalid = {policy.key: policy for policy in snapshot.policies if policy.valid is False and self._policies}
        now = self._clock.monotonic()
        self._since = {key: self._since.get(key, now) for key in invalid}
        for key, policy in invalid.items():
            if now - self._since[key] >= POLICY_PATIENCE_S:
                raise InvalidInput(
                    f"{key} is not valid, so Cilium does not enforce it: {policy.message or 'no reason given'}",
                    code="PolicyInvalid",
                    target=key,
                    remedy="Correct or remove the policy; waiting does not make it valid.",
                )

    def _failed(self, snapshot: Snapshot, pod: PartPod, trouble: ContainerTrouble) -> OperationFailed:
        """The error, with the last lines of the container's log where it ever ran."""
        target = f"{snapshot.namespace}/{pod.name}"
        if trouble.reason in IMAGE_REASONS:
            return OperationFailed(
                f"{target}: {trouble_text(trouble)}",
                code=trouble.reason,
                target=target,
                details={"container": trouble.container, "images": list(pod.images)},
                remedy="Check the image's name and tag, the registry, and the nodes' way to it.",
            )
        log = last_log(self._kube, snapshot.namespace, pod, trouble)
        return OperationFailed(
            f"{target}: {trouble_text(trouble)} ({counted(trouble.restarts, 'restart')}). "
            f"Its last lines: {log.strip() or '(empty log)'}",
            code=trouble.reason,
            target=target,
            details={"log": log.splitlines(), "container": trouble.container, "restarts": trouble.restarts},
            remedy=f"Correct what its log says; all of it: kubectl --namespace {snapshot.namespace} logs {pod.name}"
            f" --container {trouble.container} --previous",
        )
