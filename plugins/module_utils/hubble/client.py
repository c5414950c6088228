# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Finds who can tell about flows: Hubble relay, or the agents one by one where there is no relay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from .._errors import InvalidInput, NotFound, Unsupported
from .._types import Clock, Json
from .._wait import SystemClock
from ..kube.interface import Exec, Kube
from ..kube.kinds import CONFIG_MAP, POD, SERVICE
from ..kube.ready import is_ready_pod
from .agents import AgentReader
from .relay import RelayReader
from .tls import RelayOptions, negotiate

RELAY = "hubble-relay"
RELAY_PORT = 4245
_TLS_PORT = 443
_REMEDY = (
    "Install it: cloudnet.aks_cilium.cilium with hubble_relay=true; on a cluster whose Cilium AKS manages, switch on"
    " the observability of Advanced Container Networking Services."
)
_AUTO = RelayOptions()


class Forward(Protocol):
    """Opens a way to a port of a pod: `partial(forwarded, client)`, or a fake in tests."""

    def __call__(self, namespace: str, pod: str, port: int) -> AbstractContextManager[tuple[str, int]]:
        """Address and port on this machine, valid inside the block."""


@contextmanager
def open_reader(
    kube: Kube,
    execute: Exec,
    forward: Forward,
    *,
    source: str = "auto",
    namespace: str = "kube-system",
    clock: Clock | None = None,
    relay: RelayOptions = _AUTO,
) -> Iterator[RelayReader | AgentReader]:
    """Whoever can answer. source is auto, relay or agents; namespace is Cilium's.

    With auto the agents are asked where there is no relay that can be used. Raises NotFound (HubbleRelayNotFound)
    when only the relay would do, and Unsupported (HubbleDisabled) when Hubble is off.
    """
    why = ""
    if source != "agents":
        found = _find_relay(kube, namespace)
        if not isinstance(found, str):
            with _through(kube, forward, namespace, found, relay) as reader:
                yield reader
            return
        why = found
        if source == "relay":
            raise NotFound(why, code="HubbleRelayNotFound", target=f"{namespace}/{RELAY}", remedy=_REMEDY)
    _require_hubble(kube, namespace, why)
    yield AgentReader(kube, execute, namespace, clock or SystemClock(), why)


@contextmanager
def relay_reader(
    kube: Kube, forward: Forward, *, namespace: str = "kube-system", relay: RelayOptions = _AUTO
) -> Iterator[RelayReader]:
    """A reader on the relay, found anew: its pod may be another one than before.

    Raises NotFound (HubbleRelayNotFound) where there is none to use, Unsupported (HubbleDisabled) when Hubble is off.
    """
    found = _find_relay(kube, namespace)
    if isinstance(found, str):
        _require_hubble(kube, namespace, found)
        raise NotFound(found, code="HubbleRelayNotFound", target=f"{namespace}/{RELAY}", remedy=_REMEDY)
    with _through(kube, forward, namespace, found, relay) as reader:
        yield reader


@contextmanager
def direct_reader(relay: RelayOptions) -> Iterator[RelayReader]:
    """A reader on the relay at relay.address (`host:port` or `tls://host:port`), without Kubernetes."""
    text = relay.address.removeprefix("tls://")
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise InvalidInput(
            f"relay_address={relay.address} is not HOST:PORT or tls://HOST:PORT.",
            option="relay_address",
            code="InvalidAddress",
            remedy="Give for example localhost:4245, or leave it out: the relay of the cluster is found by itself.",
        )
    address = (host.strip("[]"), int(port))
    tls = negotiate(address, relay, None, "") if relay.wants_tls else None
    with RelayReader.connected(*address, tls) as reader:
        yield reader


@contextmanager
def _through(
    kube: Kube, forward: Forward, namespace: str, found: tuple[str, int, bool], relay: RelayOptions
) -> Iterator[RelayReader]:
    pod, port, speaks_tls = found
    with forward(namespace, pod, port) as address:
        wants_tls = relay.wants_tls or (relay.tls == "auto" and speaks_tls)
        tls = negotiate(address, relay, kube, namespace) if wants_tls else None
        with RelayReader.connected(*address, tls) as reader:
            yield reader


def _find_relay(kube: Kube, namespace: str) -> tuple[str, int, bool] | str:
    """Pod and port of the relay and whether it speaks TLS, or a sentence that says why there is none to use."""
    service = kube.get(SERVICE, RELAY, namespace)
    if service is None:
        return f"There is no Service {namespace}/{RELAY}: Hubble relay is not installed."
    spec = service.get("spec") or {}
    ports = spec.get("ports") or [{}]
    selector = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    pods = [pod for pod in kube.list(POD, namespace, label_selector=selector) if is_ready_pod(pod)] if selector else []
    if not pods:
        return f"Hubble relay in {namespace} has no ready pod."
    pod = min(pods, key=lambda candidate: str(candidate["metadata"]["name"]))
    port = _container_port(pod, ports[0].get("targetPort", RELAY_PORT))
    # As the chart has it: with TLS the Service has port 443, without it 80.
    return pod["metadata"]["name"], port, ports[0].get("port") == _TLS_PORT


def _container_port(pod: Json, target: int | str) -> int:
    """The number behind a Service's targetPort, which may be the name of a container's port."""
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers", ()):
        for port in container.get("ports", ()):
            if port.get("name") == target:
                return int(port["containerPort"])
    return int(target) if target.isdigit() else RELAY_PORT


def _require_hubble(kube: Kube, namespace: str, why: str) -> None:
    config = kube.get(CONFIG_MAP, "cilium-config", namespace)
    if config is None:
        raise NotFound(
            f"There is no ConfigMap {namespace}/cilium-config: Cilium is not installed there.",
            code="CiliumNotFound",
            target=f"{namespace}/cilium-config",
            remedy="Name Cilium's namespace with cilium_namespace, or install Cilium.",
        )
    if (config.get("data") or {}).get("enable-hubble") != "true":
        raise Unsupported(
            f"{why or 'The agents cannot be asked.'} Hubble itself is switched off (enable-hubble is not true).",
            code="HubbleDisabled",
            remedy=_REMEDY,
        )
