# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from types import SimpleNamespace
from typing import Any

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WebSocketServer:
    """Accepts WebSockets on loopback and lets `serve(connection, request head)` speak; refuses when `refuse` is set."""

    def __init__(self, serve: Any, refuse: Any = None) -> None:
        self.heads = []
        self.serve = serve
        self.refuse = refuse
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.transport = SimpleNamespace(
            server=f"http://127.0.0.1:{self.listener.getsockname()[1]}",
            authorization=lambda: "Bearer tok",
            configuration=SimpleNamespace(
                verify_ssl=True, ssl_ca_cert=None, cert_file=None, key_file=None, proxy=None, tls_server_name=None
            ),
        )
        self.client = SimpleNamespace(
            transport=self.transport, request_timeout_s=5.0, requests=0, count_request=lambda: None
        )
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: Any) -> None:
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            text = head.decode()
            self.heads.append(text)
            if self.refuse is not None:
                status, body = self.refuse
                data = json.dumps(body).encode()
                connection.sendall(f"HTTP/1.1 {status} No\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
                return
            fields = dict(line.split(": ", 1) for line in text.split("\r\n")[1:] if ": " in line)
            lower = {name.lower(): value for name, value in fields.items()}
            key = base64.b64encode(hashlib.sha1((lower["sec-websocket-key"] + MAGIC).encode()).digest()).decode()  # noqa: S324
            protocol = lower["sec-websocket-protocol"].split(",")[0].strip()
            connection.sendall(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {key}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n".encode()
            )
            self.serve(Peer(connection), text)


class Peer:
    """The server's end of one WebSocket."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def send(self, channel: Any, data: Any) -> None:
        payload = bytes([channel]) + data
        length = bytes([len(payload)]) if len(payload) < 126 else bytes([126]) + struct.pack("!H", len(payload))
        self.connection.sendall(b"\x82" + length + payload)

    def close(self) -> None:
        self.connection.sendall(b"\x88\x00")

    def receive(self) -> Any:
        """Channel and data of one frame of the client, None at the end."""
        start = self._exactly(2)
        if start is None or start[0] & 0x0F == 8:
            return None
        length = start[1] & 0x7F
        if length == 126:
            length = struct.unpack("!H", self._exactly(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self._exactly(8))[0]
        mask = self._exactly(4)
        data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(self._exactly(length)))
        return data[0], data[1:]

    def _exactly(self, count: Any) -> Any:
        data = b""
        while len(data) < count:
            try:
                piece = self.connection.recv(count - len(data))
            except OSError:
                return None
            if not piece:
                return None
            data += piece
        return data
