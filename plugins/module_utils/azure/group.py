# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Resource groups, as far as a cluster needs one: created when asked, removed only when ours and empty."""

from __future__ import annotations

from collections.abc import Sequence

from .._errors import NotFound
from .._text import counted
from .._types import Json, Progress
from .client import GROUP_API_VERSION, ArmClient
from .operation import settle

OUR_TAG, OUR_VALUE = "cloudnet.aks_cilium", "created"


def is_ours(document: Json) -> bool:
    """Whether an object carries the tag by which `absent` knows that it may remove it."""
    return bool((document.get("tags") or {}).get(OUR_TAG) == OUR_VALUE)


def read_group(arm: ArmClient, name: str) -> Json | None:
    """The resource group, None where there is none."""
    answer = arm.get(arm.group_path(name), what=f"resource group {name}", api_version=GROUP_API_VERSION)
    return answer.body if answer else None


def create_group(arm: ArmClient, name: str, location: str, tags: Json) -> None:
    """Create the group with the tag by which `absent` knows that it may remove it."""
    kept = {key: str(value) for key, value in tags.items() if value is not None}
    arm.send(
        "PUT",
        arm.group_path(name),
        what=f"resource group {name}",
        body={"location": location, "tags": {**kept, OUR_TAG: OUR_VALUE}},
        api_version=GROUP_API_VERSION,
    )


def reason_to_keep(arm: ArmClient, name: str, group: Json, *, without: Sequence[str] = ()) -> str:
    """Why the group must stay; empty when it is ours and holds nothing but the objects `without` (their ids)."""
    if not is_ours(group):
        return f"it does not carry the tag {OUR_TAG}={OUR_VALUE}"
    answer = arm.get(f"{arm.group_path(name)}/resources", what=f"contents of {name}", api_version=GROUP_API_VERSION)
    content = (answer.body or {}).get("value") if answer else []
    ids = [str(item.get("id")) for item in content or []]
    ignored = {item.lower() for item in without}
    others = [item for item in ids if item.lower() not in ignored]
    return f"it is not empty ({counted(len(others), 'resource')})" if others else ""


def delete_group(arm: ArmClient, name: str, *, wait: bool, timeout_s: float, progress: Progress) -> None:
    """Delete the group, and wait until it is gone."""
    what = f"resource group {name}"
    try:
        arm.send("DELETE", arm.group_path(name), what=what, api_version=GROUP_API_VERSION)
    except NotFound:
        # The last clusters of a group are deleted side by side, and each run may try to remove the group.
        return
    if wait:
        settle(
            lambda: read_group(arm, name),
            arm,
            what=what,
            timeout_s=timeout_s,
            progress=progress,
            until_gone=True,
        )
