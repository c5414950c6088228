# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The one field by which a policy of ours denies or not, and the patches of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from .._errors import Unsupported
from .._types import Json
from ..cilium.semantics import denies_by_default


def default_deny(policy: Json) -> dict[str, bool]:
    """Whether a policy of one rule (`spec`) makes its pods deny by default, by direction."""
    rule = policy.get("spec") or {}
    return {direction: denies_by_default(rule, direction) for direction in ("ingress", "egress")}


def deny_patch(policy: Json, directions: Iterable[str], value: bool, *, version: bool = False) -> Json:
    """Merge patch that sets the field on this very object (by its UID), on request only in the version at hand."""
    metadata = {"uid": policy["metadata"]["uid"]}
    if version:
        metadata["resourceVersion"] = policy["metadata"]["resourceVersion"]
    return {"metadata": metadata, "spec": {"enableDefaultDeny": dict.fromkeys(directions, value)}}


def required_shadow(possible: bool, version: str) -> None:
    """Raise Unsupported where policies cannot be switched between shadow and enforced."""
    if not possible:
        raise Unsupported(
            f"Cilium {version or 'of unknown version'} has no enableDefaultDeny, on which shadow and enforcement rest;"
            " it came with 1.16.",
            code="NoShadow",
            remedy="Upgrade Cilium to 1.16 or later, or apply the policies at once with cilium_policy (mode=as_given).",
        )
