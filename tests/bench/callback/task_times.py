# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback that writes how long each task took on each host, as JSON lines to the file TASK_TIMES."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_times
type: aggregate
short_description: Durations of tasks as JSON lines
description: Writes one line per task and host to the file that the environment variable TASK_TIMES names.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Durations of tasks."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.started: dict[tuple[str, str], float] = {}

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Remember when a task began on a host."""
        self.started[host.get_name(), task._uuid] = time.monotonic()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Write how long it took."""
        task, host = result._task, result._host.get_name()
        took = time.monotonic() - self.started[host, task._uuid]
        line = {"task": task.get_name(), "host": host, "took": took, "changed": result._result.get("changed")}
        with open(os.environ["TASK_TIMES"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
