"""What holds of every graph in a file: all that the rest of the library takes for granted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import suggestion
from neurograph.graph import Graph
from neurograph.graph.connections import BIAS_UNIT
from neurograph.graph.draws import Draw
from neurograph.graph.table import INPUT
from neurograph.graph.weights import Weights
from neurograph.names import IdArray, Names


def problem(graph: Graph) -> str:
    """Return the first thing found that no graph can be; "" where all is sound.

    Ids are in range, rows fit each other, every id has one name, inputs and constants have no
    connections and nothing else is without a function, values are finite, and draws give each
    weight one value at most - and one at least, where there are no values yet.

    >>> problem(Graph())
    ''
    """
    for check in (_ids, _rows, _names, _constants, _inputs, _layers, _values, _draws):
        for found in check(graph):
            return found
    return ""


def _ids(graph: Graph) -> Iterator[str]:
    table, count = graph.table, graph.weights.count
    outputs = graph.explicit_outputs
    for column, low, stop, what in (
        (table.field, -1, table.fields.count, "field"),
        (table.kernel, -1, table.kernels.count, "kernel"),
        (table.bias, -1, count, "bias"),
        (table.function, INPUT, len(graph.functions), "function"),
        (table.fields.ids, -1, table.size, "fields"),
        (table.kernels.ids, -1, count, "kernels"),
        (np.empty(0, np.int32) if outputs is None else outputs, 0, table.size, "outputs"),
    ):
        yield from out_of_range(column, low, stop, what)


def out_of_range(ids: NDArray[Any], low: int, stop: int, what: str) -> Iterator[str]:
    """Yield what is wrong if not all `ids` go from `low` to `stop - 1`."""
    if ids.size and not (int(ids.min()) >= low and int(ids.max()) < stop):
        yield f"{what} has ids from {ids.min()} to {ids.max()}, they go from {low} to {stop - 1}"


def _rows(graph: Graph) -> Iterator[str]:
    table = graph.table
    # One look-up an id; the last length stands for -1, no row.
    slots, weights = (np.append(np.diff(rows.ptr), 0) for rows in (table.fields, table.kernels))
    differ = slots[table.field] != weights[table.kernel]
    alone = (table.field < 0) != (table.kernel < 0)
    fed = (table.function == INPUT) & ((table.field >= 0) | (table.kernel >= 0) | (table.bias >= 0))
    for wrong, what in (
        (differ, "has a field and a kernel of different lengths"),
        (alone, "has a field or a kernel, but not both"),
        (fed, "is an input or a constant, but has connections"),
    ):
        if wrong.any():
            yield f"neuron {int(np.argmax(wrong))} {what}"


def _names(graph: Graph) -> Iterator[str]:
    for names, count in (
        (graph.neuron_names, graph.size),
        (graph.weights.names, graph.weights.count),
    ):
        yield from _unnamed(names, count)


def _unnamed(names: Names, count: int) -> Iterator[str]:
    """Yield which id has no name, or two: as many names as ids that reach all reach each once."""
    named, total = np.zeros(count, bool), 0
    for name in names:
        array = names[name]
        yield from _beyond(array, count, f"{names.what} array {name!r}")
        present: Any = slice(array.first, array.first + array.size)
        if array.explicit is not None:
            present = array.present
        named[present] = True
        total += array.size if array.explicit is None else present.size
    if not named.all():
        yield f"{names.what} {int(np.argmin(named))} has no name"
    if total != count:
        yield f"{total - count} {names.what}(s) have two names"


def _beyond(array: IdArray, count: int, what: str) -> Iterator[str]:
    if array.explicit is not None:
        yield from out_of_range(array.explicit, -1, count, what)
    elif not 0 <= array.first <= array.first + array.size <= count:
        yield f"{what} holds ids {array.first} to {array.first + array.size - 1} of {count}"


def _constants(graph: Graph) -> Iterator[str]:
    constants = graph.constants
    if constants.get(BIAS_UNIT) != 1.0:
        yield f"the bias unit's state is {constants.get(BIAS_UNIT)}, needed 1"
    for identity, state in constants.items():
        if not math.isfinite(state):
            yield f"constant {graph.neuron_name(identity)!r} has the state {state}"
        if graph.table.function[identity] != INPUT:
            yield f"constant {graph.neuron_name(identity)!r} is not one: it has a function"


def _inputs(graph: Graph) -> Iterator[str]:
    given = np.zeros(graph.size, bool)
    given[list(graph.constants)] = True
    names = [layer.name for layer in graph.inputs]
    if len(set(names)) < len(names):
        yield f"an input is listed twice: {', '.join(names)}"
    for layer in graph.inputs:
        given[layer.neurons.present] = True
        if (graph.table.function[layer.neurons.present] != INPUT).any():
            yield f"input {layer.name!r} has neurons with a function"
    lost = (graph.table.function == INPUT) & ~given
    if lost.any():
        name = graph.neuron_name(int(np.argmax(lost)))
        yield f"{name} has no function, but belongs to no input"
    if names != (found := [x.name for x in graph.layers.values() if x.kind == "Input"]):
        yield f"the inputs are {names}, the layers of kind Input {found}"


def _layers(graph: Graph) -> Iterator[str]:
    owner: dict[str, str] = {}
    for layer in graph.layers.values():
        for array in layer.arrays:
            if array not in graph.weights.names:
                near = suggestion(array, graph.weights.names)
                yield f"layer {layer.name!r}: weight array {array!r} is unknown{near}"
            if array in owner:
                yield f"the weight array {array!r} belongs to {owner[array]!r} and {layer.name!r}"
            owner[array] = layer.name


def _values(graph: Graph) -> Iterator[str]:
    weights = graph.weights
    if weights.allocated and (at := weights.beyond()) >= 0:
        yield f"the value of weight {at} is {weights.value[at]}"


def _draws(graph: Graph) -> Iterator[str]:
    weights, end = graph.weights, 0
    for draw in weights.draws:
        yield from _undrawable(draw, weights)
        if draw.first < end:
            yield f"initializers draw weight {draw.first} twice, or not in order"
        end = draw.first + draw.size
    if not weights.allocated and sum(draw.size for draw in weights.draws) != weights.count:
        yield "there are weights without a value and without an initializer"


def _undrawable(draw: Draw, weights: Weights) -> Iterator[str]:
    if draw.first + draw.size > weights.count:
        yield f"an initializer draws {draw.shape}, more than the weights there are"
    for part in (draw.fan_in, draw.initializer):
        if isinstance(part, str):
            continue
        if not np.isfinite(part).all():
            bad = np.ravel(part)[~np.isfinite(np.ravel(part))][0]
            yield f"an initializer: found the value {bad}, needed finite numbers"
        if np.broadcast_shapes(np.shape(part), draw.shape) != draw.shape:
            yield f"an initializer of shape {np.shape(part)} for {draw.shape} weights"
