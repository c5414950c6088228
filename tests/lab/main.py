# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point of the local lab; the work is done in builder/."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
# The sites of the local internet are those of the role local_aks.
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "roles" / "local_aks" / "files")]

from builder.cli import main  # noqa: E402

sys.exit(main())
