# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small client of a Kubernetes API server, by the certificate of kind's kubeconfig."""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from .certificates import write_private
from .errors import BackendError, Json
from .operations import Progress

REQUEST_TIMEOUT_S = 20
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
MANAGER = "local-aks"
FIELDS = {
    "server": re.compile(r"^\s*server: (\S+)$", re.MULTILINE),
    "authority": re.compile(r"^\s*certificate-authority-data: (\S+)$", re.MULTILINE),
    "certificate": re.compile(r"^\s*client-certificate-data: (\S+)$", re.MULTILINE),
    "key": re.compile(r"^\s*client-key-data: (\S+)$", re.MULTILINE),
}


def read_kubeconfig(path: Path) -> dict[str, str]:
    """Server and base64 credentials of the kubeconfig that kind wrote (one cluster, one user)."""
    text = path.read_text(encoding="utf-8")
    found = {name: pattern.search(text) for name, pattern in FIELDS.items()}
    missing = [name for name, match in found.items() if match is None]
    if missing:
        raise BackendError("KubeconfigInvalid", f"{path} has no {', '.join(missing)}")
    return {name: match[1] for name, match in found.items() if match is not None}


class KubeApi:
    """Requests to one API server. Failures are BackendError."""

    def __init__(self, kubeconfig: Path) -> None:
        values = read_kubeconfig(kubeconfig)
        self.server = values["server"]
        authority = base64.b64decode(values["authority"]).decode()
        self.context = ssl.create_default_context(cadata=authority)
        identity = kubeconfig.with_name("client.pem")
        write_private(identity, base64.b64decode(values["certificate"]) + b"\n" + base64.b64decode(values["key"]))
        self.context.load_cert_chain(identity)

    def request(
        self, method: str, path: str, body: Json | None = None, content_type: str = "application/json"
    ) -> Json | None:
        """One request; None when the object does not exist."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data=data, method=method)  # noqa: S310 - https of kind
        if data is not None:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S, context=self.context) as answer:  # noqa: S310
                document: Json = json.load(answer)
                return document
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            reason = error.read().decode("utf-8", "replace")[:300]
            raise BackendError("KubernetesRequestFailed", f"{method} {path}: {error.code} {reason}") from error
        except (OSError, ValueError) as error:
            raise BackendError("KubernetesUnreachable", f"{method} {path}: {error}") from error

    def get(self, path: str) -> Json:
        """An object or list that must exist."""
        found = self.request("GET", path)
        if found is None:
            raise BackendError("KubernetesRequestFailed", f"{path} does not exist")
        return found

    def items(self, path: str) -> list[Json]:
        """Items of a list."""
        found: list[Json] = self.get(path).get("items") or []
        return found

    def merge(self, path: str, patch: Json) -> Json | None:
        """Merge patch; None when the object does not exist."""
        return self.request("PATCH", path, patch, MERGE)

    def apply(self, path: str, body: Json) -> None:
        """Server-side apply."""
        self.request("PATCH", f"{path}?fieldManager={MANAGER}&force=true", body, APPLY)

    def wait_for_event(self, path: str, version: str, seconds: int) -> None:
        """Return at the first change after a version of a list, or after some seconds."""
        joint = "&" if "?" in path else "?"
        url = f"{self.server}{path}{joint}watch=1&resourceVersion={version}&timeoutSeconds={seconds}"
        try:
            with urllib.request.urlopen(url, timeout=seconds + 10, context=self.context) as answer:  # noqa: S310
                answer.readline()
        except (OSError, ValueError) as error:
            raise BackendError("KubernetesUnreachable", f"watch of {path}: {error}") from error


def wait_until(condition: Callable[[], str], progress: Progress | None, timeout_s: float, what: str) -> None:
    """Wait until condition() returns an empty string; its last answer, what is missing, is in the error."""
    deadline = time.monotonic() + timeout_s
    while missing := _tried(condition):
        if time.monotonic() > deadline:
            raise BackendError("Timeout", f"{what} after {timeout_s:.0f} s: {missing}")
        if progress is None:
            time.sleep(1)
        elif progress.cancelled.wait(1):
            progress.check()


def _tried(condition: Callable[[], str]) -> str:
    try:
        return condition()
    except BackendError as error:
        return str(error)
