# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs what examples are made of: plays, commands and inventories, each in a folder and a home of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from example_blocks import ROOT
from example_specs import read_yaml
from venvs import copy_of_the_collection

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
HOST = "aksciliumlab"
# What `make prepare` wrote about this machine.
MACHINE = ROOT / "inventories" / "local" / "group_vars" / "all" / "machine.yml"
# The longest single example is a role on a real cluster, on a busy machine.
RUN_S = 600
TAIL_LINES = 25
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Place:
    """Where examples run: a folder, a home, an inventory, and what the environment says about cluster or cloud."""

    folder: Path
    lane: str = "local"
    environment: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    # Options that the tasks of a module get where they do not name them, as module_defaults do.
    module_defaults: dict[str, Any] = field(default_factory=dict)
    kubeconfig: Path | None = None
    programs: tuple[Path, ...] = ()

    @property
    def home(self) -> Path:
        """The user's home."""
        return self.folder / f"home-{self.lane}"

    @property
    def inventory(self) -> Path:
        """The examples' inventory."""
        return self.folder / f"inventory-{self.lane}"

    @property
    def work(self) -> Path:
        """The working folder."""
        return self.folder / "work"

    def prepare(self, *, checkout: bool = False) -> None:
        """Make home and working folder. checkout: the working folder is a copy of the checkout."""
        self.home.mkdir(parents=True, exist_ok=True)
        if checkout and not self.work.exists():
            copy_of_the_collection(self.folder / "collections")
            self.work.symlink_to(self.folder / "collections" / "ansible_collections" / "cloudnet" / "aks_cilium")
        self.work.mkdir(exist_ok=True)
        if self.kubeconfig is not None:
            for name in ("config", HOST, "mycluster", f"aks/{HOST}.yml"):
                target = self.home / ".kube" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    shutil.copy2(self.kubeconfig, target)
        self.inventory.mkdir(exist_ok=True)
        own = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        groups: dict[str, Any] = {name: {"hosts": {HOST: {}}} for name in ("clusters", "byo_cni")}
        hosts = {"all": {"children": groups, "vars": {**own, **self.variables}}}
        (self.inventory / "hosts.yml").write_text(yaml.safe_dump(hosts), encoding="utf-8")
        if checkout and self.kubeconfig is not None:
            self._prepare_inventory_local(self.kubeconfig)

    def _prepare_inventory_local(self, kubeconfig: Path) -> None:
        """Have the examples' cluster in the copy where a user has those of `make demo`."""
        local = self.work / "inventories" / "local"
        groups: dict[str, Any] = {"byo_cni": {"hosts": {HOST: None}}, "azure_cni_cilium": {}}
        (local / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}), encoding="utf-8")
        shutil.copy2(MACHINE, local / "group_vars" / "all" / MACHINE.name)
        target = self.work / "build" / "kubeconfig" / f"{HOST}.yml"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(kubeconfig, target)

    def all_of_environment(self) -> dict[str, str]:
        """The environment of a process: nothing of this machine's clouds and clusters is in it."""
        clean = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("AZURE_", "ANSIBLE_", "AKS_CILIUM_", "K8S_", "KUBE", "EXAMPLES_"))
        }
        kubeconfig = {"KUBECONFIG": str(self.home / ".kube" / "config")} if self.kubeconfig else {}
        copied = self.folder / "collections"
        return {
            **clean,
            **kubeconfig,
            **self.environment,
            "HOME": str(self.home),
            "PATH": os.pathsep.join(
                [*map(str, (BIN, *self.programs, HERE / "programs")), clean.get("PATH", os.defpath)]
            ),
            "ANSIBLE_COLLECTIONS_PATH": str(copied if copied.exists() else ROOT / ".ansible" / "collections"),
            "ANSIBLE_HOME": str(self.home / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command here; standard error is part of its output, as on a screen."""
        try:
            done = subprocess.run(
                command,
                cwd=self.work,
                env={**self.all_of_environment(), **more},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=RUN_S,
            )
        except subprocess.TimeoutExpired as error:
            output = (error.output or b"").decode(errors="replace") if isinstance(error.output, bytes) else error.output
            return subprocess.CompletedProcess(command, 124, f"{output or ''}\nnot ended after {RUN_S} s")
        done.stdout = _COLOURS.sub("", done.stdout)
        return done


@dataclass(frozen=True)
class Ended:
    """How one task ended on the host."""

    task: str
    tags: frozenset[str]
    how: str
    message: str
    said: tuple[str, ...]


@dataclass(frozen=True)
class Played:
    """How a run of ansible-playbook ended."""

    status: int
    output: str
    tasks: tuple[Ended, ...]

    @property
    def tail(self) -> str:
        """The end of its output, for people."""
        return "\n".join(self.output.rstrip().splitlines()[-TAIL_LINES:])

    def problem(self) -> str:
        """What went wrong; empty when all went well."""
        failed = [task for task in self.tasks if task.how == "failed"]
        if failed:
            return f"task {failed[0].task!r} failed: {failed[0].message}\n{self.tail}"
        if self.status != 0:
            return f"ansible-playbook ended with status {self.status}:\n{self.tail}"
        return "" if self.tasks else f"no task was run:\n{self.tail}"


def play(place: Place, *playbooks: Path, check: bool = False) -> Played:
    """Run playbooks in one process, on the examples' inventory."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        command = [str(BIN / "ansible-playbook"), "-i", str(place.inventory), *map(str, playbooks)]
        done = place.run(
            [*command, *(["--check", "--diff"] if check else [])],
            EXAMPLE_RESULTS=str(results),
            ANSIBLE_CALLBACK_PLUGINS=str(HERE / "callback"),
            ANSIBLE_CALLBACKS_ENABLED="example_results",
        )
        lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return Played(done.returncode, done.stdout, tuple(_ended(json.loads(line)) for line in lines))


def _ended(line: Mapping[str, Any]) -> Ended:
    return Ended(line["task"], frozenset(line["tags"]), line["how"], line["message"], tuple(line["said"]))


def setup_of(name: str) -> tuple[list[Any], list[Any]]:
    """Tasks before and after the examples of a page or a plugin: setup/<name>.yml, a list or before and after."""
    document = read_yaml(HERE / "setup" / f"{name}.yml") or []
    return (document.get("before", []), document.get("after", [])) if isinstance(document, dict) else (document, [])


def write_play(path: Path, place: Place, tasks: list[Any]) -> Path:
    """A playbook of tasks."""
    document = {
        "name": path.stem,
        "hosts": HOST,
        "gather_facts": False,
        "module_defaults": place.module_defaults,
        "tasks": tasks,
    }
    path.write_text(yaml.safe_dump([document], sort_keys=False, width=1000), encoding="utf-8")
    return path


# Commands


@dataclass(frozen=True)
class Command:
    """A command of an example, and the lines that it prints there."""

    text: str
    prints: tuple[str, ...] = ()


def commands_of(language: str, text: str) -> list[Command]:
    """The commands of a block: after `$ ` in a console, all of it in a script."""
    if language != "console":
        return [Command(text)]
    found: list[Command] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command += "\n" + next(lines, "").removeprefix("> ")
            found.append(Command(command))
        elif line.strip():
            if not found:
                found.append(Command(":"))
            found[-1] = Command(found[-1].text, (*found[-1].prints, line))
    return found


def without_credentials(script: str) -> str:
    """A script without the lines that set Azure credentials: those of the stand-in are in the environment."""
    joined = script.replace("\\\n", "\x00")
    kept = [line for line in joined.splitlines() if not re.match(r"\s*export (AZURE|ARM)_", line)]
    return "\n".join(kept).replace("\x00", "\\\n") + "\n"


def run_commands(place: Place, commands: list[Command]) -> tuple[str, str]:
    """Run commands in one shell; returns what they printed and what went wrong."""
    mark = "@@ command {} @@"
    script = "".join(f"printf '%s\\n' '{mark.format(n)}'\n{command.text}\n" for n, command in enumerate(commands))
    done = place.run(["bash", "-euo", "pipefail", "-c", script])
    parts = re.split(r"@@ command \d+ @@\n", done.stdout)[1:]
    printed = "".join(parts)
    if done.returncode != 0:
        failed = commands[len(parts) - 1].text.strip() if parts else "the shell"
        tail = "\n".join(printed.rstrip().splitlines()[-TAIL_LINES:])
        return printed, f"{failed}\nended with status {done.returncode}:\n{tail}"
    for command, part in zip(commands, parts, strict=True):
        missing = unlike(command.prints, part)
        if missing:
            return printed, f"{command.text}\nprinted nothing like {missing!r}:\n{part}"
    return printed, ""


def unlike(expected: tuple[str, ...], printed: str) -> str:
    """The first expected line that is not printed, in their order; numbers are free, `...` stands for any text."""
    lines = iter(printed.splitlines())
    for line in expected:
        pattern = _shape(line)
        if not any(pattern.fullmatch(" ".join(candidate.split())) for candidate in lines):
            return line
    return ""


def _shape(line: str) -> re.Pattern[str]:
    parts = re.split(r"(\.\.\.|…|\d+)", " ".join(line.split()))
    pattern = "".join(".*" if part in ("...", "…") else r"\d+" if part.isdigit() else re.escape(part) for part in parts)
    return re.compile(pattern)


def list_inventory(place: Place, file: Path) -> tuple[dict[str, Any], str]:
    """What ansible-inventory finds in a file, and what went wrong."""
    done = place.run([str(BIN / "ansible-inventory"), "-i", str(file), "--list"])
    start = done.stdout.find("{\n")
    if done.returncode != 0 or start < 0:
        return {}, f"ansible-inventory ended with status {done.returncode}:\n{done.stdout[-2000:]}"
    try:
        document, __ = json.JSONDecoder().raw_decode(done.stdout[start:])
    except json.JSONDecodeError as error:
        return {}, f"{error}:\n{done.stdout[-2000:]}"
    found: dict[str, Any] = document
    return found, ""
