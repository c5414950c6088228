# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs modules in processes of their own that need not import everything again.

Reads JSON lines (module; the files arguments, output and errors; environment; kill_after or null) and answers each
with the process's wait status. The process is what Ansible's would be: it reads its arguments from a file, writes its
result to its standard output, and may be killed at any time.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from typing import Any

MODULES = "ansible_collections.cloudnet.aks_cilium.plugins.modules"
PRELOADED = ("aks_cluster", "aks_kubeconfig", "aks_cluster_info", "aks_node_pool")
LIBRARIES = ("azure.identity", "azure.mgmt.core", "yaml")


def child(job: dict[str, Any]) -> None:
    """Become the module."""
    os.setsid()
    os.environ.clear()
    os.environ.update(job["environment"])
    for number, name in ((1, "output"), (2, "errors")):
        os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.argv = [job["module"], job["arguments"]]
    status = 1
    try:
        importlib.import_module(f"{MODULES}.{job['module']}").main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def parent(process: int, kill_after: float | None) -> int:
    """Wait for the module, or kill it in the middle."""
    if kill_after is not None:
        deadline = time.monotonic() + kill_after
        while time.monotonic() < deadline:
            if (ended := os.waitpid(process, os.WNOHANG))[0]:
                return ended[1]
            time.sleep(0.001)
        os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


def main() -> None:
    """Serve until standard input ends."""
    for name in (*LIBRARIES, *(f"{MODULES}.{name}" for name in PRELOADED)):
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"{name}: {error}", file=sys.stderr)
    for line in sys.stdin:
        job = json.loads(line)
        process = os.fork()
        if process == 0:
            child(job)
        print(parent(process, job.get("kill_after")), flush=True)


if __name__ == "__main__":
    main()
