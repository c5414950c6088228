# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""hubble_flows beside the hubble command on one relay, and flows from a file.

Both read the same flows from a relay on this machine (relay_server.py, which only sends) and write them as JSON lines;
both are processes with their start. Without the `hubble` program of the lab (or HUBBLE) the comparison is null.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fake_cluster import program

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.edges import EdgeCounter
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.files import read_flows

TARGETS = {
    "hubble_flows_vs_hubble_cli": ">= 1",
    "hubble_flows_mb": "<= 150",
    "flows_from_file_per_s": ">= 16667",
}
HERE = Path(__file__).resolve().parent
RECORDED = HERE.parent / "unit" / "fixtures" / "hubble" / "compact.jsonl"
HUBBLE = os.environ.get("HUBBLE") or program("hubble") or "hubble"
FLOWS = 100_000
FROM_FILE = 100_000
ROUNDS = 3
_OURS = """
import resource, sys, time
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observe import Direct, observe, plan_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.tls import RelayOptions
params = {"limit": 1000, "request_timeout": 600, "since": "1h", "dest": sys.argv[2]}
values = observe(plan_of(params, time.time()), Direct(RelayOptions(address=sys.argv[1])))
if not values["complete"]:
    sys.exit("incomplete")
print(values["summary"]["flows"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@contextlib.contextmanager
def relay(path: Path) -> Iterator[str]:
    """Address of a relay that sends the flows of a file."""
    command = [sys.executable, str(HERE / "relay_server.py"), str(path), str(FLOWS)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield f"127.0.0.1:{(server.stdout.readline() if server.stdout else '').strip()}"
    finally:
        server.terminate()
        server.wait()


def flows_of(folder: Path) -> Path:
    """Recorded flows as a file of responses."""
    path = folder / "recorded.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for line in RECORDED.read_text(encoding="utf-8").splitlines():
            flow = json.loads(line)["flow"]
            if "time" in flow:
                response = {"flow": flow, "node_name": flow.get("node_name", ""), "time": flow["time"]}
                file.write(json.dumps(response) + "\n")
    return path


def seconds(command: list[str], output: Path) -> float:
    """How long a command takes that writes all flows."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    started = time.monotonic()
    with output.open("wb") as file:
        subprocess.run(command, check=True, stdout=file, stderr=subprocess.DEVNULL, timeout=600, env=environment)
    return time.monotonic() - started


def versus_command(folder: Path) -> tuple[float, float]:
    """Flows per second, ours over theirs, and our memory in MB."""
    theirs_file, ours_file = folder / "theirs.jsonl", folder / "ours.jsonl"
    ratios = []
    with relay(flows_of(folder)) as address:
        theirs = [HUBBLE, "observe", "--server", address, "--since", "1h", "-o", "jsonpb"]
        ours = [sys.executable, "-c", _OURS, address, str(ours_file)]
        for _round in range(ROUNDS):
            theirs_s = seconds(theirs, theirs_file)
            ours_s = seconds(ours, folder / "count")
            lines = [sum(1 for _line in path.open("rb")) for path in (theirs_file, ours_file)]
            if lines != [FLOWS, FLOWS]:
                raise RuntimeError(f"{FLOWS} flows were sent; {lines} lines were written")
            ratios.append(theirs_s / ours_s)
            print(f"   hubble observe {FLOWS / theirs_s:.0f}/s, hubble_flows {FLOWS / ours_s:.0f}/s")
    return statistics.median(ratios), float((folder / "count").read_text(encoding="utf-8").split()[1])


def from_file(folder: Path) -> float:
    """Flows per second, read from a file and summarised."""
    path = folder / "many.jsonl"
    recorded = flows_of(folder).read_bytes()
    with path.open("wb") as file:
        for _time in range(-(-FROM_FILE // recorded.count(b"\n"))):
            file.write(recorded)
    counter = EdgeCounter()
    started = time.monotonic()
    for flow in read_flows(path):
        counter.add(flow)
    return (counter.flows + counter.ignored) / (time.monotonic() - started)


def run() -> dict[str, float | None]:
    """The figures."""
    figures: dict[str, float | None] = {"hubble_flows_vs_hubble_cli": None, "hubble_flows_mb": None}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if shutil.which(HUBBLE):
            figures["hubble_flows_vs_hubble_cli"], figures["hubble_flows_mb"] = versus_command(folder)
        figures["flows_from_file_per_s"] = from_file(folder)
    return figures
