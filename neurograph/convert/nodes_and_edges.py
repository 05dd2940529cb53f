"""Reading a graph back from nodes and edges with attributes, as `to_networkx` names them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import ConversionError, GraphError
from neurograph.functions import Function
from neurograph.graph import Graph, Layer
from neurograph.graph.normal_form import normal_form
from neurograph.graph.pictures import Pictures
from neurograph.graph.table import INPUT
from neurograph.graph.triples import FUNCTIONS_MAX
from neurograph.graph.weights import Weights
from neurograph.nodes_and_edges import (
    BIAS,
    Arrays,
    Attributes,
    Description,
    Link,
    Walk,
    outputs_of,
)
from neurograph.storage.pictures import preprocessing_of


class Reader:
    """Reads one directed graph; `graph()` returns what it describes.

    Raises ConversionError for nodes and edges that are not of the form, or contradict each other.
    """

    def __init__(self, G: Any, about: Description, read: Attributes) -> None:
        walk = Walk(G, about, read)
        self._read, self._about, self._links = read, about, walk.links
        self._arrays = Arrays(walk, read)
        self._units = self._arrays.units
        self._id = {unit.key: i for i, unit in enumerate(self._units)}
        self._number = {weight.key: i for i, weight in enumerate(self._arrays.weights)}
        self._outs = outputs_of(walk, self._units)

    def graph(self) -> Graph:
        """Return the Graph. Raises ConversionError if there can be none."""
        try:
            return self._assembled()
        except GraphError as error:
            raise ConversionError(f"{self._read.who}: {error}") from error

    def _assembled(self) -> Graph:
        functions, column = self._function_column()
        table = self._table(functions, column)
        layers = self._arrays.layers
        inputs = dict.fromkeys(layer.name for layer in layers if layer.kind == "Input")
        order = dict.fromkeys(name for name in self._about.inputs if name in inputs)
        return Graph.assemble(
            table,
            self._weights(),
            functions,
            layers,
            constants=self._arrays.constants,
            states={i: u.state for i, u in enumerate(self._units) if u.state is not None},
            inputs=[*(order | inputs)],
            outputs=self._outputs(layers),
            labels=self._arrays.labels,
            pictures=self._pictures(),
        )

    def _pictures(self) -> Pictures:
        names = {i: u.class_name for i, u in enumerate(self._units) if u.class_name is not None}
        said = self._about.preprocessing
        try:
            return Pictures(names, None if said is None else preprocessing_of(said))
        except (TypeError, ValueError) as error:
            return self._read.fail(f"G.graph['preprocessing']: {error}")

    # ---- connections ----------------------------------------------------------------------------

    def _table(self, functions: Sequence[Function], column: NDArray[np.int16]) -> Any:
        """Return the table; each target's connections in the order of their slots."""
        links = sorted(self._links, key=lambda link: link.slot)  # a bias, slot -1, comes first
        triples = [self._triple(link) for link in links]
        ids = np.array(triples, np.int64).reshape(-1, 3)
        slot = np.array([link.slot for link in links], float)
        # What stands in a slot stays a slot; what has none becomes the bias where it can.
        linear = np.array([*(f.linear for f in functions), False])[column]
        placed, biased, from_bias = slot < math.inf, slot == BIAS, ids[:, 0] == 0
        linear[ids[placed & from_bias, 2]] = False
        linear[ids[biased, 2]] = True
        return normal_form(*ids.T, function=column, linear=linear)

    def _triple(self, link: Link) -> tuple[int, int, int]:
        ends = self._id[link.source.key], self._id[link.target.key]
        return ends[0], self._number[link.weight.key], ends[1]

    # ---- neurons --------------------------------------------------------------------------------

    def _function_column(self) -> tuple[list[Function], NDArray[np.int16]]:
        number: dict[Function, int] = {}
        column = np.full(len(self._units), INPUT, np.int64)
        for i, unit in enumerate(self._units):
            if unit.function is not None:
                column[i] = number.setdefault(unit.function, len(number))
        if len(number) > FUNCTIONS_MAX + 1:
            self._read.fail(f"found more than {FUNCTIONS_MAX + 1:,} different functions")
        return list(number), column.astype(np.int16)

    def _outputs(self, layers: Sequence[Layer]) -> NDArray[np.int32] | None:
        """Return the outputs; None where they are the last layer, as they are without a word."""
        ids = np.array([self._id[unit.key] for unit in self._outs], np.int32)
        last = [layer for layer in layers if layer.kind != "Input"][-1:]
        if self._about.outputs is None and last and np.array_equal(np.sort(ids), _flat(last[0])):
            return None
        shape = self._about.outputs_shape or ids.shape
        return ids.reshape(shape) if ids.size == math.prod(shape) else ids

    # ---- weights --------------------------------------------------------------------------------

    def _weights(self) -> Weights:
        weights = self._arrays.weights
        trainable, values = ([getattr(w, a) for w in weights] for a in ("trainable", "value"))
        return Weights.of(self._arrays.arrays, np.array(trainable, bool), np.array(values, float))


def _flat(layer: Layer) -> NDArray[np.int32]:
    return np.sort(layer.ids, axis=None)
