"""Chains: steps that are one product each, for when no state in between is asked for.

A neuron with one connection whose source feeds nothing else (a batch norm behind a convolution) is
folded into the product before it: a factor and a summand a map, taken when weights are copied. So
is a sum of such a source and one other state (a residual sum). Found from ids and functions alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import Activation
from neurograph.kernels.columns.walks import tally_reads
from neurograph.program import Blocks, Ids, Program, Rows, Step

_IDENTITY = Activation()


@dataclass(frozen=True, eq=False)
class Scale:
    """A factor and a summand a map, ids of shape (blocks * maps,); a summand of -1 is none."""

    factor: Ids
    summand: Ids


@dataclass(frozen=True, eq=False)
class Addend:
    """States added to a product before its activation.

    sources (blocks, maps, fields); `factor` is one weight id. `step` is what it was folded from.
    """

    sources: Ids
    factor: int
    step: Step


@dataclass(frozen=True, eq=False)
class Chain:
    """A step, what its sums are scaled by, what is added, and where they go.

    targets has the shape of the step's; `before` is the chain without its addend.
    """

    step: Step
    targets: Ids
    activation: Activation
    scales: tuple[Scale, ...] = ()
    addend: Addend | None = None
    before: Chain | None = field(default=None, repr=False)

    @property
    def sources(self) -> Sequence[Ids]:
        """The arrays of ids that the chain reads."""
        more = [] if self.addend is None else [self.addend.sources]
        return [self.step.sources, *more]


def plain(program: Program) -> list[Chain]:
    """Return every step as a chain of its own."""
    return [Chain(step, step.targets, step.function.activation) for step in program.steps]


def fused(program: Program) -> list[Chain]:
    """Return the program's steps, folded into chains where that changes no output."""
    if not any(_may_fold(step) for step in program.steps):
        return plain(program)
    return _Fusion(program).chains()


def _may_fold(step: Step) -> bool:
    if not (isinstance(step, Blocks) and step.function.linear and step.bias.shape[2] == 1):
        return False
    maps, slots = step.weights.shape[1:]
    return maps == 1 and (slots == 1 or (slots == 2 and len(step.sources) == 1))


class _Fusion:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.reads = np.zeros(program.size, np.uint8)
        for step in program.steps:
            tally_reads(step.sources, self.reads)
        self.reads[program.outputs.reshape(-1)] = 2
        self.owner = np.full(program.size, -1, np.int32)  # the chain that has an id as target
        self.place = np.zeros(program.size, np.int32)  # where in its targets
        self.found: list[Chain] = []

    def chains(self) -> list[Chain]:
        """Return the chains in an order in which they can run."""
        for step in self.program.steps:
            if not (_may_fold(step) and isinstance(step, Blocks) and self._fold(step)):
                self._own(
                    len(self.found), Chain(step, step.targets, step.function.activation), new=True
                )
        return self.found

    def _own(self, number: int, chain: Chain, *, new: bool = False) -> None:
        if new:
            self.found.append(chain)
        else:
            self.found[number] = chain
        targets = chain.targets.reshape(-1)
        self.owner[targets] = number
        self.place[targets] = np.arange(targets.size, dtype=np.int32)

    def _ready(self, sources: Ids) -> NDArray[Any] | None:
        """Return the chains that own these sources, if each can take more on its end."""
        if int(sources.min()) < 0 or (self.reads[sources] != 1).any():
            return None
        owners = np.unique(self.owner[sources])
        for number in owners:
            chain = self.found[number] if number >= 0 else None
            if chain is None or not isinstance(chain.step, Blocks) or chain.addend is not None:
                return None
            if not chain.step.function.linear or chain.activation != _IDENTITY:
                return None
        return owners

    def _fold(self, step: Blocks) -> bool:
        if step.sources.shape[2] == 2:
            return any(self._fold_sum(step, slot) for slot in (0, 1))
        return self._fold_scale(step)

    def _fold_scale(self, step: Blocks) -> bool:
        """Fold a step of one connection a neuron, if its rows are whole rows of chains."""
        sources = step.sources[:, :, 0]  # (rows, fields)
        if (owners := self._ready(sources)) is None:
            return False
        fields = sources.shape[1]
        owner, place = self.owner[sources[:, 0]], self.place[sources]
        if (self.owner[sources] != owner[:, None]).any():
            return False
        if (place != place[:, :1] + np.arange(fields)).any() or (place[:, 0] % fields).any():
            return False
        rows = place[:, 0] // fields
        for number in owners:
            chain = self.found[number]
            some = np.sort(rows[owner == number])
            whole = chain.targets.shape[0] * chain.targets.shape[1]
            if chain.targets.shape[2] != fields or not np.array_equal(some, np.arange(whole)):
                return False
        for number in owners:
            self._extend(number, step, owner == number, rows)
        return True

    def _extend(self, number: int, step: Blocks, some: NDArray[Any], rows: NDArray[Any]) -> None:
        chain = self.found[number]
        order = np.flatnonzero(some)[np.argsort(rows[some])]
        scale = Scale(step.weights[order, 0, 0], step.bias[order, 0, 0])
        targets = step.targets[order, 0].reshape(chain.targets.shape)
        activation = step.function.activation
        self._own(
            number,
            replace(chain, targets=targets, activation=activation, scales=(*chain.scales, scale)),
        )

    def _fold_sum(self, step: Blocks, slot: int) -> bool:
        """Fold a sum of two states, if one side is a whole chain and the other is there by then."""
        mine, other = step.sources[0, :, slot], step.sources[0, :, 1 - slot]
        owners = self._ready(mine)
        if owners is None or owners.size != 1 or int(other.min()) < 0:
            return False
        number = int(owners[0])
        chain = self.found[number]
        place = self.place[mine]
        if chain.targets.size != mine.size or (self.owner[other] >= number).any():
            return False
        targets, addend = np.empty_like(mine), np.empty_like(mine)
        targets[place], addend[place] = step.targets[0, 0], other
        rows = chain.targets.shape[0] * chain.targets.shape[1]
        own = np.full(rows, step.weights[0, 0, slot], np.int32)
        shape = chain.targets.shape
        self._own(
            number,
            replace(
                chain,
                targets=targets.reshape(shape),
                activation=step.function.activation,
                scales=(*chain.scales, Scale(own, np.full(rows, step.bias[0, 0, 0], np.int32))),
                addend=Addend(addend.reshape(shape), int(step.weights[0, 0, 1 - slot]), step),
                before=chain,
            ),
        )
        return True


def bias_rows(step: Rows | Blocks) -> Ids:
    """Return the bias ids of a step as (blocks * maps, fields or 1)."""
    if isinstance(step, Rows):
        return step.bias[:, None]
    return step.bias.reshape(-1, step.bias.shape[2])
