# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for hosts of the internet: web servers which answer as the real ones do, known to a cluster's DNS."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

from local_aks.site import START, site_config, with_hosts, without_hosts

from .processes import LabError, capture
from .recipes import DEMO_IMAGE

SITE_LABEL = "aks-cilium-lab.cluster"
READY_PATH = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
ROLLOUT_TIMEOUT_S = 180
SITES = ("google.com", "github.com")


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
        command = ["docker", "run", "--detach", "--network", "kind", "--name", name]
        command += ["--label", f"{SITE_LABEL}={self.cluster}", "--env", f"SITE_CONFIG={site_config(host)}"]
        capture([*command, DEMO_IMAGE, "sh", "-c", START])

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
        try:
            edited = edit(data["Corefile"])
        except ValueError as error:
            raise LabError(str(error)) from error
        if edited == data["Corefile"]:
            return
        patch = json.dumps({"data": {"Corefile": edited}})
        self.kubectl(*dns, "patch", "configmap", "coredns", "--type", "merge", "--patch", patch)
        self.kubectl(*dns, "rollout", "restart", "deployment", "coredns")
        if "True" in self.kubectl("get", "nodes", "--output", READY_PATH):
            self.kubectl(*dns, "rollout", "status", "deployment", "coredns", f"--timeout={ROLLOUT_TIMEOUT_S}s")
