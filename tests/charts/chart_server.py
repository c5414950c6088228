# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private place for charts on loopback: an OCI registry and a repository in one, with TLS and a password."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import json
import ssl
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "puller", "s3cret-of-the-registry"
CONFIG_TYPE = "application/vnd.cncf.helm.config.v1+json"
LAYER_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    """The digest of a blob."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Store:
    """What is served: path -> content type and content. requests: method and path, in order."""

    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    manifest_digest: str = ""
    requests: list[str] = field(default_factory=list)

    def add(self, archive: Path) -> None:
        """Serve a chart's archive as /charts/NAME in the registry and in the repository /repo."""
        content = archive.read_bytes()
        with tarfile.open(archive) as opened:
            member = next(item for item in opened if item.name.count("/") == 1 and item.name.endswith("/Chart.yaml"))
            file = opened.extractfile(member)
            metadata: dict[str, Any] = yaml.safe_load(file.read() if file else b"")
        name, version = metadata["name"], metadata["version"]
        config = json.dumps(metadata).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(config), "size": len(config)},
                "layers": [{"mediaType": LAYER_TYPE, "digest": digest_of(content), "size": len(content)}],
            }
        ).encode()
        self.manifest_digest = digest_of(manifest)
        base = f"/v2/charts/{name}"
        for reference in (version, self.manifest_digest):
            self.files[f"{base}/manifests/{reference}"] = (MANIFEST_TYPE, manifest)
        for blob in (config, content):
            self.files[f"{base}/blobs/{digest_of(blob)}"] = ("application/octet-stream", blob)
        tags = json.dumps({"name": f"charts/{name}", "tags": [version]}).encode()
        self.files[f"{base}/tags/list"] = ("application/json", tags)
        self.files["/v2/"] = ("application/json", b"{}")
        entry = {**metadata, "urls": [archive.name], "digest": hashlib.sha256(content).hexdigest()}
        index = yaml.safe_dump({"apiVersion": "v1", "entries": {name: [entry]}}).encode()
        self.files["/repo/index.yaml"] = ("text/yaml", index)
        self.files[f"/repo/{archive.name}"] = ("application/gzip", content)


def handler_of(store: Store) -> type[BaseHTTPRequestHandler]:
    """A request handler over a store that wants the password for everything."""
    wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer()

        def do_HEAD(self) -> None:
            self.answer()

        def answer(self) -> None:
            path = self.path.partition("?")[0]
            store.requests.append(f"{self.command} {path}")
            if self.headers.get("Authorization") != wanted:
                self.reply(401, "application/json", b'{"errors":[{"code":"UNAUTHORIZED"}]}')
            elif path in store.files:
                self.reply(200, *store.files[path])
            else:
                self.reply(404, "application/json", b'{"errors":[{"code":"NOT_FOUND"}]}')

        def reply(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", digest_of(content))
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="charts"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    return Handler


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Certificate and key of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "charts on loopback")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "ca.crt", folder / "tls.key"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_path, key_path


@contextmanager
def serving(store: Store, folder: Path) -> Iterator[tuple[str, Path]]:
    """host:port of the server and the file with its certificate authority, while the block runs."""
    certificate, key = write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(store))
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", certificate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
