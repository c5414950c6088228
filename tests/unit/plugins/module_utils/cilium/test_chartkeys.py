# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of removed and new values against what the charts of all minors really have."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium import chartkeys
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.chart import Chart
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuecheck import check_values
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuetree import at, put
from chart_facts import VERSIONS, chart_of, types_of

PAIRS = list(itertools.pairwise(VERSIONS))
# Texts up to 1.14, maps from 1.15 on.
RETYPED = {f"authentication.mutual.spire.install.{part}.image" for part in ("agent", "server")}


def minor_of(version: str) -> int:
    return int(version.split(".")[1])


def problems(values: dict[str, object], chart: Chart) -> dict[str, str]:
    try:
        check_values(values, chart)
    except InvalidInput as error:
        return dict(error.details["values"])
    return {}


def test_facts_of_all_supported_minors_are_there() -> None:
    assert [minor_of(version) for version in VERSIONS] == list(
        range(chartkeys.OLDEST_MINOR, chartkeys.NEWEST_MINOR + 1)
    )
    assert all(700 < len(types_of(version)) < 2000 for version in VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_chart_takes_its_own_defaults(version: str) -> None:
    chart = chart_of(version)
    assert problems(chart.default_values, chart) == {}


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_all_that_a_minor_dropped_is_refused_with_that_minor(before: str, after: str) -> None:
    found = problems(chart_of(before).default_values, chart_of(after))
    assert found
    for path, text in found.items():
        if path not in RETYPED:
            assert text.startswith(f"removed in 1.{minor_of(after)}, "), (path, text)


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_all_that_a_minor_brought_is_refused_before(before: str, after: str) -> None:
    found = problems(chart_of(after).default_values, chart_of(before))
    new = {path: text for path, text in found.items() if text.startswith(f"comes with 1.{minor_of(after)}, ")}
    assert len(new) >= 20
    assert not any("removed" in text for text in found.values())


@pytest.mark.parametrize(("minor", "path", "instead"), chartkeys.REMOVED)
def test_what_the_table_removes_is_in_no_later_chart_and_its_replacement_is(
    minor: int, path: str, instead: str
) -> None:
    later = [chart_of(version) for version in VERSIONS if minor_of(version) >= minor]
    for chart in later:
        parts = path.split(".")
        above = at(chart.default_values, ".".join(parts[:-1])) if len(parts) > 1 else chart.default_values
        assert not (isinstance(above, dict) and parts[-1] in above), (path, chart.version)
    for name in filter(None, instead.partition(",")[0].split(" and ")):
        parts = name.split(".")
        above = at(later[0].default_values, ".".join(parts[:-1])) if len(parts) > 1 else later[0].default_values
        assert (isinstance(above, dict) and parts[-1] in above) or parts[-1] in later[0].commented, name


@pytest.mark.parametrize(("path", "minor"), sorted(chartkeys.ADDED.items()))
def test_what_the_table_adds_is_there_from_that_minor_on_and_not_before(path: str, minor: int) -> None:
    def has(version: str) -> bool:
        return any(known == path or known.startswith(f"{path}.") for known in types_of(version))

    assert next(minor_of(version) for version in VERSIONS if has(version)) == minor


def test_tables_have_no_doubles() -> None:
    paths = [path for __, path, __ in chartkeys.REMOVED]
    assert len(paths) == len(set(paths))
    assert not chartkeys.ADDED.keys() & {
        path for minor, path, __ in chartkeys.REMOVED if minor <= chartkeys.ADDED.get(path, 0)
    }


@pytest.mark.parametrize(
    ("path", "version", "text"),
    [
        ("tunnel", "1.15.19", "removed in 1.15, use routingMode and tunnelProtocol"),
        ("tunnel", "1.20.0", "removed in 1.15, use routingMode and tunnelProtocol"),
        ("enableCiliumEndpointSlice", "1.18.12", "removed in 1.18, use ciliumEndpointSlice.enabled"),
        ("ciliumEndpointSlice.enabled", "1.15.19", "comes with 1.16, use enableCiliumEndpointSlice before"),
        ("clustermesh.mcsapi.enabled", "1.18.12", "comes with 1.19, use clustermesh.enableMCSAPISupport before"),
        ("encryption.strictMode.egress.cidr", "1.18.12", "comes with 1.19, use encryption.strictMode.cidr before"),
        ("policyDenyResponse", "1.18.12", "comes with 1.19, leave it out before"),
        ("nodePort.enabled", "1.20.0", "removed in 1.19, use kubeProxyReplacement"),
        ("clustermesh.apiserver.tls.server.cert", "1.20.0", "removed in 1.20, use clustermesh.apiserver.tls.auto, or"),
        ("hubble.redact.kafka.apiKey", "1.20.0", "removed in 1.20, leave it out"),
    ],
)
def test_a_value_of_another_version_is_told_with_what_to_write(path: str, version: str, text: str) -> None:
    values: dict[str, object] = {}
    put(values, path, "x")
    found = problems(values, chart_of(version))
    assert len(found) == 1
    assert next(iter(found.values())).startswith(text)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["monitor.eventTypes", "nodePort.directRoutingDevice", "clusterHealthPort"])
def test_what_only_templates_know_is_taken(path: str, version: str) -> None:
    values: dict[str, object] = {}
    put(values, path, "x")
    assert problems(values, chart_of(version)) == {}
