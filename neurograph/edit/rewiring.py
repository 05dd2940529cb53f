"""Connections that get another source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.edit.cutting import Where, chosen
from neurograph.edit.slots import SlotRows, with_slots
from neurograph.errors import GraphError
from neurograph.graph import Connections, Graph, Reference, neuron_ids, require_graph
from neurograph.graph.levels import levels
from neurograph.memory import require

Array = NDArray[Any]
_SLOT = 96  # bytes that a slot of a neuron whose connections change takes, at the peak


def rewire(
    graph: Graph,
    where: Where,
    sources: Reference | Callable[[Connections], ArrayLike],
    *,
    layer: str | Sequence[str] | None = None,
) -> Graph:
    """Return the graph in which the connections `where` holds come from other sources.

    Their weights and targets stay. `where` and `layer` are as in `cut`; `sources` is one neuron for
    all, by id or name, one for each in the order of the view, or is called with blocks of the
    chosen `Connections` and returns theirs. Raises GraphError for what is not there, another number
    of sources, and connections that close a cycle.

    >>> from neurograph.models import mlp
    >>> graph = mlp((2, 1))
    >>> rewire(graph, lambda some: some.source == 1, "input[1]").incoming("output[0]").source
    array([2, 2, 0], dtype=int32)
    """
    require_graph(graph, "rewire")
    new = _Sources(graph, sources)
    bias = graph.table.bias.copy()
    rows, total = [], 0
    for neurons, block, mask in chosen(graph, where, layer, "rewire"):
        rows.append(_moved(graph, neurons, mask, new.of(block.keep(mask)), bias))
        total += rows[-1].source.size
        require(_SLOT * total, "rewire: the slots of the neurons it touches", GraphError)
    new.require_all_taken()
    found = with_slots(graph, SlotRows.of(rows), bias)
    levels(found)  # a cycle is an error that shows one
    return found


class _Sources:
    """The new sources, as they are asked for block by block."""

    def __init__(self, graph: Graph, given: Any) -> None:
        self._graph, self._taken = graph, 0
        asked = callable(given) and not isinstance(given, type)
        self._given = given if asked else neuron_ids(graph, given, "rewire").reshape(-1)

    def of(self, some: Connections) -> Array:
        """Return the new source of each of these connections."""
        given, count = self._given, len(some)
        if callable(given):
            new = neuron_ids(self._graph, given(some), "rewire").reshape(-1)
        elif given.size == 1:
            return np.full(count, given[0])
        else:
            new = given[self._taken : self._taken + count]
        self._taken += count
        if new.size != count:
            size = new.size if callable(given) else given.size
            raise GraphError(
                f"rewire: found {size:,} sources, needed one for each of the chosen connections"
            )
        return np.asarray(new)

    def require_all_taken(self) -> None:
        """Raise GraphError if there were more sources than connections."""
        given = self._given
        if not callable(given) and given.size != 1 and given.size != self._taken:
            raise GraphError(
                f"rewire: found {given.size:,} sources for {self._taken:,} chosen connections"
            )


def _moved(graph: Graph, neurons: Array, mask: Array, new: Array, bias: Array) -> SlotRows:
    """Return the slots of those of `neurons` that the mask touches, there with new sources.

    A bias connection that gets another source leaves `bias`, and becomes a slot.
    """
    owner, source, weight = graph.table.slots(neurons)
    live = np.flatnonzero((source >= 0) & (weight >= 0))
    among = mask[: live.size]
    count = int(np.count_nonzero(among))
    source[live[among]] = new[:count]
    biased = np.flatnonzero(bias[neurons] >= 0)[mask[live.size :]]
    moves = new[count:] != 0
    gone = neurons[biased[moves]]
    touched = np.zeros(neurons.size, bool)
    touched[owner[live[among]]] = touched[biased[moves]] = True
    own = touched[owner]
    old = SlotRows(neurons[touched], neurons[owner[own]], source[own], weight[own])
    more = SlotRows(neurons[:0], gone, new[count:][moves], bias[gone].copy())
    bias[gone] = -1
    return SlotRows.of([old, more])
