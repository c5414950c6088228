# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Errors that carry facts. Only the module boundary turns them into text."""

from __future__ import annotations

import sys

from ._types import Json


class CollectionError(Exception):
    """Base of all expected failures.

    message: one sentence with the option and its value where there is one.
    remedy:  what to do next, as a full sentence; printed after the message.
    code:    the code that Azure, Kubernetes or helm gave (or ours, in CamelCase, for input errors).
    option:  name of the module option at fault.
    target, status, correlation_id, details: as the service gave them; history: states seen while waiting.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        code: str = "",
        option: str = "",
        target: str = "",
        status: int | None = None,
        correlation_id: str = "",
        details: Json | None = None,
        history: list[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code
        self.option = option
        self.target = target
        self.status = status
        self.correlation_id = correlation_id
        self.details = details or {}
        self.history = history or []

    def facts(self) -> Json:
        """The non-empty facts, for the `failure` key of a result."""
        facts: Json = {
            "kind": type(self).__name__,
            "message": self.message,
            "remedy": self.remedy,
            "code": self.code,
            "option": self.option,
            "target": self.target,
            "status": self.status,
            "correlation_id": self.correlation_id,
            "details": self.details,
            "history": self.history,
        }
        return {name: value for name, value in facts.items() if value not in ("", None, {}, [])}

    def text(self) -> str:
        """Message, code and remedy as one readable text."""
        code = f" [{self.code}]" if self.code and self.code not in self.message else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.message}{code}{remedy}"


class InvalidInput(CollectionError):
    """An option, or a combination of options, is wrong; nothing was sent."""


class MissingRequirement(CollectionError):
    """A Python library or a program is absent or too old."""


class AuthFailed(CollectionError):
    """No credential, or one that the service refused (401, 403)."""


class NotFound(CollectionError):
    """The object does not exist (404)."""


class Conflict(CollectionError):
    """Another writer or another operation is in the way (409, 412)."""


class Throttled(CollectionError):
    """Too many requests (429)."""


class TimedOut(CollectionError):
    """A deadline passed; history tells what was seen."""


class Unreachable(CollectionError):
    """No answer from the service: name resolution, connection, TLS."""


class Unsupported(CollectionError):
    """The cluster or the service cannot do this."""


class OperationFailed(CollectionError):
    """The service accepted the request and then reported failure, or answered with an unexpected error."""


def missing_library(name: str, error: ImportError) -> MissingRequirement:
    """The error for an absent Python package: package, interpreter and the pip line."""
    return MissingRequirement(
        f"The Python package {name} cannot be imported by {sys.executable}: {error}.",
        code="LibraryNotFound",
        remedy=f"Run: {sys.executable} -m pip install {name}",
    )
