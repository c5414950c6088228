# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relay that answers every question with the same recorded flows, as fast as its client takes them.

    python relay_server.py FLOWS NUMBER

FLOWS is a file of flows, NUMBER says how many to send; the port on loopback is printed. Whoever reads flows shall be
measured and not who sends them, so this speaks just enough HTTP/2 and gRPC, and sends frames that were made before.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ansible" / "collections"))

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.files import FlowFile  # noqa: E402
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.proto import from_json  # noqa: E402

DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME = 16_384


def literal(name: bytes, value: bytes) -> bytes:
    """A header that is in no table."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """One frame of HTTP/2."""
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


# `:status 200` is number 8 of the static table.
BEGIN = b"\x88" + literal(b"content-type", b"application/grpc")
END = literal(b"grpc-status", b"0")


def recorded(path: str, number: int) -> bytes:
    """So many flows of a file, again and again, as gRPC puts them on the wire."""
    wires = [from_json("GetFlowsResponse", response).SerializeToString() for response in FlowFile(path)]
    return b"".join(b"\0" + struct.pack(">I", len(wire)) + wire for wire in islice(cycle(wires), number))


class Connection:
    """One client."""

    def __init__(self, client: socket.socket, body: bytes) -> None:
        self.client, self.body = client, body
        self.initial, self.connection_window = 65_535, 65_535
        self.windows: dict[int, int] = {}
        self.changed, self.sending = threading.Condition(), threading.Lock()

    def read(self, number: int) -> bytes:
        """Exactly so many bytes."""
        data = b""
        while len(data) < number:
            more = self.client.recv(number - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def send(self, data: bytes) -> None:
        """Whole frames."""
        with self.sending:
            self.client.sendall(data)

    def run(self) -> None:
        """Read frames until the client goes."""
        try:
            self.read(len(PREFACE))
            self.send(frame(SETTINGS, 0, 0, b""))
            while True:
                head = self.read(9)
                body = self.read(int.from_bytes(head[:3], "big"))
                self.take(head[3], head[4], int.from_bytes(head[5:], "big"), body)
        except OSError:
            with self.changed:
                self.windows.clear()
                self.changed.notify_all()

    def take(self, kind: int, flags: int, stream: int, body: bytes) -> None:
        """One frame."""
        with self.changed:
            if kind == SETTINGS and not flags & ACK:
                for number, value in struct.iter_unpack(">HI", body):
                    if number == 4:
                        self.windows = {one: window + value - self.initial for one, window in self.windows.items()}
                        self.initial = value
                self.send(frame(SETTINGS, ACK, 0, b""))
            elif kind == PING and not flags & ACK:
                self.send(frame(PING, ACK, 0, body))
            elif kind == WINDOW_UPDATE and stream == 0:
                self.connection_window += int.from_bytes(body, "big")
            elif kind == WINDOW_UPDATE and stream in self.windows:
                self.windows[stream] += int.from_bytes(body, "big")
            elif kind == HEADERS:
                self.windows[stream] = self.initial
                threading.Thread(target=self.answer, args=(stream,), daemon=True).start()
            self.changed.notify_all()

    def answer(self, stream: int) -> None:
        """Everything, as the windows allow."""
        try:
            self.send(frame(HEADERS, END_HEADERS, stream, BEGIN))
            for piece in self.pieces(stream):
                self.send(frame(DATA, 0, stream, piece))
            self.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, END))
        except (OSError, KeyError):
            return

    def pieces(self, stream: int) -> Iterator[bytes]:
        """The body in frames that fit the windows."""
        place = 0
        while place < len(self.body):
            with self.changed:
                self.changed.wait_for(lambda: min(self.connection_window, self.windows.get(stream, 1)) > 0)
                size = min(FRAME, self.connection_window, self.windows[stream], len(self.body) - place)
                self.connection_window -= size
                self.windows[stream] -= size
            yield self.body[place : place + size]
            place += size


def main() -> None:
    """See the top of this file."""
    body = recorded(sys.argv[1], int(sys.argv[2]))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client = listener.accept()[0]
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=Connection(client, body).run, daemon=True).start()


if __name__ == "__main__":
    main()
