"""What the connections of a graph do not say, as JSON: layers, names, functions, outputs.

Ids are written as runs of consecutive ones, so that an array of a whole layer is one run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.triples import Side, Triples, of_weights, stacked
from neurograph.errors import ConversionError, NeurographError, shown
from neurograph.functions import Function
from neurograph.graph import Graph, Layer
from neurograph.graph.levels import levels
from neurograph.graph.triples import Parts
from neurograph.graph.weights import Weights
from neurograph.memory import INT32_MAX, require
from neurograph.names import IdArray, Names
from neurograph.nodes_and_edges import function_of, function_text
from neurograph.storage.fields import items, number, shape, text, whole
from neurograph.storage.pictures import pictures_of, pictures_text
from neurograph.storage.soundness import problem

_ID = 16  # bytes of an id while its array is read


def description(graph: Graph) -> dict[str, Any]:
    """Return what the connections of a graph do not say, for JSON."""
    number_of = graph.table.function
    return {
        "version": 1,
        "constants": [[i, graph.neuron_name(i), state] for i, state in graph.constants.items()],
        "layers": [
            [layer.name, layer.kind, *_put(layer.neurons), list(layer.arrays)]
            for layer in graph.layers.values()
        ],
        "arrays": [[name, *_put(graph.weights.names[name])] for name in graph.weights],
        "inputs": [layer.name for layer in graph.inputs],
        "outputs": _put(IdArray.of(graph.outputs)),
        "functions": [
            [function_text(function), _runs(np.flatnonzero(number_of == at))]
            for at, function in enumerate(graph.functions)
        ],
        "labels": [[i, graph.labels[i]] for i in sorted(graph.labels)],
        **pictures_text(graph.pictures),
    }


def _put(ids: IdArray) -> list[Any]:
    if ids.explicit is None:
        return [list(ids.shape), [[ids.first, ids.first + ids.size]] if ids.size else []]
    return [list(ids.shape), _runs(ids.explicit.reshape(-1))]


def _runs(ids: NDArray[Any]) -> list[list[int]]:
    """Return ids as runs of consecutive ones, [first, stop], and of none, [-1, how many].

    >>> _runs(np.array([3, 4, 5, -1, -1, 0]))
    [[3, 6], [-1, 2], [0, 1]]
    """
    before, after = ids[:-1], ids[1:]
    absent = (before < 0) & (after < 0)
    cuts = np.flatnonzero(~absent & ((before < 0) | (after != before + 1))) + 1
    edges = [0, *cuts.tolist(), ids.size]
    return [
        [-1, b - a] if ids[a] < 0 else [int(ids[a]), int(ids[b - 1]) + 1]
        for a, b in pairwise(edges)
        if b > a
    ]


def described(said: bytes, triples: Triples, who: str) -> Graph:
    """Return the graph of these connections and a description, as `description` gives it.

    Raises ConversionError, before memory is taken, for what is not of that form, a name in a row
    that the description does not have, what contradicts it, and a cycle.
    """
    try:
        found = json.loads(said)
        if not isinstance(found, dict) or found.get("version") != 1:
            raise ValueError(f"found version {shown(found)[:40]}, needed 1")
        graph = _graph(found, triples)
        if wrong := problem(graph):
            raise ValueError(wrong)
        levels(graph)
    except RecursionError:
        raise ConversionError(f"{who}: its description is nested too deeply") from None
    except (NeurographError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ConversionError(f"{who}: {error}") from error
    return graph


def _graph(said: Mapping[str, Any], triples: Triples) -> Graph:
    constants = {whole(i, INT32_MAX): (text(n), number(s)) for i, n, s in items(said["constants"])}
    layers = [
        Layer(text(name), text(kind), _ids(extent, runs), tuple(map(text, items(arrays))))
        for name, kind, extent, runs, arrays in items(said["layers"])
    ]
    arrays = {text(name): _ids(extent, runs) for name, extent, runs in items(said["arrays"])}
    inputs = [text(name) for name in items(said["inputs"])]
    every = stacked(_by_ids(triples, _names("neuron", layers, constants, said), arrays))
    unfed = [layer.neurons.present for layer in layers if layer.name in inputs]
    given = np.concatenate([*unfed, [i for i in constants if i]]).astype(np.int64)
    outputs = _ids(*said["outputs"])
    parts = Parts.of(every, given, _functions(said), outputs.present, None, None)
    weights = _weights(arrays, triples, every[:, 1])
    return Graph.assemble(
        parts.table,
        weights,
        parts.functions,
        layers,
        constants={i: name for i, (name, _) in constants.items()},
        states={i: state for i, (_, state) in constants.items()},
        inputs=inputs,
        outputs=outputs.ids,
        labels={whole(i, INT32_MAX): text(label) for i, label in items(said["labels"])},
        pictures=pictures_of(said, parts.table.size),
    )


def _ids(extent: Any, runs: Any) -> IdArray:
    """Return the array of these runs. Raises ValueError unless they fill its shape."""
    found = shape(extent)
    ends = _ends(runs)
    size = sum(b if a < 0 else b - a for a, b in ends)
    if size != math.prod(found):
        raise ValueError(f"found {size} ids for the shape {found}")
    if len(ends) == 1 and ends[0][0] >= 0:
        return IdArray(found, ends[0][0])
    require(_ID * size, f"an array of {size:,} ids", ConversionError)
    each = [np.arange(a, b) if a >= 0 else np.full(b, -1) for a, b in ends]
    return IdArray.of(np.concatenate([np.empty(0, np.int32), *each]).reshape(found))


def _ends(runs: Any) -> list[tuple[int, int]]:
    """Return runs of ids as pairs, checked; none of them is empty."""
    found = []
    for first, stop in items(runs):
        start = -1 if first == -1 else whole(first, INT32_MAX)
        if whole(stop, INT32_MAX) <= max(start, 0):
            raise ValueError(f"found the run of ids {[first, stop]}")
        found.append((start, stop))
    return found


def _functions(said: Mapping[str, Any]) -> dict[int, Function]:
    found: dict[int, Function] = {}
    for written, runs in items(said["functions"]):
        function = function_of(text(written))
        if function is None:
            raise ValueError(f"function {shown(written)} is none")
        ends = _ends(runs)
        size = sum(b - a for a, b in ends)
        require(100 * size, f"the functions of {size:,} neurons", ConversionError)
        for a, b in ends:
            found.update(dict.fromkeys(range(a, b), function))
    return found


def _names(
    what: str, layers: Iterable[Layer], constants: Mapping[int, Any], said: Mapping[str, Any]
) -> Names:
    """Return the directory of the neurons' names."""
    names = Names(what)
    for i, (name, _) in constants.items():
        names.add(name, IdArray((), i))
    for layer in layers:
        names.add(layer.name, layer.neurons)
    labels = items(said["labels"])
    names.label([i for i, _ in labels], [text(label) for _, label in labels])
    return names


def _by_ids(triples: Triples, neurons: Names, arrays: Mapping[str, IdArray]) -> Triples:
    """Return the triples with the ids of the names that stand in their rows."""
    weights = Names("weight")
    for name, ids in arrays.items():
        weights.add(name, ids)
    sides = (triples.source, neurons), (triples.weight, weights), (triples.target, neurons)
    source, weight, target = (_side(side, names) for side, names in sides)
    return Triples(source, weight, target, triples.value, triples.trainable)


def _side(side: Side, names: Names) -> Side:
    if side.texts is None:
        return side
    return Side(np.array([names.id_of(one) for one in side.texts], np.int64)[side.ids])


def _weights(arrays: dict[str, IdArray], triples: Triples, used: NDArray[Any]) -> Weights:
    """Return the weights; of what nothing is said 0 and trainable."""
    count = 1 + max([-1, *(ids.bounds()[1] for ids in arrays.values())])
    if used.size and int(used.max()) >= count:
        raise ValueError(f"a row has weight {used.max()}, there are {count}")
    require(32 * count, f"{count:,} weights", ConversionError)
    value, free = np.zeros(count), np.ones(count, bool)
    for column, found in zip((value, free), of_weights(triples, used), strict=True):
        if found is None:
            continue
        if triples.by_weight and found.size != count:
            raise ValueError(f"found {found.size} values of {count} weights")
        which = np.arange(count) if triples.by_weight else used
        column[which] = found[which]
    return Weights.of(arrays, free, value)
