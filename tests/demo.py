# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make demo`: prepares this machine, then runs the playbook that runs against Azure. Says how long each part took."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from builder.progress import duration  # noqa: E402

MACHINE = "inventories/local/group_vars/all/machine.yml"
STEPS: list[tuple[str, Sequence[str]]] = [
    ("Prepare this machine", [sys.executable, "tests/lab/main.py", "prepare", "--output", MACHINE]),
    ("Run the playbook", ["ansible-playbook", "playbooks/site.yml", "-i", "inventories/local"]),
]


def main() -> int:
    """Run the steps; stop at the first that fails."""
    started = time.monotonic()
    for title, command in STEPS:
        print(f"\n== {title}: {' '.join(command[-4:])}", flush=True)
        step_started = time.monotonic()
        status = subprocess.run(list(command), cwd=ROOT, check=False, stdin=subprocess.DEVNULL).returncode
        took = duration(time.monotonic() - step_started)
        if status != 0:
            print(
                f"\n== {title}: failed with status {status} after {took}. Run `make demo` again: it goes on from here."
            )
            return status
        print(f"== {title}: {took}", flush=True)
    print(f"\nDone in {duration(time.monotonic() - started)}. Next:")
    print("  make demo                       again: nothing changes")
    print("  cat build/reports/*.md          what was proved")
    print("  make teardown                   removes all of it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
