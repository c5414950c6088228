# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests: retries that end, errors that tell, and the SDK's pipeline against endpoints that are not there."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    CollectionError,
    InvalidInput,
    Throttled,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import ArmClient, connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.transport import (
    Answer,
)
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

    def test_a_task_with_a_deadline_sits_throttling_out_and_says_so(self) -> None:
        clock, lines = FakeClock(), list[str]()
        arm = client(Script(*[Answer(429, {"retry-after": "200"})] * 2, OK), clock)
        arm.patient_until(1000.0, lines.append)
        assert arm.send("PUT", "/x", what="x", body={}).status == 200
        assert clock.now == 400
        assert lines[:2] == [
            "Azure asks to wait (429 Throttled), 200 s left",
            "Azure asks to wait (429 Throttled), 170 s left",
        ]

    def test_throttling_beyond_the_deadline_is_an_error_at_once(self) -> None:
        clock = FakeClock()
        arm = client(Script(Answer(429, {"retry-after": "200"})), clock)
        arm.patient_until(100.0, print)
        with pytest.raises(Throttled) as caught:
            arm.send("GET", "/x", what="x")
        assert clock.now == 0
        assert "wait_timeout" in caught.value.remedy

    def test_a_retry_after_of_nothing_does_not_spin(self) -> None:
        clock = FakeClock()
        arm = client(Script(*[Answer(429, {"retry-after": "0"})] * 3, OK), clock)
        arm.patient_until(100.0, print)
        arm.send("GET", "/x", what="x")
        assert len(clock.sleeps) == 3
        assert min(clock.sleeps) > 0

    def test_parameters_of_a_query_are_sent(self) -> None:
        script = Script(OK)
        client(script).send("DELETE", "/x", what="x", query={"ignore-pod-disruption-budget": "true"})
        assert script.urls == [f"{BASE}/x?api-version=2026-01-01&ignore-pod-disruption-budget=true"]

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
