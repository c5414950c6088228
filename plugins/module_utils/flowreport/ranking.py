# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""In which layer of the map each box stands: who calls stands left of who is called, as far as there are no circles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST_LAYERS = 7
"""With more, layers are put together: a map wider than that is read worse than one with lines within a layer."""


def ranks(names: Sequence[str], pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The layer of each name, from 0 on, without empty layers. Pure and independent of the order of the input."""
    order = sorted(names)
    called: dict[str, set[str]] = {name: set() for name in order}
    for source, target in pairs:
        if source != target:
            called[source].add(target)
    for source, target in _closing(order, called):
        called[source].discard(target)
    layer = dict.fromkeys(order, 0)
    for name in _topological(order, called):
        for target in called[name]:
            layer[target] = max(layer[target], layer[name] + 1)
    callers = {target for targets in called.values() for target in targets}
    for name in order:
        # Who is called by nobody stands next to the first one that it calls.
        if name not in callers and called[name]:
            layer[name] = min(layer[target] for target in called[name]) - 1
    return _compact(layer)


def _closing(order: Sequence[str], called: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Pairs that close a circle, found by walking from the callers that nobody calls."""
    incoming = dict.fromkeys(order, 0)
    for targets in called.values():
        for target in targets:
            incoming[target] += 1
    found: list[tuple[str, str]] = []
    state: dict[str, int] = {}
    for root in sorted(order, key=lambda name: (incoming[name] - len(called[name]), name)):
        if root in state:
            continue
        state[root] = 1
        path = [(root, iter(sorted(called[root])))]
        while path:
            name, rest = path[-1]
            target = next(rest, "")
            if not target:
                state[name] = 2
                path.pop()
            elif state.get(target) == 1:
                found.append((name, target))
            elif target not in state:
                state[target] = 1
                path.append((target, iter(sorted(called[target]))))
    return found


def _topological(order: Sequence[str], called: dict[str, set[str]]) -> list[str]:
    incoming = dict.fromkeys(order, 0)
    for targets in called.values():
        for target in targets:
            incoming[target] += 1
    ready = [name for name in order if not incoming[name]]
    found = []
    while ready:
        name = ready.pop()
        found.append(name)
        for target in sorted(called[name]):
            incoming[target] -= 1
            if not incoming[target]:
                ready.append(target)
    return found


def _compact(layer: dict[str, int]) -> dict[str, int]:
    used = sorted(set(layer.values()))
    numbers = {value: index for index, value in enumerate(used)}
    if len(used) > MOST_LAYERS:
        numbers = {value: round(index * (MOST_LAYERS - 1) / (len(used) - 1)) for value, index in numbers.items()}
    return {name: numbers[value] for name, value in layer.items()}
