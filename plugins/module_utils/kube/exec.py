# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Commands in containers, through the API server."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from urllib.parse import quote

from .._errors import NotFound, OperationFailed, TimedOut
from .._types import Completed, Json
from .channels import Channels, status_of
from .client import KubeClient

STDOUT, STDERR, STATUS = 1, 2, 3
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


def exec_in_pod(
    client: KubeClient,
    namespace: str,
    pod: str,
    command: Sequence[str],
    *,
    container: str | None = None,
    timeout_s: float,
) -> Completed:
    """Run a command (a list of words, no shell) in a container and return its status and output.

    Raises TimedOut after timeout_s (the command may go on in the container), NotFound for an absent pod or container,
    NotFound with code CommandNotFound when the container has no such program, OperationFailed when it cannot be run.
    """
    query: Json = {"command": [*command], "stdout": "true", "stderr": "true", "stdin": "false", "tty": "false"}
    if container:
        query["container"] = container
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/exec"
    deadline = time.monotonic() + timeout_s
    output: dict[int, list[bytes]] = {STDOUT: [], STDERR: [], STATUS: []}
    client.count_request()
    connect_s = min(timeout_s, client.request_timeout_s)
    with Channels(client.transport, path, query, PROTOCOLS, connect_s) as channels:
        while True:
            try:
                frame = channels.read(max(deadline - time.monotonic(), 0.0))
            except TimedOut as error:
                raise TimedOut(
                    f"`{shlex.join(command)}` in pod {namespace}/{pod} did not end within {timeout_s:g} s.",
                    code="ExecTimeout",
                    target=f"{namespace}/{pod}",
                    remedy=f"Look at the pod and its node: kubectl --namespace {namespace} get pod {pod} --output wide",
                ) from error
            if frame is None:
                break
            output.setdefault(frame[0], []).append(frame[1])
    stdout, stderr, status = (b"".join(output[channel]) for channel in (STDOUT, STDERR, STATUS))
    return Completed(
        argv=[*command],
        rc=_exit_code(status_of(status), command, f"{namespace}/{pod}"),
        stdout=stdout.decode("utf-8", "replace"),
        stderr=stderr.decode("utf-8", "replace"),
    )


def _exit_code(status: Json, command: Sequence[str], target: str) -> int:
    """The exit status that the Status document of the error channel tells."""
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    message = str(status.get("message") or "the connection ended without a status")
    if "executable file not found" in message or "no such file or directory" in message:
        raise NotFound(
            f"The container of pod {target} has no program {command[0]}.",
            code="CommandNotFound",
            target=target,
            remedy="Choose a pod or a container whose image has this program.",
        )
    raise OperationFailed(
        f"`{shlex.join(command)}` could not be run in pod {target}: {message}.",
        code=str(status.get("reason") or "ExecFailed"),
        target=target,
        remedy="Look at the pod: kubectl --namespace {} describe pod {}".format(*target.split("/", 1)),
    )
