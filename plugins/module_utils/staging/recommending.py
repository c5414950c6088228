# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""From evidence or flows to a recommendation, and to manifests."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._errors import Conflict, InvalidInput, Unsupported
from .._types import Json, Params, Result
from ..hardening.classify import Classified
from ..hardening.explain import explain
from ..hardening.generate import Recommendation, counts, recommend
from ..hardening.keys import edge_key
from ..hardening.manifests import HEADER, files
from ..hardening.model import Evidence
from ..hardening.rules import Options
from .files import observed, read_text, write_text

SYSTEM_NAMESPACE = "kube-system"
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def recommend_policies(params: Params, warn: Any, check_mode: bool) -> Result:
    """The whole of network_policy_recommend. warn: takes one text for each thing allowed beyond what was seen."""
    namespaces = _namespaces(params)
    _check_networks(params["networks"])
    evidence = observed(params)
    _check_namespaces(namespaces, evidence)
    if "cilium" in params["kinds"]:
        _check_platform(evidence.platform)
    found = recommend(evidence, _options(params, namespaces, evidence.platform))
    for text in found.warnings:
        if text not in found.chosen:
            warn(text)
    manifests = files(found.policies)
    result = Result(values=_values(found, evidence, manifests))
    if params["dest"]:
        dest = os.path.expanduser(params["dest"])
        before = _written(dest, namespaces)
        _refuse_strangers(dest, manifests, before)
        # Lists of lines, for a difference within one long text nobody can read.
        result.before = {name: text.splitlines() for name, text in before.items()}
        result.after = {name: text.splitlines() for name, text in manifests.items()}
        result.changed = before != manifests
        if result.changed and not check_mode:
            _write(dest, before, manifests)
    return result


def _namespaces(params: Params) -> tuple[str, ...]:
    chosen = tuple(sorted(set(params["namespaces"])))
    if not chosen:
        raise InvalidInput(
            "namespaces is empty.", option="namespaces", code="NoNamespaces", remedy="Name at least one namespace."
        )
    # A name is also the name of a directory.
    for name in chosen:
        if not _NAMESPACE.fullmatch(name):
            raise InvalidInput(
                f"namespaces holds {name!r}, which is no name of a namespace.",
                option="namespaces",
                code="InvalidNamespace",
                remedy="A name has at most 63 lower case letters, digits and hyphens.",
            )
    if SYSTEM_NAMESPACE in chosen and SYSTEM_NAMESPACE not in params["system_namespaces"]:
        raise InvalidInput(
            f"namespaces holds {SYSTEM_NAMESPACE}, where a denied connection can stop the whole cluster.",
            option="namespaces",
            code="SystemNamespace",
            remedy=f"If it is meant, name it a second time: system_namespaces=[{SYSTEM_NAMESPACE}].",
        )
    return chosen


def _check_networks(networks: Sequence[str]) -> None:
    for text in networks:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise InvalidInput(
                f"networks={text!r} is not a network: {error}.",
                option="networks",
                code="InvalidNetwork",
                remedy="Write it as 203.0.113.0/24.",
            ) from error


def _check_namespaces(namespaces: Sequence[str], evidence: Evidence) -> None:
    ends = (peer.workload for edge in evidence.edges for peer in (edge.source, edge.destination))
    known = {workload.namespace for workload in ends if workload} | set(evidence.inventory.namespaces)
    known |= set(evidence.namespaces)
    missing = [name for name in namespaces if name not in known]
    if missing:
        raise InvalidInput(
            f"namespaces names what the evidence does not know: {', '.join(missing)}.",
            option="namespaces",
            code="NamespaceNotFound",
            remedy=f"Known are: {', '.join(sorted(known)) or 'none'}.",
        )
    unobserved = [name for name in namespaces if evidence.namespaces and name not in evidence.namespaces]
    if unobserved:
        raise InvalidInput(
            f"namespaces names what was not observed: {', '.join(unobserved)}.",
            option="namespaces",
            code="NamespaceNotObserved",
            remedy="Collect evidence of it first (network_policy_evidence): what nobody watched would all be denied.",
        )


def _check_platform(platform: Mapping[str, Any]) -> None:
    if platform.get("default_deny_field") is False:
        raise Unsupported(
            f"Cilium {platform.get('cilium_version') or '(unknown version)'} is older than 1.16: its policies have no"
            " enableDefaultDeny, so a candidate would deny from the moment it is applied.",
            option="kinds",
            code="NoShadow",
            remedy="Upgrade Cilium to 1.16 or later, or use kinds=[kubernetes] and apply with care: they deny at once.",
        )


def _options(params: Params, namespaces: tuple[str, ...], platform: Mapping[str, Any]) -> Options:
    fqdn = params["fqdn"]
    if fqdn is None:
        fqdn = platform.get("fqdn_policies") is not False
    return Options(
        namespaces=namespaces,
        approved=tuple(params["approved"]),
        kinds=tuple(params["kinds"]),
        fqdn=bool(fqdn),
        networks=tuple(params["networks"]),
        platform_policy=params["platform_policy"],
        dns=dict(platform.get("dns") or {}),
    )


def _values(found: Recommendation, evidence: Evidence, manifests: Mapping[str, str]) -> Json:
    return {
        "policies": found.policies,
        "files": list(manifests),
        "lines": explain(found, evidence.namespaces),
        "reasons": found.reasons,
        "review": found.review,
        "policy_warnings": found.warnings,
        "notes": found.notes,
        "classification": [_shown(one) for one in found.classified],
        "ignored": dict(sorted(evidence.ignored.items())),
        "counts": dict(counts(found)),
        "evidence_digest": found.digest,
    }


def _shown(one: Classified) -> Json:
    return {
        "connection": edge_key(one.edge),
        "kind": one.kind,
        "allowed": one.allowed,
        "reason": one.reason,
        "approved_by": one.approved_by,
        "egress": one.seen.egress,
        "ingress": one.seen.ingress,
        "denied": one.seen.denied,
        "first": one.seen.first_s,
        "last": one.seen.last_s,
    }


def _written(dest: str, namespaces: Sequence[str]) -> dict[str, str]:
    """Our files of the namespaces, by name."""
    found = {}
    for namespace in namespaces:
        folder = os.path.join(dest, namespace)
        if not os.path.isdir(folder):
            continue
        for name in sorted(os.listdir(folder)):
            if name.endswith(".yaml"):
                text = read_text(os.path.join(folder, name), "dest")
                if text.startswith(HEADER):
                    found[f"{namespace}/{name}"] = text
    return found


def _refuse_strangers(dest: str, manifests: Mapping[str, str], before: Mapping[str, str]) -> None:
    for name in manifests:
        if name not in before and os.path.lexists(os.path.join(dest, name)):
            raise Conflict(
                f"dest={dest!r} has a file {name} that was not made by this module.",
                option="dest",
                code="FileNotOurs",
                remedy="Move it away or choose another directory; nothing was written.",
            )


def _write(dest: str, before: Mapping[str, str], manifests: Mapping[str, str]) -> None:
    """Write what differs, each file in one step, and remove ours that are no more."""
    for name, text in manifests.items():
        if before.get(name) != text:
            write_text(os.path.join(dest, name), text, "dest")
    for name in before:
        if name not in manifests:
            try:
                os.unlink(os.path.join(dest, name))
            except OSError as error:
                raise InvalidInput(
                    f"dest={dest!r} has the file {name}, which cannot be removed: {error.strerror or error}.",
                    option="dest",
                    code="UnwritableFile",
                    remedy="Give a directory that the task may write to.",
                ) from error
