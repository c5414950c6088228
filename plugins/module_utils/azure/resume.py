# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Tokens by which a later task waits for an operation that an earlier one has started. Pure.

A token names the object, the action and the operation, and holds no secret: the address that Azure gives is signed, so
it is not kept. Where Azure shows an operation only to those who have the signature, the state of the object tells.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import asdict, dataclass, replace

from .._argspec import ArgSpec
from .._errors import InvalidInput
from .._types import Params

RESUME = ArgSpec({"resume": {"type": "str"}})
PREFIX = "aks1."
ACTIONS = ("create", "update", "tags", "delete", "start", "stop", "upgrade_node_image")


@dataclass(frozen=True)
class Ticket:
    """An operation on a cluster, or on one of its node pools."""

    subscription: str
    resource_group: str
    cluster: str
    pool: str = ""
    action: str = ""
    location: str = ""
    id: str = ""

    def of(self, action: str, location: str, operation_id: str) -> Ticket:
        """The same object with an operation."""
        return replace(self, action=action, location=location, id=operation_id)

    def concerns(self, other: Ticket) -> bool:
        """Whether both are about one object; Azure's names have no case."""
        return self._object() == other._object()

    def _object(self) -> tuple[str, ...]:
        parts = (self.subscription, self.resource_group, self.cluster, self.pool)
        return tuple(part.lower() for part in parts)

    def __str__(self) -> str:
        """The object in words."""
        pool = f"node pool {self.pool} of " if self.pool else ""
        return f"{pool}cluster {self.cluster} in {self.resource_group} (subscription {self.subscription})"


def token_of(ticket: Ticket) -> str:
    """The token of a ticket."""
    text = json.dumps(asdict(ticket), separators=(",", ":"), sort_keys=True)
    return PREFIX + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def given_ticket(params: Params) -> Ticket | None:
    """The ticket of the option resume; None without it, InvalidInput where it is no token of ours."""
    token = params.get("resume")
    if not token:
        return None
    text = str(token).removeprefix(PREFIX)
    try:
        held = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        ticket = Ticket(**{name: str(value) for name, value in dict(held).items()})
    except (binascii.Error, ValueError, TypeError) as error:
        raise _refused("it is not a token of this module, or it was cut off", "InvalidToken") from error
    # What becomes part of an address must be what it says.
    words = (ticket.location, ticket.id)
    if (
        not str(token).startswith(PREFIX)
        or ticket.action not in ACTIONS
        or not all(re.fullmatch(r"[A-Za-z0-9-]*", word) for word in words)
    ):
        raise _refused("it is not a token of this module", "InvalidToken")
    return ticket


def check_concerns(ticket: Ticket, own: Ticket) -> None:
    """InvalidInput where the token is about another object than the task."""
    if not ticket.concerns(own):
        raise _refused(f"it belongs to an operation on {ticket}, and this task is about {own}", "OtherToken")


def _refused(rule: str, code: str) -> InvalidInput:
    return InvalidInput(
        f"resume: {rule}.",
        option="resume",
        code=code,
        remedy="Give operation.token of the result whose operation is to be waited for, as it is.",
    )
