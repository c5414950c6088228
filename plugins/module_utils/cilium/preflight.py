# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Cilium's preflight: before an upgrade, the new image is pulled on all nodes and the new version reads all policies.

A release of its own from the same chart, as Cilium's upgrade guide asks for; it is always removed again.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from .._errors import CollectionError, OperationFailed, TimedOut
from .._text import counted, elapsed_text
from .._types import Json
from .._wait import Look, wait_until
from ..kube.interface import Kube
from ..kube.kinds import DAEMON_SET, DEPLOYMENT, POD
from ..kube.ready import workload_of
from .giveup import IMAGE_PATIENCE_S, ImagePatience
from .helm import Helm
from .plan import Plan, Surroundings, values_file
from .release import read_records
from .snapshot import Part, PartPod, part_pod
from .status import trouble_text
from .valuetree import at, deep_merge

NAME = "cilium-pre-flight-check"
LOOK_EVERY_S = 2.0
LOG_LINES = 60
_PULL_PODS = "k8s-app=cilium-pre-flight-check"
_POLICY_PODS = "k8s-app=cilium-pre-flight-check-deployment"
_PART = Part("preflight", "Preflight", DAEMON_SET, NAME, ())
# What the checks have in common with the release: where the API is, and how images are pulled.
_SHARED = ("k8sServiceHost", "k8sServicePort", "k8sServiceHostRef", "imagePullSecrets", "upgradeCompatibility")
# The validator logs one line per policy, as pairs: msg="Unexpected validation error" error="..." and the policy, up to
# 1.17 as CiliumNetworkPolicy=default/web, later as type=CiliumNetworkPolicy name=default/web.
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
_KINDS = ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")


def release_of(plan: Plan) -> str:
    """Name of the preflight's release."""
    return f"{plan.release_name}-preflight"


def preflight_values(values: Json) -> Json:
    """The values of the preflight's release; with those of the real one it would render that one's objects too."""
    shared = {name: values[name] for name in _SHARED if name in values}
    enabled = at(values, "envoy.enabled")
    if enabled is not None:
        shared["envoy"] = {"enabled": enabled}
    own = {"enabled": True, "image": at(values, "image") or {}, "envoy": {"image": at(values, "envoy.image") or {}}}
    return {
        **shared,
        "preflight": deep_merge(own, {**(at(values, "preflight") or {}), "enabled": True}),
        "agent": False,
        "operator": {"enabled": False},
    }


def run_preflight(plan: Plan, around: Surroundings, helm: Helm, chart_path: str, values: Json) -> None:
    """Run the checks and remove them; what an earlier run left must be gone (clean_up).

    Raises OperationFailed that names nodes and images, or policies.
    """
    around.progress(f"preflight: helm install {plan.namespace}/{release_of(plan)}")
    try:
        with values_file(preflight_values(values)) as path:
            helm.upgrade(release_of(plan), plan.namespace, chart_path, path, plan.wait_timeout_s)
        _wait(plan, around)
    except CollectionError:
        with contextlib.suppress(CollectionError):
            # What is wrong with the upgrade is the error to tell; the next run removes what is left.
            clean_up(plan, around, helm)
        raise
    except BaseException:
        clean_up(plan, around, helm)
        raise
    clean_up(plan, around, helm)


def clean_up(plan: Plan, around: Surroundings, helm: Helm) -> None:
    """Remove the preflight's release, also one that a killed run left; nothing is started when there is none."""
    if read_records(around.kube, release_of(plan), plan.namespace).newest is not None:
        helm.uninstall(release_of(plan), plan.namespace, plan.wait_timeout_s)


def _wait(plan: Plan, around: Surroundings) -> None:
    kube, namespace = around.kube, plan.namespace
    patience = ImagePatience(around.clock)

    def look() -> Look[None]:
        pulled, wanted = _pulled(kube, namespace)
        checker = kube.get(DEPLOYMENT, NAME, namespace)
        checked = checker is not None and workload_of(checker).available >= 1
        if pulled < wanted:
            _refuse_images(plan, _pods(kube, namespace, _PULL_PODS), patience)
        if not checked:
            _refuse_policies(plan, kube, _pods(kube, namespace, _POLICY_PODS))
        judged = "valid" if checked else "not checked yet"
        state = f"image pulled on {pulled} of {counted(wanted, 'node')}, policies {judged}"
        return Look(wanted > 0 and pulled >= wanted and checked, state, None)

    try:
        wait_until(
            look,
            what="preflight",
            timeout_s=plan.wait_timeout_s,
            interval_s=LOOK_EVERY_S,
            clock=around.clock,
            progress=around.progress,
        )
    except TimedOut as error:
        error.remedy = "Nothing was upgraded. Look at the nodes that are missing, or set preflight=false."
        raise


def _pulled(kube: Kube, namespace: str) -> tuple[int, int]:
    """Nodes that have the new image, and nodes that need it: as many as run an agent now."""
    agents = kube.get(DAEMON_SET, "cilium", namespace)
    checks = kube.get(DAEMON_SET, NAME, namespace)
    return (workload_of(checks).ready if checks else 0), (workload_of(agents).ready if agents else 0)


def _pods(kube: Kube, namespace: str, selector: str) -> list[PartPod]:
    return [part_pod(pod, _PART) for pod in kube.list(POD, namespace, label_selector=selector)]


def _refuse_images(plan: Plan, pods: Sequence[PartPod], patience: ImagePatience) -> None:
    wrong = [(pod, trouble) for pod in pods for trouble in pod.troubles if trouble.reason == "InvalidImageName"]
    stuck = wrong or patience.exhausted(pods)
    if not stuck:
        return
    nodes = sorted({pod.node for pod, __ in stuck})
    images = sorted({image for pod, __ in stuck for image in pod.images})
    some = ", ".join(nodes[:5]) + (", ..." if len(nodes) > 5 else "")
    said = next((trouble.message for __, trouble in stuck if trouble.message), "no reason given")
    raise OperationFailed(
        f"The preflight cannot pull {' or '.join(images)} on {counted(len(nodes), 'node')} ({some})"
        + ("" if wrong else f" for {elapsed_text(IMAGE_PATIENCE_S)}")
        + f": {said.rstrip('.')}.",
        code="ImageNotPulled",
        option="values",
        target=plan.target,
        remedy="Nothing was upgraded. Correct image.* in values, or the registry; see details.nodes.",
        details={"nodes": {pod.node: trouble_text(trouble) for pod, trouble in stuck}, "images": images},
    )


def _refuse_policies(plan: Plan, kube: Kube, pods: Sequence[PartPod]) -> None:
    """The check runs once per start of its container: it ended with an error when it is restarted or waits for that."""
    for pod in pods:
        for trouble in pod.troubles:
            if trouble.exit_code in (None, 0):
                continue
            ended_before = trouble.reason == "CrashLoopBackOff"
            log = kube.logs(
                plan.namespace, pod.name, container=trouble.container, tail=LOG_LINES, previous=ended_before
            )
            invalid = invalid_policies(log)
            if invalid:
                named = "; ".join(f"{name}: {why}" for name, why in list(invalid.items())[:5])
                raise OperationFailed(
                    f"The preflight found {counted(len(invalid), 'policy')} that the new version does not accept:"
                    f" {named}.",
                    code="InvalidPolicies",
                    target=plan.target,
                    remedy="Nothing was upgraded. Correct or remove these policies; see details.policies.",
                    details={"policies": invalid},
                )
            if trouble.crash_loop and trouble.restarts >= 2:
                raise OperationFailed(
                    f"The preflight's check of policies fails on {pod.node}: {trouble_text(trouble)}.",
                    code="PreflightFailed",
                    target=plan.target,
                    remedy="Nothing was upgraded. See details.log; preflight=false leaves the checks out.",
                    details={"log": log.splitlines()},
                )


def invalid_policies(log: str) -> dict[str, str]:
    """Policies that the validator's log names, `CiliumNetworkPolicy default/web` -> why."""
    found = {}
    for line in log.splitlines():
        pairs = {name: _bare(text) for name, text in _PAIR.findall(line)}
        if pairs.get("msg") != "Unexpected validation error":
            continue
        kind = pairs.get("type") or next((name for name in _KINDS if name in pairs), "policy")
        found[f"{kind} {pairs.get(kind) or pairs.get('name', '(no name)')}"] = pairs.get("error", "no reason given")
    return found


def _bare(text: str) -> str:
    return text[1:-1].replace('\\"', '"') if text.startswith('"') else text
