# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What is refused before a release is touched: options, other installations, and values that do not fit the cluster."""

from __future__ import annotations

from .._errors import Conflict, InvalidInput
from .._types import Json
from ..kube.interface import Kube
from ..kube.kinds import NODE
from .chart import Chart, read_local_version
from .chartsource import ChartSource, check_access, parse_source
from .clusterfacts import node_addresses, service_ranges
from .detect import release_name_of
from .images import check_images
from .operators import check_operators, check_pod_ranges_of_nodes, nodes_for_operators
from .plan import Plan
from .podranges import check_against_cluster, check_pools_kept, pod_networks
from .release import Release, check_name, is_installed
from .valuerules import check_api_host_in_cluster
from .valuetree import at


def check_plan(plan: Plan) -> ChartSource:
    """Refuse what is wrong whatever the cluster looks like; where the chart comes from."""
    check_name(plan.release_name, "release_name")
    check_name(plan.namespace, "namespace")
    check_images(plan.images)
    replicas = plan.wish.operator_replicas
    if replicas is not None and replicas < 1:
        raise InvalidInput(
            f"operator_replicas={replicas}: Cilium needs at least one operator, it also creates the CRDs.",
            option="operator_replicas",
            code="InvalidReplicas",
            remedy="Set it to 1 or more, or leave it out.",
        )
    source = parse_source(plan.chart, plan.chart_repo, plan.chart_version)
    check_access(source, plan.access)
    return source


def local_version(plan: Plan, source: ChartSource) -> str:
    """The version of a local chart, which chart_version must not contradict."""
    version = read_local_version(source.reference)
    if plan.chart_version and plan.chart_version.removeprefix("v") != version.removeprefix("v"):
        raise InvalidInput(
            f"chart_version={plan.chart_version!r} contradicts chart={plan.chart!r}, which is version {version}.",
            option="chart_version",
            code="ChartVersionMismatch",
            remedy="Leave chart_version out for a local chart.",
        )
    return version


def maker_of(daemon_set: Json) -> str:
    """Who installed it, in words."""
    name = release_name_of(daemon_set)
    return f"by the Helm release {name}" if name else "without Helm"


def refuse_foreign(plan: Plan, release: Release | None, daemon_set: Json | None) -> None:
    """Refuse to install beside a Cilium that another release, or no release, made: helm could not own its objects.

    Objects of a release of this name without a record are what a stopped recovery leaves; helm takes them over.
    """
    if daemon_set is None or is_installed(release):
        return
    ours = release_name_of(daemon_set) == plan.release_name
    if ours and plan.recover:
        return
    raise Conflict(
        f"Cilium runs on this cluster already, installed {maker_of(daemon_set)};"
        f" release_name={plan.release_name!r} has no record.",
        option="release_name",
        code="CiliumInstalledByOthers",
        remedy="Set recover=true to take its objects over."
        if ours
        else "Give the name of that release, or remove that installation first.",
    )


def refuse_other_chart(plan: Plan, release: Release | None) -> None:
    """Refuse a release that is not the Cilium of a cluster: of another chart, or a preflight, which is the same one."""
    if release is None or not is_installed(release):
        return
    values = release.values
    preflight = at(values, "preflight.enabled") is True and at(values, "agent") is False
    if release.chart_name == "cilium" and not preflight:
        return
    what = "a preflight of Cilium" if preflight else f"of the chart {release.chart_name or '(unknown)'}, not cilium"
    raise Conflict(
        f"release_name={plan.release_name!r}: the Helm release {plan.target} is {what}.",
        option="release_name",
        code="NotCilium",
        target=plan.target,
        remedy="Give the name of Cilium's own release; `helm list --all-namespaces` shows all.",
    )


def check_cluster(kube: Kube, installed: Release | None, chart: Chart, values: Json) -> None:
    """Refuse values that do not fit this cluster, or that would take something from what runs."""
    nodes = list(kube.list(NODE))
    services = service_ranges(kube)
    check_against_cluster(pod_networks(values), services=services, node_addresses=node_addresses(nodes))
    check_api_host_in_cluster(values, services)
    if installed is None:
        check_pod_ranges_of_nodes(values, nodes)
    else:
        check_pools_kept(installed.values, values)
    # A node that was lost must not keep everything else from being changed.
    if installed is None or at(installed.values, "operator.replicas") != at(values, "operator.replicas"):
        check_operators(values, nodes_for_operators(values, nodes, chart.minor[1]))
