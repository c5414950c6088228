# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stream of flows whose events a test writes down, on a clock that only moves by waiting for them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError
from fakes import FakeClock

Document = dict[str, Any]


def pod_end(namespace: str, name: str, **labels: str) -> Document:
    """An end of a flow: a pod of a Deployment `name`."""
    return {
        "namespace": namespace,
        "pod_name": f"{name}-1",
        "identity": 5000,
        "labels": [f"k8s:io.kubernetes.pod.namespace={namespace}", f"k8s:app={name}"]
        + [f"k8s:{key}={value}" for key, value in labels.items()],
        "workloads": [{"kind": "Deployment", "name": name}],
    }


CLIENT, WEB = pod_end("shop", "client"), pod_end("shop", "web")


def first_packet(
    direction: str = "INGRESS",
    verdict: str = "FORWARDED",
    *,
    source: Document | None = None,
    destination: Document | None = None,
    port: int = 80,
    client_port: int = 40000,
    by: Sequence[str] = (),
    derived: str = "",
) -> Document:
    """A verdict event, from CLIENT to WEB unless said otherwise.

    by: names of policies of shop that cover it; derived: as `allow-any-ingress`.
    """
    allowed: list[Document] = [{"name": name, "namespace": "shop", "kind": "CiliumNetworkPolicy"} for name in by]
    if derived:
        allowed.append({"labels": [f"reserved:io.cilium.policy.derived-from={derived}"]})
    return {
        "time": "1970-01-01T00:00:10Z",
        "node_name": "n1",
        "verdict": verdict,
        "event_type": {"type": 5},
        "traffic_direction": direction,
        "source": CLIENT if source is None else source,
        "destination": WEB if destination is None else destination,
        "l4": {"TCP": {"source_port": client_port, "destination_port": port}},
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
        **({"is_reply": False} if verdict == "FORWARDED" else {}),
        **({f"{direction.lower()}_allowed_by": allowed} if allowed else {}),
    }


@dataclass
class FakeFlows:
    """Gives each flow at its time. at: (seconds, what): a flow, an error to raise, or a callable to run."""

    clock: FakeClock
    at: list[tuple[float, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    nodes: dict[str, str] = field(default_factory=lambda: {"n1": "CONNECTED"})
    interruptions: int = 0
    lost: int = 0
    blind_s: float = 0.0
    unready: CollectionError | None = None
    filters: list[Document] = field(default_factory=list)

    @property
    def why_incomplete(self) -> list[str]:
        return [*self.problems, *([f"Hubble lost events: {self.lost}."] if self.lost else [])]

    def wait_ready(self, timeout_s: float) -> None:
        if self.unready is not None:
            raise self.unready

    def next(self, timeout_s: float) -> Document | None:
        while self.at and self.at[0][0] <= self.clock.now + timeout_s:
            when, what = self.at.pop(0)
            self.clock.now = max(self.clock.now, when)
            if isinstance(what, CollectionError):
                raise what
            if isinstance(what, dict):
                return what
            what()
        self.clock.sleep(timeout_s)
        return None

    def open(self, allow: Sequence[Document]) -> contextlib.AbstractContextManager[FakeFlows]:
        """Fits OpenFlows."""
        self.filters = [*allow]
        return self._opened()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[FakeFlows]:
        yield self

    def every(self, seconds: float, until: float, what: Document | Callable[[], None]) -> FakeFlows:
        """The same again and again."""
        moment = seconds
        while moment <= until:
            self.at.append((moment, what))
            moment += seconds
        self.at.sort(key=lambda item: item[0])
        return self
