"""Look-ups in both directions: who uses a weight, who reads a neuron.

A look-up costs its answer plus the dead slots it meets, after one index build per direction.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.connections import BIAS_UNIT, Connections, join
from neurograph.graph.ragged import Ragged, has_dead
from neurograph.graph.table import Table
from neurograph.rows import spans


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
