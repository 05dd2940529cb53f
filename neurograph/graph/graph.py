"""The graph: neurons, weights and the connections between them.

A graph is built by adding; an edit returns a new one. What it holds is here; what builds it and
what asks of it are functions in files of their own, which Graph has as methods.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import number
from neurograph.errors import GraphError, kind_of
from neurograph.functions import Function
from neurograph.graph import building, questions
from neurograph.graph.connections import Connections
from neurograph.graph.constants import Constants
from neurograph.graph.functions import Functions
from neurograph.graph.index import Index
from neurograph.graph.layer import BIAS_NAME, Ids, Layer, read_only
from neurograph.graph.layers import Layers
from neurograph.graph.pictures import Pictured, Pictures
from neurograph.graph.reading import ReadByNetworkx
from neurograph.graph.references import Reference, neuron_ids
from neurograph.graph.table import Table
from neurograph.graph.triples import Parts
from neurograph.graph.view import View
from neurograph.graph.weights import Weights
from neurograph.names import IdArray, Names


class Wireable(Protocol):
    """A layer: anything with a name (or None) and a method that wires ids."""

    @property
    def name(self) -> str | None:
        """The layer's name; None for one made from its kind."""

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the layer's neurons under `name`, reading `sources`, and return their ids."""


class Graph(ReadByNetworkx, Pictured):
    """A network as explicit connections in normal form.

    Id 0 is the bias unit, a constant of state 1. Neurons, inputs included, are numbered in the
    order they are added.

    >>> from neurograph.layers import Input, Linear
    >>> graph = Graph()
    >>> x = graph.add(Input((2,)))
    >>> y = graph.add(Linear(1, name="y"), x)
    >>> [(int(s), graph.weight_name(w)) for s, w, _ in graph.incoming(y[0])]
    [(1, 'y.kernel[0, 0]'), (2, 'y.kernel[0, 1]'), (0, 'y.bias[0]')]
    """

    _index: tuple[tuple[int, ...], Index] | None = None  # what it is of, and the look-ups

    def __init__(self) -> None:
        self.table = Table()
        self.weights = Weights()
        self.functions = Functions()
        self.layers = Layers()
        self.neuron_names = Names("neuron")
        self._constants = Constants()
        self._outputs: Ids | None = None
        self.pictures = Pictures()
        self.add_constant(BIAS_NAME, 1.0)

    @classmethod
    def assemble(
        cls,
        table: Table,
        weights: Weights,
        functions: Sequence[Function],
        layers: Sequence[Layer],
        *,
        constants: Mapping[int, str],
        states: Mapping[int, float],
        inputs: Sequence[str],
        outputs: Ids | None = None,
        labels: Mapping[int, str] = MappingProxyType({}),
        pictures: Pictures | None = None,
    ) -> Graph:
        """Return a graph of these parts, as an edit, a file or a converter has them.

        Nothing is copied. `constants` names each constant's id, `states` gives its state; `outputs`
        None stands for the last layer; `labels` are names of single neurons' own, as `label` takes
        them, `pictures` what is known of its pictures. Raises GraphError for a bias unit of another
        state than 1, for a state that is no finite number, and as `label` does.
        """
        if states.get(0, 1) != 1:  # a bias is added as it is, by whatever runs the graph
            raise GraphError(f"graph: the {BIAS_NAME}'s state is {states[0]}, needed 1")
        graph = cls.__new__(cls)
        graph.table, graph.weights, graph.functions = table, weights, Functions(functions)
        graph.neuron_names = Names("neuron")
        for identity, name in constants.items():
            graph.neuron_names.add(name, IdArray((), identity))
        for layer in layers:
            graph.neuron_names.add(layer.name, layer.neurons)
        graph.layers = Layers(layers, inputs)
        graph._constants = Constants({int(i): number(constants[i], states[i]) for i in constants})
        graph._outputs = None if outputs is None else read_only(outputs)
        graph.pictures = pictures or Pictures()
        graph.label([*labels], [*labels.values()])
        return graph

    @classmethod
    def from_connections(
        cls,
        connections: Iterable[tuple[int, int, int]] | Connections,
        *,
        inputs: Sequence[int],
        functions: Function | Mapping[int, Function] | None = None,
        outputs: Sequence[int] | None = None,
        values: ArrayLike | None = None,
        trainable: ArrayLike | None = None,
        name: str = "neuron",
    ) -> Graph:
        """Return a graph of bare (source, weight, target) triples.

        Several may share a weight, and a pair may have several. Neurons are numbered from 1; source
        0 is the bias unit; every neuron up to the largest id exists. `inputs` are the neurons
        without a function; `functions` is one for all others, or one each by id (the weighted sum
        where none is given). Weights are numbered from 0; `values` and `trainable` say what they
        are (1.0 and trainable). `outputs` are by default the neurons that feed no other. An input
        is called "input[i]", in the order given; any other neuron by its id, "neuron[3]"; a weight
        "weight[0]". Raises GraphError for ids that are no whole numbers, below their first or
        beyond int32, for an input with a source or a function, and for a graph that does not fit in
        memory.

        >>> graph = Graph.from_connections([(1, 0, 3), (2, 0, 3)], inputs=[1, 2], values=[0.5])
        >>> len(graph.sharing(0))
        2
        """
        parts = Parts.of(connections, inputs, functions, outputs, values, trainable)
        layers = [Layer("input", "Input", parts.inputs)]
        layers.append(Layer(name, "Neurons", parts.neurons, tuple(parts.weights)))
        return cls.assemble(
            parts.table,
            parts.weights,
            parts.functions,
            layers,
            constants={0: BIAS_NAME},
            states={0: 1.0},
            inputs=["input"],
            outputs=parts.outputs,
        )

    # ---- what builds: building.py ---------------------------------------------------------------

    def add(self, layer: Wireable, *sources: Reference) -> Ids:
        """Wire `layer` to the neurons `sources`; return the new ids in the shape of its maps.

        A source is an array of ids, or the name of a layer. Raises GraphError for a name that is
        taken and for sources that are no neurons of this graph or do not fit the layer. Whatever
        ends it early, nothing is added.
        """
        if not hasattr(layer, "wire") or isinstance(layer, type):
            raise GraphError(f"add: found {kind_of(layer)}, needed a layer such as Linear(10)")
        stem = type(layer).__name__.lower()
        name = layer.name if layer.name is not None else self.neuron_names.free(stem)
        self.require_free(name, name)
        given = [neuron_ids(self, s, name) for s in sources]
        named = self.neuron_names, self._constants
        parts: tuple[Any, ...] = self.table, self.weights, self.functions, self.layers, *named
        before = [part.extent for part in parts]
        try:
            return layer.wire(self, name, *given)
        except BaseException:
            for part, extent in zip(parts, before, strict=True):
                part.shrink(extent)
            self._index = None
            raise

    require_free = building.require_free
    add_constant = building.add_constant
    add_inputs = building.add_inputs
    add_weights = building.add_weights
    bring = building.bring
    add_neurons = building.add_neurons
    rename_array = building.rename_array
    function_id = building.function_id
    label = building.label

    # ---- what asks: questions.py ----------------------------------------------------------------
    layer = questions.layer
    neurons_of = questions.neurons_of
    function = questions.function
    neuron_name = questions.neuron_name
    neuron_id = questions.neuron_id
    weight_name = questions.weight_name
    weight_id = questions.weight_id
    select = questions.select
    incoming = questions.incoming
    outgoing = questions.outgoing
    sharing = questions.sharing
    state_dict = questions.state_dict
    summary = questions.summary
    _repr_html_ = questions.as_html

    # ---- what it holds --------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """The number of ids: neurons, inputs and constants."""
        return self.table.size

    @property
    def constants(self) -> Mapping[int, float]:
        """The state of each constant unit by id, read-only; the bias unit is 0."""
        return MappingProxyType(self._constants)

    @property
    def inputs(self) -> tuple[Layer, ...]:
        """The input layers in the order they were added."""
        return self.layers.inputs

    @property
    def outputs(self) -> Ids:
        """The ids of the outputs in their shape, read-only: the last layer's, unless set.

        Raises GraphError if there is none, and when set to what are no ids of this graph.
        """
        if self._outputs is not None:
            return self._outputs
        if self.layers.last is None:
            raise GraphError(
                "graph: there are no outputs; a graph needs a layer besides its inputs"
            )
        return self.layers.last.ids

    @outputs.setter
    def outputs(self, ids: Reference) -> None:
        self._outputs = read_only(neuron_ids(self, ids, "outputs").copy())

    @property
    def explicit_outputs(self) -> Ids | None:
        """The outputs' ids if they have been set; None where the last layer stands for them."""
        return self._outputs

    @property
    def neurons(self) -> NDArray[np.intp]:
        """The ids of all neurons, inputs included, constants not."""
        is_neuron = np.ones(self.size, bool)
        is_neuron[list(self._constants)] = False
        return np.flatnonzero(is_neuron)

    @property
    def nbytes(self) -> int:
        """The bytes its columns, tables, weights and explicit ids take; indexes come on top."""
        return questions.nbytes(self)

    def __getitem__(self, name: str) -> Layer:
        """Return a layer: `graph["C1"]` is `graph.layer("C1")`."""
        return self.layer(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.layers

    def __iter__(self) -> Iterator[Layer]:
        """Iterate over the layers, in the order they were added."""
        return iter(self.layers.values())

    @property
    def labels(self) -> Mapping[int, str]:
        """The names of their own that neurons have, by id, read-only; see `label`."""
        return MappingProxyType(self.neuron_names.labels)

    @property
    def index(self) -> Index:
        """The look-up tables, built when first used and again after the graph has grown."""
        rows = self.table.fields.count, self.table.kernels.count
        state = (self.size, *rows, self.weights.count)
        if self._index is None or self._index[0] != state:
            self._index = state, Index(self.table, self.weights.count)
        return self._index[1]

    @property
    def connections(self) -> View:
        """All connections, as a view: `len`, iteration in blocks."""
        return View(self)

    def __repr__(self) -> str:
        return (
            f"Graph({len(self.neurons):,} neurons in {len(self.layers)} layers, "
            f"{self.weights.count:,} weights)"
        )


def require_graph(given: object, who: str) -> None:
    """Raise GraphError if what was given for a graph is none."""
    if not isinstance(given, Graph):
        raise GraphError(f"{who}: found {kind_of(given)}, needed a Graph")
