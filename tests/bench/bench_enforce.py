# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a step of enforcement denies, and how fast one that goes wrong is taken back, on a real cluster.

The cluster is the one of AKS_CILIUM_BENCH_KUBECONFIG; without it there are no figures. It needs Cilium with Hubble
relay, and an image with sh and curl (AKS_CILIUM_BENCH_IMAGE). A namespace is made and removed.
"""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import OperationFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._wait import SystemClock
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import KubeClient, connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CNP, NAMESPACE, POD
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.manifest import ensure_present
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.enforce import LATE_S, Enforcement
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.flows import flows_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.policies import deny_patch
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.realizing import BackgroundWork
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.step_options import Options

TARGETS = {"enforce_to_deny_s": "<= 1", "rollback_s": "<= 3"}
PLACE = "bench-enforce"
TIMES = 5
# Connects again and again until a connection fails; tells for how long the failing one took.
UNTIL_DENIED = """
while :; do
  begin=$(date +%s%N)
  curl -s -o /dev/null -m 2 "http://$1/" || { echo $(($(date +%s%N) - begin)); exit 0; }
done
"""
UNTIL_STOPPED = """
rm -f /tmp/stop
until [ -e /tmp/stop ]; do curl -s -o /dev/null -m 1 "http://$1/"; sleep 0.1; done
"""


def run() -> dict[str, float | None]:
    """The figures: medians over some rounds, or null without a cluster."""
    path = os.environ.get("AKS_CILIUM_BENCH_KUBECONFIG")
    if not path:
        return dict.fromkeys(TARGETS)
    kube = connect({"kubeconfig": path, "request_timeout": 30})
    image = os.environ.get("AKS_CILIUM_BENCH_IMAGE", "nginx:1.26")
    try:
        ensure_present(kube, documents(image), check_mode=False, timeout_s=120)
        address = str((kube.get(POD, "server", PLACE) or {})["status"]["podIP"])
        denied = sorted(seconds_to_deny(kube, address) for __ in range(TIMES))
        back = sorted(seconds_to_take_back(kube, address, image) for __ in range(TIMES))
    finally:
        kube.delete(NAMESPACE, PLACE)
    return {"enforce_to_deny_s": denied[TIMES // 2], "rollback_s": back[TIMES // 2]}


def documents(image: str) -> list[Json]:
    """A server, a client that nothing allows, and the server's shadow policy."""
    policy: Json = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {
            "name": "server",
            "namespace": PLACE,
            "labels": {"app.kubernetes.io/managed-by": "cloudnet.aks_cilium"},
        },
        "spec": {
            "endpointSelector": {"matchLabels": {"app": "server"}},
            "enableDefaultDeny": {"ingress": False, "egress": False},
            "ingress": [{"fromEndpoints": [{"matchLabels": {"app": "nobody"}}]}],
        },
    }
    namespace: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}}
    return [namespace, pod("server", image, []), pod("client", image, ["sleep", "3600"]), policy]


def pod(name: str, image: str, command: list[str]) -> Json:
    """A pod that ends at once when it is deleted."""
    container: Json = {"name": name, "image": image, "imagePullPolicy": "IfNotPresent"}
    if command:
        container["command"] = command
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": PLACE, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }


def until_denied(kube: KubeClient, address: str, found: list[float]) -> None:
    """In a thread: the monotonic time at which the first connection that failed was begun."""
    done = exec_in_pod(kube, PLACE, "client", ["sh", "-c", UNTIL_DENIED, "x", address], timeout_s=120)
    found.append(time.monotonic() - int(done.stdout.strip()) / 1e9)


def seconds_to_deny(kube: KubeClient, address: str) -> float:
    """From sending the patch to the begin of the first connection that fails."""
    shadow(kube)
    wait_allowed(kube, address)
    found: list[float] = []
    thread = threading.Thread(target=until_denied, args=(kube, address, found))
    thread.start()
    time.sleep(1.0)
    sent = time.monotonic()
    kube.patch(CNP, "server", deny_patch(policy_of(kube), ["ingress"], True), PLACE)
    thread.join()
    shadow(kube)
    return round(max(found[0] - sent, 0.0), 3)


def seconds_to_take_back(kube: KubeClient, address: str, image: str) -> float:
    """From the first unpredicted drop until the policy is patched back."""
    wait_allowed(kube, address)
    options = Options.of(
        {
            "policy": {"namespace": PLACE, "name": "server"},
            "direction": "ingress",
            "watch_s": 10,
            "dead_man_s": 60,
            "image": image,
            "prediction": None,
            "probes": [],
            "max_lost": 0,
            "cilium_namespace": "kube-system",
        }
    )
    clock = SystemClock()
    execute = partial(exec_in_pod, kube)
    flows = flows_of(kube, partial(forwarded, kube), options.cilium_namespace, denied_within_s=LATE_S)
    step = Enforcement(kube, flows, BackgroundWork(kube, execute, clock, []), options, clock)
    client = partial(exec_in_pod, kube, PLACE, "client", timeout_s=120)
    thread = threading.Thread(target=client, args=(["sh", "-c", UNTIL_STOPPED, "x", address],))
    thread.start()
    try:
        step.run(check_mode=False)
    except OperationFailed as error:
        if error.code == "UnpredictedDrop":
            return float(error.details["rollback_s"])
        raise
    finally:
        client(["touch", "/tmp/stop"])
        thread.join()
    raise OperationFailed("The step was not taken back though a connection was denied.", code="NotTakenBack")


def policy_of(kube: KubeClient) -> Json:
    """The policy as it is."""
    found: Any = kube.get(CNP, "server", PLACE)
    return dict(found)


def shadow(kube: KubeClient) -> None:
    """Default deny off."""
    kube.patch(CNP, "server", deny_patch(policy_of(kube), ["ingress"], False), PLACE)


def wait_allowed(kube: KubeClient, address: str) -> None:
    """Until the client gets through again, several times in a row."""
    through = "for i in 1 2 3; do until curl -s -o /dev/null -m 2 http://$1/; do :; done; done"
    exec_in_pod(kube, PLACE, "client", ["sh", "-c", through, "x", address], timeout_s=60)
