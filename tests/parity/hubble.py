# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares hubble_flows with `hubble observe -o compact` on a cluster, line by line, filter by filter.

    python tests/parity/hubble.py --kubeconfig FILE [--hubble PROGRAM] [--window SECONDS] [--values NUMBER] [--file]

Both are asked for the same window of time through the same port-forward to the relay; each filter has a window of its
own, which ended a few seconds before, because the rings of a busy cluster forget fast. The values of the filters come
from flows of a first window, so that there is something to find; which filters found nothing is told. With --file the
first window is recorded, and both read the recording in the place of the cluster.
Exit status 1 when a line differs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ansible" / "collections"))

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.client import _find_relay  # noqa: E402
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.filters import FILTER_OPTIONS  # noqa: E402
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observe import (  # noqa: E402
    Direct,
    observe,
    plan_of,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.times import rfc3339  # noqa: E402
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.tls import RelayOptions  # noqa: E402
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect  # noqa: E402
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.forward import forwarded  # noqa: E402

Options = dict[str, Any]
FLAGS = {"drop_reason": "drop-reason-desc"}
SWITCHES = {"reply": ("--reply", "--not-reply"), "encrypted": ("--encrypted", "--unencrypted")}
# The command has no flag for it: its raw filter is used.
RAW = {"dns_query": "dns_query"}


def arguments(options: Options) -> list[str]:
    """The command's flags for options of the module."""
    found: list[str] = []
    for name, value in options.items():
        flag = "--" + FLAGS.get(name, name).replace("_", "-")
        if name == "exclude":
            inner = arguments(value)
            # `--not` counts for the flag after it.
            found += [word for one in inner for word in (["--not", one] if one.startswith("--") else [one])]
        elif name in RAW:
            found += ["--allowlist", json.dumps({RAW[name]: value})]
        elif name in SWITCHES:
            found.append(SWITCHES[name][0 if value else 1])
        elif isinstance(value, bool):
            found.append(flag)
        elif isinstance(value, list):
            found += [word for one in value for word in (flag, str(one))]
        else:
            found += [flag, str(value)]
    return found


def values_of(flow: dict[str, Any], side: str) -> Iterator[tuple[str, str]]:
    """What filters for one end could name in a flow."""
    end = flow.get(side) or {}
    address = (flow.get("IP") or {}).get(side)
    if end.get("pod_name") and end.get("namespace"):
        yield "pod", f"{end['namespace']}/{end['pod_name'].rsplit('-', 1)[0]}"
        yield "namespace", end["namespace"]
    for owner in end.get("workloads") or ():
        yield "workload", f"{owner['kind']}/{owner['name']}"
    service = flow.get(f"{side}_service")
    if service:
        yield "service", f"{service['namespace']}/{service['name']}"
    for label in end.get("labels") or ():
        if label.startswith(("k8s:app=", "k8s:k8s-app=", "reserved:")):
            yield "label", label
    for name in flow.get(f"{side}_names") or ():
        yield "fqdn", name
    if address:
        yield "ip", address
        yield "ip", address.rsplit(".", 1)[0] + ".0/24" if "." in address else address
    yield "identity", str(end.get("identity", 0))
    if end.get("cluster_name"):
        yield "cluster", end["cluster_name"]
    for header in (flow.get("l4") or {}).values():
        port = (header or {}).get(f"{side}_port")
        if port and port < 32768:
            yield "port", str(port)


def other_values(flow: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the other filters could name."""
    yield "verdict", flow.get("verdict", "")
    yield "drop_reason", flow.get("drop_reason_desc", "")
    event = flow.get("event_type") or {}
    yield "type", {1: "drop", 4: "trace", 5: "policy-verdict", 7: "trace-sock", 129: "l7"}.get(event.get("type", 0), "")
    yield "type", "trace:to-endpoint" if (event.get("type"), event.get("sub_type", 0)) == (4, 0) else ""
    for protocol, header in (flow.get("l4") or {}).items():
        yield "protocol", protocol.lower()
        for flag in ((header or {}).get("flags")) or ():
            yield "tcp_flags", flag.lower()
        if ((header or {}).get("flags") or {}).keys() >= {"ACK", "SYN"}:
            yield "tcp_flags", "syn,ack"
    if (flow.get("l7") or {}).get("dns"):
        yield "protocol", "dns"
        yield "dns_query", flow["l7"]["dns"].get("query", "").split(".")[0]
    yield "traffic_direction", flow.get("traffic_direction", "TRAFFIC_DIRECTION_UNKNOWN").lower()
    yield "ip_version", {"IPv4": "v4", "IPv6": "v6"}.get((flow.get("IP") or {}).get("ipVersion", ""), "none")
    yield "snat_ip", (flow.get("IP") or {}).get("source_xlated", "")
    yield "interface", (flow.get("interface") or {}).get("name", "")
    yield "node_name", flow.get("node_name", "")
    yield "node_name", flow.get("node_name", "")[:-3] + "*"
    for label in flow.get("node_labels") or ():
        yield "node_label", label
    yield "uuid", flow.get("uuid", "")


def cases(flows: list[dict[str, Any]], values: int = 8) -> list[Options]:
    """Options to compare, each with so many values: both ends, one end, excluded, combined."""
    ends: dict[str, Counter[str]] = {}
    others: dict[str, Counter[str]] = {}
    for flow in flows:
        for side in ("source", "destination"):
            for name, value in values_of(flow, side):
                ends.setdefault(name, Counter())[value] += 1
        for name, value in other_values(flow):
            if value and value != "traffic_direction_unknown":
                others.setdefault(name, Counter())[value] += 1
    found: list[Options] = [{}]
    for name, counter in ends.items():
        ranked = [value for value, _count in counter.most_common() if value != "0"]
        for value in dict.fromkeys([*ranked[:2], ranked[-1]][:values]):
            found += [{f"{side}{name}": [value]} for side in ("", "from_", "to_")]
            found.append({"exclude": {name: [value]}})
        found.append({name: ranked[:3]})
    for name, counter in others.items():
        ranked = [value for value, _count in counter.most_common()]
        if name == "uuid":
            ranked = ranked[:2]
        found += [{name: [value]} for value in ranked[:values]]
        if name not in RAW:
            found.append({"exclude": {name: ranked[:1]}})
        found.append({name: ranked[:2]})
    found += [{name: value} for name in SWITCHES for value in (True, False)]
    found += [{f"{side}all_namespaces": True} for side in ("", "from_", "to_")]
    found.append({"cel_expression": ["_flow.verdict == Verdict.DROPPED"]})
    pod = ends.get("pod", Counter({"default/web": 1})).most_common(1)[0][0]
    namespace, name = pod.split("/")
    found += [
        {"namespace": [namespace], "pod": [name]},
        {"from_namespace": [namespace], "to_port": ["53"]},
        {"to_namespace": [namespace], "from_pod": [pod]},
        {"all_namespaces": True, "pod": [name]},
        {"namespace": [namespace], "verdict": ["DROPPED"], "exclude": {"port": ["53"]}},
        {"from_pod": [pod], "type": ["policy-verdict"], "exclude": {"verdict": ["DROPPED"]}},
        {"label": [f"k8s:io.kubernetes.pod.namespace in ({namespace}, kube-system)"]},
        {"label": [f"k8s:io.kubernetes.pod.namespace={namespace},!nothing"]},
        {"pod": [name]},
    ]
    return found


def theirs(program: str, source: list[str], window: tuple[str, str], options: Options) -> list[str]:
    """The command's lines."""
    command = [program, "observe", *source, "--since", window[0], "--until", window[1], "-o", "compact"]
    command += ["--use-default-field-masks=false", "--print-node-name", "--print-policy-names", *arguments(options)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def ours(origin: Direct | None, src: str, window: tuple[str, str], options: Options) -> list[str]:
    """The module's lines."""
    params = {
        **dict.fromkeys(FILTER_OPTIONS),
        "limit": 100_000,
        "request_timeout": 120,
        "since": window[0],
        "until": window[1],
        "src": src,
        "print_node_name": True,
        "print_policy_names": True,
        **options,
    }
    values = observe(plan_of(params, time.time()), origin)
    if not values["complete"]:
        print(f"   incomplete: {' '.join(values['incomplete_because'])}")
    lines: list[str] = values["lines"]
    return lines


def window_of(seconds: int) -> tuple[str, str]:
    """Since and until; what the nodes tell late is in it already."""
    ended = int(time.time()) - 4
    return rfc3339(ended - seconds, 0), rfc3339(ended, 0)


def compare(program: str, source: list[str], origin: Direct | None, src: str, *, seconds: int, values: int) -> int:
    """Print what differs; the number of filters that do."""
    window = window_of(seconds)
    request = {"limit": 100_000, "request_timeout": 120, "since": window[0], "until": window[1], "src": src}
    flows = observe(plan_of(request, time.time()), origin)["flows"]
    compared = different = empty = lines = ordered = 0
    for options in cases(flows, values):
        if src and "cel_expression" in options:
            continue
        window = window if src else window_of(seconds)
        expected, found = theirs(program, source, window, options), ours(origin, src, window, options)
        compared += 1
        lines += len(expected)
        empty += not expected
        ordered += expected == found
        if sorted(expected) != sorted(found):
            different += 1
            missing, more = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
            print(f"DIFFERENT {options}: {len(expected)} of the command, {len(found)} of the module")
            for sign, some in (("-", missing), ("+", more)):
                print("".join(f"   {sign} {line}\n" for line in list(some)[:3]), end="")
        elif not expected:
            print(f"nothing found by {options}")
    print(
        f"{len(flows)} flows in the window; {compared} filters compared, {different} different, {empty} found nothing;"
        f" {lines} lines of the command, in the same order for {ordered} filters"
    )
    return different


def main() -> int:
    """See the top of this file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--hubble", default=str(Path("~/.cache/aks-cilium-lab/bin/hubble").expanduser()))
    parser.add_argument("--window", type=int, default=20)
    parser.add_argument("--values", type=int, default=8)
    parser.add_argument("--file", action="store_true")
    given = parser.parse_args()
    if not shutil.which(given.hubble):
        print(f"there is no {given.hubble}", file=sys.stderr)
        return 2
    kube = connect({"kubeconfig": given.kubeconfig, "request_timeout": 30}, hide=lambda secret: None)
    found = _find_relay(kube, "kube-system")
    if isinstance(found, str):
        print(found, file=sys.stderr)
        return 2
    with partial(forwarded, kube)("kube-system", found[0], found[1]) as (host, port):
        address, origin = f"{host}:{port}", Direct(RelayOptions(address=f"{host}:{port}"))
        if not given.file:
            return (
                1
                if compare(given.hubble, ["--server", address], origin, "", seconds=given.window, values=given.values)
                else 0
            )
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/flows.jsonl"
            since, until = window_of(given.window)
            request = {"limit": 1, "request_timeout": 120, "since": since, "until": until, "dest": path}
            observe(plan_of(request, time.time()), origin)
            return (
                1
                if compare(given.hubble, ["--input-file", path], None, path, seconds=given.window, values=given.values)
                else 0
            )


if __name__ == "__main__":
    sys.exit(main())
