# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: json_lines
type: notification
short_description: One JSON document for each result
description: Writes what each task returned into a file of lines, for the team's log store.
options: {}
requirements: [enabled in the configuration]
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core has no types
    """Writes events into the file that JSON_LINES names, or events.jsonl."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "json_lines"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, event: str, **more: Any) -> None:
        with Path(os.environ.get("JSON_LINES", "events.jsonl")).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, **more}, default=str) + "\n")

    def _result(self, event: str, result: Any) -> None:
        self._write(
            event,
            host=result._host.get_name(),
            task=result._task.get_name(),
            action=result._task.action,
            result=result._result,
        )

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task ended well."""
        self._result("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task failed."""
        self._result("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task was left out."""
        self._result("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host did not answer."""
        self._result("unreachable", result)

    def v2_playbook_on_notify(self, handler: Any, host: Any) -> None:
        """A handler will run."""
        self._write("notified", host=str(host), task=handler.get_name())

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The play has ended."""
        self._write("stats", hosts={host: stats.summarize(host) for host in stats.processed})
