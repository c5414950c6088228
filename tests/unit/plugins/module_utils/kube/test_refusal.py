# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a 403 of the API server says is told as facts, with the command that shows whether the right is there."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.refusal import missing_right, remedy_for
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.transport import Response, error_of

USER = 'User "system:serviceaccount:aks-cilium:status"'
# As API servers of 1.34 write them.
PODS = f'pods is forbidden: {USER} cannot list resource "pods" in API group "" at the cluster scope'
EXEC = (
    f'pods "web-0" is forbidden: {USER} cannot create resource "pods/exec" in API group ""'
    ' in the namespace "kube-system"'
)
POLICIES = (
    f'ciliumnetworkpolicies.cilium.io "web" is forbidden: {USER} cannot patch resource "ciliumnetworkpolicies" in API'
    ' group "cilium.io" in the namespace "shop"'
)
ADMISSION = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true)'


@pytest.mark.parametrize(
    ("said", "right"),
    [
        (PODS, {"verb": "list", "resource": "pods", "group": "", "namespace": ""}),
        (EXEC, {"verb": "create", "resource": "pods/exec", "group": "", "namespace": "kube-system"}),
        (POLICIES, {"verb": "patch", "resource": "ciliumnetworkpolicies", "group": "cilium.io", "namespace": "shop"}),
        (f"Error: UPGRADE FAILED: {PODS}\nmore", {"verb": "list", "resource": "pods", "group": "", "namespace": ""}),
    ],
)
def test_the_missing_right_is_read_from_the_message(said: str, right: dict[str, str]) -> None:
    assert missing_right(said) == right


def test_a_refusal_by_an_admission_rule_is_no_missing_right() -> None:
    assert missing_right(ADMISSION) is None


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (PODS, "kubectl auth can-i list pods --all-namespaces"),
        (EXEC, "kubectl auth can-i create pods --subresource exec --namespace kube-system"),
        (POLICIES, "kubectl auth can-i patch ciliumnetworkpolicies.cilium.io --namespace shop"),
    ],
)
def test_the_remedy_ends_with_the_command_that_looks(said: str, command: str) -> None:
    right = missing_right(said)
    assert right is not None
    assert remedy_for(right).endswith(command)
    assert "docs/permissions/kubernetes" in remedy_for(right)


def test_the_error_of_a_refusal_has_all_of_it() -> None:
    body = json.dumps({"reason": "Forbidden", "message": PODS}).encode()
    error = error_of(Response(403, {}, body), "GET", "/api/v1/pods")
    assert isinstance(error, AuthFailed)
    assert (error.code, error.status) == ("Forbidden", 403)
    assert error.details["missing_right"]["verb"] == "list"
    assert "kubectl auth can-i" in error.remedy


def test_the_error_of_an_admission_rule_keeps_its_plain_remedy() -> None:
    body = json.dumps({"reason": "Forbidden", "message": ADMISSION}).encode()
    error = error_of(Response(403, {}, body), "POST", "/api/v1/namespaces/x/pods")
    assert "missing_right" not in error.details
    assert error.remedy
