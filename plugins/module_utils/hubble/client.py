# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads flows from Hubble: through the relay, or from the agents one by one where there is no relay."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from .._errors import (
    CollectionError,
    InvalidInput,
    NotFound,
    OperationFailed,
    TimedOut,
    Unreachable,
    Unsupported,
    missing_library,
)
from .._types import Clock, Completed, Json
from .._wait import SystemClock
from ..kube.interface import Exec, Kube
from ..kube.kinds import CONFIG_MAP, POD, SERVICE
from ..kube.ready import is_ready_pod
from .observation import Collector, FlowReader, FlowRequest, NodeFacts, Observation, node_facts
from .proto import from_json, messages, to_json
from .times import rfc3339

RELAY = "hubble-relay"
RELAY_PORT = 4245
AGENT_CONTAINER = "cilium-agent"
AGENTS_AT_ONCE = 5
_REMEDY = (
    "Install it: cloudnet.aks_cilium.cilium with hubble_relay=true; on a cluster whose Cilium AKS manages, switch on"
    " the observability of Advanced Container Networking Services."
)


class Forward(Protocol):
    """Opens a way to a port of a pod: `partial(forwarded, client)`, or a fake in tests."""

    def __call__(self, namespace: str, pod: str, port: int) -> AbstractContextManager[tuple[str, int]]:
        """Address and port on this machine, valid inside the block."""


@contextmanager
def open_reader(
    kube: Kube,
    execute: Exec,
    forward: Forward,
    *,
    source: str = "auto",
    namespace: str = "kube-system",
    clock: Clock | None = None,
) -> Iterator[FlowReader]:
    """Whoever can answer. source is auto, relay or agents; namespace is Cilium's.

    With auto the agents are asked where there is no relay that can be used. Raises NotFound (HubbleRelayNotFound)
    when only the relay would do, and Unsupported (HubbleDisabled) when Hubble is off.
    """
    relay = None if source == "agents" else _find_relay(kube, namespace)
    if isinstance(relay, str):
        if source == "relay":
            raise NotFound(relay, code="HubbleRelayNotFound", target=f"{namespace}/{RELAY}", remedy=_REMEDY)
        _require_hubble(kube, namespace, relay)
        yield AgentReader(kube, execute, namespace, clock or SystemClock())
    elif relay is None:
        _require_hubble(kube, namespace, "")
        yield AgentReader(kube, execute, namespace, clock or SystemClock())
    else:
        with forward(namespace, *relay) as address, RelayReader.connected(*address) as reader:
            yield reader


def _find_relay(kube: Kube, namespace: str) -> tuple[str, int] | str:
    """Pod and port of the relay, or a sentence that says why there is none to use."""
    service = kube.get(SERVICE, RELAY, namespace)
    if service is None:
        return f"There is no Service {namespace}/{RELAY}: Hubble relay is not installed."
    spec = service.get("spec") or {}
    ports = spec.get("ports") or [{}]
    if ports[0].get("port") == 443:
        return f"Hubble relay in {namespace} wants TLS, which is not spoken here."
    selector = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    pods = [pod for pod in kube.list(POD, namespace, label_selector=selector) if is_ready_pod(pod)] if selector else []
    if not pods:
        return f"Hubble relay in {namespace} has no ready pod."
    pod = min(pods, key=lambda candidate: str(candidate["metadata"]["name"]))
    return pod["metadata"]["name"], _container_port(pod, ports[0].get("targetPort", RELAY_PORT))


def _container_port(pod: Json, target: int | str) -> int:
    """The number behind a Service's targetPort, which may be the name of a container's port."""
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers", ()):
        for port in container.get("ports", ()):
            if port.get("name") == target:
                return int(port["containerPort"])
    return int(target) if target.isdigit() else RELAY_PORT


def _require_hubble(kube: Kube, namespace: str, why: str) -> None:
    config = kube.get(CONFIG_MAP, "cilium-config", namespace)
    if config is None:
        raise NotFound(
            f"There is no ConfigMap {namespace}/cilium-config: Cilium is not installed there.",
            code="CiliumNotFound",
            target=f"{namespace}/cilium-config",
            remedy="Name Cilium's namespace with cilium_namespace, or install Cilium.",
        )
    if (config.get("data") or {}).get("enable-hubble") != "true":
        raise Unsupported(
            f"{why or 'The agents cannot be asked.'} Hubble itself is switched off (enable-hubble is not true).",
            code="HubbleDisabled",
            remedy=_REMEDY,
        )


class RelayReader:
    """Reads through Hubble relay, by gRPC."""

    source = "relay"

    def __init__(self, channel: Any) -> None:
        kinds = messages()
        self._get_flows = channel.unary_stream(
            "/observer.Observer/GetFlows",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=kinds["GetFlowsResponse"].FromString,
        )
        self._get_nodes = channel.unary_unary(
            "/observer.Observer/GetNodes",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=kinds["GetNodesResponse"].FromString,
        )

    @classmethod
    @contextmanager
    def connected(cls, host: str, port: int) -> Iterator[RelayReader]:
        """A reader on a plain connection, which is closed at the end of the block."""
        try:
            import grpc
        except ImportError as error:
            raise missing_library("grpcio", error) from error
        # The address is one of this machine; a proxy of the environment must not be asked for it.
        options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", 64 * 1024 * 1024)]
        with grpc.insecure_channel(f"{host}:{port}", options=options) as channel:
            yield cls(channel)

    def read(self, request: FlowRequest) -> Observation:
        """Ask all nodes through the relay."""
        import grpc

        collector = Collector(self.source, request.keep)
        limit_s = request.follow_s or request.timeout_s
        try:
            for response in self._get_flows(_message(request), timeout=limit_s, wait_for_ready=True):
                collector.add(to_json(response))
        except grpc.RpcError as error:
            if not (request.follow_s and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED):
                raise _translated(error, limit_s) from error
        observation = collector.finish()
        _raise_if_all_failed(observation)
        return observation

    def stream(self, request: FlowRequest) -> Stream:
        """Responses as they come, until all are told or, following, until its time is over; at the caller's pace."""
        limit_s = request.follow_s or request.timeout_s
        call = self._get_flows(_message(request), timeout=limit_s, wait_for_ready=True)
        return Stream(call, limit_s, follows=bool(request.follow_s))

    def nodes(self, timeout_s: float) -> list[NodeFacts]:
        """The nodes that the relay knows, as they are now."""
        import grpc

        try:
            answer = self._get_nodes(from_json("GetNodesRequest", {}), timeout=timeout_s, wait_for_ready=True)
        except grpc.RpcError as error:
            raise _translated(error, timeout_s) from error
        return [node_facts(node) for node in to_json(answer).get("nodes", ())]


class Stream:
    """The responses of one call, each a document in the shape of GetFlowsResponse. Another thread may cancel it."""

    def __init__(self, call: Any, limit_s: float, *, follows: bool) -> None:
        self._call, self._limit_s, self._follows = call, limit_s, follows
        self._cancelled = False

    def __iter__(self) -> Iterator[Json]:
        """Raises what broke it."""
        import grpc

        try:
            for response in self._call:
                yield to_json(response)
        except grpc.RpcError as error:
            over = self._follows and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            if not self._cancelled and not over:
                raise _translated(error, self._limit_s) from error

    def cancel(self) -> None:
        """End it from outside."""
        self._cancelled = True
        self._call.cancel()


@contextmanager
def relay_reader(kube: Kube, forward: Forward, *, namespace: str = "kube-system") -> Iterator[RelayReader]:
    """A reader on the relay, found anew: its pod may be another one than before.

    Raises NotFound (HubbleRelayNotFound) where there is none to use, Unsupported (HubbleDisabled) when Hubble is off.
    """
    relay = _find_relay(kube, namespace)
    if isinstance(relay, str):
        _require_hubble(kube, namespace, relay)
        raise NotFound(relay, code="HubbleRelayNotFound", target=f"{namespace}/{RELAY}", remedy=_REMEDY)
    with forward(namespace, *relay) as address, RelayReader.connected(*address) as reader:
        yield reader


def _message(request: FlowRequest) -> Any:
    document: Json = {"number": request.per_node, "follow": request.follow_s > 0, "first": request.oldest}
    document["whitelist"], document["blacklist"] = list(request.allow), list(request.deny)
    if request.since is not None:
        document["since"] = rfc3339(*request.since)
    if request.until is not None:
        document["until"] = rfc3339(*request.until)
    return from_json("GetFlowsRequest", document)


def _translated(error: Any, limit_s: float) -> CollectionError:
    import grpc

    code, text = error.code(), (error.details() or "").replace("\n", " ")
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut(
            f"Hubble relay did not finish its answer within {limit_s:.0f} s.",
            code="HubbleTimeout",
            remedy="Ask for fewer flows (last, since, filters) or raise request_timeout.",
        )
    if code == grpc.StatusCode.UNAVAILABLE:
        return Unreachable(f"Hubble relay cannot be reached: {text}.", code="HubbleUnavailable")
    if code == grpc.StatusCode.INVALID_ARGUMENT:
        return InvalidInput(f"Hubble refuses the filters: {text}.", code="InvalidFilter")
    return OperationFailed(f"Hubble relay failed: {text} ({code.name}).", code=code.name)


def _raise_if_all_failed(observation: Observation) -> None:
    """A filter that the agents refuse reaches us as an error of every node, not of the call."""
    states = set(observation.nodes.values())
    if not observation.problems or states != {"ERROR"} or observation.seen:
        return
    said = " ".join(observation.problems)
    if "filter" in said:
        raise InvalidInput(f"Hubble refuses the filters. {said}", code="InvalidFilter")
    raise OperationFailed(f"No node of the cluster could answer. {said}", code="HubbleNodesFailed")


class AgentReader:
    """Asks each agent for the flows of its node, by `hubble observe` in its container. Needs no gRPC."""

    source = "agents"

    def __init__(self, kube: Kube, execute: Exec, namespace: str, clock: Clock) -> None:
        self._kube, self._execute, self._namespace, self._clock = kube, execute, namespace, clock

    def read(self, request: FlowRequest) -> Observation:
        """Ask the agents. Following means to wait first: each agent is then asked once for the time that passed."""
        if request.follow_s:
            self._clock.sleep(request.follow_s)
        pods = sorted(self._kube.list(POD, self._namespace, label_selector="k8s-app=cilium"), key=_pod_name)
        if not pods:
            raise NotFound(
                f"There is no agent pod (label k8s-app=cilium) in {self._namespace}.",
                code="CiliumNotFound",
                remedy="Name Cilium's namespace with cilium_namespace.",
            )
        command = agent_command(request)
        collector = Collector(self.source, request.keep)
        with ThreadPoolExecutor(max_workers=AGENTS_AT_ONCE) as threads:
            answers = threads.map(lambda pod: self._ask(pod, command, request.timeout_s), pods)
            for responses in answers:
                for response in responses:
                    collector.add(response)
        observation = collector.finish()
        _raise_if_all_failed(observation)
        observation.problems.append("The agents were asked one by one, each once and for the flows of its own node.")
        return observation

    def _ask(self, pod: Json, command: Sequence[str], timeout_s: float) -> list[Json]:
        node = (pod.get("spec") or {}).get("nodeName", "")
        if not is_ready_pod(pod):
            return [_node_status(node, "UNAVAILABLE", f"pod {_pod_name(pod)} is not ready")]
        try:
            done = self._execute(
                self._namespace, _pod_name(pod), command, container=AGENT_CONTAINER, timeout_s=timeout_s
            )
        except (TimedOut, OperationFailed, Unreachable) as error:
            return [_node_status(node, "ERROR", error.message)]
        return [*_responses(done, node)]


def agent_command(request: FlowRequest) -> list[str]:
    """The command that asks one agent what a request asks the relay."""
    command = ["hubble", "observe", "--output", "jsonpb"]
    since = request.since
    if request.follow_s:
        command += ["--since", f"{request.follow_s:.0f}s"]
    elif since is not None:
        command += ["--since", rfc3339(*since)]
    if request.until is not None:
        command += ["--until", rfc3339(*request.until)]
    # With a time the command wants no number: it means all from there on.
    if not request.follow_s and since is None and request.until is None:
        command += ["--last", str(request.number)]
    for flag, filters in (("--allowlist", request.allow), ("--denylist", request.deny)):
        for one in filters:
            command += [flag, json.dumps(one, separators=(",", ":"))]
    return command


def _responses(done: Completed, node: str) -> Iterator[Json]:
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            response = json.loads(line)
            response.setdefault("node_name", node)
            yield response
    if done.rc == 0:
        yield _node_status(node, "CONNECTED", "")
    else:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.rc}"])[-1]
        yield _node_status(node, "ERROR", last)


def _node_status(node: str, state: str, message: str) -> Json:
    return {"node_status": {"state_change": f"NODE_{state}", "node_names": [node], "message": message}}


def _pod_name(pod: Json) -> str:
    return str(pod["metadata"]["name"])
