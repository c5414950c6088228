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

from .._errors import CollectionError, InvalidInput, TimedOut
from .._text import agree, counted, elapsed_text
from .._types import Json, Result
from ..kube.interface import Kube
from ..kube.kinds import NODE
from .chart import Chart, chart_of_record, minor_of, read_local
from .chartkeys import NEWEST_MINOR
from .chartsource import ChartSource
from .checks import check_cluster, check_plan, local_version, refuse_foreign, refuse_other_chart
from .cleanup import stop_cleaner
from .detect import agent_daemon_set, refuse_managed
from .helm import Helm
from .images import unmoved_images, with_images
from .operators import default_replicas, nodes_for_operators
from .plan import CountingRunner, Plan, Surroundings, values_file
from .preflight import clean_up, run_preflight
from .recover import Recovery, check_recovery, is_under_way, recover, recovery_of, wait_for_other_helm
from .release import Records, Release, is_installed, must_change, read_history, read_records
from .restart import Report, find_unmanaged, look_only, planned, restart
from .rollout import agents_ready, parts_of, wait_working
from .serverdryrun import judge
from .upgrade import Attempt, changes_images, check_step, with_compatibility
from .valuecheck import check_values, coerced, untested_chart
from .values import Wish, compose, warnings_of
from .valuetree import at, masked, secrets_of


@dataclass(frozen=True)
class _Work:
    """One run. before: the newest record at its start; records: those after a recovery, done or to be done."""

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

    A release whose DaemonSet was deleted is changed too: helm makes it anew.

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
    found = read_records(around.kube, plan.release_name, plan.namespace)
    refuse_other_chart(plan, found.newest)
    records = wait_for_other_helm(plan, around, found)
    if records is not found:
        agents = agent_daemon_set(around.kube, plan.namespace)
    refuse_foreign(plan, records.newest, agents)
    recovery = recovery_of(records)
    if recovery is not None:
        check_recovery(plan, around, recovery)
    runner = CountingRunner(around.runner)
    helm = Helm(plan.helm_binary, runner)
    work = _Work(plan, around, source, runner, helm, agents, records.newest, records, recovery)
    work = _as_if_recovered(work)
    version = version or (work.installed.chart_version if work.installed else "")
    values = _composed(work, version)
    for secret in secrets_of(values):
        around.hide(secret)
    settled = _unchanged_values(work, version, values)
    return _change(work, version, values) if settled is None else _leave(_recovered(work, must_work=True), settled)


def _as_if_recovered(work: _Work) -> _Work:
    """The work with the records that a recovery will leave, so that all is judged before that writes anything."""
    recovery = work.recovery
    if recovery is None or not is_under_way(work.before):
        return work
    if recovery.action == "uninstall":
        return replace(work, records=Records())
    history = read_history(work.around.kube, work.plan.release_name, work.plan.namespace)
    others = [release for release in history if release.revision != recovery.release.revision]
    if recovery.action == "forget":
        newest = next((release for release in reversed(others) if release.status != "superseded"), None)
        return replace(work, records=Records(newest, None))
    back = next((release for release in others if release.revision == recovery.revision), work.records.deployed)
    back = replace(back, status="deployed") if back else None
    return replace(work, records=Records(back, back))


def _recovered(work: _Work, *, must_work: bool) -> _Work:
    """Free a release that is stuck, and wait until it works; nothing is done in check mode.

    must_work: raise when it does not. Otherwise that may be what is corrected next, and _write warns.
    """
    recovery, plan, around = work.recovery, work.plan, work.around
    if recovery is None or not is_under_way(work.before) or around.check_mode:
        return work
    work.helm.version()
    # Pods of the revision that was left half way are replaced; that they crash says nothing.
    stuck = frozenset(pod.name for pod in parts_of(around.kube, plan.namespace) if pod.troubles)
    with around.kube.kubeconfig_file() as kubeconfig:
        records = recover(plan, around, replace(work.helm, kubeconfig=kubeconfig), recovery)
    work = replace(work, records=records)
    if recovery.action == "rollback" and plan.wait and work.running is not None:
        with contextlib.suppress(*(() if must_work else (CollectionError,))):
            _wait(work, work.running.values, relay=False, old_pods=stuck, settling=True)
    return replace(work, agents=agent_daemon_set(around.kube, plan.namespace))


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
    # While the chart is not known, the rules of the newest one that is.
    minor = minor_of(version)[1] or NEWEST_MINOR
    return default_replicas(nodes_for_operators(wish.overlay, kube.list(NODE), minor))


def _unchanged_values(work: _Work, version: str, values: Json) -> Json | None:
    """The values when helm has nothing to do, None when it has. No process: the record holds the chart."""
    installed = work.installed
    if installed is None or _lost_agents(work, values):
        return None
    if not work.plan.images.wanted and not must_change(installed, version, values):
        return values
    chart = chart_of_record(installed.chart)
    settled = coerced(with_images(values, chart, work.plan.images), chart)
    return None if must_change(installed, version, settled) else settled


def _lost_agents(work: _Work, values: Json) -> bool:
    """Whether somebody deleted the DaemonSet of a release that is deployed."""
    return work.agents is None and at(values, "agent") is not False


def _leave(work: _Work, values: Json) -> Result:
    """Nothing for helm to do: wait for what is not ready, and restart pods where that was asked for."""
    plan, around = work.plan, work.around
    stopped = False
    if plan.wait and not around.check_mode and not (work.agents and agents_ready(work.agents)):
        # An uninstallation that was stopped before it began may be what keeps agents away.
        stopped = stop_cleaner(around.kube, plan.namespace)
        _wait(work, values, relay=True, settling=stopped or work.recovery is not None)
    report = _restart(work) if plan.restart_unmanaged else None
    changed = bool(report and report.restarted) or work.recovery is not None or stopped
    return _result(work, changed, work.installed, values, report)


def _change(work: _Work, version: str, values: Json) -> Result:
    plan, around, running = work.plan, work.around, work.running
    with _chart_on_disk(work, version) as path:
        chart = read_local(path)
        _check_version(work, chart)
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
        work = _recovered(work, must_work=False)
        with around.kube.kubeconfig_file() as kubeconfig:
            done = _write(replace(work, helm=replace(work.helm, kubeconfig=kubeconfig)), path, chart, values)
    report = _after_change(work, values, done.waited) if plan.wait else None
    release = read_records(around.kube, plan.release_name, plan.namespace).newest
    result = _result(work, True, release, values, report)
    result.values["preflight"] = done.preflight
    return result


def _check_version(work: _Work, chart: Chart) -> None:
    """A chart of another version than was asked for would be upgraded to in every run."""
    wished = work.source.version
    if not work.source.is_local and wished and wished.removeprefix("v") != chart.version.removeprefix("v"):
        raise InvalidInput(
            f"chart_version: {wished} was asked for, but chart={work.source.shown!r} is version {chart.version}.",
            option="chart_version",
            code="ChartVersionMismatch",
            remedy=f"Set chart_version={chart.version}, or give another chart.",
        )


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
    clean_up(plan, around, work.helm)
    healthy = work.agents is not None and agents_ready(work.agents)
    # A cleanup of the nodes that a stopped uninstallation left would go on under the new agents.
    stop_cleaner(around.kube, plan.namespace)
    must_check = plan.preflight and running is not None and changes_images(running, chart.version, values)
    may_go_back = running is not None and running.status == "deployed" and plan.rollback and plan.wait
    if (must_check or may_go_back) and not healthy:
        around.warn("Agents were not ready on all nodes before the change: no preflight, and no way back.")
    check_first = must_check and healthy
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
    guarded = may_go_back and healthy
    if guarded and running is not None:
        last = work.installed.revision if work.installed else running.revision
        attempt = Attempt(plan, around, work.helm, running, chart.version, last)
        attempt.run(upgrade, lambda old_pods: _wait(work, values, relay=True, old_pods=old_pods, settling=True))
    else:
        upgrade()
    return _Written(check_first, guarded)


def _after_change(work: _Work, values: Json, waited: bool) -> Report | None:
    """Wait until Cilium works; deal with the pods that are older than it, which the relay may be one of."""
    if work.plan.restart_unmanaged:
        if not waited:
            _wait(work, values, relay=False, settling=True)
        report = _restart(work)
        _wait(work, values, relay=True, settling=True)
        return report
    first = work.records.deployed is None
    try:
        if not waited:
            _wait(work, values, relay=True, settling=True)
    except TimedOut as error:
        older = find_unmanaged(work.around.kube, work.plan.namespace) if first else []
        if older:
            error.remedy = f"{counted(len(older), 'pod')} started before Cilium and"
            error.remedy += f" {agree(len(older), 'has', 'have')} no working network: set restart_unmanaged=true"
            error.remedy += " and run again."
            error.details["unmanaged_pods"] = [pod.label for pod in older]
        raise
    return _older_pods(work) if first else None


def _older_pods(work: _Work) -> Report:
    """The pods that started before a first installation, with a warning where there are any."""
    report = look_only(find_unmanaged(work.around.kube, work.plan.namespace), "restart_unmanaged is false")
    if report.unmanaged:
        number = len(report.unmanaged)
        them = agree(number, "it", "them")
        work.around.warn(
            f"{counted(number, 'pod')} started before Cilium and {agree(number, 'is', 'are')} not managed by it"
            f" (unmanaged_pods): policies do not hold for {them}."
            f" restart_unmanaged=true restarts {them} in a safe order."
        )
    return report


def _restart(work: _Work) -> Report:
    around = work.around
    pods = find_unmanaged(around.kube, work.plan.namespace)
    if not work.plan.wait:
        return look_only(pods, "wait is false, and pods are restarted one after the other")
    if around.check_mode:
        return planned(pods)
    return restart(around.kube, pods, work.plan.wait_timeout_s, around.clock, around.progress)


def _wait(
    work: _Work, values: Json, *, relay: bool, old_pods: frozenset[str] = frozenset(), settling: bool = False
) -> None:
    wait_working(
        work.around.kube,
        work.plan.namespace,
        relay and at(values, "hubble.relay.enabled") is True,
        work.plan.wait_timeout_s,
        work.around.clock,
        work.around.progress,
        old_pods=old_pods,
        settling=settling,
    )


@contextlib.contextmanager
def _chart_on_disk(work: _Work, version: str) -> Iterator[str]:
    """The chart as a local path, so that what is checked is exactly what is installed."""
    if work.source.is_local:
        yield work.source.reference
        return
    work.helm.version()
    with tempfile.TemporaryDirectory(prefix="aks_cilium_chart_") as directory:
        work.around.progress(f"helm: download the chart {work.source.shown} {version or '(newest)'}")
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
