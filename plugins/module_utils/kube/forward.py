# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Port-forwarding: a port of this machine that leads to a port of a pod, through the API server."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import quote

from .._errors import CollectionError, OperationFailed
from .channels import Channels
from .client import KubeClient

DATA, ERROR = 0, 1
PROTOCOLS = ("v4.channel.k8s.io",)
LOOK_EVERY_S = 0.2
"""How often the accepting thread looks whether it shall end."""
CHUNK = 64 * 1024


@contextlib.contextmanager
def forwarded(
    client: KubeClient,
    namespace: str,
    pod: str,
    port: int,
    *,
    on_error: Callable[[str], None] | None = None,
) -> Iterator[tuple[str, int]]:
    """Address and port on this machine that lead to the pod's port while the block runs.

    Any number of connections, each with a stream of its own: one that breaks does not touch the others. The first
    stream is opened before the block starts, so an absent pod, a missing permission or no API server raise here.
    on_error gets a sentence when a later connection fails (for instance: nothing listens on the pod's port).
    """
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/portforward"

    def open_stream() -> Channels:
        client.count_request()
        return Channels(client.transport, path, {"ports": port}, PROTOCOLS, client.request_timeout_s)

    bridge = _Bridge(open_stream, on_error or (lambda message: None))
    try:
        yield bridge.address
    finally:
        bridge.close()


class _Bridge:
    """A listener and one thread per connection."""

    def __init__(self, open_stream: Callable[[], Channels], on_error: Callable[[str], None]) -> None:
        self._open_stream = open_stream
        self._on_error = on_error
        self._ended = threading.Event()
        self._first: Channels | None = open_stream()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.settimeout(LOOK_EVERY_S)
        host, port = self._listener.getsockname()[:2]
        self.address: tuple[str, int] = (str(host), int(port))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, daemon=True, name="forward-accept")
        self._accepting.start()

    def close(self) -> None:
        """End all connections; their threads end by themselves."""
        self._ended.set()
        self._accepting.join()
        self._listener.close()
        with self._lock:
            for local in self._open:
                with contextlib.suppress(OSError):
                    local.shutdown(socket.SHUT_RDWR)
        if self._first is not None:
            self._first.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                local = self._listener.accept()[0]
            except TimeoutError:
                continue
            local.settimeout(None)
            local.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream, self._first = self._first, None
            with self._lock:
                self._open.add(local)
            threading.Thread(target=self._serve, args=(local, stream), daemon=True, name="forward").start()

    def _serve(self, local: socket.socket, stream: Channels | None) -> None:
        try:
            with stream or self._open_stream() as channels:
                pump(local, channels, self._ended)
        except CollectionError as error:
            if not self._ended.is_set():
                self._on_error(error.text())
        finally:
            with self._lock:
                self._open.discard(local)
            local.close()


def pump(local: socket.socket, channels: Channels, ended: threading.Event) -> None:
    """Carry bytes both ways until one side ends. Raises OperationFailed with what the error channel said."""
    announced: set[int] = set()
    while not ended.is_set():
        readable: list[object] = [channels]
        if not channels.buffered():
            readable = select_readable(local, channels)
        if channels in readable:
            frame = channels.read(channels.timeout_s)
            if frame is None:
                return
            channel, data = frame
            if channel not in announced:
                # The first frame of each channel only repeats the port number.
                announced.add(channel)
            elif channel == ERROR:
                said = data.decode("utf-8", "replace").strip()
                raise OperationFailed(
                    f"The port-forward was refused: {said}.",
                    code="PortForwardFailed",
                    remedy="Look at the pod: it must run, and listen on this port.",
                )
            elif not _delivered(local, data):
                return
        if local in readable:
            data = _received(local)
            if not data:
                return
            channels.write(DATA, data)


def select_readable(local: socket.socket, channels: Channels) -> list[object]:
    """The ends with something to read, within a moment. poll, because select knows no descriptors above 1023."""
    poll = select.poll()
    by_number: dict[int, object] = {local.fileno(): local, channels.fileno(): channels}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[event[0]] for event in poll.poll(LOOK_EVERY_S * 1000)]


def _received(local: socket.socket) -> bytes:
    try:
        return local.recv(CHUNK)
    except OSError:
        return b""


def _delivered(local: socket.socket, data: bytes) -> bool:
    try:
        local.sendall(data)
    except OSError:
        return False
    return True
