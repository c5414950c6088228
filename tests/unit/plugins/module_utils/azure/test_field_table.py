# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every typed field through both modules: create, no change, change, no change, with requests counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import Unsupported
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json, Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import cluster, node_pool
from fake_arm import FakeArm, options, pool_options, recorded, task
from field_values import CLUSTER_CASES, POOL_CASES, Case, cluster_task
from field_values import pool_options as pool_case

Act = Callable[..., Result]


def play(arm: FakeArm, act: Act, first: Json, second: Json, case: Case) -> None:
    """The four steps, each of them in check mode before it is done."""
    _step(arm, act, first, writes=1)
    _step(arm, act, first, writes=0)
    if case.fixed:
        for check_mode in (True, False):
            before = len(arm.writes)
            with pytest.raises(Unsupported) as caught:
                act(arm, check_mode=check_mode, **second)
            assert caught.value.code == "ImmutableField"
            assert str(caught.value.option).endswith(case.option)
            assert len(arm.writes) == before
        return
    _step(arm, act, second, writes=1)
    _step(arm, act, second, writes=0)


def _step(arm: FakeArm, act: Act, given: Json, *, writes: int) -> None:
    before = len(arm.writes)
    checked = act(arm, check_mode=True, **given)
    assert len(arm.writes) == before
    asked = len(arm.requests)
    real = act(arm, **given)
    assert len(arm.writes) == before + writes
    assert checked.changed == real.changed == bool(writes)
    assert (checked.before, checked.after) == (real.before, real.after)
    if not writes:
        assert [request[0] for request in arm.requests[asked:]] == ["GET"]


@pytest.mark.parametrize("case", CLUSTER_CASES, ids=lambda case: case.option)
def test_fields_of_clusters(case: Case) -> None:
    def act(arm: FakeArm, *, check_mode: bool = False, **given: Any) -> Result:
        context, __ = task(options(**given), check_mode=check_mode)
        return cluster.run(context, lambda params, hide: arm.client())

    play(FakeArm(), act, cluster_task(case), cluster_task(case, changed=True), case)


@pytest.mark.parametrize("case", POOL_CASES, ids=lambda case: case.option)
def test_fields_of_node_pools(case: Case) -> None:
    def act(arm: FakeArm, *, check_mode: bool = False, **given: Any) -> Result:
        context, __ = task(pool_options(name="work", **given), check_mode=check_mode)
        return node_pool.run(context, lambda params, hide: arm.client())

    arm = FakeArm({"demo": recorded("cluster_acns_2026")})
    play(arm, act, pool_case(case), pool_case(case, changed=True), case)
