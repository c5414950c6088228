# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""YAML as kubectl and helm read it, and the documents that an option holds.

PyYAML comes with every ansible-core; it is imported late because many runs do not need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._errors import InvalidInput, missing_library

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


def pyyaml() -> Any:
    """The module yaml; MissingRequirement where there is none."""
    try:
        import yaml
    except ImportError as error:
        raise missing_library("PyYAML", error) from error
    return yaml


def loader() -> Any:
    """A safe loader that leaves timestamps as text: they must be written back letter by letter, and JSON has none."""
    yaml = pyyaml()

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader


def place_of(error: Exception) -> str:
    """Where a YAMLError is, as ` (line 3, column 7)`; its text would quote the document, which may hold secrets."""
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""


def load_yaml(text: str, what: str, option: str = "") -> Any:
    """Parse one YAML document; InvalidInput with line and column when it is not YAML."""
    return load_all_yaml(text, what, option)[0]


def load_all_yaml(text: str, what: str, option: str = "") -> list[Any]:
    """Parse all YAML documents of a text (at least one; empty text is [None]). what names it in the error."""
    yaml = pyyaml()
    try:
        return list(yaml.load_all(text, Loader=loader())) or [None]
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"{what} is not YAML: {_problem(error)}{place_of(error)}.",
            option=option,
            code="InvalidYaml",
            remedy="Correct the text.",
        ) from None


def _problem(error: Exception) -> str:
    return getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"


def documents_of(definition: object, what: str, option: str) -> list[object]:
    """What an option holds: the documents of a text, the items of a list (a Kubernetes List too), or the one object.

    Empty documents are left out; whether an item is what the caller needs is for the caller to say.
    """
    given = load_all_yaml(definition, what, option) if isinstance(definition, str) else definition
    documents: list[object] = []
    for item in given if isinstance(given, (list, tuple)) else [given]:
        if isinstance(item, Mapping) and item.get("kind") == "List" and isinstance(item.get("items"), list):
            documents += item["items"]
        elif item is not None:
            documents.append(item)
    return documents
