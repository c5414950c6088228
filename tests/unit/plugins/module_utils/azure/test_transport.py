# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One exchange with Azure through the SDK's pipeline: against endpoints that are not there, and refused tokens."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from azure.core.exceptions import DecodeError

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import Unreachable
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cloud import Cloud
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.credential import Choice
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.identity import build
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.transport import (
    SdkTransport,
    _json,
    _translated,
)


@dataclass
class Raw:
    """An answer as azure-core gives it."""

    status_code: int
    content: bytes

    def text(self) -> str:
        return self.content.decode()


class TestAnswers:
    def test_a_body_that_is_cut_off_is_as_good_as_none(self) -> None:
        with pytest.raises(Unreachable, match="not the JSON") as caught:
            _json(Raw(200, b'{"name": "de'))
        assert caught.value.code == "InvalidAnswer"
        assert isinstance(_translated(DecodeError("cut off")), Unreachable)

    def test_a_page_of_a_proxy_is_an_error_of_its_status(self) -> None:
        body = _json(Raw(502, b"<html>Bad gateway</html>"))
        assert body["error"]["code"] == "HTTP502"

    def test_no_body_is_none(self) -> None:
        assert _json(Raw(204, b"")) is None


class TestSdkTransport:
    def transport(self, url: str, timeout_s: float = 2.0) -> SdkTransport:
        cloud = Cloud("test", url, url, f"{url}/.default", discovered=True)
        choice = Choice("service_principal", "t", "c", "s")
        credential = partial(build, choice, cloud, ca_bundle=None, timeout_s=timeout_s)
        return SdkTransport(credential, cloud, ca_bundle=None, timeout_s=timeout_s)

    def test_a_refused_connection_is_unreachable_at_once(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"https://127.0.0.1:{taken.getsockname()[1]}"
            started = time.monotonic()
            with pytest.raises(Unreachable, match="does not answer") as caught:
                self.transport(url)("GET", f"{url}/x?s=signed", {}, None)
            assert time.monotonic() - started < 5
            assert "signed" not in caught.value.text()

    def test_an_endpoint_that_never_speaks_is_unreachable_after_the_timeout(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"https://127.0.0.1:{silent.getsockname()[1]}"
            started = time.monotonic()
            with pytest.raises(Unreachable):
                self.transport(url, timeout_s=1.0)("GET", f"{url}/x", {}, None)
            assert time.monotonic() - started < 6


class Token:
    """An access token as azure-core wants it."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.expires_on = int(time.time()) + 3600


class Credential:
    """Gives one token, always the same, as the libraries do until its time is over."""

    def __init__(self, number: int) -> None:
        self._token = Token(f"token-{number}")

    def get_token(self, *scopes: str, **more: Any) -> Token:
        return self._token


class TestRefusedToken:
    """A token may end in the middle of a long wait: revoked, or by a clock that is wrong."""

    @pytest.fixture
    def sent(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Authorization headers that reach the wire; the first token is refused."""
        seen: list[str] = []

        def exchange(self: Any, request: Any, **more: Any) -> Any:
            seen.append(request.headers["Authorization"])
            refused = self.refuse_all or seen[-1].endswith("token-1")
            content = b'{"error": {"code": "ExpiredAuthenticationToken", "message": "expired"}}' if refused else b"{}"
            return wire_answer(request, 401 if refused else 200, content)

        from azure.core.pipeline.transport import RequestsTransport

        monkeypatch.setattr(RequestsTransport, "refuse_all", False, raising=False)
        monkeypatch.setattr(RequestsTransport, "send", exchange)
        return seen

    def transport(self) -> SdkTransport:
        numbers: Iterator[int] = iter(range(1, 9))
        cloud = Cloud("test", "https://arm.test", "https://arm.test", "https://arm.test/.default", discovered=True)
        return SdkTransport(lambda: Credential(next(numbers)), cloud, ca_bundle=None, timeout_s=2.0)

    def test_is_replaced_once_and_the_request_sent_again(self, sent: list[str]) -> None:
        answer = self.transport()("PUT", "https://arm.test/x", {}, b"{}")
        assert answer.status == 200
        assert sent == ["Bearer token-1", "Bearer token-2"]

    def test_the_new_one_is_kept(self, sent: list[str]) -> None:
        transport = self.transport()
        for __ in range(3):
            transport("GET", "https://arm.test/x", {}, None)
        assert sent[1:] == ["Bearer token-2"] * 3

    def test_a_second_refusal_counts(self, sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        from azure.core.pipeline.transport import RequestsTransport

        monkeypatch.setattr(RequestsTransport, "refuse_all", True)
        answer = self.transport()("GET", "https://arm.test/x", {}, None)
        assert (answer.status, answer.body["error"]["code"]) == (401, "ExpiredAuthenticationToken")
        assert len(sent) == 2


def wire_answer(request: Any, status: int, content: bytes) -> Any:
    """An answer as the requests library hands it to azure-core."""
    import requests
    import urllib3
    from azure.core.rest._requests_basic import RestRequestsTransportResponse

    raw = requests.Response()
    raw.status_code = status
    raw.raw = urllib3.HTTPResponse(body=io.BytesIO(content), preload_content=False)
    raw.headers["Content-Type"] = "application/json"
    answer = RestRequestsTransportResponse(request=request, internal_response=raw)
    answer.read()
    return answer
