# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import (
    CCNP,
    CNP,
    DEPLOYMENT,
    KINDS,
    POD,
    kind_of,
)


def test_finds_a_kind_by_group_and_name() -> None:
    assert kind_of({"apiVersion": "v1", "kind": "Pod"}) == POD
    assert kind_of({"apiVersion": "apps/v1", "kind": "Deployment"}) == DEPLOYMENT
    assert kind_of({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy"}) == CNP


def test_takes_the_version_that_the_document_names() -> None:
    kind = kind_of({"apiVersion": "cilium.io/v2alpha1", "kind": "CiliumLoadBalancerIPPool"})
    assert kind.api_version == "cilium.io/v2alpha1"
    assert kind.plural == "ciliumloadbalancerippools"


@pytest.mark.parametrize(
    "document",
    [{}, {"apiVersion": "v1"}, {"kind": "Pod"}, {"apiVersion": 1, "kind": "Pod"}, {"apiVersion": "v1", "kind": "Nope"}],
)
def test_refuses_what_it_does_not_know(document: Any) -> None:
    with pytest.raises(InvalidInput):
        kind_of(document)


def test_a_kind_of_another_group_is_not_taken_for_ours() -> None:
    with pytest.raises(InvalidInput):
        kind_of({"apiVersion": "example.com/v1", "kind": "Pod"})


def test_no_two_kinds_share_a_path() -> None:
    assert len({(kind.group, kind.plural) for kind in KINDS}) == len(KINDS)
    assert not CCNP.namespaced
