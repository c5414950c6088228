# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Argument specifications as objects, so that groups of options can be joined without losing their rules."""

from __future__ import annotations

from dataclasses import dataclass, field

from ._types import Json


@dataclass(frozen=True)
class ArgSpec:
    """Options and the rules between them (the keyword arguments of AnsibleModule)."""

    options: Json
    mutually_exclusive: list[list[str]] = field(default_factory=list)
    required_together: list[list[str]] = field(default_factory=list)
    required_one_of: list[list[str]] = field(default_factory=list)
    required_if: list[tuple[object, ...]] = field(default_factory=list)
    required_by: dict[str, list[str]] = field(default_factory=dict)

    def merge(self, *others: ArgSpec) -> ArgSpec:
        """Join specifications; a doubly defined option is a mistake of ours."""
        merged = self
        for other in others:
            twice = sorted(set(merged.options) & set(other.options))
            if twice:
                raise ValueError(f"options defined twice: {', '.join(twice)}")
            merged = ArgSpec(
                {**merged.options, **other.options},
                merged.mutually_exclusive + other.mutually_exclusive,
                merged.required_together + other.required_together,
                merged.required_one_of + other.required_one_of,
                merged.required_if + other.required_if,
                {**merged.required_by, **other.required_by},
            )
        return merged

    def to_kwargs(self) -> Json:
        """Keyword arguments for AnsibleModule."""
        return {
            "argument_spec": self.options,
            "mutually_exclusive": self.mutually_exclusive,
            "required_together": self.required_together,
            "required_one_of": self.required_one_of,
            "required_if": self.required_if,
            "required_by": self.required_by,
        }


def waiting(timeout_s: int) -> ArgSpec:
    """Options of a module that waits for what it started; timeout_s is the default, in seconds."""
    return ArgSpec({"wait": {"type": "bool", "default": True}, "wait_timeout": {"type": "int", "default": timeout_s}})


STATE = ArgSpec({"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}})
QUERY = ArgSpec({"query": {"type": "str"}})
