"""The graph: neurons, weights and the connections between them.

A graph is built by adding; an edit returns a new one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import number
from neurograph.errors import GraphError, kind_of, shown
from neurograph.functions import Function
from neurograph.graph.connections import Connections, expand
from neurograph.graph.index import Index
from neurograph.graph.initializers import Initializer
from neurograph.graph.layer import BIAS_NAME, Ids, Layer, read_only
from neurograph.graph.layers import Layers
from neurograph.graph.references import Reference, neuron_ids, one_id, weight_ids
from neurograph.graph.state import state_of
from neurograph.graph.summary import summary
from neurograph.graph.table import INPUT, Table
from neurograph.graph.triples import FUNCTIONS_MAX, Parts
from neurograph.graph.view import View
from neurograph.graph.weights import Weights
from neurograph.names import AXES_MAX, IdArray, Names


class Wireable(Protocol):
    """A layer: anything with a name (or None) and a method that wires ids."""

    @property
    def name(self) -> str | None:
        """The layer's name; None for one made from its kind."""

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the layer's neurons under `name`, reading `sources`, and return their ids."""


class Graph:
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

    def __init__(self) -> None:
        self.table = Table()
        self.weights = Weights()
        self.functions: list[Function] = []
        self.layers = Layers()
        self.neuron_names = Names("neuron")
        self._constants: dict[int, float] = {}
        self._outputs: Ids | None = None
        self._index: tuple[tuple[int, ...], Index] | None = None
        self._stems: dict[str, int] = {}  # how often each made a name
        self._function_ids: dict[Function, int] = {}
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
    ) -> Graph:
        """Return a graph of these parts, as an edit, a file or a converter has them.

        Nothing is copied. `constants` names each constant's id, `states` gives its state; `outputs`
        None stands for the last layer; `labels` are names of single neurons' own, as `label` takes
        them. Raises GraphError for a bias unit of another state than 1, for a state that is no
        finite number, and as `label` does.
        """
        if states.get(0, 1) != 1:  # a bias is added as it is, by whatever runs the graph
            raise GraphError(f"graph: the {BIAS_NAME}'s state is {states[0]}, needed 1")
        graph = cls.__new__(cls)
        graph.table, graph.weights, graph.functions = table, weights, list(functions)
        graph.neuron_names = Names("neuron")
        for identity, name in constants.items():
            graph.neuron_names.add(name, IdArray((), identity))
        for layer in layers:
            graph.neuron_names.add(layer.name, layer.neurons)
        graph.layers = Layers(layers, inputs)
        graph._constants = {int(i): number(constants[i], states[i]) for i in constants}
        graph._outputs = None if outputs is None else read_only(outputs)
        graph._index, graph._stems = None, {}
        graph._function_ids = {f: i for i, f in reversed([*enumerate(functions)])}
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

    # ---- building -------------------------------------------------------------------------------

    def add(self, layer: Wireable, *sources: Reference) -> Ids:
        """Wire `layer` to the neurons `sources`; return the new ids in the shape of its maps.

        A source is an array of ids, or the name of a layer. Raises GraphError for a name that is
        taken and for sources that are no neurons of this graph or do not fit the layer. Whatever
        ends it early, nothing is added.
        """
        if not hasattr(layer, "wire") or isinstance(layer, type):
            raise GraphError(f"add: found {kind_of(layer)}, needed a layer such as Linear(10)")
        stem = type(layer).__name__.lower()
        name = layer.name if layer.name is not None else self._free_name(stem)
        self.require_free(name, name)
        given = [neuron_ids(self, s, name) for s in sources]
        before = self._extent()
        try:
            return layer.wire(self, name, *given)
        except BaseException:
            self._shrink(before)
            raise

    def _extent(self) -> tuple[Any, ...]:
        """Return what there is, to `_shrink` to."""
        parts: list[Any] = [self.table, self.weights, self.layers]
        counts = len(self.functions), len(self.neuron_names), len(self._constants)
        return [(part, part.extent) for part in parts], counts, dict(self._stems)

    def _shrink(self, extent: tuple[Any, ...]) -> None:
        """Take back what was added since `extent` was read."""
        parts, (functions, names, constants), self._stems = extent
        for part, before in parts:
            part.shrink(before)
        for function in self.functions[functions:]:
            del self._function_ids[function]
        del self.functions[functions:]
        self.neuron_names.shrink(names)
        while len(self._constants) > constants:
            self._constants.popitem()
        self._index = None

    def require_free(self, name: str, who: str) -> None:
        """Raise GraphError if a layer or unit is called `name` already, or can not be."""
        if isinstance(name, str) and self.neuron_names.taken(name):
            what = "layer" if name in self.neuron_names else "neuron"
            raise GraphError(
                f"{who}: a {what} called {shown(name)} exists already; names are unique"
            )
        self.neuron_names.require_free(name)

    def _free_name(self, stem: str) -> str:
        number = self._stems.get(stem, 0) + 1  # all before it are taken, and names stay so
        while self.neuron_names.taken(f"{stem}{number}"):
            number += 1
        self._stems[stem] = number - 1
        return f"{stem}{number}"

    def add_constant(self, name: str, state: float) -> int:
        """Add a unit of fixed `state`, a source only, not counted as a neuron; return its id."""
        self.neuron_names.require_free(name)
        value = number(f"{name}: the constant's state", state)
        identity = self.table.add(1, -1, -1, -1, INPUT)
        self.neuron_names.add(name, IdArray((), identity))
        self._constants[identity] = value
        return identity

    def add_inputs(self, name: str, shape: tuple[int, ...]) -> Ids:
        """Add input neurons of this shape and return their ids."""
        return self._add_layer(name, "Input", shape, (-1, -1, -1, INPUT))

    def add_weights(
        self,
        layer: str,
        kind: str,
        shape: tuple[int, ...],
        *,
        present: NDArray[np.bool_] | None = None,
        initializer: Initializer = "lecun1998",
        fan_in: ArrayLike = 1,
        trainable: bool = True,
    ) -> IdArray:
        """Add the weight array "layer.kind" and return its ids; options as in `Weights.add`."""
        ids = self.weights.add(
            f"{layer}.{kind}",
            shape,
            present=present,
            initializer=initializer,
            fan_in=fan_in,
            trainable=trainable,
        )
        self.bring(layer, f"{layer}.{kind}")
        return ids

    def bring(self, layer: str, array: str) -> None:
        """Let the layer that is added as `layer` next have brought the weight array `array`."""
        self.layers.bring(layer, array)

    def add_neurons(
        self,
        layer: str,
        kind: str,
        shape: tuple[int, ...],
        *,
        field: ArrayLike,
        kernel: ArrayLike,
        bias: ArrayLike = -1,
        function: Function,
    ) -> Ids:
        """Add a layer of neurons and return their ids, in `shape`.

        Field, kernel and bias ids broadcast against `shape`.
        """
        if len(shape) > AXES_MAX:
            raise GraphError(f"{layer}: has {len(shape)} axes, needed at most {AXES_MAX}")
        field, kernel, bias = (
            np.broadcast_to(np.asarray(column, np.int32), shape) for column in (field, kernel, bias)
        )
        columns = field, kernel, bias, self.function_id(function)
        return self._add_layer(layer, kind, shape, columns)

    def _add_layer(
        self, name: str, kind: str, shape: tuple[int, ...], columns: tuple[Any, Any, Any, int]
    ) -> Ids:
        """Add neurons of these fields, kernels, biases and function number."""
        ids = IdArray(shape, self.table.size)
        self.require_free(name, name)
        self.table.add(math.prod(shape), *columns)
        self.neuron_names.add(name, ids)
        self.layers.add(Layer(name, kind, ids), is_input=columns[-1] == INPUT)
        return ids.ids

    def rename_array(self, old: str, new: str) -> None:
        """Give the weight array `old` the name `new`. Raises GraphError if that is taken."""
        self.weights.rename(old, new)
        self.layers.rename_array(old, new)

    def function_id(self, function: Function) -> int:
        """Return the number of `function` in this graph's list, adding it if it is new."""
        if function not in self._function_ids:
            if len(self.functions) > FUNCTIONS_MAX:
                raise GraphError(f"graph: more than {FUNCTIONS_MAX + 1:,} different functions")
            self._function_ids[function] = len(self.functions)
            self.functions.append(function)
        return self._function_ids[function]

    # ---- what is there --------------------------------------------------------------------------

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
        table, weights = self.table, self.weights
        arrays: list[NDArray[Any]] = [table.field, table.kernel, table.bias, table.function]
        arrays += [a for rows in (table.fields, table.kernels) for a in (rows.ptr, rows.ids)]
        arrays += [weights.trainable, *([weights.value] if weights.allocated else [])]
        named = [weights.names[n] for n in weights] + [x.neurons for x in self.layers.values()]
        arrays += [ids.explicit for ids in named if ids.explicit is not None]
        return sum(a.nbytes for a in arrays)

    def layer(self, name: str) -> Layer:
        """Return the layer `name`. Raises GraphError with the nearest names if there is none."""
        return self.layers.named(name)

    def __getitem__(self, name: str) -> Layer:
        """Return a layer: `graph["C1"]` is `graph.layer("C1")`."""
        return self.layer(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.layers

    def __iter__(self) -> Iterator[Layer]:
        """Iterate over the layers, in the order they were added."""
        return iter(self.layers.values())

    def summary(self) -> str:
        """Return a table of the layers as text: kind, function, maps, neurons, connections."""
        return f"{summary(self, self.table, self.functions)}\n{self!r}"

    def neurons_of(self, layer: str | Sequence[str]) -> Ids:
        """Return the ids of the neurons of a layer or several. Raises GraphError as `layer`."""
        names = [layer] if isinstance(layer, str) or not np.iterable(layer) else layer
        ids = [np.empty(0, np.int32), *(self.layer(n).neurons.present for n in names)]
        return np.concatenate(ids)

    def function(self, neuron: int | str) -> Function | None:
        """Return the function of a neuron; None for an input or a constant."""
        place = int(self.table.function[self._one(neuron, "function")])
        return None if place == INPUT else self.functions[place]

    def neuron_name(self, neuron: int | str) -> str:
        """Return the name of a neuron: its own if it has one, else "C1[2, 10, 10]"."""
        return self.neuron_names.name_of(self._one(neuron, "neuron_name"))

    def neuron_id(self, name: str, index: tuple[int, ...] | None = None) -> int:
        """Return the id of the neuron "C1[2, 10, 10]", or of ("C1", (2, 10, 10))."""
        return self.neuron_names.id_of(name, index)

    @property
    def labels(self) -> Mapping[int, str]:
        """The names of their own that neurons have, by id, read-only; see `label`."""
        return MappingProxyType(self.neuron_names.labels)

    def label(self, neurons: Reference, names: str | Sequence[str]) -> None:
        """Give neurons names of their own, one each; "" takes one's away.

        They stand wherever names do, in answers and in questions; "C1[2, 10, 10]" still finds the
        neuron. Edits and files keep them. Raises GraphError, before any is given, for another
        number of names than of neurons, for a constant, and for a name that is not printable, or
        another's: a layer's, or of the form of one's neurons.

        >>> from neurograph.models import mlp
        >>> graph = mlp((2, 2))
        >>> graph.label("output", ["cat", "dog"])
        >>> graph.incoming("dog"), graph.neuron_name("output[0]")
        (Connections(3: input[0] -output.kernel[1, 0]-> dog, ...), 'cat')
        """
        ids = neuron_ids(self, neurons, "label").reshape(-1).tolist()
        texts = [names] if isinstance(names, str) or not np.iterable(names) else [*names]
        if len(texts) != len(ids):
            raise GraphError(f"label: found {len(texts)} names for {len(ids)} neurons")
        for constant in self._constants.keys() & set(ids):
            raise GraphError(f"label: {self.neuron_name(constant)} is a constant, no neuron")
        self.neuron_names.label(ids, texts)

    def weight_name(self, weight: int | str) -> str:
        """Return the name of a weight: "C1.kernel[0, 0, 2, 2]"."""
        weights = self.weights
        return weights.names.name_of(one_id(weights.names, weights.count, weight, "weight_name"))

    def weight_id(self, name: str, index: tuple[int, ...] | None = None) -> int:
        """Return the id of "C1.kernel[0, 0, 2, 2]", or of ("C1.kernel", (0, 0, 2, 2))."""
        return self.weights.names.id_of(name, index)

    def _one(self, neuron: int | str, who: str) -> int:
        return one_id(self.neuron_names, self.size, neuron, who)

    def state_dict(self) -> dict[str, NDArray[np.float64]]:
        """Return the weights as arrays under the names of torch's state dictionary.

        Those of a graph from `from_torch` are the module's own, ties and batch norms' statistics
        included; of the library's layers "conv1.kernel" is "conv1.weight". A weight that is cut is
        0. `models.load_state` takes the same names.

        >>> from neurograph.models import mlp
        >>> list(mlp((4, 2)).state_dict())
        ['output.weight', 'output.bias']
        """
        brought = {name for layer in self.layers.values() for name in layer.arrays}
        return state_of(self.weights, self.table, brought)

    # ---- connections ----------------------------------------------------------------------------

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

    def select(
        self,
        *,
        layer: str | Sequence[str] | None = None,
        source: Reference | None = None,
        weight: Reference | None = None,
        target: Reference | None = None,
    ) -> View:
        """Return a view of the connections into layers, from sources, by weights, to targets.

        Each filter is one id or name, or several; filters combine by "and". Raises GraphError for
        an unknown layer, name or id.

        >>> from neurograph.models import lenet5
        >>> len(lenet5().select(source="input[0, 16, 16]", weight="C1.kernel"))
        150
        """
        view = self.connections
        if layer is not None:
            view = view.narrowed(targets=self.neurons_of(layer))
        if source is not None:
            view = view.narrowed(sources=neuron_ids(self, source, "select").reshape(-1))
        if target is not None:
            view = view.narrowed(targets=neuron_ids(self, target, "select").reshape(-1))
        if weight is not None:
            view = view.narrowed(weights=np.unique(weight_ids(self.weights, weight, "select")))
        return view

    def incoming(self, neuron: Reference) -> Connections:
        """Return every connection into a neuron or several, by id or name.

        Slots come in order, neuron by neuron, then the biases.
        """
        found = expand(self.table, neuron_ids(self, neuron, "incoming").reshape(-1))
        return replace(found, graph=self)

    def outgoing(self, neuron: Reference) -> Connections:
        """Return every connection out of a neuron or several, by id or name."""
        found = self.index.outgoing(neuron_ids(self, neuron, "outgoing").reshape(-1))
        return replace(found, graph=self)

    def sharing(self, weight: Reference) -> Connections:
        """Return every connection that uses a weight or several, by id or name.

        >>> from neurograph.models import lenet5
        >>> graph = lenet5()
        >>> len(graph.sharing("C1.kernel[0, 0, 2, 2]")), len(graph.sharing("C1.kernel"))
        (784, 117600)
        """
        found = self.index.sharing(weight_ids(self.weights, weight, "sharing").reshape(-1))
        return replace(found, graph=self)

    def __repr__(self) -> str:
        return (
            f"Graph({len(self.neurons):,} neurons in {len(self.layers)} layers, "
            f"{self.weights.count:,} weights)"
        )


def require_graph(given: object, who: str) -> None:
    """Raise GraphError if what was given for a graph is none."""
    if not isinstance(given, Graph):
        raise GraphError(f"{who}: found {kind_of(given)}, needed a Graph")
