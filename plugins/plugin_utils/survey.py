# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Surveys of AWX, made of the argument specs of roles, and their answers as values of role variables.

A question's variable is `survey_` and the name of the option, not the option itself: AWX hands answers over as extra
variables, which beat everything, and a question that nobody answered must leave the value of the inventory alone.
What is inside an option of type dict is asked by itself as `OPTION__INNER`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

Json = dict[str, Any]
COLLECTION = Path(__file__).resolve().parent.parent.parent
PREFIX = "survey_"
# Between an option of type dict and one inside of it.
INNER = "__"
# Variables of playbooks for jobs, in the form of a role's argument specs; the entry is the name of the playbook.
PLAYBOOKS = ("playbooks", "jobs", "survey", "argument_specs.yml")

# AWX compares the length of a text, and the size of a number, with these.
TEXT_MAX = 1024
TEXTAREA_MAX = 16384
NUMBER_MAX = 2**31 - 1

# O(name), O(name=value), V(value), C(text), M(a.b.module) and their like.
MARKUP = re.compile(r"\b[A-Z]\(([^()]*)\)")
# What an option with an empty value means: in a survey, an empty field is no answer.
EMPTY = re.compile(r"(?:^|(?<=\. ))Empty - [^.]*\.(?: |$)")
# What may be changed about a question where it is asked.
CHANGES = ("option", "question", "required", "prefill", "default")


class SurveyError(Exception):
    """A question that cannot be asked, or an answer that does not fit."""


@dataclass(frozen=True)
class Option:
    """An option of a role or of a playbook."""

    name: str
    owner: str
    """The role, the playbook, or the option that this one is inside of."""
    spec: Json
    default: Any = None
    """From the role's defaults, where it is a plain value."""

    @property
    def kind(self) -> str:
        """Its type, as argument specs name it."""
        return str(self.spec.get("type", "str"))

    @property
    def variable(self) -> str:
        """The variable of the question."""
        return f"{PREFIX}{self.name}"

    @property
    def secret(self) -> bool:
        """Whether its value must not be shown."""
        return bool(self.spec.get("no_log"))


def _read(path: Path) -> Json:
    if not path.exists():
        return {}
    document: Json = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return document


def _is_plain(value: object) -> bool:
    """Whether a default is what it looks like, and no expression."""
    return not (isinstance(value, str) and ("{{" in value or "{%" in value))


def options_of_role(role: str, root: Path = COLLECTION) -> dict[str, Option]:
    """Options of the main entry point of a role, by name, and those inside of options of type dict."""
    folder = root / "roles" / role
    options = _read(folder / "meta" / "argument_specs.yml")["argument_specs"]["main"].get("options", {})
    return _named(role, options, _read(folder / "defaults" / "main.yml"))


def options_of_playbooks(root: Path = COLLECTION) -> dict[str, Option]:
    """Variables of the playbooks for jobs, by name."""
    found: dict[str, Option] = {}
    for playbook, entry in _read(root.joinpath(*PLAYBOOKS)).get("argument_specs", {}).items():
        options = entry.get("options", {})
        found.update(_named(playbook, options, {name: spec.get("default") for name, spec in options.items()}))
    return found


def _named(owner: str, options: Json, defaults: Json) -> dict[str, Option]:
    found = {}
    for name, spec in options.items():
        default = defaults.get(name)
        found[name] = Option(name, owner, spec, default if _is_plain(default) else None)
        for inner, inner_spec in (spec.get("options") or {}).items():
            # A dict is the inventory's as a whole; what is required inside of it may be there.
            found[f"{name}{INNER}{inner}"] = Option(f"{name}{INNER}{inner}", name, {**inner_spec, "required": False})
    return found


def all_options(root: Path = COLLECTION) -> dict[str, Option]:
    """All that can be asked: options of the roles and variables of the playbooks for jobs, by name."""
    found: dict[str, Option] = {}
    for spec in sorted(root.glob("roles/*/meta/argument_specs.yml")):
        found.update(options_of_role(spec.parent.parent.name, root))
    found.update(options_of_playbooks(root))
    return found


def plain_text(description: str | Iterable[str]) -> str:
    """A description without its markup, in one paragraph."""
    parts = [description] if isinstance(description, str) else list(description)
    return " ".join(MARKUP.sub(r"\1", str(part)).strip() for part in parts)


def _about(option: Option) -> str:
    return EMPTY.sub("", plain_text(option.spec.get("description", ""))).strip()


def _is_asked_as_yaml(option: Option) -> bool:
    return option.kind in ("list", "dict", "raw", "json") and not _is_multiselect(option)


def _is_multiselect(option: Option) -> bool:
    return option.kind == "list" and bool(option.spec.get("choices"))


def _shape(option: Option) -> Json:
    """What AWX must know about the answer: type, limits, choices."""
    if option.kind == "bool":
        return {"type": "multiplechoice", "choices": "true\nfalse"}
    if choices := option.spec.get("choices"):
        kind = "multiselect" if _is_multiselect(option) else "multiplechoice"
        # AWX drops an empty choice; not to answer means the same.
        return {"type": kind, "choices": "\n".join(str(choice) for choice in choices if choice != "")}
    if option.kind == "int":
        return {"type": "integer", "min": 0, "max": NUMBER_MAX}
    if option.kind == "float":
        return {"type": "float", "min": 0, "max": NUMBER_MAX}
    if _is_asked_as_yaml(option):
        return {"type": "textarea", "min": 0, "max": TEXTAREA_MAX}
    return {"type": "text", "min": 0, "max": TEXT_MAX}


def as_answer(option: Option, value: Any) -> Any:
    """A value of the option as AWX takes it for an answer."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_multiselect(option):
        return "\n".join(str(item) for item in value)
    if option.kind == "list" and option.spec.get("elements", "str") == "str" and isinstance(value, list):
        return "\n".join(str(item) for item in value)
    if isinstance(value, (list, dict)):
        return yaml.safe_dump(value, default_flow_style=False, sort_keys=False)
    if option.kind in ("int", "float") and isinstance(value, (int, float)):
        return value
    return str(value)


def _how_to_write(option: Option) -> str:
    if not _is_asked_as_yaml(option):
        return ""
    if option.kind == "list" and option.spec.get("elements", "str") == "str":
        return "One on each line, or one line with commas."
    return "As YAML."


def _when_empty(option: Option, required: bool) -> str:
    if required:
        return ""
    if option.default in (None, "", [], {}):
        return "Not answered: as the inventory says."
    shown = as_answer(option, option.default)
    one_line = str(shown).strip().replace("\n", ", ")
    return f"Not answered: as the inventory says, else {one_line}."


def _require_shown(option: Option) -> None:
    """Answers are in the events of a job, where everybody who may see the job reads them."""
    if option.secret:
        raise SurveyError(
            f"{option.name} is secret, and answers are shown in the events of a job. "
            "Use a credential or the inventory's vault instead."
        )


def question(option: Option, changes: Mapping[str, Any] | None = None) -> Json:
    """One question, as AWX wants it; `changes` are `question`, `required`, `default`, and `prefill` for the default."""
    _require_shown(option)
    asked = dict(changes or {})
    if unknown := sorted(set(asked) - set(CHANGES)):
        raise SurveyError(f"{option.name}: unknown {', '.join(unknown)}; known are {', '.join(CHANGES)}.")
    required = bool(asked.get("required", option.spec.get("required", False)))
    default = asked.get("default", option.default if asked.get("prefill") else None)
    shape = _shape(option)
    answer = "" if default is None else as_answer(option, default)
    if answer != "":
        # What the form is filled with must be a value that the role takes.
        convert(option, answer)
    sentences = (
        _about(option),
        _how_to_write(option),
        _when_empty(option, required or answer != ""),
    )
    return {
        "question_name": str(asked.get("question") or _label(option)),
        "question_description": " ".join(sentence for sentence in sentences if sentence),
        "variable": option.variable,
        "required": required,
        "default": answer,
        **shape,
    }


def _label(option: Option) -> str:
    """The name of an option for people: without its owner in front, in words."""
    words = option.name.removeprefix(option.owner).strip("_").replace("_", " ")
    return words[:1].upper() + words[1:]


def survey(
    questions: Iterable[str | Mapping[str, Any]],
    *,
    defaults: Mapping[str, Any] | None = None,
    leave_out: Iterable[str] = (),
    root: Path = COLLECTION,
) -> Json:
    """A whole survey, for `survey_spec` of a job template; an empty one when nothing is left to ask."""
    known = all_options(root)
    entries = [{"option": entry} if isinstance(entry, str) else dict(entry) for entry in questions]
    for name in [*(str(entry.get("option")) for entry in entries), *(defaults or {}), *leave_out]:
        if name not in known:
            raise SurveyError(f"{name!r} is no option of a role or of a playbook for jobs.")
    spec = []
    for entry in entries:
        name = entry["option"]
        if name in leave_out:
            continue
        if name in (defaults or {}):
            entry["default"] = (defaults or {})[name]
        spec.append(question(known[name], entry))
    return {"name": "", "description": "", "spec": spec} if spec else {}


def convert(option: Option, answer: Any) -> Any:
    """The value that an answer stands for, with the type that the role expects; None when it says nothing."""
    _require_shown(option)
    value = answer
    if _is_multiselect(option):
        value = answer.splitlines() if isinstance(answer, str) else answer
    elif _is_asked_as_yaml(option) and isinstance(answer, str):
        value = _from_text(option, answer)
    if value is None:
        # A text field that holds no more than a comment, or YAML's null.
        return None
    result = ArgumentSpecValidator({option.name: option.spec}).validate({option.name: value})
    if result.error_messages:
        reason = "; ".join(result.error_messages)
        raise SurveyError(f"The answer {option.variable} does not fit {option.name}: {reason}.")
    return _as_given(result.validated_parameters[option.name], value)


def _as_given(validated: Any, given: Any) -> Any:
    """A validated value without what the validation put into dicts beside what was given."""
    if isinstance(validated, dict) and isinstance(given, Mapping):
        return {name: _as_given(value, given[name]) for name, value in validated.items() if name in given}
    if isinstance(validated, list) and isinstance(given, list):
        return [_as_given(value, one) for value, one in zip(validated, given, strict=True)]
    return validated


def _from_text(option: Option, text: str) -> Any:
    """A list or a dict out of a text field."""
    if option.kind == "list" and option.spec.get("elements", "str") == "str" and not text.lstrip().startswith("["):
        lines = [line.strip().removeprefix("- ").strip() for line in text.splitlines() if line.strip()]
        # A comment may hold commas: "KEY  # who approved it, and why".
        if len(lines) == 1 and "#" not in lines[0]:
            lines = [part.strip() for part in lines[0].split(",") if part.strip()]
        return lines
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SurveyError(f"The answer {option.variable} is not YAML: {error}") from None


def is_answered(answer: object) -> bool:
    """Whether somebody answered: AWX hands over an empty text for a field that was left empty."""
    return not (answer is None or (isinstance(answer, str) and not answer.strip()) or answer == [])


def values(answers: Mapping[str, Any], root: Path = COLLECTION) -> Json:
    """Values of role variables out of answers (`survey_OPTION`); those that nobody gave are left out."""
    known = all_options(root)
    if unknown := sorted(name for name in answers if name not in {f"{PREFIX}{option}" for option in known}):
        names = ", ".join(f"{PREFIX}{name}" for name in sorted(known) if not known[name].secret)
        raise SurveyError(f"No role has an option for {', '.join(unknown)}. Known are: {names}.")
    found: Json = {}
    # An option comes before what is inside of it, which is then put into its value.
    for name in sorted(answers):
        option = known[name.removeprefix(PREFIX)]
        if not is_answered(answers[name]):
            continue
        value = convert(option, answers[name])
        if value is None:
            continue
        outer, inner, key = option.name.partition(INNER)
        if inner:
            found[outer] = {**found.get(outer, {}), key: value}
        else:
            found[outer] = value
    return found
