# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Whether a live value and a wanted one are the same to Azure. Pure.

Every function takes (live, wanted, holder): holder is the live object around the value, for rules that look aside.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

from .._types import Json

Same = Callable[[Any, Any, Json], bool]


def exact(live: Any, wanted: Any, holder: Json) -> bool:
    """Equal as JSON."""
    return bool(live == wanted)


def caseless(live: Any, wanted: Any, holder: Json) -> bool:
    """Equal apart from case: Azure answers with another spelling than it was sent (`standard`, `Standard`)."""
    return str(live or "").lower() == str(wanted or "").lower()


def location(live: Any, wanted: Any, holder: Json) -> bool:
    """`West Europe` and `westeurope` are one location."""
    return str(live or "").replace(" ", "").lower() == str(wanted or "").replace(" ", "").lower()


def network(live: Any, wanted: Any, holder: Json) -> bool:
    """Equal as address or network."""
    return _network(live) == _network(wanted)


def networks(live: Any, wanted: Any, holder: Json) -> bool:
    """Equal as sets of networks; a bare address is its own /32."""
    return {_network(item) for item in live or []} == {_network(item) for item in wanted or []}


def members(live: Any, wanted: Any, holder: Json) -> bool:
    """Equal as sets of words, apart from case: the order of such lists means nothing."""
    return sorted(str(item).lower() for item in live or []) == sorted(str(item).lower() for item in wanted or [])


def exact_members(live: Any, wanted: Any, holder: Json) -> bool:
    """Equal as sets of words, with case (taints)."""
    return sorted(map(str, live or [])) == sorted(map(str, wanted or []))


def pod_cidr(live: Any, wanted: Any, holder: Json) -> bool:
    """As network; API versions before 2026-01-01 do not tell the pod CIDR of a cluster without a CNI."""
    if live is None and str(holder.get("networkPlugin") or "").lower() == "none":
        return True
    return network(live, wanted, holder)


def pod_cidrs(live: Any, wanted: Any, holder: Json) -> bool:
    """The same for the list, which those versions do not tell either."""
    if live is None and str(holder.get("networkPlugin") or "").lower() == "none":
        return True
    return networks(live, wanted, holder)


def texts(live: Any, wanted: Any, holder: Json) -> bool:
    """Equal as names with texts (labels)."""
    return dict(live or {}) == {key: text(value) for key, value in (wanted or {}).items()}


def text(value: Any) -> str:
    """The text of a tag or label: YAML makes numbers and booleans of some of them."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def instant(live: Any, wanted: Any, holder: Json) -> bool:
    """Equal as points in time."""
    have, want = parse_instant(str(live or "")), parse_instant(str(wanted or ""))
    return have is not None and have == want


def parse_instant(text: str) -> datetime | None:
    """A time in ISO 8601, as UTC where it names no zone; None where it is none."""
    # Python 3.10 knows neither Z nor seven digits after the second, and Azure writes both.
    plain = re.sub(r"(\.\d{6})\d+", r"\1", re.sub(r"[Zz]$", "+00:00", text.strip()))
    try:
        parsed = datetime.fromisoformat(plain)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def disk_size(live: Any, wanted: Any, holder: Json) -> bool:
    """0 asks for the default of the VM size, whatever that is."""
    return wanted == 0 or exact(live, wanted, holder)


def version_of(current_key: str) -> Same:
    """Kubernetes versions: an alias (`1.34`) is met by any patch of it, a full version also by the running one."""

    def version(live: Any, wanted: Any, holder: Json) -> bool:
        seen = [str(value) for value in (live, holder.get(current_key)) if value]
        alias = str(wanted).count(".") == 1
        return any(value == wanted or (alias and value.startswith(f"{wanted}.")) for value in seen)

    return version


def version_key(version: str) -> tuple[int, ...]:
    """A version as numbers, for ordering."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("-", 1)[0]))


def _network(value: Any) -> str:
    if not value:
        return ""
    try:
        return str(ipaddress.ip_network(str(value), strict=False))
    except ValueError:
        return str(value).lower()


# Below these keys names and values belong to the user, so case counts.
_USER_DATA = frozenset({"tags", "nodelabels", "nodetaints", "config"})
# Azure takes these and never gives them back, so they cannot be compared.
_WRITE_ONLY = re.compile(r"password$|secret$", re.IGNORECASE)


def raw(live: Any, wanted: Any, path: Sequence[str]) -> bool:
    """Whether a raw wanted value is already met: named keys equal, others ignored, scalar lists unordered."""
    if isinstance(wanted, dict):
        held = live if isinstance(live, dict) else {}
        if not isinstance(live, dict) and wanted:
            return all(value is None or is_write_only(key) for key, value in wanted.items()) and live is None
        return all(raw(held.get(key), value, [*path, key]) for key, value in wanted.items())
    if isinstance(wanted, list):
        return _raw_list(live or [], wanted, path)
    if live is None and path and is_write_only(path[-1]):
        return True
    if isinstance(wanted, str) and isinstance(live, str) and not _USER_DATA & {key.lower() for key in path}:
        return live.lower() == wanted.lower()
    return bool(live == wanted)


def _raw_list(live: Any, wanted: list[Any], path: Sequence[str]) -> bool:
    if not isinstance(live, list) or len(live) != len(wanted):
        return False
    if any(isinstance(item, (dict, list)) for item in wanted):
        return all(raw(have, want, path) for have, want in zip(live, wanted, strict=True))
    return exact_members(live, wanted, {}) if _USER_DATA & {key.lower() for key in path} else members(live, wanted, {})


def is_write_only(key: str) -> bool:
    """Whether Azure never returns what is stored under this key; such values are secrets, too."""
    return bool(_WRITE_ONLY.search(key))
