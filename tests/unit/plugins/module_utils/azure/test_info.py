# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading clusters: one, a group, a subscription, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import Answer, ArmClient
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.info import run
from fake_arm import BASE, error, task
from fakes import FakeClock


class Pages:
    """Answers by the end of the path."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []

    def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        self.asked.append((method, url))
        path = url.split("?")[0].removeprefix(BASE)
        return self.answers.get(path) or self.answers.get(path.rsplit("/", 1)[-1]) or error(404, "ResourceNotFound")


def cluster(name: str, subscription: str = "s") -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{subscription}/resourcegroups/rg/x/managedClusters/{name}",
        "name": name,
        "properties": {},
    }


def read(pages: Pages, lines: list[str] | None = None, **given: Any) -> Result:
    context, seen = task({"name": None, "resource_group": None, "query": None, "subscriptions": None, **given})
    arm = ArmClient(
        pages, base_url=BASE, subscription_id="s", api_version="2026-01-01", patience_s=30.0, clock=FakeClock()
    )
    result = run(context, lambda params, hide: arm)
    if lines is not None:
        lines += seen
    return result


def names(result: Result) -> list[str]:
    return [item["name"] for item in result.values["clusters"]]


def test_one_cluster_costs_one_get() -> None:
    pages = Pages(demo=Answer(200, {}, cluster("demo")))
    assert names(read(pages, resource_group="rg", name="demo")) == ["demo"]
    assert [method for method, __ in pages.asked] == ["GET"]


@pytest.mark.parametrize("given", [{"resource_group": "rg", "name": "gone"}, {"resource_group": "gone"}])
def test_what_is_not_there_is_an_empty_list(given: dict[str, str]) -> None:
    assert names(read(Pages(), **given)) == []


def test_a_list_is_read_to_its_last_page_and_sorted() -> None:
    pages = Pages(
        managedClusters=Answer(200, {}, {"value": [cluster("b")], "nextLink": f"{BASE}/page2?skip=A%2B"}),
        page2=Answer(200, {}, {"value": [cluster("a")]}),
    )
    assert names(read(pages)) == ["a", "b"]
    assert pages.asked[1] == ("GET", f"{BASE}/page2?skip=A%2B")


def test_a_query_returns_only_what_it_selects() -> None:
    pages = Pages(managedClusters=Answer(200, {}, {"value": [cluster("a"), cluster("b")]}))
    assert read(pages, resource_group="rg", query="clusters[].name").values == {"queried": ["a", "b"]}


def test_a_refusal_is_no_empty_list() -> None:
    with pytest.raises(AuthFailed):
        read(Pages(managedClusters=error(403, "AuthorizationFailed")))


def test_a_bad_name_is_refused_before_anything_is_sent() -> None:
    pages = Pages()
    with pytest.raises(InvalidInput):
        read(pages, resource_group="rg", name="-x")
    assert pages.asked == []


ENABLED = {"value": [{"subscriptionId": "b", "state": "Enabled"}, {"subscriptionId": "off", "state": "Disabled"}]}
MANAGED = "providers/Microsoft.ContainerService/managedClusters"


class TestSubscriptions:
    @pytest.fixture
    def pages(self) -> Pages:
        more = {"value": [{"subscriptionId": "a", "state": "Warned"}]}
        return Pages(
            **{
                "/subscriptions": Answer(200, {}, {**ENABLED, "nextLink": f"{BASE}/more"}),
                "/more": Answer(200, {}, more),
                f"/subscriptions/a/{MANAGED}": Answer(200, {}, {"value": [cluster("x", "a")]}),
                f"/subscriptions/b/{MANAGED}": Answer(200, {}, {"value": [cluster("x", "b")]}),
            }
        )

    def test_several_are_read_one_after_the_other(self, pages: Pages) -> None:
        clusters = read(pages, subscriptions=["b", "a", "b"]).values["clusters"]
        assert [item["subscription_id"] for item in clusters] == ["a", "b"]
        assert len(pages.asked) == 2

    def test_a_star_stands_for_all_that_are_enabled(self, pages: Pages) -> None:
        clusters = read(pages, subscriptions=["*"]).values["clusters"]
        assert [item["subscription_id"] for item in clusters] == ["a", "b"]
        assert not any("/off/" in url for __, url in pages.asked)
        assert pages.asked[0][1] == f"{BASE}/subscriptions?api-version=2022-12-01"

    def test_with_a_star_what_may_not_be_read_is_left_out_with_a_warning(self, pages: Pages) -> None:
        pages.answers[f"/subscriptions/a/{MANAGED}"] = error(403, "AuthorizationFailed")
        lines: list[str] = []
        clusters = read(pages, lines, subscriptions=["*"]).values["clusters"]
        assert [item["subscription_id"] for item in clusters] == ["b"]
        assert "subscription a" in lines[0]
        with pytest.raises(AuthFailed):
            read(pages, subscriptions=["a", "b"])

    def test_a_group_is_sought_in_each(self, pages: Pages) -> None:
        path = f"/subscriptions/b/resourceGroups/rg/{MANAGED}"
        pages.answers[path] = Answer(200, {}, {"value": [cluster("g", "b")]})
        assert names(read(pages, subscriptions=["a", "b"], resource_group="rg")) == ["g"]

    def test_names_are_refused_before_anything_is_sent(self, pages: Pages) -> None:
        with pytest.raises(InvalidInput) as caught:
            read(pages, subscriptions=["a", "My Subscription"])
        assert caught.value.option == "subscriptions"
        assert pages.asked == []
