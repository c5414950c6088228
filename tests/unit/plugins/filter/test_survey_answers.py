# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.cloudnet.aks_cilium.plugins.filter import survey_answers as plugin


def test_the_filter_has_the_name_of_its_file_and_of_its_documentation() -> None:
    (name,) = plugin.FilterModule().filters()
    assert name == "survey_answers" == yaml.safe_load(plugin.DOCUMENTATION)["name"]


def test_answers_become_values() -> None:
    answers = {
        "survey_policy_hardening_namespaces": "shop, backend",
        "survey_policy_hardening_soak": 86400,
        "survey_policy_hardening_until": "",
    }
    values = {"policy_hardening_namespaces": ["shop", "backend"], "policy_hardening_soak": 86400}
    assert plugin.survey_answers(answers) == values


@pytest.mark.parametrize(
    ("answers", "said"),
    [("x", "needs a dict"), ({"survey_cilium_state": "gone"}, "survey_cilium_state does not fit cilium_state")],
)
def test_anything_else_is_refused(answers: object, said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said):
        plugin.survey_answers(answers)
