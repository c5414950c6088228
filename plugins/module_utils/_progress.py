# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The module's end of the progress channel: a file that the action plugin made and reads."""

from __future__ import annotations

import os

from ._types import Progress
from ._wait import silent

PROGRESS_VARIABLE = "CLOUDNET_AKS_CILIUM_PROGRESS"
"""Environment variable with the path of the progress file; absent where nobody reads it."""


def progress_from_environment() -> Progress:
    """A Progress that appends to the action plugin's file, or one that is silent."""
    path = os.environ.get(PROGRESS_VARIABLE)
    # With `become` the module may be another user, who may not write to the file.
    if not path or not os.access(path, os.W_OK):
        return silent

    def append(line: str) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line.replace("\n", " ") + "\n")

    return append
