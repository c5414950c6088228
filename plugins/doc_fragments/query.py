# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The option QUERY of module_utils/_argspec.py."""

    DOCUMENTATION = r"""
options:
  query:
    description:
      - JMESPath expression on the result, as with C(az --query). What it selects is returned in RV(queried); of the
        rest only what is always returned stays.
    type: str
requirements:
  - jmespath (Python package), with O(query)
"""
