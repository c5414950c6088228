# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of a survey as values of role variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible import template
from ansible.errors import AnsibleFilterError

from ansible_collections.cloudnet.aks_cilium.plugins.plugin_utils import survey

DOCUMENTATION = r"""
name: survey_answers
short_description: Turn the answers of a survey into values of role variables
version_added: 0.1.0
author: Cloudnet contributors (@cloudnet)
description:
  - Turns answers to a survey that P(cloudnet.aks_cilium.awx_survey#filter) made into values of the roles' variables,
    converted and validated by the argument specs of the roles.
  - AWX hands over an empty text for a field that was left empty, the texts V(true) and V(false) for a choice, and text
    for a list. What was not answered is left out, so that the inventory and the role's defaults stay in force.
  - A list is written with one element on each line, or on one line with commas, or as YAML in brackets; a dict as YAML.
  - What an answer becomes is data; a template in it is not evaluated.
  - Secret options are refused, since answers are shown in the events of a job. Use a credential or the inventory's
    vault instead.
  - C(survey_OPTION__INNER) answers one option inside of an option of type dict.
options:
  _input:
    description: The answers, by the variables of the questions, C(survey_OPTION).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the values that the answers stand for
  ansible.builtin.debug:
    msg: "{{ answers | cloudnet.aks_cilium.survey_answers }}"
  vars:
    answers:
      survey_policy_hardening_namespaces: shop, backend
      survey_policy_hardening_soak: 86400
      survey_policy_hardening_until: ""
  # policy_hardening_namespaces: [shop, backend]
  # policy_hardening_soak: 86400
"""

RETURN = r"""
_value:
  description: Values by the names of the options; those that were answered only.
  type: dict
"""


def _as_data(value: Any) -> Any:
    """The value, in which no template is evaluated."""
    if hasattr(template, "trust_as_template"):
        # Since ansible-core 2.19 only what is trusted is looked through for templates, and no answer is.
        return value
    # Before, everything is, unless it is marked as unsafe; the mark of an answer does not outlive its conversion.
    from ansible.utils.unsafe_proxy import wrap_var

    return wrap_var(value)


def survey_answers(answers: Any) -> dict[str, Any]:
    """Return the values; see DOCUMENTATION."""
    if not isinstance(answers, Mapping):
        raise AnsibleFilterError("survey_answers needs a dict of answers.")
    try:
        return {name: _as_data(value) for name, value in survey.values(answers).items()}
    except survey.SurveyError as error:
        raise AnsibleFilterError(f"survey_answers: {error}") from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"survey_answers": survey_answers}
