# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual environments of checks that need other packages than `.venv`, the Pythons that there are, and what
ansible-test needs to run.

Each environment is made once, in the user's cache folder; its name is the digest of what is in it.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
# ansible-test makes virtual environments without pip and fetches this script to put pip in. Where it is absent, this
# one does the same with the pip that Python itself brings, so that package registries are all that is needed.
GET_PIP_SCRIPT = """\
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip"])
words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *words]))
"""


class CheckError(Exception):
    """A check that failed, with what to say about it."""


def cache() -> Path:
    """The user's cache folder of this project."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aks_cilium"


def looked_at(python: Path) -> tuple[str, Path] | None:
    """Version and real place of a Python; nothing when it does not start, as shims of version managers do."""
    script = "import sys, venv, ssl; print('%d.%d' % sys.version_info[:2], sys.executable)"
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
    version, _space, place = done.stdout.strip().partition(" ")
    return (version, Path(place)) if done.returncode == 0 else None


@functools.cache
def pythons() -> dict[str, Path]:
    """Pythons by major and minor version: those of PATH, and all that pyenv has, whichever of them it shows."""
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    # The Python of a virtual environment is the one that it was made with, which is somewhere else, too.
    folders = [folder for folder in folders if not (folder.parent / "pyvenv.cfg").exists()]
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += sorted((root / "versions").glob("3.*/bin"), reverse=True)
    found: dict[str, Path] = {f"{sys.version_info.major}.{sys.version_info.minor}": Path(sys.executable)}
    seen: set[str] = set()
    for file in (file for folder in folders for file in sorted(folder.glob("python3.*"))):
        version = file.name.removeprefix("python")
        if re.fullmatch(r"3\.\d\d", version) and version not in seen:
            real = looked_at(file)
            if real is not None and real[0] == version:
                seen.add(version)
                found[version] = real[1]
    return found


def newest_python(wanted: str = "3.12") -> Path:
    """A Python for tools: the wanted one where it is here, else the newest."""
    found = pythons()
    return found.get(wanted) or found[max(found, key=lambda version: int(version.partition(".")[2]))]


def environment(name: str, python: Path, packages: Sequence[str], requirements: Path | None = None) -> Path:
    """The bin folder of an environment with these packages, made when it is missing.

    Raises CalledProcessError when pip cannot make it, for example because there is no such version for this Python.
    """
    inputs = [str(python), *packages, requirements.read_text(encoding="utf-8") if requirements else ""]
    folder = cache() / "venvs" / f"{name}-{hashlib.sha256(chr(0).join(inputs).encode()).hexdigest()[:12]}"
    if not (folder / "complete").exists():
        wanted = [*packages, *(["--requirement", str(requirements)] if requirements else [])]
        print(f"   installing {' '.join(wanted) or 'Python'} into an environment of its own", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", folder], check=True, stdin=subprocess.DEVNULL)
        if wanted:
            subprocess.run([folder / "bin" / "python", *PIP, *wanted], check=True, stdin=subprocess.DEVNULL)
        (folder / "complete").touch()
    return folder / "bin"


def let_see(bin_folder: Path, other: Path) -> None:
    """Let an environment import the packages of another one of the same Python as well, after its own."""
    link = site_packages(bin_folder) / f"{other.parent.name}.pth"
    link.write_text(f"{site_packages(other)}\n", encoding="utf-8")


def run(*words: str | Path, cwd: Path, variables: Mapping[str, str] | None = None) -> str:
    """Run a program and return all that it printed; raises CheckError with it when the program fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "SPHINX"))}
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**clean, **(variables or {})},
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise CheckError(f"{Path(words[0]).name} failed with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def site_packages(bin_folder: Path) -> Path:
    """Where the packages of an environment are."""
    return next(bin_folder.parent.glob("lib/python3.*/site-packages"))


def copy_of_the_collection(target: Path, names: Sequence[str] | None = None) -> Path:
    """Copy the files that git knows, or would take, below `target`/ansible_collections; returns the collection.

    Checks get a copy, since tools write beside what they read and find what lies around in a checkout.
    """
    folder = target / "ansible_collections" / "cloudnet" / "aks_cilium"
    for name in names if names is not None else known_files():
        source = ROOT / name
        if source.exists() or source.is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name, follow_symlinks=False)
    return folder


def known_files() -> list[str]:
    """Files that git has, or would take; nothing that is ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted(set(done.stdout.splitlines()))


def tree_for_ansible_test(target: Path, packages: Path) -> Path:
    """A copy of the collection that the ansible-test in the folder `packages` can work on."""
    shutil.rmtree(target, ignore_errors=True)
    collection = copy_of_the_collection(target)
    # Without a repository of its own, ansible-test would ask the checkout's, which ignores build/.
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"]):
        subprocess.run(command, cwd=collection, check=True, capture_output=True)
    asked = (packages / "ansible_test" / "_internal" / "python_requirements.py").read_text(encoding="utf-8")
    for version in re.findall(r"\bpip='([\d.]+)'", asked):
        script = Path.home() / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
        if not script.exists():
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(GET_PIP_SCRIPT, encoding="utf-8")
    return collection
