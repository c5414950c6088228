# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The record of a Helm release in the cluster, what must be done about it, and the helm command lines."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .._errors import Conflict, InvalidInput, MissingRequirement, OperationFailed, TimedOut
from .._types import Json, Runner
from ..kube.interface import Kube
from ..kube.kinds import SECRET
from .chart import minor_of
from .values import canonical

OLDEST_HELM = (3, 8)
"""OCI references need no experimental switch from here on."""


@dataclass(frozen=True)
class Release:
    """The newest revision of a release, as helm stored it. values: the user's values, not the chart's defaults."""

    name: str
    namespace: str
    revision: int
    status: str
    chart_name: str
    chart_version: str
    app_version: str
    values: Json = field(default_factory=dict)
    updated: str = ""
    description: str = ""

    def summary(self) -> Json:
        """The facts that modules return."""
        return {
            "name": self.name,
            "namespace": self.namespace,
            "revision": self.revision,
            "chart_version": self.chart_version,
            "app_version": self.app_version,
            "status": self.status,
        }


def read_release(kube: Kube, name: str, namespace: str) -> Release | None:
    """The newest revision of a release, None when helm has no record of it (one request).

    Superseded revisions are left out: they are never the newest, and each carries the whole chart.
    """
    secrets = kube.list(SECRET, namespace, label_selector=f"owner=helm,name={name},status!=superseded")
    newest: Json | None = None
    for secret in secrets:
        if newest is None or _revision(secret) > _revision(newest):
            newest = secret
    return parse_release(newest) if newest is not None else None


def _revision(secret: Json) -> int:
    text = ((secret.get("metadata") or {}).get("labels") or {}).get("version", "0")
    return int(text) if str(text).isdigit() else 0


def parse_release(secret: Json) -> Release:
    """Decode a release Secret: base64 of the API, base64 of helm, gzip, JSON."""
    metadata = secret.get("metadata") or {}
    try:
        packed = base64.b64decode(base64.b64decode((secret.get("data") or {})["release"]))
        text = gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed
        record = json.loads(text)
    except (KeyError, TypeError, ValueError, binascii.Error, OSError, EOFError) as error:
        raise OperationFailed(
            f"The Helm record {metadata.get('namespace')}/{metadata.get('name')} cannot be read: {error}.",
            code="InvalidReleaseRecord",
            remedy="Look at it with `helm history`; a damaged Secret must be removed by hand.",
        ) from error
    chart = (record.get("chart") or {}).get("metadata") or {}
    info = record.get("info") or {}
    return Release(
        name=str(record.get("name", "")),
        namespace=str(record.get("namespace") or metadata.get("namespace") or ""),
        revision=int(record.get("version") or 0),
        status=str(info.get("status", "unknown")),
        chart_name=str(chart.get("name", "")),
        chart_version=str(chart.get("version", "")),
        app_version=str(chart.get("appVersion", "")),
        values=record.get("config") or {},
        updated=str(info.get("last_deployed", "")),
        description=str(info.get("description", "")),
    )


def is_installed(release: Release | None) -> bool:
    """Whether the release has objects in the cluster (`helm uninstall --keep-history` leaves a record without)."""
    return release is not None and release.status != "uninstalled"


def refuse_stuck(release: Release | None) -> None:
    """Refuse to touch a release that another helm works on, or left behind half way."""
    if release is None or not (release.status.startswith("pending-") or release.status == "uninstalling"):
        return
    if release.status == "pending-install":
        way_out = f"`helm uninstall {release.name} -n {release.namespace}` and run again"
    elif release.status == "uninstalling":
        way_out = f"`helm uninstall {release.name} -n {release.namespace}` once more"
    else:
        way_out = f"`helm rollback {release.name} -n {release.namespace}`"
    raise Conflict(
        f"The Helm release {release.namespace}/{release.name} is in the state {release.status} since {release.updated}"
        f" (revision {release.revision}): another helm is working on it, or one was stopped half way.",
        code="ReleasePending",
        target=f"{release.namespace}/{release.name}",
        remedy=f"If no helm runs any more, free it with {way_out}.",
    )


def must_change(release: Release | None, chart_version: str, values: Json) -> bool:
    """Whether helm must run: not installed, failed, another chart version, or other user values."""
    if release is None or release.status != "deployed":
        return True
    return release.chart_version != chart_version or canonical(release.values) != canonical(values)


@dataclass(frozen=True)
class Helm:
    """The helm program with the words that every call of it has in common."""

    binary: str
    runner: Runner
    kubeconfig: str = ""

    def version(self) -> tuple[int, int]:
        """Its version; MissingRequirement when it is absent, not helm, or older than 3.8."""
        try:
            done = self.runner([self.binary, "version", "--template", "{{.Version}}"], timeout_s=30)
        except (MissingRequirement, OSError) as error:
            raise MissingRequirement(
                f"helm_binary={self.binary!r} cannot be run on this machine.",
                option="helm_binary",
                code="HelmNotFound",
                remedy="Install Helm 3.8 or later, or give its path in helm_binary.",
            ) from error
        except TimedOut as error:
            raise MissingRequirement(
                f"helm_binary={self.binary!r} does not tell its version: {error.message}",
                option="helm_binary",
                code="HelmNotUsable",
                remedy="Install Helm 3.8 or later.",
            ) from error
        version = minor_of(done.stdout.strip())
        if done.rc != 0 or version == (0, 0):
            raise MissingRequirement(
                f"helm_binary={self.binary!r} does not tell its version: {_last_line(done.stderr or done.stdout)}",
                option="helm_binary",
                code="HelmNotUsable",
                remedy="Install Helm 3.8 or later.",
            )
        if version < OLDEST_HELM:
            raise MissingRequirement(
                f"helm_binary={self.binary!r} is {done.stdout.strip()}, older than 3.8.",
                option="helm_binary",
                code="HelmTooOld",
                remedy="Install Helm 3.8 or later; Helm 4 works as well.",
            )
        return version

    def pull(self, chart: str, repository: str, version: str, directory: str) -> None:
        """Download a chart's archive into a directory."""
        words = ["pull", chart, *source_words(chart, repository, version), "--destination", directory]
        try:
            self._run(words, timeout_s=180, what=f"download the chart {chart}")
        except OperationFailed as error:
            error.option = "chart" if chart.startswith("oci://") else "chart_repo"
            error.remedy = f"Check chart={chart!r}, chart_version={version or '(newest)'!r}, "
            error.remedy += f"chart_repo={repository!r} and the network, or give a local chart."
            raise

    def upgrade(self, release: str, namespace: str, chart: str, values_file: str, timeout_s: float) -> None:
        """Install or upgrade from a local chart; returns when the API server has taken all objects."""
        # --reset-values: with an empty values file helm would otherwise keep those of the last revision.
        words = ["upgrade", release, chart, "--install", "--namespace", namespace, "--create-namespace"]
        words += ["--values", values_file, "--reset-values", "--timeout", f"{int(timeout_s)}s"]
        self._run(words, timeout_s=timeout_s + 60, what=f"install the release {namespace}/{release}", cluster=True)

    def uninstall(self, release: str, namespace: str, timeout_s: float) -> None:
        """Remove a release and its record."""
        words = ["uninstall", release, "--namespace", namespace, "--timeout", f"{int(timeout_s)}s"]
        self._run(words, timeout_s=timeout_s + 60, what=f"remove the release {namespace}/{release}", cluster=True)

    def _run(self, words: Sequence[str], *, timeout_s: float, what: str, cluster: bool = False) -> None:
        argv = [self.binary, *words, *(["--kubeconfig", self.kubeconfig] if cluster else [])]
        done = self.runner(argv, timeout_s=timeout_s)
        if done.rc != 0:
            raise OperationFailed(
                f"helm could not {what}: {_last_line(done.stderr or done.stdout)}",
                code="HelmFailed",
                details={"rc": done.rc, "cmd": list(argv), "stderr": done.stderr[-4000:]},
                remedy="See details.stderr for all that helm said.",
            )


def source_words(chart: str, repository: str, version: str) -> list[str]:
    """Where helm finds a chart that is not local. An OCI reference carries its own registry."""
    words = [] if chart.startswith("oci://") or not repository else ["--repo", repository]
    return [*words, *(["--version", version] if version else [])]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("WARNING")]
    return lines[-1].removeprefix("Error: ") if lines else "no message."


def check_name(name: str, option: str) -> None:
    """Refuse a release name or namespace that Kubernetes would reject (and that would break a label selector)."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?", name):
        raise InvalidInput(
            f"{option}={name!r} is not a valid name.",
            option=option,
            code="InvalidName",
            remedy="Use at most 53 characters of a-z, 0-9 and '-', with a letter or digit at both ends.",
        )
