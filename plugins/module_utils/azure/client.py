# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Azure Resource Manager: JSON bytes in, JSON out, with retries that end, and refusals as typed errors."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from urllib.parse import urlencode

from .._errors import InvalidInput, NotFound, Throttled, Unreachable
from .._types import Clock, Json, Params, Progress
from .._wait import TALK_EVERY_S, SystemClock, silent
from . import cloud as clouds
from . import credential as credentials
from . import identity as identities
from .failures import from_answer
from .transport import Answer, SdkTransport, Transport

GROUP_API_VERSION = "2021-04-01"
OPERATION_API_VERSION = "2017-08-31"
MAX_ATTEMPTS = 4
MAX_RETRY_AFTER_S = 120.0
# 408, 500, 502-504: the answer says nothing about the request, so only reads are sent again.
# A server that is no Resource Manager answers 404 as well; taking that for absence would create clusters.
ABSENT = frozenset(
    {"ResourceNotFound", "ResourceGroupNotFound", "ParentResourceNotFound", "AgentPoolNotFound", "NotFound"}
)
TRANSIENT = frozenset({408, 500, 502, 503, 504})


class ArmClient:
    """Typed façade over a transport: paths, versions, bounded retries, errors."""

    def __init__(
        self,
        transport: Transport,
        *,
        base_url: str,
        subscription_id: str,
        api_version: str,
        patience_s: float,
        clock: Clock | None = None,
    ) -> None:
        self._transport = transport
        self._base_url = base_url.rstrip("/")
        self._patience_s = patience_s
        self.subscription_id = subscription_id
        self.api_version = api_version
        self.clock: Clock = clock or SystemClock()
        self._deadline: float | None = None
        self._progress: Progress = silent

    def patient_until(self, deadline: float, progress: Progress) -> None:
        """From now on, sit out throttling up to this time of the clock, and say so."""
        self._deadline, self._progress = deadline, progress

    def cluster_path(self, resource_group: str, name: str, action: str = "") -> str:
        """Address of a cluster, or of one of its actions."""
        path = f"{self.group_path(resource_group)}/providers/Microsoft.ContainerService/managedClusters/{name}"
        return f"{path}/{action}" if action else path

    def pool_path(self, resource_group: str, cluster: str, name: str, action: str = "") -> str:
        """Address of a node pool, or of one of its actions."""
        path = self.cluster_path(resource_group, cluster, f"agentPools/{name}")
        return f"{path}/{action}" if action else path

    def group_path(self, resource_group: str) -> str:
        """Address of a resource group."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{resource_group}"

    def get(self, path: str, *, what: str, api_version: str = "") -> Answer | None:
        """GET; None when Azure says that the object or its group does not exist; any other 404 is an error."""
        try:
            return self.send("GET", path, what=what, api_version=api_version)
        except NotFound as error:
            if error.code not in ABSENT:
                raise
            return None

    def send(
        self,
        method: str,
        path: str,
        *,
        what: str,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        api_version: str = "",
    ) -> Answer:
        """Send to a path below the Resource Manager; 2xx is returned, everything else raised as a typed error."""
        url = f"{self._base_url}{path}?{urlencode({'api-version': api_version or self.api_version, **(query or {})})}"
        content = None if body is None else json.dumps(body).encode()
        answer = self._attempts(method, url, dict(headers or {}), content)
        if 200 <= answer.status < 300:
            return answer
        raise from_answer(f"{method} of {what}", answer.status, answer.headers, answer.body)

    def look(self, url: str, *, what: str) -> Answer:
        """GET an address that Azure gave, exactly as it gave it (it is signed, and must not be shown)."""
        answer = self._attempts("GET", url, {}, None)
        if 200 <= answer.status < 300:
            return answer
        raise from_answer(what, answer.status, answer.headers, answer.body)

    def operation_url(self, location: str, operation_id: str) -> str:
        """Address of an operation as Azure writes it, without the signature."""
        place = f"/subscriptions/{self.subscription_id}/providers/Microsoft.ContainerService/locations/{location}"
        return f"{self._base_url}{place}/operations/{operation_id}?api-version={OPERATION_API_VERSION}"

    def _attempts(self, method: str, url: str, headers: dict[str, str], content: bytes | None) -> Answer:
        started = self.clock.monotonic()
        for attempt in count(1):
            last = attempt >= MAX_ATTEMPTS
            pause_s = 0.5 * 2 ** min(attempt, 6)
            try:
                answer = self._transport(method, url, headers, content)
            except Unreachable:
                # A refused or silent endpoint costs about request_timeout in all, however often it is tried.
                if last or method != "GET" or self.clock.monotonic() - started + pause_s >= self._patience_s:
                    raise
            else:
                if answer.status == 429:
                    # A throttled request was not looked at, so it is sent again whatever it is.
                    if last and self._deadline is None:
                        return answer
                    self._sit_out(_retry_after(answer, pause_s))
                    continue
                if last or method != "GET" or answer.status not in TRANSIENT:
                    return answer
            self.clock.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _sit_out(self, seconds: float) -> None:
        """Wait as long as Azure asks for; Throttled when the task's time (or a person's patience) ends before that."""
        if self._deadline is None:
            too_long = seconds > MAX_RETRY_AFTER_S
        else:
            too_long = self.clock.monotonic() + seconds > self._deadline
        if too_long:
            raise Throttled(
                f"Azure asks to wait {seconds:.0f} s before the next request, which is longer than this task may wait.",
                code="Throttled",
                status=429,
                remedy="Run again later, with a larger wait_timeout, or with fewer clusters at once (forks).",
            )
        while seconds > 0:
            slice_s = min(seconds, TALK_EVERY_S)
            if seconds >= 5:
                self._progress(f"Azure asks to wait (429 Throttled), {seconds:.0f} s left")
            self.clock.sleep(slice_s)
            seconds -= slice_s


def _retry_after(answer: Answer, default_s: float) -> float:
    """Seconds that Azure asks to wait."""
    try:
        return max(0.5, float(answer.headers.get("retry-after", "")))
    except ValueError:
        return default_s


def connect(params: Params, *, hide: Callable[[str], None], environment: Mapping[str, str] | None = None) -> ArmClient:
    """A client from the options of the fragment `azure`; raises before the first request where options are wrong."""
    env = os.environ if environment is None else environment
    timeout_s = _timeout(params)
    ca_bundle = _ca_bundle(params)
    choice = credentials.choose(params, env)
    for secret in choice.secrets:
        hide(secret)
    subscription_id = identities.subscription(params, choice)
    cloud = clouds.resolve(
        clouds.named(params["cloud_environment"], choice.cloud_environment),
        lambda url: clouds.fetch_json(url, ca_bundle=ca_bundle, timeout_s=timeout_s),
        env,
    )
    transport = SdkTransport(
        partial(
            identities.build,
            choice,
            cloud,
            ca_bundle=ca_bundle,
            timeout_s=timeout_s,
            subscription_id=subscription_id,
        ),
        cloud,
        ca_bundle=ca_bundle,
        timeout_s=timeout_s,
    )
    return ArmClient(
        transport,
        base_url=cloud.resource_manager,
        subscription_id=subscription_id,
        api_version=params["api_version"],
        patience_s=timeout_s,
    )


def _timeout(params: Params) -> float:
    timeout = params["request_timeout"]
    if timeout < 1:
        raise InvalidInput(
            f"request_timeout={timeout} is not a positive number of seconds.",
            option="request_timeout",
            code="InvalidTimeout",
            remedy="Give at least 1.",
        )
    return float(timeout)


def _ca_bundle(params: Params) -> str | None:
    path = params.get("ca_bundle")
    if not path:
        return None
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise InvalidInput(
            f"ca_bundle={path} is not a readable file.",
            option="ca_bundle",
            code="CaBundleUnreadable",
            remedy="Give the path of a PEM file with the certificates to trust, or leave the option out.",
        )
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidInput(
            f"ca_bundle={path} holds no certificate that can be read ({getattr(error, 'reason', None) or error}).",
            option="ca_bundle",
            code="CaBundleInvalid",
            remedy="Give the path of a PEM file with the certificates to trust, or leave the option out.",
        ) from error
    return str(path)
