# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What the flows of an attempt prove (all pure).

FORWARDED at the sender is not delivery: a connection is proved by a verdict on the receiving side, by the packet's
arrival at the receiver, or by the reply that came back. A denial is proved by a denied verdict or a policy's drop.
A datagram that leaves the cluster is the exception: no node of the cluster sees its arrival, and nobody need answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._types import Json
from ..hubble.flow import Flow, Policy
from ..hubble.names import AUTH_REQUIRED, L7, POLICY_DENY, POLICY_VERDICT
from .plan import Probe
from .report import Report

_PASSED = ("FORWARDED", "REDIRECTED")
_NO_IDENTITY = (0, 2, 3, 5, 9, 10)
"""Identities that a node gives to a pod which it does not know yet: unknown, world, unmanaged, init."""
_CLUSTER = range(256, 1 << 24)
"""Identities of pods, of all clusters of a mesh. Above are those of addresses, below the reserved ones."""


@dataclass(frozen=True)
class Evidence:
    """What the flows of an attempt show; None where nothing of the kind was seen."""

    denial: Flow | None = None
    other_drop: Flow | None = None
    audited: Flow | None = None
    """A verdict of audit mode: let through, though a policy denies it."""
    ingress: Flow | None = None
    """Let in on the receiving side: a verdict of a policy there, or the arrival at the endpoint."""
    egress: Flow | None = None
    """Let out by a policy of the sending side. Not yet delivery."""
    reply: Flow | None = None
    left: Flow | None = None
    """A datagram on its way out of the cluster, where nobody of ours sees its arrival."""
    unrecognised: Flow | None = None
    """Denied as somebody unknown: the receiving node had not learnt the sender's identity yet. Not the last word."""

    @property
    def delivered(self) -> bool:
        """Whether the first packet reached the other side."""
        return self.ingress is not None or self.reply is not None

    @property
    def direction(self) -> str:
        """The side whose policies decided: INGRESS, EGRESS, or empty when none did."""
        flow = self.deciding
        return flow.direction if flow is not None and (flow.event == POLICY_VERDICT or flow is self.denial) else ""

    @property
    def deciding(self) -> Flow | None:
        """The flow that proves the outcome best."""
        if self.denial or self.other_drop or self.audited:
            return self.denial or self.other_drop or self.audited
        if self.ingress is not None and (self.ingress.event == POLICY_VERDICT or self.egress is None):
            return self.ingress
        return (self.egress or self.reply or self.left) if self.delivered or self.left else None


def weigh(probe: Probe, report: Report, flows: Sequence[Flow]) -> Evidence:
    """Sort the flows of one attempt by what they prove. Policy verdicts count more than traces."""
    found: dict[str, Flow] = {}
    for flow in flows:
        role = _role(probe, report, flow)
        present = found.get(role)
        if role and (present is None or (flow.event == POLICY_VERDICT and present.event != POLICY_VERDICT)):
            found[role] = flow
    denial = found.get("denial")
    # An answer outweighs a denial: of an earlier packet while the policy changed, or of the name with a search suffix.
    # Not so an answer that the proxy gives in the name of the policy (HTTP 403).
    if denial is not None and report.answered and (probe.protocol == "dns" or denial.event != L7):
        del found["denial"]
    return Evidence(**found)


def _role(probe: Probe, report: Report, flow: Flow) -> str:
    """The field of Evidence that a flow belongs to, or an empty text."""
    ours_first = (flow.source.namespace, flow.source.pod) == (report.namespace, report.pod)
    if flow.is_policy_denial:
        unknown = ours_first and flow.direction == "INGRESS" and flow.source.identity in _NO_IDENTITY
        return "unrecognised" if unknown else "denial"
    if flow.is_other_drop:
        return "other_drop"
    if flow.event == POLICY_VERDICT:
        if flow.verdict == "AUDIT":
            return "audited"
        role = {"INGRESS": "ingress", "EGRESS": "egress"}.get(flow.direction, "")
        return role if flow.verdict in _PASSED else ""
    if flow.is_reply and not ours_first and (flow.point == "to-endpoint" or flow.event == L7):
        return "reply"
    if flow.is_reply is False and ours_first and flow.point == "to-endpoint" and flow.verdict in _PASSED:
        return "ingress"
    return "left" if probe.protocol == "udp" and ours_first and _goes_out(flow) else ""


def _goes_out(flow: Flow) -> bool:
    """Whether the first packet is forwarded to somebody who is no pod."""
    on_its_way = flow.is_reply is False and flow.point.startswith("to-") and flow.verdict in _PASSED
    identity = flow.destination.identity
    return on_its_way and not flow.destination.pod and identity != 0 and identity not in _CLUSTER


def is_settled(probe: Probe, report: Report, evidence: Evidence) -> bool:
    """Whether waiting for more flows of the attempt is pointless."""
    if evidence.denial or evidence.other_drop or evidence.unrecognised:
        return True
    if probe.protocol == "udp" and report.resolved:
        # Silence is no sign of a denial that is still to come.
        return evidence.delivered or evidence.left is not None
    return report.answered and evidence.delivered


def policies_of(evidence: Evidence) -> list[Json]:
    """The policies that decided, as documents with direction and effect, in a fixed order."""
    denial = evidence.denial
    if denial is not None:
        return [_document(one, denial.direction, "deny") for one in denial.denied_by.get(denial.direction, ())]
    flows = [flow for flow in (evidence.egress, evidence.ingress) if flow is not None]
    return [
        _document(one, flow.direction, "allow") for flow in flows for one in flow.allowed_by.get(flow.direction, ())
    ]


def _document(policy: Policy, direction: str, effect: str) -> Json:
    return {
        "kind": policy.kind,
        "namespace": policy.namespace,
        "name": policy.name,
        "derived_from": policy.derived_from,
        "direction": direction.lower(),
        "effect": effect,
    }


def decided_by(evidence: Evidence, default_deny: Sequence[str]) -> str:
    """The deciding policies as one text for people.

    default_deny: the policies that make the denying end deny by default, for a denial that names none itself.
    """
    denial = evidence.denial
    if denial is not None:
        return _denied_text(denial, default_deny)
    if evidence.other_drop is not None:
        return f"no policy: {evidence.other_drop.drop_name or 'dropped'}"
    parts = []
    for flow in (evidence.egress, evidence.ingress):
        if flow is not None and flow.event == POLICY_VERDICT:
            names = {policy.text() for policy in flow.allowed_by.get(flow.direction, ()) if policy.text()}
            parts.append(f"{flow.direction.lower()}: {', '.join(sorted(names)) or 'a policy without a name'}")
    if parts:
        return "; ".join(parts)
    return "no policy" if evidence.delivered or evidence.left else ""


def _denied_text(denial: Flow, default_deny: Sequence[str]) -> str:
    side = denial.direction.lower() or "unknown direction"
    names = sorted({policy.text() for policy in denial.denied_by.get(denial.direction, ()) if policy.text()})
    if names:
        return f"{side}: denied by {', '.join(names)}"
    if denial.drop_reason == POLICY_DENY:
        return f"{side}: a deny rule"
    if denial.drop_reason == AUTH_REQUIRED:
        return f"{side}: authentication required"
    if denial.event == L7:
        return f"{side}: no rule allows this request"
    if default_deny:
        return f"{side}: no rule allows it, default deny by {', '.join(default_deny)}"
    return f"{side}: default deny, no rule allows it"
