# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every supported ansible-core on every Python that is here: ansible-test sanity and units, and ansible-lint.

    cores.py                                  everything; it takes long
    cores.py --core 2.18 --check sanity       a part of it
    cores.py --check units --python 3.13 -- tests/unit/plugins/module_utils/kube/
    cores.py --check quick --core 2.18        playbooks parse, documentation is there, modules can be imported

Each core gets an environment of its own per Python, made once in the user's cache folder. Logs are in build/cores/.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from venvs import ROOT, environment, let_see, pythons, site_packages, tree_for_ansible_test

LOGS = ROOT / "build" / "cores"
# Pythons that can run this core, and those that can only be the target of its modules; modules need 3.10.
CORES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "2.18": (("3.11", "3.12", "3.13"), ("3.10",)),
    "2.19": (("3.11", "3.12", "3.13"), ("3.10",)),
    "2.20": (("3.12", "3.13", "3.14"), ("3.10", "3.11")),
    "2.21": (("3.12", "3.13", "3.14"), ("3.10", "3.11")),
}
CHECKS = ("quick", "sanity", "units", "lint")
LIBRARIES = ROOT / "tests" / "unit" / "requirements.txt"
TAIL_LINES = 40
IMPORT_ALL = """\
import importlib, pathlib, sys
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
_AnsibleCollectionFinder(paths=[sys.argv[1]])._install()
root = pathlib.Path(sys.argv[2])
names = [path.relative_to(root).with_suffix("").parts for path in sorted(root.glob("plugins/**/*.py"))]
for parts in names:
    importlib.import_module(".".join(("ansible_collections", "cloudnet", "aks_cilium", *parts)))
print(f"{len(names)} files of plugins/ imported by Python {sys.version.split()[0]}")
"""


@dataclass
class Row:
    """One core on one Python. `bin` is empty where this core cannot run on it, but its modules can."""

    core: str
    python: str
    bin: Path | None
    interpreter: Path
    version: str
    cells: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For logs and lines."""
        return f"{self.core}-py{self.python}"


def lint_package() -> str:
    """The ansible-lint of requirements-dev.txt."""
    text = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if line.startswith("ansible-lint"))


def rows_of(core: str, wanted: Sequence[str]) -> list[Row]:
    """One row for each Python that is here; environments are made where they are missing.

    Where only Pythons for modules are wanted, one more runs ansible-test.
    """
    found = pythons()
    controllers, targets = CORES[core]
    if wanted and not set(wanted) & set(controllers):
        wanted = [*wanted, *[python for python in controllers if python in found][-1:]]
    rows = []
    for python in (*targets, *controllers):
        if python not in found or (wanted and python not in wanted):
            continue
        if python in targets:
            rows.append(Row(core, python, None, found[python], "modules only"))
        else:
            folder = environment(f"core-{core}-py{python}", found[python], [f"ansible-core~={core}.0", lint_package()])
            rows.append(Row(core, python, folder, folder / f"python{python}", _version(folder)))
    return rows


def with_libraries(row: Row) -> Row:
    """The row with what the unit tests import. It is installed once per Python, and each core's environment sees it.

    pytest comes from ansible-test, which knows the one that fits its core.
    """
    python = pythons()[row.python]
    folder = row.bin or environment(f"target-{row.core}-py{row.python}", python, [])
    let_see(folder, environment(f"libraries-py{row.python}", python, [], LIBRARIES))
    return replace(row, interpreter=folder / f"python{row.python}")


def oldest_of(core: str) -> list[str]:
    """The oldest Python that is here and runs this core."""
    found = pythons()
    return [python for python in CORES[core][0] if python in found][:1] or ["none"]


def _version(folder: Path) -> str:
    script = "from importlib.metadata import version; print(version('ansible-core'))"
    done = subprocess.run([folder / "python", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass(frozen=True)
class Bench:
    """What the checks of one core share: the copy of the collection, and the row that runs its programs."""

    collection: Path
    runner: Row
    rows: list[Row]
    tests: Sequence[str]

    def run(self, row: Row, check: str, *commands: Sequence[str | Path]) -> None:
        """Run the commands one after another into one log; the cell of the table says how it went."""
        log = LOGS / f"{row.name}-{check}.log"
        started = time.monotonic()
        bin_folder = row.bin or self.runner.bin
        variables = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        # ansible-test looks for each target Python by its name as well.
        folders = [bin_folder, *(other.interpreter.parent for other in self.rows), os.defpath]
        variables["PATH"] = os.pathsep.join(str(folder) for folder in folders)
        variables["ANSIBLE_COLLECTIONS_PATH"] = str(self.collection.parents[2])
        print(f"== {row.name} {check}", flush=True)
        status = 0
        with log.open("w", encoding="utf-8") as output:
            for command in commands:
                status = (
                    status
                    or subprocess.run(
                        command,
                        cwd=self.collection,
                        check=False,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        env=variables,
                    ).returncode
                )
        text = log.read_text(encoding="utf-8", errors="replace")
        warned = check == "quick" and "[WARNING]" in text
        took = time.monotonic() - started
        row.cells[check] = f"{'FAILED' if status or warned else 'passed'} {took:.0f} s"
        for line in text.splitlines()[-TAIL_LINES:] if status or warned else []:
            print(f"   {line}")
        print(f"   {row.cells[check]}, log in {log.relative_to(ROOT)}", flush=True)

    def python_words(self, targets: Sequence[Row]) -> list[str]:
        """The Pythons of ansible-test: the one that runs it, and those that modules are tested with."""
        words = ["--controller", f"origin:python={self.runner.python}@{self.runner.interpreter}"]
        for row in targets:
            words += ["--target-python", f"{row.python}@{row.interpreter}"]
        return words


def quick(bench: Bench) -> None:
    """Seconds per Python: playbooks parse, documentation is there, every file of plugins/ can be imported."""
    playbooks = sorted((bench.collection / "playbooks").glob("*.yml"))
    inventory = bench.collection / "inventories" / "byo_cni"
    modules = [
        f"cloudnet.aks_cilium.{file.stem}" for file in sorted((bench.collection / "plugins/modules").glob("*.py"))
    ]
    for row in bench.rows:
        if row.bin is not None:
            bench.run(
                row,
                "quick",
                ["ansible-playbook", "--syntax-check", "--inventory", inventory, *playbooks],
                ["ansible-doc", "--json", *modules],
                [row.interpreter, "-c", IMPORT_ALL, bench.collection.parents[2], bench.collection],
            )


def sanity(bench: Bench) -> None:
    """One run for a core: files are compiled and imported by each Python, and judged once."""
    bench.run(bench.runner, "sanity", ["ansible-test", "sanity", "--color", "no", *bench.python_words(bench.rows)])
    for row in bench.rows:
        row.cells.setdefault("sanity", f"in {bench.runner.python}'s run")


def units(bench: Bench) -> None:
    """The unit tests; where only modules run, those of modules and their utilities."""
    for row in bench.rows:
        words = ["--requirements", "--color", "no", *bench.python_words([with_libraries(row)])]
        bench.run(row, "units", ["ansible-test", "units", *words, *bench.tests])
        # ansible-test passes when nothing was there to run.
        log = (LOGS / f"{row.name}-units.log").read_text(encoding="utf-8", errors="replace")
        counts = [int(count) for count in re.findall(r"(\d+) passed", log)]
        row.cells["units"] += f", {sum(counts)} tests" if counts else ", NO TESTS"


def lint(bench: Bench) -> None:
    """ansible-lint of the core, with the profile for production."""
    command = ["ansible-lint", "--offline", "--profile", "production", "--strict", "--nocolor"]
    bench.run(bench.runner, "lint", command)
    for row in bench.rows:
        row.cells.setdefault("lint", "")


RUN: dict[str, Callable[[Bench], None]] = {"quick": quick, "sanity": sanity, "units": units, "lint": lint}


def show(rows: Sequence[Row], checks: Sequence[str]) -> None:
    """The table."""
    table = [["core", "Python", *checks]]
    table += [
        [f"{row.core} ({row.version})", row.python, *(row.cells.get(check, "") for check in checks)] for row in rows
    ]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    print()
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", action="append", choices=sorted(CORES), help="only this core; may be repeated")
    parser.add_argument("--python", action="append", default=[], help="only this Python; may be repeated")
    parser.add_argument("--one", action="store_true", help="only one Python per core, the oldest that is here")
    parser.add_argument("--check", action="append", choices=CHECKS, help="only this check; may be repeated")
    parser.add_argument("tests", nargs="*", help="unit tests to run instead of all of them")
    return parser.parse_args()


def main() -> int:
    """Run the chosen checks of the chosen cores, all of them even when one fails."""
    chosen = arguments()
    checks = [check for check in CHECKS if check in (chosen.check or CHECKS)]
    LOGS.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for core in chosen.core or CORES:
        print(f"== ansible-core {core}", flush=True)
        of_core = rows_of(core, oldest_of(core) if chosen.one else chosen.python)
        runners = [row for row in of_core if row.bin is not None]
        if not runners:
            print(f"   left out: none of its Pythons is here ({', '.join(CORES[core][0])})")
            continue
        tree = LOGS / f"tree-{core}"
        packages = site_packages(runners[-1].interpreter.parent)
        bench = Bench(tree_for_ansible_test(tree, packages), runners[-1], of_core, chosen.tests)
        for check in checks:
            RUN[check](bench)
        rows += of_core
    show(rows, checks)
    cells = [cell for row in rows for cell in row.cells.values()]
    bad = (not rows and not chosen.one) or any("FAILED" in cell or "NO TESTS" in cell for cell in cells)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
