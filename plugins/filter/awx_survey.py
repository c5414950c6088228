# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Surveys of AWX out of the argument specs of the roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.cloudnet.aks_cilium.plugins.plugin_utils import survey

DOCUMENTATION = r"""
name: awx_survey
short_description: Make a survey of AWX out of options of the roles
version_added: 0.1.0
author: Cloudnet contributors (@cloudnet)
description:
  - Turns names of options of this collection's roles into a survey, as the option C(survey_spec) of
    C(awx.awx.job_template) takes it. Type, choices, description and whether an answer is required come from the
    argument specs of the roles, so that a survey cannot differ from the role.
  - The variable of each question is C(survey_) and the name of the option. The filter
    P(cloudnet.aks_cilium.survey_answers#filter) turns the answers into values.
  - Lists and dicts are asked as text, since AWX has no type for them.
  - Secret options are refused, since answers are shown in the events of a job. Use a credential or the inventory's
    vault instead.
options:
  _input:
    description:
      - What to ask, in this order. Each is the name of an option, or a dict with C(option) and, to ask it another way,
        C(question) (its text), C(required), C(default), or C(prefill) to put the role's own default into the form.
      - A form that is not filled in leaves the value to the inventory, and then to the role.
    type: list
    elements: raw
    required: true
  defaults:
    description: Values to put into the form, by the name of the option.
    type: dict
    default: {}
  leave_out:
    description: Options that are not asked after all.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show a survey of two questions
  ansible.builtin.debug:
    msg: "{{ questions | cloudnet.aks_cilium.awx_survey(defaults={'policy_hardening_soak': 86400}) }}"
  vars:
    questions:
      - option: policy_hardening_namespaces
        required: true
      - policy_hardening_soak
"""

RETURN = r"""
_value:
  description: The survey, or an empty dict when nothing is left to ask.
  type: dict
"""


def awx_survey(
    questions: Any, defaults: dict[str, Any] | None = None, leave_out: list[str] | None = None
) -> dict[str, Any]:
    """Return a survey; see DOCUMENTATION."""
    if not isinstance(questions, (list, tuple)):
        raise AnsibleFilterError("awx_survey needs a list of options.")
    try:
        return survey.survey(questions, defaults=defaults or {}, leave_out=leave_out or [])
    except survey.SurveyError as error:
        raise AnsibleFilterError(f"awx_survey: {error}") from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"awx_survey": awx_survey}
