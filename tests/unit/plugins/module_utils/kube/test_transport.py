# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.server
import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    Conflict,
    InvalidInput,
    NotFound,
    OperationFailed,
    Throttled,
    TimedOut,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube import transport as subject
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kubeconfig import Source, find_source
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.transport import (
    HttpTransport,
    Response,
    error_of,
    send,
)
from fakes import FakeClock


class Answers:
    """A transport that answers from a list."""

    server = "https://h:6443"
    configuration = None

    def __init__(self, *responses: Any) -> None:
        self.responses = list(responses)
        self.sent = []

    def send(self, method: Any, path: Any, query: Any, body: Any, headers: Any) -> Any:
        self.sent.append((method, path, query, body, headers))
        return self.responses.pop(0)

    def authorization(self) -> Any:
        return None


def answer(status: Any, headers: Any = None, **body: Any) -> Any:
    return Response(status, headers or {}, json.dumps(body).encode())


class TestRetries:
    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_read_is_tried_again(self, status: Any) -> None:
        transport, clock = Answers(answer(status), answer(200, items=[])), FakeClock()
        assert send(transport, "GET", "/x", clock=clock).json() == {"items": []}
        assert len(clock.sleeps) == 1

    def test_but_not_for_ever(self) -> None:
        transport = Answers(*[answer(503, message="down")] * 3)
        with pytest.raises(OperationFailed, match="down"):
            send(transport, "GET", "/x", clock=FakeClock())
        assert len(transport.sent) == 3

    def test_a_write_is_sent_once(self) -> None:
        transport = Answers(answer(429), answer(200))
        with pytest.raises(Throttled):
            send(transport, "POST", "/x", body={}, clock=FakeClock())
        assert len(transport.sent) == 1

    def test_waits_as_asked_within_limits(self) -> None:
        clock = FakeClock()
        send(Answers(answer(429, {"Retry-After": "3"}), answer(200)), "GET", "/x", clock=clock)
        send(Answers(answer(429, {"Retry-After": "999"}), answer(200)), "GET", "/x", clock=clock)
        send(Answers(answer(429, {"Retry-After": "soon"}), answer(200)), "GET", "/x", clock=clock)
        assert clock.sleeps == [3, 5, 0.5]


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, InvalidInput),
            (401, AuthFailed),
            (403, AuthFailed),
            (404, NotFound),
            (409, Conflict),
            (422, InvalidInput),
            (418, OperationFailed),
        ],
    )
    def test_status_to_type(self, status: Any, kind: Any) -> None:
        error = error_of(answer(status, reason="R", message="said so."), "GET", "/x?limit=1")
        assert isinstance(error, kind)
        assert (error.code, error.status) == ("R", status)
        assert "said so." in error.message
        assert "limit" not in error.message

    def test_causes_are_kept(self) -> None:
        causes = [{"field": "spec", "message": "bad"}]
        assert error_of(answer(422, details={"causes": causes}), "POST", "/x").details == {"causes": causes}

    def test_unknown_field_in_server_side_apply_is_the_users_input(self) -> None:
        message = "failed to create typed patch object (...): .dta: field not declared in schema"
        error = error_of(answer(500, message=message), "PATCH", "/x")
        assert isinstance(error, InvalidInput)
        assert error.code == "UnknownField"

    def test_text_instead_of_json(self) -> None:
        error = error_of(Response(502, {}, b"<html>bad gateway"), "GET", "/x")
        assert "bad gateway" in error.message
        assert error.code == "HTTP502"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "authorization": self.headers.get("authorization")}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def with_user(server: Any, user: Any) -> Any:
    return Source(
        {
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        },
        "c",
        None,
    )


PLUGIN = """
import json
print(json.dumps({
    "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "of-the-plugin"}
}))
"""


def exec_user(*args: Any) -> Any:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": list(args)}}


class TestHttp:
    def test_sends_the_token(self, server: Any) -> None:
        transport = HttpTransport(find_source({"host": server, "api_key": "tok"}, {}), 5)
        assert send(transport, "GET", "/x", query={"a": "b c"}).json() == {
            "path": "/x?a=b+c",
            "authorization": "Bearer tok",
        }

    def test_reads_a_token_file(self, server: Any, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("of-the-file")
        transport = HttpTransport(with_user(server, {"tokenFile": str(tmp_path / "token")}), 5)
        assert send(transport, "GET", "/x").json()["authorization"] == "Bearer of-the-file"

    def test_runs_the_credential_program(self, server: Any) -> None:
        transport = HttpTransport(with_user(server, exec_user("-c", PLUGIN)), 5)
        assert send(transport, "GET", "/x").json()["authorization"] == "Bearer of-the-plugin"

    def test_a_credential_program_that_fails_is_named_with_its_words(self, server: Any) -> None:
        with pytest.raises(AuthFailed) as caught:
            HttpTransport(with_user(server, exec_user("-c", "raise SystemExit('please log in')")), 5)
        assert "please log in" in caught.value.message
        assert sys.executable in caught.value.message

    def test_a_credential_program_that_waits_for_a_person_is_not_waited_for(
        self, server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subject, "CREDENTIAL_PROGRAM_TIMEOUT_S", 0.2)
        with pytest.raises(TimedOut) as caught:
            HttpTransport(with_user(server, exec_user("-c", "import time; time.sleep(3)")), 5)
        assert caught.value.code == "CredentialProgramTimeout"

    def test_material_that_is_no_certificate_is_the_kubeconfigs_fault(self) -> None:
        source = with_user("https://127.0.0.1:1", {"client-certificate-data": "%%%", "client-key-data": "x"})
        with pytest.raises((InvalidInput, Unreachable)):
            send(HttpTransport(source, 2), "GET", "/x")

    def test_nobody_listens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(Unreachable) as caught:
            send(HttpTransport(find_source({"host": f"http://127.0.0.1:{port}"}, {}), 2), "GET", "/x")
        assert f"127.0.0.1:{port}" in caught.value.message
        assert caught.value.code == "NoConnection"

    def test_no_answer_ends_within_the_timeout(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            host = f"http://127.0.0.1:{listener.getsockname()[1]}"
            with pytest.raises(Unreachable, match=r"no answer within 0.2 s"):
                send(HttpTransport(find_source({"host": host}, {}), 0.2), "GET", "/x")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)",
            "TlsFailed",
        ),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "TlsFailed"),
        ("Failed to resolve 'h' ([Errno -2] Name or service not known)", "NameUnknown"),
        ("[Errno 113] No route to host", "NoConnection"),
        ("Read timed out. (read timeout=3)", "NoAnswer"),
    ],
)
def test_why_there_was_no_answer(text: Any, code: Any) -> None:
    error = subject.unreachable("https://h", OSError(text), 3)
    assert error.code == code
    assert "h:443" in error.message
    assert "_ssl.c" not in error.message
