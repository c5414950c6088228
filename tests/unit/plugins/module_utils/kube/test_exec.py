# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    InvalidInput,
    NotFound,
    OperationFailed,
    TimedOut,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.channels import proxy_options, tls_options
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod
from apiserver import WebSocketServer

SUCCESS = json.dumps({"status": "Success"}).encode()


def failure(message: Any, **details: Any) -> Any:
    return json.dumps({"status": "Failure", "message": message, "details": details}).encode()


def _end_with(status: bytes, peer: Any, head: str) -> None:
    peer.send(3, status)
    peer.close()


def run(server: Any, command: Any = ("id",), timeout_s: Any = 5.0) -> Any:
    return exec_in_pod(server.client, "n", "p", command, container="c", timeout_s=timeout_s)


def test_returns_output_and_status() -> None:
    def serve(peer: Any, head: Any) -> None:
        peer.send(1, "gr\u00fc".encode()[:3])
        peer.send(2, b"oh")
        peer.send(1, "gr\u00fc".encode()[3:] + b"n")
        peer.send(3, failure("command terminated", causes=[{"reason": "ExitCode", "message": "7"}]))
        peer.close()

    with WebSocketServer(serve) as server:
        done = run(server, ("sh", "-c", "a b"))
    assert (done.rc, done.stdout, done.stderr) == (7, "gr\u00fcn", "oh")
    assert server.heads[0].startswith("GET /api/v1/namespaces/n/pods/p/exec?command=sh&command=-c&command=a+b&")
    assert "container=c" in server.heads[0]
    assert "authorization: Bearer tok" in server.heads[0]


def test_success() -> None:
    with WebSocketServer(partial(_end_with, SUCCESS)) as server:
        assert run(server).rc == 0


def test_an_absent_program_has_a_code_of_its_own() -> None:
    message = 'exec failed: exec: "id": executable file not found in $PATH: unknown'
    serve = partial(_end_with, failure(message))
    with WebSocketServer(serve) as server, pytest.raises(NotFound) as caught:
        run(server)
    assert caught.value.code == "CommandNotFound"


@pytest.mark.parametrize("status", [failure("container not running"), b"", b"plain words"])
def test_no_exit_status_is_a_failure(status: Any) -> None:
    def serve(peer: Any, head: Any) -> None:
        if status:
            peer.send(3, status)
        peer.close()

    with WebSocketServer(serve) as server, pytest.raises(OperationFailed):
        run(server)


def test_a_connection_that_breaks_is_a_failure() -> None:
    server = WebSocketServer(lambda peer, head: peer.send(1, b"half"))
    with server, pytest.raises((OperationFailed, Unreachable)):
        run(server)


def test_a_command_that_does_not_end_is_left_at_the_deadline() -> None:
    server = WebSocketServer(lambda peer, head: peer.receive())
    with server, pytest.raises(TimedOut) as caught:
        run(server, ("sleep", "9"), timeout_s=0.2)
    assert "`sleep 9` in pod n/p" in caught.value.message


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (403, AuthFailed), (400, InvalidInput)])
def test_refusals_of_the_api_server_are_told(status: Any, kind: Any) -> None:
    body = {"reason": "R", "message": "because"}
    server = WebSocketServer(lambda peer, head: None, refuse=(status, body))
    with server, pytest.raises(kind, match="because"):
        run(server)


def test_nobody_listens() -> None:
    with WebSocketServer(lambda peer, head: None) as server:
        pass
    with pytest.raises(Unreachable):
        run(server)


class TestConnectionOptions:
    def test_certificates(self) -> None:
        configuration = SimpleNamespace(
            verify_ssl=True, ssl_ca_cert="/ca", cert_file="/c", key_file="/k", tls_server_name="name"
        )
        options = tls_options(configuration)
        assert options["check_hostname"] is True
        assert (options["ca_certs"], options["certfile"], options["keyfile"]) == ("/ca", "/c", "/k")
        assert options["server_hostname"] == "name"

    def test_no_verification_only_when_asked(self) -> None:
        configuration = SimpleNamespace(verify_ssl=False, ssl_ca_cert=None, cert_file=None, key_file=None)
        assert list(tls_options(configuration)) == ["cert_reqs"]

    def test_proxy_with_credentials_and_exceptions(self) -> None:
        configuration = SimpleNamespace(proxy="http://u:p%40@proxy:3128", no_proxy="a, b")
        assert proxy_options(configuration) == {
            "http_proxy_host": "proxy",
            "http_proxy_port": 3128,
            "proxy_type": "http",
            "http_proxy_auth": ("u", "p@"),
            "http_no_proxy": ["a", "b"],
        }

    def test_no_proxy(self) -> None:
        assert proxy_options(SimpleNamespace(proxy=None)) == {}
