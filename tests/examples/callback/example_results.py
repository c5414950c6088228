# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback that writes how each task ended, as JSON lines, to the file EXAMPLE_RESULTS."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: example_results
type: aggregate
short_description: How tasks ended, as JSON lines
description: Writes one line per task and host to the file that the environment variable EXAMPLE_RESULTS names.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """How tasks ended."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "example_results"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, how: str, result: Any) -> None:
        task, found = result._task, result._result
        line = {
            "task": task.get_name(),
            "tags": [str(tag) for tag in task.tags],
            "how": how,
            "message": str(found.get("msg", "")),
            "said": [str(text) for text in found.get("warnings") or []],
        }
        with open(os.environ["EXAMPLE_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        """Ended well."""
        self._write("changed" if result._result.get("changed") else "ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Failed, or was allowed to."""
        self._write("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Was not run."""
        self._write("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Could not be run."""
        self._write("failed", result)
