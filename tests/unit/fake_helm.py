# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helm over a FakeKube: release records and the objects of Cilium, step by step, so that it can be killed between."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed, Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.release import parse_release
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import DAEMON_SET, DEPLOYMENT
from cilium_documents import SCHEMA, VALUES_YAML, agent_pod, chart_archive, crds, daemon_set, deployment, release_secret
from fakes import FakeKube, completed

PREFLIGHT = "cilium-pre-flight-check"
CHART: Json = {
    "values": yaml.safe_load(VALUES_YAML),
    "schema": base64.b64encode(json.dumps(SCHEMA).encode()).decode(),
}


class Killed(BaseException):
    """The process is gone: nothing that it wanted to do afterwards happens."""


class FakeHelm:
    """Fits the Protocol Runner.

    breaks tells by the values whether the agents of a release get ready. kill_at is the number of the step at which
    the process dies; from then on every call dies, until revive().
    """

    def __init__(self, kube: FakeKube, *, version: str = "v3.22.0") -> None:
        self.kube, self.version = kube, version
        self.works = True
        self.breaks: Callable[[Json], bool] = lambda values: False
        self.policies_valid = True
        self.calls: list[list[str]] = []
        self.values: list[Json] = []
        self.modes: list[int] = []
        self.files: list[str] = []
        self.kill_at: int | None = None
        self.steps = 0
        self.now = 1_800_000_000.0

    @property
    def verbs(self) -> list[str]:
        """The verbs of all calls but `version`, with the release where it is the preflight's."""
        return [
            f"{call[1]}{' preflight' if any(word.endswith('-preflight') for word in call) else ''}"
            for call in self.calls
            if call[1] != "version"
        ]

    def revive(self) -> None:
        """A new process."""
        self.kill_at = None

    def step(self) -> None:
        """Something happens in the cluster now, or never."""
        if self.kill_at is not None and self.steps >= self.kill_at:
            raise Killed
        self.steps += 1

    def __call__(self, argv: Sequence[str], *, timeout_s: float, stdin: str | None = None) -> Completed:
        self.step()
        self.calls.append(list(argv))
        verb = argv[1]
        if verb == "version":
            return completed(stdout=self.version)
        if verb == "pull":
            directory = Path(argv[argv.index("--destination") + 1])
            chart_archive(directory, argv[argv.index("--version") + 1] if "--version" in argv else "1.20.2")
        if verb == "upgrade":
            return self._upgrade(argv)
        if verb == "rollback":
            record = next(r for r in self.records(argv[2]) if r["metadata"]["labels"]["version"] == argv[3])
            old = parse_release(record)
            self._revise(argv[2], old.values, old.chart_version, "pending-rollback", f"Rollback to {argv[3]}")
        if verb == "uninstall":
            self._uninstall(argv[2])
        return completed()

    def records(self, name: str = "cilium") -> list[Json]:
        """The release's records, oldest first."""
        found = [
            document
            for key, document in self.kube._objects.items()
            if key[1] == "Secret" and document["metadata"]["labels"]["name"] == name
        ]
        return sorted(found, key=lambda document: int(document["metadata"]["labels"]["version"]))

    def statuses(self, name: str = "cilium") -> list[str]:
        """Status of each revision."""
        return [document["metadata"]["labels"]["status"] for document in self.records(name)]

    def _upgrade(self, argv: Sequence[str]) -> Completed:
        path = argv[argv.index("--values") + 1]
        self.files.append(path)
        self.modes.append(stat.S_IMODE(os.stat(path).st_mode))
        values = json.loads(Path(path).read_text())
        self.values.append(values)
        if not self.works:
            return completed(rc=1, stderr="Error: failed pre-install")
        if "--dry-run=server" in argv:
            return completed(stdout=json.dumps({"manifest": json.dumps(daemon_set())}))
        last = self.records(argv[2])[-1:]
        if last and last[0]["metadata"]["labels"]["status"].startswith("pending"):
            return completed(rc=1, stderr="Error: UPGRADE FAILED: another operation (install/upgrade) is in progress")
        chart = Path(argv[3])
        if chart.is_dir():
            version = re.findall(r"^version: (.*)$", (chart / "Chart.yaml").read_text(), re.MULTILINE)[0]
        else:
            version = chart.name.removeprefix("cilium-").removesuffix(".tgz")
        kind = "pending-upgrade" if last else "pending-install"
        self._revise(argv[2], values, version, kind, "Preparing")
        return completed()

    def _revise(self, name: str, values: Json, version: str, pending: str, description: str) -> None:
        revision = 1 + max((int(r["metadata"]["labels"]["version"]) for r in self.records(name)), default=0)
        record = {"revision": revision, "chart_version": version, "name": name, "touched": self.now, "chart": CHART}
        self.kube.add(release_secret(values, status=pending, description=description, **record))
        self.step()
        if name.endswith("-preflight"):
            good = not self.breaks(values)
            self.kube.add(
                daemon_set(name=PREFLIGHT, ready=int(good)), deployment(PREFLIGHT, ready=int(self.policies_valid))
            )
        else:
            ready = 0 if self.breaks(values) else 1
            agents = daemon_set(ready=ready, labels={"k8s-app": "cilium"})
            pod = agent_pod()
            state = {"running": {"startedAt": "2026-12-01T02:00:00Z"}}
            pod["status"]["containerStatuses"] = [{"name": "cilium-agent", "state": state}]
            self.kube.add(agents, deployment("cilium-operator"), pod, *crds())
        self.step()
        for old in self.records(name):
            if old["metadata"]["labels"]["status"] == "deployed":
                self.kube.add(_with_status(old, "superseded"))
        self.kube.add(release_secret(values, status="deployed", description="done", **record))

    def _uninstall(self, name: str) -> None:
        for record in self.records(name)[-1:]:
            self.kube.add(_with_status(record, "uninstalling"))
        self.step()
        gone = PREFLIGHT if name.endswith("-preflight") else "cilium"
        for kind, object_name in ((DAEMON_SET, gone), (DEPLOYMENT, PREFLIGHT), (DEPLOYMENT, "cilium-operator")):
            if object_name != "cilium-operator" or gone == "cilium":
                self.kube._objects.pop((kind.group, kind.kind, "kube-system", object_name), None)
        if gone == "cilium":
            self.kube._objects.pop(("", "Pod", "kube-system", "cilium-abcde"), None)
        self.step()
        for key in [("", "Secret", "kube-system", record["metadata"]["name"]) for record in self.records(name)]:
            del self.kube._objects[key]


def _with_status(record: Json, status: str) -> Json:
    old = parse_release(record)
    return release_secret(
        old.values,
        revision=old.revision,
        status=status,
        chart_version=old.chart_version,
        name=old.name,
        description=old.description,
        touched=old.touched,
        chart=old.chart,
    )
