# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hosts of the internet, as far as the scenario needs them: containers beside the nodes, known to CoreDNS."""

from __future__ import annotations

from .config import Config
from .engine import NETWORK, Engine
from .errors import BackendError
from .kubeapi import KubeApi
from .operations import Progress
from .site import START, site_config, with_hosts, without_hosts

LABEL = "aks-cilium-local.cluster"
COREFILE = "/api/v1/namespaces/kube-system/configmaps/coredns"


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
        try:
            edited = with_hosts(corefile, addresses) if addresses else without_hosts(corefile)
        except ValueError as error:
            raise BackendError("CorefileInvalid", str(error)) from error
        if edited != corefile:
            api.merge(COREFILE, {"data": {"Corefile": edited}})

    def down(self) -> None:
        """Remove the sites."""
        self.engine.remove(self.engine.containers(f"{LABEL}={self.cluster}"))
