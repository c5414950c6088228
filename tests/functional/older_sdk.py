# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the tests whose modules talk to Azure with the libraries that azure.azcollection pins.

The modules import only azure-identity, azure-core and azure-mgmt-core; azure-mgmt-containerservice stands beside them.
All are installed once into the user's cache folder. Left out are the tests that never use
these libraries (the stand-in itself, its conformance, bad input that is refused before a request, the archive), and the
table of all typed fields, whose bodies are the same bytes whichever version sends them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "32.1.0"
# requirements.txt of azure.azcollection 3.12.0.
PINS = ("azure-core==1.31.0", "azure-identity==1.19.0", "azure-mgmt-core==1.4.0")
HERE = Path(__file__).resolve().parent
TESTS = (
    "test_aks_modules.py",
    "test_aks_states.py",
    "test_aks_safety.py",
    "test_credentials.py",
    "test_first_try.py",
    "test_inventory.py",
)


def installed() -> Path:
    """The folder with the library, filled when it is missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aks_cilium"
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"azure-mgmt-containerservice-{VERSION}-pins-{python}"
    if not folder.is_dir():
        unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        try:
            command += ["--target", str(unfinished), f"azure-mgmt-containerservice=={VERSION}", *PINS]
            subprocess.run(command, check=True)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def main() -> int:
    """Install, make sure that it is the one that is used, and run the tests."""
    folder = installed()
    script = "from importlib.metadata import version; print(version('azure-mgmt-containerservice'))"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    found = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    if found.stdout.strip() != VERSION:
        print(f"older_sdk.py: {folder} holds version {found.stdout.strip()}, not {VERSION}; remove it", file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "pytest", "-q", *(str(HERE / name) for name in TESTS), *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, "AKS_CILIUM_TEST_SDK": str(folder)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
