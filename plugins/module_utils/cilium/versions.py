# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What the versions that a cluster has had mean for the next one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .chart import minor_of
from .valuetree import at


def upgrade_compatibility(installed: Mapping[str, Any], versions: Iterable[str]) -> str:
    """What `upgradeCompatibility` should be: the minor that was installed first, as '1.14'; empty when unknown.

    installed: the values of the installed release, whose own upgradeCompatibility wins. versions: chart versions of
    the revisions that helm still remembers (ten by default), in any order; the oldest minor counts, since a rollback
    never goes below it.
    """
    kept = at(installed, "upgradeCompatibility")
    if isinstance(kept, str) and re.fullmatch(r"v?\d+\.\d+(\..*)?", kept):
        return kept
    minors = [minor for minor in map(minor_of, versions) if minor != (0, 0)]
    return f"{min(minors)[0]}.{min(minors)[1]}" if minors else ""
