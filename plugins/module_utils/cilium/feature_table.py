# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The table of what works on a cluster and what does not, with a reason for each that does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._types import Json
from .agent_health import deaf_proxies
from .detect import Installation
from .snapshot import Snapshot

ACNS = "AKS offers it with Advanced Container Networking Services (ACNS)"
NOT_ON_AKS = "AKS does not offer it with Azure CNI powered by Cilium"


@dataclass(frozen=True)
class Row:
    """One feature. detail: how it works, or why not."""

    feature: str
    works: bool
    detail: str


@dataclass(frozen=True)
class Switch:
    """A feature that keys of cilium-config switch on; any of them suffices. value: the Helm value behind it."""

    feature: str
    keys: tuple[str, ...]
    value: str
    on_aks: str = NOT_ON_AKS


# Sources of the keys: templates/cilium-configmap.yaml of the charts 1.14 to 1.20.
_SWITCHES = (
    Switch("Host policies (host firewall)", ("enable-host-firewall",), "hostFirewall.enabled"),
    Switch("Ingress, Gateway API", ("enable-ingress-controller", "enable-gateway-api"), "gatewayAPI.enabled"),
    Switch("Egress gateway", ("enable-egress-gateway", "enable-ipv4-egress-gateway"), "egressGateway.enabled"),
    Switch("BGP", ("enable-bgp-control-plane",), "bgpControlPlane.enabled"),
    Switch("L2 announcements", ("enable-l2-announcements",), "l2announcements.enabled"),
    Switch("Bandwidth manager", ("enable-bandwidth-manager",), "bandwidthManager.enabled"),
)


def feature_table(snapshot: Snapshot, install: Installation, features: Json) -> list[Json]:
    """The rows as data, in a fixed order. features: as features.features() tells them."""
    if install.manager == "none" or snapshot.workloads.get("cilium") is None:
        return []
    rows = [*_policies(snapshot, install, features), *_network(snapshot, install, features)]
    return [{"feature": row.feature, "works": row.works, "detail": row.detail} for row in rows]


def _why_not(install: Installation, value: str, on_aks: str) -> str:
    return on_aks if install.manager == "aks" else f"off: Helm value {value}"


def _policies(snapshot: Snapshot, install: Installation, features: Json) -> Iterator[Row]:
    config = snapshot.config
    enforced, why = features["network_policy"], "no agent is ready"
    if config.get("policy-audit-mode") == "true":
        enforced, why = False, "policyAuditMode is on: nothing is denied"
    elif config.get("enable-policy") == "never":
        enforced, why = False, "policyEnforcementMode is never"
    mode = {"always": "without a policy nothing is allowed"}.get(config.get("enable-policy", ""), "")
    yield Row("NetworkPolicy, CiliumNetworkPolicy (L3/L4)", enforced, mode if enforced else why)
    clusterwide = config.get("enable-cilium-clusterwide-network-policy") != "false"
    yield Row(
        "Clusterwide policies",
        enforced and clusterwide,
        "" if enforced and clusterwide else why if not enforced else "off: enable-cilium-clusterwide-network-policy",
    )
    field = install.default_deny_field
    known = f"this is {install.version}" if install.version else "the version is not known"
    yield Row("Default deny switch (enableDefaultDeny)", field, "" if field else f"needs Cilium 1.16, {known}")
    fqdn = enforced and features["fqdn_policy"]
    yield Row("Policies by name (DNS, FQDN)", fqdn, "" if fqdn else features["fqdn_policy_reason"] or why)
    yield _http(snapshot, features, fqdn, features["fqdn_policy_reason"] or why)


def _http(snapshot: Snapshot, features: Json, possible: bool, why: str) -> Row:
    """HTTP rules. Whether an agent's image carries an Envoy shows only where a policy has such rules."""
    name = "HTTP policies (L7)"
    deaf = [proxy for proxy in deaf_proxies(snapshot) if "http" in proxy]
    if deaf:
        return Row(name, False, f"Envoy does not answer ({', '.join(deaf)})")
    where = {"daemonset": "Envoy in its own DaemonSet", "embedded": "Envoy in the agents"}.get(features["l7_proxy"])
    return Row(name, True, where) if possible and where else Row(name, False, why)


def _network(snapshot: Snapshot, install: Installation, features: Json) -> Iterator[Row]:
    encrypted = features["encryption"] not in ("", "disabled")
    why = _why_not(install, "encryption.enabled", f"{ACNS} (WireGuard)")
    yield Row("Encryption between nodes", encrypted, features["encryption"] if encrypted else why)
    replaced = features["kube_proxy_replacement"]
    why = _why_not(install, "kubeProxyReplacement", "kube-proxy does the work")
    yield Row("Services without kube-proxy", replaced, "" if replaced else why)
    hubble = features["hubble"]
    yield Row("Hubble (flows)", hubble, "" if hubble else _why_not(install, "hubble.enabled", ACNS))
    relay = hubble and features["hubble_relay"]
    why = "the Deployment hubble-relay is scaled to 0"
    if snapshot.workloads.get("relay") is None:
        why = _why_not(install, "hubble.relay.enabled", ACNS)
    yield Row("Hubble relay (flows of all nodes)", relay, "" if relay else why)
    ui = snapshot.workloads.get("ui") is not None
    yield Row("Hubble UI", ui, "" if ui else _why_not(install, "hubble.ui.enabled", ACNS))
    for switch in _SWITCHES:
        on = any(snapshot.config.get(key) == "true" for key in switch.keys)
        yield Row(switch.feature, on, "" if on else _why_not(install, switch.value, switch.on_aks))
    mesh = snapshot.workloads.get("clustermesh") is not None
    yield Row("Cluster mesh", mesh, "" if mesh else _why_not(install, "clustermesh.useAPIServer", NOT_ON_AKS))


def table_text(rows: Sequence[Json]) -> str:
    """The rows as aligned lines: feature, yes or no, detail."""
    width = max((len(row["feature"]) for row in rows), default=0)
    lines = [f"{row['feature']:<{width}}  {'yes' if row['works'] else 'no ':<3}  {row['detail']}" for row in rows]
    return "\n".join(line.rstrip() for line in lines)
