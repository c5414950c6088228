# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in answers each recorded request as Azure did: status, headers and body, apart from ids and times."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from azure_stand_in import Answer, LocalAks

RECORDINGS = Path(__file__).parents[1] / "unit" / "data" / "recordings"
Json = dict[str, Any]
# What stands for an id or a time, by key or by form.
MADE_UP = ("principalId", "tenantId", "clientId", "objectId", "resourceUID", "eTag")
PATTERNS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "<time>"),
    (re.compile(r"(?<=gen2containerd-)\d{6}\.\d\d\.\d"), "<time>"),
    (re.compile(r"-[a-z0-9]{8}(?=\.(portal\.)?hcp\.)"), "-<id>"),
    (re.compile(r"https://(management\.azure\.com|127\.0\.0\.1:\d+)/"), "https://<host>/"),
    (re.compile(r"&t=.*$"), ""),
)
# Put into the recorded cluster by an Azure Policy of its subscription, not by AKS.
BY_POLICY = (("properties", "addonProfiles"), ("properties", "securityProfile", "defender"))


def apart(document: Any, key: str = "") -> Any:
    """A document without what differs from run to run."""
    if isinstance(document, dict):
        return {name: apart(value, name) for name, value in document.items()}
    if isinstance(document, list):
        return [apart(value) for value in document]
    if key in MADE_UP:
        return "<id>"
    if isinstance(document, str):
        for pattern, replacement in PATTERNS:
            document = pattern.sub(replacement, document)
    return document


def without_policy(document: Json) -> Json:
    document = copy.deepcopy(document)
    for *way, last in BY_POLICY:
        place = document
        for key in way:
            place = place.get(key, {})
        place.pop(last, None)
    return document


class Recording:
    """One recorded session, and the service that must behave like it."""

    def __init__(self, service: LocalAks, name: str) -> None:
        self.service = service
        self.interactions: list[Json] = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))[
            "interactions"
        ]
        self.polled = ""

    def path(self, number: int) -> str:
        request = self.interactions[number]["request"]
        return f"{request['path']}?api-version={request['api_version']}"

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        self.service.arm("GET", "")
        headers = {"Authorization": f"Bearer {self.service.token}"}
        return self.service.send(method, path, body, headers)

    def group(self, location: str) -> None:
        path = self.path(0).partition("/providers/")[0]
        assert self.send("PUT", f"{path}?api-version=2021-04-01", {"location": location}).status == 201

    def play(self, number: int, body: Any = None) -> Answer:
        """Send a recorded request (with another body, if given) and compare the answer with the recorded one."""
        request = self.interactions[number]["request"]
        target = self.polled if "/operations/" in request["path"] else self.path(number)
        answer = self.send(request["method"], target, body or request["body"])
        self.compare(number, answer)
        self.polled = answer.headers.get("azure-asyncoperation", self.polled)
        return answer

    def compare(self, number: int, answer: Answer) -> None:
        recorded = self.interactions[number]["response"]
        assert answer.status == recorded["status"], answer.body
        for name, value in recorded["headers"].items():
            assert apart(answer.headers.get(name.lower())) == apart(value), name
        if recorded["status"] in (200, 201):
            assert not {"location", "retry-after", "etag"} & set(answer.headers)
        if recorded["body"] is not None or answer.status == 202:
            assert apart(answer.body) == apart(recorded["body"])

    def until(self, number: int) -> None:
        """Poll until the recorded state of an operation shows."""
        wanted = self.interactions[number]["response"]["body"]["status"]
        while (answer := self.send("GET", self.polled)).body["status"] != wanted:
            assert answer.body["status"] not in ("Succeeded", "Failed", "Canceled"), answer.body
        self.compare(number, answer)

    def finish(self) -> None:
        self.service.faults()
        while self.send("GET", self.polled).body["status"] not in ("Succeeded", "Failed", "Canceled"):
            pass


@pytest.fixture
def service(own_local_aks: LocalAks) -> LocalAks:
    return own_local_aks


def test_create_and_delete_with_acns_2026(service: LocalAks) -> None:
    session = Recording(service, "acns_overlay_2026")
    session.group("westcentralus")
    session.play(0)
    service.faults({"kind": "watched_operation"})
    session.play(1)
    for number in (2, 3, 4):
        session.until(number)
    session.play(5)
    session.play(6)


def test_migration_to_cilium_2023(service: LocalAks) -> None:
    session = Recording(service, "migrate_to_cilium_2023")
    session.group("eastus")
    service.faults({"kind": "hold_operation"})
    session.play(0)
    session.finish()
    live = session.play(1).body
    # The recording keeps of the update's request only its network profile.
    (excerpt,) = (value for key, value in session.interactions[2]["request"]["body"].items() if "excerpt" in key)
    live["properties"]["networkProfile"].update(excerpt)
    service.faults({"kind": "preempted"})
    session.play(2, live)
    session.until(3)
    session.finish()


def test_update_without_network_profile_2025(service: LocalAks) -> None:
    session = Recording(service, "minimal_2025")
    session.group("westus3")
    # The creation was not recorded; this is the update's body with the version and the tier that the GET shows.
    body = copy.deepcopy(session.interactions[1]["request"]["body"])
    body["sku"] = {"name": "Base", "tier": "Standard"}
    body["properties"]["kubernetesVersion"] = "1.32.9"
    session.polled = session.send("PUT", session.path(1), body).headers["azure-asyncoperation"]
    session.finish()
    recorded = session.interactions[0]["response"]
    recorded["body"] = without_policy(recorded["body"])
    before = session.play(0).body
    service.faults({"kind": "hold_operation"})
    updating = session.play(1).body
    states = {updating["properties"]["provisioningState"]} | {
        pool["provisioningState"] for pool in updating["properties"]["agentPoolProfiles"]
    }
    assert states == {"Updating"}
    session.finish()
    assert session.play(0).body == before


def test_the_comparison_sees_differences() -> None:
    assert apart({"id": "/a/1", "count": 1}) != apart({"id": "/a/1", "count": 2})
    assert apart({"status": "Succeeded"}) != apart({"status": "Failed"})
