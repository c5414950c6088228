# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests: retries that end, errors that tell, and the SDK's pipeline against endpoints that are not there."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from azure.core.exceptions import DecodeError

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    CollectionError,
    InvalidInput,
    Throttled,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import (
    Answer,
    ArmClient,
    SdkTransport,
    _json,
    _translated,
    connect,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cloud import Cloud
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.credential import Choice, build
from fake_arm import BASE, error
from fakes import FakeClock


class Script:
    """A transport that answers from a list."""

    def __init__(self, *steps: Answer | CollectionError) -> None:
        self.steps = list(steps)
        self.urls: list[str] = []

    def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        self.urls.append(url)
        step = self.steps.pop(0)
        if isinstance(step, CollectionError):
            raise step
        return step


def client(script: Script, clock: FakeClock | None = None) -> ArmClient:
    return ArmClient(
        script,
        base_url=f"{BASE}/",
        subscription_id="s",
        api_version="2026-01-01",
        patience_s=30.0,
        clock=clock or FakeClock(),
    )


OK = Answer(200, {}, {"ok": True})
BUSY = Answer(503, {}, None)


class TestRetries:
    def test_reads_survive_transient_answers(self) -> None:
        script = Script(BUSY, Unreachable("gone"), OK)
        assert client(script).send("GET", "/x", what="x").body == {"ok": True}

    def test_writes_are_not_sent_twice_after_a_server_error(self) -> None:
        script = Script(BUSY, OK)
        with pytest.raises(CollectionError, match="503"):
            client(script).send("PUT", "/x", what="x", body={})
        assert len(script.urls) == 1

    def test_writes_are_sent_again_when_throttled(self) -> None:
        clock = FakeClock()
        script = Script(Answer(429, {"retry-after": "7"}), OK)
        client(script, clock).send("PUT", "/x", what="x", body={})
        assert clock.sleeps == [7.0]

    def test_a_long_throttle_is_an_error(self) -> None:
        with pytest.raises(Throttled, match="600 s"):
            client(Script(Answer(429, {"retry-after": "600"}))).send("GET", "/x", what="x")

    def test_throttling_ends(self) -> None:
        with pytest.raises(Throttled):
            client(Script(*[Answer(429, {}, None)] * 4)).send("GET", "/x", what="x")

    def test_a_silent_endpoint_costs_no_more_than_the_timeout(self) -> None:
        clock = FakeClock()

        class Silent(Script):
            def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
                clock.now += 30
                return super().__call__(method, url, headers, content)

        with pytest.raises(Unreachable):
            client(Silent(*[Unreachable("silent")] * 9), clock).send("GET", "/x", what="x")
        assert clock.now == 30

    def test_a_given_address_is_used_verbatim(self) -> None:
        script = Script(OK)
        url = f"{BASE}/op?api-version=1&t=a%2Fb&s=A-_b%3D"
        client(script).look(url, what="operation")
        assert script.urls == [url]


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
        credential = build(Choice("service_principal", "t", "c", "s"), cloud, ca_bundle=None, timeout_s=timeout_s)
        return SdkTransport(credential, cloud, subscription_id="s", ca_bundle=None, timeout_s=timeout_s)

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


OPTIONS = {
    "subscription_id": "s",
    "tenant": "t",
    "client_id": "c",
    "secret": "canary",
    "auth_source": "auto",
    "cloud_environment": "AzureCloud",
    "ca_bundle": None,
    "api_version": "2026-01-01",
    "request_timeout": 30,
}


class TestConnect:
    @pytest.mark.parametrize(
        ("given", "option"),
        [
            ({"subscription_id": None}, "subscription_id"),
            ({"secret": None}, "secret"),
            ({"cloud_environment": "Mars"}, "cloud_environment"),
            ({"cloud_environment": "http://arm.local"}, "cloud_environment"),
            ({"ca_bundle": "/nowhere/ca.pem"}, "ca_bundle"),
            ({"ca_bundle": __file__}, "ca_bundle"),
            ({"request_timeout": 0}, "request_timeout"),
        ],
    )
    def test_a_wrong_option_is_named_before_anything_is_sent(self, given: dict[str, object], option: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            connect({**OPTIONS, **given}, hide=lambda secret: None, environment={})
        assert caught.value.option == option

    def test_hides_the_secret(self) -> None:
        hidden: list[str] = []
        connect(OPTIONS, hide=hidden.append, environment={})
        assert hidden == ["canary"]


def test_forbidden_is_an_authentication_error_with_azures_words() -> None:
    script = Script(error(403, "AuthorizationFailed", "The client has no permission."))
    with pytest.raises(AuthFailed, match="no permission") as caught:
        client(script).send("GET", "/x", what="cluster demo")
    assert caught.value.facts()["correlation_id"] == "corr-1"
