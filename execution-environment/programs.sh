#!/usr/bin/env bash
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Installs helm and kubelogin into an image: HELM and KUBELOGIN are versions, and one that is empty is left out.
# Each archive is checked against the sum that is published beside it. Unpacking is Python's, so that the image needs
# neither tar nor unzip.
set -euo pipefail
case "$(uname -m)" in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) echo "programs.sh: no helm and kubelogin are known for $(uname -m)" >&2; exit 1 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fetch() { # URL of an archive, URL of its sum; writes ./archive
  curl --fail --silent --show-error --location --output archive "$1"
  curl --fail --silent --show-error --location --output sum "$2"
  read -r expected _ <sum
  echo "$expected  archive" | sha256sum --check --quiet
}

if [ -n "${HELM:-}" ]; then
  url="https://get.helm.sh/helm-$HELM-linux-$arch.tar.gz"
  fetch "$url" "$url.sha256sum"
  "${PYTHON:-python3}" -m tarfile -e archive .
  install -m 0755 "linux-$arch/helm" /usr/local/bin/helm
fi
if [ -n "${KUBELOGIN:-}" ]; then
  url="https://github.com/Azure/kubelogin/releases/download/$KUBELOGIN/kubelogin-linux-$arch.zip"
  fetch "$url" "$url.sha256"
  "${PYTHON:-python3}" -m zipfile -e archive .
  install -m 0755 "bin/linux_$arch/kubelogin" /usr/local/bin/kubelogin
fi
