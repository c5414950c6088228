# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role `cilium` hands to its module."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles" / "cilium"


@pytest.mark.parametrize(("given", "handed"), [(None, "omitted"), ("", "omitted"), (2, "2"), ("2", "2"), (0, "0")])
def test_the_number_of_operators_is_left_to_the_module_unless_it_is_given(given: object, handed: str) -> None:
    """A number that is not sensible is not left out either: the module explains it."""
    (task,) = yaml.safe_load((ROLE / "tasks" / "release.yml").read_text(encoding="utf-8"))
    default = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))["cilium_operator_replicas"]
    template = jinja2.Template(task["cloudnet.aks_cilium.cilium"]["operator_replicas"])
    assert template.render(omit="omitted", cilium_operator_replicas=default if given is None else given) == handed
