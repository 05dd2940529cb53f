"""Random nets from a seeded generator: layers of every kind, bare triples, and edits of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

import neurograph as ng
from neurograph.functions import COMBINE, REDUCE, Activation, Function

Rng = np.random.Generator
# Activations whose states stay small or grow slowly, so that a right engine is near the truth.
ACTIVATIONS = ("tanh", "sigmoid", "softsign", "hardtanh", "scaled_tanh", "relu", "identity", "elu")


def _some(rng: Rng, *choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _layer(rng: Rng, maps: int, name: str) -> Any:
    """A layer of random options; many do not fit what they are added to."""
    activation = _some(rng, *ACTIVATIONS)
    if rng.random() < 0.2:
        activation = Activation("leaky_relu", (float(rng.uniform(-1, 1)),))
    out, kernel = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    window = {"stride": int(rng.integers(1, 3)), "padding": int(rng.integers(0, 2))}
    kind = int(rng.integers(9))
    if kind < 3:
        groups = _some(rng, 1, 1, 1, maps)
        table = None
        if groups == 1 and rng.random() < 0.4:
            table = [rng.permutation(maps)[: int(rng.integers(1, maps + 1))] for _ in range(out)]
            table = [tuple(sorted(row.tolist())) for row in table]
        options = {
            "groups": groups,
            "table": table,
            "bias": _some(rng, "map", "neuron", None),
            "border": _some(rng, None, None, -1.0, 0.5),
            "shared": bool(rng.random() < 0.8),
            "dilation": int(rng.integers(1, 3)),
        }
        return ng.Conv2d(
            out * groups, kernel, activation=activation, name=name, **window, **options
        )
    if kind == 3:
        return ng.ConvTranspose2d(out, kernel, activation=activation, name=name, **window)
    if kind == 4:
        return _some(rng, ng.MaxPool2d, ng.AvgPool2d)(kernel, name=name, **window)
    if kind == 5:
        return ng.Subsample2d(2, activation=activation, name=name)
    if kind == 6:
        return ng.BatchNorm2d(name=name)
    return ng.Linear(out, activation=activation, bias=bool(rng.random() < 0.7), name=name)


def layered(rng: Rng) -> ng.Graph:
    """A net of layers, each on one of those before it."""
    graph = ng.Graph()
    maps, side = int(rng.integers(1, 4)), int(rng.integers(2, 7))
    made = [graph.add(ng.Input((maps, side, side), name="x"))]
    if rng.random() < 0.3:
        made.append(graph.add(ng.Input((2, side, side), name="z")))
    for number in range(int(rng.integers(1, 5))):
        source = made[int(rng.integers(max(0, len(made) - 2), len(made)))]
        with suppress(ng.GraphError):  # a window that does not fit, groups that do not divide
            made.append(graph.add(_layer(rng, len(source), f"l{number}"), source))
    if rng.random() < 0.5:
        flat = made[-1].size
        made.append(graph.add(ng.RBF(rng.choice([-1.0, 1.0], (2, flat)), name="rbf"), made[-1]))
    if len(made) == len(graph.inputs):
        made.append(graph.add(ng.Linear(2, name="out"), made[-1]))
    if rng.random() < 0.3:
        graph.outputs = rng.permutation(graph.neurons)[: int(rng.integers(1, 6))]
    return graph


def of_triples(rng: Rng) -> ng.Graph:
    """A net of bare triples: ids in any order, pairs with several connections, any function."""
    count = int(rng.integers(3, 14))
    inputs = int(rng.integers(1, count - 1))
    place = [int(n) for n in 1 + rng.permutation(count)]  # place[i] may read place[:i]
    weights = int(rng.integers(1, 8))
    triples = []
    for at in range(inputs, count):
        sources = [0, *place[:at]]
        slots = [(_some(rng, *sources), int(rng.integers(weights))) for _ in range(rng.integers(6))]
        triples += [(s, w, place[at]) for s, w in [*slots, (place[0], 0)]]
    rng.shuffle(triples)
    functions = {
        n: Function(_some(rng, *COMBINE), _some(rng, *REDUCE), _some(rng, *ACTIVATIONS))
        for n in place[inputs:]
        if rng.random() < 0.8
    }
    return ng.Graph.from_connections(
        [tuple(map(int, t)) for t in triples],
        inputs=place[:inputs],
        functions=functions,
        outputs=place[inputs:] if rng.random() < 0.5 else None,
        values=rng.uniform(-1, 1, weights),
        trainable=rng.random(weights) < 0.7,
    )


def _masks(graph: ng.Graph, rng: Rng) -> dict[str, Any]:
    return {name: rng.random(graph.weights.names[name].shape) < 0.7 for name in graph.weights}


EDITS: dict[str, Callable[[ng.Graph, Rng], ng.Graph]] = {
    "cut": lambda g, rng: ng.cut(g, lambda some: rng.random(len(some)) < 0.2),
    "prune": lambda g, rng: ng.prune(g, _masks(g, rng)),
    "unshare": lambda g, rng: ng.unshare(g, _some(rng, *g.layers)),
    "tie": lambda g, rng: ng.tie(g, _some(rng, *g.layers)),
    "subgraph": lambda g, rng: ng.subgraph(g, ng.cone(g, g.outputs.reshape(-1)[:2])),
    "drop dead": lambda g, _: ng.drop_dead(g),
}


def net(rng: Rng) -> ng.Graph:
    """A net of either kind, edited or not, with values that have been set, drawn or not yet."""
    graph = layered(rng) if rng.random() < 0.7 else of_triples(rng)
    some = graph.neurons[::3]  # names that whatever is done to the graph has to keep
    graph.label(some, [f"v[{i}]" if i % 2 else f"v {i}" for i in some.tolist()])
    for _ in range(int(rng.integers(0, 3))):
        with suppress(ng.GraphError):  # an edit may rule out the next
            graph = EDITS[_some(rng, *EDITS)](graph, rng)
    how = rng.random()
    if how < 0.5:
        graph.weights.value = rng.uniform(-1, 1, graph.weights.count)
    elif how < 0.7 and graph.weights.draws:
        with suppress(ng.GraphError):  # weights that came without an initializer
            graph.weights.initialize(seed=int(rng.integers(9)))
    return graph
