# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collections of other people that checks need beside ours: azure.azcollection, awx.awx and the like.

They are taken out of the package `ansible`, since a package index is all that a check may rely on, once, into the
user's cache folder.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from venvs import cache

# Made for the ansible-core of requirements-dev.txt.
PACKAGE = "ansible==12.3.0"
NAMES = (
    "ansible.posix",
    "ansible.utils",
    "awx.awx",
    "azure.azcollection",
    "community.general",
    "kubernetes.core",
)


def neighbours() -> Path:
    """The folder to put into `collections_path`: it holds `ansible_collections` with each of NAMES.

    Raises CalledProcessError when the package cannot be fetched.
    """
    folder = cache() / "neighbours" / PACKAGE.replace("==", "-")
    if not (folder / "complete").exists():
        print(f"   fetching {PACKAGE}, for {', '.join(NAMES)}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        wanted = tuple(f"ansible_collections/{name.replace('.', '/')}/" for name in NAMES)
        with tempfile.TemporaryDirectory() as download:
            fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*fetch, "--dest", download, PACKAGE], check=True, stdin=subprocess.DEVNULL)
            with zipfile.ZipFile(next(Path(download).glob("*.whl"))) as package:
                package.extractall(folder, [name for name in package.namelist() if name.startswith(wanted)])
        (folder / "complete").touch()
    return folder


if __name__ == "__main__":
    print(neighbours())
