# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The helm program, version 3 and 4: its command lines and what it answers."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .._errors import InvalidInput, MissingRequirement, OperationFailed, TimedOut
from .._types import Completed, Json, Runner
from .._yaml import load_all_yaml
from ..kube.refusal import missing_right, remedy_for
from .chart import minor_of
from .chartsource import Access, ChartSource

OLDEST_HELM = (3, 8)
"""OCI references need no experimental switch from here on."""
SERVER_DRY_RUN_HELM = (3, 13)
"""--dry-run=server: templates see the cluster (lookups, versions), and nothing is written."""
SERVER_SIDE_HELM = 4
"""From here on helm applies on the server, where a field that another writer changed is a conflict: a rollback would
stop half way. The older way, which every helm has, sets what the chart says."""
NOT_FROM_THE_ENVIRONMENT = ("HELM_KUBE", "HELM_DRIVER", "HELM_NAMESPACE")
"""Variables (their beginnings) that helm must not see: with them it would work on another cluster than the one that
was judged, whatever --kubeconfig says, or keep its records elsewhere."""
DOWNLOAD_TIMEOUT_S = 180
RENDER_TIMEOUT_S = 120

# Lines that are neither the error nor about it.
_NOISE = ("WARNING", "level=", "time=", "Flag --")
_HINT = "Use --debug flag to render out invalid YAML"
_LONGEST = 600


@contextlib.contextmanager
def own_cache() -> Iterator[dict[str, str]]:
    """Variables by which helm keeps what it learns of an API server in a folder that goes in the end.

    It would stay in ~/.kube/cache, also where a job has to leave its home as it was.
    """
    with tempfile.TemporaryDirectory(prefix="helm-") as folder:
        yield {"KUBECACHEDIR": folder}


@dataclass(frozen=True)
class Helm:
    """The helm program with the words that every call of it has in common.

    Every method raises OperationFailed with helm's last words, and TimedOut. What helm prints may hold secrets (it
    renders them), so none of it is returned but by template() and planned().
    """

    binary: str
    runner: Runner
    kubeconfig: str = ""
    seen: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False, compare=False)
    """The version, once it was asked for; copies made with another kubeconfig share it."""

    def version(self) -> tuple[int, int]:
        """Its version (asked for once); MissingRequirement when it is absent, not helm, or older than 3.8."""
        if self.binary not in self.seen:
            self.seen[self.binary] = self._ask_version()
        return self.seen[self.binary]

    def _ask_version(self) -> tuple[int, int]:
        try:
            done = self.runner([os.path.expanduser(self.binary), "version", "--template", "{{.Version}}"], timeout_s=30)
        except (MissingRequirement, OSError) as error:
            raise MissingRequirement(
                f"helm_binary={self.binary!r} cannot be run on this machine.",
                option="helm_binary",
                code="HelmNotFound",
                remedy="Install Helm 3.8 or later, or give its path in helm_binary.",
            ) from error
        except TimedOut as error:
            raise self._unusable(f"does not tell its version: {error.message}") from error
        version = minor_of(done.stdout.strip())
        if done.rc != 0 or version == (0, 0):
            raise self._unusable(f"does not tell its version: {_last_words(done.stderr or done.stdout)}")
        if version < OLDEST_HELM:
            raise self._unusable(f"is {done.stdout.strip()}, older than 3.8.", code="HelmTooOld")
        return version

    def require_server_dry_run(self) -> None:
        """MissingRequirement unless this helm can ask the API server what it would say."""
        version = self.version()
        if version < SERVER_DRY_RUN_HELM:
            raise self._unusable(
                f"is {version[0]}.{version[1]}, which has no dry run by the API server.",
                code="HelmTooOld",
                wanted="3.13",
            )

    def pull(self, source: ChartSource, directory: str, access: Access | None = None) -> str:
        """Download a chart into a directory that only this user can read, and return the archive's path.

        Credentials go through standard input into a file of that directory, never into a command line.
        """
        access = access or Access()
        trust = ["--ca-file", os.path.expanduser(access.ca_file)] if access.ca_file else []
        files = ["--registry-config", os.path.join(directory, "registry.json")] if access.username else []
        try:
            if source.kind == "oci" and access.username:
                self._login(["registry", "login", source.host], [*files, *trust], access)
            words = ["pull", *self._place(source, directory, trust, access)]
            words += [*files, *trust, "--destination", directory]
            self._run(words, timeout_s=DOWNLOAD_TIMEOUT_S, what=f"download the chart {source.shown}")
        except OperationFailed as error:
            raise _download_failed(error, source) from error
        archives = sorted(
            path for end in ("*.tgz", "*.tar.gz") for path in glob.glob(os.path.join(glob.escape(directory), end))
        )
        if len(archives) != 1:
            raise InvalidInput(
                f"chart={source.shown!r}: helm found no archive.",
                option="chart",
                code="InvalidChart",
                remedy="Try `helm pull` with the same chart, or give a local chart.",
            )
        return archives[0]

    def upgrade(self, release: str, namespace: str, chart: str, values_file: str, timeout_s: float) -> None:
        """Install or upgrade from a local chart; returns when the API server has taken all objects."""
        words = [*self._upgrade_words(release, namespace, chart, values_file, timeout_s), *self._client_side()]
        self._run(words, timeout_s=timeout_s + 60, what=f"install the release {namespace}/{release}", cluster=True)

    def planned(self, release: str, namespace: str, chart: str, values_file: str, timeout_s: float) -> list[Json]:
        """The objects that upgrade() would send; nothing is written. They hold secrets.

        The chart's own rules are checked; the API server is asked for lookups, but it does not judge the objects: see
        serverdryrun. Needs helm 3.13.
        """
        self.require_server_dry_run()
        words = self._upgrade_words(release, namespace, chart, values_file, timeout_s)
        words += ["--dry-run=server", "--output", "json"]
        what = f"plan the release {namespace}/{release}"
        done = self._run(words, timeout_s=timeout_s + 60, what=what, cluster=True)
        try:
            manifest = str(json.loads(done.stdout)["manifest"])
        except (ValueError, KeyError, TypeError) as error:
            raise OperationFailed(
                f"helm could not {what}: its answer cannot be read.",
                code="HelmFailed",
                remedy="Run `helm version`: Helm 3.13 or later is needed for this.",
            ) from error
        documents = load_all_yaml(manifest, f"The manifest of {namespace}/{release}")
        return [document for document in documents if isinstance(document, dict)]

    def _upgrade_words(self, release: str, namespace: str, chart: str, values_file: str, timeout_s: float) -> list[str]:
        # --reset-values: with an empty values file helm would otherwise keep those of the last revision.
        words = ["upgrade", release, chart, "--install", "--namespace", namespace, "--create-namespace"]
        return [*words, "--values", values_file, "--reset-values", "--timeout", f"{int(timeout_s)}s"]

    def _client_side(self) -> list[str]:
        return ["--server-side=false"] if self.version()[0] >= SERVER_SIDE_HELM else []

    def rollback(self, release: str, namespace: str, revision: int, timeout_s: float) -> None:
        """Bring back a revision (0: the one before the newest); helm records it as a new one."""
        words = ["rollback", release, *([str(revision)] if revision else []), "--namespace", namespace]
        words += ["--timeout", f"{int(timeout_s)}s", *self._client_side()]
        self._run(words, timeout_s=timeout_s + 60, what=f"roll back the release {namespace}/{release}", cluster=True)

    def uninstall(self, release: str, namespace: str, timeout_s: float) -> None:
        """Remove a release and its record."""
        words = ["uninstall", release, "--namespace", namespace, "--timeout", f"{int(timeout_s)}s"]
        self._run(words, timeout_s=timeout_s + 60, what=f"remove the release {namespace}/{release}", cluster=True)

    def template(self, release: str, namespace: str, chart: str, values_file: str, *, kube_version: str = "") -> str:
        """The manifests that a local chart renders to, without a cluster. They hold secrets.

        kube_version: what the templates are to think of; helm's own idea of it when empty.
        """
        words = ["template", release, chart, "--namespace", namespace, "--values", values_file]
        words += ["--kube-version", kube_version] if kube_version else []
        return self._run(words, timeout_s=RENDER_TIMEOUT_S, what=f"render the chart {chart}").stdout

    def _place(self, source: ChartSource, directory: str, trust: Sequence[str], access: Access) -> list[str]:
        """The chart as `helm pull` is told. A repository with a password is first described in a private file."""
        # A digest says it all, and helm compares the version that is given beside it with a tag.
        version = ["--version", source.version] if source.version and "@" not in source.reference else []
        # The index of the repository is read anew each time, so it need not stay in the user's own cache.
        cache = ["--repository-cache", os.path.join(directory, "cache")]
        if source.kind == "url":
            return [source.reference]
        if source.kind == "oci" or not source.repository:
            return [source.reference, *version]
        if not access.username:
            return [source.reference, "--repo", source.repository, *version, *cache]
        files = ["--repository-config", os.path.join(directory, "repositories.yaml"), *cache]
        self._login(["repo", "add", "source", source.repository], [*files, *trust], access)
        return [f"source/{source.reference}", *version, *files]

    def _login(self, verb: Sequence[str], words: Sequence[str], access: Access) -> None:
        argv = [*verb, *words, "--username", access.username, "--password-stdin"]
        self._run(argv, timeout_s=DOWNLOAD_TIMEOUT_S, what=f"log in to {verb[-1]}", stdin=access.password)

    def _run(
        self,
        words: Sequence[str],
        *,
        timeout_s: float,
        what: str,
        cluster: bool = False,
        stdin: str | None = None,
    ) -> Completed:
        argv = [os.path.expanduser(self.binary), *words, *(["--kubeconfig", self.kubeconfig] if cluster else [])]
        done = self.runner(argv, timeout_s=timeout_s, stdin=stdin) if stdin else self.runner(argv, timeout_s=timeout_s)
        if done.rc != 0:
            details: Json = {"rc": done.rc, "cmd": list(argv), "stderr": done.stderr[-4000:]}
            right = missing_right(done.stderr) if cluster else None
            raise OperationFailed(
                f"helm could not {what}: {_last_words(done.stderr or done.stdout)}",
                code="Forbidden" if right else "HelmFailed",
                status=403 if right else None,
                details={**details, "missing_right": right} if right else details,
                remedy=remedy_for(right) if right else "See details.stderr for all that helm said.",
            )
        return done

    def _unusable(self, what: str, *, code: str = "HelmNotUsable", wanted: str = "3.8") -> MissingRequirement:
        return MissingRequirement(
            f"helm_binary={self.binary!r} {what}",
            option="helm_binary",
            code=code,
            remedy=f"Install Helm {wanted} or later; Helm 4 works as well.",
        )


_NOT_TRUSTED = re.compile(r"certificate|x509|tls: ", re.IGNORECASE)
_NOT_ALLOWED = re.compile(r"\b40[13]\b|unauthorized|denied|credential|forbidden", re.IGNORECASE)


def _download_failed(error: OperationFailed, source: ChartSource) -> OperationFailed:
    """The same failure with the option that is most likely wrong."""
    if _NOT_TRUSTED.search(error.message):
        error.option = "chart_ca_file"
        error.code = "ChartCertificateNotTrusted"
        error.remedy = "Give the certificate authority of that server in chart_ca_file."
    elif _NOT_ALLOWED.search(error.message):
        error.option = "chart_username"
        error.code = "ChartAccessDenied"
        error.remedy = "Check chart_username and chart_password"
        error.remedy += ", or run `helm registry login` before." if source.kind == "oci" else "."
    else:
        where = f", chart_repo={source.repository!r}" if source.repository else ""
        error.option = "chart_repo" if source.kind == "repository" else "chart"
        error.remedy = f"Check chart={source.shown!r}, chart_version={source.version or '(newest)'!r}{where} and the"
        error.remedy += " network, or give a local chart."
    return error


def _last_words(text: str) -> str:
    """helm's error with the lines that explain it (a schema's complaints stand below), on one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(_NOISE)]
    begin = max((index for index, line in enumerate(lines) if line.startswith("Error:")), default=len(lines) - 1)
    words = " ".join(lines[max(begin, 0) :]).removeprefix("Error: ").removesuffix(_HINT).strip()
    return (words if len(words) <= _LONGEST else f"{words[:_LONGEST]}...") or "no message."
