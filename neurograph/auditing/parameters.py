"""Which weights of a graph are parameters, each place in memory once, and what uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.auditing.reports import Dead
from neurograph.graph import Graph, uses
from neurograph.graph.origins import Tensor
from neurograph.graph.usage import placed_weights

Ids = NDArray[np.int32]
_EDGE = "falls off the edge at this input size"
_CUT = "cut: a mask or an edit, or a slice that is not read"
_UNREAD = "nobody reads it"


@dataclass(frozen=True, eq=False)
class Parameters:
    """The parameters of a model.

    declared: numbers in them by name; arrays: weight ids of each array of the graph, the distinct
    ones; absent: parameters the graph does not have, by name, with how many; trainable.
    """

    declared: int
    arrays: dict[str, Ids]
    absent: dict[str, int]
    trainable: int

    @property
    def ids(self) -> Ids:
        """The weights that are parameters."""
        return np.concatenate([np.empty(0, np.int32), *self.arrays.values()])

    @property
    def distinct(self) -> int:
        """The number of distinct parameters."""
        return int(self.ids.size) + sum(self.absent.values())


def parameters_of(graph: Graph, module: Any) -> Parameters:
    """Return the parameters of a graph, or of the module that it was made from."""
    return _of_graph(graph) if module is None else _of_module(graph, module)


def _of_graph(graph: Graph) -> Parameters:
    """Take trainable weights, and fixed ones that came under a parameter's name."""
    weights, origins = graph.weights, graph.weights.origins
    named = {tensor.array for tensor in origins.tensors.values()}
    arrays = {}
    for name in weights:
        ids = weights.names[name].present
        own = ids if name in named else ids[weights.trainable[ids]]
        if own.size and name not in origins.derived:
            arrays[name] = own
    distinct = sum(ids.size for ids in arrays.values())
    trainable = sum(int(np.count_nonzero(weights.trainable[ids])) for ids in arrays.values())
    return Parameters(distinct, arrays, {}, trainable)


def _of_module(graph: Graph, module: Any) -> Parameters:
    """Take the module's own parameters, by storage; those torch did not export are absent."""
    tensors = dict(module.named_parameters(remove_duplicate=False))
    marks: dict[tuple[int, Any], NDArray[np.bool_]] = {}
    free, of = dict[tuple[int, Any], bool](), dict[tuple[int, Any], str]()
    arrays: dict[tuple[int, Any], str] = {}
    for name, tensor in tensors.items():
        key = tensor.untyped_storage().data_ptr(), tensor.dtype
        size = tensor.untyped_storage().nbytes() // tensor.element_size()
        _mark(marks.setdefault(key, np.zeros(size, bool)), tensor)
        free[key] = free.get(key, False) or bool(tensor.requires_grad)
        of.setdefault(key, name)
        origin = graph.weights.origins.tensors.get(name)
        if origin is not None:
            arrays[key] = origin.array
    held, absent = {}, {}
    for key, mark in marks.items():
        if key in arrays:
            held[arrays[key]] = graph.weights.names[arrays[key]].ids.reshape(-1)[mark]
        else:
            absent[of[key]] = int(np.count_nonzero(mark))
    trainable = sum(int(np.count_nonzero(mark)) for key, mark in marks.items() if free[key])
    declared = sum(tensor.numel() for tensor in tensors.values())
    return Parameters(declared, held, absent, trainable)


def _mark(mark: NDArray[np.bool_], tensor: Any) -> None:
    """Mark the places of a storage that a tensor reads."""
    place = Tensor("", mark.size, tuple(tensor.shape), tuple(tensor.stride()))
    start = int(tensor.storage_offset())
    if place.stop > 0:
        steps = tuple(mark.itemsize * step for step in place.strides)
        np.lib.stride_tricks.as_strided(mark[start:], place.shape, steps)[...] = True


@dataclass(frozen=True, eq=False)
class Usage:
    """How often parameters are used: see `Audit` for what each number counts."""

    used: int
    combined: int
    cut: int
    dead: tuple[Dead, ...]
    once: int
    most: tuple[str | None, int]


def usage_of(graph: Graph, parameters: Parameters) -> Usage:
    """Return which of the parameters connections use, and why others are dead."""
    often = uses(graph)
    placed = placed_weights(graph.table, graph.weights.count)
    brought = {name for layer in graph.layers.values() for name in layer.arrays}
    sources = {name for of in graph.weights.origins.derived.values() for name in of}
    combined, dead = 0, []
    idle_parts = _idle_parts(parameters, brought | sources)
    for name, ids in parameters.arrays.items():
        idle = ids[often[ids] == 0]
        if name in sources:
            combined += idle.size
            continue
        off = int(np.count_nonzero(placed[idle]))
        unread = idle_parts.get(name, _UNREAD)
        whys = ((off, _EDGE), (idle.size - off, _CUT if name in brought else unread))
        dead += [Dead(name, number, ids.size, why) for number, why in whys if number]
    dead += [
        Dead(name, number, number, idle_parts.get(name, _UNREAD))
        for name, number in parameters.absent.items()
    ]
    ids = parameters.ids
    cut = sum(entry.dead for entry in dead if entry.why == _CUT)
    counts = often[ids]
    return Usage(
        used=int(np.count_nonzero(counts)),
        combined=combined,
        cut=cut,
        dead=tuple(dead),
        once=int(np.count_nonzero(counts == 1)),
        most=_most(graph, ids, counts),
    )


def _idle_parts(parameters: Parameters, read: set[str]) -> dict[str, str]:
    """Return why parameters are dead that lie in a part of a module none of whose are read.

    The outermost such part is named, by parameter.
    """
    every = [*parameters.arrays, *parameters.absent]
    busy = {part for name in every if name in read for part in _parts(name)}
    found = {}
    for name in every:
        part = next((part for part in _parts(name) if part not in busy), None)
        if name not in read and part is not None:
            found[name] = f"{part} is not called in evaluation, as an auxiliary head is not"
    return found


def _parts(name: str) -> list[str]:
    """Return the parts that a parameter lies in, outermost first.

    >>> _parts("aux1.conv.weight")
    ['aux1', 'aux1.conv']
    """
    path = name.split(".")[:-1]
    return [".".join(path[: i + 1]) for i in range(len(path))]


def _most(graph: Graph, ids: Ids, counts: NDArray[np.int64]) -> tuple[str | None, int]:
    if not counts.size or not counts.max():
        return None, 0
    at = int(np.argmax(counts))
    return graph.weight_name(int(ids[at])), int(counts[at])
