# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Filter options, in the order of the documentation: name, description (a text or a list of paragraphs), type.
# Options for either end exist three times, so their texts are made here.
_ENDS = {
    "namespace": "Namespaces",
    "service": "Services, written as O(pod). A flow carries a Service only where its address is used",
    "workload": "Owners of pods, as C(name), C(Kind/name) or C(Kind/)",
    "label": "Label selectors, such as C(app=web), V(k8s:app in (web, api\\)) or C(reserved:world)",
    "ip": "Addresses or CIDR ranges",
    "fqdn": "DNS names; C(*) stands for any text. Names are known where Cilium's DNS proxy saw them",
    "port": "Ports. The destination port is the one of the pod, after a Service is translated",
    "identity": "Security identities, as numbers or reserved names such as V(world) or V(host)",
    "cluster": "Names of clusters, as Cilium's configuration has them",
}
_LISTS = {
    "verdict": "V(FORWARDED), V(DROPPED), V(AUDIT), V(REDIRECTED), V(ERROR), V(TRACED) or V(TRANSLATED).",
    "drop_reason": "Reasons of drops, such as V(POLICY_DENIED).",
    "type": "Types of events, as C(TYPE) or C(TYPE:SUBTYPE). Types are V(drop), V(capture), V(trace),"
    " V(policy-verdict), V(trace-sock) and V(l7), or a number. Subtypes of V(trace) are observation points such as"
    " C(trace:to-endpoint).",
    "protocol": "Protocols of layer 4 or 7, such as V(tcp), V(udp), V(icmp), V(dns) or V(http).",
    "traffic_direction": "V(ingress) or V(egress), as seen from the pod at which a policy is checked.",
    "tcp_flags": "Flags of TCP that are set, such as V(syn); those that must be set together are joined, as in"
    " V(syn,ack).",
    "ip_version": "V(v4), V(v6), or V(none) for what is no IP packet.",
    "snat_ip": "Addresses or CIDR ranges that the sender's address was translated to.",
    "interface": "Names of the network interfaces that saw the flow.",
    "node_name": "Nodes that saw the flow, as C(node) or C(cluster/node); C(*) stands for any text.",
    "node_label": "Label selectors for the nodes that saw the flow.",
    "dns_query": "Regular expressions on the name that a DNS query asks for.",
    "http_status": "HTTP status codes, such as V(404) or V(5+).",
    "http_method": "HTTP methods.",
    "http_path": "Regular expressions on HTTP paths.",
    "http_url": "Regular expressions on HTTP URLs.",
    "http_header": "HTTP headers, as C(name:value).",
    "uuid": "Identifiers of single flows.",
    "trace_id": "Identifiers of traces, as the headers of requests carry them.",
    "ip_trace_id": "Trace numbers in IP options.",
    "cel_expression": "Expressions of the Common Expression Language on C(_flow), evaluated by Hubble. One must hold.",
}
_SWITCHES = {
    "reply": "Only packets of the answering direction, or with V(false) only the others. Drops, whose direction is"
    " unknown, count as others.",
    "encrypted": "Only packets that Cilium encrypted, or with V(false) only the others.",
}


def _descriptions() -> dict[str, tuple[list[str], str]]:
    """Description and type (list or bool) by option."""
    pods = [
        "Pods at either end, as C(namespace/prefix). All pods whose name starts with the prefix match.",
        "C(namespace/) is every pod of a namespace, C(/prefix) a prefix in any namespace. A name without a slash means"
        " the namespace C(default), or those of O(namespace) when set.",
    ]
    found = {
        "pod": (pods, "list"),
        "from_pod": (["As O(pod), for the end that sent the packet."], "list"),
        "to_pod": (["As O(pod), for the end that the packet was sent to."], "list"),
    }
    for name, text in _ENDS.items():
        found[name] = ([f"At either end, {text[0].lower() if text[:3] != 'DNS' else text[0]}{text[1:]}."], "list")
        found[f"from_{name}"] = ([f"As O({name}), for the sending end."], "list")
        found[f"to_{name}"] = ([f"As O({name}), for the receiving end."], "list")
    found["all_namespaces"] = (["Pods of any namespace at either end; bare names of pods mean any namespace."], "bool")
    found["from_all_namespaces"] = (["As O(all_namespaces), for the sending end."], "bool")
    found["to_all_namespaces"] = (["As O(all_namespaces), for the receiving end."], "bool")
    found |= {name: ([text], "list") for name, text in _LISTS.items()}
    found |= {name: ([text], "bool") for name, text in _SWITCHES.items()}
    return found


def _option(name: str, description: list[str], kind: str, indent: str) -> str:
    """One option as YAML; texts are quoted, because they have colons."""
    lines = [f"{name}:", "  description:"]
    lines += [f"    - '{text.replace(chr(39), chr(39) * 2)}'" for text in description]
    lines += [f"  type: {kind}"]
    if kind == "list":
        lines.append("  elements: str")
    elif name.endswith("all_namespaces"):
        lines.append("  default: false")
    return "".join(f"{indent}{line}\n" for line in lines)


def _nested(name: str, description: str) -> str:
    """An option that has all filters as its suboptions."""
    inner = "".join(_option(one, [f"As O({one})."], kind, " " * 6) for one, (_text, kind) in _descriptions().items())
    return f"  {name}:\n    description:\n      - '{description}'\n    type: dict\n    suboptions:\n{inner}"


class ModuleDocFragment:
    """Options of module_utils/hubble/filters.py (FILTER_OPTIONS)."""

    # With their types, because ansible-test's yamllint reads only plain texts that are assigned without one.
    DOCUMENTATION: str = "options:\n" + "".join(
        _option(name, description, kind, "  ") for name, (description, kind) in _descriptions().items()
    )

    EXCLUDE: str = "options:\n" + _nested(
        "exclude",
        "Leaves out flows that match all of these filters, which are the filter options of this module with the same"
        " meaning.",
    )

    STOP_WHEN: str = "options:\n" + _nested(
        "stop_when",
        "Ends O(follow_for) early, with the first flow that matches all of these filters, which are the filter options"
        " of this module with the same meaning. The flow has to pass the filters of the module, too.",
    )
