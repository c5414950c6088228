# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what the load generators of the demo application counted, with kubectl alone.

`load.py --kubectl PATH --kubeconfig PATH [--since SECONDS_SINCE_1970]` prints a table and ends with status 1 after any
failed request, for an edge without requests, or for pods that were restarted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

NAMESPACES = ("storefront", "backend", "analytics", "operations")
# What each workload calls; the CronJob's edges come and go with its pods.
EDGES = (
    *("web-api", "web-images", "api-redis", "api-orders", "orders-database", "orders-google"),
    *("collector-redis", "collector-api", "scrape-web", "scrape-api", "scrape-orders", "scrape-redis"),
    *("watcher-apiserver", "report-redis", "report-orders"),
)


@dataclass
class Count:
    """Requests on one edge, over all pods that make them. failures: times (seconds since 1970) of those that failed."""

    good: int = 0
    bad: int = 0
    slow: int = 0
    failures: list[float] = field(default_factory=list)
    last_at: float = 0.0
    """Time of the newest count."""


class Load:
    """The load generators of one cluster."""

    def __init__(self, kubectl: str, kubeconfig: str) -> None:
        self.command = [kubectl, "--kubeconfig", kubeconfig, "--request-timeout=20s"]

    def kubectl(self, *words: str) -> str:
        """Standard output of kubectl; CalledProcessError when it fails."""
        done = subprocess.run([*self.command, *words], check=True, capture_output=True, text=True, timeout=60)
        return done.stdout

    def counts(self, since: float = 0.0) -> dict[str, Count]:
        """Counts by edge. Requests before `since` (seconds since 1970) count as made, and their failures do not."""
        found = {edge: Count() for edge in EDGES}
        words = ("--selector", "app.kubernetes.io/name", "--tail=-1", "--prefix", "--max-log-requests=200")
        for namespace in NAMESPACES:
            logs: dict[str, list[str]] = {}
            for line in self.kubectl("logs", "--namespace", namespace, *words).splitlines():
                pod, __, text = line.partition(" ")
                logs.setdefault(pod, []).append(text)
            for lines in logs.values():
                add(found, lines, since)
        return found

    def pods(self) -> list[dict[str, dict[str, str]]]:
        """The pods of the application that have started."""
        pods = []
        for namespace in NAMESPACES:
            pods += json.loads(self.kubectl("get", "pods", "--namespace", namespace, "--output", "json"))["items"]
        return [pod for pod in pods if pod["status"]["phase"] != "Pending"]

    def restarts(self) -> dict[str, int]:
        """Containers that were started again, by pod."""
        found: dict[str, int] = {}
        for pod in self.pods():
            statuses: Iterable[dict[str, int]] = pod["status"].get("containerStatuses", [])  # type: ignore[assignment]
            count = sum(status["restartCount"] for status in statuses)
            if count:
                found[f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"] = count
        return found


def add(found: dict[str, Count], lines: Iterable[str], since: float = 0.0) -> None:
    """Add what the log of one container says: the newest count of each edge, and each failure from `since` on."""
    newest: dict[str, dict[str, float]] = {}
    for line in lines:
        if not line.startswith('{"edge":'):
            continue
        entry = json.loads(line)
        if "good" in entry:
            newest[entry["edge"]] = entry
        elif entry.get("failed_at", 0.0) >= since > 0 or (since == 0 and "failed_at" in entry):
            count = found.setdefault(entry["edge"], Count())
            count.bad += 1
            count.failures.append(entry["failed_at"])
    for edge, entry in newest.items():
        count = found.setdefault(edge, Count())
        count.good += int(entry["good"])
        count.slow += int(entry.get("slow", 0))
        count.last_at = max(count.last_at, float(entry["at"]))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubectl", default="kubectl")
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--since", type=float, default=0.0)
    arguments = parser.parse_args()
    load = Load(arguments.kubectl, arguments.kubeconfig)
    counts, restarts = load.counts(arguments.since), load.restarts()
    for edge, count in counts.items():
        print(f"{edge:<20} {count.good:>7} answered ({count.slow} slowly) {count.bad:>5} failed")
    good, bad = (sum(getattr(count, what) for count in counts.values()) for what in ("good", "bad"))
    print(f"{'all':<20} {good:>7} answered {bad:>5} failed")
    for pod, times in restarts.items():
        print(f"{pod} was started again {times} times")
    silent = [edge for edge, count in counts.items() if not count.good]
    if silent:
        print(f"no request at all: {', '.join(silent)}")
    return 1 if restarts or silent or any(count.bad for count in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
