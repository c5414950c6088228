# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The records of a Helm release in the cluster, and whether they differ from what is wished."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .._errors import InvalidInput, OperationFailed
from .._types import Json
from ..kube.interface import Kube
from ..kube.kinds import SECRET
from .valuetree import canonical


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
    touched: float | None = None
    """When helm last wrote the record, in seconds since 1970; None where it does not tell."""
    chart: Json = field(default_factory=dict, repr=False, compare=False)
    """The chart as it is stored with the record: metadata, default values, schema, files."""

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


@dataclass(frozen=True)
class Records:
    """What helm remembers of a release. deployed: the newest revision that was completely installed."""

    newest: Release | None = None
    deployed: Release | None = None


def read_release(kube: Kube, name: str, namespace: str) -> Release | None:
    """The newest revision of a release, None when helm has no record of it (one request)."""
    newest = _by_revision(_secrets(kube, name, namespace))[-1:]
    return parse_release(newest[0]) if newest else None


def read_records(kube: Kube, name: str, namespace: str) -> Records:
    """The newest revision, and the one that is deployed (one request)."""
    secrets = _by_revision(_secrets(kube, name, namespace))
    if not secrets:
        return Records()
    newest = parse_release(secrets[-1])
    if newest.status == "deployed":
        return Records(newest, newest)
    deployed = [secret for secret in secrets if _labels(secret).get("status") == "deployed"]
    return Records(newest, parse_release(deployed[-1]) if deployed else None)


def read_history(kube: Kube, name: str, namespace: str) -> list[Release]:
    """All revisions that helm still has, oldest first. Each carries a whole chart: for rare occasions."""
    return [parse_release(secret) for secret in _by_revision(kube.list(SECRET, namespace, label_selector=_of(name)))]


def forget_revision(kube: Kube, release: Release) -> None:
    """Delete the record of one revision; the objects of the release stay."""
    kube.delete(SECRET, f"sh.helm.release.v1.{release.name}.v{release.revision}", release.namespace)


def _of(name: str) -> str:
    return f"owner=helm,name={name}"


def _secrets(kube: Kube, name: str, namespace: str) -> Iterable[Json]:
    """Superseded revisions are left out: they are never the newest, and each carries the whole chart."""
    return kube.list(SECRET, namespace, label_selector=f"{_of(name)},status!=superseded")


def _by_revision(secrets: Iterable[Json]) -> list[Json]:
    def revision(secret: Json) -> int:
        text = str(_labels(secret).get("version", "0"))
        return int(text) if text.isdigit() else 0

    return sorted(secrets, key=revision)


def _labels(secret: Json) -> Json:
    return (secret.get("metadata") or {}).get("labels") or {}


def _touched(secret: Json) -> float | None:
    labels = _labels(secret)
    texts = [str(labels.get(name, "")) for name in ("createdAt", "modifiedAt")]
    return max((float(text) for text in texts if text.isdigit()), default=None)


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
    stored = record.get("chart") or {}
    chart = stored.get("metadata") or {}
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
        touched=_touched(secret),
        chart=stored,
    )


def is_installed(release: Release | None) -> bool:
    """Whether the release has objects in the cluster (`helm uninstall --keep-history` leaves a record without)."""
    return release is not None and release.status != "uninstalled"


def must_change(release: Release | None, chart_version: str, values: Json) -> bool:
    """Whether helm must run: not installed, failed, another chart version, or other user values."""
    if release is None or release.status != "deployed":
        return True
    # The v of v1.20.2 is no difference: helm finds the same chart for both.
    other = release.chart_version.removeprefix("v") != chart_version.removeprefix("v")
    return other or canonical(release.values) != canonical(values)


def check_name(name: str, option: str) -> None:
    """Refuse a release name or namespace that Kubernetes would reject (and that would break a label selector)."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?", name):
        raise InvalidInput(
            f"{option}={name!r} is not a valid name.",
            option=option,
            code="InvalidName",
            remedy="Use at most 53 characters of a-z, 0-9 and '-', with a letter or digit at both ends.",
        )
