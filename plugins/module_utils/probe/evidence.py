# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Which flows belong to an attempt, and what they prove (all pure).

FORWARDED at the sender is not delivery: a connection is proved by a verdict on the receiving side, by the packet's
arrival at the receiver, or by the reply that came back. A denial is proved by a denied verdict or a policy's drop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._types import Json
from ..hubble.flow import Flow, Policy
from ..hubble.names import AUTH_REQUIRED, L7, POLICY_DENY, POLICY_VERDICT
from ..hubble.times import Moment
from .plan import Probe, Report

SKEW_S = 0.5
"""Tolerance between the clock that the pod reads and the one of its node's flows, which is the same clock."""
SKEW_OF_NODES_S = 30.0
"""Tolerance between the clocks of two nodes. Local ports come around again after about twice that time."""
DNS_PORT = 53
_PASSED = ("FORWARDED", "REDIRECTED")


def flow_filters(probe: Probe, report: Report) -> list[Json]:
    """FlowFilter documents that find the flows of an attempt, both directions."""
    pod = f"{report.namespace}/{report.pod}"
    found: list[Json] = []
    if report.ports and (report.resolved or report.answered):
        ports = [str(port) for port in sorted(report.ports)]
        found += [
            {"source_pod": [pod], "source_port": ports},
            {"destination_pod": [pod], "destination_port": ports},
        ]
    if _by_name(probe, report):
        found += [
            {"source_pod": [pod], "destination_port": [str(DNS_PORT)]},
            {"destination_pod": [pod], "source_port": [str(DNS_PORT)]},
        ]
    return found


def _by_name(probe: Probe, report: Report) -> bool:
    """Whether the flows that count are those of name resolution."""
    return probe.protocol == "dns" or not report.resolved


def own_flows(probe: Probe, report: Report, flows: Iterable[Flow]) -> list[Flow]:
    """The flows of this attempt among all that a filter let through."""
    if _by_name(probe, report):
        return _resolution_flows(probe, report, flows)
    return [flow for flow in flows if _near_port(report, flow) in report.ports and _in_time(report, flow)]


def _near_port(report: Report, flow: Flow) -> int:
    """The port of a flow at our pod's end; 0 when neither end is our pod."""
    for peer in (flow.source, flow.destination):
        if (peer.namespace, peer.pod) == (report.namespace, report.pod):
            return peer.port
    return 0


def _in_time(report: Report, flow: Flow) -> bool:
    """Whether a flow is of the time of the attempt. Other nodes' clocks may differ from the one that the pod reads."""
    tolerance_s = SKEW_S if _node(flow.node) == report.node else SKEW_OF_NODES_S
    return _between(report.before, flow.time, report.after, tolerance_s)


def _resolution_flows(probe: Probe, report: Report, flows: Iterable[Flow]) -> list[Flow]:
    """DNS flows of the pod. Which of its queries are ours is told by the clock of the pod's own node."""
    pairs = [(_near_port(report, flow), flow) for flow in flows]
    pairs = [(port, flow) for port, flow in pairs if port and _is_dns(flow)]
    ours = {
        port
        for port, flow in pairs
        if _node(flow.node) == report.node and _between(report.before, flow.time, report.after, SKEW_S)
    }
    name = probe.host.rstrip(".").lower()
    # Where the DNS proxy tells the names, queries of other programs in the pod can be told apart.
    asked = {port for port, flow in pairs if flow.dns_query}
    ours -= asked - {port for port, flow in pairs if flow.dns_query and _asks_for(flow.dns_query, name)}
    return [flow for port, flow in pairs if port in ours and (not flow.dns_query or _asks_for(flow.dns_query, name))]


def _is_dns(flow: Flow) -> bool:
    return DNS_PORT in (flow.source.port, flow.destination.port)


def _asks_for(query: str, name: str) -> bool:
    """A resolver also asks for the name with each search suffix."""
    asked = query.rstrip(".").lower()
    return asked == name or asked.startswith(f"{name}.")


def _node(name: str) -> str:
    """Hubble writes `cluster/node` when the cluster has a name."""
    return name.rpartition("/")[2]


def _between(first: Moment | None, moment: Moment, last: Moment | None, tolerance_s: float) -> bool:
    seconds = moment[0] + moment[1] / 1e9
    after_first = first is None or seconds >= first[0] + first[1] / 1e9 - tolerance_s
    return after_first and (last is None or seconds <= last[0] + last[1] / 1e9 + tolerance_s)


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
        return (self.egress or self.reply) if self.delivered else None


def weigh(probe: Probe, report: Report, flows: Sequence[Flow]) -> Evidence:
    """Sort the flows of one attempt by what they prove. Policy verdicts count more than traces."""
    found: dict[str, Flow] = {}
    for flow in flows:
        role = _role(report, flow)
        present = found.get(role)
        if role and (present is None or (flow.event == POLICY_VERDICT and present.event != POLICY_VERDICT)):
            found[role] = flow
    denial = found.get("denial")
    # An answer outweighs a denial: of an earlier packet while the policy changed, or of the name with a search suffix.
    # Not so an answer that the proxy gives in the name of the policy (HTTP 403).
    if denial is not None and report.answered and (probe.protocol == "dns" or denial.event != L7):
        del found["denial"]
    return Evidence(**found)


def _role(report: Report, flow: Flow) -> str:
    """The field of Evidence that a flow belongs to, or an empty text."""
    if flow.is_policy_denial:
        return "denial"
    if flow.is_other_drop:
        return "other_drop"
    if flow.event == POLICY_VERDICT:
        if flow.verdict == "AUDIT":
            return "audited"
        role = {"INGRESS": "ingress", "EGRESS": "egress"}.get(flow.direction, "")
        return role if flow.verdict in _PASSED else ""
    ours_first = (flow.source.namespace, flow.source.pod) == (report.namespace, report.pod)
    if flow.is_reply and not ours_first and (flow.point == "to-endpoint" or flow.event == L7):
        return "reply"
    if flow.is_reply is False and ours_first and flow.point == "to-endpoint" and flow.verdict in _PASSED:
        return "ingress"
    return ""


def is_settled(report: Report, evidence: Evidence) -> bool:
    """Whether waiting for more flows of the attempt is pointless."""
    if evidence.denial or evidence.other_drop:
        return True
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
    return "no policy" if evidence.delivered else ""


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
