# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The story of a connection that is not as expected, for somebody who has to mend it (all pure).

One paragraph: what the client saw, what Hubble saw at the sender and at the receiver, which policies have a say there,
and what follows. And the one command that shows more.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._types import Json
from ..hubble.flow import Flow, Peer, Policy
from ..hubble.names import L7, POLICY_VERDICT
from .evidence import Evidence
from .matching import DNS_PORT, by_name
from .plan import Probe
from .report import Report

_PLURALS = {
    "NetworkPolicy": "networkpolicies",
    "CiliumNetworkPolicy": "ciliumnetworkpolicies",
    "CiliumClusterwideNetworkPolicy": "ciliumclusterwidenetworkpolicies",
}


@dataclass(frozen=True)
class Case:
    """All that is known of one failed connection. endpoints: what Attribution tells of its pods."""

    probe: Probe
    report: Report
    evidence: Evidence
    flows: Sequence[Flow]
    endpoints: Sequence[Json]
    observed: str
    why: str

    @property
    def sender(self) -> str:
        """The pod that connected."""
        return f"{self.report.namespace}/{self.report.pod}"

    @property
    def receiver(self) -> Peer | None:
        """The other end, as far as flows tell."""
        found = None
        for flow in self.flows:
            peer = flow.source if self._from_receiver(flow) else flow.destination
            if peer.pod:
                return peer
            found = found or peer
        return found

    def _from_receiver(self, flow: Flow) -> bool:
        return f"{flow.source.namespace}/{flow.source.pod}" != self.sender

    def default_deny(self, pod: str, direction: str) -> list[str]:
        """The policies that make a pod deny by default."""
        return next((list(one[direction]) for one in self.endpoints if one["pod"] == pod), [])


def story(case: Case) -> str:
    """The paragraph. Where there was no attempt, its failure is the story."""
    if case.report.failure:
        return case.report.failure
    parts = [_client(case), _at_sender(case), _at_receiver(case), *_policies(case), _conclusion(case)]
    return " ".join(part for part in parts if part)


def _client(case: Case) -> str:
    report = case.report
    node = f" on node {report.node}" if report.node else ""
    address = f" at {report.remote_ip}" if report.remote_ip and report.remote_ip != case.probe.host else ""
    seconds = f" after {report.time_s:.3g} s" if report.time_s else ""
    said = f' ("{report.stderr.splitlines()[-1].strip()}")' if report.stderr else ""
    what = "asked DNS for" if case.probe.protocol == "dns" else "tried"
    name = case.probe.target if case.probe.protocol == "dns" else case.probe.target_text
    return f"{case.sender}{node} {what} {name}{address}, and saw: {case.observed}{seconds}{said}."


def _at_sender(case: Case) -> str:
    evidence = case.evidence
    if not case.flows:
        return "Hubble shows no flow of it."
    denial = evidence.denial
    if denial is not None and denial.direction == "EGRESS":
        query = f" the query for {denial.dns_query}" if denial.dns_query else " it"
        return f"At the sender{query} was denied on the way out ({denial.drop_name or denial.verdict})."
    if evidence.egress is not None:
        return f"At the sender it was let out{_by(evidence.egress.allowed_by.get('EGRESS', ()))}."
    if any(_node(flow) == case.report.node for flow in case.flows):
        return "At the sender it went out, and no policy had a say."
    return "The sender's node shows nothing of it."


def _at_receiver(case: Case) -> str:
    evidence, receiver = case.evidence, case.receiver
    if not case.flows:
        return ""
    denial = evidence.denial or evidence.unrecognised
    if denial is not None and denial.direction == "EGRESS":
        return "So it never reached the receiver."
    place = f"At the receiver {receiver.text()}" if receiver is not None else "At the receiver"
    if denial is not None:
        whom = " as somebody unknown" if evidence.denial is None else ""
        reason = denial.drop_name or denial.verdict
        return f"{place} (node {_node(denial)}) it was denied{whom} on the way in ({reason})."
    if evidence.other_drop is not None:
        return f"It was dropped on node {_node(evidence.other_drop)}: {evidence.other_drop.drop_name}."
    if evidence.ingress is not None:
        asked = evidence.ingress.event == POLICY_VERDICT
        by = _by(evidence.ingress.allowed_by.get("INGRESS", ())) if asked else ", and no policy had a say"
        return f"{place} (node {_node(evidence.ingress)}) it was let in{by}."
    if evidence.reply is not None:
        return f"{place} nothing was seen, but its answer came back."
    if evidence.left is not None:
        return "It left the cluster, where Hubble sees nothing."
    if receiver is not None and not receiver.pod:
        return f"{receiver.text()} is no pod: what happens there, Hubble does not see."
    return f"{place} Hubble saw nothing of it."


def _node(flow: Flow) -> str:
    """Hubble writes `cluster/node` when the cluster has a name."""
    return flow.node.rpartition("/")[2]


def _by(policies: Iterable[Policy]) -> str:
    names = sorted({policy.text() for policy in policies if policy.text()})
    return f" by {', '.join(names)}" if names else ""


def _policies(case: Case) -> list[str]:
    """Who has a say: at the sender for what goes out, at the others for what comes in."""
    if not case.flows:
        return []
    lines = []
    for endpoint in case.endpoints:
        direction = "egress" if endpoint["pod"] == case.sender else "ingress"
        if not endpoint["known"]:
            lines.append(f"Which policies are for {endpoint['pod']} could not be read.")
            continue
        names = ", ".join(endpoint[direction]) or "none"
        lines.append(f"Policies that make {endpoint['pod']} deny by default ({direction}): {names}.")
    return lines


def _conclusion(case: Case) -> str:
    evidence, receiver = case.evidence, case.receiver
    denial = evidence.denial
    if denial is not None:
        names = _by(denial.denied_by.get(denial.direction, ()))
        if names:
            return f"It is denied{names}, whatever other policies allow."
        if denial.event == L7:
            return "A rule for this very protocol is there, but it does not allow this request."
        other = "what it connects to" if denial.direction == "EGRESS" else "whom it comes from"
        return f"No {denial.direction.lower()} rule there allows this: look at {other}, the port and the protocol."
    if case.why:
        return case.why
    if evidence.ingress is not None and evidence.ingress.event != POLICY_VERDICT and receiver is not None:
        return f"As no policy is for what comes to {receiver.text()}, everybody who may go out may connect."
    return ""


def next_step(case: Case) -> str:
    """The command that shows more; empty where the failure itself says what to do."""
    evidence, receiver = case.evidence, case.receiver
    if case.report.failure:
        return ""
    denial = evidence.denial
    if denial is not None:
        named = [policy for policy in denial.denied_by.get(denial.direction, ()) if policy.name]
        if named:
            return _show(f"{named[0].kind} {named[0].namespace}/{named[0].name}".replace(" /", " "))
        end = denial.destination if denial.direction == "INGRESS" else denial.source
        names = case.default_deny(f"{end.namespace}/{end.pod}", denial.direction.lower())
        return _show(names[0]) if names else _list(end.namespace or case.report.namespace)
    allowed = [
        policy
        for flow in (evidence.ingress, evidence.egress)
        if flow is not None
        for policy in flow.allowed_by.get(flow.direction, ())
        if policy.name
    ]
    if case.probe.expect == "deny" and allowed and evidence.delivered:
        return _show(f"{allowed[0].kind} {allowed[0].namespace}/{allowed[0].name}".replace(" /", " "))
    if case.probe.expect == "deny" and evidence.delivered and receiver is not None and receiver.pod:
        return _list(receiver.namespace)
    if evidence.delivered and receiver is not None and receiver.pod and not by_name(case.probe, case.report):
        return f"kubectl --namespace {receiver.namespace} logs {receiver.pod} --tail 20"
    port = f" --port {DNS_PORT}" if by_name(case.probe, case.report) else ""
    return f"hubble observe --pod {shlex.quote(case.sender)}{port} --last 50"


def _show(policy: str) -> str:
    """The command that shows a policy, which is named as `Kind namespace/name`."""
    kind, __, path = policy.partition(" ")
    namespace, slash, name = path.rpartition("/")
    where = f"--namespace {namespace} " if slash else ""
    return f"kubectl {where}get {_PLURALS.get(kind, kind.lower())} {name} --output yaml"


def _list(namespace: str) -> str:
    return f"kubectl --namespace {namespace} get {','.join(list(_PLURALS.values())[:2])}"
