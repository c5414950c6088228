# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resource providers and preview features of the subscription, and whether they are registered."""

from __future__ import annotations

import threading
from typing import Any

from .config import Config
from .errors import ArmError, Json
from .locations import REGIONS
from .messages import Response

PROVIDERS = {
    "Microsoft.ContainerService": ("managedClusters", "managedClusters/agentPools", "locations/kubernetesVersions"),
    "Microsoft.Network": ("virtualNetworks", "virtualNetworks/subnets", "publicIPAddresses"),
    "Microsoft.Compute": ("virtualMachineScaleSets", "disks"),
    "Microsoft.ManagedIdentity": ("userAssignedIdentities",),
    "Microsoft.OperationalInsights": ("workspaces",),
    "Microsoft.OperationsManagement": ("solutions",),
    "Microsoft.Insights": ("metrics",),
    "Microsoft.Storage": ("storageAccounts",),
    "Microsoft.Features": ("features",),
}
REGISTERED = "Registered"


class Registration:
    """All providers and features are registered until a test says otherwise."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.lock = threading.Lock()
        self.states: dict[str, str] = {}

    def replace(self, document: Any) -> Json:
        """For tests: states by namespace, or by `namespace/feature`; replaces what was said before."""
        if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
            raise ArmError(400, "InvalidRegistrations", 'send {"Microsoft.Network": "NotRegistered"}')
        with self.lock:
            self.states = {name.lower(): state for name, state in document.items()}
        return dict(document)

    def require(self, namespace: str) -> None:
        """409 as Resource Manager answers to a write to a provider that is not registered."""
        if self._state(namespace) != REGISTERED:
            message = (
                f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found "
                "for how to register subscriptions."
            )
            raise ArmError(409, "MissingSubscriptionRegistration", message, gateway=True)

    def provider(self, namespace: str) -> Response:
        """One resource provider."""
        return Response(200, self._provider(self._known(namespace)))

    def providers(self) -> Response:
        """All of them."""
        return Response(200, {"value": [self._provider(name) for name in PROVIDERS]})

    def register(self, namespace: str) -> Response:
        """Register a provider, which takes no time here."""
        name = self._known(namespace)
        with self.lock:
            self.states.pop(name.lower(), None)
        return Response(200, self._provider(name))

    def feature(self, namespace: str, name: str) -> Response:
        """One preview feature."""
        return Response(200, self._feature(self._known(namespace), name))

    def features(self, namespace: str) -> Response:
        """The features of a provider that a test or a request named."""
        known = self._known(namespace)
        prefix = f"{known}/".lower()
        with self.lock:
            names = [key.removeprefix(prefix) for key in self.states if key.startswith(prefix)]
        return Response(200, {"value": [self._feature(known, name) for name in names]})

    def register_feature(self, namespace: str, name: str) -> Response:
        """Register a feature, which takes no time here."""
        known = self._known(namespace)
        with self.lock:
            self.states[f"{known}/{name}".lower()] = REGISTERED
        return Response(200, self._feature(known, name))

    def _state(self, name: str) -> str:
        with self.lock:
            return self.states.get(name.lower(), REGISTERED)

    def _known(self, namespace: str) -> str:
        for name in PROVIDERS:
            if name.lower() == namespace.lower():
                return name
        message = f"The resource namespace '{namespace}' is invalid."
        raise ArmError(404, "InvalidResourceNamespace", message, gateway=True)

    def _provider(self, name: str) -> Json:
        types = [
            {"resourceType": kind, "locations": REGIONS.split(","), "apiVersions": ["2026-01-01"]}
            for kind in PROVIDERS[name]
        ]
        return {
            "id": f"/subscriptions/{self.config.subscription}/providers/{name}",
            "namespace": name,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": self._state(name),
            "resourceTypes": types,
        }

    def _feature(self, namespace: str, name: str) -> Json:
        return {
            "id": f"/subscriptions/{self.config.subscription}/providers/Microsoft.Features/providers/{namespace}"
            f"/features/{name}",
            "name": f"{namespace}/{name}",
            "type": "Microsoft.Features/providers/features",
            "properties": {"state": self._state(f"{namespace}/{name}")},
        }
