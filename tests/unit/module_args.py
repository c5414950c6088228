# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arguments for modules that a test calls in its own process.

ansible-core has `ansible.module_utils.testing` for this since 2.19; for 2.18 there is the same here, as far as the
tests need it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Mapping
from typing import Any
from unittest import mock

from ansible.module_utils import basic

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:

    @contextlib.contextmanager
    def patch_module_args(args: Mapping[str, Any] | None = None) -> Generator[None, None, None]:
        """Have the module that is made within find these arguments."""
        given = json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_remote_tmp": "/tmp", **(args or {})}})
        with mock.patch.object(basic, "_ANSIBLE_ARGS", given.encode()):
            yield


__all__ = ["patch_module_args"]
