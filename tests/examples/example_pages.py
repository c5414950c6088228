# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the blocks of one page, each as its kind says."""

from __future__ import annotations

import configparser
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import yaml
from example_blocks import ROOT, Block
from example_runs import (
    BIN,
    Place,
    commands_of,
    list_inventory,
    play,
    run_commands,
    setup_of,
    unlike,
    without_credentials,
    write_play,
)
from example_specs import load_yaml, problems_of_plays, problems_of_variables, variables_of_hosts

CLUSTER_KINDS = ("tasks", "playbook", "manifest", "shell-cluster")


def lane_of(block: Block) -> str:
    """What a block needs: a `cluster`, the stand-in for `azure`, or nothing (`local`)."""
    return "cluster" if block.kind in CLUSTER_KINDS else "azure" if block.kind == "azure" else "local"


@dataclass
class Page:
    """The blocks of one page that need the same, and what they printed."""

    file: str
    blocks: list[Block]
    place: Place
    printed: dict[int, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """Its name in file names, such as docs-hardening."""
        return self.file.removesuffix(".md").replace("/", "-")

    def prepare(self) -> None:
        """The working folder, with the files that blocks of the page stand for."""
        self.place.prepare(checkout=any(block.is_shell for block in self.blocks))
        for block in self.blocks:
            if block.as_file:
                target = self.place.work / block.as_file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block.text, encoding="utf-8")

    def run(self, block: Block) -> str:
        """Run a block; returns what went wrong."""
        runner: Callable[[Block], str] = getattr(self, f"run_{block.kind.replace('-', '_')}")
        return runner(block)

    def run_vars(self, block: Block) -> str:
        """Variables of roles."""
        document = _one_mapping(block.text)
        if document is None:
            return "role variables are one mapping of names to values"
        return "\n".join(problems_of_variables(document, all_known=True))

    def run_json(self, block: Block) -> str:
        """A document, judged by a schema when it has one beside the page."""
        document = json.loads(block.text)
        if block.schema:
            schema = json.loads((ROOT / self.file).parent.joinpath(block.schema).read_text(encoding="utf-8"))
            errors = jsonschema.Draft202012Validator(schema).iter_errors(document)
            return "\n".join(f"{error.json_path}: {error.message}" for error in errors)
        return ""

    def run_config(self, block: Block) -> str:
        """An ansible.cfg."""
        known = _settings(self.place)
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(block.text)
        given = {(section, key) for section in parser.sections() for key in parser[section]}
        return "\n".join(f"[{section}] {key}: Ansible has no such setting" for section, key in sorted(given - known))

    def run_inventory(self, block: Block) -> str:
        """An inventory whose variables are known to the roles."""
        file = self._file(block, ".yml" if block.language != "ini" else ".ini")
        listed, problem = list_inventory(self.place, file)
        return problem or "\n".join(problems_of_variables(variables_of_hosts(listed), all_known=False))

    def run_tasks(self, block: Block) -> str:
        """Tasks on the cluster."""
        tasks = [task for document in load_yaml(block.text) for task in document]
        wrong = problems_of_plays(tasks)
        if wrong:
            return "\n".join(wrong)
        before, after = setup_of(self.slug)
        playbook = write_play(self._path(block, ".yml"), self.place, [*before, *tasks, *after])
        return play(self.place, playbook, check=block.check).problem()

    def run_playbook(self, block: Block) -> str:
        """Plays on the cluster."""
        wrong = problems_of_plays(load_yaml(block.text))
        if wrong:
            return "\n".join(wrong)
        before, after = (
            [write_play(self._path(block, f".{when}.yml"), self.place, tasks)] if tasks else []
            for when, tasks in zip(("before", "after"), setup_of(self.slug), strict=True)
        )
        return play(self.place, *before, self._file(block, ".yml"), *after, check=block.check).problem()

    def run_manifest(self, block: Block) -> str:
        """Objects of Kubernetes: the API server judges them and keeps none."""
        task = {"name": "Dry run", "cloudnet.aks_cilium.kube_manifest": {"definition": block.text, "wait": False}}
        playbook = write_play(self._path(block, ".yml"), self.place, [task])
        return play(self.place, playbook, check=True).problem()

    def run_azure(self, block: Block) -> str:
        """Whatever talks to Azure: commands, an inventory of the plugin, tasks or plays."""
        if block.is_shell:
            return self._commands(block, without_credentials(block.text))
        document = load_yaml(block.text)[0]
        if isinstance(document, dict):
            listed, problem = list_inventory(self.place, self._file(block, ".aks.yml"))
            hosts = listed.get("_meta", {}).get("hostvars", {})
            return problem or ("" if hosts else "no cluster of the stand-in is listed")
        if any("hosts" in item or "import_playbook" in str(item) for item in document):
            return self.run_playbook(block)
        return self.run_tasks(block)

    def run_shell_local(self, block: Block) -> str:
        """Commands in a copy of the checkout."""
        return self._commands(block, block.text)

    run_shell_cluster = run_shell_local

    def run_output(self, block: Block) -> str:
        """What the block before prints."""
        before = max((line for line in self.printed if line < block.line), default=None)
        if before is None:
            return "no block of commands is before this output"
        missing = unlike(tuple(line for line in block.text.splitlines() if line.strip()), self.printed[before])
        return missing and f"line {before} printed nothing like {missing!r}:\n{self.printed[before]}"

    def run_syntax(self, block: Block) -> str:
        """Only read; or the same as a file that another test executes."""
        if block.same_as:
            return _not_in_file(block)
        if block.is_shell:
            text = "\n".join(command.text for command in commands_of(block.language, block.text))
            done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
            return done.stderr
        if block.language == "json":
            json.loads(block.text)
        elif block.language in ("ini", "cfg"):
            configparser.ConfigParser(interpolation=None, allow_no_value=True).read_string(block.text)
        else:
            return self._syntax_of_yaml(block)
        return ""

    def _syntax_of_yaml(self, block: Block) -> str:
        documents = load_yaml(block.text)
        wrong = problems_of_plays(documents)
        if wrong:
            return "\n".join(wrong)
        first = documents[0] if documents else None
        if isinstance(first, list) and first and isinstance(first[0], dict) and {"hosts", "tasks"} & set(first[0]):
            command = [str(BIN / "ansible-playbook"), "--syntax-check", "-i", f"{block.line},"]
            done = self.place.run([*command, str(self._file(block, ".yml"))])
            return done.stdout if done.returncode else ""
        return ""

    def _commands(self, block: Block, text: str) -> str:
        self.printed[block.line], problem = run_commands(self.place, commands_of(block.language, text))
        return problem

    def _path(self, block: Block, ending: str) -> Path:
        return self.place.work / f"{self.slug}-{block.line}{ending}"

    def _file(self, block: Block, ending: str) -> Path:
        path = self._path(block, ending)
        path.write_text(block.text, encoding="utf-8")
        return path


def _not_in_file(block: Block) -> str:
    """The first line of a block that is not in the file that its reason names, in the order of the block."""
    file = ROOT / block.same_as
    if not file.exists():
        return f"there is no {block.same_as}"
    lines = iter(line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    wanted = (line.strip() for line in block.text.splitlines())
    missing = next((line for line in wanted if line and not line.startswith("#") and line not in lines), "")
    return missing and f"{block.same_as} does not say {missing!r} at this place"


def _one_mapping(text: str) -> dict[str, Any] | None:
    documents = load_yaml(text)
    return documents[0] if len(documents) == 1 and isinstance(documents[0], dict) else None


def _settings(place: Place) -> set[tuple[str, str]]:
    """Sections and keys that Ansible's configuration knows."""
    done = place.run([str(BIN / "ansible-config"), "list"])
    settings = yaml.safe_load(done.stdout)
    return {(ini["section"], ini["key"]) for item in settings.values() for ini in item.get("ini") or []}
