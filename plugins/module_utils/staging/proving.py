# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads evidence and policies, and has hardening/prove.py judge the one by the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .._errors import InvalidInput, OperationFailed
from .._text import counted
from .._types import Json, Params, Result
from .._yaml import documents_of
from ..hardening.classify import classify
from ..hardening.generate import recommend
from ..hardening.keys import Approval, parse_approvals
from ..hardening.marks import PLATFORM_ROLE, ROLE_LABEL
from ..hardening.model import Edge, Evidence
from ..hardening.proof import Proof, Score
from ..hardening.prove import prove, split
from ..hardening.rules import Options
from .files import observed, read_manifests

FAIL_ON = ("needed", "held_out", "extra", "redundant")
SHOWN = 5


def prove_policies(params: Params, warn: Callable[[str], None]) -> Result:
    """The whole of network_policy_prove. Raises OperationFailed for what fail_on does not forgive."""
    documents = _documents(params)
    _check_numbers(params)
    evidence = observed(params)
    approvals = parse_approvals(params["approved"])
    needed = [one.edge for one in classify(evidence, approvals, params["namespaces"] or None) if one.allowed]
    proof = prove(
        evidence,
        documents,
        needed=needed,
        held_out=_held_out(evidence, params["held_out"]),
        held_out_share=params["held_out_share"],
        random_edges=params["random_edges"],
        seed=params["seed"],
    )
    proof.forecast = _forecast(evidence, documents, needed, params)
    for warning in proof.warnings:
        warn(warning)
    failures = proof.failures(params["fail_on"])
    values = {**proof.as_json(), "lines": proof.lines(), "policy_warnings": proof.warnings, "passed": not failures}
    if failures:
        raise _failed(proof, failures, values)
    return Result(values=values)


def _forecast(evidence: Evidence, documents: Sequence[object], needed: Sequence[Edge], params: Params) -> Score:
    """How policies made from the earlier part of the window do on what came later. Only of policies that we make."""
    earlier, late = split(evidence, params["held_out_share"])
    ours = [one for one in documents if isinstance(one, Mapping) and (one.get("metadata") or {}).get("namespace")]
    roles = [((one["metadata"].get("labels") or {}).get(ROLE_LABEL), str(one["metadata"]["namespace"])) for one in ours]
    namespaces = tuple(sorted({namespace for role, namespace in roles if role}))
    wanted = set(needed) & set(late)
    if not wanted or not namespaces:
        return Score()
    options = Options(
        namespaces=namespaces,
        approved=tuple(params["approved"]),
        fqdn=evidence.platform.get("fqdn_policies") is not False,
        platform_policy=any(role == PLATFORM_ROLE for role, __ in roles),
        dns=dict(evidence.platform.get("dns") or {}),
    )
    policies = recommend(earlier, options).policies
    return prove(evidence, policies, needed=wanted, held_out=[], random_edges=0).needed


def _failed(proof: Proof, failures: Sequence[str], values: Json) -> OperationFailed:
    shown = "; ".join(failures[:SHOWN]) + (f"; and {len(failures) - SHOWN} more" if len(failures) > SHOWN else "")
    return OperationFailed(
        f"The policies do not pass: {shown}. {proof.needed.allowed} of"
        f" {counted(proof.needed.total, 'needed kind of connection', 'needed kinds of connections')} would be allowed.",
        code="ProofFailed",
        remedy="See failure.details.lines. Generate the policies again from this evidence, or correct them by hand.",
        details=values,
    )


def _documents(params: Params) -> list[object]:
    if params["manifests"] is not None:
        return [*read_manifests(params["manifests"])]
    documents = documents_of(params["definition"], "definition", "definition")
    if not documents:
        raise InvalidInput(
            "definition holds no policies.",
            option="definition",
            code="NoPolicies",
            remedy="Give the policies that network_policy_recommend returned.",
        )
    return documents


def _check_numbers(params: Params) -> None:
    if not 0 <= params["held_out_share"] < 1:
        raise InvalidInput(
            f"held_out_share={params['held_out_share']} is not from 0 to below 1.",
            option="held_out_share",
            code="InvalidShare",
            remedy="0.2 holds out what was first seen in the last fifth of the window.",
        )
    if params["random_edges"] < 0:
        raise InvalidInput(
            f"random_edges={params['random_edges']} is negative.",
            option="random_edges",
            code="InvalidNumber",
            remedy="Give a number from 0 on.",
        )


def _held_out(evidence: Evidence, texts: Sequence[str]) -> list[Edge] | None:
    """The edges that the option names; None to choose them by their time."""
    if not texts:
        return None
    found: list[Edge] = []
    for text in texts:
        named = [edge for edge in evidence.edges if Approval(text, "").covers(edge)]
        if not named:
            raise InvalidInput(
                f"held_out={text!r} names no connection of the evidence.",
                option="held_out",
                code="UnknownConnection",
                remedy="Write it as the classification does: 'shop/Deployment/web -> shop/Deployment/cart:8080/TCP'.",
            )
        found += named
    return found
