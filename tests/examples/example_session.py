# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session of examples: the cluster, the stand-ins for Azure, what runs on them in the background, and the count."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import example_cluster
from azure_stand_in import LocalAks, started
from example_runs import Place

# Lines of the count: how, where, and why not more.
DONE: list[tuple[str, str, str]] = []
GROUP = "rsg-ciliumlab"
SUBSCRIPTIONS = [f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2)]


class Runs:
    """Runs what tests wait for, in the background: the cluster's lane waits for the cluster, the other does not.

    A lane runs one thing at a time, since all of its things share what they run on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lanes = {lane: ThreadPoolExecutor(max_workers=1, thread_name_prefix=lane) for lane in ("cluster", "other")}
        self.futures: dict[str, Future[Any]] = {}
        self.services: list[LocalAks] = []
        self.cluster: Future[example_cluster.Cluster] | None = None
        self.lock = threading.Lock()

    def start(self, key: str, lane: str, work: Callable[[], Any]) -> None:
        """Have something run, once; key names it."""
        if key in self.futures:
            return
        if lane == "cluster" and self.cluster is None:
            self.cluster = self.lanes["cluster"].submit(example_cluster.made)
        self.futures[key] = self.lanes["cluster" if lane == "cluster" else "other"].submit(work)

    def result(self, key: str) -> Any:
        """What came of it."""
        return self.futures[key].result()

    def place(self, name: str, lane: str) -> Place:
        """A place to run things of a lane in."""
        place = Place(self.folder / name, lane)
        if lane == "cluster":
            assert self.cluster is not None
            cluster = self.cluster.result()
            place.kubeconfig, place.variables = cluster.kubeconfig, cluster.variables
            place.module_defaults, place.programs = cluster.module_defaults, cluster.programs
        elif lane == "azure":
            place.environment = self.service(place.folder).environment
            place.programs = example_cluster.programs(example_cluster.machine() or {})
        return place

    def service(self, folder: Path) -> LocalAks:
        """A stand-in for Azure of its own, which builds nothing."""
        folder.mkdir(parents=True, exist_ok=True)
        service = started(folder / "azure", more_subscriptions=SUBSCRIPTIONS)
        with self.lock:
            self.services.append(service)
        answer = service.arm("PUT", f"/resourcegroups/{GROUP}", {"location": "westeurope"})
        if answer.status not in (200, 201):
            raise RuntimeError(f"the stand-in for Azure refuses a resource group: {answer}")
        return service

    def close(self) -> None:
        """End everything."""
        for lane in self.lanes.values():
            lane.shutdown(wait=True, cancel_futures=True)
        for service in self.services:
            service.control("stop")
        if self.cluster is not None:
            example_cluster.removed()
