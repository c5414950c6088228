# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Starts the short-lived pods of a run and removes them, whatever happens; and those that a killed run left behind."""

from __future__ import annotations

import contextlib
import secrets
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from .._errors import CollectionError, InvalidInput, NotFound, OperationFailed, Unsupported
from .._types import Clock, Json, Progress, Warn
from .._wait import Look, SystemClock, silent, wait_until
from ..kube.interface import Kube
from ..kube.kinds import POD, SERVICE, SERVICE_ACCOUNT
from ..kube.ready import condition, container_troubles
from .client_spec import (
    CLIENT_LABEL,
    EXPIRES_ANNOTATION,
    ClientSpec,
    client_body,
    labels_of,
    service_account_of,
    template_of,
)

START_S = 120.0
"""What a node may take to pull the image and to start the pod."""
_LOOK_EVERY_S = 0.3
_NEEDS = "it needs sh, sleep, timeout and the clients of the protocols"
# A first failed pull may be an accident of the network; the kubelet tries again and then says so.
_HOPELESS = ("ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RunContainerError", "StartError")


class ClientPods:
    """The client pods of one run. At the end of the block all are removed."""

    def __init__(
        self,
        kube: Kube,
        image: str,
        lifetime_s: int,
        *,
        clock: Clock | None = None,
        now: Callable[[], float] = time.time,
        progress: Progress = silent,
        warn: Warn | None = None,
    ) -> None:
        """lifetime_s: for how long a pod may run when nobody is left to remove it."""
        self._kube, self._image, self._lifetime_s = kube, image, lifetime_s
        self._clock, self._now = clock or SystemClock(), now
        self._progress, self._warn = progress, warn
        self._pods: dict[ClientSpec, Json | CollectionError] = {}
        self._created: list[tuple[str, str]] = []
        self._swept: set[str] = set()

    def __enter__(self) -> ClientPods:
        """From here on the usual signal to end lets the block end in order."""
        self._handler = None
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGTERM, _end)
        return self

    def __exit__(self, *exception: object) -> None:
        """Remove all."""
        for namespace, name in self._created:
            try:
                self._kube.delete(POD, name, namespace)
            except CollectionError as error:
                if self._warn is not None:
                    self._warn(self._stays(namespace, name, error))
        self._created.clear()
        if self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)

    def _stays(self, namespace: str, name: str, error: CollectionError) -> str:
        return (
            f"The client pod {namespace}/{name} could not be removed: {error.message} It ends by itself within "
            f"{self._lifetime_s} s, and the next run with a client pod in that namespace removes it."
        )

    def pod(self, spec: ClientSpec) -> Json:
        """The running pod of a spec, which is started when it is asked for first.

        Raises why there is none; what was refused once is not asked for again.
        """
        if spec not in self._pods:
            try:
                self._pods[spec] = self._start(spec)
            except CollectionError as error:
                self._pods[spec] = error
        found = self._pods[spec]
        if isinstance(found, CollectionError):
            raise found
        return found

    def _start(self, spec: ClientSpec) -> Json:
        self._sweep(spec.namespace)
        template = self._template(spec)
        self._refuse_danger(spec, template)
        account = service_account_of(spec, template)
        owner = self._kube.get(SERVICE_ACCOUNT, account, spec.namespace)
        if owner is None:
            raise NotFound(
                f"There is no service account {account} in namespace {spec.namespace} to run a client pod with.",
                code="ServiceAccountNotFound",
                remedy="Check the namespace, or name another one with from.client.service_account.",
            )
        owner["metadata"].setdefault("name", account)
        base = (spec.like.partition("/")[2] or "client")[:44].rstrip("-.")
        name = f"{base}-probe-{secrets.token_hex(4)}"
        body = client_body(
            spec,
            template,
            name=name,
            image=spec.image or self._image,
            owner=owner,
            lifetime_s=self._lifetime_s,
            expires=int(self._now()) + self._lifetime_s,
        )
        # Noted before it is asked for: an answer that gets lost leaves a pod, too.
        self._created.append((spec.namespace, name))
        try:
            self._kube.create(POD, body)
        except CollectionError as error:
            if error.status is not None and 400 <= error.status < 500:
                self._created.remove((spec.namespace, name))
            raise _not_admitted(error, spec) from error
        return wait_until(
            lambda: self._look(spec.namespace, name),
            what=f"client pod {spec.namespace}/{name}",
            timeout_s=START_S,
            interval_s=_LOOK_EVERY_S,
            clock=self._clock,
            progress=self._progress,
            remedy=f"Look at its events: kubectl --namespace {spec.namespace} describe pod, while it is there.",
        )

    def _template(self, spec: ClientSpec) -> Json:
        workload = spec.workload()
        if workload is None:
            return {}
        kind, name = workload
        found = self._kube.get(kind, name, spec.namespace)
        if found is None:
            raise InvalidInput(
                f"There is no {kind.kind} {spec.namespace}/{name} to make a client pod like.",
                option="probes",
                code="WorkloadNotFound",
                remedy="Correct from.client.like.",
            )
        return template_of(kind, found)

    def _refuse_danger(self, spec: ClientSpec, template: Json) -> None:
        """Refuse what would not be like the workload, or would reach its users."""
        if (template.get("spec") or {}).get("hostNetwork"):
            raise Unsupported(
                f"{spec.like} in {spec.namespace} uses its node's network: policies see the node, and no pod.",
                code="HostNetwork",
                remedy="Probe from the pod itself, or from the node.",
            )
        labels = labels_of(spec, template)
        for service in self._kube.list(SERVICE, spec.namespace):
            wanted = service.get("spec") or {}
            selector = wanted.get("selector") or {}
            if wanted.get("publishNotReadyAddresses") and selector and selector.items() <= labels.items():
                raise Unsupported(
                    f"The Service {spec.namespace}/{service['metadata']['name']} publishes pods that are not ready, and"
                    f" selects the labels of the client pod ({spec.text()}): its users would be sent there.",
                    code="ServiceWouldSelect",
                    remedy="Probe from a pod of the workload, or set from.client.labels to what only policies select.",
                )

    def _look(self, namespace: str, name: str) -> Look[Json]:
        pod = self._kube.get(POD, name, namespace)
        if pod is None:
            raise OperationFailed(
                f"The client pod {namespace}/{name} was removed by somebody.",
                code="ClientPodGone",
                remedy="Find out who removes pods there, then run again.",
            )
        status = pod.get("status") or {}
        troubles = container_troubles(pod)
        if troubles and troubles[0].reason in _HOPELESS:
            image = pod["spec"]["containers"][0]["image"]
            said = f" ({troubles[0].message.rstrip('.')})" if troubles[0].message else ""
            raise OperationFailed(
                f"The client pod {namespace}/{name} cannot start from image {image}: {troubles[0].reason}{said}.",
                code=troubles[0].reason,
                remedy=f"Name an image that the nodes can pull and start with client_image; {_NEEDS}.",
            )
        if status.get("phase") in ("Failed", "Succeeded"):
            told = troubles[0].reason if troubles else "no reason told"
            why = status.get("message") or status.get("reason") or told
            raise OperationFailed(
                f"The client pod {namespace}/{name} ended before it was used: {str(why).rstrip('.')}.",
                code="ClientPodEnded",
                remedy=f"Name another image with client_image; {_NEEDS}.",
            )
        running = any("running" in (one.get("state") or {}) for one in status.get("containerStatuses") or ())
        scheduled = condition(pod, "PodScheduled")
        state = str(troubles[0].reason if troubles else status.get("phase") or "Pending")
        if scheduled.get("status") == "False":
            state = f"{scheduled.get('reason')}: {scheduled.get('message')}"
        return Look(running, "running" if running else state, pod)

    def _sweep(self, namespace: str) -> None:
        """Remove what killed runs left in a namespace: what has ended, or should have."""
        if namespace in self._swept:
            return
        self._swept.add(namespace)
        # Whoever may not list pods is told so when it comes to the pod itself.
        with contextlib.suppress(CollectionError):
            for pod in self._kube.list(POD, namespace, label_selector=f"{CLIENT_LABEL}=true"):
                if self._is_leftover(pod):
                    self._kube.delete(POD, pod["metadata"]["name"], namespace)

    def _is_leftover(self, pod: Json) -> bool:
        expires = str((pod["metadata"].get("annotations") or {}).get(EXPIRES_ANNOTATION, ""))
        ended = (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")
        return ended or (expires.isascii() and expires.isdigit() and int(expires) < self._now())


def _end(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise SystemExit(128 + number)


def _not_admitted(error: CollectionError, spec: ClientSpec) -> CollectionError:
    """The refusal of a client pod with the remedy for its reason."""
    said = error.message
    if "exceeded quota" in said:
        remedy = "Make room in the quota for one pod (requests 10m and 32Mi, limits 1 and 128Mi) while the probes run."
    elif "violates PodSecurity" in said or "admission webhook" in said or "ValidatingAdmissionPolicy" in said:
        remedy = (
            f"Exempt pods with the label {CLIENT_LABEL} from that rule, choose an image it accepts with client_image,"
            " or probe from a pod that exists."
        )
    elif "cannot create resource" in said:
        remedy = (
            f"Grant create, get, list and delete on pods in namespace {spec.namespace} to this credential, or probe"
            " from a pod that exists."
        )
    else:
        remedy = error.remedy
    return type(error)(
        f"The client pod ({spec.text()}) was not admitted to namespace {spec.namespace}: {said}",
        code=error.code,
        status=error.status,
        details=error.details,
        remedy=remedy,
    )
