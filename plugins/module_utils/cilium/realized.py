# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Asks the agents whether policies are realized: loaded by the agent, and built into every endpoint they select.

An agent's policy repository has a revision that every change raises. A policy is realized on a node when the repository
holds the version we wrote (recognised by the object's uid, and for an update by its changed rules), and every selected
endpoint runs at least the revision at which that was first seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .._errors import AuthFailed, CollectionError, NotFound, OperationFailed
from .._text import agree, counted
from .._types import Clock, Json
from .._wait import Look
from ..kube.interface import Exec, Kube
from ..kube.kinds import POD
from .detect import AGENT_CONTAINER, AGENT_PODS, NAMESPACE
from .selector import selects

PARALLEL = 8
EXEC_TIMEOUT_S = 30.0
# An update that changes no rule (only their order, say) leaves no trace in the agent; after this time a higher
# revision of the repository is taken as proof that it was read.
SAME_RULES_AFTER_S = 5.0
# One line per endpoint. The full JSON lists every allowed identity of every endpoint.
ENDPOINT_LINES = (
    'jsonpath={range [*]}{.status.state}{"\\t"}{.status.policy.realized.policy-revision}{"\\t"}'
    '{.status.labels.security-relevant}{"\\n"}{end}'
)


@dataclass(frozen=True)
class Target:
    """One policy that the agents must have loaded (or, present=False, dropped).

    policy: the whole object; previous: as it was before an update, since what it no longer selects must change too.
    before: node -> fingerprint of its rules before an update; empty otherwise.
    """

    key: str
    policy: Json
    uid: str
    present: bool = True
    previous: Json | None = None
    before: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Agent:
    """A running agent."""

    pod: str
    node: str


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of a node. revision: of the policy that its datapath runs."""

    state: str
    revision: int
    labels: Sequence[str]


@dataclass(frozen=True)
class NodeState:
    """What one node shows of one policy. endpoints: how many it selects there."""

    node: str
    realized: bool
    endpoints: int
    reason: str

    def row(self) -> Json:
        """For results."""
        return {"node": self.node, "realized": self.realized, "endpoints": self.endpoints, "reason": self.reason}


def parse_repository(text: str) -> tuple[int, list[Json]]:
    """Revision and rules of `policy get -o json`."""
    document = json.loads(text)
    rules = json.loads(document.get("policy") or "[]")
    return int(document.get("revision") or 0), rules if isinstance(rules, list) else []


def parse_endpoints(text: str) -> list[Endpoint]:
    """The lines that the template ENDPOINT_LINES prints."""
    found = []
    for line in text.splitlines():
        state, _tab, rest = line.partition("\t")
        revision, _tab, labels = rest.partition("\t")
        if state:
            found.append(Endpoint(state, int(revision) if revision.isdigit() else 0, _labels(labels)))
    return found


def _labels(text: str) -> list[str]:
    try:
        listed = json.loads(text or "[]")
    except ValueError:
        # Older agents print Go's form of a list: [k8s:app=web k8s:...].
        listed = text.strip("[]").split()
    return [str(label) for label in listed] if isinstance(listed, list) else []


def fingerprint(rules: Sequence[Json], uid: str) -> str:
    """A text that changes with the rules of one object; empty when the repository has none of it."""
    own = [
        json.dumps(rule, sort_keys=True)
        for rule in rules
        if uid in json.dumps(rule.get("Labels") or rule.get("labels"))
    ]
    return "\n".join(sorted(own))


def find_agents(kube: Kube) -> list[Agent]:
    """The agents that run, sorted by node."""
    found = []
    for pod in kube.list(POD, NAMESPACE, label_selector=AGENT_PODS):
        if (pod.get("status") or {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp"):
            found.append(Agent(pod["metadata"]["name"], str((pod.get("spec") or {}).get("nodeName"))))
    return sorted(found, key=lambda agent: agent.node)


def nodes_of(kube: Kube, namespace: str) -> set[str]:
    """The nodes with pods of a namespace that Cilium can select (not on the host's network, not ended)."""
    found = set()
    for pod in kube.list(POD, namespace):
        spec, phase = pod.get("spec") or {}, (pod.get("status") or {}).get("phase")
        if spec.get("nodeName") and not spec.get("hostNetwork") and phase not in ("Succeeded", "Failed"):
            found.add(str(spec["nodeName"]))
    return found


class Realization:
    """Looks again and again at the agents that matter; a node that showed a policy as realized is not asked again."""

    def __init__(self, kube: Kube, execute: Exec, clock: Clock) -> None:
        self._kube = kube
        self._exec = execute
        self._clock = clock
        self._program = "cilium-dbg"
        self._agents = find_agents(kube)
        self._pods_moved = False
        self._nodes: dict[str, set[str]] = {}
        self._since: dict[tuple[str, str], int] = {}
        self._states: dict[tuple[str, str], NodeState] = {}

    @property
    def has_agents(self) -> bool:
        """False on a cluster without a running agent."""
        return bool(self._agents)

    def agents_for(self, policy: Json) -> list[Agent]:
        """The agents on nodes where a policy can select something; all of them for a clusterwide policy."""
        namespace = (policy.get("metadata") or {}).get("namespace")
        if not namespace:
            return self._agents
        if namespace not in self._nodes:
            self._nodes[namespace] = nodes_of(self._kube, namespace)
        return [agent for agent in self._agents if agent.node in self._nodes[namespace]]

    def fingerprints(self, policy: Json, uid: str) -> dict[str, str]:
        """Node -> fingerprint of a policy's rules as they are now, for recognising an update later."""
        agents = self.agents_for(policy)

        def one(agent: Agent) -> tuple[str, str]:
            return agent.node, fingerprint(self._repository(agent)[1], uid)

        with ThreadPoolExecutor(PARALLEL) as pool:
            return dict(pool.map(one, agents))

    def look(self, targets: Sequence[Target], waited_s: float) -> Look[dict[str, list[NodeState]]]:
        """One round over the nodes where something is not realized yet. waited_s: since the policies were written."""
        if self._pods_moved:
            self._agents, self._pods_moved = find_agents(self._kube), False
        open_by_agent: dict[Agent, list[Target]] = {}
        for target in targets:
            for agent in self.agents_for(target.policy):
                state = self._states.get((target.key, agent.node))
                if state is None or not state.realized:
                    open_by_agent.setdefault(agent, []).append(target)
        with ThreadPoolExecutor(PARALLEL) as pool:
            rounds = pool.map(lambda item: self._ask(item[0], item[1], waited_s), open_by_agent.items())
            for states in rounds:
                self._states.update(states)
        result = {
            target.key: [
                self._states.get((target.key, agent.node), NodeState(agent.node, False, 0, "not asked yet"))
                for agent in self.agents_for(target.policy)
            ]
            for target in targets
        }
        waiting = [state for states in result.values() for state in states if not state.realized]
        if not waiting:
            return Look(True, "realized", result)
        nodes = sorted({state.node for state in waiting})
        shown = f"{', '.join(nodes[:3])}{', ...' if len(nodes) > 3 else ''}"
        return Look(False, f"not realized on {counted(len(nodes), 'node')} ({shown}: {waiting[0].reason})", result)

    def _ask(self, agent: Agent, targets: Sequence[Target], waited_s: float) -> dict[tuple[str, str], NodeState]:
        try:
            # In this order: an endpoint list that is younger than the repository cannot show too little.
            revision, rules = self._repository(agent)
            endpoints = parse_endpoints(self._run(agent, ["endpoint", "list", "-o", ENDPOINT_LINES]))
        except AuthFailed as error:
            raise AuthFailed(
                error.message,
                code=error.code,
                status=error.status,
                target=error.target,
                details=error.details,
                remedy="Waiting for wait_for=realized runs a command in the agents (create pods/exec in kube-system);"
                " with wait_for=valid no such right is needed.",
            ) from error
        except CollectionError as error:
            # An agent that restarts answers soon, perhaps in a new pod; the deadline of the wait decides.
            self._pods_moved = True
            return {(t.key, agent.node): NodeState(agent.node, False, 0, error.message) for t in targets}
        return {
            (target.key, agent.node): self._judge(target, agent.node, revision, rules, endpoints, waited_s)
            for target in targets
        }

    def _judge(
        self,
        target: Target,
        node: str,
        revision: int,
        rules: Sequence[Json],
        endpoints: Sequence[Endpoint],
        waited_s: float,
    ) -> NodeState:
        selected = [endpoint for endpoint in endpoints if selects(target.policy, endpoint.labels)]
        key = (target.key, node)
        if key not in self._since:
            now = fingerprint(rules, target.uid)
            before = target.before.get(node)
            if target.present and not now:
                return NodeState(node, False, len(selected), "the agent has not loaded it")
            if target.present and before is not None and now == before and waited_s < SAME_RULES_AFTER_S:
                return NodeState(node, False, len(selected), "the agent still has the previous version")
            if not target.present and now:
                return NodeState(node, False, len(selected), "the agent has not dropped it")
            self._since[key] = revision
        # An agent that restarted counts from 1 again.
        needed = min(self._since[key], revision)
        touched = [e for e in endpoints if e in selected or (target.previous and selects(target.previous, e.labels))]
        behind = sum(1 for e in touched if e.revision < needed and e.state != "disconnected")
        if behind:
            late = f"{behind} of {counted(len(touched), 'endpoint')} {agree(behind, 'is', 'are')} behind"
            return NodeState(node, False, len(selected), late)
        return NodeState(node, True, len(selected), "realized")

    def _repository(self, agent: Agent) -> tuple[int, list[Json]]:
        return parse_repository(self._run(agent, ["policy", "get", "-o", "json"]))

    def _run(self, agent: Agent, words: Sequence[str]) -> str:
        try:
            done = self._exec(
                NAMESPACE, agent.pod, [self._program, *words], container=AGENT_CONTAINER, timeout_s=EXEC_TIMEOUT_S
            )
        except NotFound as error:
            if error.code != "CommandNotFound" or self._program == "cilium":
                raise
            # Agents before 1.15 have it under this name.
            self._program = "cilium"
            return self._run(agent, words)
        if done.rc != 0:
            raise OperationFailed(
                f"{self._program} {' '.join(words[:2])} in {agent.pod}: {done.stderr.strip()[-200:]}",
                code="AgentFailed",
                remedy=f"Look at this agent: kubectl --namespace kube-system logs {agent.pod} --container cilium-agent",
            )
        return done.stdout
