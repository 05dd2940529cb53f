"""Explanations: one neuron's sum, connection by connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from neurograph import html
from neurograph.errors import DataError
from neurograph.functions import COMBINE, IDENTITY, REDUCE, Function
from neurograph.graph import Graph, one_id, require_graph
from neurograph.simulator import Simulator, real_array

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """One neuron's sum: a term for each connection, the net input they reduce to, and the state.

    Connections stand in the order of `graph.incoming`, a bias last. An input or a constant has no
    function and no term, and NaN for its net input. Printing it gives a table, or what is given.

    >>> import numpy as np
    >>> from neurograph.models import mlp
    >>> why = explain(mlp((4, 3, 2)), 8, np.ones(4))
    >>> why.name, why.weights[0], why.sources[-1]
    ('output[0]', 'output.kernel[0, 0]', 'bias unit')
    """

    name: str
    function: Function | None
    sources: tuple[str, ...]
    source_states: Array
    weights: tuple[str, ...]
    weight_values: Array
    terms: Array
    net: float
    state: float

    def __str__(self) -> str:
        if self.function is None:
            return f"{self.name}: its state is given, {self.state:.9g}"
        from tabulate import tabulate

        columns = self.sources, self.source_states, self.weights, self.weight_values, self.terms
        rows = list(zip(*columns, strict=True))
        head = ["source", "state", "weight", "value", "term"]
        table = tabulate(rows, head, floatfmt=".6g")
        result = f"net input {self.net:.9g}, state {self.state:.9g}"
        return f"{self.name}: {self.function}\n{table}\n{result}"

    def __repr__(self) -> str:
        if self.function is None:
            return f"Explanation({self.name}: its state is given, {self.state:.9g})"
        return (
            f"Explanation({self.name}: {len(self.terms):,} terms, net input {self.net:.9g}, "
            f"state {self.state:.9g})"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the terms, and what they come to."""
        if self.function is None:
            return html.paragraph(str(self))
        columns = self.source_states, self.weight_values, self.terms
        numbers = zip(*([f"{x:.6g}" for x in each.tolist()] for each in columns), strict=True)
        rows = [
            (source, weight, *of)
            for source, weight, of in zip(self.sources, self.weights, numbers, strict=True)
        ]
        head = "source", "weight", "state", "value", "term"
        result = f"net input {self.net:.9g}, state {self.state:.9g}"
        what = html.paragraph(f"{self.name}: {self.function}")
        return what + html.table(head, rows) + html.paragraph(result)


def explain(
    graph: Graph, neuron: int | str, *images: ArrayLike, engine: str = "scipy"
) -> Explanation:
    """Return the terms of one neuron's sum, in float64, for one image an input (or a batch of one).

    `neuron` is an id or a name, "C1[2, 10, 10]". A term is combine(weight, source state). Reduced,
    the terms give the net input, to which the bias is one more term, added; its activation is the
    state. `engine` computes the states. Raises GraphError for a neuron that is not there, DataError
    for images that do not fit, EngineError for a graph too large for the engine.

    >>> import numpy as np
    >>> from neurograph.models import mlp
    >>> graph = mlp((4, 3, 2)); why = explain(graph, 5, np.ones(4))
    >>> bool(np.isclose(why.terms.sum(), why.net)), len(why.terms)
    (True, 5)
    """
    require_graph(graph, "explain")
    neuron = one_id(graph.neuron_names, graph.size, neuron, "explain")
    name, function = graph.neuron_name(neuron), graph.function(neuron)
    batch: list[ArrayLike] = list(images)
    for i, (layer, given) in enumerate(zip(graph.inputs, images, strict=False)):
        image = real_array(given, layer.name)
        batch[i] = image[None] if image.ndim == len(layer.neurons.shape) else image
    states = Simulator(graph, engine=engine, dtype="float64").states(*batch)
    if len(states.array) != 1:
        raise DataError(f"explain: found {len(states.array)} images, needed one")
    state = states.array[0]
    links = graph.incoming(neuron)
    values = graph.weights.value[links.weight]
    bias = len(links) - 1 if graph.table.bias[neuron] >= 0 else len(links)
    terms = state[links.source] * values
    if function is not None:
        slots = slice(0, bias)
        terms[slots] = COMBINE[function.combine](values[slots], state[links.source[slots]])
    return Explanation(
        name,
        function,
        tuple(graph.neuron_name(int(s)) for s in links.source),
        state[links.source],
        tuple(graph.weight_name(int(w)) for w in links.weight),
        values,
        terms,
        _net(function, terms, bias),
        float(state[neuron]),
    )


def _net(function: Function | None, terms: Array, bias: int) -> float:
    """Return reduce(terms before the bias) + the bias' term."""
    if function is None:
        return float("nan")
    reduce, slots = REDUCE[function.reduce], terms[:bias]
    net = reduce.reduce(slots) if slots.size else IDENTITY[function.reduce]
    return float(net + terms[bias:].sum())
