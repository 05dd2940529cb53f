"""From bare triples, checked, to the parts of a graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import bools, finite, wholes
from neurograph.errors import GraphError, kind_of
from neurograph.functions import Function
from neurograph.graph.connections import Connections
from neurograph.graph.normal_form import normal_form
from neurograph.graph.table import INPUT, Table
from neurograph.graph.weights import Weights
from neurograph.memory import INT32_MAX, require
from neurograph.names import IdArray

FUNCTIONS_MAX = 2**15 - 1  # the largest function number
# Bytes that building takes: columns and names of an id, value and name of a weight, and the sorted
# copies of a connection.
_ID, _WEIGHT, _TRIPLE = 64, 24, 96


@dataclass(frozen=True, eq=False)
class Parts:
    """What a graph of bare triples consists of."""

    table: Table
    weights: Weights
    functions: list[Function]
    inputs: IdArray
    neurons: IdArray  # by id, so that neuron 7 is number 7 whatever the inputs are
    outputs: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        connections: Iterable[tuple[int, int, int]] | Connections,
        inputs: Iterable[int],
        functions: Function | Mapping[int, Function] | None,
        outputs: Iterable[int] | None,
        values: ArrayLike | None,
        trainable: ArrayLike | None,
    ) -> Parts:
        """Return the parts, checked; the arguments are those of `Graph.from_connections`."""
        triples, given = as_triples(connections), as_ids(inputs, "inputs")
        named = list(functions) if isinstance(functions, Mapping) else []
        others = {"functions": as_ids(named, "functions")}
        if outputs is not None:
            others["outputs"] = as_ids(outputs, "outputs")
        started = None if values is None else finite("weights", values)
        size, count = check_triples(triples, given, others, 0 if started is None else started.size)
        column, table_of = function_column(size, functions, given)
        linear = np.array([f.linear for f in table_of] + [False])[column]
        source, weight, target = triples.T
        table = normal_form(source, weight, target, function=column, linear=linear)
        rest = np.setdiff1d(np.arange(1, size), given)
        numbered = np.full(size, -1)
        numbered[rest] = rest
        chosen = others.get("outputs", np.setdiff1d(rest, source)).astype(np.int32)
        weights = _weights(count, started, trainable)
        return cls(table, weights, table_of, IdArray.of(given), IdArray.of(numbered), chosen)


def _weights(
    count: int, values: NDArray[np.float64] | None, trainable: ArrayLike | None
) -> Weights:
    """Return the array "weight" of `count` weights, 1.0 and trainable where nothing is given."""
    free = np.ones(1, bool) if trainable is None else bools("trainable", trainable)
    if free.shape not in ((), (1,), (count,)):
        raise GraphError(f"trainable: found shape {free.shape}, needed one for each of {count}")
    arrays = {"weight": IdArray((count,), 0)} if count else {}
    started = np.ones(count) if values is None else values
    return Weights.of(arrays, np.broadcast_to(free, (count,)), started)


def as_triples(connections: Iterable[tuple[int, int, int]] | Connections) -> NDArray[np.int64]:
    """Return connections as an array (connections, 3) of whole numbers.

    >>> as_triples([(1, 0, 3), (2, 0, 3)]).shape
    (2, 3)

    Raises GraphError for anything that is no triple of whole numbers.
    """
    if isinstance(connections, Connections):
        parts = connections.source, connections.weight, connections.target
        return np.stack(parts, axis=1).astype(np.int64)
    array = wholes("connections", connections)
    if array.size and array.ndim == 0:
        raise GraphError(f"connections: found {kind_of(connections)}, needed triples")
    if array.size and (array.ndim != 2 or array.shape[1] != 3):
        raise GraphError(
            f"connections: found an array of shape {array.shape}, "
            "needed (source, weight, target) triples"
        )
    return array.reshape(-1, 3).astype(np.int64)


def as_ids(ids: Iterable[int], who: str) -> NDArray[np.int64]:
    """Return ids as a flat array of whole numbers. Raises GraphError for anything else."""
    return wholes(who, ids).reshape(-1).astype(np.int64)


def check_triples(
    triples: NDArray[np.int64],
    inputs: NDArray[np.int64],
    others: Mapping[str, NDArray[np.int64]],
    values: int,
) -> tuple[int, int]:
    """Return how many ids and weights there are.

    `others` are more neurons, by who names them; `values` is the number of weight values given.
    Raises GraphError for ids out of range, an input given twice, an input or the bias unit that is
    a target, and for more ids than fit in memory.
    """
    for column, what, least in ((0, "source", 0), (1, "weight", 0), (2, "target", 1)):
        ids = triples[:, column]
        bad = np.flatnonzero((ids < least) | (ids >= INT32_MAX))
        if bad.size:
            raise GraphError(
                f"connection {bad[0]}, {_shown(triples[bad[0]])}: {what} ids go from "
                f"{least} to {INT32_MAX - 1:,}"
            )
    for who, ids in {"inputs": inputs, **others}.items():
        bad = np.flatnonzero((ids < 1) | (ids >= INT32_MAX))
        if bad.size:
            raise GraphError(
                f"{who}: neuron {ids[bad[0]]}, needed neurons from 1 to {INT32_MAX - 1:,}"
            )
    once, uses = np.unique(inputs, return_counts=True)
    if (uses > 1).any():
        raise GraphError(f"inputs: neuron {once[uses > 1][0]} is given twice")
    fed = np.flatnonzero(np.isin(triples[:, 2], inputs))
    if fed.size:
        raise GraphError(
            f"connection {fed[0]}, {_shown(triples[fed[0]])}: its target is an input, "
            "which takes its state from the user"
        )
    known = [triples[:, 0], triples[:, 2], inputs, *others.values()]
    size = 1 + max(int(ids.max(initial=0)) for ids in known)
    count = max(int(triples[:, 1].max(initial=-1)) + 1, values)
    needed = _ID * size + _WEIGHT * count + _TRIPLE * len(triples)
    require(needed, f"a graph of {size:,} ids and {count:,} weights", GraphError)
    return size, count


def _shown(triple: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(triple.tolist())


def function_column(
    size: int, functions: Function | Mapping[int, Function] | None, inputs: NDArray[np.int64]
) -> tuple[NDArray[np.int16], list[Function]]:
    """Return the function number of each id, and the functions by number.

    Raises GraphError for what is no Function, an input with one, and too many different ones.
    """
    named: dict[int, Any] = dict(functions) if isinstance(functions, Mapping) else {}
    default = Function() if functions is None or isinstance(functions, Mapping) else functions
    number: dict[Function, int] = {}
    for function in [default, *named.values()]:
        if not isinstance(function, Function):
            raise GraphError(f"functions: found {type(function).__name__}, needed a Function")
        number.setdefault(function, len(number))
    if len(number) > FUNCTIONS_MAX + 1:
        raise GraphError(f"functions: more than {FUNCTIONS_MAX + 1:,} different ones")
    column = np.zeros(size, np.int16)
    for neuron, function in named.items():
        column[neuron] = number[function]
    both = np.intersect1d(np.array(list(named), np.int64), inputs)
    if both.size:
        raise GraphError(f"functions: neuron {both[0]} is an input, which has none")
    column[0] = column[inputs] = INPUT
    return column, list(number)
