"""Rows that read the same sources, in whatever order, become blocks.

A reduction does not depend on the order of its slots, so neurons wired one by one, as in a pruned
or a hand-made graph, may still be fields x kernels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import IDENTITY
from neurograph.program.steps import Blocks, Rows, Step
from neurograph.rows import equal_rows, groups_of, spans

_LEAST_ROWS = 4  # that share their sources; fewer are as well off as rows
_LEAST_SLOTS = 4


def regroup(step: Rows) -> Iterator[Step]:
    """Yield the blocks that the rows of a step form, then what is left of it.

    What is left is ordered by its first sources, so that rows that read the same places follow each
    other; slots stand in the order of their sources, but for a max or min.
    """
    length = np.diff(step.ptr)
    owner = np.repeat(np.arange(length.size), length)
    sources, weights = step.sources, step.weights
    if step.function.reduce in IDENTITY:  # elsewhere the first slot wins a tie
        order = np.argsort(owner.astype(np.int64) << 32 | sources, kind="stable")
        sources, weights = sources[order], weights[order]
    wide = np.flatnonzero(length >= _LEAST_SLOTS)
    left = np.ones(length.size, bool)
    for rows in _equal(step.ptr, sources, wide):
        left[rows.reshape(-1)] = False
        places = step.ptr[rows][..., None] + np.arange(length[rows[0, 0]])
        yield Blocks.of(
            step.level,
            step.function,
            sources[places[:, :1]],
            weights[places],
            step.bias[rows][..., None],
            step.targets[rows][..., None],
        )
    rest = np.flatnonzero(left)
    if rest.size:
        yield _ordered(step, sources, weights, rest)


def _equal(
    ptr: NDArray[np.int64], sources: NDArray[Any], wide: NDArray[Any]
) -> Iterator[NDArray[Any]]:
    """Yield groups of rows with equal sources, stacked by size: (blocks, rows)."""
    if wide.size < _LEAST_ROWS:
        return
    _, group = equal_rows(ptr, sources)
    size = np.bincount(group[wide], minlength=ptr.size)
    chosen = wide[size[group[wide]] >= _LEAST_ROWS]
    chosen = chosen[np.argsort(group[chosen], kind="stable")]
    shape = size[group[chosen]] << 32 | (ptr[chosen + 1] - ptr[chosen])
    for places in groups_of(shape):
        yield chosen[places].reshape(-1, int(shape[places[0]]) >> 32)


def _ordered(step: Rows, sources: NDArray[Any], weights: NDArray[Any], rest: NDArray[Any]) -> Rows:
    """Return the rows `rest`, ordered by their first source."""
    first = np.where(step.ptr[rest + 1] > step.ptr[rest], 0, -1)
    some = first == 0
    first[some] = sources[step.ptr[rest[some]]]
    rest = rest[np.argsort(first, kind="stable")]
    length = step.ptr[rest + 1] - step.ptr[rest]
    ptr = np.concatenate([[0], np.cumsum(length)])
    place = spans(step.ptr[rest], length)
    return Rows.of(
        step.level,
        step.function,
        step.targets[rest],
        ptr,
        sources[place],
        weights[place],
        step.bias[rest],
    )
