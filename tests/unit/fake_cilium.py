# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents and the operator of Cilium over a FakeKube: they load, judge and realize policies when told to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CCNP, CNP, NETWORK_POLICY
from cilium_documents import Json, agent_pod
from fakes import FakeKube, Write, completed

KINDS = (CNP, CCNP, NETWORK_POLICY)


@dataclass
class FakeAgent:
    """One node: its endpoints (labels), the rules it has loaded, and the revision its endpoints run.

    lag: how many `policy get` calls pass before a change of the cluster is loaded; slow_endpoints: how many
    `endpoint list` calls pass after that before the endpoints run the new revision.
    """

    endpoints: list[list[str]]
    lag: int = 0
    slow_endpoints: int = 0
    revision: int = 1
    realized: int = 1
    rules: str = "[]"
    _waited: int = 0
    _behind: int = 0

    def repository(self, newest: str) -> str:
        if json.loads(newest) != json.loads(self.rules):
            if self._waited >= self.lag:
                self.rules, self.revision, self._waited, self._behind = (
                    newest,
                    self.revision + 1,
                    0,
                    self.slow_endpoints,
                )
            else:
                self._waited += 1
        return json.dumps({"policy": self.rules, "revision": self.revision})

    def endpoint_lines(self) -> str:
        if self._behind:
            self._behind -= 1
        else:
            self.realized = self.revision
        return "".join(f"ready\t{self.realized}\t{json.dumps(labels)}\n" for labels in self.endpoints)


@dataclass
class FakeCilium:
    """Answers the commands in the agents' pods and sets the condition Valid as the operator does."""

    kube: FakeKube
    agents: dict[str, FakeAgent]
    program: str = "cilium-dbg"
    judges: bool = True
    rejects: dict[str, str] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for node in self.agents:
            self.kube.add(agent_pod(node, f"cilium-{node}"))
        self.kube.exec_answers = self.answer
        self.kube.reactions.append(self.react)

    def rules(self) -> str:
        """What an up to date agent has loaded, in the form that 1.20 prints."""
        found = []
        for kind in KINDS:
            for policy in self.kube.list(kind):
                if policy["metadata"]["name"] in self.rejects:
                    continue
                found.append(
                    {"Rule": policy.get("spec"), "Labels": [{"key": "uid", "value": policy["metadata"]["uid"]}]}
                )
        return json.dumps(found)

    def answer(self, namespace: str, pod: str, command: Sequence[str], container: str | None) -> Completed:
        assert (namespace, container) == ("kube-system", "cilium-agent")
        self.commands.append(list(command))
        agent = self.agents[pod.removeprefix("cilium-")]
        if command[1:3] == ["policy", "get"]:
            return completed(stdout=agent.repository(self.rules()))
        assert list(command[1:3]) == ["endpoint", "list"]
        return completed(stdout=agent.endpoint_lines())

    def react(self, kube: FakeKube, write: Write) -> None:
        if not self.judges or write.kind == "NetworkPolicy" or write.verb == "delete":
            return
        kind = CNP if write.kind == "CiliumNetworkPolicy" else CCNP
        message = self.rejects.get(write.name, "")
        condition = {"type": "Valid", "status": "False" if message else "True", "message": message or "ok"}
        document: Json = kube.change(kind, write.name, write.namespace)
        document["status"] = {"conditions": [condition]}
