"""What edits share: copies of a graph's parts, and graphs put together from changed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edit.drawing import inherited
from neurograph.graph import Graph, Layer
from neurograph.graph.dissolved import Dissolved
from neurograph.graph.ragged import Ragged
from neurograph.graph.table import Table
from neurograph.graph.weights import Weights
from neurograph.names import IdArray

Array = NDArray[Any]


def selected_rows(rows: Ragged, used: NDArray[np.bool_]) -> tuple[Ragged, NDArray[np.int64]]:
    """Return a copy of the rows in use, and each old row's new number (-1 for a row left out).

    The last entry of the numbers stands for -1, no row.
    """
    number = np.full(rows.count + 1, -1, np.int64)
    number[:-1][used] = np.arange(int(np.count_nonzero(used)))
    if used.all():
        return Ragged.of(rows.ptr, rows.ids), number
    lengths = np.diff(rows.ptr)
    ptr = np.zeros(int(np.count_nonzero(used)) + 1, np.int64)
    np.cumsum(lengths[used], out=ptr[1:])
    return Ragged.of(ptr, rows.ids[np.repeat(used, lengths)]), number


def rows_in_use(column: Array, count: int) -> NDArray[np.bool_]:
    """Return which of `count` rows a column of row numbers names."""
    used = np.zeros(count + 1, bool)
    used[column] = True
    return used[:-1]


def with_rows(rows: Ragged, column: Array, owners: Array, new: Ragged, which: Array) -> Any:
    """Give the neurons `owners` the rows `which` of `new`; rows nobody names are left out.

    Return (rows, column) with all others as they were.
    """
    column = column.copy()
    column[owners] = -1
    kept, number = selected_rows(rows, rows_in_use(column, rows.count))
    column = number[column]
    column[owners] = kept.count + which
    ptr = np.concatenate([kept.ptr, kept.ptr[-1] + new.ptr[1:]])
    return Ragged.of(ptr, np.concatenate([kept.ids, new.ids])), column


def table_of(fields: Ragged, kernels: Ragged, columns: tuple[Array, Array, Array, Array]) -> Table:
    """Return a table of these fields and kernels and columns field, kernel, bias, function."""
    table = Table()
    table.fields, table.kernels = fields, kernels
    table.add(columns[0].size, *columns)
    return table


def rows_of(*columns: Array) -> Array:
    """Return columns of int32 as rows that compare as one value: for unique, isin and the like.

    >>> np.unique(rows_of(np.array([1, 1, 2]), np.array([5, 5, 5]))).size
    2
    """
    rows = np.stack([np.asarray(column, np.int32) for column in columns], axis=1)
    kind = np.dtype([(f"{number}", np.int32) for number in range(len(columns))])
    return np.ascontiguousarray(rows).view(kind).reshape(-1)


def copied_rows(rows: Ragged) -> Ragged:
    """Return a copy that does not grow with the original."""
    return Ragged.of(rows.ptr, rows.ids)


def copied_weights(weights: Weights, trainable: NDArray[np.bool_] | None = None) -> Weights:
    """Return a copy: names, values if there are any, how they are drawn, and which are trainable.

    The last perhaps in another way.
    """
    return Weights.of(
        {name: weights.names[name] for name in weights},
        weights.trainable if trainable is None else trainable,
        weights.value if weights.allocated else None,
        draws=weights.draws,
        seed=weights.seed,
        dissolved=weights.dissolved,
        origins=weights.origins,
    )


def rebuilt(
    graph: Graph,
    table: Table,
    *,
    weights: Weights | None = None,
    layers: Sequence[Layer] | None = None,
) -> Graph:
    """Return a graph of the same neurons with another table, and perhaps weights and layers."""
    return Graph.assemble(
        table,
        copied_weights(graph.weights) if weights is None else weights,
        graph.functions,
        list(graph.layers.values()) if layers is None else layers,
        constants={i: graph.neuron_name(i) for i in graph.constants},
        states=graph.constants,
        inputs=[layer.name for layer in graph.inputs],
        outputs=graph.explicit_outputs,
        labels=graph.labels,
        pictures=graph.pictures,
    )


def renumbered(
    old: Weights,
    arrays: Mapping[str, Array],
    trainable: NDArray[np.bool_],
    value: NDArray[np.float64],
    origin: Array,
    dissolved: Mapping[str, Dissolved] | None = None,
) -> tuple[Weights, NDArray[np.int32]]:
    """Return the weights that stand in `arrays`, numbered in that order, and the new ids.

    `origin` is the old weight that each comes from, as which it is drawn; `dissolved` the sharing
    that is so now, by default what it was. The last of the new ids stands for -1, no weight; so do
    weights that stand nowhere.
    """
    order = np.concatenate([a[a >= 0] for a in arrays.values()] or [np.empty(0, np.int32)])
    number = np.full(trainable.size + 1, -1, np.int32)
    number[order] = np.arange(order.size)
    named = {name: IdArray.of(number[ids]) for name, ids in arrays.items()}
    draws = inherited(old.draws, arrays, origin)
    weights = Weights.of(
        named,
        trainable[order],
        value[order],
        draws=draws,
        seed=old.seed,
        dissolved=old.dissolved if dissolved is None else dissolved,
        origins=old.origins,
    )
    return weights, number
