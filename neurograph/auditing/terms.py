"""What tools count besides weight connections, or leave out: each term counted on the graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurograph.auditing.slots import contracting, slots_of
from neurograph.graph import Graph, Layer


@dataclass(frozen=True)
class Kind:
    """How a term is counted, of a graph and the module it is made from, and what it counts."""

    amount: Callable[[Graph, Any], int]
    meaning: str


def _padding(graph: Graph, _: Any) -> int:
    return slots_of(graph, contracting(graph))[1]


def _cut(graph: Graph, _: Any) -> int:
    return slots_of(graph, contracting(graph))[2]


def _masks(graph: Graph, module: Any) -> int:
    """Count cut slots of layers whose masks torch.nn.utils.prune has made."""
    masked = {n.removesuffix("_mask") for n, _ in module.named_buffers() if n.endswith("_mask")}
    named = graph.weights.origins.tensors
    arrays = {t.array for n, t in named.items() if n.removesuffix("_orig") in masked}
    layers = [n for n in contracting(graph) if arrays & set(graph.layer(n).arrays)]
    return -slots_of(graph, layers)[2]


def _biases(graph: Graph, _: Any) -> int:
    return int(np.count_nonzero(graph.table.bias[graph.neurons_of(contracting(graph))] >= 0))


def _by_parameter(graph: Graph, _: Any) -> int:
    """Count the parameters that layers which are no convolutions and no linear ones brought."""
    own, named = set(contracting(graph)), graph.weights.origins.tensors.values()
    known = {tensor.array for tensor in named}
    brought = {a for layer in graph if layer.name not in own for a in layer.arrays}
    return sum(graph.weights.names[array].present.size for array in brought & known)


def _one_position(graph: Graph, _: Any) -> int:
    """Count what linear layers do at all places but one, as less than nothing."""
    table, found = graph.table, 0
    for layer in _of_kind(graph, "Linear"):
        neurons = layer.neurons.present
        lengths = table.kernels.lengths(table.kernel[neurons])
        _, first = np.unique(table.kernel[neurons], return_index=True)
        biased = table.bias[neurons] >= 0
        found -= int(lengths.sum() - lengths[first].sum())
        found -= int(biased.sum() - biased[first].sum())
    return found


def _transposed(graph: Graph, _: Any) -> int:
    """Count all weights of transposed convolutions at every output, over the slots there are."""
    table, found = graph.table, 0
    for layer in _of_kind(graph, "ConvTranspose"):
        neurons = layer.neurons.present
        places = neurons.size // layer.neurons.shape[0]
        rows = np.unique(table.kernel[neurons])
        ids = np.concatenate([table.kernels[row] for row in rows.tolist()])
        weights = np.unique(ids[ids >= 0]).size
        found += weights * places - int(table.kernels.lengths(table.kernel[neurons]).sum())
    return found


def _names(graph: Graph, module: Any) -> dict[str, int]:
    """Return under how many names the part stands that a layer was made from, by the layer."""
    parts = list(module.named_modules(remove_duplicate=False))
    often = Counter(id(part) for _, part in parts)
    names = {name: often[id(part)] for name, part in parts}
    return {layer: names.get(layer.split("#")[0], 1) for layer in contracting(graph)}


def _repeated(graph: Graph, module: Any) -> int:
    """Count a layer that stands under several names as often again as names see each other."""
    names = _names(graph, module)
    return sum((n**2 - 1) * sum(slots_of(graph, [layer])) for layer, n in names.items())


def _repeated_names(graph: Graph, module: Any) -> int:
    """Count a layer that stands under several names again under each other one."""
    names = _names(graph, module)
    return sum((n - 1) * sum(slots_of(graph, [layer])) for layer, n in names.items())


def _normed(graph: Graph) -> int:
    """Count the units of batch norms, those of affine ones twice."""
    found = 0
    for record in graph.weights.origins.statistics:
        layer = record.center.removesuffix(".center")
        affine = f"{layer}.normalized" in graph
        found += graph.layer(layer).neurons.present.size * (2 if affine else 1)
    return found


def _pooled(graph: Graph, module: Any = None) -> tuple[int, int]:
    """Count the neurons that adaptive average pooling reads, and its own.

    With a module only that of its parts, not what it calls as a function.
    """
    parts = None if module is None else dict(module.named_modules(remove_duplicate=False))
    sources, own = 0, 0
    for layer in _of_kind(graph, "AdaptivePool"):
        if parts is not None and layer.name.split("#")[0] not in parts:
            continue
        neurons = layer.neurons.present
        if (function := graph.function(int(neurons[0]))) and function.reduce == "sum":
            sources += np.unique(graph.incoming(neurons).source).size
            own += neurons.size
    return sources, own


def _of_kind(graph: Graph, kind: str) -> list[Layer]:
    return [layer for layer in graph if layer.kind.startswith(kind) and layer.neurons.size]


TERMS: dict[str, Kind] = {
    "padding": Kind(_padding, "slots that fall off an edge"),
    "cut slots": Kind(_cut, "slots whose weight a mask cuts"),
    "masks honoured": Kind(_masks, "cut slots of layers pruned by torch.nn.utils.prune"),
    "bias": Kind(_biases, "bias connections of convolutions and linear layers"),
    "by parameter": Kind(_by_parameter, "batch norms and other layers: one a parameter"),
    "one position": Kind(_one_position, "linear layers counted at one of their places only"),
    "transposed": Kind(_transposed, "transposed convolutions: every weight at every output"),
    "repeated use": Kind(
        _repeated, "a layer under n names is counted n times at each, n * n times in all"
    ),
    "repeated name": Kind(
        _repeated_names, "a layer under n names is counted with all its uses at each"
    ),
    "batch norm": Kind(
        lambda graph, _: _normed(graph), "batch norms: 2 a unit, 1 where not affine"
    ),
    "batch norm x 2": Kind(
        lambda graph, _: 2 * _normed(graph), "batch norms: 4 a unit, 2 where not affine"
    ),
    "adaptive pooling": Kind(
        lambda graph, _: _pooled(graph)[0], "adaptive average pooling: 1 a unit it reads"
    ),
    "adaptive pooling x 2": Kind(
        lambda graph, module: sum(_pooled(graph, module)),
        "adaptive average pooling: 1 a unit it reads, 1 a unit of its own",
    ),
}
