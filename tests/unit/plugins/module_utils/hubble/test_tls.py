# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    CollectionError,
    InvalidInput,
    NotFound,
    OperationFailed,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.client import relay_reader
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import FlowRequest
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.proto import from_json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.relay import RelayReader
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.tls import (
    RelayOptions,
    negotiate,
    relay_options,
)
from fakes import FakeKube
from hubble_fakes import CONNECTED, FLOW, cluster

RELAY_NAME = "*.hubble-relay.cilium.io"
Pair = tuple[bytes, bytes]
"""Certificate and key, as PEM."""


class Authority:
    """Signs certificates."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.pem = self._signed(self._name, self._key, [], is_authority=True)

    def issue(self, *names: str) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        pem = self._signed(subject, key, list(names), is_authority=False)
        encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        return pem, key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)

    def _signed(self, subject: x509.Name, key: Any, names: list[str], *, is_authority: bool) -> bytes:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        alternatives: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
        ]
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


OURS, STRANGERS = Authority("cilium-ca"), Authority("somebody-else")
SERVER, CLIENT = OURS.issue(RELAY_NAME), OURS.issue("client.hubble-ui.cilium.io")


@contextlib.contextmanager
def relay(*, mutual: bool = False, pair: Pair = SERVER) -> Iterator[tuple[str, int]]:
    """A relay with TLS, which with mutual wants a certificate of its clients."""
    answer = [from_json("GetFlowsResponse", one).SerializeToString() for one in (CONNECTED, FLOW)]
    handler = grpc.unary_stream_rpc_method_handler(lambda wire, context: iter(answer))
    credentials = grpc.ssl_server_credentials([(pair[1], pair[0])], OURS.pem if mutual else None, mutual)
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("observer.Observer", {"GetFlows": handler})])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield "127.0.0.1", port
    finally:
        server.stop(None).wait()


def secret(name: str, **data: bytes) -> dict[str, Any]:
    encoded = {key.replace("_", "."): base64.b64encode(value).decode() for key, value in data.items()}
    metadata = {"name": name, "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}


def secrets() -> FakeKube:
    return cluster(service_port=443).add(
        secret("hubble-relay-server-certs", ca_crt=OURS.pem, tls_crt=SERVER[0], tls_key=SERVER[1]),
        secret("hubble-ui-client-certs", ca_crt=OURS.pem, tls_crt=CLIENT[0], tls_key=CLIENT[1]),
    )


def flows(address: tuple[str, int], kube: FakeKube, options: RelayOptions | None = None) -> list[str]:
    """What is read from a relay that is found in a cluster."""

    @contextlib.contextmanager
    def forward(*_pod: Any) -> Iterator[tuple[str, int]]:
        yield address

    with relay_reader(kube, forward, relay=options or RelayOptions()) as reader:
        return [flow.uuid for flow in reader.read(FlowRequest(timeout_s=10)).flows]


@pytest.mark.parametrize("mutual", [False, True])
def test_all_that_tls_needs_is_found_in_the_cluster(mutual: bool) -> None:
    with relay(mutual=mutual) as address:
        assert flows(address, secrets()) == ["a"]


def test_managed_aks_keeps_everything_in_one_secret() -> None:
    kube = cluster(service_port=443).add(
        secret("hubble-relay-client-certs", ca_crt=OURS.pem, tls_crt=CLIENT[0], tls_key=CLIENT[1])
    )
    with relay(mutual=True) as address:
        assert flows(address, kube) == ["a"]


def test_the_key_of_a_client_is_only_read_when_it_is_wanted() -> None:
    with relay() as address:
        assert negotiate(address, RelayOptions(), secrets(), "kube-system").client is None
    with relay(mutual=True) as address:
        assert negotiate(address, RelayOptions(), secrets(), "kube-system").client == CLIENT


@pytest.mark.parametrize("mutual", [False, True])
def test_files_take_the_place_of_secrets(tmp_path: Path, mutual: bool) -> None:
    for name, data in (("ca", OURS.pem), ("crt", CLIENT[0]), ("key", CLIENT[1])):
        (tmp_path / name).write_bytes(data)
    options = RelayOptions(
        tls="always",
        ca_cert=str(tmp_path / "ca"),
        client_cert=str(tmp_path / "crt"),
        client_key=str(tmp_path / "key"),
        server_name="any.hubble-relay.cilium.io",
    )
    with relay(mutual=mutual) as address:
        assert flows(address, cluster(service_port=80), options) == ["a"]


def refused(address: tuple[str, int], kube: FakeKube | None, options: RelayOptions) -> CollectionError:
    with pytest.raises(CollectionError) as caught:
        negotiate(address, options, kube, "kube-system")
    return caught.value


def test_each_thing_that_does_not_fit_is_told_by_its_name(tmp_path: Path) -> None:
    strange, junk = tmp_path / "strange", tmp_path / "junk"
    strange.write_bytes(STRANGERS.pem)
    junk.write_text("junk", encoding="utf-8")
    with relay() as address:
        error = refused(address, None, RelayOptions(ca_cert=str(strange)))
        assert (type(error), error.code, error.option) == (AuthFailed, "RelayCaUnknown", "relay_ca_cert")
        error = refused(address, secrets(), RelayOptions(server_name="relay.example"))
        assert (error.code, error.option) == ("RelayNameMismatch", "relay_server_name")
        assert RELAY_NAME in error.message
        assert refused(address, None, RelayOptions(ca_cert=str(junk))).code == "CaInvalid"
        error = refused(address, None, RelayOptions(ca_cert=str(tmp_path / "absent")))
        assert (type(error), error.option) == (InvalidInput, "relay_ca_cert")
        error = refused(address, secrets(), RelayOptions(client_cert=str(junk), client_key=str(junk)))
        assert error.code == "ClientCertInvalid"
        assert isinstance(refused(address, cluster(), RelayOptions()), NotFound)


def test_a_client_certificate_that_is_wanted_and_not_there_is_told(tmp_path: Path) -> None:
    kube = cluster(service_port=443).add(secret("cilium-ca", ca_crt=OURS.pem))
    with relay(mutual=True) as address:
        error = refused(address, kube, RelayOptions())
    assert (type(error), error.code) == (AuthFailed, "RelayClientCertRequired")
    assert "relay_client_cert" in error.remedy


def test_a_client_certificate_of_a_stranger_is_not_accepted(tmp_path: Path) -> None:
    certificate, key = STRANGERS.issue("client")
    (tmp_path / "crt").write_bytes(certificate)
    (tmp_path / "key").write_bytes(key)
    options = RelayOptions(client_cert=str(tmp_path / "crt"), client_key=str(tmp_path / "key"))
    with relay(mutual=True) as address, pytest.raises((AuthFailed, Unreachable)):
        flows(address, secrets(), options)


def test_secrets_that_may_not_be_read_name_the_way_around() -> None:
    kube = secrets()
    kube.failures[("get", "Secret")] = AuthFailed("no", code="Forbidden", status=403)
    with relay() as address:
        error = refused(address, kube, RelayOptions())
    assert (type(error), error.status) == (AuthFailed, 403)
    assert "relay_ca_cert" in error.remedy


def test_a_relay_without_tls_and_no_relay_are_told_apart() -> None:
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        error = refused(("127.0.0.1", port), secrets(), RelayOptions())
        assert (type(error), error.code) == (OperationFailed, "RelayTlsFailed")
    finally:
        server.stop(None).wait()
    assert isinstance(refused(("127.0.0.1", 1), secrets(), RelayOptions()), Unreachable)


def test_a_certificate_for_addresses_leaves_the_chart_s_name() -> None:
    with relay(pair=OURS.issue("127.0.0.1", RELAY_NAME)) as address:
        tls = negotiate(address, RelayOptions(), secrets(), "kube-system")
    assert tls.server_name == "instance.hubble-relay.cilium.io"


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InvalidInput, match="belong together"):
        relay_options({"relay_client_cert": "a"})
    with pytest.raises(InvalidInput, match="relay_tls=never"):
        relay_options({"relay_tls": "never", "relay_ca_cert": "a"})
    assert relay_options({}) == RelayOptions()
    assert not RelayOptions().wants_tls
    assert RelayOptions(address="tls://a:1").wants_tls


def test_a_key_does_not_show_in_texts() -> None:
    with relay(mutual=True) as address:
        assert "PRIVATE" not in repr(negotiate(address, RelayOptions(), secrets(), "kube-system"))
    assert RelayReader.source == "relay"
    assert ssl.HAS_TLSv1_3
