"""Program: what an engine runs. Ids and steps only; no values, and no idea of layers' kinds.

A step computes some neurons from states that earlier steps, inputs or constants left. It comes in
two forms:

- `Blocks`: B equal-shaped blocks of *fields x kernels*. In block b, map m and field f give neuron
  `targets[b, m, f]`:
  activation(reduce over k of combine(value[weights[b, m, k]], state[sources[b, f, k]]) +
  value[bias[b, m, f]]).
- `Rows`: CSR rows, one neuron each, for neurons that share neither field nor kernel with enough
  others.

Weights in a step are always live. Sources in a (multiply, sum) `Blocks` may be -1, an empty slot:
it contributes nothing, and an engine may read a zero there because 0 w = 0. All other steps hold
live slots only. A bias of -1 means no bias.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph import html
from neurograph.checks import floats
from neurograph.errors import GraphError, shown, suggestion
from neurograph.functions import Function
from neurograph.memory import require
from neurograph.names import IdArray
from neurograph.rows import groups_of, spans

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Ids = NDArray[np.int32]


class _Frozen:
    """A dataclass whose arrays are read-only: those that somebody may write to are copied."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, _frozen(value))

    @classmethod
    def of(cls, *given: Any) -> Self:
        """Return one of arrays that nobody else has: they are not copied, but made read-only."""
        for one in given:
            if isinstance(one, np.ndarray):
                one.flags.writeable = False
        return cls(*given)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy it, or pickle it, as what it is made of: a copied array may be written to."""
        made = (getattr(self, f.name) for f in fields(self))  # type: ignore[arg-type]
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in made)


def _frozen(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, Mapping):
        return MappingProxyType(dict(value))
    if isinstance(value, np.ndarray) and value.flags.writeable:
        value = value.copy()
        value.flags.writeable = False
    return value


@dataclass(frozen=True, eq=False, repr=False)
class Rows(_Frozen):
    """One CSR row a neuron: row i has the slots `ptr[i]:ptr[i + 1]`.

    Shapes: targets (N,), ptr (N + 1,) int64, sources (S,), weights (S,), bias (N,) with -1 for
    none.
    """

    level: int
    function: Function
    targets: Ids
    ptr: NDArray[np.int64]
    sources: Ids
    weights: Ids
    bias: Ids

    @property
    def slots(self) -> int:
        """The number of slots."""
        return self.sources.size

    def __repr__(self) -> str:
        return f"Rows(level {self.level}, {self.targets.size:,} neurons, {self.slots:,} slots)"

    def rows(self) -> Rows:
        """Return the step itself."""
        return self

    def lengths(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return how many slots each of the targets at flat `places` has."""
        return np.asarray(self.ptr[places + 1] - self.ptr[places])

    def slots_of(self, places: NDArray[Any]) -> tuple[NDArray[Any], Ids, Ids]:
        """Return (which of `places`, source, weight) of the slots of the targets there."""
        lengths = self.lengths(places)
        at = spans(self.ptr[places], lengths)
        return np.repeat(np.arange(places.size), lengths), self.sources[at], self.weights[at]

    def biases(self, places: NDArray[Any]) -> Ids:
        """Return the bias of each of the targets at flat `places`, -1 for none."""
        return np.asarray(self.bias[places])


@dataclass(frozen=True, eq=False, repr=False)
class Blocks(_Frozen):
    """B blocks of F fields x M kernels of K slots each.

    Shapes: sources (B, F, K), -1 empty; weights (B, M, K); bias (B, M, F) or (B, M, 1), -1 none;
    targets (B, M, F).
    """

    level: int
    function: Function
    sources: Ids
    weights: Ids
    bias: Ids
    targets: Ids

    @property
    def slots(self) -> int:
        """The number of slots, empty ones included."""
        return int(self.targets.size * self.sources.shape[2])

    def __repr__(self) -> str:
        return f"Blocks(level {self.level}, {self.targets.shape} neurons, {self.slots:,} slots)"

    def rows(self) -> Rows:
        """Return the step with every live slot spelled out, ordered block, map, field, slot."""
        blocks, maps, fields = self.targets.shape
        slots = self.sources.shape[2]
        shape = (blocks, maps, fields, slots)
        sources = np.broadcast_to(self.sources[:, None], shape).reshape(-1)
        weights = np.broadcast_to(self.weights[:, :, None], shape).reshape(-1)
        live = sources >= 0
        length = live.reshape(-1, slots).sum(1) if slots else np.zeros(self.targets.size, np.int64)
        ptr = np.zeros(self.targets.size + 1, np.int64)
        np.cumsum(length, out=ptr[1:])
        bias = np.broadcast_to(self.bias, self.targets.shape).reshape(-1)
        return Rows.of(
            self.level,
            self.function,
            self.targets.reshape(-1),
            ptr,
            sources[live],
            weights[live],
            bias,
        )

    def lengths(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return how many slots, empty ones included, each of the targets at flat `places` has."""
        return np.full(places.size, self.sources.shape[2])

    def slots_of(self, places: NDArray[Any]) -> tuple[NDArray[Any], Ids, Ids]:
        """Return (which of `places`, source, weight) of the live slots of the targets there."""
        block, kernel, field = np.unravel_index(places, self.targets.shape)
        sources, weights = self.sources[block, field], self.weights[block, kernel]
        live = sources >= 0
        return np.nonzero(live)[0], sources[live], weights[live]

    def biases(self, places: NDArray[Any]) -> Ids:
        """Return the bias of each of the targets at flat `places`, -1 for none."""
        at = np.unravel_index(places, self.targets.shape)
        return np.asarray(np.broadcast_to(self.bias, self.targets.shape)[at])


Step = Blocks | Rows
Part = tuple[Step, NDArray[np.intp], NDArray[np.int32]]  # with rows of a matrix, and their places


def join_rows(steps: Sequence[Step]) -> Rows:
    """Return steps of one level and function as one, their rows one after the other."""
    parts = [step.rows() for step in steps]
    if len(parts) == 1:
        return parts[0]
    lengths = np.concatenate([np.diff(p.ptr) for p in parts])
    ptr = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=ptr[1:])
    targets, sources, weights, bias = (
        np.concatenate([getattr(p, column) for p in parts])
        for column in ("targets", "sources", "weights", "bias")
    )
    return Rows.of(parts[0].level, parts[0].function, targets, ptr, sources, weights, bias)


def _sizes(step: Step) -> tuple[str, str]:
    return f"{step.targets.size:,}", f"{step.slots:,}"


@dataclass(frozen=True, eq=False, repr=False)
class Program(_Frozen):
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
        return html.paragraph(repr(self)) + html.table(head, rows, words=2)

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
