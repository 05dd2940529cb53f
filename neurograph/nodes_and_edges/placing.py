"""Ids placed at their indices: arrays of neurons and of weights, their sizes checked first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from neurograph.memory import require
from neurograph.names import IdArray
from neurograph.nodes_and_edges.attributes import Attributes

# Places that arrays may have in all: absent entries are places too, but a few nodes that ask for
# billions are a mistake. The kernel that one neuron of VGG-16's widest layer needs is below it.
_PLACES, _PLACES_A_NODE = 1 << 24, 1 << 12
_BYTES = 12  # a place, while an array is made

Shape = tuple[int, ...] | None


class Member(NamedTuple):
    """A neuron or a weight of an array: its id, its node and its index (`at`)."""

    id: int
    key: Any
    at: tuple[int, ...]


def full_shape(members: Sequence[Member], shape: Shape, read: Attributes) -> tuple[int, ...]:
    """Return the shape that holds every index: the one written down, grown where it must.

    Raises the reader's error for an index of another number of axes.
    """
    if not members:
        return shape or ()
    axes = len(members[0].at) if shape is None else len(shape)
    least = list(shape or (0,) * axes)
    for _, key, index in members:
        if len(index) != axes:
            read.fail(f"node {key!r} has index {index}, needed {axes} whole numbers from 0")
        for axis, at in enumerate(index):
            if at >= least[axis]:
                least[axis] = at + 1
    return tuple(least)


def require_room(
    arrays: Iterable[tuple[Sequence[Member], Shape]], nodes: int, read: Attributes
) -> None:
    """Raise the reader's error if arrays have far more places than there are nodes for them."""
    limit = max(_PLACES, _PLACES_A_NODE * nodes)
    total = 0
    for members, shape in arrays:
        full = full_shape(members, shape, read)
        total += math.prod(full)
        if total > limit:
            who = f"the array of node {members[0].key!r}" if members else "an array"
            read.fail(
                f"{who} has shape {full}; {nodes:,} nodes were given, and arrays of at most "
                f"{limit:,} places are made for them"
            )
    require(_BYTES * total, f"{read.who}: arrays of {total:,} places", read.error)


def placed_ids(members: Sequence[Member], shape: Shape, read: Attributes) -> IdArray:
    """Return the ids of members at their indices, -1 where there is none.

    Raises the reader's error where two have one index.
    """
    full = full_shape(members, shape, read)
    ids = np.full(full, -1, np.int32)
    if members:
        index = np.array([m.at for m in members], np.int64).reshape(len(members), len(full))
        strides = [math.prod(full[axis + 1 :]) for axis in range(len(full))]
        place = index @ np.array(strides, np.int64)
        ids.reshape(-1)[place] = [m.id for m in members]
        if np.count_nonzero(ids >= 0) < len(members):
            _, first, times = np.unique(place, return_index=True, return_counts=True)
            twice = members[int(first[times > 1][0])]
            read.fail(f"node {twice.key!r} has the index of another, {twice.at}")
    return IdArray.of(ids)
