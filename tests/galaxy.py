# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive for Galaxy: builds it so that the same commit gives the same bytes, and checks what Galaxy would say.

`galaxy.py build [FOLDER]` writes the archive (into build/ when no folder is named), `galaxy.py check` builds it twice,
from copies with other times and another order of files, and compares; then it makes release notes of the changelog
fragments, has ansible-builder read what an execution environment needs, and runs galaxy-importer, which Galaxy runs on
each upload and which must have nothing to say.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from galaxy_image import check_image
from venvs import ROOT, CheckError, copy_of_the_collection, environment, known_files, newest_python, run

IMPORTER = ("galaxy-importer==0.4.44",)
CHANGELOG = ("antsibull-changelog==0.36.0",)
# galaxy-importer reads MANIFEST.json and FILES.json itself, so they come first, as in ansible-galaxy's archives.
FIRST = ("MANIFEST.json", "FILES.json")
# What the importer has ansible-lint leave out, whose findings it passes on as warnings.
LINT_SKIPS = "yaml,var-naming,avoid-dot-notation,import-task-no-when,single-entry-point,use-loop"
# ansible-test is a check of its own, on each core. The importer gives ansible-lint 180 s, which a busy machine exceeds:
# the same run is made beside it, without that limit. Everything else that Galaxy looks at is on.
IMPORTER_CONFIG = """\
[galaxy-importer]
LOG_LEVEL_MAIN = INFO
RUN_ANSIBLE_DOC = True
RUN_ANSIBLE_LINT = False
RUN_ANSIBLE_TEST = False
CHECK_CHANGELOG = True
CHECK_REQUIRED_TAGS = True
"""


def epoch() -> int:
    """The time of all files in the archive, in seconds: SOURCE_DATE_EPOCH, else that of the last commit."""
    if named := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(named)
    return int(run("git", "log", "-1", "--format=%ct", cwd=ROOT))


def document_bytes(document: Any) -> bytes:
    """A JSON document as ansible-galaxy writes it."""
    return json.dumps(document, indent=True).encode()


def put_in_order(archive: Path, time: int) -> None:
    """Rewrite an archive of ansible-galaxy: sorted by name, one time, no name or time in the compression's header.

    The list of files is sorted as well, since ansible-galaxy writes it in the order of the file system.
    """
    with tarfile.open(archive) as tar:
        contents = {
            member.name: (member, b"" if member.isdir() else _bytes_of(tar, member)) for member in tar.getmembers()
        }
    files = json.loads(contents["FILES.json"][1])
    files["files"].sort(key=lambda entry: str(entry["name"]))
    manifest = json.loads(contents["MANIFEST.json"][1])
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(document_bytes(files)).hexdigest()
    for name, document in (("FILES.json", files), ("MANIFEST.json", manifest)):
        contents[name] = (contents[name][0], document_bytes(document))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in [*FIRST, *sorted(set(contents) - set(FIRST))]:
            member, data = contents[name]
            member.size, member.mtime = len(data), time
            member.pax_headers = {}
            tar.addfile(member, io.BytesIO(data))
    with archive.open("wb") as file, gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=time) as compressed:
        compressed.write(packed.getvalue())


def _bytes_of(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None:
        raise CheckError(f"{member.name} is neither a file nor a folder, and Galaxy takes nothing else")
    return file.read()


def build(target: Path, names: list[str] | None = None) -> Path:
    """Build the archive from the files that git knows; `names` gives another order of copying them."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="aks_cilium_build_") as scratch:
        collection = copy_of_the_collection(Path(scratch), names)
        output = Path(scratch) / "output"
        galaxy = Path(sys.executable).with_name("ansible-galaxy")
        run(galaxy, "collection", "build", "--output-path", output, cwd=collection)
        (built,) = output.glob("*.tar.gz")
        put_in_order(built, epoch())
        return Path(shutil.move(built, target / built.name))


def check_twice(scratch: Path) -> str:
    """Build from two copies whose files were made in another order; both archives must be the same bytes."""
    names = known_files()
    first, second = build(scratch / "first", names), build(scratch / "second", names[::-1])
    sums = [hashlib.sha256(archive.read_bytes()).hexdigest() for archive in (first, second)]
    if sums[0] != sums[1]:
        raise CheckError(f"two builds of the same files differ: {sums[0]} and {sums[1]}")
    return f"{first.name}: two builds, {first.stat().st_size} bytes, sha256 {sums[0]}"


def check_importer(scratch: Path) -> str:
    """galaxy-importer must take the archive and warn of nothing; nor may the lint that Galaxy runs."""
    tools = environment("galaxy-importer", newest_python(), IMPORTER)
    archive = build(scratch / "importer")
    config = scratch / "galaxy-importer.cfg"
    config.write_text(IMPORTER_CONFIG, encoding="utf-8")
    collections = scratch / "collections"
    variables = {
        "GALAXY_IMPORTER_CONFIG": str(config),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        # What is installed for the user must not help, nor stand in the way.
        "HOME": str(scratch),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
    }
    printed = run(tools / "python", "-m", "galaxy_importer.main", archive, cwd=scratch, variables=variables)
    complaints = [line for line in printed.splitlines() if re.match(r"(WARNING|ERROR|CRITICAL)\b", line)]
    if complaints or not (scratch / "importer_result.json").exists():
        raise CheckError(f"galaxy-importer has something to say:\n{printed}")
    result = json.loads((scratch / "importer_result.json").read_text(encoding="utf-8"))
    run(tools / "ansible-galaxy", "collection", "install", archive, "-p", collections, cwd=scratch, variables=variables)
    words = ("--profile", "production", "--offline", "--format=pep8", "--nocolor", "-q", "-x", LINT_SKIPS)
    folder = collections / "ansible_collections" / "cloudnet" / "aks_cilium"
    if found := run(tools / "ansible-lint", *words, cwd=folder, variables=variables).strip():
        raise CheckError(f"Galaxy's lint has something to say:\n{found}")
    return f"galaxy-importer and its lint: no warning, {len(result['contents'])} pieces of content"


def check_notes(scratch: Path) -> str:
    """The fragments are right, and release notes can be made of them; in a copy, since that removes the fragments."""
    tools = environment("antsibull-changelog", newest_python(), CHANGELOG)
    collection = copy_of_the_collection(scratch / "notes")
    paths = {
        "PATH": f"{tools}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(scratch / "notes"),
    }
    run(tools / "antsibull-changelog", "lint", cwd=collection, variables=paths)
    run(tools / "antsibull-changelog", "release", "--date", "2000-01-01", cwd=collection, variables=paths)
    run(tools / "antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml", cwd=collection)
    notes = (collection / "CHANGELOG.rst").read_text(encoding="utf-8")
    if not re.search(r"^v\d+\.\d+\.\d+$", notes, re.MULTILINE):
        raise CheckError("antsibull-changelog wrote release notes without a release")
    return f"antsibull-changelog: fragments are clean, release notes of {len(notes.splitlines())} lines"


def check_environment(scratch: Path) -> str:
    """ansible-builder finds what an image needs, with parts left out as well."""
    return check_image(build(scratch / "archive"), scratch)


def main() -> int:
    """Build, or check."""
    words = sys.argv[1:]
    if words[:1] == ["build"]:
        print(build(Path(words[1]) if words[1:] else ROOT / "build"))
        return 0
    if words != ["check"]:
        print(__doc__, file=sys.stderr)
        return 2
    failed = 0
    for check in (check_twice, check_notes, check_environment, check_importer):
        with tempfile.TemporaryDirectory(prefix="aks_cilium_galaxy_") as scratch:
            try:
                print(check(Path(scratch)), flush=True)
            except (CheckError, subprocess.CalledProcessError) as error:
                print(f"FAILED: {error}", flush=True)
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
