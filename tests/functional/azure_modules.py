# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules as processes against the local stand-in for Azure.

AKS_CILIUM_TEST_SDK may name a folder with another azure-mgmt-containerservice (and what it needs) to run with.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from azure_stand_in import LocalAks

ROOT = Path(__file__).parents[2]
COLLECTIONS = ROOT / ".ansible" / "collections"
PYTHONPATH = os.pathsep.join(filter(None, [os.environ.get("AKS_CILIUM_TEST_SDK"), str(COLLECTIONS)]))
KILLED = 9
Json = dict[str, Any]


class Processes:
    """A pool of fork servers: as many as modules may run at once."""

    def __init__(self, size: int) -> None:
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("AZURE_", "AKS_CILIUM_", "ANSIBLE_"))
        }
        self.idle: queue.Queue[subprocess.Popen[str]] = queue.Queue()
        self.all = [self._started() for number in range(size)]
        for server in self.all:
            self.idle.put(server)

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "fork_server.py")],
            env={**self.environment, "PYTHONPATH": PYTHONPATH},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, job: Json) -> int:
        """Run one module; returns its wait status."""
        server = self.idle.get()
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps(job) + "\n")
            server.stdin.flush()
            return int(server.stdout.readline())
        finally:
            self.idle.put(server)

    def close(self) -> None:
        for server in self.all:
            assert server.stdin is not None
            server.stdin.close()
            server.wait(timeout=30)


class Modules:
    """Runs modules against a service, each call a process of its own."""

    def __init__(self, processes: Processes, service: LocalAks, directory: Path, **names: str) -> None:
        self.processes = processes
        self.service = service
        self.directory = directory
        self.names = names
        self.environment: dict[str, str] = {}
        self.killed = False

    def run(self, module: str, *, check: bool = False, kill_after: float | None = None, **arguments: Any) -> Json:
        """The result of a module; empty when it was killed before it had one."""
        given = {**self.names, **arguments, "_ansible_check_mode": check, "_ansible_diff": True}
        base = self.directory / f"call-{uuid.uuid4().hex}"
        source, output, errors = (base.with_suffix(suffix) for suffix in (".json", ".out", ".err"))
        source.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given}), encoding="utf-8")
        environment = {**self.processes.environment, **self.service.environment, **self.environment}
        job = {
            "module": module,
            "arguments": str(source),
            "output": str(output),
            "errors": str(errors),
            "environment": {key: value for key, value in environment.items() if value} | {"PYTHONPATH": PYTHONPATH},
            "kill_after": kill_after,
        }
        status = self.processes.run(job)
        text, said = (file.read_text(encoding="utf-8") if file.exists() else "" for file in (output, errors))
        for file in (source, output, errors):
            file.unlink(missing_ok=True)
        self.killed = status == KILLED
        assert "Traceback" not in text + said, text + said
        assert self.service.secret not in (text + said).replace(str(self.directory), ""), "the secret is in the output"
        if self.killed:
            return {}
        result: Json = json.loads(text)
        return result

    def cluster(self, *, check: bool = False, **arguments: Any) -> Json:
        return self.run("aks_cluster", check=check, **arguments)

    def writes(self, part: str = "") -> list[str]:
        """Methods that changed something since the last call, on paths with a part.

        Reading credentials is a POST that changes nothing. With a part nothing is forgotten.
        """
        found = [
            item["method"]
            for item in self.service.writes()
            if "listCluster" not in item["path"] and part.lower() in item["path"].lower()
        ]
        if not part:
            self.service.requests(clear=True)
        return found

    def both(self, module: str = "aks_cluster", **arguments: Any) -> Json:
        """Check mode, for real, and both again: the same promise, no write in check mode, no second change.

        Counts only requests to this object's resource group, so that several can run at once.
        """
        group = f"/resourceGroups/{self.names['resource_group']}"
        before = len(self.writes(group))
        checked = self.run(module, check=True, **arguments)
        assert checked.get("failed") is None, checked
        assert len(self.writes(group)) == before, "check mode wrote"
        real = self.run(module, **arguments)
        assert real.get("failed") is None, real
        assert (checked["changed"], checked["diff"]) == (True, real["diff"])
        assert real["changed"] is True
        after = len(self.writes(group))
        assert after > before
        for again in (self.run(module, check=True, **arguments), self.run(module, **arguments)):
            assert again.get("failed") is None, again
            assert again["changed"] is False, again["diff"]
        assert len(self.writes(group)) == after, "an unchanged object was written"
        return real
