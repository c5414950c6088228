# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Compares user values with a chart: types, unknown keys, and keys that a version removed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._errors import InvalidInput
from .._types import Json
from .chart import Chart
from .values import at

# Maps that take any key although the chart gives them some: parts of Kubernetes objects and free labels.
_OPEN_MAPS = frozenset(
    (
        *("annotations", "commonLabels", "labels", "podAnnotations", "podLabels"),
        *("affinity", "nodeSelector", "resources", "updateStrategy", "extraConfig"),
        *("capabilities", "podSecurityContext", "seLinuxOptions", "securityContext"),
    )
)
# Charts before 1.16 have no schema; there the type of a default is the rule, and these take more than it says.
_ALSO_TEXT = frozenset({"kubeProxyReplacement"})
_ALSO_NUMBER = frozenset({"k8sServicePort"})

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (Mapping,),
    "array": (list, tuple),
}
_ARTICLES = {
    "string": "a text",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "object": "a map",
    "array": "a list",
    "null": "null",
}

# What a minor version removed or renamed: (minor, path, what to use). From the upgrade notes and the charts'
# own templates; before that version the key still works.
REMOVED: tuple[tuple[int, str, str], ...] = (
    (15, "tunnel", "routingMode and tunnelProtocol"),
    (15, "clustermesh.apiserver.tls.ca.cert", "tls.ca.cert"),
    (15, "clustermesh.apiserver.tls.ca.key", "tls.ca.key"),
    (15, "enableK8sEventHandover", ""),
    (15, "enableCnpStatusUpdates", ""),
    (16, "encryption.keyFile", "encryption.ipsec.keyFile"),
    (16, "encryption.mountPath", "encryption.ipsec.mountPath"),
    (16, "encryption.secretName", "encryption.ipsec.secretName"),
    (16, "encryption.interface", "encryption.ipsec.interface"),
    (16, "proxy.prometheus.enabled", "envoy.prometheus.enabled"),
    (16, "proxy.prometheus.port", "envoy.prometheus.port"),
    (16, "endpointStatus", ""),
    (16, "remoteNodeIdentity", ""),
    (16, "containerRuntime.integration", ""),
    (16, "etcd.managed", ""),
    (16, "egressGateway.installRoutes", ""),
    (16, "operator.skipCNPStatusStartupClean", ""),
    (17, "bgp", "bgpControlPlane"),
    (17, "externalIPs.enabled", "kubeProxyReplacement"),
    (17, "encryption.wireguard.userspaceFallback", ""),
    (18, "enableCiliumEndpointSlice", "ciliumEndpointSlice.enabled"),
    (18, "ciliumEndpointSlice.sliceMode", ""),
    (18, "hubble.relay.dialTimeout", ""),
    (18, "hubble.export.fileMaxSizeMb", "hubble.export.static.fileMaxSizeMb"),
    (18, "hubble.export.fileMaxBackups", "hubble.export.static.fileMaxBackups"),
    (18, "hostPort.enabled", "kubeProxyReplacement"),
    (18, "externalWorkloads", ""),
    (18, "highScaleIPcache", ""),
    (18, "loadBalancer.experimental", ""),
    (18, "enableK8sTerminatingEndpoint", ""),
    (18, "enableRuntimeDeviceDetection", ""),
    (19, "nodePort.enabled", "kubeProxyReplacement"),
    (19, "customCalls", ""),
    (19, "svcSourceRangeCheck", ""),
    (19, "clustermesh.apiserver.tls.client", ""),
    (20, "clustermesh.apiserver.tls.enableSecrets", ""),
    (20, "clustermesh.enableMCSAPISupport", "clustermesh.mcsapi.enabled"),
    (20, "encryption.strictMode.enabled", "encryption.strictMode.egress.enabled"),
    (20, "encryption.strictMode.cidr", "encryption.strictMode.egress.cidr"),
    (20, "encryption.strictMode.allowRemoteNodeIdentities", "encryption.strictMode.egress.allowRemoteNodeIdentities"),
    (20, "encryption.ipsec.encryptedOverlay", ""),
    (20, "hubble.redact.kafka", ""),
    (20, "preflight.tofqdnsPreCache", ""),
)
_FIRST_BOOLEAN_KPR = 16


def check_values(values: Json, chart: Chart) -> None:
    """Refuse removed keys, unknown keys and wrong types, all of them in one InvalidInput.

    The message names each option path with what is wrong and what to write instead.
    """
    problems = _removed(values, chart)
    taken = {path for path, _what in problems}
    _compare(values, chart.default_values, chart.values_schema, (), chart, taken, problems)
    if not problems:
        return
    first = "; ".join(f"values.{path}: {what}" for path, what in problems)
    raise InvalidInput(
        f"The chart {chart.name} {chart.version} does not take these values: {first.removesuffix('?')}"
        + ("?" if first.endswith("?") else "."),
        option="values",
        code="InvalidValues",
        remedy="Correct them; nothing was sent.",
        details={"values": dict(problems)},
    )


def _removed(values: Json, chart: Chart) -> list[tuple[str, str]]:
    problems = []
    for minor, path, instead in REMOVED:
        # A key that the chart still documents was not removed from this chart, whatever the table says.
        if chart.minor >= (1, minor) and at(values, path) is not None and at(chart.default_values, path) is None:
            hint = f"use {instead}" if instead else "leave it out"
            problems.append((path, f"removed in 1.{minor}, {hint}"))
    replacement = values.get("kubeProxyReplacement")
    old_names = ("strict", "partial", "disabled", "probe")
    if chart.minor >= (1, _FIRST_BOOLEAN_KPR) and replacement in old_names:
        wanted = "false" if replacement == "disabled" else "true"
        problems.append(("kubeProxyReplacement", f"{replacement!r} was removed in 1.16, use {wanted}"))
    return problems


def _compare(
    values: Mapping[str, Any],
    defaults: Mapping[str, Any],
    schema: Json | None,
    path: tuple[str, ...],
    chart: Chart,
    taken: Iterable[str],
    problems: list[tuple[str, str]],
) -> None:
    properties = (schema or {}).get("properties") or {}
    for key, value in values.items():
        here = (*path, str(key))
        dotted = ".".join(here)
        if dotted in taken or value is None:
            # null takes a default away: helm allows it everywhere.
            continue
        if key not in defaults and key not in properties:
            below_taken = any(other.startswith(f"{dotted}.") for other in taken)
            if key not in chart.commented and not below_taken:
                problems.append((dotted, _unknown(key, path, chart)))
            continue
        default, rule = defaults.get(key), properties.get(key)
        wrong = _wrong_type(str(key), value, default, rule)
        if wrong:
            problems.append((dotted, wrong))
        elif isinstance(value, Mapping) and isinstance(default, Mapping) and default and key not in _OPEN_MAPS:
            # A map that is empty or null by default takes any key, and so does a free map by its name.
            _compare(value, default, rule, here, chart, taken, problems)


def _wrong_type(key: str, value: object, default: object, rule: Json | None) -> str:
    """What is wrong with a value's type, empty when nothing is."""
    allowed = _allowed_types(key, default, rule)
    if not allowed or any(_is_a(value, name) for name in allowed):
        return ""
    wanted = " or ".join(_ARTICLES[name] for name in allowed if name != "null")
    shown = f"{_ARTICLES[_json_type(value)]}" + ("" if isinstance(value, (Mapping, list, tuple)) else f" ({value!r})")
    return f"must be {wanted}, is {shown}{_remedy(value, allowed)}"


def _allowed_types(key: str, default: object, rule: Json | None) -> Sequence[str]:
    """JSON types that the chart takes at a key; empty when anything goes."""
    if rule is not None:
        declared = rule.get("type")
        return [declared] if isinstance(declared, str) else list(declared or [])
    if default is None:
        return []
    kind = _json_type(default)
    if kind == "string":
        # Helm's templates print scalars; a number or boolean where a text stands is common and harmless.
        return ["string", "number", "boolean"]
    if kind == "integer":
        return ["number"]
    return [kind, *(["string"] if key in _ALSO_TEXT else []), *(["number"] if key in _ALSO_NUMBER else [])]


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return next((name for name, types in _JSON_TYPES.items() if isinstance(value, types)), "null")


def _is_a(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _JSON_TYPES.get(name, ()))


def _remedy(value: object, allowed: Sequence[str]) -> str:
    """How the same value is written in the right type."""
    if isinstance(value, str) and "boolean" in allowed and value.lower() in ("true", "false", "yes", "no"):
        return f"; write {'true' if value.lower() in ('true', 'yes') else 'false'} without quotes"
    if isinstance(value, str) and ("integer" in allowed or "number" in allowed) and value.lstrip("-").isdigit():
        return f"; write {value} without quotes"
    if "string" in allowed and isinstance(value, (bool, int, float)):
        return "; write it in quotes"
    return ""


def _unknown(key: str, path: tuple[str, ...], chart: Chart) -> str:
    siblings: Any = chart.default_values
    for part in path:
        siblings = siblings.get(part, {}) if isinstance(siblings, Mapping) else {}
    near = difflib.get_close_matches(key, [str(name) for name in siblings], n=1, cutoff=0.6)
    if near:
        return f"unknown, did you mean {'.'.join((*path, near[0]))}?"
    elsewhere = [found for found in _paths(chart.default_values, ()) if found.rpartition(".")[2] == key]
    if 0 < len(elsewhere) <= 3:
        return f"unknown, did you mean {' or '.join(sorted(elsewhere))}?"
    return "unknown"


def _paths(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterable[str]:
    for key, value in values.items():
        here = (*path, str(key))
        yield ".".join(here)
        if isinstance(value, Mapping):
            yield from _paths(value, here)
