# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE


def test_only_the_token_is_secret() -> None:
    assert [name for name, option in KUBE.options.items() if option.get("no_log")] == ["api_key"]
