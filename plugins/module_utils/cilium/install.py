# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Installs, upgrades and removes Cilium with helm, and waits until it works."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .._errors import Conflict, InvalidInput
from .._types import Clock, Completed, Json, Progress, Result, Runner, Warn
from .._wait import elapsed_text
from ..kube.interface import Kube
from ..kube.kinds import CONFIG_MAP, NODE, SERVICE, Kind
from .chart import Chart, location_kind, minor_of, read_local, read_local_version
from .detect import agent_daemon_set, refuse_managed, release_name_of
from .release import (
    Helm,
    Release,
    check_name,
    is_installed,
    must_change,
    read_release,
    refuse_stuck,
)
from .rollout import agents_ready, wait_removed, wait_working
from .valuecheck import check_values
from .values import Wish, at, check_against_cluster, check_pools_kept, compose, masked, pod_networks, secrets_of

SERVICE_CIDR = Kind("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", False)
CHART_OPERATOR_REPLICAS = 2
"""The chart's default for operator.replicas; the pods refuse to share a node."""


@dataclass(frozen=True)
class Plan:
    """The options of the module. chart_version empty: the installed one, else the repository's newest."""

    release_name: str
    namespace: str
    chart: str
    chart_repo: str
    chart_version: str
    wish: Wish
    helm_binary: str
    wait: bool
    wait_timeout_s: float


@dataclass(frozen=True)
class Surroundings:
    """Effects that the actions are given."""

    kube: Kube
    runner: Runner
    clock: Clock
    progress: Progress
    warn: Warn
    hide: Callable[[str], None]
    check_mode: bool


class _Counting:
    """A Runner that counts the processes it started."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.processes = 0

    def __call__(self, argv: Sequence[str], *, timeout_s: float, stdin: str | None = None) -> Completed:
        self.processes += 1
        return self._runner(argv, timeout_s=timeout_s, stdin=stdin)


def ensure(plan: Plan, around: Surroundings) -> Result:
    """Bring the release to the wished chart version and values; without a difference no process is started.

    Raises InvalidInput before anything is changed for values the chart or the cluster does not allow, Unsupported on
    managed Cilium, Conflict for a release that is in use or not ours, TimedOut when Cilium does not get ready.
    """
    _check_plan(plan)
    compose(replace(plan.wish, operator_replicas=plan.wish.operator_replicas or 1))
    version = _local_version(plan) if _is_local(plan) else plan.chart_version
    daemon_set = agent_daemon_set(around.kube, plan.namespace)
    refuse_managed(around.kube, daemon_set)
    release = read_release(around.kube, plan.release_name, plan.namespace)
    _refuse_foreign(plan, release, daemon_set)
    refuse_stuck(release)
    installed = release if is_installed(release) else None
    version = version or (installed.chart_version if installed else "")
    values = compose(replace(plan.wish, operator_replicas=_replicas(plan.wish, installed, around.kube)))
    for secret in secrets_of(values):
        around.hide(secret)
    if installed is not None and not must_change(installed, version, values):
        if plan.wait and not around.check_mode and daemon_set is not None and not agents_ready(daemon_set):
            _wait(plan, values, around)
        return _result(False, installed, installed, values, 0)
    return _change(plan, around, installed, version, values)


def _change(plan: Plan, around: Surroundings, installed: Release | None, version: str, values: Json) -> Result:
    counting = _Counting(around.runner)
    helm = Helm(plan.helm_binary, counting)
    with _chart_on_disk(plan, version, helm, around.progress) as path:
        chart = read_local(path)
        check_values(values, chart)
        check_against_cluster(
            pod_networks(values), services=_service_ranges(around.kube), node_addresses=_node_addresses(around.kube)
        )
        if installed is not None:
            check_pools_kept(installed.values, values)
        _warn_of_jump(installed, chart, around.warn)
        if _is_local(plan):
            helm.version()
        if around.check_mode:
            planned = _planned(plan, installed, chart, values)
            return _result(True, installed, planned, values, counting.processes)
        with around.kube.kubeconfig_file() as kubeconfig, _values_file(values) as values_file:
            verb = "upgrade" if installed else "install"
            around.progress(f"helm: {verb} {plan.namespace}/{plan.release_name}, chart {chart.version}")
            started = around.clock.monotonic()
            replace(helm, kubeconfig=kubeconfig).upgrade(
                plan.release_name, plan.namespace, path, values_file, plan.wait_timeout_s
            )
            around.progress(f"helm: done ({elapsed_text(around.clock.monotonic() - started)})")
    if plan.wait:
        _wait(plan, values, around)
    release = read_release(around.kube, plan.release_name, plan.namespace)
    return _result(True, installed, release, values, counting.processes)


def remove(plan: Plan, around: Surroundings) -> Result:
    """Uninstall the release and wait until its agents are gone. Raises Unsupported on managed Cilium."""
    check_name(plan.release_name, "release_name")
    daemon_set = agent_daemon_set(around.kube, plan.namespace)
    refuse_managed(around.kube, daemon_set)
    release = read_release(around.kube, plan.release_name, plan.namespace)
    if release is None or not is_installed(release):
        if daemon_set is not None:
            around.warn(
                f"There is no Helm release {plan.namespace}/{plan.release_name}, but a Cilium that was installed"
                f" {_maker(daemon_set)}; it was left alone."
            )
        return _result(False, None, None, {}, 0)
    for secret in secrets_of(release.values):
        around.hide(secret)
    counting = _Counting(around.runner)
    if not around.check_mode:
        helm = Helm(plan.helm_binary, counting)
        helm.version()
        with around.kube.kubeconfig_file() as kubeconfig:
            replace(helm, kubeconfig=kubeconfig).uninstall(plan.release_name, plan.namespace, plan.wait_timeout_s)
        if plan.wait:
            wait_removed(around.kube, plan.namespace, plan.wait_timeout_s, around.clock, around.progress)
    return _result(True, release, None, {}, counting.processes)


def _check_plan(plan: Plan) -> None:
    check_name(plan.release_name, "release_name")
    check_name(plan.namespace, "namespace")
    replicas = plan.wish.operator_replicas
    if replicas is not None and replicas < 1:
        raise InvalidInput(
            f"operator_replicas={replicas}: Cilium needs at least one operator, it also creates the CRDs.",
            option="operator_replicas",
            code="InvalidReplicas",
        )


def _is_local(plan: Plan) -> bool:
    return location_kind(plan.chart) in ("directory", "archive")


def _local_version(plan: Plan) -> str:
    version = read_local_version(plan.chart)
    if plan.chart_version and plan.chart_version.removeprefix("v") != version.removeprefix("v"):
        raise InvalidInput(
            f"chart_version={plan.chart_version!r} contradicts chart={plan.chart!r}, which is version {version}.",
            option="chart_version",
            code="ChartVersionMismatch",
            remedy="Leave chart_version out for a local chart.",
        )
    return version


def _maker(daemon_set: Json) -> str:
    name = release_name_of(daemon_set)
    return f"by the Helm release {name}" if name else "without Helm"


def _refuse_foreign(plan: Plan, release: Release | None, daemon_set: Json | None) -> None:
    """Refuse to install beside a Cilium that another release, or no release, made: helm could not own its objects."""
    if daemon_set is None or is_installed(release):
        return
    raise Conflict(
        f"Cilium runs on this cluster already, installed {_maker(daemon_set)};"
        f" release_name={plan.release_name!r} has no record.",
        option="release_name",
        code="CiliumInstalledByOthers",
        remedy="Give the name of that release, or remove that installation first.",
    )


def _replicas(wish: Wish, installed: Release | None, kube: Kube) -> int | None:
    """Operators: as wished, else as they are, else as many as fit (they never share a node)."""
    if wish.operator_replicas is not None or at(wish.overlay, "operator.replicas") is not None:
        return wish.operator_replicas
    if installed is not None:
        now = at(installed.values, "operator.replicas")
        return now if isinstance(now, int) else None
    nodes = sum(1 for _item in kube.list(NODE))
    return min(CHART_OPERATOR_REPLICAS, max(1, nodes))


@contextlib.contextmanager
def _chart_on_disk(plan: Plan, version: str, helm: Helm, progress: Progress) -> Iterator[str]:
    """The chart as a local path, so that what is checked is exactly what is installed."""
    if _is_local(plan):
        yield os.path.expanduser(plan.chart)
        return
    helm.version()
    with tempfile.TemporaryDirectory(prefix="aks_cilium_chart_") as directory:
        progress(f"helm: download the chart {plan.chart} {version or '(newest)'}")
        helm.pull(plan.chart, plan.chart_repo, version, directory)
        archives = sorted(glob.glob(os.path.join(glob.escape(directory), "*.tgz")))
        if len(archives) != 1:
            raise InvalidInput(f"chart={plan.chart!r}: helm found no archive.", option="chart", code="InvalidChart")
        yield archives[0]


@contextlib.contextmanager
def _values_file(values: Json) -> Iterator[str]:
    """A values file that only this user can read, gone afterwards. JSON is YAML."""
    with tempfile.NamedTemporaryFile("w", prefix="aks_cilium_values_", suffix=".yaml", encoding="utf-8") as file:
        json.dump(values, file)
        file.flush()
        yield file.name


def _service_ranges(kube: Kube) -> Mapping[str, str]:
    """What is known of the cluster's Service addresses: ranges where the API tells, else the API server's."""
    known = kube.get(SERVICE_CIDR, "kubernetes")
    ranges = ((known or {}).get("spec") or {}).get("cidrs") or []
    if not ranges:
        kubeadm = (kube.get(CONFIG_MAP, "kubeadm-config", "kube-system") or {}).get("data") or {}
        for line in str(kubeadm.get("ClusterConfiguration", "")).splitlines():
            name, _colon, text = line.strip().partition(":")
            if name == "serviceSubnet":
                ranges = [part.strip() for part in text.split(",")]
    if ranges:
        return {f"the service range ({index})" if index else "the service range": r for index, r in enumerate(ranges)}
    service = kube.get(SERVICE, "kubernetes", "default") or {}
    address = (service.get("spec") or {}).get("clusterIP")
    return {"the Service address": address} if address else {}


def _node_addresses(kube: Kube) -> Mapping[str, str]:
    found = {}
    for node in kube.list(NODE):
        for address in (node.get("status") or {}).get("addresses") or []:
            if address.get("type") == "InternalIP":
                found[node["metadata"]["name"]] = address["address"]
    return found


def _warn_of_jump(installed: Release | None, chart: Chart, warn: Warn) -> None:
    if installed is None:
        return
    (old_major, old), (new_major, new) = minor_of(installed.chart_version), chart.minor
    if old_major == new_major and abs(new - old) > 1:
        warn(
            f"From Cilium {installed.chart_version} to {chart.version} skips minor versions; upgrades and rollbacks are"
            " tested between consecutive minor versions only."
        )


def _wait(plan: Plan, values: Json, around: Surroundings) -> None:
    relay = at(values, "hubble.relay.enabled") is True
    wait_working(around.kube, plan.namespace, relay, plan.wait_timeout_s, around.clock, around.progress)


def _planned(plan: Plan, installed: Release | None, chart: Chart, values: Json) -> Release:
    """What a real run would leave behind, for check mode."""
    return Release(
        name=plan.release_name,
        namespace=plan.namespace,
        revision=(installed.revision if installed else 0) + 1,
        status="deployed",
        chart_name=chart.name,
        chart_version=chart.version,
        app_version=chart.version,
        values=values,
    )


def _managed_fields(release: Release | None) -> Json:
    if release is None:
        return {}
    return {"chart_version": release.chart_version, "status": release.status, "values": masked(release.values)}


def _result(changed: bool, before: Release | None, after: Release | None, values: Json, processes: int) -> Result:
    return Result(
        changed=changed,
        values={
            "release": after.summary() if after else {},
            "cilium_values": masked(values),
            "helm_processes": processes,
        },
        before=_managed_fields(before),
        after=_managed_fields(after),
    )
