# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.cloudnet.aks_cilium.plugins.filter import awx_survey as plugin


def test_the_filter_has_the_name_of_its_file_and_of_its_documentation() -> None:
    (name,) = plugin.FilterModule().filters()
    assert name == "awx_survey" == yaml.safe_load(plugin.DOCUMENTATION)["name"]


def test_options_become_questions() -> None:
    made = plugin.awx_survey(
        ["cilium_state", "cilium_chart_version"], {"cilium_state": "managed"}, ["cilium_chart_version"]
    )
    (question,) = made["spec"]
    assert (question["variable"], question["default"]) == ("survey_cilium_state", "managed")


@pytest.mark.parametrize(
    ("questions", "said"), [("cilium_state", "needs a list"), (["cilium_stat"], "'cilium_stat' is no option")]
)
def test_anything_else_is_refused(questions: object, said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said):
        plugin.awx_survey(questions)
