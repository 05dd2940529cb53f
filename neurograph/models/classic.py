"""The concept network of textbook figures, the zip-code network of 1989, and plain layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurograph.errors import GraphError, shown
from neurograph.graph import Graph
from neurograph.layers import Conv2d, Input, Linear, Subsample2d
from neurograph.layers.tables import Table
from neurograph.layers.wiring import ActivationLike


def concept(
    *,
    input_shape: tuple[int, int, int] = (1, 28, 28),
    maps: int = 3,
    kernel_size: int = 5,
    hidden: int = 30,
    classes: int = 10,
    activation: ActivationLike = "sigmoid",
    seed: int = 0,
) -> Graph:
    """Return the concept network: filter, subsample, filter, subsample, a conventional network.

    C1 = image * f + b for each of three filters f (names "C1.f", "C1.b"); each 2x2 group of C1 is
    summed, weighted by w, biased by b and squashed (by a sigmoid) to S2 ("S2.w", "S2.b"); C3 and S4
    likewise; S4, laid out as one vector, feeds N1 and the output. Weights are drawn by he_normal:
    those of 1998 are too small for sigmoids, whose slope is a quarter at most, to learn from.

    >>> graph = concept()
    >>> [graph.weight_name(w) for w in graph.incoming(graph.layer("S2").ids[0, 0, 0]).weight]
    ['S2.w[0]', 'S2.w[0]', 'S2.w[0]', 'S2.w[0]', 'S2.b[0]']
    """
    graph = Graph()
    x = graph.add(Input(input_shape, name="image"))
    he: dict[str, Any] = {"initializer": "he_normal"}
    squashed = {**he, "activation": activation}
    c1 = graph.add(Conv2d(maps, kernel_size, name="C1", **he), x)
    s2 = graph.add(Subsample2d(2, name="S2", **squashed), c1)
    c3 = graph.add(Conv2d(maps, kernel_size, name="C3", **he), s2)
    s4 = graph.add(Subsample2d(2, name="S4", **squashed), c3)
    n1 = graph.add(Linear(hidden, name="N1", **squashed), s4.reshape(-1))
    graph.add(Linear(classes, name="output", **squashed), n1)
    for filtered, sampled in (("C1", "S2"), ("C3", "S4")):
        graph.rename_array(f"{filtered}.kernel", f"{filtered}.f")
        graph.rename_array(f"{filtered}.bias", f"{filtered}.b")
        graph.rename_array(f"{sampled}.coefficient", f"{sampled}.w")
        graph.rename_array(f"{sampled}.bias", f"{sampled}.b")
    graph.weights.initialize(seed=seed)
    return graph


# Which 8 of the 12 maps of H1 each map of H2 reads was never published; the totals do not depend on
# it.
ZIPCODE_H2 = tuple(tuple(sorted((o + i) % 12 for i in range(8))) for o in range(12))


def zipcode1989(
    *,
    table: Table | None = ZIPCODE_H2,
    classes: int = 10,
    activation: ActivationLike = "scaled_tanh",
    seed: int = 0,
) -> Graph:
    """Return the zip-code network: 1,256 units, 64,660 connections, 9,760 parameters.

    Y. LeCun et al., "Backpropagation Applied to Handwritten Zip Code Recognition", Neural
    Computation 1(4), 1989. Weights are shared by map, biases are not; places beyond the edge are
    connected to a constant unit of state -1. table: which maps of H1 each of the 12 maps of H2
    reads, 8 in the paper, as in `Conv2d`; None for all.

    >>> len(zipcode1989().neurons), len(zipcode1989().connections)
    (1256, 64660)
    """
    graph = Graph()
    x = graph.add(Input((1, 16, 16), name="input"))
    squashed: dict[str, Any] = {"activation": activation}
    same = {**squashed, "stride": 2, "padding": 2, "border": -1.0, "bias": "neuron"}
    h1 = graph.add(Conv2d(12, 5, name="H1", **same), x)
    h2 = graph.add(Conv2d(12, 5, table=table, name="H2", **same), h1)
    h3 = graph.add(Linear(30, name="H3", **squashed), h2)
    graph.add(Linear(classes, name="output", **squashed), h3)
    graph.weights.initialize(seed=seed)
    return graph


def mlp(
    sizes: Sequence[int] = (784, 300, 10),
    *,
    activation: ActivationLike = "scaled_tanh",
    output_activation: ActivationLike = "identity",
    seed: int = 0,
) -> Graph:
    """Return fully connected layers of the given sizes, the inputs' first.

    Raises GraphError for fewer than two sizes, or one below 1.

    >>> mlp((4, 3, 2)).outputs.shape
    (2,)
    """
    text = isinstance(sizes, str | bytes | dict)
    given = tuple(sizes) if np.iterable(sizes) and not text else ()
    if len(given) < 2:
        raise GraphError(f"mlp: found sizes {shown(sizes)}, needed the inputs' and one layer's")
    graph = Graph()
    x = graph.add(Input((given[0],), name="input"))
    for number, size in enumerate(given[1:], 1):
        last = number == len(given) - 1
        name = "output" if last else f"N{number}"
        squash = output_activation if last else activation
        x = graph.add(Linear(size, activation=squash, name=name), x)
    graph.weights.initialize(seed=seed)
    return graph
