# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWX accepts: surveys and their answers, credential types and what they inject, recurrence rules.

The rules are those that AWX 24.6.1 has in its views, models and fields; this is a second writing of them, for tests.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

Json = dict[str, Any]
NAME = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
TEXTS = ("text", "textarea", "password")
CHOICES = ("multiplechoice", "multiselect")
NUMBERS: dict[str, tuple[type, ...]] = {"integer": (int,), "float": (int, float)}
TYPES = (*TEXTS, *CHOICES, *NUMBERS)
# Keys of a question that AWX knows.
KEYS = {"question_name", "question_description", "variable", "type", "required", "default", "choices", "min", "max"}
# A few of those that no credential may set.
FORBIDDEN_VARIABLES = {"PATH", "HOME", "PYTHONPATH", "LD_PRELOAD", "VIRTUAL_ENV", "JOB_ID", "INVENTORY_ID"}


def survey_problems(survey: Mapping[str, Any]) -> list[str]:
    """What AWX would refuse in a survey; nothing when it takes it."""
    found = [f"{name} is no text" for name in ("name", "description") if not isinstance(survey.get(name), str)]
    questions = survey.get("spec")
    if not isinstance(questions, list) or not questions:
        return [*found, "no questions"]
    variables = [question.get("variable") for question in questions]
    found += [f"{name} is asked twice" for name in variables if variables.count(name) > 1]
    for question in questions:
        found += [f"{question.get('variable')}: {problem}" for problem in question_problems(question)]
    return found


def question_problems(question: Mapping[str, Any]) -> list[str]:
    """What AWX would refuse in one question."""
    missing = [name for name in ("type", "question_name", "variable") if not isinstance(question.get(name), str)]
    found = [f"{name} is no text" for name in missing]
    if not isinstance(question.get("required"), bool):
        found.append("required is no bool")
    if question.get("type") not in TYPES:
        found.append(f"type {question.get('type')} is unknown")
    if not NAME.fullmatch(str(question.get("variable"))):
        found.append("the variable is no name of a variable")
    if unknown := set(question) - KEYS:
        found.append(f"{sorted(unknown)} are unknown")
    for name in ("min", "max"):
        if question.get(name) is not None and (not isinstance(question[name], int) or isinstance(question[name], bool)):
            found.append(f"{name} is no integer")
    if not found and question["type"] in CHOICES and not choices_of(question):
        found.append("no choices")
    # An empty default is none at all.
    if not found and question.get("default") not in (None, ""):
        answer = question["default"]
        if question["type"] == "multiselect":
            answer = answer.split("\n")
        found += [f"default: {problem}" for problem in answer_problems(question, answer)]
    return found


def choices_of(question: Mapping[str, Any]) -> list[str]:
    """The choices, which AWX keeps as lines of a text."""
    choices = question.get("choices", "")
    lines = choices.splitlines() if isinstance(choices, str) else [str(choice) for choice in choices]
    return [line for line in lines if line.strip()]


def answer_problems(question: Mapping[str, Any], answer: Any) -> list[str]:
    """What AWX would refuse in the answer to a question."""
    kind = question["type"]
    low, high = question.get("min"), question.get("max")
    if kind in TEXTS:
        if not isinstance(answer, str):
            return [f"{answer!r} is no text"]
        size: float = len(answer)
    elif kind in NUMBERS:
        if type(answer) not in NUMBERS[kind]:
            return [f"{answer!r} is no {kind}"]
        size = answer
    else:
        chosen = answer if kind == "multiselect" else [answer]
        if not isinstance(chosen, list):
            return [f"{answer!r} is no list"]
        return [f"{one!r} is no choice" for one in chosen if one not in choices_of(question)]
    too_small = low is not None and size < low
    too_big = high is not None and size > high
    return [f"{answer!r} is out of bounds"] if too_small or too_big else []


def launch_variables(survey: Mapping[str, Any], extra_vars: Mapping[str, Any], given: Mapping[str, Any]) -> Json:
    """Extra variables of a job: those of the template, defaults of its survey, answers; ValueError when refused."""
    questions = {question["variable"]: question for question in survey.get("spec", [])}
    if unknown := sorted(set(given) - set(questions)):
        raise ValueError(f"Variables {unknown} are not allowed on launch.")
    problems = [f"{name}: {one}" for name, value in given.items() for one in answer_problems(questions[name], value)]
    needed = [name for name, question in questions.items() if question["required"] and name not in given]
    if problems or needed:
        raise ValueError(f"{problems} {needed}")
    defaults = {
        name: question["default"]
        for name, question in questions.items()
        if question.get("default") is not None and not answer_problems(question, question["default"])
    }
    return {**extra_vars, **defaults, **given}


class _Namespace:
    """What a template of an injector sees as `tower`, and below it as `filename`."""


def _render(template: str, names: Mapping[str, Any], *, strict: bool = False) -> str:
    settings = {"undefined": StrictUndefined} if strict else {}
    return ImmutableSandboxedEnvironment(**settings).from_string(template).render(names)


def credential_type_problems(kind: Mapping[str, Any]) -> list[str]:
    """What AWX would refuse in a credential type."""
    fields = kind["inputs"]["fields"]
    names = [field["id"] for field in fields]
    found = [f"{name} is no name of a field" for name in names if not NAME.fullmatch(name) or name == "tower"]
    found += [f"{name} is there twice" for name in names if names.count(name) > 1]
    found += [f"{name} is required and no field" for name in kind["inputs"].get("required", []) if name not in names]
    for field in fields:
        if not isinstance(field.get("label"), str) or field.get("type") not in ("string", "boolean"):
            found.append(f"{field['id']}: label or type")
        if unknown := set(field) - {"id", "label", "type", "secret", "multiline", "help_text", "format", "choices"}:
            found.append(f"{field['id']}: {sorted(unknown)} are unknown")
    injectors = kind["injectors"]
    if unknown := set(injectors) - {"file", "env", "extra_vars"}:
        found.append(f"{sorted(unknown)} are unknown injectors")
    for name in injectors.get("env", {}):
        if not NAME.fullmatch(name) or name.startswith("ANSIBLE_") or name in FORBIDDEN_VARIABLES:
            found.append(f"{name} cannot be set")
    tower, files = _Namespace(), _Namespace()
    labels = [name.partition(".")[2] for name in injectors.get("file", {})]
    if "" in labels and len(labels) > 1:
        found.append("several files need names")
    for label in labels:
        setattr(files, label or "unnamed", "EXAMPLE_FILENAME")
    tower.filename = "EXAMPLE_FILENAME" if "" in labels else files  # type: ignore[attr-defined]
    example = {**dict.fromkeys(names, "EXAMPLE"), "tower": tower}
    for place, templates in injectors.items():
        for name, template in templates.items():
            try:
                _render(template, example, strict=True)
            except TemplateError as error:
                found.append(f"{place}.{name}: {error}")
    return found


def inject(kind: Mapping[str, Any], inputs: Mapping[str, Any], folder: Path) -> tuple[dict[str, str], Json]:
    """What a credential of a type brings into a job: variables of the environment, and extra variables.

    `folder` is the job's private directory; files go into its `env`, readable by their owner only.
    """
    secret: Json = {name: value for name, value in inputs.items() if value}
    tower, files = _Namespace(), _Namespace()
    names = {**secret, "tower": tower}
    (folder / "env").mkdir(parents=True, exist_ok=True)
    for label, template in kind["injectors"].get("file", {}).items():
        handle, path = tempfile.mkstemp(dir=folder / "env")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_render(template, names))
        if label == "template":
            tower.filename = path  # type: ignore[attr-defined]
        else:
            setattr(files, label.partition(".")[2], path)
            tower.filename = files  # type: ignore[attr-defined]
    environment = {name: _render(text, names) for name, text in kind["injectors"].get("env", {}).items()}
    extra = {name: _render(text, names) for name, text in kind["injectors"].get("extra_vars", {}).items()}
    return environment, extra


def recurrence_problems(rule: str) -> list[str]:
    """What AWX would refuse in a recurrence rule."""
    found = []
    if not re.match(r"DTSTART(;TZID=[^:]+)?:\d{8}T\d{6}Z? RRULE:FREQ=", rule):
        found.append("it does not begin with DTSTART and RRULE")
    if re.match(r"DTSTART:\d+T\d+ ", rule):
        found.append("DTSTART has no time zone")
    if "INTERVAL=" not in rule:
        found.append("INTERVAL is missing")
    if "SECONDLY" in rule:
        found.append("SECONDLY is not supported")
    return found


def variables_of(text: str) -> Json:
    """Variables that an object of AWX keeps as a text."""
    found: Json = yaml.safe_load(text or "{}")
    return found
