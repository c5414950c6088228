# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The execution environment: what ansible-builder finds in the installed collection, and the contexts it makes."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import yaml
from venvs import ROOT, CheckError, environment, newest_python, run

BUILDER = ("ansible-builder==3.2.0",)
AZURE = {"azure-identity", "azure-mgmt-core"}


def names_in(text: str) -> set[str]:
    """Names of packages in a file of requirements; comments and versions left out."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return {re.split(r"[\s<>=!~\[;]", line)[0].lower() for line in lines if line and line[0].isalnum()}


def _introspected(printed: str) -> set[str]:
    found = yaml.safe_load(printed)["python"]
    return names_in("\n".join(found))


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CheckError(otherwise)


def check_image(archive: Path, scratch: Path) -> str:
    """ansible-builder reads the collection as it would be installed, and makes contexts of both definitions.

    archive: the built collection.
    """
    tools = environment("ansible-builder", newest_python(), BUILDER)
    collections = scratch / "collections"
    run(
        Path(sys.executable).with_name("ansible-galaxy"),
        "collection",
        "install",
        archive,
        "-p",
        collections,
        cwd=scratch,
    )
    paths = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    everything = _introspected(run(tools / "ansible-builder", "introspect", "--sanitize", collections, cwd=scratch))
    expected = names_in((ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8"))
    # ansible-builder leaves out what ansible-core brings.
    _require(everything == expected - {"pyyaml"}, f"ansible-builder finds {sorted(everything)}")
    installed = names_in((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    _require(installed == expected, f"requirements.txt and meta/ee-requirements.txt differ: {installed ^ expected}")
    examples = collections / "ansible_collections" / "cloudnet" / "aks_cilium" / "execution-environment"
    for name in ("execution-environment", "kubernetes-only"):
        context = scratch / name
        words = (
            "create",
            "--file",
            examples / f"{name}.yml",
            "--context",
            context,
            "--output-filename",
            "Containerfile",
        )
        run(tools / "ansible-builder", *words, cwd=scratch, variables=paths)
        _require((context / "Containerfile").exists(), f"{name}.yml gives no context")
    excluded = scratch / "kubernetes-only" / "_build" / "exclude-requirements.txt"
    left_out = names_in(excluded.read_text(encoding="utf-8"))
    _require(left_out == AZURE, f"kubernetes-only.yml leaves out {sorted(left_out)}")
    program = ("introspect", "--sanitize", "--exclude-pip-reqs", excluded, collections)
    rest = _introspected(run(tools / "ansible-builder", *program, cwd=scratch))
    _require(rest == everything - AZURE, f"without Azure there are {sorted(rest)}")
    return (
        f"ansible-builder: {len(everything)} Python packages, {len(rest)} without Azure, contexts of both definitions"
    )
