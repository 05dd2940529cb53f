"""Cutting connections one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import array
from neurograph.edit.rebuilding import copied_rows, rebuilt, rows_of, table_of, with_rows
from neurograph.errors import GraphError
from neurograph.graph import Graph, require_graph
from neurograph.graph.connections import Connections, blocks
from neurograph.graph.normal_form import unique_rows
from neurograph.graph.ragged import Ragged
from neurograph.graph.view import View
from neurograph.memory import require

Mask = NDArray[np.bool_]
Predicate = Callable[[Connections], Any]
Where = Predicate | ArrayLike | Connections | View


def cut(graph: Graph, where: Where, *, layer: str | Sequence[str] | None = None) -> Graph:
    """Return the graph without the connections `where` holds, bias connections among them.

    `where` is called with blocks of `Connections` and returns a bool for each (True: cut), or is an
    array with one bool for each connection in the order of `graph.select(layer=layer).all()`, or of
    `graph.connections` where no layer is given, or is `Connections` of this graph, as
    `graph.incoming("C3[0, 0, 0]")` returns them, or a view, as `graph.select` does: every one like
    these is cut. A neuron that loses a connection of a shared weight gets a kernel of its own with
    that slot cut; the weight stays shared everywhere else, and neurons of one kernel with the same
    cuts share one new kernel. Weights are left in place, dead ones too. Raises GraphError for a
    `where` that is not bool or of another length.

    >>> from neurograph.layers import Conv2d, Input
    >>> graph = Graph()
    >>> c1 = graph.add(Conv2d(6, 5, name="C1"), graph.add(Input((1, 32, 32))))
    >>> centre = graph.weight_id("C1.kernel[0, 0, 2, 2]")
    >>> less = cut(graph, lambda some: (some.weight == centre) & (some.target == c1[0, 10, 10]))
    >>> len(graph.sharing(centre)), len(less.sharing(centre)), len(less.connections)
    (784, 783, 122303)
    """
    require_graph(graph, "cut")
    table = graph.table
    bias = table.bias.copy()
    owners, parts, taken = [], [], 0
    for neurons, _, mask in chosen(graph, where, layer, "cut"):
        touched, rows = _cut_rows(graph, neurons, mask, bias)
        owner, which, distinct = neurons[touched], *_distinct(rows)
        taken += distinct.ids.nbytes
        require(taken, "cut: the kernels of the neurons it touches", GraphError)
        owners.append((owner, which))
        parts.append(distinct)
    kernels, kernel = copied_rows(table.kernels), table.kernel
    if parts:
        base = np.cumsum([0, *(part.count for part in parts)])
        every, which = unique_rows(*_stacked(parts))
        which = which[np.concatenate([w + b for (_, w), b in zip(owners, base, strict=False)])]
        owner = np.concatenate([o for o, _ in owners])
        kernels, kernel = with_rows(table.kernels, table.kernel, owner, every, which)
    columns = table.field, kernel, bias, table.function
    return rebuilt(graph, table_of(copied_rows(table.fields), kernels, columns))


def chosen(
    graph: Graph, where: Where, layer: str | Sequence[str] | None, who: str
) -> Iterator[tuple[NDArray[Any], Connections, Mask]]:
    """Yield (neurons, their connections, mask over them) in blocks; those with none are left out.

    `where` and `layer` are as in `cut`. Raises GraphError for a mask that does not fit.
    """
    neurons: NDArray[Any] = np.arange(graph.size)
    if layer is not None:
        neurons = np.unique(graph.neurons_of(layer))
    if isinstance(where, str):
        raise GraphError(
            f"{who}: found the name {where!r}, needed connections, as graph.incoming({where!r}), "
            "bools, or a function of blocks of connections"
        )
    where = where.all() if isinstance(where, View) else where
    answer = _like(where) if isinstance(where, Connections) else where
    asked = callable(answer) and not isinstance(answer, type)
    given = None if asked else array(who, answer, needed="bools")
    if given is not None:
        _check(given, len(graph.select(layer=layer)), who)
    position = 0
    for some, block in blocks(graph.table, neurons):
        if not len(block):
            continue
        if given is None:
            mask = array(who, answer(block), needed="bools")  # type: ignore[operator]
            _check(mask, len(block), who)
        else:
            mask = given[position : position + len(block)]
            position += len(block)
        if mask.any():
            yield some, block, mask


def _like(wanted: Connections) -> Predicate:
    """Return what tells connections that are among `wanted`."""
    rows = np.unique(rows_of(wanted.source, wanted.weight, wanted.target))
    return lambda block: np.isin(rows_of(block.source, block.weight, block.target), rows)


def _check(mask: NDArray[Any], size: int, who: str) -> None:
    if mask.dtype != np.bool_ or mask.shape != (size,):
        raise GraphError(
            f"{who}: found {mask.dtype} of shape {mask.shape}, needed a bool for each of "
            f"{size:,} connections"
        )


def _cut_rows(
    graph: Graph, neurons: NDArray[Any], mask: Mask, bias: NDArray[Any]
) -> tuple[Mask, tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """Return which neurons lose a slot and the rows (ptr, ids) of their new kernels.

    The biases that are cut are taken out of `bias`.
    """
    owner, source, weight = graph.table.slots(neurons)
    live = np.flatnonzero((source >= 0) & (weight >= 0))
    biased = neurons[bias[neurons] >= 0]
    bias[biased[mask[live.size :]]] = -1
    gone = live[mask[: live.size]]
    weight[gone] = -1
    touched = np.zeros(neurons.size, bool)
    touched[owner[gone]] = True
    lengths = np.bincount(owner, minlength=neurons.size)[touched]
    return touched, (np.concatenate([[0], np.cumsum(lengths)]), weight[touched[owner]])


def _distinct(rows: tuple[Any, Any]) -> tuple[NDArray[np.int64], Ragged]:
    found, which = unique_rows(*rows)
    return which, found


def _stacked(parts: list[Ragged]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    lengths = np.concatenate([np.diff(part.ptr) for part in parts])
    return np.concatenate([[0], np.cumsum(lengths)]), np.concatenate([part.ids for part in parts])
