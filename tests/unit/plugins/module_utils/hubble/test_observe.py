# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import collect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observe import request_of, values_of

NOW = 1_796_000_000.0


def request(**options: Any) -> Any:
    return request_of({"limit": 1000, "request_timeout": 30, **options}, NOW)


def test_without_times_the_last_hundred_are_wanted() -> None:
    wanted = request()
    assert (wanted.number, wanted.keep, wanted.since, wanted.per_node) == (100, 100, None, 100)


def test_last_is_exact_after_merging_the_nodes() -> None:
    wanted = request(last=7)
    assert (wanted.number, wanted.keep) == (7, 7)
    assert (request(last=7, since="5m").keep, request(last=7, since="5m").per_node) == (7, 2**64 - 1)


def test_the_limit_holds_for_everything() -> None:
    assert request(since="5m").keep == 1000
    assert request(last=5000).keep == 1000
    assert request(limit=10).number == 10


def test_following_wants_nothing_of_before() -> None:
    wanted = request(follow_for=10)
    assert (wanted.follow_s, wanted.number, wanted.keep) == (10.0, 0, 1000)
    assert request(follow_for=10, last=3).number == 3


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"limit": 0}, "limit"),
        ({"last": 0}, "last"),
        ({"last": 100_001}, "last"),
        ({"follow_for": 3601}, "follow_for"),
        ({"since": "yesterday"}, "since"),
        ({"since": "1m", "until": "2m"}, "until"),
        ({"exclude": {"port": ["x"]}}, "exclude.port"),
    ],
    ids=str,
)
def test_a_wrong_option_is_named(options: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        request(**options)
    assert caught.value.option == option


def responses(number: int) -> list[dict[str, Any]]:
    drop = {"verdict": "DROPPED", "drop_reason_desc": "POLICY_DENIED"}
    return [{"flow": drop}, *({"flow": {"verdict": "FORWARDED"}} for _one in range(number - 1))]


def test_the_values_count_what_is_returned() -> None:
    values = values_of(request(), collect("relay", 100, responses(3)))
    assert values["summary"] == {
        "flows": 3,
        "verdicts": {"DROPPED": 1, "FORWARDED": 2},
        "drop_reasons": {"POLICY_DENIED": 1},
    }
    assert (values["complete"], values["truncated"], values["lost_events"], values["source"]) == (
        True,
        False,
        0,
        "relay",
    )
    assert len(values["flows"]) == len(values["lines"]) == 3


def test_only_the_limit_truncates() -> None:
    for options, truncated in (({"last": 2}, False), ({"since": "1m", "limit": 2}, True), ({"limit": 2}, False)):
        wanted = request(**options)
        assert values_of(wanted, collect("relay", wanted.keep, responses(5)))["truncated"] is truncated
