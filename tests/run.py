# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the checks of `make test`, talks while they run, and ends with a table and a count.

Checks without a cluster run in two lanes, one for each core that a small machine has. Those with clusters follow one
by one, since they wait for what a busy machine does late.

`run.py` runs all of them, `run.py lint unit molecule-learn` some groups or checks. Each check logs to build/logs/.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from venvs import ROOT, site_packages, tree_for_ansible_test

LOGS = ROOT / "build" / "logs"
SANITY_TREE = ROOT / "build" / "sanity" / "ansible_collections" / "cloudnet" / "aks_cilium"
MACHINE = "inventories/local/group_vars/all/machine.yml"
BROWSER_PATH = "pythonpath=.ansible/collections tests/unit tests/browser"
TALK_EVERY_S = 30
TAIL_LINES = 60
# Groups that need no cluster, by lane. A lane has what must not run at the same time, such as mypy and mypy.
LANES = (("lint", "types", "unit", "site", "browser", "sanity", "galaxy"), ("functional", "cores"))
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# How Ansible, pytest, ruff, mypy and ansible-test begin the line that says what is wrong.
ERROR = re.compile(r"^\[?(fatal|ERROR|FAILED|E   )|: error:|ERROR: ")
ERRORS_SHOWN = 3
ERROR_LINES = 5
LONGEST_LINE = 300


@dataclass(frozen=True)
class Check:
    """One command that must end with status 0; it belongs to a group that can be run alone."""

    group: str
    name: str
    command: Sequence[str]
    cwd: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)


def checks() -> list[Check]:
    """All checks, the quick ones first."""
    python = sys.executable
    lab = [python, "tests/lab/main.py"]
    return [
        Check("lint", "ruff-check", ["ruff", "check", "--no-cache", "."]),
        Check("lint", "ruff-format", ["ruff", "format", "--check", "."]),
        Check("lint", "yamllint", ["yamllint", "--strict", "."]),
        Check("lint", "ansible-lint", ["ansible-lint", "--offline", "--profile", "production", "--strict"]),
        Check("types", "mypy-plugins", ["mypy", "-p", "ansible_collections.cloudnet.aks_cilium.plugins"]),
        Check(
            "types",
            "mypy-local-aks",
            ["mypy", "roles/local_aks/files/local_aks"],
            environment={"MYPYPATH": "roles/local_aks/files"},
        ),
        Check(
            "types",
            "mypy-lab",
            [
                "mypy",
                "tests/lab/builder",
                "tests/run.py",
                "tests/demo.py",
                "tests/cores.py",
                "tests/galaxy.py",
                "tests/neighbours.py",
                "tests/picture.py",
                "tests/faults",
            ],
            environment={"MYPYPATH": "tests:tests/lab:roles/local_aks/files"},
        ),
        Check(
            "types",
            "mypy-bench",
            ["mypy", "tests/bench"],
            environment={"MYPYPATH": "tests/bench:tests/functional:tests/unit:.ansible/collections"},
        ),
        Check(
            "types",
            "mypy-examples",
            ["mypy", "tests/examples"],
            environment={"MYPYPATH": "tests/examples:tests:tests/functional"},
        ),
        Check(
            "types",
            "mypy-awx",
            ["mypy", "tests/awx"],
            environment={"MYPYPATH": "tests:tests/awx:tests/functional:tests/unit:.ansible/collections"},
        ),
        Check(
            "types",
            "mypy-consumer",
            ["mypy", "tests/consumer"],
            environment={"MYPYPATH": "tests:tests/consumer"},
        ),
        Check(
            "types",
            "mypy-docs",
            ["mypy", "docs/build.py", "docs/site/sources.py", "docs/site/links.py"],
            environment={"MYPYPATH": "tests:docs/site"},
        ),
        Check(
            "types",
            "mypy-rbac",
            ["mypy", "tests/rbac"],
            environment={"MYPYPATH": "tests/rbac:tests/functional:tests/unit"},
        ),
        Check("unit", "unit", [python, "-m", "pytest", "tests/unit", "-q"]),
        Check("functional", "functional", [python, "-m", "pytest", "tests/functional", "-q"]),
        Check("functional", "functional-sdk32", [python, "tests/functional/older_sdk.py"]),
        Check("site", "site", [python, "docs/build.py", "--check"]),
        Check("browser", "browser", [python, "-m", "pytest", "tests/browser", "-q", "--override-ini", BROWSER_PATH]),
        Check(
            "sanity",
            "sanity",
            ["ansible-test", "sanity", "--venv", "--python", "default", "--color", "no"],
            SANITY_TREE,
            {"PATH": path_of_working_pythons()},
        ),
        Check("galaxy", "galaxy", [python, "tests/galaxy.py", "check"]),
        Check("cores", "oldest-core", [python, "tests/cores.py", "--core", "2.18", "--one", "--check", "quick"]),
        Check("molecule", "lab-prepare", [*lab, "prepare", "--output", MACHINE]),
        Check("molecule", "charts", [python, "-m", "pytest", "tests/charts", "-q"]),
        Check("adoption", "awx", [python, "-m", "pytest", "tests/awx", "-q"]),
        Check("adoption", "consumer", [python, "-m", "pytest", "tests/consumer", "-q"]),
        Check("adoption", "rbac", [python, "-m", "pytest", "tests/rbac", "-q"]),
        Check("adoption", "examples", [python, "-m", "pytest", "tests/examples", "-q"]),
        Check("molecule", "molecule-byo_cni", ["molecule", "test", "--scenario-name", "byo_cni"]),
        Check("molecule", "molecule-azure_cni_cilium", ["molecule", "test", "--scenario-name", "azure_cni_cilium"]),
        Check("molecule", "molecule-lifecycle", ["molecule", "test", "--scenario-name", "lifecycle"]),
        Check("molecule", "molecule-learn", ["molecule", "test", "--scenario-name", "learn"]),
    ]


def path_of_working_pythons() -> str:
    """PATH without the folders that hold a python3.N which does not start (version managers leave such shims)."""

    def works(folder: str) -> bool:
        pythons = [file for file in Path(folder).glob("python3.*") if file.name.removeprefix("python3.").isdigit()]
        return all(
            subprocess.run([file, "--version"], check=False, capture_output=True).returncode == 0 for file in pythons
        )

    return os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if works(folder))


def run(check: Check) -> tuple[bool, float]:
    """Run one check; say every 30 s that it still runs; show the end of its log when it fails."""
    log = LOGS / f"{check.name}.log"
    print(f"== {check.name}: {' '.join(check.command)}", flush=True)
    started = time.monotonic()
    ended = threading.Event()

    def talk() -> None:
        while not ended.wait(TALK_EVERY_S):
            print(f"   {check.name}: {time.monotonic() - started:.0f} s, log in {log.relative_to(ROOT)}", flush=True)

    talker = threading.Thread(target=talk, daemon=True)
    talker.start()
    with log.open("w", encoding="utf-8") as output:
        status = subprocess.run(
            list(check.command),
            cwd=check.cwd,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **check.environment},
        ).returncode
    ended.set()
    talker.join()
    took = time.monotonic() - started
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    shown = [f"   {line}" for line in (lines[-TAIL_LINES:] if status != 0 else lines[-1:])]
    outcome = "ok" if status == 0 else f"FAILED with status {status}"
    print(*shown, f"   {check.name}: {outcome} after {took:.1f} s", sep="\n", flush=True)
    return status == 0, took


def run_all(chosen: Sequence[Check]) -> list[tuple[str, bool, float]]:
    """Name, success and seconds of each check, in the order in which they were given."""

    def in_turn(checks: Sequence[Check]) -> list[tuple[str, bool, float]]:
        return [(check.name, *run(check)) for check in checks]

    lanes = [[check for check in chosen if check.group in groups] for groups in LANES]
    with ThreadPoolExecutor(len(lanes)) as pool:
        results = [result for lane in pool.map(in_turn, lanes) for result in lane]
    results += in_turn([check for check in chosen if not any(check.group in groups for groups in LANES)])
    order = [check.name for check in chosen]
    return sorted(results, key=lambda result: order.index(result[0]))


def first_errors(log: Path) -> list[str]:
    """The lines of a log where the first errors are told, for the end of all output, which is what people read."""
    text = COLOURS.sub("", log.read_text(encoding="utf-8", errors="replace"))
    lines = [line.rstrip()[:LONGEST_LINE] for line in text.splitlines() if line.strip()]
    found = [number for number, line in enumerate(lines) if ERROR.search(line)]
    shown = {at for number in found[:ERRORS_SHOWN] for at in range(number, number + ERROR_LINES)}
    return [lines[at] for at in sorted(shown) if at < len(lines)]


def engine_answers() -> bool:
    """Whether a Docker engine answers."""
    return (
        shutil.which("docker") is not None
        and subprocess.run(["docker", "info"], check=False, capture_output=True).returncode == 0
    )


def main() -> int:
    """Run the chosen checks, all of them even when one fails."""
    groups = set(sys.argv[1:])
    chosen = [check for check in checks() if not groups or groups & {check.group, check.name}]
    if not chosen:
        print(f"run.py: no such group or check: {' '.join(sorted(groups))}", file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    if any(check.group == "sanity" for check in chosen):
        tree_for_ansible_test(LOGS.parent / "sanity", site_packages(Path(sys.executable).parent))
    engine_was_there = engine_answers()
    try:
        results = run_all(chosen)
    finally:
        if not engine_was_there and engine_answers():
            subprocess.run([sys.executable, "tests/lab/main.py", "stop"], cwd=ROOT, check=False)
    print("\ncheck                          result       seconds")
    for name, passed, took in results:
        print(f"{name:<30} {'passed' if passed else 'FAILED':<10} {took:>9.1f}")
    failed = sum(not result[1] for result in results)
    for name, passed, __ in results:
        if not passed:
            print(f"\n{name}, from its log:", *first_errors(LOGS / f"{name}.log"), sep="\n   ")
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
