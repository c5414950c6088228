# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    Conflict,
    InvalidInput,
    NotFound,
    OperationFailed,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.schema import dumps, loads
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging import observe
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.observe import Collector, Options
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.store import FileStore, Kept
from fakes import FakeClock, FakeKube
from staging_flows import FakeFlows, first_packet, pod_end

PARAMS = {
    "namespaces": ["shop"],
    "system_namespaces": [],
    "duration": 60,
    "window": None,
    "late_edges": 0,
    "unseen": [],
    "max_lost": 0,
    "cilium_namespace": "kube-system",
}
AGENT = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "cilium-1", "namespace": "kube-system", "labels": {"k8s-app": "cilium"}},
    "spec": {"nodeName": "n1"},
}


def namespace(name: str, uid: str = "u") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": uid}}


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube().add(namespace("shop"), namespace("kube-system", "cluster-1"), AGENT)


@pytest.fixture
def clock() -> FakeClock:
    clock = FakeClock()
    clock.now = 1000.0
    return clock


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(str(tmp_path / "evidence.json"))


def collect(kube: FakeKube, store: FileStore, flows: FakeFlows, *, check_mode: bool = False, **params: Any) -> Any:
    options = Options.of({**PARAMS, **params})
    collector = Collector(
        kube, store, options, flows.open, now=lambda: flows.clock.now, monotonic=lambda: flows.clock.now
    )
    return collector.run(check_mode=check_mode)


def busy(clock: FakeClock, seconds: int = 200, **packet: Any) -> FakeFlows:
    flows = FakeFlows(clock)
    flows.every(2, 1, first_packet(**packet))
    flows.at = [(clock.now + moment, first_packet(**packet)) for moment in range(2, seconds, 2)]
    return flows


def test_a_stretch_is_added_to_the_store(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    result = collect(kube, store, busy(clock))
    assert result.changed
    assert result.values["chunk"] == {
        "flows": 32,
        "lost": 0,
        "complete": True,
        "new_edges": 1,
        "seconds": 64,
        "nodes": ["n1"],
    }
    assert result.values["summary"]["observed_s"] == 64
    evidence = loads(store.read().text)
    assert (evidence.cluster, evidence.namespaces) == ("cluster-1", ["shop"])
    second = collect(kube, store, busy(clock))
    assert second.values["chunk"]["new_edges"] == 0
    assert second.values["summary"]["flows"] == 64
    assert second.values["digest"] == store.read().digest


def test_only_verdicts_of_the_namespaces_are_asked_for(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    flows = busy(clock)
    collect(kube, store, flows)
    verdicts = {"event_type": [{"type": 5}]}
    assert flows.filters == [{**verdicts, "source_pod": ["shop/"]}, {**verdicts, "destination_pod": ["shop/"]}]


def test_a_full_window_collects_nothing_more(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    collect(kube, store, busy(clock), window=100)
    rest = collect(kube, store, busy(clock), window=100)
    assert rest.values["chunk"]["seconds"] == 40
    again = collect(kube, store, busy(clock), window=100)
    assert not again.changed
    assert again.values["lines"][0] == "nothing to collect: what is there is enough"
    kube.add(namespace("other"))
    assert collect(kube, store, busy(clock), window=100, namespaces=["other"]).changed, "not observed so far"


def test_check_mode_collects_nothing(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    result = collect(kube, store, busy(clock), check_mode=True)
    assert result.changed
    assert store.read().text == ""
    assert kube.writes == []


def lose(flows: FakeFlows) -> None:
    flows.lost = 3


def go_away(flows: FakeFlows) -> None:
    flows.problems.append("No flows from n2 (unavailable).")


def break_down(flows: FakeFlows) -> None:
    flows.blind_s = 20.0


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lose, "Hubble lost events: 3."),
        (go_away, "No flows from n2 (unavailable)."),
        (break_down, "The connection to Hubble relay was broken at the end."),
    ],
)
def test_what_is_missing_fails_and_is_kept(
    kube: FakeKube, store: FileStore, clock: FakeClock, happens: Any, why: str
) -> None:
    flows = busy(clock)
    flows.at.insert(3, (1007.0, lambda: happens(flows)))
    with pytest.raises(OperationFailed, match="is incomplete") as caught:
        collect(kube, store, flows)
    assert caught.value.code == "EvidenceIncomplete"
    (chunk,) = loads(store.read().text).chunks
    assert (chunk.complete, chunk.problems, chunk.flows) == (False, (why,), 32)


def test_so_many_lost_events_may_be_accepted(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    flows = busy(clock)
    flows.lost = 3
    assert collect(kube, store, flows, max_lost=3).values["complete"]


def test_a_node_whose_agent_is_not_connected_is_missing(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    metadata = {"name": "cilium-2", "namespace": "kube-system", "labels": {"k8s-app": "cilium"}}
    kube.add({**AGENT, "metadata": metadata, "spec": {"nodeName": "n2"}})
    with pytest.raises(OperationFailed, match="No flows from n2, where an agent runs"):
        collect(kube, store, busy(clock))


def test_an_error_in_the_middle_keeps_what_there_was(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    flows = busy(clock)
    flows.at.insert(3, (1007.0, Unreachable("the API server is gone")))
    with pytest.raises(OperationFailed, match="the API server is gone"):
        collect(kube, store, flows)
    assert loads(store.read().text).chunks[0].flows == 3


def test_a_killed_collector_leaves_an_incomplete_stretch(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    def kill() -> None:
        raise SystemExit(137)

    flows = busy(clock)
    flows.at.insert(18, (1037.0, kill))
    with pytest.raises(SystemExit):
        collect(kube, store, flows)
    (chunk,) = loads(store.read().text).chunks
    assert (chunk.complete, chunk.problems, chunk.flows) == (False, ("The collector was interrupted.",), 15)
    # The next one counts the same flows only once.
    assert collect(kube, store, busy(clock)).values["summary"] == {
        "edges": 1,
        "chunks": 2,
        "incomplete_chunks": 1,
        "flows": 47,
        "observed_s": 64,
        "namespaces": ["shop"],
    }


def test_without_a_relay_nothing_is_written(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    flows = busy(clock)
    flows.unready = NotFound("There is no relay.", code="HubbleRelayNotFound")
    with pytest.raises(NotFound):
        collect(kube, store, flows)
    assert store.read().text == ""


def test_a_second_collector_is_noticed(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    flows = busy(clock)
    flows.at.insert(3, (1007.0, lambda: store.write("x", "")))
    with pytest.raises(Conflict) as caught:
        collect(kube, store, flows)
    assert caught.value.code == "StoreChanged"


def test_evidence_of_another_cluster_is_refused(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    collect(kube, store, busy(clock))
    kube.add(namespace("kube-system", "cluster-2"))
    with pytest.raises(Conflict, match="cluster-1, not of cluster-2"):
        collect(kube, store, busy(clock))
    with pytest.raises(Conflict):
        observe.report_evidence(kube, store, None)


def test_a_cut_file_is_refused(kube: FakeKube, store: FileStore, clock: FakeClock, tmp_path: Path) -> None:
    collect(kube, store, busy(clock))
    text = store.read().text
    (tmp_path / "evidence.json").write_text(text[:-20])
    with pytest.raises(InvalidInput, match="cut off or damaged"):
        collect(kube, store, busy(clock))


@pytest.mark.parametrize(("option", "value"), [("duration", 0), ("window", 0), ("max_lost", -1), ("late_edges", -1)])
def test_numbers_are_checked(option: str, value: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        Options.of({**PARAMS, option: value})
    assert caught.value.option == option


def test_reading_and_removing(kube: FakeKube, store: FileStore, clock: FakeClock) -> None:
    empty = observe.report_evidence(kube, store, None)
    assert "evidence" not in empty.values
    collect(kube, store, busy(clock, source=pod_end("shop", "cart")))
    result = observe.report_evidence(kube, store, None)
    assert result.values["evidence"]["schema"].startswith("cloudnet.aks_cilium/evidence/")
    assert dumps(loads(store.read().text)) == store.read().text
    checked = observe.remove_evidence(store, check_mode=True)
    assert checked.changed
    assert checked.values["lines"][0].endswith("would be removed")
    assert observe.remove_evidence(store, check_mode=False).changed
    assert not observe.remove_evidence(store, check_mode=False).changed


def test_a_clock_that_is_set_forward_makes_no_stretch_longer(
    kube: FakeKube, store: FileStore, clock: FakeClock
) -> None:
    flows = busy(clock)
    collector = Collector(
        kube,
        store,
        Options.of(PARAMS),
        flows.open,
        now=lambda: clock.now + (3600 if clock.now > 1010 else 0),
        monotonic=lambda: clock.now,
    )
    assert collector.run(check_mode=False).values["summary"]["observed_s"] == 64


def test_a_save_that_fails_for_a_moment_ends_nothing(
    kube: FakeKube, store: FileStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failed = store.write, []

    def write(text: str, token: str) -> Kept:
        if not failed:
            failed.append(True)
            raise Unreachable("the API server is away")
        return real(text, token)

    monkeypatch.setattr(store, "write", write)
    result = collect(kube, store, busy(clock))
    assert failed
    assert result.values["complete"]
