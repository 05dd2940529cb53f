"""Graphs drawn at random for the tests, and the obvious ways to read them."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import strategies as st

import neurograph as ng

Triple = tuple[int, int, int]
FUNCTIONS = (
    ng.Function(),
    ng.Function(activation="tanh"),
    ng.Function("multiply", "product"),
    ng.Function("squared_difference", "sum"),
    ng.Function("multiply", "max"),
    ng.Function("multiply", "min", "scaled_tanh"),
)


def triples_of(graph: ng.Graph) -> list[Triple]:
    """Read every triple of the table, id by id and slot by slot, with Python's own numbers."""
    table, found = graph.table, []
    for neuron in range(table.size):
        field, kernel = int(table.field[neuron]), int(table.kernel[neuron])
        if field >= 0:
            slots = zip(table.fields[field].tolist(), table.kernels[kernel].tolist(), strict=True)
            found += [(s, w, neuron) for s, w in slots if s >= 0 and w >= 0]
        if table.bias[neuron] >= 0:
            found.append((0, int(table.bias[neuron]), neuron))
    return found


def same(found: ng.Connections, expected: list[Triple]) -> bool:
    """Whether these are the same triples, each as often."""
    return Counter(found) == Counter(expected)


@st.composite
def loose_graphs(draw: st.DrawFn, *, most: int = 12) -> ng.Graph:
    """Draw an acyclic graph of bare triples: ids in any order, pairs with several connections."""
    count = draw(st.integers(3, most))
    inputs = draw(st.integers(1, count - 2))
    place = draw(st.permutations(range(1, count + 1)))  # neuron place[i] may read place[:i]
    weights = draw(st.integers(1, 6))
    triples: list[Triple] = []
    for at in range(inputs, count):
        sources = st.one_of(st.just(0), st.sampled_from(place[:at]))
        slots = draw(st.lists(st.tuples(sources, st.integers(0, weights - 1)), max_size=5))
        slots += [(place[0], 0)]  # a maximum needs a connection
        triples += [(source, weight, place[at]) for source, weight in slots]
    triples = draw(st.permutations(triples))
    functions = {n: draw(st.sampled_from(FUNCTIONS)) for n in place[inputs:]}
    values = np.array([draw(st.integers(-8, 8)) / 4 for _ in range(weights)])
    return ng.Graph.from_connections(
        triples,
        inputs=place[:inputs],
        functions=functions,
        outputs=place[inputs:],
        values=values,
    )


@st.composite
def layered_graphs(draw: st.DrawFn) -> ng.Graph:
    """Draw a small network of layers: padding, tables, groups, shared weights, borders."""
    graph = ng.Graph()
    maps, side = draw(st.integers(1, 3)), draw(st.integers(4, 7))
    ids = graph.add(ng.Input((maps, side, side), name="x"))
    number = st.integers(1, 2)
    for depth in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["conv", "table", "unshared", "border", "pool", "sum"]))
        name, padding = f"{kind}{depth}", draw(st.integers(0, 1))
        if ids.shape[1] < 3:
            break
        if kind == "pool":
            layer = ng.MaxPool2d(2, stride=draw(number), padding=padding, name=name)
        elif kind == "sum":
            layer = ng.Subsample2d(2, activation="sigmoid", name=name)
        else:
            options = {"bias": draw(st.sampled_from(["map", "neuron", None]))}
            if kind == "table":
                row = st.lists(st.integers(0, len(ids) - 1), min_size=1, unique=True)
                options["table"] = draw(st.lists(row, min_size=2, max_size=2))
            options["shared"] = kind != "unshared"
            options["border"] = -1.0 if kind == "border" else None
            layer = ng.Conv2d(
                2,
                draw(st.integers(1, 3)),
                stride=draw(number),
                padding=padding,
                name=name,
                **options,
            )
        ids = graph.add(layer, ids)
    graph.add(ng.Linear(3, activation="tanh", name="out"), ids)
    graph.weights.initialize(seed=draw(st.integers(0, 9)))
    return _pruned(draw, graph) if draw(st.booleans()) else graph


def _pruned(draw: st.DrawFn, graph: ng.Graph) -> ng.Graph:
    """Cut the connections of some weights, so that fields and kernels both have dead slots."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kernels = [name for name in graph.weights if name.endswith((".kernel", ".bias"))]
    return ng.prune(graph, {n: rng.random(graph.weights.names[n].shape) < 0.7 for n in kernels})


def graphs() -> st.SearchStrategy[ng.Graph]:
    """Draw a graph of either kind."""
    return st.one_of(loose_graphs(), layered_graphs())
