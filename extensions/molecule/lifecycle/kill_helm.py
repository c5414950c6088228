# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts `helm upgrade cilium`, kills it (SIGKILL) as soon as its record says pending-upgrade, and ages that record."""

from __future__ import annotations

import argparse
import subprocess
import sys


def main() -> int:
    """Exit status 0 when helm was killed in time."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("helm", "kubectl", "kubeconfig", "chart"):
        parser.add_argument(f"--{option}", required=True)
    given = parser.parse_args()
    words = ["upgrade", "cilium", given.chart, "--namespace", "kube-system"]
    words += ["--reuse-values", "--set", "debug.enabled=true"]
    # Otherwise the record would count as that of a helm that still runs.
    old = ["createdAt=1", "modifiedAt=1", "--overwrite"]
    selector = "owner=helm,name=cilium,status=pending-upgrade"
    kubectl = [given.kubectl, "--kubeconfig", given.kubeconfig]
    secrets = ["secrets", "-n", "kube-system", "-l", selector]
    with subprocess.Popen([given.helm, *words, "--kubeconfig", given.kubeconfig], stdout=subprocess.DEVNULL) as helm:
        while helm.poll() is None:
            look = [*kubectl, "get", *secrets, "-o", "name"]
            if subprocess.run(look, check=True, capture_output=True, text=True).stdout:
                helm.kill()
                helm.wait()
                subprocess.run([*kubectl, "label", *secrets, *old], check=True)
                return 0
    print("helm was done before it could be killed", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
