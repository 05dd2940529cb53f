"""Where each state lies: a place a neuron, used again after its last reader unless all are kept."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.program import Program, Step

ZERO, ONE, TRASH = range(3)  # a kept zero, a kept one, and where padding writes
_FIRST = 16  # the first place for a constant or a neuron
_ALIGN = 16
_CHUNK = 1 << 22


@dataclass(frozen=True, eq=False)
class Arena:
    """The places of a program: `places[id]`, the number of places, and where the inputs start.

    `places` has one entry more than there are ids; the last, which -1 finds, is the kept zero.
    """

    places: NDArray[np.int32]
    size: int
    inputs: int
    constants: tuple[tuple[int, float], ...]


def input_ids(program: Program) -> NDArray[np.int32]:
    """Return the input neurons' ids, flat, in the order in which inputs are given."""
    if not program.inputs:
        return np.empty(0, np.int32)
    return np.concatenate([ids.reshape(-1) for ids in program.inputs])


def plan_arena(program: Program, *, keep: bool) -> Arena:
    """Return where the states of `program` lie; with `keep` no place is used twice."""
    places = np.full(program.size + 1, ZERO, np.int32)
    constants = sorted(program.constants)
    places[constants] = np.arange(_FIRST, _FIRST + len(constants))
    space = Space(aligned(_FIRST + len(constants)))
    inputs = input_ids(program)
    groups = [inputs, *(np.sort(step.targets.reshape(-1)) for step in program.steps)]
    last = _last_readers(program, groups)
    if keep:
        last[:] = len(groups)
    start = np.zeros(len(groups), np.int64)
    ending: dict[int, list[int]] = {}
    levels = [0, *(step.level for step in program.steps)]
    freed = 0
    for number, group in enumerate(groups):
        while freed < number and levels[freed] < levels[number]:
            for done in ending.pop(freed, []):
                space.free(int(start[done]), groups[done].size)
            freed += 1
        start[number] = space.take(group.size)
        places[group] = np.arange(start[number], start[number] + group.size)
        ending.setdefault(max(int(last[number]), number), []).append(number)
    states = ((int(places[i]), float(program.constants[i])) for i in constants)
    return Arena(
        places, space.size, int(start[0]), ((ZERO, 0.0), (ONE, 1.0), (TRASH, 0.0), *states)
    )


def aligned(size: int) -> int:
    """Return `size` rounded up to whole groups of places."""
    return -(-size // _ALIGN) * _ALIGN


class Space:
    """Intervals of places: first fit."""

    def __init__(self, start: int) -> None:
        self.size = start
        self._free: list[tuple[int, int]] = []  # (start, stop), ascending

    def take(self, size: int) -> int:
        """Return the start of a free interval of `size` places."""
        size = aligned(size)
        for i, (start, stop) in enumerate(self._free):
            if stop - start >= size:
                self._free[i : i + 1] = [(start + size, stop)] if stop - start > size else []
                return start
        start = self.size
        if self._free and self._free[-1][1] == self.size:
            start = self._free.pop()[0]
        self.size = start + size
        return start

    def free(self, start: int, size: int) -> None:
        """Give an interval back."""
        if not size:
            return
        stop = start + aligned(size)
        at = bisect(self._free, (start, stop))
        if at < len(self._free) and self._free[at][0] == stop:
            stop = self._free.pop(at)[1]
        if at and self._free[at - 1][1] == start:
            at -= 1
            start = self._free.pop(at)[0]
        self._free.insert(at, (start, stop))


def _last_readers(program: Program, groups: list[NDArray[Any]]) -> NDArray[np.int64]:
    """Return, per group, the number of the last group that reads it; outputs are read after all."""
    owner = np.full(program.size + 1, len(groups), np.int32)
    for number, group in enumerate(groups):
        owner[group] = number
    last = np.zeros(len(groups) + 1, np.int64)
    for number, step in enumerate(program.steps, 1):
        for part in _parts(step):
            last[owner[part]] = number
    last[owner[program.outputs.reshape(-1)]] = len(groups)
    return last[:-1]


def _parts(step: Step) -> Iterator[NDArray[np.int32]]:
    """Yield a step's sources in pieces of bounded size."""
    sources = step.sources
    if sources.ndim == 1:
        sources = sources[None, :, None]
    fields = max(1, _CHUNK // max(1, sources.shape[0] * sources.shape[2]))
    for first in range(0, sources.shape[1], fields):
        yield sources[:, first : first + fields]
