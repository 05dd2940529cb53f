"""Connections as a view of the table, and look-ups in both directions.

Nothing here ever holds all connections: a view yields blocks of bounded size, a look-up costs its
answer plus the dead slots it meets, after one index build per direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.graph.table import Ids, Ragged, Table, blocks_of, has_dead, live_slots
from neurograph.memory import require
from neurograph.rows import spans

BIAS_UNIT = 0
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Connections:
    """Some connections: three int32 arrays of equal length, `source`, `weight` and `target`.

    Iterating yields (source, weight, target) triples of Python numbers.

    >>> list(Connections(*np.array([[1, 2], [0, 0], [3, 3]], np.int32)))
    [(1, 0, 3), (2, 0, 3)]
    """

    source: Ids
    weight: Ids
    target: Ids

    def __len__(self) -> int:
        return self.source.size

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Iterate over (source, weight, target) triples."""
        return zip(self.source.tolist(), self.weight.tolist(), self.target.tolist(), strict=True)

    def keep(self, mask: NDArray[Any] | slice) -> Connections:
        """Return those where a mask holds, or in a slice."""
        return Connections(self.source[mask], self.weight[mask], self.target[mask])


def join(parts: list[Connections]) -> Connections:
    """Return the parts as one."""
    empty = [np.empty(0, np.int32)]
    return Connections(
        *(
            np.concatenate([getattr(p, side) for p in parts] or empty).astype(np.int32, copy=False)
            for side in ("source", "weight", "target")
        )
    )


def expand(table: Table, neurons: NDArray[Any]) -> Connections:
    """Return every connection into `neurons`: live slots in order, then bias connections."""
    owner, source, weight = table.slots(neurons)
    neurons = np.asarray(neurons, np.int32)
    live = (source >= 0) & (weight >= 0)
    bias = table.bias[neurons]
    biased = bias >= 0
    zeros = np.full(int(biased.sum()), BIAS_UNIT, np.int32)
    return join(
        [
            Connections(source[live], weight[live], neurons[owner[live]]),
            Connections(zeros, bias[biased], neurons[biased]),
        ]
    )


def blocks(
    table: Table, neurons: NDArray[Any], size: int = _BLOCK
) -> Iterator[tuple[NDArray[Any], Connections]]:
    """Yield (neurons, their connections) in blocks of at most `size` slots or one neuron."""
    for a, b in blocks_of(table.fields.lengths(table.field[neurons]) + 1, size):
        yield neurons[a:b], expand(table, neurons[a:b])


def _invert(ids: NDArray[Any], count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return (ptr, places): id i stands at `places[ptr[i]:ptr[i + 1]]`, in order."""
    from scipy.sparse import csr_matrix  # its transposition is a counting sort, linear in the slots

    places = np.flatnonzero(ids >= 0).astype(np.int64)
    matrix = csr_matrix((places, ids[places], [0, places.size]), shape=(1, count))
    by_id = matrix.tocsc()
    return by_id.indptr, by_id.data


class Index:
    """Who uses what: built once per direction, when first asked."""

    def __init__(self, table: Table, weight_count: int) -> None:
        self._table = table
        self._weight_count = weight_count

    @cached_property
    def _by_source(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return _invert(self._table.fields.ids, self._table.size)

    @cached_property
    def _by_weight(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return _invert(self._table.kernels.ids, self._weight_count)

    @cached_property
    def _by_field(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return _invert(self._table.field, self._table.fields.count)

    @cached_property
    def _by_kernel(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return _invert(self._table.kernel, self._table.kernels.count)

    @cached_property
    def _by_bias(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return _invert(self._table.bias, self._weight_count)

    @cached_property
    def cut_kernels(self) -> NDArray[np.bool_]:
        """Whether each kernel has a cut slot; the last stands for -1, no kernel."""
        return np.append(has_dead(self._table.kernels), False)

    def _users(
        self,
        ids: NDArray[Any],
        by_id: tuple[NDArray[Any], NDArray[Any]],
        rows: Ragged,
        by_row: tuple[NDArray[Any], NDArray[Any]],
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return (which of ids, slot, neuron) wherever a row holds one of `ids`."""
        which, place = _gather(ids, by_id)
        row = np.searchsorted(rows.ptr, place, side="right") - 1
        slot = place - rows.ptr[row]
        again, neuron = _gather(row, by_row)
        return which[again], slot[again], neuron

    def outgoing(self, sources: NDArray[Any]) -> Connections:
        """Return every connection whose source is one of `sources`."""
        table = self._table
        which, slot, neuron = self._users(sources, self._by_source, table.fields, self._by_field)
        weight = table.kernels.ids[table.kernels.ptr[table.kernel[neuron]] + slot]
        found = Connections(sources[which].astype(np.int32), weight, neuron.astype(np.int32)).keep(
            weight >= 0
        )
        if not (sources == BIAS_UNIT).any():
            return found
        biased = np.flatnonzero(table.bias >= 0).astype(np.int32)
        bias = Connections(np.full(biased.size, BIAS_UNIT, np.int32), table.bias[biased], biased)
        return join([found, bias])

    def sharing(self, weights: NDArray[Any]) -> Connections:
        """Return every connection that uses one of `weights`."""
        table = self._table
        which, slot, neuron = self._users(weights, self._by_weight, table.kernels, self._by_kernel)
        source = table.fields.ids[table.fields.ptr[table.field[neuron]] + slot]
        found = Connections(source, weights[which].astype(np.int32), neuron.astype(np.int32)).keep(
            source >= 0
        )
        which, biased = _gather(weights, self._by_bias)
        bias = Connections(
            np.full(biased.size, BIAS_UNIT, np.int32),
            weights[which].astype(np.int32),
            biased.astype(np.int32),
        )
        return join([found, bias])


def _gather(
    ids: NDArray[Any], index: tuple[NDArray[Any], NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return (which of ids, place) for every place in the index where one of `ids` stands."""
    ptr, places = index
    start = ptr[ids]
    length = ptr[np.asarray(ids) + 1] - start
    which = np.repeat(np.arange(length.size), length)
    return which, places[spans(start, length)]


def _among(ids: NDArray[Any], chosen: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which ids are among the chosen, which ascend; at the cost of the ids, not of both."""
    if not chosen.size:
        return np.zeros(ids.size, bool)
    at = np.minimum(np.searchsorted(chosen, ids), chosen.size - 1)
    return np.asarray(chosen[at] == ids)


class View:
    """Connections of a graph, not expanded: made by `graph.connections` and `graph.select`.

    `len` counts them; iterating yields `Connections` blocks of bounded size.
    """

    def __init__(
        self,
        table: Table,
        index: Index,
        *,
        targets: NDArray[Any] | None = None,
        sources: NDArray[Any] | None = None,
        weights: NDArray[Any] | None = None,
    ) -> None:
        self._table, self._index = table, index
        self._targets, self._sources, self._weights = targets, sources, weights

    def narrowed(
        self,
        *,
        targets: NDArray[Any] | None = None,
        sources: NDArray[Any] | None = None,
        weights: NDArray[Any] | None = None,
    ) -> View:
        """Return the view of those that also have one of these targets, sources and weights."""

        def both(old: NDArray[Any] | None, new: NDArray[Any] | None) -> NDArray[Any] | None:
            if old is None or new is None:
                return old if new is None else np.unique(new)
            return np.intersect1d(old, new)

        return View(
            self._table,
            self._index,
            targets=both(self._targets, targets),
            sources=both(self._sources, sources),
            weights=both(self._weights, weights),
        )

    def __len__(self) -> int:
        if self._sources is None and self._weights is None:
            neurons = self._neurons()
            biased = int((self._table.bias[neurons] >= 0).sum())
            return int(live_slots(self._table, neurons).sum()) + biased
        return sum(len(block) for block in self.blocks())

    def _neurons(self) -> NDArray[Any]:
        return np.arange(self._table.size) if self._targets is None else self._targets

    def __iter__(self) -> Iterator[Connections]:
        return self.blocks()

    def blocks(self, size: int = _BLOCK) -> Iterator[Connections]:
        """Yield the connections in blocks of at most `size`.

        Unfiltered blocks hold whole neurons, so that one with more connections makes a longer block
        of its own. Raises GraphError for a size below 1.
        """
        if size < 1:
            raise GraphError(f"connections: blocks of {size}, needed a size of at least 1")
        if self._sources is None and self._weights is None:
            for _, block in blocks(self._table, self._neurons(), size):
                if len(block):
                    yield block
            return
        # A filter by source or weight starts from that side's index, so its cost is the answer's.
        by_weight = self._weights is not None
        ids = self._weights if by_weight else self._sources
        look_up = self._index.sharing if by_weight else self._index.outgoing
        assert ids is not None
        for a in range(0, ids.size, 64):
            block = look_up(ids[a : a + 64])
            if by_weight and self._sources is not None:
                block = block.keep(_among(block.source, self._sources))
            if self._targets is not None:
                block = block.keep(_among(block.target, self._targets))
            for b in range(0, len(block), size):
                yield block.keep(slice(b, b + size))

    def all(self) -> Connections:
        """Return all of them at once. Raises GraphError if they would not fit in memory."""
        if self._sources is None and self._weights is None:
            # 12 bytes each, twice while the blocks are joined.
            require(24 * len(self), "all connections", GraphError, advice="read them in blocks")
        return join(list(self.blocks()))
