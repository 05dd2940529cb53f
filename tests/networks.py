"""Networks drawn at random, and their states worked out slot by slot, for layers and engines."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st

import neurograph as ng
from neurograph.functions import COMBINE, IDENTITY, REDUCE, Activation, Function
from neurograph.graph.table import INPUT

PAIRS = [(combine, reduce) for combine in COMBINE for reduce in REDUCE]
# Activations whose states stay small, so that errors do not grow from level to level.
BOUNDED = ("tanh", "sigmoid", "softsign", "hardtanh", "scaled_tanh")


def build(*layers: Any, shape: tuple[int, ...] = (1, 8, 8), seed: int = 0) -> ng.Graph:
    """A chain of layers over an input of `shape`, its trainable weights drawn from +-1."""
    graph = ng.Graph()
    ids = graph.add(ng.Input(shape, name="x"))
    for layer in layers:
        ids = graph.add(layer, ids)
    return randomize(graph, seed)


def randomize(graph: ng.Graph, seed: int = 0) -> ng.Graph:
    """Draw the trainable weights from +-1; the fixed ones keep their values."""
    drawn = np.random.default_rng(seed).uniform(-1, 1, graph.weights.count)
    graph.weights.value = np.where(graph.weights.trainable, drawn, graph.weights.value)
    return graph


def images(graph: ng.Graph, batch: int = 2, seed: int = 1) -> list[np.ndarray]:
    """Images for every input of a graph, float64, from +-1."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, (batch, *layer.neurons.shape)) for layer in graph.inputs]


def run(graph: ng.Graph, *inputs: np.ndarray, dtype: str = "float64") -> np.ndarray:
    return ng.Simulator(graph, engine="scipy", dtype=dtype)(*inputs)


def literal(graph: ng.Graph, inputs: np.ndarray) -> np.ndarray:
    """Every state, (batch, ids), from the columns alone: no compiler, no program, no engine.

    inputs: (batch, input neurons), any float values. Recursion follows live slots.
    """
    table, value = graph.table, graph.weights.value
    field, kernel, bias, number = table.field, table.kernel, table.bias, table.function
    states = np.zeros((graph.size, len(inputs)))
    for constant, state in graph.constants.items():
        states[constant] = state
    places = [int(i) for layer in graph.inputs for i in layer.ids.reshape(-1)]
    states[places] = inputs.T
    done = (number == INPUT).tolist()

    def visit(neuron: int) -> None:
        done[neuron] = True
        function = graph.functions[int(number[neuron])]
        sources = weights = np.empty(0, int)
        if field[neuron] >= 0:
            sources, weights = table.fields[int(field[neuron])], table.kernels[int(kernel[neuron])]
        live = (sources >= 0) & (weights >= 0)
        for source in sources[live].tolist():
            if not done[source]:
                visit(source)
        w, x = value[weights[live]][:, None], states[sources[live]]
        terms = w * x if function.combine == "multiply" else (x - w) ** 2
        net = np.full(len(inputs), IDENTITY.get(function.reduce, np.nan))
        if live.any():
            net = REDUCE[function.reduce].reduce(terms, axis=0)
        if bias[neuron] >= 0:
            net = net + value[bias[neuron]]
        states[neuron] = function.activation(net)

    with np.errstate(all="ignore"):
        for neuron in range(graph.size):
            if not done[neuron]:
                visit(neuron)
    return states.T


def tally(graph: ng.Graph, layer: str) -> tuple[int, int, int, int]:
    """(trainable weights, connections, slots, dead weights) of a layer, which `verify` confirms."""
    result = ng.verify(graph, compiled=False)
    assert result.ok, result.problems
    row = ng.count(graph)[layer]
    assert row == result.counts[layer]
    assert len(graph.select(layer=layer)) == row.connections
    return row.trainable, row.connections, row.slots, row.dead


# ---- windows ------------------------------------------------------------------------------------


def steps(low: int, high: int) -> st.SearchStrategy[Any]:
    """A number, or one for each axis."""
    number = st.integers(low, high)
    return number | st.tuples(number, number)


def both(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def sides(padding: Any, kernel: Any, dilation: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Padding as ((top, bottom), (left, right)), whatever form it has."""
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        whole = [d * (k - 1) for d, k in zip(both(dilation), both(kernel), strict=True)]
        return (whole[0] // 2, -(-whole[0] // 2)), (whole[1] // 2, -(-whole[1] // 2))
    if isinstance(padding, tuple) and isinstance(padding[0], tuple):
        return padding
    rows, columns = both(padding)
    return (rows, rows), (columns, columns)


def axis_taps(size: int, kernel: int, stride: int, low: int, high: int, dilation: int) -> list[Any]:
    """For each window along an axis, whether each of its taps lies on the map."""
    windows = range(-low, size + high - dilation * (kernel - 1), stride)
    return [[0 <= at + dilation * k < size for k in range(kernel)] for at in windows]


paddings = st.one_of(
    steps(0, 2),
    st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * 2),
    st.sampled_from(["same", "valid"]),
)


def map_size(draw: Any, kernel: Any, dilation: Any, pads: Any, more: int = 4) -> tuple[int, int]:
    """A map that one window fits at least, up to `more` larger on each axis."""
    least = [
        max(1, d * (k - 1) + 1 - sum(p))
        for k, d, p in zip(both(kernel), both(dilation), pads, strict=True)
    ]
    return draw(st.integers(least[0], least[0] + more)), draw(
        st.integers(least[1], least[1] + more)
    )


@st.composite
def convolutions(draw: Any) -> tuple[ng.Conv2d, tuple[int, int, int]]:
    """A Conv2d with any of its options, and the shape of its input."""
    kernel, dilation = draw(steps(1, 3)), draw(steps(1, 2))
    padding = draw(paddings)
    height, width = map_size(draw, kernel, dilation, sides(padding, kernel, dilation))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels = groups * draw(st.integers(1, 2))
    out = groups * draw(st.integers(1, 2))
    table = None
    if groups == 1 and draw(st.booleans()):
        row = st.lists(st.integers(0, channels - 1), min_size=1, unique=True)
        table = draw(st.lists(row, min_size=out, max_size=out))
    layer = ng.Conv2d(
        out,
        kernel,
        stride=1 if padding == "same" else draw(steps(1, 3)),
        padding=padding,
        dilation=dilation,
        groups=groups,
        table=table,
        bias=draw(st.sampled_from(["map", "neuron", None, True, False])),
        border=draw(st.sampled_from([None, None, -1.0, 0.5])),
        shared=draw(st.booleans()),
        name="c",
    )
    return layer, (channels, height, width)


@st.composite
def transposed(draw: Any) -> tuple[ng.ConvTranspose2d, tuple[int, int, int]]:
    """A ConvTranspose2d with any of its options that leaves an output, and its input's shape."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    kernel, stride, dilation = draw(steps(1, 4)), draw(steps(1, 3)), draw(steps(1, 2))
    limits = [max(s, d) - 1 for s, d in zip(both(stride), both(dilation), strict=True)]
    extra = tuple(draw(st.integers(0, limit)) for limit in limits)
    height, width = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    longest = [
        (n - 1) * s + d * (k - 1) + e
        for n, s, d, k, e in zip(
            (height, width), both(stride), both(dilation), both(kernel), extra, strict=True
        )
    ]
    pads = []
    for most in longest:  # at least one row and column is left
        low = draw(st.integers(0, min(2, most)))
        pads.append((low, draw(st.integers(0, min(2, most - low)))))
    layer = ng.ConvTranspose2d(
        groups * draw(st.integers(1, 2)),
        kernel,
        stride=stride,
        padding=tuple(pads),
        output_padding=extra,
        dilation=dilation,
        groups=groups,
        bias=draw(st.sampled_from(["map", "neuron", None])),
        name="up",
    )
    return layer, (groups * draw(st.integers(1, 2)), height, width)


# ---- irregular graphs ---------------------------------------------------------------------------


@st.composite
def irregular(draw: Any, *, pairs: Any = tuple(PAIRS), bare: bool = False) -> ng.Graph:
    """A small graph no framework has: layers of neurons with fields and kernels of any kind.

    Sources come from any earlier level, constants included; slots are empty or cut; a pair has
    several connections; some neurons have none. Small groups become rows, large ones blocks. A
    `bare` graph has what triples can say: no constant, and biases on weighted sums only.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    graph = ng.Graph()
    graph.add(ng.Input((int(rng.integers(1, 7)),), name="x"))
    graph.add(ng.Input((2, int(rng.integers(1, 4))), name="z"))
    if not bare and draw(st.booleans()):
        graph.add_constant("edge", -1.0)
    weights = graph.add_weights("w", "any", (12,)).ids
    for number in range(draw(st.integers(1, 5))):
        function = Function(
            *draw(st.sampled_from(pairs)), Activation(draw(st.sampled_from(BOUNDED)))
        )
        width = draw(st.integers(0, 5)) if function.reduce in IDENTITY else draw(st.integers(1, 5))
        fields = rng.integers(0, graph.size, (int(rng.integers(1, 9)), width))
        kernels = rng.choice(weights, (int(rng.integers(1, 5)), width))
        if draw(st.booleans()):
            fields[rng.random(fields.shape) < 0.2] = -1
        if draw(st.booleans()):
            kernels[rng.random(kernels.shape) < 0.2] = -1
        if function.reduce not in IDENTITY:  # one slot stays live on both sides
            fields[:, 0], kernels[:, 0] = 1, weights[0]
        field = graph.table.fields.add(fields.astype(np.int32))
        kernel = graph.table.kernels.add(kernels.astype(np.int32))
        if draw(st.booleans()):  # maps: every kernel over every field
            pair = np.array(list(product(range(len(kernels)), range(len(fields)))))
        else:
            count = int(rng.integers(1, 40))
            pair = np.stack([rng.integers(0, len(rows), count) for rows in (kernels, fields)], 1)
        bias = np.where(rng.random(len(pair)) < 0.5, rng.choice(weights, len(pair)), -1)
        if bare and not function.linear:
            bias[:] = -1
        graph.add_neurons(
            f"layer{number}",
            "Drawn",
            (len(pair),),
            field=field + pair[:, 1],
            kernel=kernel + pair[:, 0],
            bias=bias,
            function=function,
        )
    graph.outputs = rng.permutation(graph.neurons)[: int(rng.integers(1, 9))]
    return randomize(graph, int(rng.integers(2**32)))


def shuffled(graph: ng.Graph, seed: int = 0) -> ng.Graph:
    """The same connections as bare triples, neurons renumbered: ids no longer follow the levels."""
    functions = {int(n): graph.function(int(n)) for n in graph.neurons}
    inputs = [int(i) for layer in graph.inputs for i in layer.ids.reshape(-1)]
    order = np.random.default_rng(seed).permutation(np.arange(1, graph.size))
    new = np.concatenate([[0], order])
    found = graph.connections.all()
    return ng.Graph.from_connections(
        np.stack([new[found.source], found.weight, new[found.target]], axis=1),
        inputs=[int(new[i]) for i in inputs],
        functions={int(new[n]): f for n, f in functions.items() if f is not None},
        outputs=[int(new[i]) for i in graph.outputs.reshape(-1)],
        values=graph.weights.value,
    )
