# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Policies as files for Git: byte-stable YAML, one file for each policy, names that say what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._types import Json

HEADER = "# Made by cloudnet.aks_cilium.network_policy_recommend; written again by its next run.\n"
"""First line of each file that may be written again, or removed when its policy is no more."""

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_RESERVED = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
_BLOCK = re.compile(r"[^\s][^\t\r]*\n[^\t\r]*[^\s]", re.DOTALL)
_SHORT = {"CiliumNetworkPolicy": "cnp", "CiliumClusterwideNetworkPolicy": "ccnp", "NetworkPolicy": "netpol"}
# As people write policies; what is not listed follows in alphabetical order.
_FIRST = (
    *("apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations", "spec", "description"),
    *("endpointSelector", "podSelector", "enableDefaultDeny", "policyTypes", "ingress", "egress"),
)
_RANKS = {key: rank for rank, key in enumerate(_FIRST)}


def file_name(policy: Mapping[str, Any]) -> str:
    """`shop/cnp-learned-deployment-cart.yaml`."""
    metadata = policy["metadata"]
    return f"{metadata.get('namespace') or 'cluster'}/{_SHORT[policy['kind']]}-{metadata['name']}.yaml"


def files(policies: Iterable[Json]) -> dict[str, str]:
    """Text by file name, sorted."""
    return {file_name(policy): HEADER + to_yaml(policy) for policy in sorted(policies, key=file_name)}


def to_yaml(document: Mapping[str, Any]) -> str:
    """A document of maps, lists, texts, numbers and booleans as YAML that ends with a newline."""
    return "".join(f"{line}\n" for line in _lines(document))


def _lines(value: object) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=lambda name: (_RANKS.get(name, len(_RANKS)), name)):
            yield from _entry(f"{_scalar(key)}:", value[key], indent="  ")
    elif isinstance(value, (list, tuple)) and value:
        for item in value:
            if isinstance(item, (Mapping, list, tuple)) and item:
                first, *rest = _lines(item)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
            else:
                yield f"- {_scalar(item)}"
    else:
        yield _scalar(value)


def _entry(head: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, (Mapping, list, tuple)) and value:
        yield head
        yield from (f"{indent}{line}" for line in _lines(value))
    elif isinstance(value, str) and _BLOCK.fullmatch(value) and _is_block(value):
        yield f"{head} |-"
        yield from (f"{indent}{line}" if line else "" for line in value.split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _is_block(value: str) -> bool:
    """Whether a text can stand as it is: lines of printable characters, none of which starts with a space."""
    return all(line.isprintable() and not line.startswith(" ") for line in value.split("\n"))


def _scalar(value: object) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    if isinstance(value, str):
        return '"' + "".join(_escaped(character) for character in value) + '"'
    # Every other JSON value is a YAML value.
    return json.dumps(value)


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
