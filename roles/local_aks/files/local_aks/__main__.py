# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entry point of `python -m local_aks`."""

from __future__ import annotations

import importlib.util
import sys


def main() -> int:
    """Name the one missing library instead of failing on its import."""
    if importlib.util.find_spec("cryptography") is None:
        print(f"local_aks: {sys.executable} needs the Python library cryptography (42 or later).", file=sys.stderr)
        return 1
    from .cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
