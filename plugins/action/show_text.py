# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.cloudnet.aks_cilium.plugins.modules.show_text import SPEC


class ActionModule(ActionBase):
    """Prints M(cloudnet.aks_cilium.show_text) as it is: the callbacks would quote, escape and wrap every line."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the title and the lines in one piece, so that the texts of two hosts do not mix."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        _validation, arguments = self.validate_argument_spec(SPEC.options)
        text = "\n".join(["", f"== {arguments['title']}", "", *arguments["lines"], ""])
        Display().display(text)
        result.update(changed=False)
        return result
