# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for all unit tests, also when `ansible-test units` runs them, which does not read pyproject.toml."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible.module_utils.common import warnings
from hypothesis import HealthCheck, settings

# Laws are about answers, not about time: a machine that does other things as well is slow now and then.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Where the helpers of the tests are.
HERE = Path(__file__).resolve().parent
HELPERS = (HERE, HERE.parent / "functional", HERE.parent / "lab", HERE.parents[1] / "roles" / "local_aks" / "files")

sys.path += [str(folder) for folder in HELPERS if str(folder) not in sys.path]


@pytest.fixture(autouse=True)
def _no_warnings_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible keeps a module's warnings for the whole process, which here is that of many modules."""
    monkeypatch.setattr(warnings, "_global_warnings", type(warnings._global_warnings)())
