# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists that come in pages, with nextLink."""

from __future__ import annotations

from urllib.parse import urlencode

from .errors import ArmError, Json
from .messages import Request, Response

TOKEN = "$skiptoken"  # noqa: S105 - the name of a query parameter


def page(request: Request, values: list[Json], size: int, url: str) -> Response:
    """One page of the values. size 0: all; url is the service's."""
    text = request.query.get(TOKEN, "0")
    if not text.isdigit():
        raise ArmError(400, "InvalidSkipToken", f"The skip token '{text}' is not valid.", gateway=True)
    start = int(text)
    end = start + size if size else len(values)
    body: Json = {"value": values[start:end]}
    if end < len(values):
        query = urlencode({**request.query, TOKEN: end}, safe="$")
        body["nextLink"] = f"{url}{request.path}?{query}"
    return Response(200, body)
