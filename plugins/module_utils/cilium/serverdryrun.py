# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Lets the API server judge the objects of a release without writing them; helm's own dry run never asks it."""

from __future__ import annotations

from collections.abc import Sequence

from .._errors import InvalidInput, NotFound
from .._types import Json
from ..kube.interface import Kube
from ..kube.kinds import NAMESPACE, kind_of


def judge(kube: Kube, objects: Sequence[Json], namespace: str) -> int:
    """How many objects the API server was asked about; raises InvalidInput that names the first one it refuses.

    objects: as Helm.planned gives them; namespace: of the release. Left out: kinds that this collection does not know,
    and what belongs into a namespace that the release itself is still to create.
    """
    made = {_name(item) for item in objects if item.get("kind") == NAMESPACE.kind}
    asked = 0
    for item in objects:
        metadata = item.get("metadata") or {}
        try:
            kind = kind_of(item)
        except InvalidInput:
            continue
        body = {**item, "metadata": {"namespace": namespace, **metadata}} if kind.namespaced else item
        try:
            kube.apply(kind, body, dry_run=True, force=True)
        except NotFound:
            if body["metadata"].get("namespace") not in {*made, namespace}:
                raise
            continue
        except InvalidInput as error:
            raise InvalidInput(
                f"The API server would refuse {kind.kind} {_name(item)} of the release: {error.message}",
                option="values",
                code=error.code or "ObjectRefused",
                remedy="Correct the values that make this object; nothing was written.",
                status=error.status,
            ) from error
        asked += 1
    return asked


def _name(item: Json) -> str:
    return str((item.get("metadata") or {}).get("name", ""))
