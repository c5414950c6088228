# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Which policies turn on default deny for a pod (pure): the answer that a denied flow itself does not give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._types import Json
from ..kube.labels import expression_holds

_NAMESPACE_LABEL = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_SOURCES = ("k8s:", "any:", "k8s.", "any.")


def denying(
    policies: Iterable[Json],
    namespace: str,
    labels: Mapping[str, str],
    namespace_labels: Mapping[str, str],
    direction: str,
) -> list[str]:
    """The policies, as `Kind namespace/name`, that make the pod deny by default in a direction (INGRESS or EGRESS).

    policies: NetworkPolicy, CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy objects of any namespace.
    """
    all_labels = {
        **labels,
        _NAMESPACE_LABEL: namespace,
        **{f"{_NAMESPACE_LABELS}{key}": value for key, value in namespace_labels.items()},
    }
    found = []
    for policy in policies:
        metadata = policy.get("metadata") or {}
        own = metadata.get("namespace", "")
        if own and own != namespace:
            continue
        if any(_applies(policy.get("kind", ""), spec, all_labels, direction) for spec in _specs(policy)):
            path = f"{own}/{metadata.get('name', '')}" if own else metadata.get("name", "")
            found.append(f"{policy.get('kind', '')} {path}")
    return sorted(found)


def _specs(policy: Json) -> list[Json]:
    return [spec for spec in (policy.get("spec"), *(policy.get("specs") or ())) if spec]


def _applies(kind: str, spec: Json, labels: Mapping[str, str], direction: str) -> bool:
    side = direction.lower()
    if kind == "NetworkPolicy":
        types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
        return side.capitalize() in types and matches(spec.get("podSelector") or {}, labels)
    if "endpointSelector" not in spec or (spec.get("enableDefaultDeny") or {}).get(side) is False:
        return False
    # An empty list says nothing about the direction; default deny needs a rule, if only an empty one.
    if not spec.get(side) and not spec.get(f"{side}Deny"):
        return False
    return matches(spec.get("endpointSelector") or {}, labels)


def matches(selector: Json, labels: Mapping[str, str]) -> bool:
    """Whether a label selector of Kubernetes or Cilium (keys may carry a source such as `k8s:`) selects the labels."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(_bare(key)) != value:
            return False
    for expression in selector.get("matchExpressions") or ():
        value = labels.get(_bare(expression.get("key", "")))
        if not expression_holds(expression, [] if value is None else [value]):
            return False
    return True


def _bare(key: str) -> str:
    for source in _SOURCES:
        if key.startswith(source):
            return key[len(source) :]
    return key
