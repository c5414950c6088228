# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads evidence, flows, inventories and manifests, most of them a path or the thing itself; replaces files."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping

from .._errors import InvalidInput
from .._types import Json, Params
from .._yaml import documents_of, load_yaml
from ..hardening.aggregate import Aggregator
from ..hardening.model import Chunk, Evidence, Inventory
from ..hardening.schema import from_json, inventory_from_json, loads, require_cluster, require_complete


def read_text(path: str, option: str) -> str:
    """The text of a file that an option names. Raises InvalidInput."""
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(option, path, error) from error


def write_text(path: str, text: str, option: str) -> None:
    """Replace a file as a whole, so that no reader finds half of it; directories are made. InvalidInput on failure."""
    folder = os.path.dirname(path) or "."
    temporary = ""
    try:
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{os.path.basename(path)}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise InvalidInput(
            f"{option}={path!r} cannot be written: {error.strerror or error}.",
            option=option,
            code="UnwritableFile",
            remedy="Give a path in a directory that the task may write to.",
        ) from error


def read_evidence(given: object, option: str = "evidence") -> Evidence:
    """Evidence from a path or a document."""
    if isinstance(given, Mapping):
        return from_json(given, name=option, option=option)
    return loads(read_text(str(given), option), name=f"{option}={given!r}", option=option)


def read_manifests(folder: str) -> list[Json]:
    """The policies of all YAML files below a folder. Raises InvalidInput where there are none."""
    found: list[Json] = []
    for place, folders, names in os.walk(os.path.expanduser(folder)):
        folders.sort()
        for name in sorted(names):
            if name.endswith((".yaml", ".yml")):
                documents = documents_of(read_text(os.path.join(place, name), "manifests"), name, "manifests")
                found += [dict(one) for one in documents if isinstance(one, dict) and "metadata" in one]
    if not found:
        raise InvalidInput(
            f"manifests={folder!r} holds no policies.",
            option="manifests",
            code="NoManifests",
            remedy="Give the directory that network_policy_recommend wrote (option dest).",
        )
    return found


def observed(params: Params) -> Evidence:
    """The evidence that the options of OBSERVED (staging/argspec.py) name, of the right cluster and without gaps."""
    evidence = _observed(params)
    require_cluster(evidence, params["cluster"] or "")
    if not params["accept_incomplete"]:
        require_complete(evidence)
    return evidence


def _observed(params: Params) -> Evidence:
    inventory = _inventory(params["inventory"])
    if params["flows"]:
        evidence = _from_flows(os.path.expanduser(params["flows"]), inventory or Inventory())
    else:
        evidence = read_evidence(params["evidence"])
        if inventory is not None:
            evidence.inventory = inventory
    if params["dns"]:
        evidence.platform = {**evidence.platform, "dns": params["dns"]}
    return evidence


def _inventory(given: object) -> Inventory | None:
    if given is None:
        return None
    document = given if isinstance(given, Mapping) else load_yaml(read_text(str(given), "inventory"), "inventory")
    try:
        return inventory_from_json(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"inventory is not what docs/evidence.md describes: {type(error).__name__} {error}.",
            option="inventory",
            code="InvalidInventory",
            remedy="Give the `inventory` of an evidence document.",
        ) from error


def _from_flows(path: str, inventory: Inventory) -> Evidence:
    """Edges of a file of flows, read line by line: it may be larger than the memory."""
    aggregator = Aggregator(inventory)
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                aggregator.add_line(line, number)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable("flows", path, error) from error
    evidence = aggregator.evidence()
    if not evidence.edges:
        aside = ", ".join(f"{reason} {count}" for reason, count in sorted(evidence.ignored.items()))
        raise InvalidInput(
            f"flows={path!r} holds no flow that proves a connection"
            + (f"; {aggregator.flows} were left aside: {aside}." if aside else "."),
            option="flows",
            code="NoFlows",
            remedy="Give the output of `hubble observe -o jsonpb`, best of policy verdicts (--type policy-verdict).",
        )
    evidence.chunks = [
        Chunk(
            start_s=min((seen.first_s for seen in evidence.edges.values() if seen.first_s), default=0.0),
            end_s=max((seen.last_s for seen in evidence.edges.values()), default=0.0),
            flows=aggregator.flows,
            lost=aggregator.lost,
            complete=not aggregator.lost and not aggregator.problems,
            nodes=tuple(sorted(aggregator.nodes)),
            problems=tuple(sorted(aggregator.problems)),
            new_edges=len(evidence.edges),
        )
    ]
    return evidence


def _unreadable(option: str, path: str, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"{option}={path!r} cannot be read: {getattr(error, 'strerror', None) or error}.",
        option=option,
        code="UnreadableFile",
        remedy="Give the path of a file on the machine that runs the module.",
    )
