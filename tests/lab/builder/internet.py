# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for hosts of the internet: web servers which answer as the real ones do, known to a cluster's DNS."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping

from .processes import LabError, capture
from .recipes import DEMO_IMAGE

SITE_LABEL = "aks-cilium-lab.cluster"
HOSTS_BEGIN = "    # lab internet: begin"
HOSTS_END = "    # lab internet: end"
READY_PATH = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
ROLLOUT_TIMEOUT_S = 180
# What the name itself redirects to over plain HTTP; `www.` answers where the redirection leads to it.
REDIRECTIONS = {"google.com": "http://www.google.com", "github.com": "https://github.com"}
SITES = tuple(REDIRECTIONS)
NGINX = """\
user root;
worker_processes 1;
pid /run/nginx.pid;
error_log /dev/stderr notice;
events {{ worker_connections 256; }}
http {{
    access_log /dev/stdout;
    default_type text/plain;
    server {{
        listen 80 default_server;
        location / {{ return 200 "This is {host} in the lab.\\n"; }}
    }}
    server {{
        listen 80;
        server_name {host};
        location / {{ return 301 {target}$request_uri; }}
    }}
}}
"""


def nginx_configuration(host: str) -> str:
    """Configuration of the web server which stands for a host and its www. name."""
    return NGINX.format(host=host, target=REDIRECTIONS[host])


def without_hosts(corefile: str) -> str:
    """Corefile without the lab's hosts block."""
    block = re.compile(rf"^{re.escape(HOSTS_BEGIN)}\n.*?^{re.escape(HOSTS_END)}\n", re.MULTILINE | re.DOTALL)
    return block.sub("", corefile)


def with_hosts(corefile: str, addresses: Mapping[str, str]) -> str:
    """Corefile whose first server answers for these names (and their www. names) with these addresses."""
    entries = [f"      {address} {name} www.{name}" for name, address in sorted(addresses.items())]
    block = "\n".join([HOSTS_BEGIN, "    hosts {", *entries, "      fallthrough", "    }", HOSTS_END, ""])
    plain = without_hosts(corefile)
    anchor = re.search(r"^ *kubernetes ", plain, re.MULTILINE)
    if anchor is None:
        raise LabError("the Corefile has no kubernetes plugin")
    return plain[: anchor.start()] + block + plain[anchor.start() :]


class Internet:
    """The sites of one cluster."""

    def __init__(self, cluster: str, kubectl: Callable[..., str]) -> None:
        self.cluster = cluster
        self.kubectl = kubectl

    def container(self, host: str) -> str:
        """Name of the container which stands for a host."""
        return f"{self.cluster}-internet-{host}"

    def up(self) -> dict[str, str]:
        """Start the sites and have the cluster's DNS answer with their addresses, which are returned."""
        for host in SITES:
            self.start(host)
        address = "{{.NetworkSettings.Networks.kind.IPAddress}}"
        addresses = {
            host: capture(["docker", "inspect", "--format", address, self.container(host)]).strip() for host in SITES
        }
        self.edit_corefile(lambda corefile: with_hosts(corefile, addresses))
        return addresses

    def start(self, host: str) -> None:
        """Have the container of a site run."""
        name = self.container(host)
        with contextlib.suppress(LabError):
            if capture(["docker", "inspect", "--format", "{{.State.Running}}", name]).strip() != "true":
                capture(["docker", "start", name])
            return
        # Not in a variable named NGINX: the program takes that for sockets which it inherits.
        serve = 'printf "%s" "$SITE" > /etc/nginx/lab.conf && exec nginx -c /etc/nginx/lab.conf -g "daemon off;"'
        command = ["docker", "run", "--detach", "--network", "kind", "--name", name]
        command += ["--label", f"{SITE_LABEL}={self.cluster}", "--env", f"SITE={nginx_configuration(host)}"]
        capture([*command, DEMO_IMAGE, "sh", "-c", serve])

    def down(self) -> None:
        """Remove the sites and their DNS entries."""
        self.edit_corefile(without_hosts)
        self.remove()

    def remove(self) -> None:
        """Remove the containers of the sites."""
        label = f"label={SITE_LABEL}={self.cluster}"
        for container in capture(["docker", "ps", "--all", "--quiet", "--filter", label]).split():
            capture(["docker", "rm", "--force", "--volumes", container])

    def edit_corefile(self, edit: Callable[[str], str]) -> None:
        """Change CoreDNS's configuration; restart it when something changed."""
        dns = ("--namespace", "kube-system")
        data: dict[str, str] = json.loads(self.kubectl(*dns, "get", "configmap", "coredns", "--output", "json"))["data"]
        edited = edit(data["Corefile"])
        if edited == data["Corefile"]:
            return
        patch = json.dumps({"data": {"Corefile": edited}})
        self.kubectl(*dns, "patch", "configmap", "coredns", "--type", "merge", "--patch", patch)
        self.kubectl(*dns, "rollout", "restart", "deployment", "coredns")
        if "True" in self.kubectl("get", "nodes", "--output", READY_PATH):
            self.kubectl(*dns, "rollout", "status", "deployment", "coredns", f"--timeout={ROLLOUT_TIMEOUT_S}s")
