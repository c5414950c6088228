# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import struct
import threading
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import NotFound
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded
from apiserver import WebSocketServer

PORT = struct.pack("<H", 4245)


def echo(peer: Any, head: Any) -> None:
    peer.send(0, PORT)
    peer.send(1, PORT)
    while (frame := peer.receive()) is not None:
        peer.send(0, frame[1].upper())


def ask(address: Any, text: Any) -> Any:
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(text)
        return connection.recv(1000)


def test_carries_bytes_both_ways_on_many_connections() -> None:
    with WebSocketServer(echo) as server, forwarded(server.client, "n", "p", 4245) as address:
        assert address[0] == "127.0.0.1"
        assert [ask(address, b"one"), ask(address, b"two")] == [b"ONE", b"TWO"]
    assert "/api/v1/namespaces/n/pods/p/portforward?ports=4245" in server.heads[0]


def test_large_data_arrives_whole() -> None:
    with (
        WebSocketServer(echo) as server,
        forwarded(server.client, "n", "p", 4245) as address,
        socket.create_connection(address, timeout=5) as connection,
    ):
        received = b""
        for number in range(20):
            connection.sendall(b"x" * 1000 if number % 2 else b"X" * 1000)
        while len(received) < 20000:
            received += connection.recv(4096)
    assert received == b"X" * 20000


def test_one_connections_reset_leaves_the_others() -> None:
    with WebSocketServer(echo) as server, forwarded(server.client, "n", "p", 4245) as address:
        with socket.create_connection(address, timeout=5) as living:
            broken = socket.create_connection(address, timeout=5)
            broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            broken.sendall(b"x")
            broken.close()
            living.sendall(b"still")
            assert living.recv(100) == b"STILL"
        assert ask(address, b"new") == b"NEW"


def test_what_the_pod_refuses_is_told() -> None:
    def refuse(peer: Any, head: Any) -> None:
        peer.send(0, PORT)
        peer.send(1, PORT)
        peer.send(1, b"connection refused")

    told = threading.Event()
    errors = []

    def on_error(message: Any) -> None:
        errors.append(message)
        told.set()

    with WebSocketServer(refuse) as server, forwarded(server.client, "n", "p", 4245, on_error=on_error) as address:
        with socket.create_connection(address, timeout=5) as connection:
            assert connection.recv(10) == b""
        assert told.wait(5)
    assert "connection refused" in errors[0]


def test_an_absent_pod_raises_before_the_block() -> None:
    refusal = (404, {"reason": "NotFound", "message": 'pods "p" not found'})
    with (
        WebSocketServer(echo, refuse=refusal) as server,
        pytest.raises(NotFound),
        forwarded(server.client, "n", "p", 4245),
    ):
        pytest.fail("entered")


def test_nothing_is_left_behind() -> None:
    before = threading.active_count()
    with WebSocketServer(echo) as server:
        with forwarded(server.client, "n", "p", 4245) as address:
            connection = socket.create_connection(address, timeout=5)
            connection.sendall(b"x")
            connection.recv(10)
        assert connection.recv(10) == b""
        connection.close()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(address, timeout=1)
    for thread in threading.enumerate():
        if thread.name.startswith("forward"):
            thread.join(5)
    assert threading.active_count() <= before + 1
