# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Where a chart comes from: a directory, an archive, the URL of an archive, an OCI registry, or a repository."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from .._errors import InvalidInput

LOCAL = ("directory", "archive")

_SCHEMES = ("oci://", "https://", "http://")
# The grammar of distribution references: host with an optional port, lower case path, tag, digest.
_OCI = re.compile(
    r"oci://(?P<host>[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9A-Fa-f:]+\](:[0-9]+)?)"
    r"/(?P<path>[a-z0-9]+([._/-]+[a-z0-9]+)*)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_ARCHIVE_VERSION = re.compile(r"-(v?\d+\.\d+\.\d+[^/]*?)\.(tgz|tar\.gz)$")
_VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")


@dataclass(frozen=True)
class ChartSource:
    """kind: directory, archive, url, oci or repository. reference: as helm takes it, without tag.

    version: as far as it is known without looking at the chart; empty: the newest, or what the local chart says.
    """

    kind: str
    reference: str
    repository: str = ""
    version: str = ""

    @property
    def is_local(self) -> bool:
        """Whether the chart is on this machine already."""
        return self.kind in LOCAL

    @property
    def shown(self) -> str:
        """The reference for people. The query of a URL may be a signature that lets anyone in."""
        return self.reference.partition("?")[0]

    @property
    def host(self) -> str:
        """The registry of an OCI reference, with its port."""
        return self.reference.removeprefix("oci://").partition("/")[0]


@dataclass(frozen=True)
class Access:
    """Credentials and trust for the download of a chart; empty where helm's own settings are enough."""

    username: str = ""
    password: str = ""
    ca_file: str = ""


def parse_source(chart: str, repository: str, version: str) -> ChartSource:
    """How the options chart, chart_repo and chart_version are meant.

    Raises InvalidInput for a reference that no helm could follow, or one whose tag contradicts chart_version.
    """
    _check_version(version)
    kind = location_kind(chart)
    if kind in LOCAL:
        return ChartSource(kind, os.path.expanduser(chart), version=version)
    if kind == "oci":
        return _oci(chart, version)
    if kind == "url":
        return _url(chart, version)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?", chart):
        raise InvalidInput(
            f"chart={chart!r} is neither a chart's name nor the place of one.",
            option="chart",
            code="InvalidChartReference",
            remedy="Give a name in chart_repo, an oci:// reference, a directory, an archive or the https URL of one.",
        )
    _refuse_credentials(repository, "chart_repo")
    return ChartSource("repository", chart, repository, version)


def location_kind(reference: str) -> str:
    """How a chart reference is meant: directory, archive, url, oci or repository (a name in a repository)."""
    if reference.startswith("oci://"):
        return "oci"
    if reference.startswith(_SCHEMES):
        return "url"
    path = os.path.expanduser(reference)
    if os.path.isdir(path):
        return "directory"
    if os.path.isfile(path):
        return "archive"
    if os.sep in reference and (reference.startswith((".", "~", os.sep)) or reference.endswith((".tgz", ".tar.gz"))):
        raise InvalidInput(
            f"chart={reference!r} does not exist.",
            option="chart",
            code="ChartNotFound",
            remedy="Give a chart directory or archive, an oci:// reference, or a chart's name with chart_repo.",
        )
    return "repository"


def check_access(source: ChartSource, access: Access) -> None:
    """Refuse credentials that would not be used, or could not be used without showing them to other users."""
    given = {"chart_username": access.username, "chart_password": access.password}
    missing = [option for option, value in given.items() if not value]
    if len(missing) == 1:
        raise InvalidInput(
            f"{missing[0]} is missing: chart_username and chart_password belong together.",
            option=missing[0],
            code="IncompleteCredentials",
            remedy="Give both, or neither where `helm registry login` was done before.",
        )
    if not missing and source.kind not in ("oci", "repository"):
        raise InvalidInput(
            f"chart_username and chart_password are for registries and repositories; chart={source.shown!r} is"
            f" {'the URL of an archive' if source.kind == 'url' else 'on this machine'}.",
            option="chart_username",
            code="CredentialsNotUsed",
            remedy="Leave them out, or give the repository as chart_repo and the chart's name as chart.",
        )
    if not missing and source.repository.startswith("http://"):
        raise InvalidInput(
            f"chart_repo={source.repository!r}: the password would go over an open connection.",
            option="chart_repo",
            code="InsecureRepository",
            remedy="Use https, with chart_ca_file for a certificate authority of your own.",
        )
    if access.ca_file and not os.path.isfile(os.path.expanduser(access.ca_file)):
        raise InvalidInput(
            f"chart_ca_file={access.ca_file!r} does not exist.",
            option="chart_ca_file",
            code="CaFileNotFound",
            remedy="Give the path of a PEM file on the machine that runs the module.",
        )


def _check_version(version: str) -> None:
    """helm takes ranges too, but then every run could find another chart."""
    if version and not _VERSION.fullmatch(version):
        raise InvalidInput(
            f"chart_version={version!r} is not one version.",
            option="chart_version",
            code="InvalidChartVersion",
            remedy="Give all three numbers, as 1.20.2.",
        )


def _oci(chart: str, version: str) -> ChartSource:
    found = _OCI.fullmatch(chart)
    if found is None:
        raise InvalidInput(
            f"chart={chart!r} is not a reference to an OCI registry.",
            option="chart",
            code="InvalidChartReference",
            remedy="Write oci://registry/path/cilium, with :1.20.2 or @sha256:... behind it where wanted; the path is"
            " lower case. Credentials go to chart_username and chart_password.",
        )
    # A tag cannot hold the + of a version; helm writes _ for it.
    tag = (found["tag"] or "").replace("_", "+")
    if tag and version and tag.removeprefix("v") != version.removeprefix("v"):
        raise InvalidInput(
            f"chart_version={version!r} contradicts the tag in chart={chart!r}.",
            option="chart_version",
            code="ChartVersionMismatch",
            remedy="Leave one of them out.",
        )
    if found["digest"] and not (tag or version):
        raise InvalidInput(
            f"chart={chart!r} has a digest but no version: without one nobody could tell whether the release is"
            " up to date.",
            option="chart_version",
            code="ChartVersionMissing",
            remedy="Add chart_version, or the tag before the digest.",
        )
    place = f"oci://{found['host']}/{found['path']}"
    return ChartSource("oci", place + (f"@{found['digest']}" if found["digest"] else ""), version=version or tag)


def _url(chart: str, version: str) -> ChartSource:
    _refuse_credentials(chart, "chart")
    bare = chart.partition("?")[0]
    if not bare.endswith((".tgz", ".tar.gz")):
        raise InvalidInput(
            f"chart={chart!r} is not the URL of an archive.",
            option="chart",
            code="InvalidChartReference",
            remedy="Give the URL of the .tgz, or the repository as chart_repo and the chart's name as chart.",
        )
    named = _ARCHIVE_VERSION.search(bare)
    known = version or (named[1] if named else "")
    if not known:
        raise InvalidInput(
            f"chart_version is missing: the name of chart={chart!r} does not tell it.",
            option="chart_version",
            code="ChartVersionMissing",
            remedy="Add chart_version.",
        )
    return ChartSource("url", chart, version=known)


def _refuse_credentials(url: str, option: str) -> None:
    if re.match(r"[a-z]+://[^/]*@", url):
        raise InvalidInput(
            f"{option} holds credentials: they would be shown in lists of processes and in logs.",
            option=option,
            code="CredentialsInUrl",
            remedy="Use chart_username and chart_password.",
        )
