# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The short-lived pod that probes in place of a workload: what may be asked for, and the document of it (all pure).

It must be selected by policies as the workload's pods are, and must disturb nothing else that selects by labels.
So it has a controller (or a ReplicaSet or DaemonSet would take it for one of its own), and is never ready (or a Service
would send users to it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import InvalidInput
from .._types import Json, Params
from ..kube.kinds import CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, POD, REPLICA_SET, STATEFUL_SET, Kind

CLIENT_OPTIONS: Json = {
    "like": {"type": "str"},
    "labels": {"type": "dict"},
    "service_account": {"type": "str"},
    "image": {"type": "str"},
}
CLIENT_LABEL = "cloudnet.aks-cilium/probe-client"
EXPIRES_ANNOTATION = "cloudnet.aks-cilium/expires"
"""Seconds since 1970 after which the pod is a leftover of a run that was killed."""
NEVER_READY = "cloudnet.aks-cilium/probe-client"
LIKE_KINDS: dict[str, Kind] = {
    kind.kind.lower(): kind for kind in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, REPLICA_SET, JOB, CRON_JOB, POD)
}
# What controllers put on their pods to tell them apart. A policy for a workload never selects by them.
_CONTROLLERS = re.compile(
    r"(pod-template-hash|controller-revision-hash|pod-template-generation|controller-uid|job-name"
    r"|statefulset\.kubernetes\.io/.*|apps\.kubernetes\.io/pod-index|batch\.kubernetes\.io/.*)"
)
_UID = 65534
_COPIED = ("nodeSelector", "tolerations", "imagePullSecrets", "affinity")


@dataclass(frozen=True)
class ClientSpec:
    """A client pod as the user asks for it; equal specs share one pod. Empty texts stand for the default."""

    namespace: str
    like: str = ""
    """`Kind/name` of the workload whose labels, service account and place it copies."""
    labels: tuple[tuple[str, str], ...] = ()
    """Labels that are added, or replace copied ones."""
    service_account: str = ""
    image: str = ""

    def text(self) -> str:
        """What it stands for: `as Deployment/web`, or its labels."""
        labels = ",".join(f"{key}={value}" for key, value in self.labels)
        return ", ".join(part for part in (f"as {self.like}" if self.like else "", labels) if part)

    def workload(self) -> tuple[Kind, str] | None:
        """Kind and name of the workload to copy from."""
        kind, __, name = self.like.partition("/")
        return (LIKE_KINDS[kind.lower()], name) if self.like else None


def client_of(source: Params, place: str) -> ClientSpec | None:
    """From the option `from` of a probe. Raises InvalidInput that names it."""
    given = source.get("client")
    if given is None:
        return None
    like = str(given.get("like") or "")
    kind, slash, name = like.partition("/")
    if like and (not slash or not name or kind.lower() not in LIKE_KINDS or not re.fullmatch(r"[a-z0-9.-]+", name)):
        raise InvalidInput(
            f"{place}.from.client.like={like} names no workload.",
            option="probes",
            code="InvalidProbe",
            remedy=f"Write KIND/NAME with one of {', '.join(known.kind for known in LIKE_KINDS.values())}.",
        )
    return ClientSpec(
        namespace=source["namespace"],
        like=like,
        labels=tuple(sorted((str(key), str(value)) for key, value in (given.get("labels") or {}).items())),
        service_account=given.get("service_account") or "",
        image=given.get("image") or "",
    )


def template_of(kind: Kind, workload: Json) -> Json:
    """Labels (`metadata`) and `spec` of the pods of a workload; of a pod, its own."""
    spec: Json = workload.get("spec") or {}
    if kind == POD:
        return {"metadata": workload.get("metadata") or {}, "spec": spec}
    if kind == CRON_JOB:
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    return spec.get("template") or {}


def labels_of(spec: ClientSpec, template: Json) -> dict[str, str]:
    """The labels by which policies and Services select the client pod."""
    copied: Mapping[str, str] = (template.get("metadata") or {}).get("labels") or {}
    kept = {key: value for key, value in copied.items() if not _CONTROLLERS.fullmatch(key)}
    return {**kept, **dict(spec.labels)}


def service_account_of(spec: ClientSpec, template: Json) -> str:
    """The service account, which policies may select by, too. Its token is not mounted."""
    return spec.service_account or (template.get("spec") or {}).get("serviceAccountName") or "default"


def client_body(
    spec: ClientSpec, template: Json, *, name: str, image: str, owner: Json, lifetime_s: int, expires: int
) -> Json:
    """The Pod. owner: the ServiceAccount's document, which becomes the controller of the pod.

    lifetime_s: after so many seconds the kubelet ends it, whatever becomes of us.
    """
    copied = template.get("spec") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": spec.namespace,
            "labels": {**labels_of(spec, template), CLIENT_LABEL: "true"},
            "annotations": {EXPIRES_ANNOTATION: str(expires)},
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "ServiceAccount",
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": {
            **{field: copied[field] for field in _COPIED if copied.get(field)},
            "restartPolicy": "Never",
            "activeDeadlineSeconds": lifetime_s,
            "terminationGracePeriodSeconds": 0,
            "serviceAccountName": owner["metadata"]["name"],
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "readinessGates": [{"conditionType": NEVER_READY}],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _UID,
                "runAsGroup": _UID,
                "seccompProfile": {"type": "RuntimeDefault"},
                # ping without a capability.
                "sysctls": [{"name": "net.ipv4.ping_group_range", "value": "0 2147483647"}],
            },
            "containers": [_container(image, lifetime_s)],
        },
    }


def _container(image: str, lifetime_s: int) -> Json:
    return {
        "name": "client",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", str(lifetime_s)],
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "1", "memory": "128Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
