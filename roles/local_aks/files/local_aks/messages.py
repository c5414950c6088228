# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests and answers as the logic sees them, without sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import ArmError, Json


@dataclass(frozen=True)
class Request:
    """One request. Header names are lower case; of repeated query parameters the first counts."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def api_version(self) -> str:
        """The API version the client asked for."""
        return self.query.get("api-version", "")

    def json(self) -> Json:
        """The body, which must be a JSON object."""
        try:
            document = json.loads(self.body)
        except ValueError as error:
            message = f"The request content was invalid and could not be deserialized: '{error}'."
            raise ArmError(400, "InvalidRequestContent", message, gateway=True) from error
        if not isinstance(document, dict):
            message = "The request content was invalid and could not be deserialized: 'not an object'."
            raise ArmError(400, "InvalidRequestContent", message, gateway=True)
        return document


@dataclass(frozen=True)
class Response:
    """One answer; no body when it is None. broken: `reset` closes without an answer, `truncate` sends half of it."""

    status: int
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    broken: str = ""


def check_preconditions(request: Request, etag: str | None) -> None:
    """Honour If-Match and If-None-Match; etag is None when the resource does not exist."""
    wanted = request.headers.get("if-match", "").strip().strip('"')
    if wanted and (etag is None or wanted not in ("*", etag)):
        raise _precondition_failed("If-Match")
    unwanted = request.headers.get("if-none-match", "").strip().strip('"')
    if unwanted and etag is not None and unwanted in ("*", etag):
        raise _precondition_failed("If-None-Match")


def _precondition_failed(header: str) -> ArmError:
    message = f"The condition specified by the {header} header is not met: the resource has another etag."
    return ArmError(412, "PreconditionFailed", message)
