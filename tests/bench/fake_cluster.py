# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real kube-apiserver on etcd, without any machine behind it: for trying numbers, and for Helm.

    python tests/bench/fake_cluster.py --nodes 1000     # starts one, prints its kubeconfig, ends with Ctrl-C

Needs the programs that `tests/lab/lab build` makes. Everything listens on loopback, on free ports, and lives in one
directory. Objects are written into etcd before the API server starts, as it stores them itself: thousands of nodes
and their pods take seconds. KWOK then keeps the nodes alive, if asked to.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]
START_TIMEOUT_S = 300.0
BATCH_BYTES = 1_000_000


def program(name: str) -> str | None:
    """Where a program of the lab is, or one of PATH; None when there is none."""
    cache = os.environ.get("LAB_CACHE")
    folder = (
        Path(cache) if cache else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aks-cilium-lab"
    )
    found = folder / "bin" / name
    return str(found) if found.exists() else shutil.which(name)


def chart() -> Path | None:
    """The lab's chart of Cilium."""
    helm = program("helm")
    found = Path(helm).parent.parent / "chart" / "cilium" if helm else None
    return found if found and found.exists() else None


def can_start() -> bool:
    """Whether the programs are there."""
    return program("etcd") is not None and program("kube-apiserver") is not None


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class FakeCluster:
    """etcd and kube-apiserver as child processes; a context manager that ends them by their process ids."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self.token = secrets.token_hex(16)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._etcd_port = free_port()
        self.port = free_port()
        peer = free_port()
        client, between = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{peer}"
        words = ["--data-dir", str(directory / "etcd"), "--unsafe-no-fsync", "--log-level", "error", "--name", "fake"]
        words += ["--listen-client-urls", client, "--advertise-client-urls", client]
        words += ["--listen-peer-urls", between, "--initial-advertise-peer-urls", between]
        words += ["--initial-cluster", f"fake={between}", "--max-txn-ops", "5000", "--max-request-bytes", "20000000"]
        self._start("etcd", [*words, "--quota-backend-bytes", str(8 << 30)])
        self._until(lambda: self._etcd("/health"), "etcd")

    def __enter__(self) -> FakeCluster:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the processes, the youngest first."""
        self.stop()

    def stop(self) -> None:
        """End the processes, the youngest first."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def store(self, objects: Iterable[tuple[str, Json]]) -> int:
        """Write objects (key below /registry, document) as the API server would; before start_api_server."""
        batch: list[Json] = []
        size = count = 0
        for key, document in objects:
            value = json.dumps(document).encode()
            batch.append({"request_put": {"key": _base64(f"/registry/{key}".encode()), "value": _base64(value)}})
            size, count = size + len(value), count + 1
            if size >= BATCH_BYTES:
                self._etcd("/v3/kv/txn", {"success": batch})
                batch, size = [], 0
        if batch:
            self._etcd("/v3/kv/txn", {"success": batch})
        return count

    def start_api_server(self) -> None:
        """Start kube-apiserver, wait until it is ready, and write the kubeconfig."""
        key = self.directory / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        tokens = self.directory / "tokens.csv"
        tokens.write_text(f"{self.token},admin,admin,system:masters\n", encoding="utf-8")
        words = ["--etcd-servers", f"http://127.0.0.1:{self._etcd_port}", "--bind-address", "127.0.0.1"]
        words += ["--advertise-address", "127.0.0.1"]
        words += ["--secure-port", str(self.port), "--cert-dir", str(self.directory / "certificates")]
        words += ["--service-account-issuer", "https://fake", "--service-account-key-file", str(key)]
        words += ["--service-account-signing-key-file", str(key), "--token-auth-file", str(tokens)]
        words += ["--allow-privileged", "--authorization-mode", "AlwaysAllow"]
        words += ["--service-cluster-ip-range", "10.96.0.0/16"]
        words += ["--disable-admission-plugins", "ServiceAccount", "--endpoint-reconciler-type", "none"]
        self._start("kube-apiserver", words)
        self._until(lambda: self._get("/readyz"), "kube-apiserver")
        certificate = (self.directory / "certificates" / "apiserver.crt").read_bytes()
        cluster = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority-data": _base64(certificate)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": cluster}],
            "users": [{"name": "fake", "user": {"token": self.token}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        }
        self.kubeconfig.write_text(json.dumps(document), encoding="utf-8")
        self.kubeconfig.chmod(0o600)

    def start_kwok(self) -> None:
        """Let KWOK keep the nodes alive, as the nodes of a real cluster do."""
        stages = self.directory / "stages.json"
        # It will not start without any; the objects are as they should be, so these select none.
        stages.write_text("\n---\n".join(json.dumps(_stage(kind)) for kind in ("Node", "Pod")), encoding="utf-8")
        words = ["--kubeconfig", str(self.kubeconfig), "--config", str(stages), "--manage-all-nodes=true"]
        words += ["--node-lease-duration-seconds", "200"]
        self._start("kwok", words)

    def is_alive(self) -> bool:
        """Whether all processes run."""
        return all(process.poll() is None for process in self._processes)

    def _start(self, name: str, words: list[str]) -> None:
        binary = program(name)
        if binary is None:
            raise RuntimeError(f"there is no {name}: run tests/lab/lab build")
        with (self.directory / f"{name}.log").open("wb") as log:
            self._processes.append(subprocess.Popen([binary, *words], stdout=log, stderr=subprocess.STDOUT))

    def _until(self, look: Any, name: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            if self._processes[-1].poll() is not None or time.monotonic() > deadline:
                log = (self.directory / f"{name}.log").read_text(encoding="utf-8", errors="replace")
                self.stop()
                raise RuntimeError(f"{name} does not start: {log[-2000:]}")
            with contextlib.suppress(http.client.HTTPException, OSError):
                look()
                return
            time.sleep(0.2)

    def _get(self, path: str) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
        _answer(connection, "GET", path, {"authorization": f"Bearer {self.token}"})

    def _etcd(self, path: str, body: Json | None = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._etcd_port, timeout=60)
        _answer(connection, "POST" if body else "GET", path, {}, json.dumps(body) if body else None)


def _answer(
    connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> None:
    with contextlib.closing(connection):
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
    if answer.status != 200:
        raise OSError(f"{method} {path}: {answer.status} {text[:300]!r}")


def _stage(kind: str) -> Json:
    spec = {"resourceRef": {"apiGroup": "v1", "kind": kind}, "selector": {"matchLabels": {"kwok": "staged"}}}
    metadata = {"name": f"no-{kind.lower()}"}
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": metadata, "spec": {**spec, "next": {}}}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@contextlib.contextmanager
def fake_cluster(objects: Iterable[tuple[str, Json]] = ()) -> Iterator[FakeCluster]:
    """A cluster in a directory that goes away with it."""
    with tempfile.TemporaryDirectory(prefix="fake-cluster-") as directory, FakeCluster(Path(directory)) as cluster:
        cluster.store(objects)
        cluster.start_api_server()
        yield cluster


def main() -> None:
    """Start one by hand."""
    from fake_objects import whole_cluster

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=10, help="pods of each node")
    arguments = parser.parse_args()
    begun = time.monotonic()
    with fake_cluster(whole_cluster(arguments.nodes, arguments.pods)) as cluster:
        print(f"{cluster.kubeconfig} ({time.monotonic() - begun:.1f} s); Ctrl-C ends it", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
