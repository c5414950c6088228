# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes versions: which there are, what an alias means, and which way upgrades go."""

from __future__ import annotations

from collections.abc import Sequence

from .config import Config
from .errors import ArmError, Json

# What the stub knows beside the configured version: those of the recordings, and what upgrades need around them.
PRETENDED = ("1.28.0", "1.31.10", "1.32.9", "1.33.5", "1.33.6", "1.34.3", "1.34.4", "1.35.1", "1.36.0")
# How many minor versions a node pool may be behind its control plane.
SKEW = 3


def numbers(version: str) -> tuple[int, ...]:
    """A version as something that sorts; empty where it is none."""
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()


def minor(version: str) -> str:
    """The alias of a version: major and minor."""
    return ".".join(version.split(".")[:2])


class Versions:
    """The versions of one region."""

    def __init__(self, known: Sequence[str], default: str) -> None:
        self.known = sorted({*known, default}, key=numbers)
        self.default = default

    @classmethod
    def of(cls, config: Config) -> Versions:
        """Those that the back end can build: kind has one node image, the stub pretends."""
        return cls(PRETENDED if config.backend == "stub" else (), config.kubernetes_version)

    def resolve(self, wanted: str, current: str = "") -> str:
        """The full version that a version, an alias or nothing stands for.

        An alias that the current version meets keeps it.
        """
        if not wanted:
            return current or self.default
        if wanted in (current, minor(current)):
            return current
        found = [version for version in self.known if wanted in (version, minor(version))]
        if not found:
            message = (
                f"Managed cluster is on version {wanted} which is not supported in this region. Please use "
                "[az aks get-versions] command to get the supported version list in this region. For more "
                f"information, please check https://aka.ms/supported-version-list. (Here: {', '.join(self.known)}.)"
            )
            raise ArmError(400, "K8sVersionNotSupported", message, target="kubernetesVersion")
        # The newest patch, except that the alias of the default means the default.
        return self.default if wanted == minor(self.default) else found[-1]

    def upgrades(self, current: str) -> list[str]:
        """Where a control plane can go: newer patches and the next minor version, newest first."""
        old = numbers(current)
        found = [v for v in self.known if numbers(v) > old and numbers(v)[1] - old[1] in (0, 1)]
        return found[::-1]

    def pool_upgrades(self, current: str, control_plane: str) -> list[str]:
        """Where a node pool can go: anything newer, up to its control plane; newest first."""
        found = [v for v in self.known if numbers(current) < numbers(v) <= numbers(control_plane)]
        return found[::-1]

    def check_upgrade(self, current: str, wanted: str) -> None:
        """Refuse to skip a minor version and to go back."""
        if wanted != current and wanted not in self.upgrades(current):
            listed = " ".join(self.upgrades(current))
            message = (
                f"Upgrading Kubernetes version {current} to {wanted} is not allowed. Available upgrades: [{listed}]. "
                "Please see https://aka.ms/aks-supported-k8s-ver for version details."
            )
            raise ArmError(400, "OperationNotAllowed", message)

    def listed(self) -> list[Json]:
        """Body of kubernetesVersions of a location."""
        found: list[Json] = []
        for alias in dict.fromkeys(minor(version) for version in reversed(self.known)):
            patches = [version for version in self.known if minor(version) == alias]
            entry: Json = {
                "version": alias,
                "capabilities": {"supportPlan": ["KubernetesOfficial", "AKSLongTermSupport"]},
                "patchVersions": {version: {"upgrades": self.upgrades(version)[::-1]} for version in patches},
            }
            if alias == minor(self.default):
                entry["isDefault"] = True
            found.append(entry)
        return found


def check_skew(pool: str, control_plane: str) -> None:
    """Refuse a node pool that is newer than its control plane, or too old for it."""
    new, top = numbers(pool), numbers(control_plane)
    if new > top:
        part = (
            f"Minor version of node pool version {new[1]} is bigger than control plane version {top[1]}"
            if new[1] > top[1]
            else f"Patch version of node pool version {new[2]} is bigger than control plane version {top[2]}"
        )
    elif top[1] - new[1] > SKEW:
        part = f"Minor version of node pool version {new[1]} is more than {SKEW} behind control plane version {top[1]}"
    else:
        return
    message = (
        f"Node pool version {pool} and control plane version {control_plane} are incompatible. {part}. For more "
        "information, please check https://aka.ms/version-skew-policy"
    )
    raise ArmError(400, "NodePoolMcVersionIncompatible", message, target="agentPoolProfile.orchestratorVersion")
