# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Shows the lines that a module writes while it waits. Nothing else happens here."""

from __future__ import annotations

import os
import tempfile
import threading
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._progress import PROGRESS_VARIABLE

LOOK_EVERY_S = 0.5


class ProgressAction(ActionBase):
    """Runs the module of the same name and prints its progress lines, each with the host in front."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module with a progress file beside it; the file is gone afterwards."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        # Only a module that runs on this machine can write to the file; elsewhere it stays silent.
        if self._task.async_val or self._connection.transport != "local":
            result.update(self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val))
            return result
        handle, path = tempfile.mkstemp(prefix="aks_cilium_progress_")
        os.close(handle)
        host = (task_vars or {}).get("inventory_hostname", "localhost")
        ended = threading.Event()
        reader = threading.Thread(target=_show, args=(path, host, ended), daemon=True)
        environment = self._task.environment
        self._task.environment = [*(environment or []), {PROGRESS_VARIABLE: path}]
        reader.start()
        try:
            result.update(self._execute_module(task_vars=task_vars))
        finally:
            self._task.environment = environment
            ended.set()
            reader.join()
            os.unlink(path)
        return result


def _show(path: str, host: str, ended: threading.Event) -> None:
    """Print new lines of the file until the module has ended and the file is read to its end."""
    display = Display()
    with open(path, encoding="utf-8") as file:
        rest = ""
        while True:
            last_round = ended.wait(LOOK_EVERY_S)
            rest += file.read()
            *lines, rest = rest.split("\n")
            for line in lines:
                display.display(f"  [{host}] {line}", color="bright gray")
            if last_round:
                return
