# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Installs and upgrades Cilium with helm, and waits until it works."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .._errors import TimedOut
from .._types import Json, Result
from .._wait import elapsed_text
from ..kube.interface import Kube
from ..kube.kinds import NODE
from .chart import Chart, chart_of_record, minor_of, read_local
from .chartsource import ChartSource
from .checks import check_cluster, check_plan, local_version, refuse_foreign
from .cleanup import stop_cleaner
from .detect import agent_daemon_set, refuse_managed
from .helm import Helm
from .images import unmoved_images, with_images
from .operators import default_replicas, nodes_for_operators
from .plan import CountingRunner, Plan, Surroundings, values_file
from .preflight import run_preflight
from .recover import Recovery, check_recovery, is_under_way, recover, recovery_of, wait_for_other_helm
from .release import Records, Release, is_installed, must_change, read_records
from .restart import Report, find_unmanaged, look_only, restart
from .rollout import agents_ready, wait_working
from .serverdryrun import judge
from .upgrade import Attempt, changes_images, check_step, with_compatibility
from .valuecheck import check_values, coerced, untested_chart
from .values import Wish, compose, warnings_of
from .valuetree import at, masked, secrets_of

NEWEST_KNOWN_MINOR = 20
"""What the operators' rules are taken from while the chart is not known."""


@dataclass(frozen=True)
class _Work:
    """One run. before: the newest record at its start; records: those after a recovery."""

    plan: Plan
    around: Surroundings
    source: ChartSource
    runner: CountingRunner
    helm: Helm
    agents: Json | None
    before: Release | None
    records: Records
    recovery: Recovery | None

    @property
    def installed(self) -> Release | None:
        """The newest revision, if it has objects in the cluster."""
        return self.records.newest if is_installed(self.records.newest) else None

    @property
    def running(self) -> Release | None:
        """The revision whose version runs: the newest that was completely installed."""
        return self.records.deployed or self.installed


def ensure(plan: Plan, around: Surroundings) -> Result:
    """Bring the release to the wished chart version and values; without a difference no process is started.

    Raises InvalidInput before anything is changed for values the chart or the cluster does not allow, Unsupported on
    managed Cilium, Conflict for a release that is in use, left half way or not ours, TimedOut when Cilium does not get
    ready, OperationFailed when an upgrade failed, was taken back, or its preflight found something.
    """
    source = check_plan(plan)
    for text in warnings_of(plan.wish):
        around.warn(text)
    compose(replace(plan.wish, operator_replicas=plan.wish.operator_replicas or 1))
    version = local_version(plan, source) if source.is_local else source.version
    agents = agent_daemon_set(around.kube, plan.namespace)
    refuse_managed(around.kube, agents)
    records = wait_for_other_helm(plan, around, read_records(around.kube, plan.release_name, plan.namespace))
    refuse_foreign(plan, records.newest, agents)
    recovery = recovery_of(records)
    if recovery is not None:
        check_recovery(plan, around, recovery)
    runner = CountingRunner(around.runner)
    helm = Helm(plan.helm_binary, runner)
    work = _Work(plan, around, source, runner, helm, agents, records.newest, records, recovery)
    work = _recovered(work)
    version = version or (work.installed.chart_version if work.installed else "")
    values = _composed(work, version)
    for secret in secrets_of(values):
        around.hide(secret)
    settled = _unchanged_values(work, version, values)
    return _change(work, version, values) if settled is None else _leave(work, settled)


def _recovered(work: _Work) -> _Work:
    """Free a release that is stuck; in check mode the work goes on as if it had been."""
    recovery = work.recovery
    if recovery is None or not is_under_way(work.before):
        return work
    if work.around.check_mode:
        nothing = Records() if recovery.action == "uninstall" else Records(work.records.deployed, work.records.deployed)
        return replace(work, records=nothing)
    work.helm.version()
    with work.around.kube.kubeconfig_file() as kubeconfig:
        helm = replace(work.helm, kubeconfig=kubeconfig)
        records = recover(work.plan, work.around, helm, recovery)
    return replace(work, records=records, agents=agent_daemon_set(work.around.kube, work.plan.namespace))


def _composed(work: _Work, version: str) -> Json:
    """The values by the options, with what a release keeps: its operators, and the version that it began with."""
    installed, kube = work.installed, work.around.kube
    values = compose(replace(work.plan.wish, operator_replicas=_replicas(work.plan.wish, installed, kube, version)))
    return with_compatibility(kube, work.running, version, values)


def _replicas(wish: Wish, installed: Release | None, kube: Kube, version: str) -> int | None:
    """Operators: as wished, else as they are, else as many as fit (they never share a node)."""
    if wish.operator_replicas is not None or at(wish.overlay, "operator.replicas") is not None:
        return wish.operator_replicas
    if installed is not None:
        now = at(installed.values, "operator.replicas")
        return now if isinstance(now, int) else None
    minor = minor_of(version)[1] or NEWEST_KNOWN_MINOR
    return default_replicas(nodes_for_operators(wish.overlay, kube.list(NODE), minor))


def _unchanged_values(work: _Work, version: str, values: Json) -> Json | None:
    """The values when helm has nothing to do, None when it has. No process: the record holds the chart."""
    installed = work.installed
    if installed is None:
        return None
    if not work.plan.images.wanted and not must_change(installed, version, values):
        return values
    chart = chart_of_record(installed.chart)
    settled = coerced(with_images(values, chart, work.plan.images), chart)
    return None if must_change(installed, version, settled) else settled


def _leave(work: _Work, values: Json) -> Result:
    """Nothing for helm to do: wait for what is not ready, and restart pods where that was asked for."""
    plan, around = work.plan, work.around
    if plan.wait and not around.check_mode and work.agents is not None and not agents_ready(work.agents):
        # An uninstallation that was stopped before it began may be what keeps agents away.
        stop_cleaner(around.kube, plan.namespace)
        _wait(work, values, relay=True)
    report = _restart(work) if plan.restart_unmanaged else None
    changed = bool(report and report.restarted) or work.recovery is not None
    return _result(work, changed, work.installed, values, report)


def _change(work: _Work, version: str, values: Json) -> Result:
    plan, around, running = work.plan, work.around, work.running
    with _chart_on_disk(work, version) as path:
        chart = read_local(path)
        if running is not None:
            check_step(running.chart_version, chart.version)
        for option in unmoved_images(values, chart, plan.images):
            around.warn(f"values.{option} takes its image from elsewhere than image_registry.")
        values = check_values(with_images(values, chart, plan.images), chart)
        check_cluster(around.kube, work.installed, chart, values)
        untested = untested_chart(chart.minor)
        if untested:
            around.warn(untested)
        if around.check_mode:
            _dry_run(work, path, values)
            report = _restart(work) if plan.restart_unmanaged and work.agents is not None else None
            return _result(work, True, _planned(work, chart, values), values, report)
        if work.source.is_local:
            work.helm.version()
        with around.kube.kubeconfig_file() as kubeconfig:
            done = _write(replace(work, helm=replace(work.helm, kubeconfig=kubeconfig)), path, chart, values)
    report = _after_change(work, values, done.waited) if plan.wait else None
    release = read_records(around.kube, plan.release_name, plan.namespace).newest
    result = _result(work, True, release, values, report)
    result.values["preflight"] = done.preflight
    return result


def _dry_run(work: _Work, path: str, values: Json) -> None:
    """Let the API server judge what helm would send; a release that is to be recovered first cannot be asked about."""
    if is_under_way(work.before):
        work.helm.require_server_dry_run()
        return
    plan, kube = work.plan, work.around.kube
    with kube.kubeconfig_file() as kubeconfig, values_file(values) as file:
        helm = replace(work.helm, kubeconfig=kubeconfig)
        objects = helm.planned(plan.release_name, plan.namespace, path, file, plan.wait_timeout_s)
    judge(kube, objects, plan.namespace)


@dataclass(frozen=True)
class _Written:
    """What a change went through. waited: Cilium works already."""

    preflight: bool
    waited: bool


def _write(work: _Work, path: str, chart: Chart, values: Json) -> _Written:
    """Preflight, helm, and the way back where there is one."""
    plan, around, running = work.plan, work.around, work.running
    healthy = work.agents is not None and agents_ready(work.agents)
    # A cleanup of the nodes that a stopped uninstallation left would go on under the new agents.
    stop_cleaner(around.kube, plan.namespace)
    check_first = plan.preflight and healthy and running is not None and changes_images(running, chart.version, values)
    if check_first:
        run_preflight(plan, around, work.helm, path, values)

    def upgrade() -> None:
        verb = "upgrade" if work.installed else "install"
        around.progress(f"helm: {verb} {plan.target}, chart {chart.version}")
        started = around.clock.monotonic()
        with values_file(values) as file:
            work.helm.upgrade(plan.release_name, plan.namespace, path, file, plan.wait_timeout_s)
        around.progress(f"helm: done ({elapsed_text(around.clock.monotonic() - started)})")

    # Without a revision that worked, and worked until now, there is nothing to go back to.
    guarded = running is not None and running.status == "deployed" and healthy and plan.rollback and plan.wait
    if guarded and running is not None:
        last = work.installed.revision if work.installed else running.revision
        attempt = Attempt(plan, around, work.helm, running, chart.version, last)
        attempt.run(upgrade, lambda old_pods: _wait(work, values, relay=True, old_pods=old_pods))
    else:
        upgrade()
    return _Written(check_first, guarded)


def _after_change(work: _Work, values: Json, waited: bool) -> Report | None:
    """Wait until Cilium works; deal with the pods that are older than it, which the relay may be one of."""
    if work.plan.restart_unmanaged:
        if not waited:
            _wait(work, values, relay=False)
        report = _restart(work)
        _wait(work, values, relay=True)
        return report
    first = work.records.deployed is None
    try:
        if not waited:
            _wait(work, values, relay=True)
    except TimedOut as error:
        older = find_unmanaged(work.around.kube, work.plan.namespace) if first else []
        if older:
            error.remedy = f"{len(older)} pods started before Cilium and have no working network: set"
            error.remedy += " restart_unmanaged=true and run again."
            error.details["unmanaged_pods"] = [pod.label for pod in older]
        raise
    return _older_pods(work) if first else None


def _older_pods(work: _Work) -> Report:
    """The pods that started before a first installation, with a warning where there are any."""
    report = look_only(find_unmanaged(work.around.kube, work.plan.namespace))
    if report.unmanaged:
        work.around.warn(
            f"{len(report.unmanaged)} pods started before Cilium and are not managed by it (unmanaged_pods):"
            " policies do not hold for them. restart_unmanaged=true restarts them in a safe order."
        )
    return report


def _restart(work: _Work) -> Report:
    around = work.around
    pods = find_unmanaged(around.kube, work.plan.namespace)
    if around.check_mode or not work.plan.wait:
        return look_only(pods)
    return restart(around.kube, pods, work.plan.wait_timeout_s, around.clock, around.progress)


def _wait(work: _Work, values: Json, *, relay: bool, old_pods: frozenset[str] = frozenset()) -> None:
    plan, around = work.plan, work.around
    relay = relay and at(values, "hubble.relay.enabled") is True
    wait_working(
        around.kube, plan.namespace, relay, plan.wait_timeout_s, around.clock, around.progress, old_pods=old_pods
    )


@contextlib.contextmanager
def _chart_on_disk(work: _Work, version: str) -> Iterator[str]:
    """The chart as a local path, so that what is checked is exactly what is installed."""
    if work.source.is_local:
        yield work.source.reference
        return
    work.helm.version()
    with tempfile.TemporaryDirectory(prefix="aks_cilium_chart_") as directory:
        work.around.progress(f"helm: download the chart {work.plan.chart} {version or '(newest)'}")
        yield work.helm.pull(replace(work.source, version=version), directory, work.plan.access)


def _planned(work: _Work, chart: Chart, values: Json) -> Release:
    """What a real run would leave behind, for check mode."""
    return Release(
        name=work.plan.release_name,
        namespace=work.plan.namespace,
        revision=(work.before.revision if work.before else 0) + 1,
        status="deployed",
        chart_name=chart.name,
        chart_version=chart.version,
        app_version=chart.version,
        values=values,
    )


def managed_fields(release: Release | None) -> Json:
    """What the diff compares."""
    if release is None:
        return {}
    return {"chart_version": release.chart_version, "status": release.status, "values": masked(release.values)}


def _result(work: _Work, changed: bool, after: Release | None, values: Json, report: Report | None) -> Result:
    result = Result(
        changed=changed,
        values={
            "release": after.summary() if after else {},
            "cilium_values": masked(values),
            "helm_processes": work.runner.processes,
        },
        before=managed_fields(work.before),
        after=managed_fields(after),
    )
    if work.recovery is not None:
        result.values["recovery"] = work.recovery.summary()
    if report is not None:
        result.values.update(report.summary())
    return result
