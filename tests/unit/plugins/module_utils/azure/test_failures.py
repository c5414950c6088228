# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure's error bodies as typed errors."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils import _errors as errors
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.failures import (
    from_answer,
    from_operation,
    from_state,
    from_token,
    lock_held,
    lost_race,
    text_of,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidInput),
        (401, errors.AuthFailed),
        (403, errors.AuthFailed),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (412, errors.Conflict),
        (429, errors.Throttled),
        (500, errors.OperationFailed),
    ],
)
def test_the_kind_follows_the_status(status: int, kind: type[errors.CollectionError]) -> None:
    assert from_answer("GET of x", status, {}, {"error": {"code": "C", "message": "M"}}).__class__ == kind


@pytest.mark.parametrize("wrap", [True, False])
def test_wrapped_and_flat_bodies_give_the_same_facts(wrap: bool) -> None:
    inner: dict[str, Any] = {
        "code": "BadRequest",
        "message": "Cilium dataplane requires network policy cilium.",
        "subcode": "CiliumDataplaneRequiresNetworkPolicyCilium",
        "target": "networkProfile.networkPolicy",
        "details": [{"code": "x"}],
    }
    body = {"error": inner} if wrap else inner
    facts = from_answer("PUT of cluster demo", 400, {"X-Ms-Correlation-Request-Id": "c-1"}, body).facts()
    assert facts["code"] == "BadRequest/CiliumDataplaneRequiresNetworkPolicyCilium"
    assert facts["target"] == "networkProfile.networkPolicy"
    assert facts["correlation_id"] == "c-1"
    assert facts["details"] == {"azure": [{"code": "x"}]}
    assert facts["remedy"].startswith("Set network_profile.network_policy to cilium")


@pytest.mark.parametrize("body", [None, [], "text", {}, {"error": None}, {"error": "text"}])
def test_a_body_without_an_error_is_still_an_error(body: object) -> None:
    error = from_answer("GET of x", 502, {}, body)
    assert (error.code, error.status) == ("HTTP502", 502)


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("OperationNotAllowed", "Another operation (Updating) is in progress", "Wait for the other operation"),
        ("OperationNotAllowed", "exceeding approved Total Regional Cores quota", "quota"),
        (
            "BadRequest",
            "Getting static credential is not allowed because this cluster is set to disable local accounts.",
            "credential=user",
        ),
        ("ResourceGroupNotFound", "gone", "create_resource_group"),
    ],
)
def test_known_codes_have_a_remedy(code: str, message: str, remedy: str) -> None:
    error = from_answer("PUT of x", 409, {}, {"error": {"code": code, "message": message}})
    assert remedy in error.remedy


def test_a_failed_operation() -> None:
    error = from_operation("cluster demo", {"status": "Failed", "error": {"code": "QuotaExceeded", "message": "No."}})
    assert error.text().startswith("cluster demo ended as Failed: No. [QuotaExceeded] Choose a smaller")
    assert from_operation("cluster demo", {"status": "Canceled"}).code == "Canceled"


def test_a_wrong_secret_is_explained() -> None:
    error = from_token("AADSTS7000215: Invalid client secret provided.\nTrace ID: 1")
    assert (error.code, error.status) == ("AADSTS7000215", 401)
    assert "expired" in error.remedy
    assert from_token("az is not logged in").code == "AuthenticationFailed"


def test_signed_queries_do_not_show() -> None:
    text = text_of(
        "GET https://arm.test/op/1?t=1&s=SIGNED failed; Max retries exceeded with url: /op?s=SIGNED (Caused by x)"
    )
    assert "SIGNED" not in text
    assert "https://arm.test/op/1?..." in text


@pytest.mark.parametrize(
    ("status", "code", "message", "race", "lock"),
    [
        (412, "PreconditionFailed", "If-Match", True, False),
        (412, "Whatever", "x", True, False),
        (409, "EtagMismatch", "Operation is not allowed: Another operation is in progress", True, False),
        (409, "OperationNotAllowed", "Another operation (Updating) is in progress", False, True),
        (409, "OperationNotAllowed", "There is a pending operation", False, True),
        (409, "AnotherOperationInProgress", "x", False, True),
        (409, "OperationNotAllowed", "The quota of cores is used up", False, False),
        (409, "MissingSubscriptionRegistration", "x", False, False),
        (400, "OperationNotAllowed", "in progress", False, False),
        (500, "EtagMismatch", "x", False, False),
    ],
)
def test_what_is_worth_another_look(status: int, code: str, message: str, race: bool, lock: bool) -> None:
    failure = from_answer("PUT of x", status, {}, {"error": {"code": code, "message": message}})
    assert (lost_race(failure), lock_held(failure)) == (race, lock)


def test_a_failed_state_tells_the_reason_where_there_is_one() -> None:
    silent = from_state("It failed", [{}, {"status": {}}], code="ProvisioningFailed", remedy="Look there.")
    assert (silent.message, silent.code, silent.remedy) == ("It failed.", "ProvisioningFailed", "Look there.")
    reason = {"error": {"code": "QuotaExceeded", "message": "Too few.", "target": "vmSize"}}
    told = from_state("It failed", [{}, {"status": {"provisioningError": reason}}], code="X", remedy="Look there.")
    assert (told.message, told.code, told.target) == ("It failed: Too few.", "QuotaExceeded", "vmSize")
    assert "quota" in told.remedy


def test_an_aborted_operation_says_who_aborts() -> None:
    assert "operation-abort" in from_operation("x", {"status": "Canceled"}).remedy
    named = {"status": "Canceled", "error": {"code": "Unheard", "message": "m"}}
    assert "operation-abort" in from_operation("x", named).remedy
