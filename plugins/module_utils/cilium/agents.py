# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Asks the agents for their own view: one command in each pod, many at once, each answer cut down as it comes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .._errors import CollectionError, NotFound
from .._types import Clock, Completed, Json
from .._wait import SystemClock
from ..kube.interface import Exec
from .detect import AGENT_CONTAINER
from .realized import ENDPOINT_LINES, parse_endpoints
from .snapshot import AgentProbe, PartPod, PolicyFact, Repository, Snapshot

PROBE_TIMEOUT_S = 30.0
PROBES_AT_ONCE = 16
SAMPLE = 10
"""Agents that probe_agents=sample asks."""
ALL_UP_TO = 100
"""Agents up to which probe_agents=auto asks all of them."""
LOOK_AGAIN_S = 2.0
LOOKS = 4
"""An agent that has not realized every policy is asked again, some seconds long: one may be new."""

_MARK = "==== next ===="
# One process in the pod costs more than what it asks. Agents' images have a shell: the chart's init containers use it.
# Up to Cilium 1.14 the program is called cilium. The status decides; the other answers may fail.
_METRICS = "^cilium_(policy_l7_total|bpf_map_pressure)$"
_SCRIPT = f"""
p=cilium-dbg; command -v $p >/dev/null 2>&1 || p=cilium
$p status -o json || exit $?
echo; echo '{_MARK}'
$p metrics list -p '{_METRICS}' -o json 2>/dev/null
"""
_POLICY_SCRIPT = f"""
echo; echo '{_MARK}'
$p policy get -o json 2>/dev/null
echo; echo '{_MARK}'
$p endpoint list -o '{ENDPOINT_LINES}' 2>/dev/null
"""
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_JUDGED = ("cilium", "hubble", "kubernetes", "kvstore", "auth-certificate-provider", "encryption", "routing")


def with_probes(snapshot: Snapshot, run: Exec, which: str, *, clock: Clock | None = None) -> Snapshot:
    """The snapshot with the answers of the agents that run: all, a sample, or none of them, asked in parallel.

    Agents that lack a policy, or whose endpoints run an older revision, are asked again for some seconds.
    """
    pods = chosen_agents(snapshot.part_pods, which)
    if not pods:
        return snapshot
    clock = clock or SystemClock()
    found: dict[str, AgentProbe] = {}
    asked = pods

    def ask(pod: PartPod) -> AgentProbe:
        return probe_agent(run, snapshot.namespace, pod, snapshot.policies)

    with ThreadPoolExecutor(max_workers=PROBES_AT_ONCE) as executor:
        for look in range(LOOKS):
            if look:
                clock.sleep(LOOK_AGAIN_S)
            found.update((probe.pod, probe) for probe in executor.map(ask, asked))
            asked = [pod for pod in asked if _is_late(found[pod.name])]
            if not asked:
                break
    return replace(snapshot, probes=[found[pod.name] for pod in pods])


def _is_late(probe: AgentProbe) -> bool:
    repository, deaf = probe.repository, (probe.document.get("proxy") or {}).get("deaf")
    return bool(deaf) or (repository is not None and not repository.is_current)


def chosen_agents(part_pods: Sequence[PartPod], which: str) -> list[PartPod]:
    """The agents to ask. A sample takes those that are not ready first, then some spread over the list."""
    agents = [pod for pod in part_pods if pod.part == "cilium" and pod.agent_runs and not pod.leaving]
    if which == "none":
        return []
    if which == "all" or len(agents) <= (ALL_UP_TO if which == "auto" else SAMPLE):
        return agents
    unready = [pod for pod in agents if not pod.ready][:SAMPLE]
    others = [pod for pod in agents if pod.ready]
    count = min(SAMPLE - len(unready), len(others))
    return unready + [others[index * len(others) // count] for index in range(count)]


def probe_agent(run: Exec, namespace: str, pod: PartPod, policies: Sequence[PolicyFact] = ()) -> AgentProbe:
    """Ask one agent for its status and, when there are policies, for what it made of them."""
    script = _SCRIPT + (_POLICY_SCRIPT if policies else "") + "exit 0\n"
    try:
        done = _run(run, namespace, pod.name, ["sh", "-c", script])
        for program in ("cilium-dbg", "cilium"):
            if done is None:
                done = _run(run, namespace, pod.name, [program, "status", "-o", "json"])
    except CollectionError as error:
        return AgentProbe(pod.name, pod.node, error=error.message)
    if done is None:
        return AgentProbe(pod.name, pod.node, error="its container has neither cilium-dbg nor cilium")
    # What the program prints to stderr are remarks; only its status and its document count.
    if done.rc != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        return AgentProbe(pod.name, pod.node, error=f"exit status {done.rc}: {last[0]}")
    status, metrics, *views = [*done.stdout.split(f"{_MARK}\n"), ""]
    document = _document(status)
    if document is None:
        return AgentProbe(pod.name, pod.node, error="its answer is not JSON")
    repository = _repository(views[0], views[1], policies) if len(views) > 1 else None
    return AgentProbe(pod.name, pod.node, _judged(document), "", _metrics(metrics), repository)


def _run(run: Exec, namespace: str, pod: str, command: Sequence[str]) -> Completed | None:
    """None when the container has no such program."""
    try:
        done = run(namespace, pod, command, container=AGENT_CONTAINER, timeout_s=PROBE_TIMEOUT_S)
    except NotFound as error:
        if error.code != "CommandNotFound":
            raise
        return None
    return None if done.rc == 127 else done


def _document(text: str) -> Json | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _judged(document: Json) -> Json:
    """The parts of an agent's status that are judged; the whole of thousands would not fit into memory."""
    kept: Json = {name: document[name] for name in _JUDGED if document.get(name)}
    kept["cluster"] = {"ciliumHealth": (document.get("cluster") or {}).get("ciliumHealth")}
    kept["kube-proxy-replacement"] = {"mode": (document.get("kube-proxy-replacement") or {}).get("mode")}
    proxy = document.get("proxy") or {}
    # An L7 redirect gets its port when the proxy listens: without Envoy it has none, and nothing passes.
    deaf = {str(one.get("proxy")) for one in proxy.get("redirects") or [] if not one.get("proxy-port")}
    kept["proxy"] = {"total-ports": proxy.get("total-ports") or 0, "deaf": sorted(deaf)}
    kept["nodeMonitor"] = {
        name: value for name, value in (document.get("nodeMonitor") or {}).items() if name in ("lost", "unknown")
    }
    kept["controllers"] = [
        controller
        for controller in document.get("controllers") or []
        if (controller.get("status") or {}).get("consecutive-failure-count")
    ]
    return kept


def _metrics(text: str) -> dict[str, float]:
    """Those with a value, by name and the values of their labels: `policy_l7_total{fqdn,denied}`."""
    try:
        listed = json.loads(text or "[]")
    except ValueError:
        return {}
    found: dict[str, float] = {}
    for metric in listed or []:
        labels = ",".join(str(value) for __, value in sorted((metric.get("labels") or {}).items()))
        name = str(metric.get("name") or "").removeprefix("cilium_")
        if metric.get("value"):
            found[f"{name}{{{labels}}}" if labels else name] = float(metric["value"])
    return found


def _repository(repository: str, endpoints: str, policies: Sequence[PolicyFact]) -> Repository | None:
    """What an agent made of the policies; None when it did not tell."""
    document = _document(repository)
    if document is None:
        return None
    revision = int(document.get("revision") or 0)
    loaded = set(_UID.findall(str(document.get("policy") or "")))
    missing = tuple(policy.key for policy in policies if policy.expected and policy.uid not in loaded)
    listed = parse_endpoints(endpoints)
    behind = sum(1 for one in listed if one.revision < revision and not one.state.startswith("disconnect"))
    return Repository(revision, len(listed), behind, missing)
