# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the EXAMPLES of modules and other plugins, task by task, as their authors wrote them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from example_blocks import ROOT, examples_of_plugin, plugins
from example_runs import BIN, HERE, Ended, Place, list_inventory, play, setup_of, write_play
from example_specs import load_yaml, read_yaml

PREFIX = "cloudnet.aks_cilium."
# What each plugin's examples need, where that is no cluster.
LANES = {
    **dict.fromkeys(
        ("aks_cluster", "aks_node_pool", "aks_cluster_info", "aks_kubeconfig", "run_directory"),
        "azure",
    ),
    **dict.fromkeys(("awx_survey", "survey_answers"), "local"),
}
# One process for modules of which one needs what another makes, in the order of a hardening.
GROUPS = {
    "hardening": (
        "network_policy_detect",
        "hubble_canary",
        "network_policy_evidence",
        "network_policy_recommend",
        "network_policy_prove",
        "network_policy_soak",
        "network_policy_enforce",
        "network_policy_break_glass",
        "network_policy_coverage",
        "network_policy_drift",
        "network_policy_report",
    ),
}
Json = dict[str, Any]


@dataclass(frozen=True)
class Exceptional:
    """What is said about one task in exceptions.yml."""

    because: str
    how: str = "executed"
    options: Json = field(default_factory=dict)
    warns: bool = False


@dataclass(frozen=True)
class Example:
    """One task of a plugin's EXAMPLES, and what is done with it."""

    plugin: str
    number: int
    task: Json
    exception: Exceptional | None = None

    @property
    def name(self) -> str:
        """How it calls itself."""
        return str(self.task.get("name", f"number {self.number}"))

    @property
    def how(self) -> str:
        """Executed, checked or parsed."""
        return self.exception.how if self.exception else "executed"

    @property
    def tag(self) -> str:
        """What tells its results from those of other tasks."""
        return f"example_{self.plugin}_{self.number}"

    @property
    def ours(self) -> str:
        """The module of ours that it uses, if any."""
        return next((key.removeprefix(PREFIX) for key in self.task if key.startswith(PREFIX)), "")

    def to_run(self) -> Json:
        """The task as it is run."""
        task = {**self.task, "tags": [self.tag]}
        if self.how == "checked":
            task["check_mode"] = True
        if self.exception and self.exception.options:
            key = PREFIX + self.ours
            task[key] = {**self.task[key], **self.exception.options}
        return task


def exceptions() -> dict[str, dict[str, Exceptional]]:
    """Tasks that are not run as they are written, by plugin and name."""
    document = read_yaml(HERE / "exceptions.yml") or {}
    return {plugin: {name: Exceptional(**said) for name, said in tasks.items()} for plugin, tasks in document.items()}


@cache
def examples_of(kind: str, plugin: str) -> tuple[Example, ...]:
    """The tasks in a plugin's EXAMPLES."""
    documents = load_yaml(examples_of_plugin(ROOT / "plugins" / kind / f"{plugin}.py"))
    said = exceptions().get(plugin, {})
    tasks = [task for document in documents if isinstance(document, list) for task in document]
    return tuple(Example(plugin, n, task, said.get(str(task.get("name")))) for n, task in enumerate(tasks))


def group_of(module: str) -> tuple[str, ...]:
    """The modules that are run in the same process."""
    return next((group for group in GROUPS.values() if module in group), (module,))


def run_group(place: Place, kind: str, group: tuple[str, ...]) -> dict[str, str]:
    """Run the examples of a group of plugins in one process; returns what went wrong, by plugin."""
    place.prepare()
    tasks: list[Any] = []
    for plugin in group:
        before, after = setup_of(plugin)
        tasks += before
        tasks += [example.to_run() for example in examples_of(kind, plugin) if example.how != "parsed"]
        tasks += after
    played = play(place, write_play(place.work / f"{group[0]}.yml", place, tasks))
    problems = {}
    for plugin in group:
        wrong = [_problem(example, played.tasks) for example in examples_of(kind, plugin)]
        problems[plugin] = "\n".join(text for text in wrong if text)
    if played.problem():
        # The one where it stopped shows the output; later ones were not reached.
        stopped = next((plugin for plugin in group if problems[plugin]), group[-1])
        problems[stopped] += f"\n{played.problem()}"
    return problems


def _problem(example: Example, results: tuple[Ended, ...]) -> str:
    """What went wrong with one task."""
    where = f"{example.plugin}, task {example.name!r}"
    if example.how == "parsed":
        wrong = problems_of_options(example)
        return f"{where}: {wrong}" if wrong else ""
    mine = [ended for ended in results if example.tag in ended.tags]
    if not mine:
        return f"{where}: was not reached"
    failed = next((ended for ended in mine if ended.how == "failed"), None)
    if failed is not None:
        return f"{where}: failed: {failed.message}"
    if all(ended.how == "skipped" for ended in mine):
        return f"{where}: was skipped, so nothing is known about it"
    if example.exception and example.exception.warns:
        return "" if any(ended.said for ended in mine) else f"{where}: does not warn, as exceptions.yml says"
    said = [text for ended in mine for text in ended.said]
    return f"{where}: warns: {said[0]}" if said and example.ours else ""


def run_inventories(place: Place) -> str:
    """List the inventories in the EXAMPLES of the plugin aks; returns what went wrong."""
    place.prepare()
    text = examples_of_plugin(ROOT / "plugins" / "inventory" / "aks.py")
    for number, part in enumerate(f"\n{text}".split("\n---\n")):
        file = place.work / f"example-{number}.aks.yml"
        file.write_text(part, encoding="utf-8")
        listed, problem = list_inventory(place, file)
        if problem:
            return f"example {number + 1}: {problem}"
        if not listed.get("_meta", {}).get("hostvars"):
            return f"example {number + 1}: lists no cluster"
    return ""


# Tasks that are only parsed: their options by the documentation.


@cache
def documented() -> Json:
    """Options of all modules, fragments included, as ansible-doc knows them."""
    names = [PREFIX + path.stem for path in plugins("modules")]
    place = Place(Path("/nowhere"))
    done = subprocess.run(
        [str(BIN / "ansible-doc"), "--json", *names],
        env=place.all_of_environment() | {"HOME": str(Path.home()), "ANSIBLE_HOME": str(Path.home() / ".ansible")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: doc["doc"]["options"] for name, doc in json.loads(done.stdout).items()}


def problems_of_options(example: Example) -> str:
    """What is wrong with the options of a task that is not run."""
    if not example.ours:
        return "uses none of our modules, and is not run"
    key = PREFIX + example.ours
    return _unknown(documented()[key], example.task[key] or {}, "")


def _unknown(options: Json, given: Json, path: str) -> str:
    names = {name: name for name in options} | {alias: name for name in options for alias in _aliases(options[name])}
    for name, value in given.items():
        option = options.get(names.get(name, ""))
        if option is None:
            return f"there is no option {path}{name}"
        choices = option.get("choices")
        if choices and isinstance(value, str) and "{{" not in value and value not in choices:
            return f"{path}{name} is one of {', '.join(map(str, choices))}, not {value}"
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and option.get("suboptions"):
                wrong = _unknown(option["suboptions"], item, f"{path}{name}.")
                if wrong:
                    return wrong
    return ""


def _aliases(option: Json) -> list[str]:
    return list(option.get("aliases") or [])
