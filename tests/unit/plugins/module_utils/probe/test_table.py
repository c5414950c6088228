# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.table import connection_table


def row(**more: Any) -> dict[str, Any]:
    return {
        "from": "default/testpod",
        "to": "http://basicdeploy.basics",
        "expected": "deny",
        "observed": "exit 28 (timed out)",
        "verdict": "DROPPED",
        "direction": "ingress",
        "passed": True,
        "decided_by": "ingress: no rule allows it, default deny by CiliumNetworkPolicy basics/cilium101-default-deny",
        **more,
    }


def test_columns_line_up_and_kinds_are_short() -> None:
    lines = connection_table([row(), row(**{"from": "c/c"}, passed=False, observed="HTTP 200", decided_by="no policy")])
    assert lines == [
        "from             to                         expected  result               verdict                  policy",
        "-" * len(lines[1]),
        "default/testpod  http://basicdeploy.basics  deny      exit 28 (timed out)  DROPPED ingress  ok      "
        "default deny by CNP basics/cilium101-default-deny",
        "c/c              http://basicdeploy.basics  deny      HTTP 200             DROPPED ingress  FAILED  no policy",
    ]


def test_step_and_cluster_are_columns_only_when_a_row_has_them() -> None:
    assert not connection_table([row()])[0].startswith(("cluster", "step"))
    head, _rule, first, *_rest = connection_table([row(step="9 default deny", cluster="aks1")])
    assert head.startswith("cluster  step            from")
    assert first.startswith("aks1     9 default deny  default/testpod")


def test_the_time_is_a_column_when_a_row_has_it() -> None:
    rows = [row(client={"time_s": 5.0021}), row(client={"time_s": 0.0042}), row(client={"time_s": 0.0}), row()]
    head, _rule, *lines = connection_table(rows)
    at = head.index("time")
    assert [line[at : at + 6].strip() for line in lines] == ["5.0 s", "4 ms", "", ""]
    assert "time" not in connection_table([row()])[0]


def test_a_pod_that_could_not_be_probed_from_says_why_in_one_go() -> None:
    story = "The container of pod a/b has no program sh."
    lines = connection_table([row(passed=False, decided_by="", observed="not run", story=story, reason=f"x: {story}")])
    assert story in lines[-1]
    assert "x:" not in lines[-1]


def test_every_protocol_has_its_row() -> None:
    rows = [
        row(to="UDP web.basics:53", observed="exit 28 (no answer)"),
        row(**{"from": "client (as Deployment/web)"}, to="ping 10.0.0.2", observed="echo", expected="allow"),
    ]
    lines = connection_table(rows)
    assert "UDP web.basics:53  deny      exit 28 (no answer)" in lines[2]
    assert lines[3].startswith("client (as Deployment/web)  ping 10.0.0.2")
    pod = connection_table([row(**{"from": "dns (as Pod/coredns-7bb4bd5984-2j2jk)"})])
    assert pod[2].startswith("dns (as Pod/coredns)  ")


def test_a_row_that_was_left_out_says_why() -> None:
    lines = connection_table([row(), row(skipped_because="FQDN policies need ACNS", verdict="", direction="")])
    assert "left out: FQDN policies need" in "\n".join(lines)
    assert "  -  " in lines[-2] + lines[-1]


def test_a_failure_without_a_policy_shows_its_reason() -> None:
    assert "There is no pod" in "\n".join(
        connection_table([row(passed=False, decided_by="", reason="There is no pod")])
    )


def test_no_rows_make_a_head_only() -> None:
    assert len(connection_table([])) == 2


TEXTS = st.text(st.characters(codec="ascii"), max_size=60)
ROWS = st.lists(
    st.fixed_dictionaries(dict.fromkeys(("from", "to", "observed", "decided_by", "reason", "step"), TEXTS)),
    max_size=5,
)


@given(ROWS, st.integers(60, 200))
def test_no_text_can_break_the_table(rows: list[dict[str, Any]], width: int) -> None:
    lines = connection_table(rows, width)
    assert all(line == line.rstrip() and "\n" not in line for line in lines)
    assert len(lines) >= 2 + len(rows)


@given(st.text("abc /:", max_size=400))
def test_the_policy_is_wrapped_to_the_width(policy: str) -> None:
    short = " ".join(word[:40] for word in policy.split())
    assert max(len(line) for line in connection_table([row(decided_by=short)], 160)) <= 160
