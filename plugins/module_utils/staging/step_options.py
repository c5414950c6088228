# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The options of network_policy_enforce."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._errors import InvalidInput
from .._types import Params
from ..probe.plan import Probe, parse_probes
from .judging import Prediction
from .store import HARDENING_NAMESPACE

DIRECTIONS = ("ingress", "egress")
MARGIN_S = 25
"""What a step may need beside the watch: arming, realization, probes, confirmation."""
LONGEST_S = 3600


@dataclass(frozen=True)
class Options:
    """The options of network_policy_enforce."""

    namespace: str
    name: str
    directions: Sequence[str]
    watch_s: int
    dead_man_s: int
    image: str
    prediction: Prediction
    probes: Sequence[Probe]
    max_lost: int
    cilium_namespace: str

    @property
    def subject(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @classmethod
    def of(cls, params: Params) -> Options:
        """From a module's parameters. Raises InvalidInput."""
        watch_s, dead_man_s = params["watch_s"], params["dead_man_s"]
        if params["policy"]["namespace"] == HARDENING_NAMESPACE:
            raise InvalidInput(
                f"policy.namespace={HARDENING_NAMESPACE} is where the dead man's switch runs: it must not be denied"
                " the API server.",
                option="policy",
                code="OwnNamespace",
                remedy="Leave this namespace out of what is hardened.",
            )
        if not 1 <= watch_s <= LONGEST_S:
            raise InvalidInput(
                f"watch_s={watch_s} is not from 1 to {LONGEST_S}.",
                option="watch_s",
                code="InvalidNumber",
                remedy="Give seconds in this range.",
            )
        if not watch_s + MARGIN_S <= dead_man_s <= 2 * LONGEST_S:
            raise InvalidInput(
                f"dead_man_s={dead_man_s} is not from {watch_s + MARGIN_S} (watch_s + {MARGIN_S}) to {2 * LONGEST_S}.",
                option="dead_man_s",
                code="InvalidNumber",
                remedy="The dead man's switch must leave the step time to be confirmed.",
            )
        return cls(
            params["policy"]["namespace"],
            params["policy"]["name"],
            DIRECTIONS if params["direction"] == "both" else (params["direction"],),
            watch_s,
            dead_man_s,
            params["image"],
            Prediction(params["prediction"]),
            parse_probes(params["probes"]),
            params["max_lost"],
            params["cilium_namespace"],
        )
