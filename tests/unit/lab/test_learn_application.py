# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo application of the learn mode is what its README says, and its counts are read as they are meant."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jinja2
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "learn"


@pytest.fixture(scope="module")
def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("learn_load", FOLDER / "load.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look the module up by its name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def application() -> list[dict[str, Any]]:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), trim_blocks=True, autoescape=False)  # noqa: S701
    environment.filters["to_json"] = json.dumps
    template = environment.get_template("application.yaml.j2")
    text = template.render(learn_image="image:1", lookup=lambda _name, file: (FOLDER / file).read_text())
    return [document for document in yaml.safe_load_all(text) if document]


def workloads(application: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in application if one["kind"] in ("Deployment", "StatefulSet", "CronJob")]


def environment_of(workload: dict[str, Any]) -> dict[str, str]:
    spec = workload["spec"]
    pod = spec["jobTemplate"]["spec"]["template"] if workload["kind"] == "CronJob" else spec["template"]
    return {item["name"]: item["value"] for item in pod["spec"]["containers"][0]["env"]}


def test_there_are_the_kinds_of_workloads_that_trip_generators(application: list[dict[str, Any]]) -> None:
    found = workloads(application)
    assert len(found) >= 10
    assert len({one["metadata"]["namespace"] for one in found}) == 4
    stores = [one for one in found if one["metadata"]["name"] == "redis"]
    labels = [one["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] for one in stores]
    assert labels == ["redis", "redis"]
    assert [one["kind"] for one in application].count("CronJob") == 1
    assert [one["spec"].get("type") for one in application if one["kind"] == "Service"].count("LoadBalancer") == 1


def test_every_edge_that_is_called_is_counted(application: list[dict[str, Any]], load: ModuleType) -> None:
    called = [
        line.split()[0] for one in workloads(application) for line in environment_of(one)["CALL"].splitlines() if line
    ]
    assert sorted(called) == sorted(load.EDGES)


def test_counts_are_the_newest_and_failures_are_dated(load: ModuleType) -> None:
    lines = [
        "a line of the web server",
        '{"edge":"web-api","started":100.0}',
        '{"edge":"web-api","at":101.0,"good":1,"bad":0,"slow":0}',
        '{"edge":"web-api","failed_at":102.0,"exit":28,"http":0,"took":5.0}',
        '{"edge":"web-api","failed_at":109.0,"exit":28,"http":0,"took":5.0}',
        '{"edge":"web-api","at":110.0,"good":7,"bad":2,"slow":1}',
    ]
    found: dict[str, Any] = {}
    load.add(found, lines)
    load.add(found, lines[:3])
    count = found["web-api"]
    assert (count.good, count.bad, count.slow, count.last_at) == (8, 2, 1, 110.0)
    since: dict[str, Any] = {}
    load.add(since, lines, since=105.0)
    assert since["web-api"].failures == [109.0]
