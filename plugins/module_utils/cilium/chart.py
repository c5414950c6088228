# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads a Cilium chart: its version, its default values and its schema."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import tarfile
from dataclasses import dataclass

from .._errors import InvalidInput
from .._types import Json
from .._yaml import load_yaml

# A values.yaml of Cilium has 200 kB; a chart that claims more than this per file is not read.
LARGEST_FILE = 8 * 1024 * 1024
_WHOLE = "Give the directory or archive that `helm pull` makes."
# Keys that values.yaml mentions in comments only ("# iptablesLockTimeout: 5s") are valid as well.
_COMMENTED_KEY = re.compile(r"^\s*# ?(?:-- )?([A-Za-z][A-Za-z0-9]*):(?:\s|$)", re.MULTILINE)


@dataclass(frozen=True)
class Chart:
    """One version of a chart. values_schema is None before 1.16; commented: keys that only comments mention."""

    name: str
    version: str
    default_values: Json
    values_schema: Json | None
    commented: frozenset[str]

    @property
    def minor(self) -> tuple[int, int]:
        """(1, 20) of 1.20.2."""
        return minor_of(self.version)


def minor_of(version: str) -> tuple[int, int]:
    """Major and minor number of a version such as 1.20.2, v1.19.0-pre.1; (0, 0) when it has none."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def read_local_version(reference: str) -> str:
    """The version in Chart.yaml of a local directory or archive. Reads nothing else."""
    return str(_metadata(_read_file(reference, "Chart.yaml"), reference).get("version", ""))


def read_local(reference: str) -> Chart:
    """A chart from a local directory or archive. Raises InvalidInput when it is not a Cilium chart."""
    metadata = _metadata(_read_file(reference, "Chart.yaml"), reference)
    if metadata.get("name") != "cilium":
        raise InvalidInput(
            f"chart={reference!r} is the chart {metadata.get('name')!r}, not cilium.",
            option="chart",
            code="WrongChart",
            remedy="Give the chart cilium: its name, a directory, an archive, or an oci:// reference.",
        )
    values_text = _read_file(reference, "values.yaml")
    if values_text is None:
        raise InvalidInput(
            f"chart={reference!r} has no values.yaml.", option="chart", code="InvalidChart", remedy=_WHOLE
        )
    schema_text = _read_file(reference, "values.schema.json")
    values = load_yaml(values_text, f"{reference}: values.yaml")
    if not isinstance(values, dict):
        raise InvalidInput(
            f"chart={reference!r}: values.yaml is not a map.", option="chart", code="InvalidChart", remedy=_WHOLE
        )
    return Chart(
        name="cilium",
        version=str(metadata.get("version", "")),
        default_values=values,
        values_schema=json.loads(schema_text) if schema_text else None,
        commented=frozenset(_COMMENTED_KEY.findall(values_text)),
    )


def chart_of_record(stored: Json) -> Chart:
    """The chart that a release record holds, so that values can be settled without any download.

    It has no comments of values.yaml: good for `valuecheck.coerced`, not for finding unknown keys.
    """
    metadata = stored.get("metadata") or {}
    return Chart(
        name=str(metadata.get("name", "")),
        version=str(metadata.get("version", "")),
        default_values=stored.get("values") or {},
        values_schema=_stored_schema(stored.get("schema")),
        commented=frozenset(),
    )


def _stored_schema(packed: object) -> Json | None:
    """helm keeps the schema's bytes as base64; a record without a readable one is taken to have none."""
    if not isinstance(packed, str) or not packed:
        return None
    try:
        schema = json.loads(base64.b64decode(packed))
    except (ValueError, binascii.Error):
        return None
    return schema if isinstance(schema, dict) else None


def _metadata(text: str | None, reference: str) -> Json:
    metadata = load_yaml(text, f"{reference}: Chart.yaml") if text is not None else None
    if not isinstance(metadata, dict) or not metadata.get("version"):
        raise InvalidInput(
            f"chart={reference!r} is not a chart: it has no Chart.yaml with a version.",
            option="chart",
            code="InvalidChart",
            remedy=_WHOLE,
        )
    return metadata


def _read_file(reference: str, name: str) -> str | None:
    """The text of one file of a chart, None when it has no such file."""
    path = os.path.expanduser(reference)
    try:
        if os.path.isdir(path):
            file_path = os.path.join(path, name)
            if not os.path.isfile(file_path):
                return None
            with open(file_path, encoding="utf-8") as file:
                return file.read(LARGEST_FILE)
        return _read_member(path, name)
    except (OSError, UnicodeDecodeError, tarfile.TarError, EOFError) as error:
        raise InvalidInput(
            f"chart={reference!r} cannot be read: {error}.", option="chart", code="InvalidChart", remedy=_WHOLE
        ) from error


def _read_member(path: str, name: str) -> str | None:
    """A file of the archive's one top folder; files of subcharts lie deeper and are passed over."""
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            if member.isfile() and member.name.removeprefix("./").split("/")[1:] == [name]:
                file = archive.extractfile(member)
                return file.read(LARGEST_FILE).decode("utf-8") if file else None
    return None
