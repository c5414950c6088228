# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of the service, read from one JSON file so that a start needs no secret on a command line."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ConfigError

CONFIG_FILE = "config.json"


@dataclass(frozen=True)
class Config:
    """Settings. Programs are names or paths; with an empty cilium_chart, no cluster
    with dataplane cilium can be built; cilium_chart_repo serves charts that are plain names.
    more_subscriptions (stub only) and page_size (0: all in one page) are for tests of clients."""

    directory: Path
    address: str = "127.0.0.1"
    port: int = 8461
    backend: str = "kind"
    tenant: str = "11111111-1111-1111-1111-111111111111"
    subscription: str = "00000000-0000-0000-0000-000000000000"
    more_subscriptions: tuple[str, ...] = ()
    client_id: str = "22222222-2222-2222-2222-222222222222"
    client_secret: str = "local-aks"  # noqa: S105 - a default for a service on the loopback address
    token_lifetime_s: int = 3599
    kubernetes_version: str = "1.34.4"
    docker: str = "docker"
    kind: str = "kind"
    helm: str = "helm"
    node_image: str = "kindest/node:v1.34.4"
    cilium_chart: str = "cilium"
    cilium_chart_repo: str = "https://helm.cilium.io/"
    cilium_chart_version: str = ""
    cilium_values: dict[str, Any] = field(default_factory=dict)
    sites: tuple[str, ...] = ("google.com", "github.com")
    site_image: str = "nginx:1.26"
    fault_injection: bool = False
    page_size: int = 0
    ready_timeout_s: int = 600

    @property
    def url(self) -> str:
        """Address of the service as its clients write it."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"https://{host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The certificate authority which clients must trust."""
        return self.directory / "ca.pem"

    @property
    def pid_file(self) -> Path:
        """Process of the running service."""
        return self.directory / "local_aks.pid"

    @property
    def log_file(self) -> Path:
        """Log of the service; holds neither secrets nor tokens."""
        return self.directory / "local_aks.log"

    @property
    def clusters(self) -> Path:
        """Files of the clusters."""
        return self.directory / "clusters"


def load(directory: Path, text: str | None = None, **overrides: Any) -> Config:
    """Settings from a JSON text, else DIR/config.json (which may be missing), and the overrides that are not None."""
    path = directory / CONFIG_FILE
    try:
        if text is None:
            text = path.read_text(encoding="utf-8") if path.exists() else "{}"
        document = json.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path} must hold a JSON object")
    document.update({name: value for name, value in overrides.items() if value is not None})
    known = {item.name for item in dataclasses.fields(Config)} - {"directory"}
    if unknown := sorted(set(document) - known):
        raise ConfigError(f"{path} has unknown settings: {', '.join(unknown)}")
    for name in ("sites", "more_subscriptions"):
        if name in document:
            document[name] = tuple(document[name])
    if document.get("more_subscriptions") and document.get("backend", "kind") != "stub":
        raise ConfigError("more_subscriptions can only be pretended: set backend to stub")
    if document.get("backend", "kind") not in ("kind", "stub"):
        raise ConfigError(f"backend is {document['backend']}, it must be kind or stub")
    config = Config(directory=directory.absolute(), **document)
    if not on_loopback(config.address):
        raise ConfigError(
            f"address is {config.address}, it must be one of the loopback network such as 127.0.0.1: whoever reaches "
            "the service builds clusters on this machine."
        )
    return config


def on_loopback(address: str) -> bool:
    """Whether only this machine reaches an IP address; names are not resolved."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def digest(config: Config) -> str:
    """Changes when the settings or the service's own code change."""
    total = hashlib.sha256(repr(config).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()
