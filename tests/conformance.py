"""What every engine has to pass: a graph of each layer, and the states worked out slot by slot."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from networks import build, literal, randomize

import neurograph as ng
from neurograph.engines import create
from neurograph.functions import Function

CLOSE = {"float32": 1e-5, "float64": 1e-10}


def engine_of(name: str, graph: ng.Graph, dtype: str = "float64", threads: int = 1) -> Any:
    engine = create(name, ng.compile(graph), dtype=np.dtype(dtype), threads=threads)
    engine.load(graph.weights.value)
    return engine


def flat(inputs: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([x.reshape(len(x), prod(x.shape[1:])) for x in inputs], axis=1)


def check(engine: Any, graph: ng.Graph, inputs: np.ndarray, dtype: str, close: float) -> None:
    """Compare an engine's states and outputs with the states worked out slot by slot."""
    if isinstance(engine, str):
        engine = engine_of(engine, graph, dtype)
    wanted = literal(graph, inputs.astype(dtype))
    with np.errstate(all="ignore"):
        states = engine.states(inputs.astype(dtype))
        outputs = engine.run(inputs.astype(dtype))
    assert states.shape == (len(inputs), graph.size)
    assert states.dtype == outputs.dtype == dtype
    np.testing.assert_allclose(states, wanted, rtol=close, atol=close)
    wanted = wanted[:, graph.outputs.reshape(-1)]
    np.testing.assert_allclose(outputs, wanted, rtol=close, atol=close)


def two_sources(layer: Any, shape: tuple[int, ...]) -> ng.Graph:
    graph = ng.Graph()
    sources = [graph.add(ng.Input(shape)) for _ in range(2)]
    graph.add(layer, *sources)
    return randomize(graph)


def shared() -> ng.Graph:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 5, 5)))
    first = graph.add(ng.Conv2d(2, 3, padding=1, name="C1"), x)
    graph.add(ng.Conv2d(2, 3, weights="C1"), first)
    return randomize(graph)


CENTERS = np.random.default_rng(4).choice([-1.0, 1.0], (3, 8))
LAYERS: dict[str, Callable[[], ng.Graph]] = {
    "Input": lambda: build(ng.Activation("identity"), shape=(2, 3)),
    "Conv2d": lambda: build(ng.Conv2d(4, 3, activation="tanh"), shape=(2, 6, 5)),
    "Conv2d strided, padded, dilated": lambda: build(
        ng.Conv2d(3, (3, 2), stride=(1, 2), padding=((2, 1), (0, 2)), dilation=(1, 2)),
        shape=(2, 6, 5),
    ),
    "Conv2d in groups": lambda: build(ng.Conv2d(6, 3, groups=3, padding="same"), shape=(3, 5, 5)),
    "Conv2d by table": lambda: build(
        ng.Conv2d(3, 3, table=[[0], [2, 1], [0, 1, 2]]), shape=(3, 5, 5)
    ),
    "Conv2d with a border": lambda: build(
        ng.Conv2d(2, 3, padding=1, border=-1.0, bias="neuron"), shape=(1, 4, 4)
    ),
    "Conv2d unshared": lambda: build(
        ng.Conv2d(2, 3, padding=1, shared=False, bias=None), shape=(2, 4, 4)
    ),
    "Conv2d with weights of another": shared,
    "ConvTranspose2d": lambda: build(
        ng.ConvTranspose2d(4, 3, stride=2, padding=1, output_padding=1, groups=2), shape=(2, 3, 3)
    ),
    "Subsample2d": lambda: build(ng.Subsample2d(2, activation="scaled_tanh"), shape=(3, 6, 6)),
    "MaxPool2d": lambda: build(ng.MaxPool2d(3, stride=2, padding=1), shape=(2, 5, 5)),
    "AvgPool2d": lambda: build(
        ng.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        shape=(2, 6, 6),
    ),
    "Linear": lambda: two_sources(ng.Linear(5, activation="sigmoid"), (2, 3)),
    "Linear at each position": lambda: build(ng.Linear(3, per_position=True), shape=(2, 3, 3)),
    "Sparse": lambda: two_sources(
        ng.Sparse(3, [(0, 2), (5, 0), (0, 2), (11, 2), (7, 0)], activation="tanh"), (2, 3)
    ),
    "RBF": lambda: build(ng.RBF(CENTERS), shape=(8,)),
    "RBF at each position": lambda: build(ng.RBF(CENTERS, per_position=True), shape=(8, 2, 2)),
    "Add": lambda: two_sources(ng.Add(activation="relu"), (2, 3, 3)),
    "Multiply": lambda: two_sources(ng.Multiply(), (2, 3, 3)),
    "Activation": lambda: build(ng.Activation("gelu"), shape=(4, 5)),
    "BatchNorm2d": lambda: build(ng.BatchNorm2d(activation="relu"), shape=(2, 4, 3)),
}


FIELDS = [[1, 2, 3, 4], [4, 3, 2, 5], [5, 2, 3, -1], [6, 2, 2, 1], [1, 3, 3, -1]]
KERNELS = [[0, -1, -1, 1], [2, -1, -1, 0], [1, -1, -1, 1]]
CUT = [1, 2]  # the inputs that are sources 2 and 3


def with_dead_slots(pair: tuple[str, str], maps: int, fields: int) -> ng.Graph:
    """Neurons of kernels x fields with cut slots, and empty ones; many of them become blocks."""
    graph = ng.Graph()
    graph.add(ng.Input((6,)))
    graph.add_weights("w", "any", (3,))
    field = graph.table.fields.add(np.array(FIELDS[:fields], np.int32))
    kernel = graph.table.kernels.add(np.array(KERNELS[:maps], np.int32))
    graph.add_neurons(
        "dead",
        "Drawn",
        (maps, fields),
        field=field + np.arange(fields),
        kernel=kernel + np.arange(maps)[:, None],
        bias=[0] + [-1] * (fields - 1),
        function=Function(*pair),
    )
    return randomize(graph, 7)
