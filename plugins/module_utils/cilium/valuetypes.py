# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Types that a chart takes at a value, and how a value of another type is brought to them without loss.

Templating makes texts of booleans and numbers. From 1.16 on the chart's schema refuses those; before that a template
takes the text "false" for true. So what has one meaning only is converted, and the rest is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._types import Json
from .valuetree import is_secret

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (Mapping,),
    "array": (list, tuple),
}
_ARTICLES = {
    "string": "a text",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "object": "a map",
    "array": "a list",
    "null": "null",
}
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
# Up to what JSON numbers hold exactly; 007 and 1_000 are no numbers to everybody.
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,9})\.[0-9]{1,5}")

_FIRST_TYPED_KPR = 15
"""Charts before 1.15 compare kubeProxyReplacement with texts, and fail on a boolean when waitForKubeProxy is set."""


def allowed_types(path: Sequence[str], default: object, rule: Json | None) -> Sequence[str]:
    """JSON types that the chart takes at a path; empty when anything goes.

    rule: the schema's entry for the path, which counts alone where there is one (from 1.16 on).
    """
    if list(path) == ["upgradeCompatibility"]:
        return ["string"]
    if rule is not None:
        declared = rule.get("type")
        return [declared] if isinstance(declared, str) else list(declared or [])
    if default is None:
        return []
    kind = _json_type(default)
    if kind == "string":
        # Helm's templates print scalars; a number or boolean where a text stands is common and harmless.
        return ["string", "number", "boolean"]
    return ["number"] if kind == "integer" else [kind]


def converted(path: Sequence[str], value: Any, allowed: Sequence[str], minor: int, *, typed: bool) -> Any:
    """The value in a type that the chart takes, where exactly one meaning is possible; else the value as it is.

    minor: of the chart; typed: whether the chart has a schema. Applying it twice changes nothing more.
    """
    if list(path) == ["kubeProxyReplacement"]:
        return _kube_proxy_replacement(value, minor)
    if list(path) == ["k8sServicePort"] and isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, str) and not allowed and not typed and value in ("true", "false"):
        # No default tells the type, and templates ask `if`: a text would always be true.
        return value == "true"
    if not allowed or any(_is_a(value, name) for name in allowed):
        return int(value) if isinstance(value, float) and value.is_integer() and "integer" in allowed else value
    if isinstance(value, str):
        return _from_text(value, allowed)
    if "string" in allowed and isinstance(value, bool):
        return "true" if value else "false"
    if "string" in allowed and isinstance(value, int) and list(path) != ["upgradeCompatibility"]:
        return str(value)
    return value


def _kube_proxy_replacement(value: Any, minor: int) -> Any:
    """true and false in the form that the chart's templates compare; the words of 1.14 and 1.15 stay."""
    known = _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(known, bool):
        return value
    if minor >= _FIRST_TYPED_KPR:
        return known
    return "true" if known else "false"


def _from_text(text: str, allowed: Sequence[str]) -> Any:
    word = text.strip()
    if "boolean" in allowed and word.lower() in _BOOLEANS:
        return _BOOLEANS[word.lower()]
    if ("integer" in allowed or "number" in allowed) and _INTEGER.fullmatch(word):
        return int(word)
    if "number" in allowed and _DECIMAL.fullmatch(word):
        return float(word)
    return text


def wrong_type(path: Sequence[str], value: object, allowed: Sequence[str]) -> str:
    """What is wrong with a value's type, empty when nothing is."""
    if not allowed or any(_is_a(value, name) for name in allowed):
        return ""
    wanted = " or ".join(_ARTICLES[name] for name in allowed if name != "null")
    shown = "" if isinstance(value, (Mapping, list, tuple)) else f" ({value!r})"
    if is_secret(path, str(value)):
        shown = ""
    return f"must be {wanted}, is {_ARTICLES[_json_type(value)]}{shown}{_remedy(path, value, allowed)}"


def _remedy(path: Sequence[str], value: object, allowed: Sequence[str]) -> str:
    """How the same value is written in the right type."""
    if list(path) == ["upgradeCompatibility"]:
        return "; write the minor version in quotes, as '1.20' (without them 1.20 is the number 1.2)"
    if "string" in allowed and isinstance(value, float):
        return "; write it in quotes"
    return ""


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return next((name for name, types in _JSON_TYPES.items() if isinstance(value, types)), "null")


def _is_a(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _JSON_TYPES.get(name, ()))
