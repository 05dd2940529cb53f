"""A graph as a table of its connections, a row each: what Parquet and CSV files hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import bools, finite, is_one_of, wholes
from neurograph.errors import ConversionError, GraphError, shown, suggestion
from neurograph.functions import Function
from neurograph.graph import BIAS_NAME, Graph, Layer, require_graph
from neurograph.graph.connections import BIAS_UNIT
from neurograph.graph.levels import levels
from neurograph.graph.triples import Parts
from neurograph.memory import require
from neurograph.names.spelling import stem

SIDES = ("source", "weight", "target")
COLUMNS = (*SIDES, "value", "trainable")
_ROOM = 80  # bytes of a connection while a table is written: 41 as measured, but for texts
_TEXT = 200  # bytes of a name, and of the one that the table keeps
Which = Iterable[int | str] | None
Functions = Function | Mapping[Any, Function] | None


@dataclass(frozen=True, eq=False)
class Side:
    """One side of all connections: ids, or texts that stand for ids, each once."""

    ids: NDArray[Any]
    texts: list[str] | None = None  # text i stands for id i


@dataclass(frozen=True, eq=False)
class Triples:
    """All connections: source, weight and target, and each one's value and whether it is free.

    With `by_weight` values and whether they are free stand there once for every weight instead.
    """

    source: Side
    weight: Side
    target: Side
    value: NDArray[Any] | None = None
    trainable: NDArray[Any] | None = None
    by_weight: bool = False


@dataclass(frozen=True)
class Rest:
    """What triples do not say: inputs, outputs, and functions by neuron."""

    inputs: Which = None
    outputs: Which = None
    functions: Functions = None


def triples_of(graph: Graph, by: str, who: str) -> Triples:
    """Return all connections of a graph, neurons and weights by "id" or "name".

    Raises ConversionError for another `by`, and if they would not fit in memory.
    """
    require_graph(graph, who)
    if not is_one_of(by, ("id", "name")):
        raise ConversionError(f'{who}: found by={shown(by)}, needed "id" or "name"')
    texts = graph.size + graph.weights.count if by == "name" else 0
    size = _ROOM * len(graph.connections) + _TEXT * texts
    require(size, f"{who}: all connections", ConversionError)
    every = graph.incoming(np.arange(graph.size))
    neurons, weights = graph.neuron_names, graph.weights
    names = (neurons, weights.names, neurons) if by == "name" else (None, None, None)
    sides = (every.source, every.weight, every.target)
    source, weight, target = (_side(*both) for both in zip(sides, names, strict=True))
    values, free = weights.value[every.weight], weights.trainable[every.weight]
    return Triples(source, weight, target, values, free)


def _side(ids: NDArray[Any], names: Any) -> Side:
    if names is None:
        return Side(ids)
    once, which = np.unique(ids, return_inverse=True)
    return Side(which.astype(np.int32), names.names_of(once))


def graph_of(triples: Triples, rest: Rest, who: str) -> Graph:
    """Return the graph of a table's connections.

    Neurons by name are numbered from 1 in order of appearance, and keep their names as labels.
    Raises ConversionError, before memory is taken, for ids out of range, rows that say different
    things of one weight, what is no input, output or function, and a cycle, which it shows.
    """
    try:
        named, numbers = _numbered(triples)
        rest = _by_id(rest, named, numbers)
        graph = _graph(named, rest, numbers)
        levels(graph)
    except ConversionError:
        raise
    except GraphError as error:
        raise ConversionError(f"{who}: {error}") from error
    return graph


def _numbered(triples: Triples) -> tuple[Triples, dict[str, int]]:
    """Return the triples with ids for texts, and the ids of neurons by text."""
    numbers: dict[str, int] = {}
    if triples.source.texts is None and triples.target.texts is None:
        return triples, numbers
    if triples.source.texts is None or triples.target.texts is None:
        raise GraphError("sources and targets: found ids and names, needed ids or names of both")
    numbers[BIAS_NAME] = 0
    order = zip(triples.source.ids.tolist(), triples.target.ids.tolist(), strict=True)
    texts = triples.source.texts, triples.target.texts
    for ends in order:
        for at, side in zip(ends, texts, strict=True):
            numbers.setdefault(side[at], len(numbers))
    source, target = (
        Side(np.array([numbers[text] for text in side.texts or ()], np.int64)[side.ids])
        for side in (triples.source, triples.target)
    )
    return replace(triples, source=source, target=target), numbers


def _by_id(rest: Rest, triples: Triples, numbers: Mapping[str, int]) -> Rest:
    """Return the rest with ids for names, and the inputs that are the sources no row feeds."""
    functions = rest.functions
    if isinstance(functions, Mapping):
        ids = _ids(functions, numbers, "functions")
        functions = dict(zip(ids, functions.values(), strict=True))
    inputs = _ids(rest.inputs, numbers, "inputs")
    if rest.inputs is None:
        sources = np.unique(wholes("source", triples.source.ids))
        unfed = np.setdiff1d(sources, wholes("target", triples.target.ids))
        inputs = unfed[unfed != BIAS_UNIT].tolist()
    outputs = None if rest.outputs is None else _ids(rest.outputs, numbers, "outputs")
    return Rest(inputs, outputs, functions)


def _ids(given: Which | Mapping[Any, Any], numbers: Mapping[str, int], what: str) -> list[int]:
    if given is None:
        return []
    if isinstance(given, str) or not np.iterable(given):
        given = [given]
    for one in given:
        if isinstance(one, str) and one not in numbers:
            raise GraphError(f"{what}: {shown(one)} is in no row{suggestion(one, numbers)}")
    return [numbers[one] if isinstance(one, str) else one for one in given]


def _graph(triples: Triples, rest: Rest, numbers: Mapping[str, int]) -> Graph:
    """Return the graph; neurons that the table has a name for are called so, whatever it is."""
    every = stacked(triples)
    values, free = of_weights(triples, every[:, 1])
    given: Any = rest.inputs or ()
    outputs: Any = rest.outputs
    parts = Parts.of(every, given, rest.functions, outputs, values, free)
    taken = {stem(text) for text in numbers}
    inputs, others = (_free(name, taken) for name in ("input", "neuron"))
    layers = [Layer(inputs, "Input", parts.inputs)]
    layers.append(Layer(others, "Neurons", parts.neurons, tuple(parts.weights)))
    return Graph.assemble(
        parts.table,
        parts.weights,
        parts.functions,
        layers,
        constants={0: BIAS_NAME},
        states={0: 1.0},
        inputs=[inputs],
        outputs=parts.outputs,
        labels={i: text for text, i in numbers.items() if i},
    )


def _free(name: str, taken: Set[str]) -> str:
    while name in taken:
        name += "s"
    return name


def stacked(triples: Triples) -> NDArray[Any]:
    """Return ids as an array (connections, 3). Raises GraphError for what are no whole numbers."""
    return np.stack([wholes(name, getattr(triples, name).ids) for name in SIDES], axis=1)


def of_weights(
    triples: Triples, weight: NDArray[Any]
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Return each weight's value and whether it is trainable, None where rows do not say.

    A weight without a connection is 1.0 and trainable. Raises GraphError where two rows disagree.
    """
    if weight.size and not 0 <= int(weight.min()) <= int(weight.max()) < 2**31 - 1:
        return None, None  # ids out of range, which the graph refuses
    found: list[NDArray[Any] | None] = []
    for name, default, check in (("value", 1.0, finite), ("trainable", True, bools)):
        column = getattr(triples, name)
        if column is None:
            found.append(None)
            continue
        said = check(name, column)
        if triples.by_weight:
            if weight.size and int(weight.max()) >= said.size:
                raise GraphError(f"{name}: found {said.size}, there is a weight {weight.max()}")
            found.append(said)
            continue
        count = int(weight.max(initial=-1)) + 1
        require(32 * count, f"{count:,} weights", GraphError)
        of_weight = np.full(count, default)
        of_weight[weight] = said
        odd = np.flatnonzero(of_weight[weight] != said)
        if odd.size:
            at = int(weight[odd[0]])
            name_of = at if triples.weight.texts is None else triples.weight.texts[at]
            raise GraphError(f"row {odd[0] + 1}: weight {name_of} has two {name}s, needed one")
        found.append(of_weight)
    return found[0], found[1]
