# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads flows from Hubble relay, by gRPC."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._errors import (
    AuthFailed,
    CollectionError,
    OperationFailed,
    TimedOut,
    Unreachable,
    missing_library,
)
from .._types import Json
from .abilities import is_newer_than_all, refuse_unknown_filters
from .agents import raise_if_all_failed, refused_filters
from .decode import Decoder
from .observation import Collector, FlowRequest, NodeFacts, Observation, node_facts
from .proto import from_json, messages, to_json
from .times import rfc3339
from .tls import Tls

MOST_BYTES = 64 * 1024 * 1024
"""The largest response that is taken; a flow has about 2,000 bytes."""
MOST_AHEAD = 2_000
"""Responses that are read before the caller wants them."""
TOGETHER_S = 0.001


class RelayReader:
    """Reads through Hubble relay, by gRPC."""

    source = "relay"

    def __init__(self, channel: Any, *, waits: bool = True) -> None:
        """waits: whether a connection that cannot be made yet is tried again until the time is over."""
        kinds = messages()
        # The responses stay bytes: what becomes of them is up to the caller's thread, not gRPC's.
        self._get_flows = channel.unary_stream(
            "/observer.Observer/GetFlows", request_serializer=lambda message: message.SerializeToString()
        )
        self._decode = Decoder()
        self._waits = waits
        self._get_nodes = channel.unary_unary(
            "/observer.Observer/GetNodes",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=kinds["GetNodesResponse"].FromString,
        )

    @classmethod
    @contextmanager
    def connected(cls, host: str, port: int, tls: Tls | None = None) -> Iterator[RelayReader]:
        """A reader on a connection, plain or with TLS, which is closed at the end of the block."""
        try:
            import grpc
            from grpc.experimental import ChannelOptions
        except ImportError as error:
            raise missing_library("grpcio", error) from error
        # The address is one of this machine; a proxy of the environment must not be asked for it.
        options: list[tuple[str, Any]] = [
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", MOST_BYTES),
            # Responses come in the thread that wants them, without another one of gRPC in between.
            (ChannelOptions.SingleThreadedUnaryStream, 1),
        ]
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if tls is None:
            opened = grpc.insecure_channel(target, options=options)
        else:
            certificate, key = tls.client or (None, None)
            credentials = grpc.ssl_channel_credentials(tls.ca_cert, key, certificate)
            options.append(("grpc.ssl_target_name_override", tls.server_name))
            opened = grpc.secure_channel(target, credentials, options=options)
        with opened as channel:
            # A handshake that fails, fails again: waiting would only hide why.
            yield cls(channel, waits=tls is None)

    def read(self, request: FlowRequest) -> Observation:
        """Ask all nodes through the relay."""
        collector = Collector(self.source, request.keep)
        for response in self.stream(request):
            collector.add(response)
        observation = collector.finish()
        raise_if_all_failed(observation)
        return observation

    def stream(self, request: FlowRequest) -> Stream:
        """Responses as they come, until all are told or, following, until its time is over; at the caller's pace.

        Raises Unsupported (FilterTooNew) for a filter that a node would ignore.
        """
        filters = (*request.allow, *request.deny)
        if is_newer_than_all(filters):
            refuse_unknown_filters(filters, self.nodes(request.timeout_s))
        limit_s = request.follow_s or request.timeout_s
        call = self._get_flows(_message(request), timeout=limit_s, wait_for_ready=self._waits)
        return Stream(call, self._decode, limit_s, follows=bool(request.follow_s))

    def nodes(self, timeout_s: float) -> list[NodeFacts]:
        """The nodes that the relay knows, as they are now."""
        import grpc

        try:
            answer = self._get_nodes(from_json("GetNodesRequest", {}), timeout=timeout_s, wait_for_ready=self._waits)
        except grpc.RpcError as error:
            raise _translated(error, timeout_s, answered=False) from error
        return [node_facts(node) for node in to_json(answer).get("nodes", ())]


class Stream:
    """The responses of one call, each a document in the shape of GetFlowsResponse. Another thread may cancel it."""

    def __init__(self, call: Any, decode: Decoder, limit_s: float, *, follows: bool) -> None:
        self._call, self._decode, self._limit_s, self._follows = call, decode, limit_s, follows
        self._cancelled = False

    def __iter__(self) -> Iterator[Json]:
        """Raises what broke it."""
        return map(self._decode, self.wires())

    def wires(self) -> Iterator[bytes]:
        """The responses as they came. Raises what broke it."""
        import grpc

        answered = False
        try:
            for wires in _batches(self._call):
                answered = True
                yield from wires
        except grpc.RpcError as error:
            over = self._follows and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            if not self._cancelled and not over:
                raise _translated(error, self._limit_s, answered=answered) from error

    def cancel(self) -> None:
        """End it from outside."""
        self._cancelled = True
        self._call.cancel()


def _batches(call: Any) -> Iterator[list[bytes]]:
    """The responses of a call, as many at once as have come.

    gRPC hands over each response by itself. Where the caller's work on one and the reading of the next take turns, most
    of the time goes into the turns; so a thread reads ahead, and the caller takes what is there.
    """
    waiting: list[bytes] = []
    ends: list[BaseException | None] = []
    changed = threading.Condition()

    def read() -> None:
        end: BaseException | None = None
        try:
            for wire in call:
                waiting.append(wire)
                if len(waiting) == 1:
                    with changed:
                        changed.notify()
                elif len(waiting) >= MOST_AHEAD:
                    with changed:
                        changed.wait_for(lambda: len(waiting) < MOST_AHEAD or bool(ends))
        except _rpc_error() as error:
            end = error
        with changed:
            ends.append(end)
            changed.notify()

    reader = threading.Thread(target=read, daemon=True, name="hubble-read")
    reader.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: waiting or ends)
            # Where one has come, more are about to.
            time.sleep(TOGETHER_S)
            with changed:
                taken = waiting[:]
                del waiting[: len(taken)]
                changed.notify()
            if taken:
                yield taken
            elif ends:
                break
    finally:
        if not ends:
            call.cancel()
        with changed:
            ends.append(None)
            changed.notify()
    if ends[0] is not None:
        raise ends[0]


def _rpc_error() -> type[BaseException]:
    """What a call raises."""
    import grpc

    kind: type[BaseException] = grpc.RpcError
    return kind


def _message(request: FlowRequest) -> Any:
    document: Json = {"number": request.per_node, "follow": request.follow_s > 0, "first": request.oldest}
    document["whitelist"], document["blacklist"] = list(request.allow), list(request.deny)
    if request.since is not None:
        document["since"] = rfc3339(*request.since)
    if request.until is not None:
        document["until"] = rfc3339(*request.until)
    return from_json("GetFlowsRequest", document)


def _translated(error: Any, limit_s: float, *, answered: bool) -> CollectionError:
    import grpc

    code, text = error.code(), (error.details() or "").replace("\n", " ")
    if code == grpc.StatusCode.DEADLINE_EXCEEDED and not answered:
        return TimedOut(
            f"Hubble relay did not answer within {limit_s:.0f} s.",
            code="HubbleTimeout",
            remedy="Check relay_address where it is given, else look at the pods of hubble-relay; a relay that speaks"
            " TLS needs relay_tls=always. Or raise request_timeout.",
        )
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut(
            f"Hubble relay did not finish its answer within {limit_s:.0f} s.",
            code="HubbleTimeout",
            remedy="Ask for fewer flows (last, since, filters) or raise request_timeout.",
        )
    if code == grpc.StatusCode.UNAVAILABLE:
        if "andshake" in text or "ertificate" in text:
            return AuthFailed(
                f"Hubble relay and its client do not accept each other's certificates: {text}.",
                code="RelayTlsFailed",
                remedy="Check relay_ca_cert, relay_server_name, relay_client_cert and relay_client_key.",
            )
        return Unreachable(
            f"Hubble relay cannot be reached: {text}.",
            code="HubbleUnavailable",
            remedy="Check relay_address where it is given, else look at the pods of hubble-relay; where"
            " relay_client_cert is given, look at whether it is accepted.",
        )
    if code == grpc.StatusCode.INVALID_ARGUMENT:
        return refused_filters(f"{text}.")
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
        return OperationFailed(
            f"The question or an answer is too large for Hubble: {text}.",
            code="HubbleTooLarge",
            remedy="Use fewer values in the filters, or ask several times.",
        )
    if code == grpc.StatusCode.UNAUTHENTICATED or code == grpc.StatusCode.PERMISSION_DENIED:
        return AuthFailed(
            f"Hubble relay does not let us in: {text}.",
            code=code.name,
            remedy="Set relay_client_cert and relay_client_key to a certificate that the relay accepts.",
        )
    return OperationFailed(
        f"Hubble relay failed: {text} ({code.name}).",
        code=code.name,
        remedy="Look at its log: kubectl --namespace kube-system logs deployment/hubble-relay",
    )
