# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts each second: a cluster of 240 workloads with a policy each, and no question asked twice.

Compiling the policies and meeting each endpoint for the first time are part of the time. It is the processor's time:
the evaluator waits for nothing, and other work on the machine would be measured with it otherwise.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = 300_000
NAMESPACES, WORKLOADS = 12, 20
PORTS = (80, 443, 5432, 6379, 8080, 8443, 9090, 9100)
TARGETS = {"evaluator_verdicts_per_s": ">= 50000"}

PROGRAM = """
import json, sys, time
sys.path[:0] = [sys.argv[1]]
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.endpoints import Endpoint
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.verdict import compile_policies
given = json.load(sys.stdin)
ends = [Endpoint(frozenset(end["labels"]), end["address"], tuple(end["names"])) for end in given["ends"]]
start = time.process_time()
policies = compile_policies(given["policies"], {})
allowed = sum(policies.verdict(ends[a], ends[b], protocol, port).allowed for a, b, protocol, port in given["questions"])
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "allowed": allowed}))
"""


def _labels(namespace: int, workload: int) -> dict[str, str]:
    return {"app": f"service-{workload}", "tier": "front" if workload % 2 else "back", "team": f"team-{namespace}"}


def _ends() -> list[dict[str, object]]:
    pods = [
        [f"k8s:{key}={value}" for key, value in _labels(namespace, workload).items()]
        + [f"k8s:io.kubernetes.pod.namespace=team-{namespace}"]
        for namespace in range(NAMESPACES)
        for workload in range(WORKLOADS)
    ]
    ends: list[dict[str, object]] = [{"labels": labels, "address": "", "names": []} for labels in pods]
    for name in ("host", "remote-node", "kube-apiserver", "health"):
        ends.append({"labels": [f"reserved:{name}"], "address": "", "names": []})
    for number in range(60):
        names = [f"api-{number}.example.com"] if number % 3 == 0 else []
        ends.append({"labels": ["reserved:world"], "address": f"203.0.113.{number}", "names": names})
    return ends


def _policy(namespace: int, workload: int, dice: random.Random) -> dict[str, object]:
    def peer() -> dict[str, object]:
        other = dice.randrange(NAMESPACES)
        labels = {"app": f"service-{dice.randrange(WORKLOADS)}", "k8s:io.kubernetes.pod.namespace": f"team-{other}"}
        return {"matchLabels": labels}

    def ports() -> list[dict[str, object]]:
        return [{"ports": [{"port": str(port), "protocol": "TCP"} for port in dice.sample(PORTS, 2)]}]

    spec: dict[str, object] = {
        "endpointSelector": {"matchLabels": _labels(namespace, workload)},
        "ingress": [{"fromEndpoints": [peer() for __ in range(3)], "toPorts": ports()} for __ in range(3)],
        "egress": [
            *({"toEndpoints": [peer()], "toPorts": ports()} for __ in range(3)),
            {"toFQDNs": [{"matchPattern": "*.example.com"}], "toPorts": ports()},
            {"toCIDRSet": [{"cidr": "203.0.113.0/26", "except": ["203.0.113.8/29"]}]},
        ],
    }
    metadata = {"name": f"service-{workload}", "namespace": f"team-{namespace}"}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata, "spec": spec}


def run() -> dict[str, float | None]:
    """The figure, from a process of its own."""
    dice = random.Random(7)  # noqa: S311 - nothing secret
    ends = _ends()
    policies = [_policy(space, number, dice) for space in range(NAMESPACES) for number in range(WORKLOADS)]
    kinds = len(ends) * len(ends) * len(PORTS)
    questions = []
    for number in dice.sample(range(kinds), QUESTIONS):
        rest, port = divmod(number, len(PORTS))
        questions.append([*divmod(rest, len(ends)), "TCP", PORTS[port]])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT / ".ansible" / "collections")],
        input=json.dumps({"ends": ends, "policies": policies, "questions": questions}),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found = json.loads(done.stdout)
    return {"evaluator_verdicts_per_s": round(QUESTIONS / found["seconds"])}


if __name__ == "__main__":
    print(run())
