# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Values that take all images of a chart from a private registry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._errors import InvalidInput
from .._types import Json
from .chart import Chart
from .valuetree import at, deep_merge, put, switched_on

_REGISTRY = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_SPIRE_WITH_INIT_IMAGE = (1, 15)
_SECRET_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class Images:
    """Where images come from. digests: None leaves the chart's, False takes images by their tags alone."""

    registry: str = ""
    digests: bool | None = None
    pull_secrets: Sequence[str] = ()

    @property
    def wanted(self) -> bool:
        """Whether anything about images was said."""
        return bool(self.registry or self.digests is not None or self.pull_secrets)


def check_images(images: Images) -> None:
    """Refuse what is no registry and no name of a Secret."""
    if images.registry and not _REGISTRY.fullmatch(images.registry):
        raise InvalidInput(
            f"image_registry={images.registry!r} is not a registry.",
            option="image_registry",
            code="InvalidImageRegistry",
            remedy="Write it as myregistry.azurecr.io or myregistry.azurecr.io/mirror, without https:// and without a"
            " slash behind it.",
        )
    for name in images.pull_secrets:
        if not _SECRET_NAME.fullmatch(name):
            raise InvalidInput(
                f"image_pull_secrets: {name!r} is not the name of a Secret.",
                option="image_pull_secrets",
                code="InvalidName",
                remedy="Give names of Secrets that exist in the namespace of Cilium: a-z, 0-9, '-' and '.'.",
            )


def with_images(values: Json, chart: Chart, images: Images) -> Json:
    """The values with every image of this chart from the registry; what the values themselves say wins.

    The chart's values.yaml tells which images there are, so that this holds for every version. Only the host is
    replaced (quay.io/cilium/operator becomes REGISTRY/cilium/operator), as copies and pull-through caches have it.
    """
    if not images.wanted:
        return values
    made: Json = {}
    if images.pull_secrets:
        put(made, "imagePullSecrets", [{"name": name} for name in images.pull_secrets])
    for path, default in _images(chart.default_values, ()):
        if isinstance(default, str):
            # Charts before 1.15 have SPIRE's images as one text.
            if images.registry:
                put(made, path, _bare(_moved(default, images.registry), images.digests))
            continue
        repository = default.get("repository")
        if images.registry and repository:
            put(made, f"{path}.repository", _moved(repository, images.registry))
        if images.digests is not None and "useDigest" in default:
            put(made, f"{path}.useDigest", images.digests)
    return deep_merge(made, values)


def unmoved_images(values: Json, chart: Chart, images: Images) -> list[str]:
    """Paths of images that the values take from elsewhere although a registry is given (an `override` for one)."""
    if not images.registry:
        return []
    settled = with_images(values, chart, images)
    found = []
    for path, __ in _images(chart.default_values, ()):
        image = at(settled, path)
        texts = [image] if isinstance(image, str) else [(image or {}).get(key) for key in ("repository", "override")]
        if any(text and not str(text).startswith(f"{images.registry}/") for text in texts):
            found.append(path)
    spire = "authentication.mutual.spire"
    if chart.minor < _SPIRE_WITH_INIT_IMAGE and switched_on(settled, f"{spire}.enabled"):
        found.append(f"{spire}.install (docker.io/library/busybox, fixed in the charts of 1.14)")
    return found


def _images(values: Mapping[str, Any], path: tuple[str, ...]) -> list[tuple[str, Any]]:
    """All images of a values.yaml: maps with a repository, and texts where an image stands."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        here = (*path, str(key))
        if isinstance(value, Mapping):
            found += [(".".join(here), value)] if "repository" in value else _images(value, here)
        elif key == "image" and isinstance(value, str) and value:
            found.append((".".join(here), value))
    return found


def _moved(repository: str, registry: str) -> str:
    """The same repository at another registry. The first part is a host when it looks like one."""
    host, slash, rest = repository.partition("/")
    is_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    return f"{registry}/{rest if is_host else repository}"


def _bare(image: str, digests: bool | None) -> str:
    return image.partition("@")[0] if digests is False else image
