# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What an uninstalled Cilium leaves behind: CRDs with their objects, taints, and its state on the nodes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from .._errors import CollectionError, Conflict, NotFound, TimedOut
from .._text import counted
from .._types import Clock, Json, Progress
from .._wait import Look, wait_until
from ..kube.interface import Kube
from ..kube.kinds import CRD, DAEMON_SET, LEASE, NODE, POD, Kind
from ..kube.ready import workload_of
from .detect import AGENT_CONTAINER, AGENT_PODS

GROUP = "cilium.io"
PLURALS = "cilium"
"""What the names of Cilium's kinds begin with; Tetragon keeps kinds of its own in the same group."""
CLEANER = "cilium-node-cleanup"
"""Name of the short-lived DaemonSet that cleans the nodes; also its label k8s-app."""
TAINT = "node.cilium.io/agent-not-ready"
LOOK_EVERY_S = 2.0
MOST_NAMES = 20
TAINT_TRIES = 5
NODE_IS_DOWN = "the node is down, or gone"
_LEASE = "cilium-operator-resource-lock"
# What Cilium makes for itself; everything else of its API was written by people, and deleting the CRD deletes it.
_OWN_KINDS = frozenset(
    {
        *("CiliumEndpoint", "CiliumEndpointSlice", "CiliumIdentity", "CiliumNode", "CiliumBGPNodeConfig"),
        *("CiliumExternalWorkload", "CiliumDatapathPlugin"),
    }
)
# Host paths of the agent's volumes -> where `cilium-dbg post-uninstall-cleanup` looks for them.
_MOUNTS = {
    "bpf-maps": "/sys/fs/bpf",
    "cilium-run": "/var/run/cilium",
    "cilium-netns": "/var/run/netns",
    "etc-cni-netd": "/etc/cni/net.d",
    "cni-path": "/opt/cni/bin",
    "lib-modules": "/lib/modules",
    "xtables-lock": "/run/xtables.lock",
    "hostproc": "/hostproc",
}
# Tetragon's folder in Cilium's is put aside while that is removed; its pods keep it mounted when it moves. Links go by
# the names that the agent gives, and not by lxc alone (LXC has lxcbr0). Rules are deleted one by one: a restore of a
# saved table would lose what kube-proxy changes meanwhile. The last part looks at what is left; a line of output is a
# leftover, and then the pod never gets ready.
SCRIPT = r"""
links() {
  ip -o link | sed -n 's/^[0-9]*: \(cilium_[a-z0-9_]*\|lxc_health\|lxc[0-9a-f]\{10,12\}\)[@:].*/\1/p'
}
on_node() {
  nsenter --mount=/hostproc/1/ns/mnt sh -c "$1" 2>/dev/null
}
on_node '
  cd /run || exit
  [ -d cilium/tetragon ] && [ ! -e cilium-tetragon ] && mv cilium/tetragon cilium-tetragon
'
cilium-dbg post-uninstall-cleanup --all-state --force 2>&1 || cilium post-uninstall-cleanup --all-state --force 2>&1
rm -rf /etc/cni/net.d/05-cilium* /opt/cni/bin/cilium-cni /sys/fs/bpf/cilium /sys/fs/bpf/tc/globals/cilium_*
for backup in /etc/cni/net.d/*.cilium_bak; do
  [ -e "$backup" ] && mv "$backup" "${backup%.cilium_bak}"
done
for link in $(links); do
  ip link delete "$link" 2>/dev/null
done
for family in -4 -6; do
  for table in 2004 2005; do
    while ip $family rule delete table $table 2>/dev/null; do :; done
    ip $family route flush table $table 2>/dev/null
  done
  # Cilium moves the kernel's first rule from 0 to 100, to have room in front of it.
  if ip $family rule | grep -q '^100:.*lookup local' && ! ip $family rule | grep -q '^0:'; then
    ip $family rule add pref 0 lookup local && ip $family rule delete pref 100 lookup local
  fi
done
for tool in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
  command -v $tool >/dev/null || continue
  # To ask for a legacy table is to create it.
  case $tool in
    iptables-legacy) tables=$(cat /proc/net/ip_tables_names 2>/dev/null) ;;
    ip6tables-legacy) tables=$(cat /proc/net/ip6_tables_names 2>/dev/null) ;;
    *) tables="raw mangle nat filter" ;;
  esac
  for table in $tables; do
    rules=$($tool -w 10 -t $table -S 2>/dev/null | grep CILIUM_) || continue
    echo "$rules" | sed -n 's/^-A /-D /p' | while read -r rule; do
      eval "$tool -w 10 -t $table $rule" 2>/dev/null
    done
    for step in -F -X; do
      echo "$rules" | sed -n 's/^-N //p' | while read -r chain; do
        $tool -w 10 -t $table $step "$chain" 2>/dev/null
      done
    done
  done
done
on_node '
  cd /run || exit
  umount cilium/cgroupv2
  rm -rf cilium
  [ -d cilium-tetragon ] && mkdir -p cilium && mv cilium-tetragon cilium/tetragon
'
left=$(
  ls -d /etc/cni/net.d/*cilium* /opt/cni/bin/cilium-cni /sys/fs/bpf/cilium /sys/fs/bpf/tc/globals/cilium_* 2>/dev/null
  links
  iptables-save 2>/dev/null | grep -oE '^:CILIUM_[A-Za-z_]+'
)
if [ -n "$left" ]; then echo "left: " $left; else touch /clean; echo clean; fi
trap 'exit 0' TERM
while :; do sleep 1; done
"""


@dataclass
class Leftovers:
    """What an uninstallation takes away, or would take. objects: kind -> names of objects that people wrote."""

    crds: list[str] = field(default_factory=list)
    objects: dict[str, list[str]] = field(default_factory=dict)
    tainted: list[str] = field(default_factory=list)

    def summary(self) -> Json:
        """The facts that the module returns and the diff shows."""
        return {"crds": self.crds, "objects": self.objects, "tainted_nodes": self.tainted}


def find_leftovers(kube: Kube, *, crds: bool) -> Leftovers:
    """CRDs of Cilium (unless not asked for), the objects of theirs that people wrote, and nodes with its taint."""
    found = Leftovers()
    for definition in _definitions(kube) if crds else []:
        found.crds.append(definition["metadata"]["name"])
        kind = _kind_of(definition)
        if kind.kind in _OWN_KINDS:
            continue
        names = [_label(item) for item in _listed(kube, kind)]
        if names:
            found.objects[kind.kind] = names[:MOST_NAMES] + (["..."] if len(names) > MOST_NAMES else [])
    for node in kube.list(NODE):
        if any(_is_ours(taint) for taint in _taints(node)):
            found.tainted.append(node["metadata"]["name"])
    return found


def agents_anywhere(kube: Kube) -> list[str]:
    """DaemonSets of agents in any namespace, as namespace/name: while there is one, the CRDs are in use."""
    return [_label(item) for item in kube.list(DAEMON_SET, label_selector=AGENT_PODS)]


def remove_taints(kube: Kube, nodes: Sequence[str]) -> None:
    """Take Cilium's taint off nodes, so that pods may start there again."""
    for name in nodes:
        for left in reversed(range(TAINT_TRIES)):
            try:
                _remove_taint(kube, name)
                break
            except Conflict:
                # The kubelet and the node controller write nodes often, most of all when the network goes.
                if not left:
                    raise


def _remove_taint(kube: Kube, name: str) -> None:
    node = kube.get(NODE, name)
    if node is None:
        return
    kept = [taint for taint in _taints(node) if not _is_ours(taint)]
    # With the version as condition no taint that somebody sets meanwhile is lost.
    version = {"resourceVersion": node["metadata"].get("resourceVersion")}
    kube.patch(NODE, name, {"metadata": version, "spec": {"taints": kept or None}})


def remove_crds(kube: Kube, names: Sequence[str], timeout_s: float, clock: Clock, progress: Progress) -> None:
    """Delete CRDs with all of their objects, and wait. Nobody is left to work off finalizers, so they are taken off."""
    for definition in _definitions(kube):
        if definition["metadata"]["name"] in names:
            _drop_finalizers(kube, _kind_of(definition))
            kube.delete(CRD, definition["metadata"]["name"])

    def look() -> Look[None]:
        left = [item for item in _definitions(kube) if item["metadata"]["name"] in names]
        for definition in left:
            # An object may have been written after the first look.
            _drop_finalizers(kube, _kind_of(definition))
        return Look(not left, f"{len(left)} of {counted(len(names), 'CRD')} left", None)

    wait_until(look, what="CRDs", timeout_s=timeout_s, interval_s=LOOK_EVERY_S, clock=clock, progress=progress)


def remove_lease(kube: Kube, namespace: str) -> None:
    """Delete the lock of the operator, which it leaves where it ran."""
    kube.delete(LEASE, _LEASE, namespace)


def _definitions(kube: Kube) -> list[Json]:
    return [item for item in kube.list(CRD) if _is_of_cilium(item.get("spec") or {})]


def _is_of_cilium(spec: Json) -> bool:
    return spec.get("group") == GROUP and str(spec["names"]["plural"]).startswith(PLURALS)


def _kind_of(definition: Json) -> Kind:
    spec = definition["spec"]
    versions = [str(version["name"]) for version in spec.get("versions") or [] if version.get("served", True)]
    names = spec["names"]
    return Kind(GROUP, (versions or ["v2"])[0], names["plural"], names["kind"], spec.get("scope") == "Namespaced")


def _listed(kube: Kube, kind: Kind) -> list[Json]:
    try:
        return list(kube.list(kind))
    except NotFound:
        # The CRD is on its way out, and no longer served.
        return []


def _drop_finalizers(kube: Kube, kind: Kind) -> None:
    for item in _listed(kube, kind):
        if not item["metadata"].get("finalizers"):
            continue
        try:
            kube.patch(
                kind, item["metadata"]["name"], {"metadata": {"finalizers": None}}, item["metadata"].get("namespace")
            )
        except NotFound:
            continue


def _label(item: Json) -> str:
    namespace = item["metadata"].get("namespace")
    return f"{namespace}/{item['metadata']['name']}" if namespace else str(item["metadata"]["name"])


def _taints(node: Json) -> list[Json]:
    taints: list[Json] = (node.get("spec") or {}).get("taints") or []
    return taints


def _is_ours(taint: Json) -> bool:
    return taint.get("key") == TAINT


def cleaner_of(agents: Json) -> Json:
    """The DaemonSet that cleans the nodes, made from that of the agents: same image, nodes, paths and rights.

    Its pods cannot be scheduled beside an agent, so it may be created before the agents go: each node is cleaned as
    soon as its agent is gone, and a run that is stopped in between leaves all that the next one needs.
    """
    spec = agents["spec"]["template"]["spec"]
    agent = next((c for c in spec["containers"] if c.get("name") == AGENT_CONTAINER), spec["containers"][0])
    volumes = [volume for volume in spec.get("volumes") or [] if volume["name"] in _MOUNTS and "hostPath" in volume]
    labels = {"k8s-app": CLEANER}
    beside = {"labelSelector": {"matchLabels": {"k8s-app": "cilium"}}, "topologyKey": "kubernetes.io/hostname"}
    node_affinity = (spec.get("affinity") or {}).get("nodeAffinity")
    container = {
        "name": "cleanup",
        "image": agent["image"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", SCRIPT],
        "securityContext": _rights(spec, agent),
        "readinessProbe": {"exec": {"command": ["cat", "/clean"]}, "periodSeconds": 1},
        "volumeMounts": [{"name": volume["name"], "mountPath": _MOUNTS[volume["name"]]} for volume in volumes],
    }
    pod = {
        "hostNetwork": True,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "priorityClassName": spec.get("priorityClassName", ""),
        "tolerations": [{"operator": "Exists"}],
        "nodeSelector": spec.get("nodeSelector") or {},
        "imagePullSecrets": spec.get("imagePullSecrets") or [],
        "securityContext": spec.get("securityContext") or {},
        "affinity": {
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [beside]},
            **({"nodeAffinity": node_affinity} if node_affinity else {}),
        },
        "containers": [container],
        "volumes": volumes,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": CLEANER, "namespace": agents["metadata"]["namespace"], "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            # All nodes at once would pull nothing and harm nothing: there is no network to lose any more.
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _rights(spec: Json, agent: Json) -> Json:
    """The agent's rights, and those of its init containers that enter the node's namespaces; never more."""
    context: Json = dict(agent.get("securityContext") or {})
    if context.get("privileged"):
        return context
    added: list[str] = []
    for container in [agent, *(spec.get("initContainers") or [])]:
        capabilities = (container.get("securityContext") or {}).get("capabilities") or {}
        added += [name for name in capabilities.get("add") or [] if name not in added]
    context["capabilities"] = {"add": sorted(added), "drop": ["ALL"]}
    return context


def start_cleaner(kube: Kube, agents: Json) -> None:
    """Create it; one that an interrupted run left is as good."""
    if kube.get(DAEMON_SET, CLEANER, agents["metadata"]["namespace"]) is None:
        kube.create(DAEMON_SET, cleaner_of(agents))


def stop_cleaner(kube: Kube, namespace: str) -> bool:
    """Delete it with its pods; whether there was one."""
    return kube.delete(DAEMON_SET, CLEANER, namespace)


def wait_cleaned(
    kube: Kube, namespace: str, timeout_s: float, clock: Clock, progress: Progress, down: Collection[str] = ()
) -> dict[str, str]:
    """Wait until the nodes are clean, delete the DaemonSet, and return the nodes that are not: node -> what is left.

    Never raises TimedOut: a node that does not answer must not keep the rest from being removed; those of `down` are
    known not to, and not waited for.
    """
    unreachable = dict.fromkeys(down, NODE_IS_DOWN)
    if kube.get(DAEMON_SET, CLEANER, namespace) is None:
        return unreachable

    def look() -> Look[dict[str, str]]:
        document = kube.get(DAEMON_SET, CLEANER, namespace)
        if document is None:
            return Look(True, "stopped", {})
        workload = workload_of(document)
        dirty = _dirty(kube, namespace) if workload.ready < workload.wanted else {}
        told = sum(1 for node, what in dirty.items() if what.startswith("left:") or node in down)
        done = workload.observed and workload.ready + told >= workload.wanted
        return Look(done, f"{workload.ready} of {counted(workload.wanted, 'node')} clean", dirty)

    try:
        dirty = wait_until(
            look, what="nodes", timeout_s=timeout_s, interval_s=LOOK_EVERY_S, clock=clock, progress=progress
        )
    except TimedOut:
        dirty = _dirty(kube, namespace)
    stop_cleaner(kube, namespace)
    return {**dirty, **unreachable}


def _dirty(kube: Kube, namespace: str) -> dict[str, str]:
    found = {}
    for pod in kube.list(POD, namespace, label_selector=f"k8s-app={CLEANER}"):
        status = pod.get("status") or {}
        if any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or []):
            continue
        node = _node_of(pod.get("spec") or {}) or "a node without room for the cleanup"
        found[node] = "the cleanup did not end"
        if status.get("phase") != "Running":
            continue
        try:
            last = kube.logs(namespace, pod["metadata"]["name"], tail=1).strip()
        except CollectionError as error:
            last = error.message
        found[node] = last if last.startswith("left:") else found[node]
    return found


def _node_of(spec: Json) -> str:
    """The node that a pod of a DaemonSet runs on, or is meant for: the controller pins it there by its name."""
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or []
    fields = [field for term in terms for field in term.get("matchFields") or []]
    return next((str(field["values"][0]) for field in fields if field.get("key") == "metadata.name"), "")
