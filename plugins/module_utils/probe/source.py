# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Which pod, and which of its containers, a probe starts from."""

from __future__ import annotations

from .._errors import InvalidInput
from .._types import Json
from ..kube.interface import Kube
from ..kube.kinds import POD
from ..kube.ready import is_ready_pod
from .plan import Probe


def default_container(pod: Json) -> str:
    """The container that is meant when none is named, as for kubectl: the one of its annotation, or the first."""
    annotations = pod["metadata"].get("annotations") or {}
    containers = (pod.get("spec") or {}).get("containers") or [{}]
    return str(annotations.get("kubectl.kubernetes.io/default-container") or containers[0].get("name") or "")


def find_pod(kube: Kube, probe: Probe) -> Json:
    """The pod to probe from: by name, or the first ready one (by name) that the selector finds. Raises InvalidInput."""
    if probe.pod:
        pod = kube.get(POD, probe.pod, probe.namespace)
        if pod is None:
            raise InvalidInput(
                f"There is no pod {probe.namespace}/{probe.pod}.",
                option="probes",
                code="PodNotFound",
                remedy=f"See which there are: kubectl --namespace {probe.namespace} get pods --show-labels",
            )
        return pod
    pods = sorted(
        kube.list(POD, probe.namespace, label_selector=probe.selector), key=lambda pod: str(pod["metadata"]["name"])
    )
    for pod in pods:
        if is_ready_pod(pod):
            return pod
    state = "none of them is ready" if pods else "there is none"
    raise InvalidInput(
        f"No pod of namespace {probe.namespace} with labels {probe.selector} can be probed from: {state}.",
        option="probes",
        code="PodNotFound",
        remedy=f"See which there are: kubectl --namespace {probe.namespace} get pods --show-labels",
    )
