"""Neurons that read the same place of each of their sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neurograph.errors import GraphError
from neurograph.functions import Activation as ActivationFunction
from neurograph.graph import Graph
from neurograph.layers.wiring import (
    ActivationLike,
    Ids,
    add_maps,
    check_options,
    fixed_kernel,
    one_source,
    require_sources,
)


@dataclass(frozen=True)
class Add:
    """The sum of its sources, entry by entry, by a fixed weight 1.0 (a residual connection).

    >>> from neurograph.layers import Input
    >>> graph = Graph()
    >>> x, y = graph.add(Input((3,))), graph.add(Input((3,)))
    >>> graph.incoming(graph.add(Add(), x, y)[0]).source.tolist()
    [1, 4]
    """

    activation: ActivationLike = None
    name: str | None = None
    bias: ClassVar[None] = None
    weights: ClassVar[None] = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the neurons; sources of equal shape, which is the result's."""
        return _elementwise(self, graph, name, sources, ("multiply", "sum"))


@dataclass(frozen=True)
class Multiply:
    """The product of its sources, entry by entry, by a fixed weight 1.0 (a gate).

    >>> from neurograph.layers import Input
    >>> graph = Graph()
    >>> x, gate = graph.add(Input((3,))), graph.add(Input((3,)))
    >>> str(graph.function(graph.add(Multiply(), x, gate)[0]))
    '(multiply, product) identity'
    """

    activation: ActivationLike = None
    name: str | None = None
    bias: ClassVar[None] = None
    weights: ClassVar[None] = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the neurons; sources of equal shape, which is the result's."""
        return _elementwise(self, graph, name, sources, ("multiply", "product"))


@dataclass(frozen=True, init=False)
class Activation:
    """Neurons that apply an activation to one source each, by a fixed weight 1.0.

    >>> from neurograph.layers import Input
    >>> graph = Graph()
    >>> y = graph.add(Activation("leaky_relu", 0.1), graph.add(Input((2, 3))))
    >>> y.shape, str(graph.function(y[0, 0]))
    ((2, 3), '(multiply, sum) leaky_relu(0.1)')
    """

    activation: ActivationFunction
    name: str | None = None
    bias: ClassVar[None] = None
    weights: ClassVar[None] = None
    parameters: tuple[float, ...] = ()

    def __init__(
        self, activation: str | ActivationFunction, *parameters: float, name: str | None = None
    ) -> None:
        chosen = (
            activation
            if isinstance(activation, ActivationFunction)
            else ActivationFunction(activation, parameters)
        )
        object.__setattr__(self, "activation", chosen)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "parameters", chosen.parameters)

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the neurons; one source, whose shape is the result's."""
        one_source(sources, name)
        return _elementwise(self, graph, name, sources, ("multiply", "sum"))


def _elementwise(
    layer: Any, graph: Graph, name: str, sources: tuple[Ids, ...], combine: tuple[str, str]
) -> Ids:
    """Wire neuron i to entry i of every source, by one fixed weight 1.0."""
    check_options(layer, name)
    if not sources or len({s.shape for s in sources}) > 1 or not sources[0].size:
        raise GraphError(
            f"{name}: found sources of shapes {[s.shape for s in sources]}, "
            "needed one or more of equal shape"
        )
    require_sources(sources, name)
    rows = np.stack([s.reshape(-1) for s in sources], axis=1)
    field = graph.table.fields.add(rows) + np.arange(len(rows)).reshape(sources[0].shape)
    kernel = fixed_kernel(graph, name, len(sources))
    return add_maps(graph, layer, name, sources[0].shape, (field, kernel, -1), combine)
