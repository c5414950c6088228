# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    InvalidInput,
    NotFound,
    OperationFailed,
    TimedOut,
    Unreachable,
    Unsupported,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.agents import agent_command
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.client import (
    direct_reader,
    open_reader,
    relay_reader,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import FlowRequest, NodeFacts
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.proto import from_json, messages, to_json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.relay import RelayReader
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.times import rfc3339
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.tls import RelayOptions
from fakes import FakeClock, FakeKube
from hubble_fakes import CONNECTED, FLOW, cluster, pod

Answer = Callable[[dict[str, Any], Any], Iterator[dict[str, Any]]]
NODES = {
    "nodes": [
        {"name": "n1", "state": "NODE_CONNECTED", "uptime_ns": "90000000000", "num_flows": "4095", "max_flows": "4095"},
        {"name": "n2", "state": "NODE_UNAVAILABLE"},
    ]
}


@contextlib.contextmanager
def relay(answer: Answer) -> Iterator[tuple[str, int]]:
    """A gRPC server on this machine that answers GetFlows; answer gets the request and the context."""

    def get_flows(wire: bytes, context: Any) -> Iterator[bytes]:
        for document in answer(to_json(messages()["GetFlowsRequest"].FromString(wire)), context):
            yield from_json("GetFlowsResponse", document).SerializeToString()

    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    handlers = {
        "GetFlows": grpc.unary_stream_rpc_method_handler(get_flows),
        "GetNodes": grpc.unary_unary_rpc_method_handler(
            lambda wire, context: from_json("GetNodesResponse", NODES).SerializeToString()
        ),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("observer.Observer", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield "127.0.0.1", port
    finally:
        server.stop(None).wait()


def read(answer: Answer, request: FlowRequest) -> Any:
    with relay(answer) as address, RelayReader.connected(*address) as reader:
        return reader.read(request)


def test_the_relay_is_told_filters_times_and_always_a_number() -> None:
    requests = []

    def answer(request: dict[str, Any], _context: Any) -> Iterator[dict[str, Any]]:
        requests.append(request)
        yield CONNECTED
        yield FLOW

    seen = read(answer, FlowRequest(allow=({"source_pod": ["a/"]},), deny=({"protocol": ["dns"]},), number=7))
    read(answer, FlowRequest(since=(10, 0), until=(20, 5_000_000)))
    assert requests == [
        {"number": "7", "whitelist": [{"source_pod": ["a/"]}], "blacklist": [{"protocol": ["dns"]}]},
        {"number": str(2**64 - 1), "since": "1970-01-01T00:00:10Z", "until": "1970-01-01T00:00:20.005Z"},
    ]
    assert [flow.uuid for flow in seen.flows] == ["a"]
    assert (seen.source, seen.nodes, seen.complete) == ("relay", {"n1": "CONNECTED", "n2": "CONNECTED"}, True)


def test_relay_in_front_of_an_old_agent_is_not_asked_what_that_would_ignore(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"name": "n1", "state": "NODE_CONNECTED", "version": "cilium v1.15.19+g1"}
    monkeypatch.setitem(NODES, "nodes", [old])
    asked = []

    def answer(request: dict[str, Any], _context: Any) -> Iterator[dict[str, Any]]:
        asked.append(request)
        yield FLOW

    with pytest.raises(Unsupported, match=r"drop_reason: Hubble of Cilium 1\.15"):
        read(answer, FlowRequest(allow=({"drop_reason_desc": ["POLICY_DENIED"]},)))
    assert asked == []
    read(answer, FlowRequest(allow=({"verdict": ["DROPPED"]},)))
    assert len(asked) == 1


def test_following_ends_with_its_time_and_keeps_what_came() -> None:
    def answer(request: dict[str, Any], context: Any) -> Iterator[dict[str, Any]]:
        assert request["follow"]
        yield FLOW
        while context.is_active():
            yield CONNECTED

    seen = read(answer, FlowRequest(follow_s=0.3, number=0))
    assert [flow.uuid for flow in seen.flows] == ["a"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.DEADLINE_EXCEEDED, TimedOut),
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidInput),
        (grpc.StatusCode.UNAVAILABLE, Unreachable),
        (grpc.StatusCode.INTERNAL, OperationFailed),
    ],
    ids=str,
)
def test_errors_of_the_call_are_typed(code: Any, kind: type[Exception]) -> None:
    def answer(_request: dict[str, Any], context: Any) -> Iterator[dict[str, Any]]:
        context.abort(code, "the reason")
        yield FLOW

    with pytest.raises(kind):
        read(answer, FlowRequest())


def test_a_filter_that_all_nodes_refuse_is_an_error_of_the_input() -> None:
    status = {"state_change": "NODE_ERROR", "node_names": ["n1"], "message": "invalid source label filter: x"}
    with pytest.raises(InvalidInput, match="invalid source label filter"):
        read(lambda _request, _context: iter([{"node_status": status}]), FlowRequest())
    with pytest.raises(OperationFailed, match="ring is gone"):
        read(lambda _r, _c: iter([{"node_status": {**status, "message": "ring is gone"}}]), FlowRequest())


CEL = "error compiling CEL expression: ERROR: <input>:1:5: Syntax error\n | foo(\n | ....^"


def assert_names_the_expression(error: InvalidInput) -> None:
    assert (error.option, error.code, bool(error.remedy)) == ("cel_expression", "InvalidFilter", True)
    assert "Syntax error | foo( | ....^" in error.message


def test_an_expression_that_no_node_can_read_is_named_in_one_line() -> None:
    status = {"state_change": "NODE_ERROR", "node_names": ["n1", "n2"], "message": CEL}
    with pytest.raises(InvalidInput) as caught:
        read(lambda _request, _context: iter([{"node_status": status}]), FlowRequest())
    assert_names_the_expression(caught.value)
    failed = output(rc=1, stderr=f"level=info\n{CEL}\n")
    with pytest.raises(InvalidInput) as caught:
        ask_agents(cluster(), dict.fromkeys(("cilium-a", "cilium-b"), failed))
    assert_names_the_expression(caught.value)


def test_a_relay_that_is_not_there_has_its_address_in_question() -> None:
    with RelayReader.connected("127.0.0.1", 1) as reader, pytest.raises(TimedOut) as caught:
        reader.read(FlowRequest(timeout_s=0.3))
    assert "relay_address" in caught.value.remedy


def test_one_failed_node_of_two_is_no_error_but_makes_the_answer_incomplete() -> None:
    status = {"state_change": "NODE_ERROR", "node_names": ["n2"], "message": "ring is gone"}
    seen = read(lambda _request, _context: iter([CONNECTED, {"node_status": status}, FLOW]), FlowRequest())
    assert seen.nodes == {"n1": "CONNECTED", "n2": "ERROR"}
    assert not seen.complete


# Who is asked.


def opened(kube: FakeKube, source: str = "auto") -> tuple[str, list[tuple[str, str, int]]]:
    """Who answers, and the forwards that were opened."""
    forwards = []

    @contextlib.contextmanager
    def forward(namespace: str, name: str, port: int) -> Iterator[tuple[str, int]]:
        forwards.append((namespace, name, port))
        yield "127.0.0.1", 1

    with open_reader(kube, kube.exec, forward, source=source, clock=FakeClock()) as reader:
        return reader.source, forwards


@pytest.mark.parametrize(("target", "port"), [("grpc", 4246), (4245, 4245), ("4247", 4247), ("other", 4245)])
def test_the_relay_is_reached_at_the_port_of_its_ready_pod(target: Any, port: int) -> None:
    assert opened(cluster(target=target)) == ("relay", [("kube-system", "hubble-relay-2", port)])
    assert opened(cluster(target=target), "relay")[0] == "relay"


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"service_port": None}, "not installed"), ({"ready": False}, "no ready pod")],
    ids=str,
)
def test_without_a_usable_relay_the_agents_are_asked_unless_the_relay_was_demanded(
    options: dict[str, Any], reason: str
) -> None:
    assert opened(cluster(**options)) == ("agents", [])
    with pytest.raises(NotFound, match=reason) as caught:
        opened(cluster(**options), "relay")
    assert caught.value.code == "HubbleRelayNotFound"
    assert "hubble_relay=true" in caught.value.remedy


def test_the_agents_can_be_asked_although_there_is_a_relay() -> None:
    assert opened(cluster(), "agents") == ("agents", [])


def test_hubble_that_is_off_and_cilium_that_is_absent_are_told() -> None:
    with pytest.raises(Unsupported, match="switched off") as caught:
        opened(cluster(service_port=None, hubble="false"))
    assert caught.value.code == "HubbleDisabled"
    with pytest.raises(NotFound, match="Cilium is not installed"):
        opened(FakeKube())


# The agents.


def ask_agents(
    kube: FakeKube, answers: dict[str, Completed | Exception], request: FlowRequest | None = None, clock: Any = None
) -> Any:
    def answer(_namespace: str, name: str, _command: Sequence[str], container: str | None) -> Completed:
        assert container == "cilium-agent"
        given = answers[name]
        if isinstance(given, Exception):
            raise given
        return given

    kube.exec_answers = answer
    with open_reader(kube, kube.exec, lambda *_a: pytest.fail("no forward"), source="agents", clock=clock) as reader:
        return reader.read(request or FlowRequest())


def output(*documents: dict[str, Any], rc: int = 0, stderr: str = "") -> Completed:
    return Completed([], rc, "".join(json.dumps(one) + "\n" for one in documents), stderr)


def test_the_agents_answers_are_merged_and_marked_as_partial() -> None:
    later = {"flow": {**FLOW["flow"], "uuid": "b", "time": "2026-11-30T18:00:01Z"}, "node_name": "n2"}
    kube = cluster()
    seen = ask_agents(kube, {"cilium-a": output(FLOW), "cilium-b": output(later)})
    assert [flow.uuid for flow in seen.flows] == ["a", "b"]
    assert seen.nodes == {"n1": "CONNECTED", "n2": "CONNECTED"}
    assert not seen.complete
    assert [problem.split(",")[0] for problem in seen.problems] == ["The agents were asked one by one"]


def test_a_window_that_has_ended_is_complete_when_every_agent_answers() -> None:
    request, answers = FlowRequest(since=(1, 0), until=(2, 0)), {"cilium-a": output(FLOW), "cilium-b": output()}
    assert ask_agents(cluster(), answers, request).complete
    assert not ask_agents(cluster(), {**answers, "cilium-b": output(rc=1)}, request).complete


def test_an_agent_that_fails_is_named_and_the_others_still_count() -> None:
    seen = ask_agents(cluster(), {"cilium-a": output(FLOW), "cilium-b": output(rc=1, stderr="a\nno socket\n")})
    assert seen.nodes == {"n1": "CONNECTED", "n2": "ERROR"}
    assert "No flows from n2 (error: no socket)." in seen.problems
    seen = ask_agents(cluster(), {"cilium-a": output(FLOW), "cilium-b": TimedOut("too slow")})
    assert "No flows from n2 (error: too slow)." in seen.problems


def test_when_all_agents_fail_it_is_an_error() -> None:
    with pytest.raises(OperationFailed, match="no socket"):
        ask_agents(cluster(), dict.fromkeys(("cilium-a", "cilium-b"), output(rc=1, stderr="no socket")))


def test_an_agent_that_is_not_ready_is_not_asked() -> None:
    kube = cluster().add(pod("cilium-b", {"k8s-app": "cilium"}, ready=False, node="n2"))
    seen = ask_agents(kube, {"cilium-a": output(FLOW)})
    assert seen.nodes == {"n1": "CONNECTED", "n2": "UNAVAILABLE"}


def test_following_without_a_relay_asks_again_and_again_and_tells_each_flow_once() -> None:
    kube, clock = cluster(), FakeClock()
    rounds: list[list[str]] = []

    def answer(_namespace: str, name: str, command: Sequence[str], _container: str | None) -> Completed:
        rounds.append(list(command))
        flows = [{"flow": {"uuid": f"{name}-{second}", "time": rfc3339(1000 + second, 0)}} for second in range(5)]
        return output(*flows[: len(rounds)])

    kube.exec_answers = answer
    with open_reader(kube, kube.exec, lambda *_a: pytest.fail("no forward"), source="agents", clock=clock) as reader:
        assert not isinstance(reader, RelayReader)
        told: list[str] = []
        for response in reader.follow(FlowRequest(follow_s=12.0), (1001, 0)):
            if response is None and len(clock.sleeps) == 3:
                break
            if response is not None and "flow" in response:
                told.append(response["flow"]["uuid"])
    assert len(told) == len(set(told)) == 8
    assert rounds[0] == ["hubble", "observe", "--output", "jsonpb", "--since", "1970-01-01T00:16:41Z"]


def test_the_command_asks_what_the_request_asks() -> None:
    start = ["hubble", "observe", "--output", "jsonpb"]
    assert agent_command(FlowRequest(number=5)) == [*start, "--last", "5"]
    assert agent_command(FlowRequest(since=(0, 0), until=(1, 0))) == [
        *start,
        "--since",
        "1970-01-01T00:00:00Z",
        "--until",
        "1970-01-01T00:00:01Z",
    ]
    filtered = agent_command(FlowRequest(number=1, allow=({"source_pod": ["a/"]},), deny=({"reply": [True]},)))
    assert filtered[6:] == ["--allowlist", '{"source_pod":["a/"]}', "--denylist", '{"reply":[true]}']


def test_the_relay_tells_the_state_of_its_nodes() -> None:
    with relay(lambda request, context: iter(())) as address, RelayReader.connected(*address) as reader:
        assert reader.nodes(5) == [
            NodeFacts("n1", "CONNECTED", 90.0, full=True),
            NodeFacts("n2", "UNAVAILABLE", 0.0, full=False),
        ]


def test_a_stream_goes_on_until_it_is_cancelled() -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any], context: Any) -> Iterator[dict[str, Any]]:
        asked.append(request)
        yield FLOW
        ended = threading.Event()
        context.add_callback(ended.set)
        ended.wait(5)

    with relay(answer) as address, RelayReader.connected(*address) as reader:
        stream = reader.stream(FlowRequest(number=1, follow_s=60.0))
        found = []
        for response in stream:
            found.append(response)
            stream.cancel()
    assert [one["flow"]["uuid"] for one in found] == ["a"]
    assert asked == [{"number": "1", "follow": True}]


def test_a_stream_that_breaks_raises_what_broke_it() -> None:
    def answer(request: dict[str, Any], context: Any) -> Iterator[dict[str, Any]]:
        yield FLOW
        context.abort(grpc.StatusCode.UNAVAILABLE, "going away")

    with relay(answer) as address, RelayReader.connected(*address) as reader:
        responses = iter(reader.stream(FlowRequest(number=1, follow_s=60.0)))
        assert next(responses)["node_name"] == "n1"
        with pytest.raises(Unreachable, match="going away"):
            next(responses)


def test_a_question_for_the_oldest_flow_says_so() -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any], context: Any) -> Iterator[dict[str, Any]]:
        asked.append(request)
        yield FLOW

    with relay(answer) as address, RelayReader.connected(*address) as reader:
        assert len(list(reader.stream(FlowRequest(number=1, oldest=True)))) == 1
    assert asked == [{"number": "1", "first": True}]


def test_a_relay_for_following_is_found_or_it_is_an_error() -> None:
    @contextlib.contextmanager
    def forward(namespace: str, name: str, port: int) -> Iterator[tuple[str, int]]:
        assert (namespace, name, port) == ("kube-system", "hubble-relay-2", 4246)
        yield "127.0.0.1", 1

    with relay_reader(cluster(), forward) as reader:
        assert reader.source == "relay"
    with pytest.raises(NotFound) as caught, relay_reader(cluster(service_port=None), forward):
        pass
    assert caught.value.code == "HubbleRelayNotFound"
    with pytest.raises(Unsupported), relay_reader(cluster(service_port=None, hubble="false"), forward):
        pass


@pytest.mark.parametrize("address", ["relay", "relay:x", ":80", "relay:0", "tls://relay"])
def test_an_address_without_a_port_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="relay_address"), direct_reader(RelayOptions(address=address)):
        pass


def test_a_relay_with_an_address_of_its_own_needs_no_cluster() -> None:
    with (
        relay(lambda request, context: iter([CONNECTED, FLOW])) as address,
        direct_reader(RelayOptions(address=":".join(map(str, address)))) as reader,
    ):
        assert [flow.uuid for flow in reader.read(FlowRequest()).flows] == ["a"]


def test_an_answer_that_is_too_large_says_what_to_do() -> None:
    def answer(_request: dict[str, Any], context: Any) -> Iterator[dict[str, Any]]:
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max")
        yield FLOW

    with pytest.raises(OperationFailed) as caught:
        read(answer, FlowRequest())
    assert caught.value.code == "HubbleTooLarge"
    assert "fewer" in caught.value.remedy
