# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What the module cilium was asked for, and the effects that its actions are given."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from .._types import Clock, Completed, Json, Progress, Runner, Warn
from ..kube.interface import Kube
from .chartsource import Access
from .images import Images
from .values import Wish

HELM_MARGIN_S = 120.0
"""A helm is stopped 60 s after wait_timeout; the rest is for clocks that differ."""


@dataclass(frozen=True)
class Plan:
    """The options of the module. chart_version empty: the installed one, else the repository's newest.

    preflight, rollback, recover, restart_unmanaged: see the options of the module. recover_after_s: see patience_s.
    keep: what an uninstallation leaves: crds, node_state.
    """

    release_name: str
    namespace: str
    chart: str
    chart_repo: str
    chart_version: str
    wish: Wish
    helm_binary: str
    wait: bool
    wait_timeout_s: float
    preflight: bool = True
    rollback: bool = True
    recover: bool = False
    recover_after_s: float = 900.0
    restart_unmanaged: bool = False
    keep: Sequence[str] = ()
    images: Images = field(default_factory=Images)
    access: Access = field(default_factory=Access)

    @property
    def target(self) -> str:
        """Namespace and name of the release, for people."""
        return f"{self.namespace}/{self.release_name}"

    @property
    def patience_s(self) -> float:
        """Age from which a pending record counts as left behind: no helm of a task like this one lives that long."""
        return max(self.recover_after_s, self.wait_timeout_s + HELM_MARGIN_S)


@dataclass(frozen=True)
class Surroundings:
    """Effects that the actions are given. now: seconds since 1970."""

    kube: Kube
    runner: Runner
    clock: Clock
    progress: Progress
    warn: Warn
    hide: Callable[[str], None]
    check_mode: bool
    now: Callable[[], float]


class CountingRunner:
    """A Runner that counts the processes it started."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.processes = 0

    def __call__(self, argv: Sequence[str], *, timeout_s: float, stdin: str | None = None) -> Completed:
        """See Runner."""
        self.processes += 1
        return self._runner(argv, timeout_s=timeout_s, stdin=stdin)


@contextlib.contextmanager
def values_file(values: Json) -> Iterator[str]:
    """A values file that only this user can read, gone afterwards. JSON is YAML."""
    with tempfile.NamedTemporaryFile("w", prefix="aks_cilium_values_", suffix=".yaml", encoding="utf-8") as file:
        json.dump(values, file)
        file.flush()
        yield file.name
