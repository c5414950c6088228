# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Options as `hubble observe` has them, turned into Hubble's FlowFilter documents (all pure).

A flow is wanted when one of the filters matches; within a filter all fields must match, and of each field one value.
An option for either end (`pod`) needs two filters, one per end; `from_` and `to_` options stand in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._errors import InvalidInput
from .._types import Json, Params
from .filter_values import (
    Parse,
    address_value,
    event_type_value,
    http_header_value,
    http_status_value,
    identity_value,
    interface_value,
    ip_version_value,
    label_value,
    namespace_value,
    object_value,
    one_of,
    pattern_value,
    port_value,
    protocol_value,
    tcp_flags_value,
    text_value,
    trace_number_value,
    workload_value,
)
from .names import L7


@dataclass(frozen=True)
class TwoSided:
    """An option that exists as `name`, `from_name` and `to_name`."""

    source: str
    destination: str
    parse: Parse = text_value


TWO_SIDED: dict[str, TwoSided] = {
    "pod": TwoSided("source_pod", "destination_pod", object_value),
    "service": TwoSided("source_service", "destination_service", object_value),
    "workload": TwoSided("source_workload", "destination_workload", workload_value),
    "label": TwoSided("source_label", "destination_label", label_value),
    "ip": TwoSided("source_ip", "destination_ip", address_value),
    "fqdn": TwoSided("source_fqdn", "destination_fqdn"),
    "port": TwoSided("source_port", "destination_port", port_value),
    "identity": TwoSided("source_identity", "destination_identity", identity_value),
    "cluster": TwoSided("source_cluster_name", "destination_cluster_name"),
}
ONE_SIDED: dict[str, tuple[str, Parse]] = {
    "verdict": ("verdict", one_of("Verdict")),
    "drop_reason": ("drop_reason_desc", one_of("DropReason")),
    "type": ("event_type", event_type_value),
    "protocol": ("protocol", protocol_value),
    "traffic_direction": ("traffic_direction", one_of("TrafficDirection")),
    "tcp_flags": ("tcp_flags", tcp_flags_value),
    "ip_version": ("ip_version", ip_version_value),
    "snat_ip": ("source_ip_xlated", address_value),
    "interface": ("interface", interface_value),
    "node_name": ("node_name", text_value),
    "node_label": ("node_labels", label_value),
    "dns_query": ("dns_query", pattern_value),
    "http_status": ("http_status_code", http_status_value),
    "http_method": ("http_method", text_value),
    "http_path": ("http_path", pattern_value),
    "http_url": ("http_url", pattern_value),
    "http_header": ("http_header", http_header_value),
    "uuid": ("uuid", text_value),
    "trace_id": ("trace_id", text_value),
    "ip_trace_id": ("ip_trace_id", trace_number_value),
}
SWITCHES = {"reply": "reply", "encrypted": "encrypted"}
_SIDES = ("", "from_", "to_")
FILTER_OPTIONS: Json = {
    **{f"{side}{name}": {"type": "list", "elements": "str"} for name in ("namespace", *TWO_SIDED) for side in _SIDES},
    **{f"{side}all_namespaces": {"type": "bool", "default": False} for side in _SIDES},
    **{name: {"type": "list", "elements": "str"} for name in (*ONE_SIDED, "cel_expression")},
    **{name: {"type": "bool"} for name in SWITCHES},
}
"""The filter options of a module's argument specification."""

# An end is named in one way only, and an option for either end excludes those for one end.
_SAME_END = (("", ""), ("", "from_"), ("", "to_"), ("from_", ""), ("to_", ""), ("from_", "from_"), ("to_", "to_"))
_EXCLUSIVE: tuple[tuple[str, str], ...] = (
    *((name, f"{side}{name}") for name in ("namespace", "all_namespaces", *TWO_SIDED) for side in ("from_", "to_")),
    *(
        (name, f"{side}{end}")
        for name in ("namespace", "all_namespaces")
        for side in ("from_", "to_")
        for end in ("pod", "service")
    ),
    *(
        (f"{first}{one}", f"{second}{other}")
        for one, others in (
            ("fqdn", ("ip", "pod", "namespace", "all_namespaces")),
            ("ip", ("pod", "namespace", "all_namespaces")),
            ("namespace", ("all_namespaces",)),
        )
        for other in others
        for first, second in _SAME_END
    ),
)


def build_filters(params: Params, prefix: str = "") -> tuple[Json, ...]:
    """FlowFilter documents for the filter options in params; none when no option is given.

    prefix stands before option names in errors. Raises InvalidInput for a value or combination that means nothing.
    """
    given = {
        name: params[name]
        for name in FILTER_OPTIONS
        if params.get(name) not in (None, []) and not (name.endswith("all_namespaces") and not params[name])
    }
    for one, other in _EXCLUSIVE:
        if one in given and other in given:
            raise InvalidInput(
                f"{prefix}{one} and {prefix}{other} cannot be combined.",
                option=f"{prefix}{one}",
                code="InvalidFilter",
                remedy="Name each end of a flow in one way: either end, or from and to; pod, address or DNS name.",
            )
    if not given:
        return ()
    _check_http(given, prefix)
    left: Json = {}
    right: Json = {}
    for name, two_sided in TWO_SIDED.items():
        for side in _SIDES:
            values = [two_sided.parse(f"{prefix}{side}{name}", str(value)) for value in given.get(f"{side}{name}", ())]
            if values and side != "to_":
                left[two_sided.source] = values
            if values and side == "from_":
                right[two_sided.source] = values
            if values and side != "from_":
                right[two_sided.destination] = values
            if values and side == "to_":
                left[two_sided.destination] = values
    for name, (field_name, parse) in ONE_SIDED.items():
        if name in given:
            left[field_name] = right[field_name] = [parse(f"{prefix}{name}", str(value)) for value in given[name]]
    for name, field_name in SWITCHES.items():
        if name in given:
            left[field_name] = right[field_name] = [given[name]]
    if "cel_expression" in given:
        expressions = [text_value(f"{prefix}cel_expression", str(value)) for value in given["cel_expression"]]
        left["experimental"] = right["experimental"] = {"cel_expression": expressions}
    _add_namespaces(left, right, given, prefix)
    return (left,) if left == right else (left, right)


def _check_http(given: Params, prefix: str) -> None:
    """HTTP is seen in events of layer 7 only, and Hubble refuses to look for it in others."""
    wanted = [name for name in given if name.startswith("http_")]
    types = [event_type_value(f"{prefix}type", str(value))["type"] for value in given.get("type", ())]
    if wanted and types and L7 not in types:
        raise InvalidInput(
            f"{prefix}{wanted[0]} finds nothing in events of {prefix}type={','.join(given['type'])}.",
            option=f"{prefix}{wanted[0]}",
            code="InvalidFilter",
            remedy=f"Leave out {prefix}type, or add l7.",
        )


def _add_namespaces(left: Json, right: Json, given: Params, prefix: str) -> None:
    """Namespaces become part of the pod and service names; where there are none, `namespace/` stands for all pods."""
    for option, filters, side in (
        ("to_namespace", (left, right), "destination"),
        ("from_namespace", (left, right), "source"),
        ("namespace", (left,), "source"),
        ("namespace", (right,), "destination"),
    ):
        any_namespace = option.replace("namespace", "all_namespaces")
        namespaces = [namespace_value(f"{prefix}{option}", str(value)) for value in given.get(option, ())]
        if any_namespace in given:
            # Before a slash, nothing stands for any.
            option, namespaces = any_namespace, [""]
        if not namespaces:
            continue
        for one in filters:
            if f"{side}_pod" not in one and f"{side}_service" not in one:
                one[f"{side}_pod"] = [""]
            for field_name in (f"{side}_pod", f"{side}_service"):
                if field_name in one:
                    one[field_name] = _in_namespaces(f"{prefix}{option}", one[field_name], namespaces)


def _in_namespaces(option: str, names: Sequence[str], namespaces: Sequence[str]) -> list[str]:
    placed: list[str] = []
    for name in names:
        own, slash, _rest = name.partition("/")
        if not slash:
            placed.extend(f"{namespace}/{name}" for namespace in namespaces)
        elif own and own not in namespaces:
            raise InvalidInput(
                f"{option} contradicts {name}, which names a namespace of its own.",
                option=option,
                code="InvalidFilter",
                remedy=f"Leave the namespace out of {name}, or name it in {option}.",
            )
        else:
            placed.append(name)
    return placed
