"""Two graphs in one: side by side, over the same inputs, or one behind the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError, kind_of, shown, suggestion
from neurograph.functions import Function
from neurograph.graph import Graph, Layer, Reference, neuron_ids, require_graph
from neurograph.graph.dissolved import Dissolved
from neurograph.graph.pictures import Pictures
from neurograph.graph.ragged import Ragged
from neurograph.graph.table import INPUT, Table
from neurograph.graph.triples import FUNCTIONS_MAX
from neurograph.graph.weights import Weights
from neurograph.memory import INT32_MAX
from neurograph.names import IdArray

Array = NDArray[Any]


def merge(
    a: Graph, b: Graph, *, feed: Mapping[str, Reference] | None = None, prefix: str = ""
) -> Graph:
    """Return one graph of all that is in two: neurons, weights and connections.

    `feed` gives, by name of an input layer of `b`, the neurons of `a` (ids or names, as many as it
    has) that stand in its place: so `b` reads what `a` computes, as in a chain of modules. Any
    other input of `b` that is called as an input of `a` and has its shape is the same input, as
    networkx.compose takes nodes of one name for one; `prefix` is put before all names of `b`, so
    that none is ("b." makes "b.input" of "input"), labels among them. Ids of `a` stay, those of `b`
    follow; both keep their values, and initializers. Outputs are those of `b` where it is fed, else
    those of `a` and then of `b`, flat. Raises GraphError for any other name that both have, and a
    feed that does not fit.

    >>> from neurograph.models import mlp
    >>> two = merge(mlp((4, 3)), mlp((3, 2)), feed={"input": "output"}, prefix="top.")
    >>> list(two.layers), two.outputs.tolist(), len(two.connections)
    (['input', 'output', 'top.output'], [8, 9], 23)
    >>> both = merge(mlp((4, 3)), mlp((4, 2)), feed={"input": "input"}, prefix="b.")
    >>> [layer.name for layer in both.inputs], both.neuron_name(both.incoming(8).source[0])
    (['input'], 'input[0]')
    """
    for graph in (a, b):
        require_graph(graph, "merge")
    if not isinstance(prefix, str):
        raise GraphError(f"merge: prefix is {shown(prefix)}, needed text")
    fed = _fed(a, b, {} if feed is None else feed, prefix)
    move = _Move.of(a, b, {**_same_inputs(a, b, fed, prefix), **fed}, prefix)
    functions, number = _functions(a, b)
    layers = [*a.layers.values(), *move.layers(b)]
    others = {int(move.ids[i]): i for i in b.constants if i}
    names = {i: f"{prefix}{b.neuron_name(old)}" for i, old in others.items()}
    return Graph.assemble(
        _table(a, b, move, number),
        _weights(a, b, prefix),
        functions,
        layers,
        constants={**{i: a.neuron_name(i) for i in a.constants}, **names},
        states={**a.constants, **{i: b.constants[old] for i, old in others.items()}},
        inputs=[layer.name for layer in a.inputs]
        + [f"{prefix}{layer.name}" for layer in b.inputs if layer.name not in move.gone],
        outputs=_outputs(a, b, move, bool(fed)),
        labels={**a.labels, **move.labels(b)},
        pictures=_pictures(a, b, move),
    )


def _pictures(a: Graph, b: Graph, move: _Move) -> Pictures:
    """Return what is known of both graphs' pictures; of inputs, what is known of a's first."""
    theirs = b.pictures.moved(lambda i: int(move.ids[i]) if move.stay[i] else -1)
    how = a.preprocessing or theirs.preprocessing
    return Pictures({**a.pictures.classes, **theirs.classes}, how)


def _fed(a: Graph, b: Graph, feed: Any, prefix: str) -> dict[str, Array]:
    """Return the neurons of `a` that stand in the place of inputs of `b`, by name."""
    if not isinstance(feed, Mapping):
        raise GraphError(f"merge: found {kind_of(feed)} to feed, needed neurons by input layer")
    inputs = {layer.name: layer for layer in b.inputs}
    found = {}
    for name, given in feed.items():
        if name not in inputs:
            raise GraphError(f"merge: {shown(name)} is no input of b{suggestion(name, inputs)}")
        ids, needed = neuron_ids(a, given, f"merge: {name}").reshape(-1), inputs[name].neurons
        if ids.size != needed.present.size:
            raise GraphError(
                f"merge: found {ids.size:,} neurons to feed {name}, needed {needed.present.size:,}"
            )
        found[name] = ids
    return found


def _same_inputs(a: Graph, b: Graph, fed: Mapping[str, Any], prefix: str) -> dict[str, Array]:
    """Return the inputs of `a` that those of `b` are, by name of b's."""
    mine = {layer.name: layer.neurons for layer in a.inputs}
    found = {}
    for layer in b.inputs:
        own = mine.get(f"{prefix}{layer.name}")
        if layer.name in fed or own is None or own.shape != layer.neurons.shape:
            continue
        alike = ((own.ids >= 0) == (layer.ids >= 0)).all()
        if alike and _same_labels(a, b, own.present, layer.neurons.present, prefix):
            found[layer.name] = own.present
    return found


def _same_labels(a: Graph, b: Graph, mine: Array, yours: Array, prefix: str) -> bool:
    """Return whether no label of b's neurons differs from that of a's in their place."""
    pairs = zip(mine.tolist(), yours.tolist(), strict=True)
    return all(j not in b.labels or a.labels.get(i) == f"{prefix}{b.labels[j]}" for i, j in pairs)


@dataclass(frozen=True, eq=False)
class _Move:
    """Where the neurons of b go. ids: the new one of each, the last for -1; stay: b's own."""

    ids: Array
    stay: NDArray[np.bool_]
    gone: Mapping[str, Array]
    prefix: str

    @classmethod
    def of(cls, a: Graph, b: Graph, gone: Mapping[str, Array], prefix: str) -> _Move:
        stay = np.ones(b.size, bool)
        ids = np.full(b.size + 1, -1, np.int64)
        stay[0], ids[0] = False, 0  # the bias unit is one
        for name, there in gone.items():
            here = b.layers[name].neurons.present
            stay[here], ids[here] = False, there
        total = a.size + int(stay.sum())
        if max(total, a.weights.count + b.weights.count) > INT32_MAX:
            raise GraphError(f"merge: {total:,} neurons or their weights: ids end at {INT32_MAX:,}")
        ids[:-1][stay] = np.arange(a.size, total)
        move = cls(ids, stay, gone, prefix)
        move._require_free(a, b)
        return move

    def _require_free(self, a: Graph, b: Graph) -> None:
        units = [b.neuron_name(i) for i in b.constants if i]
        kept = [name for name in b.layers if name not in self.gone]
        for names, new in ((a.neuron_names, [*kept, *units]), (a.weights.names, list(b.weights))):
            for name in (f"{self.prefix}{n}" for n in new):
                _require(not names.taken(name), name)
                names.require_free(name)
        names = a.neuron_names
        for label in self.labels(b).values():
            _require(names.labels.id_of(label) is None and names.fit(label), label)

    def labels(self, b: Graph) -> dict[int, str]:
        """Return the labels of those of b's neurons that stay."""
        found = b.labels.items()
        return {int(self.ids[i]): f"{self.prefix}{label}" for i, label in found if self.stay[i]}

    def layers(self, b: Graph) -> list[Layer]:
        """Return the layers of b, but for those that others stand for, which may keep arrays."""
        found = []
        for layer in b.layers.values():
            if layer.name in self.gone:
                continue
            arrays = tuple(f"{self.prefix}{name}" for name in layer.arrays)
            neurons = IdArray.of(self.ids[layer.ids])
            name = f"{self.prefix}{layer.name}"
            found.append(replace(layer, name=name, neurons=neurons, arrays=arrays))
        return found


def _require(free: bool, name: str) -> None:
    if not free:
        raise GraphError(f"merge: both graphs have {name!r}; give a prefix for those of the second")


def _functions(a: Graph, b: Graph) -> tuple[list[Function], Array]:
    """Return the functions of both, and the number of each of b's; the last is INPUT's."""
    number = {function: i for i, function in enumerate(a.functions)}
    of_b = [number.setdefault(function, len(number)) for function in b.functions]
    if len(number) > FUNCTIONS_MAX + 1:
        raise GraphError(f"merge: more than {FUNCTIONS_MAX + 1:,} different functions")
    return list(number), np.array([*of_b, INPUT])


def _table(a: Graph, b: Graph, move: _Move, number: Array) -> Table:
    old, more, stay = a.table, b.table, move.stay
    table = Table()
    table.fields = Ragged.of(old.fields.ptr, old.fields.ids)
    table.kernels = Ragged.of(old.kernels.ptr, old.kernels.ids)
    table.fields.append(more.fields.ptr, move.ids[more.fields.ids])
    shift = a.weights.count
    table.kernels.append(more.kernels.ptr, _shifted(more.kernels.ids, shift))
    table.add(old.size, old.field, old.kernel, old.bias, old.function)
    table.add(
        int(stay.sum()),
        _shifted(more.field[stay], old.fields.count),
        _shifted(more.kernel[stay], old.kernels.count),
        _shifted(more.bias[stay], shift),
        number[more.function[stay]],
    )
    return table


def _shifted(ids: Array, by: int) -> Array:
    return np.where(ids >= 0, ids.astype(np.int64) + by, -1)


def _weights(a: Graph, b: Graph, prefix: str) -> Weights:
    """Return the weights of both with the values that they have, or would draw alone."""
    mine, yours = a.weights, b.weights
    arrays = {name: mine.names[name] for name in mine}
    arrays |= {f"{prefix}{n}": IdArray.of(_shifted(yours.names[n].ids, mine.count)) for n in yours}
    dissolved: dict[str, Dissolved] = dict(mine.dissolved)
    dissolved |= {f"{prefix}{name}": before for name, before in yours.dissolved.items()}
    return Weights.of(
        arrays,
        np.concatenate([mine.trainable, yours.trainable]),
        np.concatenate([mine.value, yours.value]),
        draws=[*mine.draws, *(replace(d, first=d.first + mine.count) for d in yours.draws)],
        seed=mine.seed,
        dissolved=dissolved,
        origins=mine.origins.joined(yours.origins.prefixed(prefix)),
    )


def _outputs(a: Graph, b: Graph, move: _Move, fed: bool) -> NDArray[np.int32]:
    """Return b's outputs where it is fed, in their shape, else those of both."""
    found = [
        ids[graph.outputs]
        for graph, ids in ((a, np.arange(a.size + 1)), (b, move.ids))
        if graph.explicit_outputs is not None or len(graph.inputs) < len(graph.layers)
    ]
    if fed or len(found) < 2:
        return np.asarray(found[-1] if found else np.empty(0), np.int32)
    return np.concatenate([ids.reshape(-1) for ids in found]).astype(np.int32)
