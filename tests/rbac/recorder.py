# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy in front of an API server that writes down every request: method, path, query, body and status.

It hands on what it gets, credentials included, and carries upgraded connections (exec, port-forward) byte by byte.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import select
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

CHUNK = 64 * 1024
END = b"\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """One request, and how it was answered."""

    method: str
    path: str
    query: dict[str, str]
    content_type: str
    body: Any
    status: int


class Recorder:
    """Listens on a port of this machine for as long as it is open. ca_pem: what its clients must trust."""

    def __init__(self, server: str, ca_pem: bytes, folder: Path) -> None:
        parts = urlsplit(server)
        self._upstream = (str(parts.hostname), parts.port or 443)
        self._tls = ssl.create_default_context(cadata=ca_pem.decode())
        # helm sends tokens over TLS only.
        self.ca_pem = _certificate(folder / "recorder.pem")
        self._own_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._own_tls.load_cert_chain(folder / "recorder.pem")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self) -> list[Request]:
        """The requests since the last call."""
        with self._lock:
            taken, self._requests = self._requests, []
        return taken

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        """One request for each connection: whoever wants more connects again."""
        with contextlib.suppress(OSError, ValueError), self._own_tls.wrap_socket(plain, server_side=True) as client:
            head, rest = _head(client)
            lines = head.decode("latin-1").split("\r\n")
            method, target = lines[0].split(" ")[:2]
            headers = {name.lower(): value.strip() for name, __, value in (line.partition(":") for line in lines[1:])}
            body = _body(client, headers, rest)
            upgrade = "upgrade" in headers.get("connection", "").lower()
            kept = [line for line in lines[1:] if upgrade or not line.lower().startswith("connection:")]
            sent = [lines[0], *kept, *([] if upgrade else ["Connection: close"])]
            raw = socket.create_connection(self._upstream, timeout=60)
            with self._tls.wrap_socket(raw, server_hostname=self._upstream[0]) as server:
                server.settimeout(None)
                server.sendall("\r\n".join(sent).encode("latin-1") + END + body)
                answer = server.recv(CHUNK)
                self._note(method, target, headers, body, answer)
                client.sendall(answer)
                _pump(client, server)

    def _note(self, method: str, target: str, headers: dict[str, str], body: bytes, answer: bytes) -> None:
        parts = urlsplit(target)
        status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0
        try:
            document = json.loads(body) if body else None
        except ValueError:
            document = None
        request = Request(
            method, parts.path, dict(parse_qsl(parts.query)), headers.get("content-type", ""), document, status
        )
        with self._lock:
            self._requests.append(request)


def _certificate(path: Path) -> bytes:
    """A certificate for this machine, which is its own authority; with its key in a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "recorder")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.touch(mode=0o600)
    path.write_bytes(private + pem)
    return pem


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    """The request line with the headers, and what came after them."""
    data = b""
    while END not in data:
        more = client.recv(CHUNK)
        if not more:
            raise ValueError("no request")
        data += more
    head, __, rest = data.partition(END)
    return head, rest


def _body(client: socket.socket, headers: dict[str, str], data: bytes) -> bytes:
    """All of the body, as it is on the wire."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while not data.endswith(b"0\r\n\r\n"):
            data += client.recv(CHUNK)
        return data
    while len(data) < int(headers.get("content-length", "0")):
        data += client.recv(CHUNK)
    return data


def _pump(client: ssl.SSLSocket, server: ssl.SSLSocket) -> None:
    """Carry bytes both ways until one side ends."""
    while True:
        # What TLS has decrypted already is not seen by select.
        readable = [one for one in (client, server) if one.pending()] or select.select([client, server], [], [])[0]
        for source, target in ((server, client), (client, server)):
            if source in readable:
                data = source.recv(CHUNK)
                if not data:
                    return
                target.sendall(data)
