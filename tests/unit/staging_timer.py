# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster that runs the Jobs of timers: they arm themselves, and fire when their time is over."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CNP, CONFIG_MAP, JOB
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.store import HARDENING_NAMESPACE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.timer import Setting
from fakes import FakeClock, FakeKube, Write


def policy(
    name: str,
    *,
    namespace: str = "shop",
    uid: str = "",
    ingress: bool = False,
    egress: bool = False,
    owner: str = "cloudnet.aks_cilium",
    **spec: Any,
) -> dict[str, Any]:
    """A policy of ours with rules of ingress, for the pods app=NAME."""
    labels = {"app.kubernetes.io/managed-by": owner, "cloudnet.aks-cilium/role": "workload"}
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": name, "namespace": namespace, "uid": uid or f"uid-{name}", "labels": labels},
        "spec": {
            "endpointSelector": {"matchLabels": {"app": name}},
            "enableDefaultDeny": {"ingress": ingress, "egress": egress},
            "ingress": [{"fromEndpoints": [{"matchLabels": {"app": "client"}}]}],
            **spec,
        },
    }


class FakeJobs:
    """Acts on a FakeKube after each write and each sleep of the clock."""

    def __init__(self, kube: FakeKube, clock: FakeClock) -> None:
        self._kube, self._clock = kube, clock
        self.image_is_there = True
        kube.reactions.append(self._react)
        clock.during_sleep.append(self._pass_time)

    def _react(self, kube: FakeKube, write: Write) -> None:
        if (write.verb, write.kind) != ("create", "Job"):
            return
        job = kube.change(JOB, write.name, HARDENING_NAMESPACE)
        job["status"] = {"active": 1}
        if not self.image_is_there:
            waiting = {"reason": "ImagePullBackOff", "message": "not found"}
            kube.add(
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {
                        "name": f"{write.name}-x",
                        "namespace": HARDENING_NAMESPACE,
                        "labels": {"job-name": write.name},
                    },
                    "status": {"containerStatuses": [{"name": "timer", "state": {"waiting": waiting}}]},
                }
            )
            return
        self._move(write.name, "starting", "armed")

    def _pass_time(self) -> None:
        for job in list(self._kube._objects.values()):
            if job["kind"] == "Job":
                marker = self._marker(job["metadata"]["name"])
                data = (marker or {}).get("data") or {}
                if data.get("state") == "armed" and self._clock.now >= int(data["armed_at"]) + int(data["seconds"]):
                    self.fire(job["metadata"]["name"])

    def fire(self, name: str) -> None:
        """The Job's time is over."""
        marker = self._marker(name)
        if marker is None or marker["data"]["state"] not in ("armed", "firing"):
            return
        for one in json.loads(marker["data"]["settings"]):
            setting = Setting(one["namespace"], one["policy"], one["uid"], one["default_deny"])
            found = self._kube._objects.get(("cilium.io", CNP.kind, setting.namespace, setting.policy))
            if found and found["metadata"]["uid"] == setting.uid:
                found["spec"]["enableDefaultDeny"].update(setting.default_deny)
        self._move(name, marker["data"]["state"], "fired")

    def _marker(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._kube._objects.get(("", CONFIG_MAP.kind, HARDENING_NAMESPACE, name))
        return found

    def _move(self, name: str, old: str, new: str) -> None:
        marker = self._marker(name)
        if marker is not None and marker["data"]["state"] == old:
            marker["data"]["state"] = new
            marker["data"][f"{new}_at"] = str(int(self._clock.now))
            self._kube._stamp(marker)
