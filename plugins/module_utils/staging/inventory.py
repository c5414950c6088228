# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What a cluster declares: workloads, Services, namespaces, nodes, policies, and what its Cilium can do. Reads only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .._errors import AuthFailed, InvalidInput, NotFound
from .._types import Json
from ..cilium.detect import installation
from ..cilium.policy import object_key
from ..hardening.model import Inventory, Labels, ServiceFacts, Workload, WorkloadFacts
from ..kube.interface import Kube
from ..kube.kinds import (
    CCNP,
    CNP,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    NAMESPACE,
    NETWORK_POLICY,
    NODE,
    POD,
    SERVICE,
    STATEFUL_SET,
    Kind,
)
from ..kube.manifest import SERVER_FIELDS

SYSTEM_NAMESPACE = "kube-system"
DNS_LABEL = "k8s-app=kube-dns"
NODE_LOCAL_DNS = ("node-local-dns", "nodelocaldns")
_OWNERS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)
# How Kubernetes names what it makes: <Deployment>-<template hash>, <CronJob>-<minutes since 1970>.
_TEMPLATE_HASH = "pod-template-hash"
_SCHEDULED_JOB = re.compile(r"(.+)-\d{8,10}")
# Labels that controllers put on the pods of one run, and that say nothing of the workload.
_OF_ONE_RUN = ("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")


@dataclass(frozen=True)
class PodFacts:
    """A pod that has not ended, and the workload that it belongs to."""

    namespace: str
    name: str
    labels: Labels
    address: str
    node: str
    host_network: bool
    workload: Workload
    ready: bool = False
    """Serves, and is not on its way out."""
    restarts: int = 0
    ending: bool = False
    """Is on its way out; its containers may still run."""
    ports: tuple[tuple[str, int], ...] = ()
    """Declared container ports as (protocol, port)."""
    named_ports: tuple[tuple[str, int], ...] = ()


def cluster_uid(kube: Kube) -> str:
    """The UID of the namespace kube-system, by which one cluster is told from another."""
    namespace = kube.get(NAMESPACE, SYSTEM_NAMESPACE)
    return str(((namespace or {}).get("metadata") or {}).get("uid") or "")


def require_namespaces(kube: Kube, namespaces: Sequence[str], *, system: Sequence[str] = ()) -> None:
    """Raise InvalidInput for none, for one that does not exist, and for kube-system.

    kube-system is accepted only when the caller names it a second time (`system`).
    """
    if not namespaces:
        raise InvalidInput("namespaces is empty.", option="namespaces", code="NoNamespaces", remedy="Name some.")
    if SYSTEM_NAMESPACE in namespaces and SYSTEM_NAMESPACE not in system:
        raise InvalidInput(
            f"namespaces holds {SYSTEM_NAMESPACE}, where a denied connection can stop the whole cluster.",
            option="namespaces",
            code="SystemNamespace",
            remedy=f"If it is meant, name it a second time: system_namespaces=[{SYSTEM_NAMESPACE}].",
        )
    missing = [name for name in namespaces if kube.get(NAMESPACE, name) is None]
    if missing:
        raise InvalidInput(
            f"namespaces names what does not exist: {', '.join(missing)}.",
            option="namespaces",
            code="NamespaceNotFound",
            remedy="Correct the name; nothing was changed.",
        )


def read_inventory(kube: Kube, namespaces: Sequence[str] = ()) -> Inventory:
    """Workloads and Services of some namespaces, or of all when none is named; labels of all namespaces; nodes.

    Bare pods and pods of controllers that are not known here count as workloads of their own.
    """
    chosen: list[str | None] = [*namespaces] if namespaces else [None]
    pods = read_pods(kube, namespaces)
    counted: dict[Workload, int] = {}
    for pod in pods:
        counted[pod.workload] = counted.get(pod.workload, 0) + 1
    inventory = Inventory()
    known: set[Workload] = set()
    services: list[Json] = []
    for where in chosen:
        for kind in (*_OWNERS, CRON_JOB, JOB):
            for document in kube.list(kind, where):
                facts = _workload_facts(kind, document, counted)
                if facts is not None:
                    known.add(facts.workload)
                    inventory.workloads.append(facts)
        services += kube.list(SERVICE, where)
    inventory.workloads += _without_declaration(pods, known, counted)
    inventory.services = [_service_facts(document, inventory.workloads) for document in services]
    inventory.workloads.sort(key=lambda facts: facts.workload)
    inventory.services.sort(key=lambda facts: (facts.namespace, facts.name))
    inventory.namespaces = _namespace_labels(kube, namespaces)
    inventory.nodes = _node_names(kube)
    return inventory


def read_pods(kube: Kube, namespaces: Sequence[str] = ()) -> list[PodFacts]:
    """Pods of some namespaces, or of all, that have not ended, with their workloads; sorted."""
    chosen: list[str | None] = [*namespaces] if namespaces else [None]
    found = []
    for where in chosen:
        for pod in kube.list(POD, where):
            if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
                found.append(_pod_facts(pod))
    return sorted(found, key=lambda pod: (pod.namespace, pod.name))


def read_policies(kube: Kube, namespaces: Sequence[str] = ()) -> list[Json]:
    """All policies that apply to some namespaces (or to all): both kinds with a namespace, and the clusterwide ones.

    Documents are complete (apiVersion and kind too), without managedFields, sorted by kind, namespace and name. A kind
    that the cluster does not have counts as no policies.
    """
    found: list[Json] = []
    for kind in (NETWORK_POLICY, CNP, CCNP):
        chosen: list[str | None] = [*namespaces] if namespaces and kind.namespaced else [None]
        for where in chosen:
            try:
                documents = list(kube.list(kind, where))
            except NotFound:
                continue
            found += [_complete(kind, document) for document in documents]
    return sorted(found, key=object_key)


def restorable(document: Json) -> Json:
    """A policy as it can be applied again: without status and what only the server writes."""
    metadata = {key: value for key, value in document["metadata"].items() if key not in SERVER_FIELDS}
    return {**{key: value for key, value in document.items() if key != "status"}, "metadata": metadata}


def read_platform(kube: Kube, namespace: str = SYSTEM_NAMESPACE) -> Json:
    """What the cluster's Cilium can do, for Evidence.platform. namespace: Cilium's.

    Keys: cluster, kubernetes_version, manager (aks, helm, other, none), cilium_version, default_deny_field (shadow and
    listening policies are possible), fqdn_policies, hubble_enabled, relay, dns (see read_dns).
    """
    install = installation(kube, namespace)
    return {
        "cluster": cluster_uid(kube),
        "kubernetes_version": kube.server_version(),
        "manager": install.manager,
        "cilium_version": install.version,
        "default_deny_field": install.default_deny_field,
        "fqdn_policies": install.fqdn_policies,
        "hubble_enabled": install.hubble_enabled,
        "relay": install.relay,
        "dns": read_dns(kube),
    }


def read_dns(kube: Kube) -> Json:
    """How pods reach DNS: {path, namespace, service, address, labels, ports: [{protocol, port}]}.

    path is kube-dns (the pods behind the Service), node-local-dns (a DaemonSet that answers on each node) or unknown.
    labels select the pods that answer; ports are those of the pods.
    """
    services = list(kube.list(SERVICE, SYSTEM_NAMESPACE, label_selector=DNS_LABEL))
    service = next((one for one in services if one["metadata"]["name"] == "kube-dns"), None) or next(
        iter(services), None
    )
    if service is None:
        return {
            "path": "unknown",
            "namespace": SYSTEM_NAMESPACE,
            "service": "",
            "address": "",
            "labels": {},
            "ports": [],
        }
    spec = service.get("spec") or {}
    labels = dict(sorted((spec.get("selector") or {}).items()))
    local = next((name for name in NODE_LOCAL_DNS if kube.get(DAEMON_SET, name, SYSTEM_NAMESPACE)), "")
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    pod = next(iter(kube.list(POD, SYSTEM_NAMESPACE, label_selector=selector)), None) if selector else None
    named = dict(_named_ports((pod or {}).get("spec") or {}))
    ports = {
        (str(port.get("protocol") or "TCP"), _port_number(port.get("targetPort", port.get("port")), named, 53))
        for port in spec.get("ports") or []
        if port.get("port") == 53
    }
    return {
        "path": "node-local-dns" if local else "kube-dns",
        "namespace": SYSTEM_NAMESPACE,
        "service": str(service["metadata"]["name"]),
        "address": str(spec.get("clusterIP") or ""),
        "labels": labels,
        "ports": [{"protocol": protocol, "port": port} for protocol, port in sorted(ports)],
    }


def owner_of(pod: Json) -> Workload:
    """The workload of a pod, by its controller: through a ReplicaSet to the Deployment, through a Job to the CronJob.

    Told from names, as Cilium tells it for the `workloads` of a flow, so that both agree and no further object is read.
    """
    metadata = pod["metadata"]
    namespace, labels = str(metadata["namespace"]), metadata.get("labels") or {}
    owners = metadata.get("ownerReferences") or []
    owner = next((one for one in owners if one.get("controller")), None)
    if owner is None or owner.get("kind") == "Node":
        return Workload(namespace, "Pod", str(metadata["name"]))
    kind, name = str(owner.get("kind")), str(owner.get("name"))
    template_hash = labels.get(_TEMPLATE_HASH)
    if kind == "ReplicaSet" and template_hash and name.endswith(f"-{template_hash}"):
        return Workload(namespace, "Deployment", name.removesuffix(f"-{template_hash}"))
    scheduled = _SCHEDULED_JOB.fullmatch(name) if kind == "Job" else None
    return Workload(namespace, "CronJob", scheduled[1]) if scheduled else Workload(namespace, kind, name)


def _pod_facts(pod: Json) -> PodFacts:
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    conditions = status.get("conditions") or []
    ending = bool(metadata.get("deletionTimestamp")) or _has_done_its_work(spec, status)
    return PodFacts(
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        labels=_labels(metadata.get("labels")),
        address=str(status.get("podIP") or ""),
        node=str(spec.get("nodeName") or ""),
        host_network=bool(spec.get("hostNetwork")),
        workload=owner_of(pod),
        ready=not ending and any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions),
        ending=ending,
        restarts=sum(int(one.get("restartCount") or 0) for one in status.get("containerStatuses") or []),
        ports=_declared_ports(spec),
        named_ports=tuple(sorted(_named_ports(spec))),
    )


def _has_done_its_work(spec: Json, status: Json) -> bool:
    """Whether a pod that runs to an end has come to it; its phase says so only a moment later."""
    if spec.get("restartPolicy") not in ("Never", "OnFailure"):
        return False
    ended = [(one.get("state") or {}).get("terminated") for one in status.get("containerStatuses") or []]
    return any(end is not None and end.get("exitCode") == 0 for end in ended)


def _workload_facts(kind: Kind, document: Json, counted: Mapping[Workload, int]) -> WorkloadFacts | None:
    """A declared workload; None for a Job that a CronJob made."""
    metadata, spec = document["metadata"], document.get("spec") or {}
    owners = metadata.get("ownerReferences") or []
    if kind is JOB and any(one.get("kind") == "CronJob" for one in owners):
        return None
    job = (spec.get("jobTemplate") or {}).get("spec") or {} if kind is CRON_JOB else spec
    template = job.get("template") or {}
    labels = _stable(((template.get("metadata") or {}).get("labels")) or {})
    selected = ((spec.get("selector") or {}).get("matchLabels")) or {} if kind in _OWNERS else labels
    workload = Workload(str(metadata["namespace"]), kind.kind, str(metadata["name"]))
    pod_spec = template.get("spec") or {}
    return WorkloadFacts(
        workload=workload,
        selector=_labels(selected),
        labels=_labels(labels),
        ports=_declared_ports(pod_spec),
        pods=counted.get(workload, 0),
        host_network=bool(pod_spec.get("hostNetwork")),
        # A suspended CronJob does not run, so nobody waits for it.
        schedule=str(spec.get("schedule") or "") if kind is CRON_JOB and not spec.get("suspend") else "",
        named_ports=tuple(sorted(_named_ports(pod_spec))),
    )


def _without_declaration(
    pods: Iterable[PodFacts], known: set[Workload], counted: Mapping[Workload, int]
) -> list[WorkloadFacts]:
    """Bare pods, static pods and pods of other controllers; their labels are all that there is to select them by."""
    found: dict[Workload, WorkloadFacts] = {}
    for pod in pods:
        if pod.workload not in known and pod.workload not in found:
            labels = _labels(_stable(dict(pod.labels)))
            found[pod.workload] = WorkloadFacts(
                pod.workload,
                labels,
                labels,
                ports=pod.ports,
                pods=counted[pod.workload],
                host_network=pod.host_network,
                named_ports=pod.named_ports,
            )
    return list(found.values())


def _stable(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key not in _OF_ONE_RUN and key != _TEMPLATE_HASH}


def _service_facts(document: Json, workloads: Iterable[WorkloadFacts]) -> ServiceFacts:
    metadata, spec = document["metadata"], document.get("spec") or {}
    namespace, selector = str(metadata["namespace"]), (spec.get("selector") or {}).items()
    behind = [
        facts
        for facts in workloads
        if selector and facts.workload.namespace == namespace and set(selector) <= set(facts.labels)
    ]
    ports = set()
    for port in spec.get("ports") or []:
        target = port.get("targetPort", port.get("port"))
        numbers = [target] if isinstance(target, int) else [dict(facts.named_ports).get(target, 0) for facts in behind]
        ports |= {(str(port.get("protocol") or "TCP"), int(number)) for number in numbers if number}
    return ServiceFacts(
        namespace=namespace,
        name=str(metadata["name"]),
        type=str(spec.get("type") or "ClusterIP"),
        selector=_labels(spec.get("selector")),
        target_ports=tuple(sorted(ports)),
        external_traffic_policy=str(spec.get("externalTrafficPolicy") or ""),
    )


def _namespace_labels(kube: Kube, namespaces: Sequence[str]) -> dict[str, dict[str, str]]:
    """Of all namespaces; of the named ones alone where the credential may not list."""
    try:
        documents = list(kube.list(NAMESPACE))
    except AuthFailed:
        documents = [one for one in (kube.get(NAMESPACE, name) for name in namespaces) if one is not None]
    return {
        str(one["metadata"]["name"]): dict(sorted((one["metadata"].get("labels") or {}).items()))
        for one in sorted(documents, key=lambda document: str(document["metadata"]["name"]))
    }


def _node_names(kube: Kube) -> list[str]:
    """All nodes; none where the credential may not list them."""
    try:
        return sorted(str(node["metadata"]["name"]) for node in kube.list(NODE))
    except AuthFailed:
        return []


def _labels(labels: Mapping[str, str] | None) -> Labels:
    return tuple(sorted((str(key), str(value)) for key, value in (labels or {}).items()))


def _containers(pod_spec: Json) -> list[Json]:
    # An init container that goes on running is a sidecar and serves like any other.
    sidecars = [one for one in pod_spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"]
    return [*(pod_spec.get("containers") or []), *sidecars]


def _declared_ports(pod_spec: Json) -> tuple[tuple[str, int], ...]:
    ports = {
        (str(port.get("protocol") or "TCP"), int(port["containerPort"]))
        for container in _containers(pod_spec)
        for port in container.get("ports") or []
    }
    return tuple(sorted(ports))


def _named_ports(pod_spec: Json) -> list[tuple[str, int]]:
    return [
        (str(port["name"]), int(port["containerPort"]))
        for container in _containers(pod_spec)
        for port in container.get("ports") or []
        if port.get("name")
    ]


def _port_number(target: object, named: Mapping[str, int], default: int) -> int:
    if isinstance(target, int):
        return target
    return named.get(str(target), default)


def _complete(kind: Kind, document: Json) -> Json:
    """Items of a list lack apiVersion and kind."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    return {"apiVersion": kind.api_version, "kind": kind.kind, **document, "metadata": metadata}
