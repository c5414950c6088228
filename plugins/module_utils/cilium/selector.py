# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Which endpoints a policy selects, judged by the labels that an agent lists. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..kube.labels import expression_holds
from .semantics import rules_of

NAMESPACE_LABEL = "k8s:io.kubernetes.pod.namespace"
# The sources that a selector's key may name; a key without one matches a label of any source.
_SOURCES = ("k8s", "any", "reserved", "container", "cidr", "cidrgroup", "fqdn", "gen", "unspec")


def selects(policy: Mapping[str, Any], labels: Iterable[str]) -> bool:
    """Whether a policy document applies to an endpoint with these labels (`k8s:app=web`, `reserved:host`)."""
    table = dict(_split(label) for label in labels)
    namespace = (policy.get("metadata") or {}).get("namespace")
    if namespace and table.get(NAMESPACE_LABEL) != namespace:
        return False
    if policy.get("kind") == "NetworkPolicy":
        return matches_labels((policy.get("spec") or {}).get("podSelector") or {}, table)
    for _path, rule in rules_of(policy):
        on_host = rule.get("nodeSelector") is not None
        if on_host != ("reserved:host" in table):
            continue
        if matches_labels(rule.get("nodeSelector" if on_host else "endpointSelector") or {}, table):
            return True
    return False


def _split(label: str) -> tuple[str, str]:
    key, _equals, value = label.partition("=")
    return key, value


def matches_labels(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector (`matchLabels`, `matchExpressions`) holds for labels with their sources (`k8s:app`)."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if value not in _values(key, labels):
            return False
    expressions = selector.get("matchExpressions") or []
    return all(expression_holds(item, _values(str(item.get("key")), labels)) for item in expressions)


def _values(key: str, labels: Mapping[str, str]) -> list[str]:
    """Values of a label; `k8s:app` names its source, `app` and `any:app` take the label from any source."""
    source, colon, rest = key.partition(":")
    if colon and source in _SOURCES and source != "any":
        return [labels[key]] if key in labels else []
    name = rest if colon and source == "any" else key
    return [value for label, value in labels.items() if label.partition(":")[2] == name]
