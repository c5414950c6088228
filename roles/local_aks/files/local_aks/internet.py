# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hosts of the internet, as far as the scenario needs them: containers beside the nodes, known to CoreDNS."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .config import Config
from .engine import NETWORK, Engine
from .errors import BackendError
from .kubeapi import KubeApi
from .operations import Progress

LABEL = "aks-cilium-local.cluster"
BEGIN = "    # local internet: begin"
END = "    # local internet: end"
COREFILE = "/api/v1/namespaces/kube-system/configmaps/coredns"
START = 'printf "%s" "$SITE_CONFIG" > /tmp/site.conf && exec nginx -c /tmp/site.conf -g "daemon off;"'


def site_config(host: str) -> str:
    """Configuration of nginx for a host that redirects its bare name as the real one does.

    google.com leads to its www. name over HTTP, others to HTTPS.
    """
    target = "http://www.google.com/" if host == "google.com" else f"https://{host}/"
    page = f"This is {host} in the lab."
    answer = "return 200" if host == "google.com" else f"return 301 {target}; #"
    return (
        "pid /tmp/site.pid; error_log stderr;\n"
        "events { worker_connections 128; }\n"
        "http {\n"
        "  access_log off; default_type text/plain; server_tokens off;\n"
        f"  server {{ listen 80 default_server; server_name {host}; location / {{ return 301 {target}; }} }}\n"
        f"  server {{ listen 80; server_name www.{host}; location / {{ {answer} '{page}\\n';\n  }} }}\n"
        "}\n"
    )


def without_hosts(corefile: str) -> str:
    """The Corefile without our hosts block."""
    block = re.compile(rf"^{re.escape(BEGIN)}\n.*?^{re.escape(END)}\n", re.MULTILINE | re.DOTALL)
    return block.sub("", corefile)


def with_hosts(corefile: str, addresses: Mapping[str, str]) -> str:
    """The Corefile whose first server answers for these names and their www. names."""
    entries = [f"      {address} {name} www.{name}" for name, address in sorted(addresses.items())]
    block = "\n".join([BEGIN, "    hosts {", *entries, "      fallthrough", "    }", END, ""])
    plain = without_hosts(corefile)
    anchor = re.search(r"^ *kubernetes ", plain, re.MULTILINE)
    if anchor is None:
        raise BackendError("CorefileInvalid", "the Corefile of CoreDNS has no kubernetes plugin")
    return plain[: anchor.start()] + block + plain[anchor.start() :]


class Internet:
    """The sites of one cluster."""

    def __init__(self, config: Config, engine: Engine, cluster: str) -> None:
        self.config = config
        self.engine = engine
        self.cluster = cluster

    def container(self, host: str) -> str:
        """Name of a site's container."""
        return f"{self.cluster}-{host}"

    def up(self, api: KubeApi, progress: Progress | None = None) -> None:
        """Start the sites and let the cluster's DNS know them.

        CoreDNS reads the change when its pod starts, or within half a minute by itself.
        """
        running = self.engine.containers(f"{LABEL}={self.cluster}")
        for host in self.config.sites:
            if self.container(host) in running:
                self.engine.start([self.container(host)])
                continue
            words = ["run", "--detach", "--network", NETWORK, "--name", self.container(host), "--hostname", host]
            words += ["--label", f"{LABEL}={self.cluster}", "--env", f"SITE_CONFIG={site_config(host)}"]
            words += ["--entrypoint", "sh", self.config.site_image, "-c", START]
            self.engine.docker(*words, timeout_s=300, progress=progress)
        addresses = {host: self.engine.address(self.container(host)) for host in self.config.sites}
        corefile = str(api.get(COREFILE)["data"]["Corefile"])
        edited = with_hosts(corefile, addresses) if addresses else without_hosts(corefile)
        if edited != corefile:
            api.merge(COREFILE, {"data": {"Corefile": edited}})

    def down(self) -> None:
        """Remove the sites."""
        self.engine.remove(self.engine.containers(f"{LABEL}={self.cluster}"))
