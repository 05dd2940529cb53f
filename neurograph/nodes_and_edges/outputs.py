"""Which neurons are the outputs, and which neurons lead to one."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from neurograph.nodes_and_edges.nodes import Unit
from neurograph.nodes_and_edges.walking import Walk


def outputs_of(walk: Walk, units: Sequence[Unit]) -> list[Unit]:
    """Return the outputs: those named that are left; else the last layer, where it is whole.

    Else, after an edit, the neurons that feed no other. `units` are in the order of their ids.
    """
    named = walk.about.outputs
    if named is not None:
        # Nodes may have been renamed since; their layer and index still name them.
        by_name: dict[Hashable, Unit] = {unit.name: unit for unit in units}
        by_name |= {unit.key: unit for unit in units}
        left = [by_name[key] for key in named if key in by_name]
        if left:
            return left
    last = _last_layer(walk, units)
    if named is None and last:
        return last
    feeding = {link.source.key for link in walk.links}
    return [unit for unit in units if unit.computes and unit.key not in feeding]


def _last_layer(walk: Walk, units: Sequence[Unit]) -> list[Unit]:
    """Return the computed neurons of the last layer that has some; none if one is missing."""
    layers: dict[str, list[Unit]] = {name: [] for name in walk.about.layers}
    for unit in units:
        if unit.computes:
            layers.setdefault(unit.layer or str(unit.key), []).append(unit)
    notes = walk.about.layers
    there = [(name, some) for name, some in layers.items() if some or notes[name].arrays]
    if not there:
        return []
    name, members = there[-1]
    shape = list(notes[name].shape or ()) if name in notes else []
    for unit in members:
        shape += [0] * (len(unit.index) - len(shape))
        for axis, at in enumerate(unit.index):
            shape[axis] = max(shape[axis], at + 1)
    return members if math.prod(shape) == len(members) else []


def leading_to(outputs: Iterable[Any], connections: Iterable[tuple[Any, Any]]) -> set[Any]:
    """Return the nodes from which (source, target) connections lead to an output, outputs too."""
    sources: dict[Any, list[Any]] = {}
    for source, target in connections:
        sources.setdefault(target, []).append(source)
    found = set(outputs)
    front = list(found)
    while front:
        new = [s for s in sources.get(front.pop(), ()) if s not in found]
        found.update(new)
        front.extend(new)
    return found
