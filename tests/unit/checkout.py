# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the collection is, for tests that start Ansible."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINKED = ROOT / ".ansible" / "collections"
COLLECTIONS = LINKED if LINKED.exists() else ROOT.parents[2]
"""A folder for ANSIBLE_COLLECTIONS_PATH. ansible-test works on a copy that lies in a tree of collections itself."""
