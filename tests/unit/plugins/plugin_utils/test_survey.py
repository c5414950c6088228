# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.plugin_utils import survey

OPTIONS: dict[str, Any] = {
    "shop_name": {"type": "str", "description": "Name of the O(shop_name=x) shop, see M(a.b.c).", "required": True},
    "shop_colour": {"description": ["Its colour.", "V(red) is loud."], "choices": ["", "red", "green"], "default": ""},
    "shop_open": {"type": "bool", "description": "Whether it is open.", "default": True},
    "shop_seats": {"type": "int", "description": "Seats.", "default": 4},
    "shop_rent": {"type": "float", "description": "Rent.", "default": 1.5},
    "shop_goods": {"type": "list", "elements": "str", "description": "Goods.", "default": ["tea", "milk"]},
    "shop_days": {"type": "list", "elements": "str", "choices": ["mo", "tu"], "description": "Days.", "default": []},
    "shop_shelves": {
        "type": "list",
        "elements": "dict",
        "description": "Shelves.",
        "default": [],
        "options": {"height": {"type": "int", "required": True}, "colour": {"type": "str"}},
    },
    "shop_owner": {
        "type": "dict",
        "description": "Owner.",
        "default": {},
        "options": {
            "name": {"type": "str", "description": "Name.", "required": True},
            "version": {"type": "str", "description": "Version."},
        },
    },
    "shop_password": {"type": "str", "no_log": True, "description": "Password.", "default": ""},
    "shop_keys": {"type": "list", "elements": "str", "no_log": True, "description": "Keys.", "default": []},
    "shop_pin": {"type": "int", "no_log": True, "description": "Number.", "default": 0},
    "shop_sign": {"type": "str", "description": "Sign."},
}
DEFAULTS = {name: spec["default"] for name, spec in OPTIONS.items() if "default" in spec}
JOBS = {"close": {"options": {"close_minutes": {"type": "int", "description": "Minutes.", "default": 30}}}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A collection with one role and one playbook for jobs."""
    documents = {
        "roles/shop/meta/argument_specs.yml": {"argument_specs": {"main": {"options": OPTIONS}}},
        "roles/shop/defaults/main.yml": {**DEFAULTS, "shop_sign": "{{ inventory_hostname }}"},
        "playbooks/jobs/survey/argument_specs.yml": {"argument_specs": JOBS},
    }
    for name, document in documents.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(yaml.safe_dump(document), encoding="utf-8")
    return tmp_path


def asked(root: Path, entry: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    (question,) = survey.survey([entry], root=root, **more)["spec"]
    return dict(question)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("shop_name", "text"),
        ("shop_colour", "multiplechoice"),
        ("shop_open", "multiplechoice"),
        ("shop_seats", "integer"),
        ("shop_rent", "float"),
        ("shop_goods", "textarea"),
        ("shop_days", "multiselect"),
        ("shop_shelves", "textarea"),
        ("shop_owner", "textarea"),
        ("shop_owner__version", "text"),
        ("close_minutes", "integer"),
    ],
)
def test_each_type_has_a_question(root: Path, name: str, kind: str) -> None:
    question = asked(root, name)
    assert (question["type"], question["variable"]) == (kind, f"survey_{name}")


def test_a_question_says_what_the_option_is_and_what_an_empty_field_means(root: Path) -> None:
    assert asked(root, "shop_name") == {
        "question_name": "Name",
        "question_description": "Name of the shop_name=x shop, see a.b.c.",
        "variable": "survey_shop_name",
        "required": True,
        "default": "",
        "type": "text",
        "min": 0,
        "max": 1024,
    }
    question = asked(root, "shop_goods")
    assert question["question_description"] == (
        "Goods. One on each line, or one line with commas. Not answered: as the inventory says, else tea, milk."
    )
    assert asked(root, "shop_owner__version")["question_name"] == "Version"
    assert asked(root, "shop_sign")["question_description"] == "Sign. Not answered: as the inventory says."


def test_choices_are_lines_and_an_empty_one_is_left_out(root: Path) -> None:
    assert asked(root, "shop_colour")["choices"] == "red\ngreen"
    assert asked(root, "shop_open")["choices"] == "true\nfalse"


@pytest.mark.parametrize(
    ("name", "default"),
    [("shop_open", "true"), ("shop_seats", 4), ("shop_rent", 1.5), ("shop_goods", "tea\nmilk"), ("close_minutes", 30)],
)
def test_a_form_is_filled_in_only_where_that_is_wanted(root: Path, name: str, default: object) -> None:
    assert asked(root, name)["default"] == ""
    assert asked(root, {"option": name, "prefill": True})["default"] == default


def test_what_a_form_is_filled_with_must_fit(root: Path) -> None:
    assert asked(root, "shop_seats", defaults={"shop_seats": 9})["default"] == 9
    assert asked(root, {"option": "shop_seats", "default": 8})["default"] == 8
    with pytest.raises(survey.SurveyError, match="survey_shop_seats does not fit shop_seats"):
        asked(root, "shop_seats", defaults={"shop_seats": "many"})


def test_a_question_can_be_asked_another_way(root: Path) -> None:
    question = asked(root, {"option": "shop_name", "question": "Which shop?", "required": False})
    assert (question["question_name"], question["required"]) == ("Which shop?", False)
    with pytest.raises(survey.SurveyError, match="unknown prompt"):
        asked(root, {"option": "shop_name", "prompt": "?"})


@pytest.mark.parametrize(
    ("name", "answer"), [("shop_password", "hunter2"), ("shop_keys", "hunter2"), ("shop_pin", 4711)]
)
def test_a_secret_is_neither_asked_nor_taken_as_an_answer(root: Path, name: str, answer: object) -> None:
    said = f"{name} is secret, .* Use a credential or the inventory's vault instead"
    with pytest.raises(survey.SurveyError, match=said):
        asked(root, name)
    with pytest.raises(survey.SurveyError, match=said) as caught:
        survey.values({f"survey_{name}": answer}, root)
    assert str(answer) not in str(caught.value)
    # A field that was left empty holds no secret.
    assert survey.values({f"survey_{name}": ""}, root) == {}


@pytest.mark.parametrize(
    "words",
    [
        {"questions": ["shop_nmae"]},
        {"questions": [{"question": "?"}]},
        {"questions": ["shop_name"], "defaults": {"shop_nmae": "x"}},
        {"questions": ["shop_name"], "leave_out": ["shop_nmae"]},
    ],
    ids=str,
)
def test_an_option_that_does_not_exist_is_refused_wherever_it_is_named(root: Path, words: dict[str, Any]) -> None:
    """A renamed option must not silently leave a survey."""
    with pytest.raises(survey.SurveyError, match="is no option of a role"):
        survey.survey(**words, root=root)


def test_a_survey_of_which_nothing_is_left_is_none(root: Path) -> None:
    assert survey.survey(["shop_name"], leave_out=["shop_name"], root=root) == {}
    whole = survey.survey(["shop_seats", "shop_name"], root=root)
    assert [question["variable"] for question in whole["spec"]] == ["survey_shop_seats", "survey_shop_name"]
    assert (whole["name"], whole["description"]) == ("", "")


@pytest.mark.parametrize(
    ("name", "answer", "value"),
    [
        ("shop_name", "corner", "corner"),
        ("shop_open", "false", False),
        ("shop_seats", 7, 7),
        ("shop_seats", "7", 7),
        ("shop_rent", 2, 2.0),
        ("shop_goods", "tea, milk", ["tea", "milk"]),
        ("shop_goods", "tea\n- milk, fresh\n\n", ["tea", "milk, fresh"]),
        ("shop_goods", "[tea, milk]", ["tea", "milk"]),
        ("shop_goods", "- tea\n- milk", ["tea", "milk"]),
        ("shop_goods", "tea/green  # ann, for now", ["tea/green  # ann, for now"]),
        ("shop_goods", ["tea"], ["tea"]),
        ("shop_days", ["mo"], ["mo"]),
        ("shop_days", "mo\ntu", ["mo", "tu"]),
        ("shop_shelves", "- height: 2\n", [{"height": 2}]),
        ("shop_owner", "name: ann", {"name": "ann"}),
        ("shop_owner__version", "1.30", {"shop_owner": {"version": "1.30"}}),
        ("close_minutes", "20", 20),
    ],
)
def test_answers_become_values_of_the_right_type(root: Path, name: str, answer: object, value: object) -> None:
    expected = value if "__" in name else {name: value}
    found = survey.values({f"survey_{name}": answer}, root)
    assert found == expected
    assert {key: type(one) for key, one in found.items()} == {key: type(one) for key, one in expected.items()}


@pytest.mark.parametrize("answer", [None, "", "  ", "\n", []])
def test_what_was_not_answered_is_left_out(root: Path, answer: object) -> None:
    assert survey.values({"survey_shop_goods": answer, "survey_shop_owner__version": answer}, root) == {}


@pytest.mark.parametrize("answer", ["# name: ann", "\n# ann\n---\n", "null", "~"])
def test_yaml_that_says_nothing_is_no_answer(root: Path, answer: str) -> None:
    """The dictionary of the inventory stays in force, and an answer inside of it is taken."""
    assert survey.values({"survey_shop_owner": answer, "survey_shop_shelves": answer}, root) == {}
    answers = {"survey_shop_owner": answer, "survey_shop_owner__version": "1.30"}
    assert survey.values(answers, root) == {"shop_owner": {"version": "1.30"}}


def test_answers_inside_of_a_dict_go_into_the_answer_of_the_dict(root: Path) -> None:
    answers = {"survey_shop_owner__version": "1.30", "survey_shop_owner": "name: ann\nversion: '1'"}
    assert survey.values(answers, root) == {"shop_owner": {"name": "ann", "version": "1.30"}}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("shop_seats", "many"),
        ("shop_colour", "blue"),
        ("shop_open", "perhaps"),
        ("shop_owner", "street: x"),
        ("shop_shelves", "- colour: red"),
        ("shop_shelves", "[1"),
        ("shop_days", ["su"]),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_by_its_name(root: Path, name: str, answer: object) -> None:
    with pytest.raises(survey.SurveyError, match=f"The answer survey_{name} "):
        survey.values({f"survey_{name}": answer}, root)


def test_an_answer_to_no_question_is_refused_with_those_that_there_are(root: Path) -> None:
    with pytest.raises(survey.SurveyError, match=r"for survey_shop_nmae\. Known are: survey_close_minutes, survey_"):
        survey.values({"survey_shop_nmae": "x"}, root)
    with pytest.raises(survey.SurveyError, match="for survey_shop_nmae") as caught:
        survey.values({"survey_shop_nmae": "x"}, root)
    assert "survey_shop_password" not in str(caught.value)
    with pytest.raises(survey.SurveyError, match="No role has an option for shop_name"):
        survey.values({"shop_name": "x"}, root)


def test_what_a_form_is_filled_with_comes_back_as_it_was(root: Path) -> None:
    """The way from a default to the form and back, for every option that can be asked."""
    for option in survey.all_options(root).values():
        if option.default not in (None, "", [], {}) and not option.secret:
            answer = survey.as_answer(option, option.default)
            assert survey.convert(option, answer) == option.default, option.name


def test_every_option_of_the_roles_can_be_asked() -> None:
    """The real ones, but for secrets."""
    options = survey.all_options()
    assert {"cilium_state", "policy_hardening_namespaces", "aks_cluster_properties__kubernetes_version"} < set(options)
    assert {"break_glass_minutes", "teardown_confirm"} < set(options)
    for option in options.values():
        if option.secret:
            continue
        question = survey.question(option)
        assert question["question_description"], option.name
        assert not re.search(r"\b[A-Z]\(", question["question_description"]), option.name
