# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A headless Chromium, driven by its DevTools protocol over a websocket of this machine. Small on purpose."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
START_S, ANSWER_S = 60, 60


def chromium() -> str:
    """The program; installed by apt where it is missing and this is root on Debian. RuntimeError where that fails."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RuntimeError("The tests of the pages need Chromium: install the Debian package chromium.")
    print("installing the Debian package chromium", file=sys.stderr, flush=True)
    apt = ["apt-get", "--option=DPkg::Lock::Timeout=300", "--option=Acquire::Retries=3", "--yes"]
    install = [*apt, "--no-install-recommends", "install", "chromium", "fonts-dejavu-core"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(install, check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        # The lists may be absent or too old.
        subprocess.run([*apt, "update"], check=False, capture_output=True, env=environment)
        done = subprocess.run(install, check=False, capture_output=True, text=True, env=environment)
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"apt-get could not install chromium: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return found


class Page:
    """One tab. events: all that the browser told, as (method, params)."""

    def __init__(self, socket: websocket.WebSocket, session: str) -> None:
        self._socket, self._session, self._number = socket, session, 0
        self.events: list[tuple[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """One command and its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, "sessionId": self._session}
        self._socket.send(json.dumps(message))
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _receive(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._socket.recv())
        if "method" in answer and answer.get("sessionId") == self._session:
            self.events.append((answer["method"], answer["params"]))
        return answer

    def open(
        self, file: Path, *, width: int = 1400, height: int = 900, scheme: str = "light", script: bool = True
    ) -> None:
        """Open a file, and wait until it is loaded and painted."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.events.clear()
        self.call("Page.navigate", url=file.as_uri())
        self.wait_for_load()

    def wait_for_load(self) -> None:
        """Wait until a page is loaded, unless one was since the events were cleared."""
        while not any(method == "Page.loadEventFired" for method, __ in self.events):
            self._receive()

    def wait_until(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true."""
        self.run(
            f"new Promise((good, bad) => {{ const end = Date.now() + {ANSWER_S * 500}; const look = () => ({condition})"
            " ? good(true) : Date.now() > end ? bad(new Error('in vain')) : setTimeout(look, 20); look(); })"
        )

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{answer['exceptionDetails']}")
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key such as Tab or Enter."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def screenshot(self, file: Path, selector: str = "", *, width: int = 0) -> None:
        """A picture of the whole page, or of one element."""
        area = self.run(
            f"(() => {{ const b = document.querySelector({json.dumps(selector or 'html')}).getBoundingClientRect();"
            "return [b.x + scrollX, b.y + scrollY, b.width, b.height]; })()"
        )
        clip = {"x": area[0], "y": area[1], "width": width or area[2], "height": min(area[3], 12000), "scale": 1}
        told = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(told["data"]))

    def pdf(self) -> bytes:
        """The page as it prints on A4."""
        told = self.call("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(told["data"])

    def problems(self) -> list[str]:
        """What the console and the browser complained about since the page was opened."""
        found = []
        for method, params in self.events:
            if method == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"].get("text")))
            elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                found.append(str(params["args"]))
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
        return found

    def requests(self) -> list[str]:
        """All addresses that were asked for since the page was opened."""
        return [params["request"]["url"] for method, params in self.events if method == "Network.requestWillBeSent"]


@contextmanager
def browser() -> Iterator[Page]:
    """A browser with one tab, ended with the block."""
    program = chromium()
    # Pages need no second process for graphics, and as root there is no sandbox.
    words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-extensions", "--disable-component-update"]
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        process = _start(
            [program, *words, *quiet, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        )
        try:
            socket = websocket.create_connection(
                _address(Path(profile), process), timeout=ANSWER_S, suppress_origin=True
            )
            try:
                yield Page(socket, _attach(socket))
            finally:
                socket.close()
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=20)


def _start(words: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(list(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """The websocket of the browser, which it writes into its profile when it listens."""
    file, until = profile / "DevToolsActivePort", time.monotonic() + START_S
    while time.monotonic() < until:
        lines = file.read_text(encoding="utf-8").split() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        if process.poll() is not None:
            raise RuntimeError(f"Chromium ended with status {process.returncode} before it listened.")
        time.sleep(0.05)
    raise RuntimeError(f"Chromium did not listen within {START_S} s.")


def _attach(socket: websocket.WebSocket) -> str:
    """The session of the first tab."""

    def ask(number: int, method: str, params: dict[str, Any]) -> Any:
        socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(socket.recv())
            if answer.get("id") == number:
                return answer["result"]

    # Numbers that no call of the page has.
    targets = ask(1_000_001, "Target.getTargets", {})["targetInfos"]
    tab = next(target["targetId"] for target in targets if target["type"] == "page")
    return str(ask(1_000_002, "Target.attachToTarget", {"targetId": tab, "flatten": True})["sessionId"])
