# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What an older Hubble does not know: a field of a filter that is new to it is ignored, so more would match (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .._errors import Unsupported
from .._types import Json
from .observation import NodeFacts

SINCE = {
    **dict.fromkeys(("http_url", "http_header"), 15),
    **dict.fromkeys(("drop_reason_desc", "source_ip_xlated", "interface", "node_labels", "experimental"), 16),
    # In 1.18, not in 1.16; 1.17 was not there to be read.
    **dict.fromkeys(("source_cluster_name", "destination_cluster_name"), 17),
    **dict.fromkeys(("ip_trace_id", "encrypted"), 19),
}
"""The fields of FlowFilter by the minor version of Cilium 1 that they came with, where 1.14 does not have them; from
the interfaces of 1.14, 1.15, 1.16, 1.18, 1.19 and 1.20."""
_OPTIONS = {
    "drop_reason_desc": "drop_reason",
    "source_ip_xlated": "snat_ip",
    "node_labels": "node_label",
    "experimental": "cel_expression",
    "source_cluster_name": "cluster",
    "destination_cluster_name": "cluster",
}


def is_newer_than_all(filters: Iterable[Json]) -> bool:
    """Whether a filter has a field that some version of Hubble in use does not know."""
    return any(name in SINCE for one in filters for name, value in one.items() if value)


def refuse_unknown_filters(filters: Sequence[Json], nodes: Iterable[NodeFacts]) -> None:
    """Raises Unsupported when a node that answers is too old for a filter. A version that cannot be read passes."""
    used = sorted({name for one in filters for name, value in one.items() if value and name in SINCE})
    for node in nodes:
        found = re.search(r"(?<![\d.])1\.(\d+)\.", node.version)
        if node.state != "CONNECTED" or found is None:
            continue
        for name in used:
            if int(found[1]) < SINCE[name]:
                option = _OPTIONS.get(name, name)
                raise Unsupported(
                    f"{option}: Hubble of Cilium 1.{found[1]} (node {node.name}) ignores this filter, which came with"
                    f" 1.{SINCE[name]}, and would return flows that it should not.",
                    option=option,
                    code="FilterTooNew",
                    remedy="Ask without it and choose among the flows that are returned, or upgrade Cilium.",
                )
