"""Program: what an engine runs. Ids and steps only; no values, and no idea of layers' kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph import html
from neurograph.checks import floats
from neurograph.errors import GraphError, shown, suggestion
from neurograph.memory import require
from neurograph.names import IdArray
from neurograph.program.steps import Frozen, Ids, Step
from neurograph.rows import groups_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Part = tuple[Step, NDArray[np.intp], NDArray[np.int32]]  # with rows of a matrix, and their places


def _sizes(step: Step) -> tuple[str, str]:
    return f"{step.targets.size:,}", f"{step.slots:,}"


@dataclass(frozen=True, eq=False, repr=False)
class Program(Frozen):
    """Steps in an order that respects every connection, over states numbered by neuron id.

    `size` is the number of ids; id 0 is the bias unit. `inputs` and `outputs` are neuron ids in the
    shape a user sees; `constants` maps an id to its fixed state; `layers` names neuron ids in the
    shape of their feature maps.

    >>> from neurograph.program.compiler import compile
    >>> from neurograph.models import mlp
    >>> program = compile(mlp((4, 3, 2)))
    >>> len(program.levels), program.matrix("output").toarray()[0].tolist()
    (2, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    """

    size: int
    weight_count: int
    steps: tuple[Step, ...]
    inputs: tuple[Ids, ...]
    outputs: Ids
    constants: Mapping[int, float]
    layers: Mapping[str, IdArray]
    penalties: bool  # outputs are penalties (smallest wins), not scores

    def __repr__(self) -> str:
        return (
            f"Program({self.size:,} ids, {self.weight_count:,} weights, "
            f"{len(self.steps)} steps in {len(self.levels)} levels)"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the steps, in the order in which they run."""
        rows = [
            (type(step).__name__, str(step.function), step.level, *_sizes(step))
            for step in self.steps
        ]
        head = "step", "function", "level", "neurons", "slots"
        return html.paragraph(repr(self)) + html.table(head, rows)

    @cached_property
    def levels(self) -> tuple[tuple[Step, ...], ...]:
        """The steps by level; the steps of one level do not read each other."""
        groups: dict[int, list[Step]] = {}
        for step in self.steps:
            groups.setdefault(step.level, []).append(step)
        return tuple(tuple(groups[level]) for level in sorted(groups))

    @cached_property
    def _found_at(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Which step computes each id, -1 for none, and at which flat place of its targets."""
        step, place = np.full(self.size, -1, np.int32), np.zeros(self.size, np.int32)
        for number, one in enumerate(self.steps):
            targets = one.targets.reshape(-1)
            step[targets], place[targets] = number, np.arange(targets.size)
        return step, place

    def _parts(self, neurons: NDArray[Any]) -> Iterator[Part]:
        """Yield (step, which of `neurons` it computes, at which places), at the cost of those."""
        step, place = (column[neurons] for column in self._found_at)
        computed = np.flatnonzero(step >= 0)
        for group in groups_of(step[computed]):
            which = computed[group]
            yield self.steps[step[which[0]]], which, place[which]

    def matrix(self, layer: str | None = None, values: ArrayLike | None = None) -> csr_matrix:
        """Return the connections into `layer` as a CSR matrix, targets x ids, biases in column 0.

        Row i is neuron i of the layer in C order; without a layer, it is id i, of the whole graph.
        Its data are `values[weight]`, or 1.0 each where no values are given; the attribute
        `weight_ids` is the weight of each entry. A pair with several connections has several
        entries. Raises GraphError for an unknown layer, values of another shape, or if the matrix
        would not fit in memory.
        """
        from scipy.sparse import csr_matrix  # imported here so that counting needs no scipy

        if layer is not None and not (isinstance(layer, str) and layer in self.layers):
            raise GraphError(f"layer {shown(layer)} is unknown{suggestion(layer, self.layers)}")
        who = f"matrix of {layer or 'the graph'}"
        given = None if values is None else floats(who, values)
        if given is not None and given.shape != (self.weight_count,):
            raise GraphError(
                f"{who}: found values of shape {given.shape}, needed ({self.weight_count},)"
            )
        neurons = np.arange(self.size) if layer is None else self.layers[layer].present
        parts = list(self._parts(neurons))
        slots = sum(int(step.lengths(places).sum()) for step, _, places in parts)
        require(slots * 16, who, GraphError)
        at, source, weight = (np.concatenate(c) for c in zip(*_entries(parts), strict=True))
        order = np.argsort(at, kind="stable")
        ptr = np.zeros(neurons.size + 1, np.int64)
        np.cumsum(np.bincount(at, minlength=neurons.size), out=ptr[1:])
        ids = weight[order]
        data = np.ones(ids.size) if given is None else given[ids]
        found = csr_matrix((data, source[order], ptr), shape=(neurons.size, self.size))
        found.weight_ids = ids
        return found


def _entries(parts: list[Part]) -> Iterator[tuple[NDArray[np.intp], Ids, Ids]]:
    """Yield (row, source, weight) of the connections into the neurons of `parts`, biases first.

    Source 0 is the bias unit.
    """
    empty = np.empty(0, np.int32)
    yield empty.astype(np.intp), empty, empty
    for step, rows, places in parts:
        bias = step.biases(places)
        biased = bias >= 0
        yield rows[biased], np.zeros(int(biased.sum()), np.int32), bias[biased]
        which, source, weight = step.slots_of(places)
        yield rows[which], source, weight
