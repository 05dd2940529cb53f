"""Parts of a program: blocks of fields and kernels as products of matrices, there and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from neurograph.functions import COMBINE, COMBINE_SLOPES, REDUCE, REDUCE_SLOPES, Function
from neurograph.program import Blocks, Program, Rows

Array = NDArray[Any]
Ids = NDArray[np.intp]

_BLOCK = 1 << 18  # numbers of an array that exist at the same time, or those of one sample
_LONG = 1 << 10  # terms that are added up in the engine's dtype; sums of more are in float64


@dataclass(frozen=True, eq=False)
class Part:
    """A block: B times M kernels of K slots over F fields.

    Shapes: sources (rows, F), where an empty slot has the id after the last, whose state is 0;
    slots (B, K), the row of each slot, for some blocks read the same; weights (B, M, K); bias (B,
    M, F) or (B, M, 1), the weight after the last where there is none; targets (B, M, F).
    """

    function: Function
    sources: Ids
    slots: Ids
    weights: Ids
    bias: Ids
    targets: Ids

    @cached_property
    def places(self) -> tuple[Ids, Ids]:
        """The ids that are read, ascending, and the place among them of each source."""
        known, place = np.unique(self.sources, return_inverse=True)
        return known, place.reshape(-1)

    @cached_property
    def by_source(self) -> csr_matrix:
        """The matrix that adds up terms of all sources by id."""
        return _adding(self.places[1])

    @cached_property
    def by_row(self) -> csr_matrix | None:
        """The matrix that adds up terms of all slots by row; None where each has its own."""
        return None if self.slots.size == len(self.sources) else _adding(self.slots.reshape(-1))

    @cached_property
    def often(self) -> bool:
        """Whether so many slots read a source that their terms have to be added up in float64."""
        rows = np.bincount(self.slots.reshape(-1), minlength=len(self.sources))
        read = np.bincount(self.places[1], rows.repeat(self.sources.shape[1]))
        return bool(read.max(initial=0) > _LONG)

    def joined(self, absent: int) -> Part:
        """Return one block for blocks that share rows, with the weight `absent` in slots between.

        It has all rows in every kernel; where that is more than twice as many slots, or a kernel
        reads a row twice, the part stays as it is. `absent` must be 0, and all states finite.
        """
        blocks, maps, slots = self.weights.shape
        rows = len(self.sources)
        twice = (np.diff(np.sort(self.slots, axis=1), axis=1) == 0).any()
        shared = rows < blocks * slots and rows <= 2 * slots
        if not (self.function.linear and shared) or twice:
            return self
        weights = np.full((blocks, maps, rows), absent, np.intp)
        at = np.broadcast_to(self.slots[:, None], self.weights.shape)
        np.put_along_axis(weights, at, self.weights, axis=2)
        flat = (
            column.reshape(1, blocks * maps, -1) for column in (weights, self.bias, self.targets)
        )
        return Part(self.function, self.sources, np.arange(rows)[None], *flat)

    def samples(self, batch: int) -> Iterator[slice]:
        """Cut a batch so that no array of these slots gets larger than need be."""
        maps, fields = self.targets.shape[1:]
        each = self.slots.size * fields * (1 if self.function.linear else maps)
        step = max(1, _BLOCK // max(1, each))
        return (slice(a, a + step) for a in range(0, batch, step))

    def columns(self, states: Array) -> Array:
        """Return the states that all slots read, (B, K, F * samples), of states (ids, samples)."""
        rows, fields = self.sources.shape
        found = states.take(self.sources, axis=0).reshape(rows, fields * states.shape[1])
        if self.by_row is not None:
            found = found.take(self.slots.reshape(-1), axis=0)
        return found.reshape(*self.slots.shape, found.shape[1])

    def add(self, terms: Array, deltas: Array, some: slice) -> None:
        """Add the terms of all slots, (B, K, F * samples), to some samples of their sources."""
        terms = terms.reshape(self.slots.size, terms.shape[2])
        if self.often:
            terms = terms.astype(np.float64)
        if self.by_row is not None:
            terms = self.by_row @ terms
        known, place = self.places
        if deltas.shape[1] == 1:  # much the fastest
            deltas[known, 0] += np.bincount(place, terms.reshape(-1), known.size)
        else:
            deltas[known, some] += self.by_source @ terms.reshape(place.size, deltas[0, some].size)

    def net(self, values: Array, columns: Array) -> Array:
        """Return the net inputs, (B, M, F * samples), biases left out."""
        kernels = values.take(self.weights)
        if self.function.linear:
            return self._product("bmk,bkf->bmf", kernels, columns)
        terms = COMBINE[self.function.combine](kernels[..., None], columns[:, None])
        exact = np.float64 if self.function.reduce == "sum" else None
        return np.asarray(REDUCE[self.function.reduce].reduce(terms, axis=2, dtype=exact))

    def back(
        self, values: Array, columns: Array, delta: Array, *, power: int, below: bool
    ) -> tuple[Array, Array | None]:
        """Return what the kernels get, (B, M, K), and what the columns get if `below`.

        Every local derivative is raised to the `power`.
        """
        kernels = values.take(self.weights)
        if not self.function.linear:
            return self._slopes(kernels[..., None], columns[:, None], delta[:, :, None], power)
        if power > 1:
            kernels, columns = kernels**power, columns**power
        found = self._product("bmf,bkf->bmk", delta, columns)
        return found, self._product("bmk,bmf->bkf", kernels, delta) if below else None

    def _slopes(
        self, weight: Array, source: Array, above: Array, power: int
    ) -> tuple[Array, Array]:
        """Do so for any function, term by term: arrays (B, M, K, F * samples)."""
        terms = COMBINE[self.function.combine](weight, source)
        blocks, maps, *rest = terms.shape
        slopes = REDUCE_SLOPES[self.function.reduce](terms.reshape(blocks * maps, *rest))
        share = slopes.reshape(terms.shape)
        by_source, by_weight = COMBINE_SLOPES[self.function.combine](weight, source)
        by_weight = (above * (share * by_weight) ** power).sum(axis=3, dtype=np.float64)
        by_source = (above * (share * by_source) ** power).sum(axis=1, dtype=np.float64)
        return by_weight, by_source

    def _product(self, how: str, one: Array, other: Array) -> Array:
        """Return a product of matrices, block by block; long sums in pieces, added in float64."""
        (summed,) = set("mkf") - set(how[-2:])
        axes = how.index(summed), how.index(summed, 4) - 4
        length = one.shape[axes[0]]
        if length <= _LONG:
            return self._multiplied(how, one, other)
        total = np.zeros(())
        for a in range(0, length, _LONG):
            pair = zip((one, other), axes, strict=True)
            piece = self._multiplied(how, *(_some(array, axis, a) for array, axis in pair))
            total = total + piece.astype(np.float64)
        return total

    def _multiplied(self, how: str, one: Array, other: Array) -> Array:
        """Return a product block by block; by einsum where each would be one row."""
        if self.targets[0].size == 1:
            return np.asarray(np.einsum(how, one, other))
        if how == "bmk,bmf->bkf":
            one = one.transpose(0, 2, 1)
        elif how == "bmf,bkf->bmk":
            other = other.transpose(0, 2, 1)
        return np.asarray(one @ other)


def _some(array: Array, axis: int, first: int) -> Array:
    """Return a piece of an array along an axis."""
    return array[(slice(None),) * axis + (slice(first, first + _LONG),)]


def _adding(place: Ids) -> csr_matrix:
    """Return the matrix that adds up terms (n, ...) by their places, each of which is used."""
    ones, each = np.ones(place.size, np.float32), np.arange(place.size)
    return csr_matrix((ones, (place, each)), (int(place.max(initial=-1)) + 1, place.size))


def parts_of(step: Blocks | Rows, program: Program) -> Iterator[Part]:
    """Yield a step as parts: a block as it is, rows by their number of slots."""
    if isinstance(step, Rows):
        lengths = np.diff(step.ptr)
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            slots = step.ptr[rows][:, None] + np.arange(length)
            sources, weights = step.sources[slots][:, :, None], step.weights[slots][:, None]
            alone = rows[:, None, None]
            yield _part(step, program, sources, weights, step.bias[alone], step.targets[alone])
    else:
        sources = step.sources.transpose(0, 2, 1)
        yield _part(step, program, sources, step.weights, step.bias, step.targets)


def _part(
    step: Blocks | Rows,
    program: Program,
    sources: Array,
    weights: Array,
    bias: Array,
    targets: Array,
) -> Part:
    blocks, slots, fields = sources.shape
    rows = np.ascontiguousarray(sources, np.intp).reshape(blocks * slots, fields)
    rows[rows < 0] = program.size
    place = np.arange(len(rows))
    if fields > 1 and blocks > 1:
        shared, at = np.unique(rows, axis=0, return_inverse=True)
        if len(shared) < len(rows):
            rows, place = shared, at
    ids = (np.ascontiguousarray(column, np.intp) for column in (weights, bias, targets))
    weight, biased, target = ids
    biased[biased < 0] = program.weight_count
    return Part(step.function, rows, place.reshape(blocks, slots), weight, biased, target)
