# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The judgement on one attempt: does what the client saw, and what Hubble saw, agree with what was expected? (pure)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._types import Json
from ..hubble.compact import compact_line
from ..hubble.flow import Flow
from .evidence import Evidence, decided_by, policies_of
from .plan import Probe
from .report import Report, timed_out
from .story import Case, next_step, story

LINES = 12
"""Lines of flows in a result; the first tell the story, the rest are retries."""
NOT_RUN = "not run"
_ALLOWED, _DENIED, _ERROR = "allowed", "denied", "error"
_ANSWERS = {"udp": "answered", "icmp": "echo"}
_SILENCE = {"udp": "exit 28 (no answer)", "icmp": "exit 1 (no echo)"}


@dataclass(frozen=True)
class Judgement:
    """What came of a probe. why tells what the outcome alone does not; often it is empty."""

    outcome: str
    passed: bool
    why: str


def judge(probe: Probe, report: Report, evidence: Evidence, verdict: str) -> Judgement:
    """Compare an attempt with what was expected.

    verdict: required (the flow must prove the outcome), optional (it must not contradict), off (no flows were read).
    """
    if report.failure:
        return Judgement(_ERROR, False, report.failure)
    outcome, why = _outcome(probe, report, evidence, verdict)
    expected = _ALLOWED if probe.expect == "allow" else _DENIED
    if outcome != expected:
        return Judgement(outcome, False, why)
    if probe.expect_status is not None and report.http_status != probe.expect_status:
        return Judgement(
            outcome, False, f"The status is HTTP {report.http_status}, expected was {probe.expect_status}."
        )
    if verdict != "off" and outcome == _ALLOWED and evidence.audited is not None:
        return Judgement(outcome, False, "It passed only because policies are in audit mode; enforced, they deny it.")
    if verdict == "required" and evidence.deciding is None:
        return Judgement(outcome, False, f"The client saw {seen_by_client(probe, report)}, but no flow proves it.")
    return Judgement(outcome, True, "")


def _outcome(probe: Probe, report: Report, evidence: Evidence, verdict: str) -> tuple[str, str]:
    """The outcome and, for an error, what happened. The client's answer comes first, then Hubble's view."""
    if report.answered:
        # A denial that outweighs an answer is the proxy's, which refuses a request with a status such as 403.
        return (_ALLOWED if evidence.denial is None else _DENIED), ""
    if evidence.denial is not None:
        return _DENIED, ""
    if evidence.other_drop is not None:
        reason = evidence.other_drop.drop_name or "a reason that no policy decides"
        return _ERROR, f"The packet was dropped, but not by a policy: {reason}."
    if evidence.unrecognised is not None:
        return _ERROR, "The receiving node did not know the sender yet, and denied it as somebody unknown."
    if probe.protocol == "udp" and report.resolved:
        return _datagram(report, evidence, verdict)
    if evidence.delivered and report.resolved:
        return _ERROR, "The network let it through, but nobody answered."
    if not report.resolved and (evidence.delivered or not timed_out(probe, report)):
        return _ERROR, "The name could not be resolved, and no policy denied the query."
    # Nobody has the address of a Service, and so nobody there answers an echo.
    hint = " If the address is that of a Service, ping one of its pods." if probe.protocol == "icmp" else ""
    if not timed_out(probe, report):
        return _ERROR, f"The connection failed, and no policy denied it.{hint}"
    if verdict == "required":
        return _ERROR, f"The client heard nothing, and no flow shows that a policy denied it.{hint}"
    return _DENIED, ""


def _datagram(report: Report, evidence: Evidence, verdict: str) -> tuple[str, str]:
    """Of a datagram that got no answer. Nobody need answer one, so that only its flows can tell what silence means."""
    if evidence.delivered or evidence.left is not None or report.refused:
        return _ALLOWED, ""
    if verdict == "required":
        return _ERROR, "The client heard nothing, and no flow shows where the datagram went."
    return _ERROR, "The client heard nothing, which means nothing for a datagram whose flows are not known."


def seen_by_client(probe: Probe, report: Report) -> str:
    """What the client saw in a few words: `HTTP 200`, `exit 28 (timed out)`, `10.0.0.7`, `connected`."""
    if report.failure:
        return NOT_RUN
    if probe.protocol == "http" and report.http_status:
        return f"HTTP {report.http_status}"
    if report.answered:
        return report.addresses[0] if probe.protocol == "dns" else _ANSWERS.get(probe.protocol, "connected")
    if timed_out(probe, report):
        if not report.resolved and probe.protocol != "dns":
            return f"exit {report.exit_code} (no answer from DNS)"
        return _SILENCE.get(probe.protocol, f"exit {report.exit_code} (timed out)")
    meaning = {6: " (name not resolved)", 7: " (refused)"}.get(report.exit_code, "")
    if probe.protocol == "dns":
        meaning = " (no such name)" if report.exit_code == 2 else ""
    elif probe.protocol == "udp" and report.exit_code == 7:
        meaning = " (nobody listens there)" if report.refused else " (no way there)"
    elif probe.protocol == "icmp":
        meaning = " (a machine on the way refused it)" if report.refused else " (name not resolved)"
    return f"exit {report.exit_code}{meaning}"


def result_document(
    probe: Probe,
    report: Report,
    evidence: Evidence,
    judgement: Judgement,
    flows: Sequence[Flow],
    default_deny: Sequence[str],
    attempts: int,
) -> Json:
    """One entry of the module's `results`."""
    deciding = evidence.deciding
    pod = f"{report.namespace}/{report.pod}" if report.pod else ""
    source = probe.source_text if probe.client is not None else pod or probe.source_text
    document: Json = {
        "name": probe.name or f"{source} -> {probe.target_text}",
        "from": source,
        "to": probe.target_text,
        "protocol": probe.protocol,
        "expected": probe.expect,
        "outcome": judgement.outcome,
        "passed": judgement.passed,
        "observed": seen_by_client(probe, report),
        "attempts": attempts,
        "client": {
            "pod": pod,
            "node": report.node,
            "short_lived": probe.client is not None,
            "exit_code": report.exit_code,
            "http_status": report.http_status,
            "local_port": report.local_port,
            "remote_ip": report.remote_ip,
            "addresses": list(report.addresses),
            "time_s": report.time_s,
            "stderr": report.stderr,
        },
        "verdict": deciding.verdict if deciding is not None else "",
        "direction": evidence.direction.lower(),
        "drop_reason": deciding.drop_name if deciding is not None else "",
        "policies": policies_of(evidence),
        "decided_by": decided_by(evidence, default_deny),
        "default_deny": list(default_deny),
        "flows": [compact_line(flow) for flow in flows[:LINES]],
        "story": "",
        "next_command": "",
        "skipped_because": "",
    }
    return {**document, "reason": "" if judgement.passed else _reason(document, judgement.why)}


def with_story(
    document: Json,
    probe: Probe,
    report: Report,
    evidence: Evidence,
    judgement: Judgement,
    flows: Sequence[Flow],
    endpoints: Sequence[Json],
) -> Json:
    """The entry of a connection that is not as expected, with both sides of its story."""
    case = Case(probe, report, evidence, flows, endpoints, document["observed"], judgement.why)
    return {**document, "endpoints": list(endpoints), "story": story(case), "next_command": next_step(case)}


def _reason(document: Json, why: str) -> str:
    """Both sides of a mismatch: `expected deny, was allowed (HTTP 200, verdict FORWARDED, no policy)`."""
    verdict = f"verdict {document['verdict']}" if document["verdict"] else "no verdict"
    facts = [document["observed"], verdict, *([document["decided_by"]] if document["decided_by"] else [])]
    was = {_ALLOWED: "was allowed", _DENIED: "was denied"}.get(document["outcome"], "failed")
    text = f"expected {document['expected']}, {was} ({', '.join(facts)})"
    return f"{text}: {why}" if why else text


def skipped_document(probe: Probe, why: str) -> Json:
    """The entry of a probe that was not run."""
    nothing = Report(failure=why)
    document = result_document(probe, nothing, Evidence(), Judgement("skipped", True, ""), (), (), 0)
    return {**document, "observed": "", "skipped_because": why}


def mismatch_text(result: Json) -> str:
    """One failed connection for a message that lists several, with the name that the user gave it."""
    ends = f"{result['from']} -> {result['to']}"
    given = result["name"] if result["name"] != ends else ""
    return f"{f'{given} ({ends})' if given else ends}: {result['reason']}".rstrip(".")
