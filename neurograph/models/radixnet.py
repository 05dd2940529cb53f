"""RadiX-Net: the synthetic sparse networks of the Sparse Deep Neural Network Graph Challenge.

J. Kepner, R. Robinett, "RadiX-Net: Structured Sparse Matrices for Deep Neural Networks", 2019.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import is_whole
from neurograph.errors import GraphError, shown
from neurograph.functions import Activation
from neurograph.graph import Graph
from neurograph.layers import Input, Sparse
from neurograph.layers.windows import MOST
from neurograph.memory import require

_CONNECTION = 9  # bytes: its source, its weight, and whether that is trainable


def radixnet(
    *,
    neurons: int = 1024,
    layers: int = 120,
    radix: int = 32,
    weight: float = 1 / 16,
    bias: float | None = -0.3,
    clip: float = 32.0,
) -> Graph:
    """Return a mixed-radix network: `radix` connections into and out of each neuron of each layer.

    Neuron i feeds neurons (i + k place) mod `neurons`, k = 0 ... radix - 1, of the next layer,
    where place takes the values 1, radix, radix^2, ... in turn. Each connection has a weight of its
    own, of value `weight`; a unit is max(0, min(clip, w x + bias)). The defaults are the Graph
    Challenge's for 1,024 neurons. Raises GraphError unless 1 <= radix <= neurons and layers >= 1.

    >>> graph = radixnet(neurons=16, layers=2, radix=4)
    >>> len(graph.select(layer="L1")), len(graph.outgoing(1))
    (80, 4)
    """
    whole = all(map(is_whole, (neurons, layers, radix)))
    if not whole or not 1 <= radix <= neurons <= MOST or not 1 <= layers <= MOST:
        raise GraphError(
            f"radixnet: found {shown(layers)} layers of {shown(neurons)} neurons and radix "
            f"{shown(radix)}, needed whole numbers, at least one layer and 1 <= radix <= neurons"
        )
    connections = neurons * radix * layers
    require(_CONNECTION * connections, f"radixnet: {connections:,} connections", GraphError)
    graph = Graph()
    x = graph.add(Input((neurons,), name="input"))
    squash = Activation("hardtanh", (0.0, clip))
    places = [radix**p for p in range(neurons.bit_length()) if radix ** (p + 1) <= neurons]
    for number in range(layers):
        layer = Sparse(
            neurons,
            _links(neurons, radix, places[number % len(places)]),
            bias=None if bias is None else "map",
            activation=squash,
            initializer=weight,
            name=f"L{number + 1}",
        )
        x = graph.add(layer, x)
    if bias is not None:
        graph.weights.assign({f"L{number + 1}.bias": bias for number in range(layers)})
    return graph


def _links(neurons: int, radix: int, place: int) -> NDArray[np.int64]:
    """Return the (source, unit) pairs of one layer, ordered by unit."""
    unit = np.repeat(np.arange(neurons), radix)
    step = np.tile(np.arange(radix), neurons)
    return np.stack([(unit - step * place) % neurons, unit], axis=1)
