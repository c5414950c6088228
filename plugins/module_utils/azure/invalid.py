# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The one form of an error about an option: option, value, rule, and what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NoReturn

from .._errors import InvalidInput
from .._text import counted
from .._types import Json, Params
from .fields import Field, Path, read

RAW_CLUSTER = "properties."
MOST_TAGS = 50


def fail(option: str, value: Any, rule: str, remedy: str, code: str = "InvalidOption") -> NoReturn:
    """Raise InvalidInput for an option; rule is half a sentence, remedy a whole one."""
    raise InvalidInput(f"{option}={value!r}: {rule}.", option=option, code=code, remedy=remedy)


def check_between(option: str, value: int | None, low: int, high: int, sentence: str) -> None:
    """A number in its bounds, which take the place of the braces in the sentence."""
    if value is not None and not low <= value <= high:
        fail(option, value, sentence.format(f"{low} to {high}"), "Choose a number in this range.")


def check_named_once(options: Params, raw: Json | None, fields: Sequence[Field], where: str) -> None:
    """No raw field says what an option says: the two would undo each other. where: the raw option, with a dot."""
    for field in fields:
        path = field.path[1:] if where == RAW_CLUSTER and field.path[0] == "properties" else field.path
        if read(options, field.option) is not None and _holds(raw, path):
            option = f"{where}{'.'.join(path)}"
            fail(option, read(raw, path), f"{field.name} names the same field", "Name it once.", "NamedTwice")


def _holds(document: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True


def check_resource_id(option: str, value: str, kind: str) -> None:
    """The resource id of an object of a kind, as `Microsoft.Network/publicIPAddresses`."""
    if not re.fullmatch(rf"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/{kind}/[^/]+", value, re.IGNORECASE):
        remedy = f"Give /subscriptions/.../resourceGroups/<group>/providers/{kind}/<name>."
        fail(option, value, f"this is no resource id of {kind.split('/')[1]}", remedy, "InvalidResourceId")


def check_tags(tags: Json | None, option: str) -> None:
    """Azure's rules for names and values of tags; a null removes one."""
    names = [str(key).lower() for key in tags or {}]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        fail(option, twice[0], "two tags have this name, whose case does not count", "Name it once.", "InvalidTag")
    if len(names) > MOST_TAGS:
        rule = f"an object has {MOST_TAGS} tags at most"
        fail(option, counted(len(names), "tag"), rule, "Leave some out.", "InvalidTag")
    for key, value in (tags or {}).items():
        if not key or len(key) > 512 or re.search(r"[<>%&\\?/]", key):
            rule = "the name of a tag has 1 to 512 characters, and none of <>%&\\?/"
            fail(option, key, rule, "Choose another name.", "InvalidTag")
        if isinstance(value, (dict, list)):
            fail(option, f"{key}={value}", "the value of a tag is a text", "Give one text.", "InvalidTag")
        if len(str(value)) > 256:
            fail(option, key, "the value of a tag has 256 characters at most", "Shorten it.", "InvalidTag")
