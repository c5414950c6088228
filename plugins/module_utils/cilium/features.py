# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What this cluster's Cilium can do: agents' own words where one was asked, its configuration where not."""

from __future__ import annotations

from collections.abc import Mapping

from .._types import Json
from .detect import Installation
from .snapshot import Snapshot


def features(snapshot: Snapshot, install: Installation) -> Json:
    """The feature table. fqdn_policy_reason says why FQDN rules are not possible; empty when they are."""
    said = next((probe.document for probe in snapshot.probes if probe.document), {})
    config = snapshot.config
    routing = said.get("routing") or {}
    reason = _why_no_fqdn(snapshot, install)
    return {
        "network_policy": bool(((snapshot.workloads.get("cilium") or {}).get("status") or {}).get("numberReady")),
        "fqdn_policy": not reason,
        "fqdn_policy_reason": reason,
        "l7_proxy": _l7_proxy(snapshot),
        "hubble": config.get("enable-hubble") == "true",
        "hubble_relay": _is_deployed(snapshot.workloads.get("relay")),
        "kube_proxy_replacement": _is_on((said.get("kube-proxy-replacement") or {}).get("mode"))
        or _is_on(config.get("kube-proxy-replacement")),
        "routing_mode": str(routing.get("inter-host-routing-mode") or config.get("routing-mode") or "").lower(),
        "tunnel_protocol": str(routing.get("tunnel-protocol") or config.get("tunnel-protocol") or ""),
        "ipam": config.get("ipam", ""),
        "encryption": str((said.get("encryption") or {}).get("mode") or _configured_encryption(config)).lower(),
    }


def _why_no_fqdn(snapshot: Snapshot, install: Installation) -> str:
    if "cilium" in snapshot.refused:
        return "It is not known: the agents' DaemonSet may not be read."
    if install.manager == "none" or snapshot.workloads.get("cilium") is None:
        return "Cilium is not installed."
    if install.fqdn_policies:
        return ""
    if install.manager == "aks":
        return "Azure CNI powered by Cilium accepts DNS and FQDN rules only with ACNS security."
    return "The DNS proxy is switched off (enable-l7-proxy of cilium-config), or an admission policy forbids its rules."


def _is_on(value: object) -> bool:
    # strict and partial are the words of Cilium up to 1.15.
    return str(value).lower() in ("true", "strict", "partial")


def _is_deployed(deployment: Json | None) -> bool:
    return deployment is not None and (deployment.get("spec") or {}).get("replicas") != 0


def _configured_encryption(config: Mapping[str, str]) -> str:
    if config.get("enable-wireguard") == "true":
        return "wireguard"
    return "ipsec" if config.get("enable-ipsec") == "true" else "disabled"


def _l7_proxy(snapshot: Snapshot) -> str:
    """Where Envoy runs. Whether an agent's image really carries an Envoy cannot be seen from outside."""
    if snapshot.workloads.get("cilium") is None or snapshot.config.get("enable-l7-proxy") == "false":
        return "off"
    return "daemonset" if snapshot.workloads.get("envoy") is not None else "embedded"
