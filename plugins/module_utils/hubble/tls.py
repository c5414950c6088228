# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""TLS to Hubble relay: where the certificates come from, and what is wrong with them when they do not fit.

gRPC only says that a connection failed, again and again until its time is over. So one handshake is made before, with
the same authority and the same name, whose errors can be told one from the other.
"""

from __future__ import annotations

import base64
import binascii
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._errors import AuthFailed, InvalidInput, NotFound, OperationFailed, Unreachable
from .._types import Json, Params
from ..kube.interface import Kube
from ..kube.kinds import SECRET

HANDSHAKE_TIMEOUT_S = 10.0
SERVER_NAME = "instance.hubble-relay.cilium.io"
"""The chart's certificates are for `*.hubble-relay.cilium.io`."""
AUTHORITIES = ("hubble-relay-client-certs", "hubble-ui-client-certs", "hubble-relay-server-certs", "cilium-ca")
"""Secrets that hold the authority under `ca.crt`, in the order in which they are looked for."""
CLIENTS = ("hubble-ui-client-certs", "hubble-relay-client-certs")
"""Secrets that hold a client's certificate. AKS with Advanced Container Networking Services has the second only."""
_HTTP2_START = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
"""The preface of a client, and a frame with no settings."""
_OPTIONS = "relay_ca_cert, relay_client_cert and relay_client_key"


@dataclass(frozen=True)
class RelayOptions:
    """The options `relay_*` of a module; paths and names are empty where they were not given."""

    address: str = ""
    tls: str = "auto"
    """auto, always or never."""
    server_name: str = ""
    ca_cert: str = ""
    client_cert: str = ""
    client_key: str = ""

    @property
    def wants_tls(self) -> bool:
        """Whether the options alone say that TLS is spoken."""
        given = self.server_name or self.ca_cert or self.client_cert or self.address.startswith("tls://")
        return self.tls == "always" or (self.tls == "auto" and bool(given))


def relay_options(params: Params) -> RelayOptions:
    """From the parameters of a module with the options READER."""
    names = ("address", "tls", "server_name", "ca_cert", "client_cert", "client_key")
    given = {name: params.get(f"relay_{name}") or "" for name in names}
    options = RelayOptions(**{**given, "tls": given["tls"] or "auto"})
    if bool(options.client_cert) != bool(options.client_key):
        raise InvalidInput(
            "relay_client_cert and relay_client_key belong together; only one of them is given.",
            option="relay_client_cert",
            code="ClientCertIncomplete",
            remedy="Give both, or neither.",
        )
    if options.tls == "never" and (options.ca_cert or options.client_cert or options.address.startswith("tls://")):
        raise InvalidInput(
            "relay_tls=never leaves no use for certificates.",
            option="relay_tls",
            code="ContradictingOptions",
            remedy="Leave the certificates and tls:// out, or set relay_tls to always.",
        )
    return options


@dataclass(frozen=True)
class Tls:
    """What a connection needs. client is certificate and key, as PEM."""

    server_name: str
    ca_cert: bytes
    client: tuple[bytes, bytes] | None = field(default=None, repr=False)


def negotiate(
    address: tuple[str, int],
    options: RelayOptions,
    kube: Kube | None,
    namespace: str,
) -> Tls:
    """The material for a relay at an address, from options or else from the cluster's Secrets, proved by a handshake.

    The key of a client is read only when the relay asks for one. Raises AuthFailed (RelayCaUnknown, RelayNameMismatch,
    RelayClientCertRequired), NotFound, Unreachable.
    """
    ca_cert = _file("relay_ca_cert", options.ca_cert) if options.ca_cert else _authority(kube, namespace)
    context = _context(ca_cert, options)
    wanted_name = options.server_name or SERVER_NAME
    names, wants_client = _handshake(address, context, wanted_name, with_client=bool(options.client_cert))
    if not options.server_name:
        # The name that a `*` stands for is nobody's; the chart's own documentation says `instance`.
        wanted_name = next((name.replace("*", "instance") for name in names if not _is_address(name)), wanted_name)
    elif not any(_fits(name, wanted_name) for name in names):
        raise AuthFailed(
            f"Hubble relay has a certificate for {', '.join(names) or 'no name'}, not for {wanted_name}.",
            option="relay_server_name",
            code="RelayNameMismatch",
            remedy="Set relay_server_name to a name of the certificate, or leave it out.",
        )
    client = None
    if options.client_cert:
        client = (
            _file("relay_client_cert", options.client_cert),
            _file("relay_client_key", options.client_key),
        )
    elif wants_client:
        client = _client(kube, namespace)
    return Tls(wanted_name, ca_cert, client)


def _file(option: str, path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{option}={path} cannot be read: {error.strerror}.",
            option=option,
            code="FileUnreadable",
            remedy="Give the path of a PEM file on the machine that runs the module, which its user may read.",
        ) from error


def _authority(kube: Kube | None, namespace: str) -> bytes:
    found = _secret(kube, namespace, AUTHORITIES, ("ca.crt",))
    if found is None:
        raise NotFound(
            f"Hubble relay speaks TLS, and no Secret in {namespace} has its authority ({', '.join(AUTHORITIES)}).",
            code="RelayCaNotFound",
            remedy="Set relay_ca_cert to a file with the certificate of its authority.",
        )
    return found[0]


def _client(kube: Kube | None, namespace: str) -> tuple[bytes, bytes]:
    found = _secret(kube, namespace, CLIENTS, ("tls.crt", "tls.key"))
    if found is None:
        raise AuthFailed(
            f"Hubble relay wants a client certificate, and no Secret in {namespace} has one ({', '.join(CLIENTS)}).",
            code="RelayClientCertRequired",
            remedy="Set relay_client_cert and relay_client_key.",
        )
    return found[0], found[1]


def _secret(kube: Kube | None, namespace: str, names: Sequence[str], keys: Sequence[str]) -> list[bytes] | None:
    """The values of the first Secret that has all keys."""
    for name in names if kube is not None else ():
        try:
            secret = kube.get(SECRET, name, namespace) if kube is not None else None
        except AuthFailed as error:
            raise AuthFailed(
                f"Hubble relay speaks TLS, and the Secret {namespace}/{name} with its certificates may not be read.",
                code=error.code,
                status=error.status,
                target=f"{namespace}/{name}",
                details=error.details,
                remedy=f"Allow it, or set {_OPTIONS} to files.",
            ) from error
        data: Json = (secret or {}).get("data") or {}
        if all(data.get(key) for key in keys):
            try:
                return [base64.b64decode(data[key], validate=True) for key in keys]
            except (binascii.Error, ValueError) as error:
                raise OperationFailed(
                    f"The Secret {namespace}/{name} is damaged.",
                    code="SecretInvalid",
                    remedy=f"Have it made anew (run the playbook cilium), or set {_OPTIONS} to files.",
                ) from error
    return None


def _context(ca_cert: bytes, options: RelayOptions) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The name is compared below, where it can be said which names the certificate has.
    context.check_hostname = False
    context.set_alpn_protocols(["h2"])
    try:
        context.load_verify_locations(cadata=ca_cert.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
        where = f"relay_ca_cert={options.ca_cert}" if options.ca_cert else "The authority of Hubble relay"
        raise InvalidInput(
            f"{where} is not a PEM certificate.",
            option="relay_ca_cert",
            code="CaInvalid",
            remedy="Set relay_ca_cert to ca.crt of the Secret hubble-relay-server-certs.",
        ) from error
    if options.client_cert:
        try:
            context.load_cert_chain(
                Path(options.client_cert).expanduser(), Path(options.client_key).expanduser(), password=""
            )
        except (ssl.SSLError, OSError) as error:
            raise InvalidInput(
                f"relay_client_cert={options.client_cert} and relay_client_key={options.client_key} are no PEM"
                " certificate and key that belong together.",
                option="relay_client_cert",
                code="ClientCertInvalid",
                remedy="Give PEM files of one pair; a key with a passphrase cannot be used.",
            ) from error
    return context


def _handshake(
    address: tuple[str, int], context: ssl.SSLContext, name: str, *, with_client: bool
) -> tuple[list[str], bool]:
    """Names in the relay's certificate, and whether it wants one of the client that is not given."""
    host, port = address
    try:
        with (
            socket.create_connection(address, HANDSHAKE_TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            certificate: Any = secure.getpeercert() or {}
            names = [
                str(value) for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "IP Address")
            ]
            return names, _is_refused(secure)
    except ssl.SSLCertVerificationError as error:
        raise AuthFailed(
            f"The certificate of Hubble relay is not signed by the given authority: {error.verify_message}.",
            option="relay_ca_cert",
            code="RelayCaUnknown",
            remedy="Set relay_ca_cert to the authority's certificate (ca.crt of the Secret hubble-relay-server-certs).",
        ) from error
    except ssl.SSLError as error:
        reason = str(error.reason)
        if with_client and "ALERT" in reason:
            raise AuthFailed(
                f"Hubble relay does not accept the client certificate ({reason}).",
                option="relay_client_cert",
                code="RelayClientCertRefused",
                remedy="Use a certificate that its authority signed, or leave relay_client_cert out.",
            ) from error
        if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
            return [], True
        raise OperationFailed(
            f"Hubble relay at {host}:{port} does not speak TLS ({error.reason or 'no answer'}).",
            code="RelayTlsFailed",
            remedy="Set relay_tls=never, or check the address.",
        ) from error
    except OSError as error:
        raise Unreachable(
            f"Hubble relay cannot be reached at {host}:{port}: {error.strerror or error}.",
            code="HubbleUnavailable",
            remedy="Check relay_address where it is given, else look at the pods of hubble-relay.",
        ) from error


def _is_refused(secure: ssl.SSLSocket) -> bool:
    """With TLS 1.3 a server ends the connection only after the handshake when it misses a certificate.

    Otherwise it answers the beginning of HTTP/2.
    """
    try:
        secure.sendall(_HTTP2_START)
        return not secure.recv(1)
    except (ConnectionError, ssl.SSLEOFError):
        return True
    except ssl.SSLError as error:
        if "CERTIFICATE_REQUIRED" in str(error.reason):
            return True
        raise


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()


def _fits(pattern: str, name: str) -> bool:
    """Whether a certificate's name, which may begin with `*.`, is that of a server."""
    if not pattern.startswith("*."):
        return pattern.lower() == name.lower()
    return name.lower().partition(".")[2] == pattern.lower()[2:]
