# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script of the timer, run by a real shell with a real curl against a small API server."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.timer import Setting
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.timer_objects import SCRIPT

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
MARKER = "/api/v1/namespaces/cloudnet-hardening/configmaps/dead-man-1"
SETTING = Setting("shop", "web", "uid-1", {"ingress": False})


class Api:
    """Objects by path. interfere may answer a request itself, with a status; it may also change objects."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {
            MARKER: {"data": {"state": "starting", "settings": json.dumps([SETTING.document()])}},
            SETTING.path: {"metadata": {"uid": "uid-1"}, "spec": {"enableDefaultDeny": {"ingress": True}}},
        }
        self.log: list[str] = []
        self.interfere: Callable[[str, str], int | None] = lambda method, path: None
        self.changed = threading.Condition()

    def answer(self, method: str, path: str, patch: list[dict[str, Any]]) -> tuple[int, Any]:
        with self.changed:
            try:
                return self._answer(method, path, patch)
            finally:
                self.changed.notify_all()

    def _answer(self, method: str, path: str, patch: list[dict[str, Any]]) -> tuple[int, Any]:
        self.log.append(f"{method} {path}")
        status = self.interfere(method, path)
        if status is not None:
            return status, {"message": "interfered"}
        place, __, query = path.partition("?")
        found = self.objects.get(place)
        if found is None:
            return 404, {}
        changed = json.loads(json.dumps(found))
        for operation in patch:
            *parents, last = operation["path"].strip("/").split("/")
            target = changed
            for key in parents:
                target = target[key]
            if operation["op"] == "test" and target.get(last) != operation["value"]:
                return 422, {"message": "the server rejected our request due to an error in our request"}
            target[last] = operation["value"]
        if not query:
            self.objects[place] = changed
        return 200, changed

    @property
    def state(self) -> str:
        return str(self.objects[MARKER]["data"]["state"])

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout=15), self.log


@pytest.fixture
def api() -> Api:
    return Api()


class Run:
    """Starts the script as the Job would; a second start is a container or a pod that was started anew."""

    def __init__(self, api: Api, folder: Path) -> None:
        handler = type("Handler", (_Handler,), {"api": api})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.folder = folder
        for name in ("timer", "scratch", "account"):
            (folder / name).mkdir()
        (folder / "account" / "token").write_text("secret")
        (folder / "account" / "ca.crt").write_text("")
        (folder / "timer" / "seconds").write_text("1")
        (folder / "timer" / "patches").write_text(f"{SETTING.path}\t{json.dumps(SETTING.patch)}\n")
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        script = SCRIPT.replace("@NAMESPACE@", "cloudnet-hardening").replace("@NAME@", "dead-man-1")
        script = script.replace('"https://', '"http://').replace('--cacert "$account/ca.crt"', "--noproxy '*'")
        script = script.replace("/var/run/secrets/kubernetes.io/serviceaccount", str(self.folder / "account"))
        script = script.replace("/timer/", f"{self.folder}/timer/").replace("/scratch/", f"{self.folder}/scratch/")
        host, port = self.server.server_address[:2]
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "KUBERNETES_SERVICE_HOST": str(host),
            "KUBERNETES_SERVICE_PORT": str(port),
        }
        with (self.folder / "output").open("w") as output:
            process = subprocess.Popen(["sh", "-c", script], env=environment, stdout=output, stderr=output)
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    api: Api

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        assert self.headers["Authorization"] == "Bearer secret"
        status, document = self.api.answer(self.command, self.path, json.loads(body) if body else [])
        data = json.dumps(document, indent=2).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PATCH = _serve

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def run(api: Api, tmp_path: Path) -> Iterator[Run]:
    run = Run(api, tmp_path)
    yield run
    run.close()


def denies(api: Api) -> bool:
    return bool(api.objects[SETTING.path]["spec"]["enableDefaultDeny"]["ingress"])


def test_it_arms_itself_by_a_dry_run_and_fires_when_nobody_stops_it(api: Api, run: Run) -> None:
    process = run.start()
    api.wait_for(lambda: api.state == "armed")
    assert denies(api)
    assert api.log[:3] == [f"GET {MARKER}", f"PATCH {SETTING.path}?dryRun=All", f"PATCH {MARKER}"]
    api.wait_for(lambda: api.state == "fired")
    assert not denies(api)
    assert process.wait(5) == 0
    assert set(api.objects[MARKER]["data"]) >= {"armed_at", "firing_at", "fired_at"}


@pytest.mark.parametrize("how", ["confirmed", "removed"])
def test_a_timer_that_was_stopped_changes_nothing(api: Api, run: Run, how: str) -> None:
    process = run.start()
    api.wait_for(lambda: api.state == "armed")
    if how == "confirmed":
        api.objects[MARKER]["data"]["state"] = "confirmed"
    else:
        del api.objects[MARKER]
    assert process.wait(10) == 0
    assert denies(api)
    assert "stopped" in (run.folder / "output").read_text()


def test_it_arms_itself_only_once_its_rights_have_arrived(api: Api, run: Run) -> None:
    refusals = [403, 403]
    api.interfere = lambda method, path: refusals.pop() if "dryRun" in path and refusals else None
    run.start()
    api.wait_for(lambda: api.state == "armed")
    assert refusals == []


def test_it_ends_when_it_is_given_up_before_it_is_armed(api: Api, run: Run) -> None:
    def interfere(method: str, path: str) -> int | None:
        if "dryRun" not in path:
            return None
        api.objects[MARKER]["data"]["state"] = "abandoned"
        return 403

    api.interfere = interfere
    process = run.start()
    assert process.wait(10) == 0
    assert api.state == "abandoned"


def test_an_api_server_that_is_away_is_asked_until_it_is_back(api: Api, run: Run) -> None:
    process = run.start()
    api.wait_for(lambda: api.state == "armed")
    failures = [500, 503, 401, 403]
    api.interfere = lambda method, path: failures.pop() if failures else None
    assert process.wait(20) == 0
    assert failures == []
    assert not denies(api)


def test_a_move_whose_answer_was_lost_counts(api: Api, run: Run) -> None:
    lost: list[str] = []

    def interfere(method: str, path: str) -> int | None:
        for old, new in (("starting", "armed"), ("armed", "firing")):
            if method == "PATCH" and path == MARKER and api.state == old and new not in lost:
                lost.append(new)
                api.objects[MARKER]["data"]["state"] = new
                return 500
        return None

    api.interfere = interfere
    assert run.start().wait(15) == 0
    assert lost == ["armed", "firing"]
    assert api.state == "fired"
    assert not denies(api)


def test_a_pod_that_replaces_another_one_does_not_count_from_the_start(api: Api, run: Run) -> None:
    (run.folder / "timer" / "seconds").write_text("600")
    api.objects[MARKER]["data"].update(state="armed", armed_at=str(int(time.time()) - 599))
    assert run.start().wait(10) == 0
    assert not denies(api)


def test_a_pod_that_was_killed_while_firing_goes_on(api: Api, run: Run) -> None:
    api.objects[MARKER]["data"].update(state="firing", armed_at=str(int(time.time()) - 5))
    assert run.start().wait(10) == 0
    assert api.state == "fired"
    assert not denies(api)


def test_another_policy_of_the_same_name_is_not_touched(api: Api, run: Run) -> None:
    process = run.start()
    api.wait_for(lambda: api.state == "armed")
    api.objects[SETTING.path] = {"metadata": {"uid": "uid-2"}, "spec": {"enableDefaultDeny": {"ingress": True}}}
    assert process.wait(10) == 0
    assert denies(api)
    assert api.state == "fired"
