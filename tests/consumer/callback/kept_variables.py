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
name: kept_variables
type: notification
short_description: Which variables a run has made or changed
description: Writes, for each host, the names of facts, registered results and included variables; and what changed.
options: {}
requirements: [enabled in the configuration]
"""

# What Ansible itself changes from play to play.
MAGIC = ("ansible_", "play_", "role_", "group", "hostvars", "omit", "vars", "environment", "inventory_", "playbook_dir")


def held(cache: Any, name: str) -> Any:
    """What a cache has for a host; some are plugins and raise KeyError where they have nothing."""
    try:
        return cache.get(name) or {}
    except KeyError:
        return {}


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core has no types
    """Writes into the file that KEPT_VARIABLES names; there is no public way to ask for all of this."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kept_variables"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.manager: Any = None
        self.hosts: list[Any] = []
        self.before: dict[str, dict[str, str]] = {}

    def _values(self, host: Any) -> dict[str, str]:
        known = self.manager.get_vars(host=host, include_hostvars=False)
        return {name: repr(value) for name, value in known.items() if not name.startswith(MAGIC)}

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Keep what there is before the first play."""
        if self.manager is None:
            self.manager = play.get_variable_manager()
            self.hosts = self.manager._inventory.get_hosts()
            self.before = {host.get_name(): self._values(host) for host in self.hosts}

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write what there is now."""
        manager, kept = self.manager, {}
        for host in self.hosts:
            name, after = host.get_name(), self._values(host)
            caches = (manager._nonpersistent_fact_cache, manager._vars_cache, manager._fact_cache)
            made = {str(key) for cache in caches for key in held(cache, name)}
            changed = [key for key, value in self.before[name].items() if after.get(key) != value]
            kept[name] = {"made": sorted(made), "changed": sorted(changed)}
        Path(os.environ["KEPT_VARIABLES"]).write_text(json.dumps(kept), encoding="utf-8")
