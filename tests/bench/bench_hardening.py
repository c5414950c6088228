# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A million flows to policies: time and memory; and how well the policies fit the application whose needs are known.

The flows are verdicts of a made-up cluster of 240 workloads in 12 namespaces: 720 pods that all ask DNS, some 2,000
kinds of connections, clients outside with 60,000 addresses, and peers by name.
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checkout import COLLECTIONS

TESTS = Path(__file__).resolve().parents[1]
PATHS = [str(COLLECTIONS), str(TESTS / "unit")]
FLOWS = 1_000_000
TARGETS = {
    "recommend_1m_flows_s": "<= 90",
    "recommend_1m_flows_mb": "<= 500",
    "known_app_needed": ">= 32",
    "known_app_held_out": ">= 4",
    "known_app_extra": "<= 2",
}
NAMESPACES, WORKLOADS, REPLICAS, CLIENTS = 12, 20, 3, 60_000

# A process of its own, so that its memory is only that of the work.
PROGRAM = """
import json, resource, sys, time
sys.path[:0] = json.loads(sys.argv[3])
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.manifests import files
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.recommending import recommend_policies
params = dict(flows=sys.argv[1], evidence=None, inventory=None, namespaces=json.loads(sys.argv[2]), approved=[],
    system_namespaces=[], kinds=["cilium"], fqdn=None, networks=[], platform_policy=False, dns=None, cluster=None,
    accept_incomplete=False, dest=None)
start = time.monotonic()
result = recommend_policies(params, lambda text: None, True)
seconds = time.monotonic() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "mb": peak, "counts": result.values["counts"],
    "ignored": result.values["ignored"]}))
"""


def _pod(namespace: int, workload: int, replica: int) -> dict[str, Any]:
    space, name = f"team-{namespace:02d}", f"service-{workload:02d}"
    return {
        "identity": 20_000 + namespace * 100 + workload,
        "namespace": space,
        "labels": [
            f"k8s:app.kubernetes.io/name={name}",
            f"k8s:app.kubernetes.io/instance={space}-{name}",
            f"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name={space}",
            "k8s:io.cilium.k8s.policy.cluster=default",
            f"k8s:io.cilium.k8s.policy.serviceaccount={name}",
            f"k8s:io.kubernetes.pod.namespace={space}",
        ],
        "pod_name": f"{name}-7d9f{workload:04x}-{replica:05d}",
        "workloads": [{"name": name, "kind": "Deployment"}],
    }


_DNS: dict[str, Any] = {
    "identity": 10_010,
    "namespace": "kube-system",
    "labels": ["k8s:k8s-app=kube-dns", "k8s:io.kubernetes.pod.namespace=kube-system"],
    "pod_name": "coredns-6f6b679f8f-abcde",
    "workloads": [{"name": "coredns", "kind": "Deployment"}],
}


def _outside(address: str) -> dict[str, Any]:
    return {"identity": 16_777_217, "labels": [f"cidr:{address}/32", "reserved:world"]}


def _connection(chance: random.Random) -> tuple[dict[str, Any], dict[str, Any], str, int, dict[str, Any]]:
    """Source, destination, protocol, port and what else the flow says."""
    namespace, workload = chance.randrange(NAMESPACES), chance.randrange(WORKLOADS)
    pod = _pod(namespace, workload, chance.randrange(REPLICAS))
    kind = chance.random()
    if kind < 0.3:
        return pod, _DNS, "UDP", 53, {}
    if kind < 0.4 and workload < 2:
        number = chance.randrange(CLIENTS)
        return _outside(f"203.{number >> 16}.{number >> 8 & 255}.{number & 255}"), pod, "TCP", 8443, {}
    if kind < 0.5:
        name = f"api-{workload % 7}.example.com"
        return pod, _outside(f"198.51.100.{chance.randrange(40)}"), "TCP", 443, {"destination_names": [name]}
    step = chance.randrange(1, 9)
    other = _pod((namespace + step // 7) % NAMESPACES, (workload * 3 + step) % WORKLOADS, chance.randrange(REPLICAS))
    return pod, other, "TCP", 8000 + step, {}


def _flows(count: int) -> Iterator[str]:
    """Each connection gives the verdicts of its two ends, as with a listening policy."""
    chance = random.Random(20261130)  # noqa: S311 (the flows are to be the same each time)
    for number in range(0, count, 2):
        source, destination, protocol, port, more = _connection(chance)
        flow: dict[str, Any] = {
            "time": f"2026-11-30T{number // 54_000:02d}:{number // 900 % 60:02d}:{number // 15 % 60:02d}.{number:09d}Z",
            "uuid": f"{number:032x}",
            "verdict": "FORWARDED",
            "IP": {"source": "10.0.1.1", "destination": "10.0.2.2", "ipVersion": "IPv4"},
            "l4": {protocol: {"source_port": 32_768 + number % 28_000, "destination_port": port}},
            "source": source,
            "destination": destination,
            "Type": "L3_L4",
            "event_type": {"type": 5},
            "is_reply": False,
            "policy_match_type": 4,
            "Summary": "TCP Flags: SYN",
            **more,
        }
        for side in ("source", "destination"):
            label = flow[side]["labels"][0]
            if label.startswith("cidr:"):
                flow["IP"] = {**flow["IP"], side: label[5:-3]}
        for direction, end in (("EGRESS", source), ("INGRESS", destination)):
            if "pod_name" in end:
                node = f"aks-nodepool1-vmss00000{number % 3}"
                yield json.dumps(
                    {"flow": {**flow, "node_name": node, "traffic_direction": direction}, "node_name": node}
                )


def _known_app() -> dict[str, float | None]:
    sys.path[:0] = [path for path in PATHS if path not in sys.path]
    from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.generate import recommend
    from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.rules import Options
    from known_app import NAMESPACES as APP
    from known_app import evidence_of, flows, held_out, judge, needed

    verdict = judge(recommend(evidence_of(flows()), Options(APP)).policies)
    return {
        "known_app_needed": float(len(needed()) - len(verdict.needed_denied)),
        "known_app_held_out": float(len(held_out()) - len(verdict.held_out_denied)),
        "known_app_extra": float(len(verdict.extra)),
    }


def recommended(count: int) -> dict[str, Any]:
    """Seconds, MiB and figures of the recommendation for so many flows."""
    with tempfile.TemporaryDirectory(prefix="aks-cilium-bench-") as folder:
        path = Path(folder) / "flows.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in itertools.islice(_flows(2 * count), count))
        spaces = json.dumps([f"team-{number:02d}" for number in range(NAMESPACES)])
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(path), spaces, json.dumps(PATHS)],
            check=True,
            capture_output=True,
            text=True,
            timeout=600,
        )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def run() -> dict[str, float | None]:
    """Seconds and MiB for a million flows; connections allowed of 32 needed and 4 held out, and those nobody needs."""
    measured = recommended(FLOWS)
    return {
        "recommend_1m_flows_s": round(measured["seconds"], 1),
        "recommend_1m_flows_mb": round(measured["mb"], 1),
        **_known_app(),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
