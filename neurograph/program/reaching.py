"""The part of a program that the states of some ids depend on.

A gradient is taken over this part alone: elsewhere dE/dstate is zero, but a zero times a state that
has overflowed is no number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurograph.program.program import Program
from neurograph.program.steps import Blocks, Rows, Step

Made = TypeVar("Made")
_LEAST = 16  # neurons, below which what is left of blocks is rows


def reaching(program: Program, ids: NDArray[Any]) -> Program:
    """Return the program of the neurons from which a connection leads on to `ids`, and these.

    The program itself where that is all of them.

    >>> from neurograph.models import mlp
    >>> from neurograph.program.compiler import compile
    >>> program = compile(mlp((4, 3, 2)))
    >>> reaching(program, program.outputs) is program
    True
    >>> len(reaching(program, program.layers["N1"].ids[:1]).steps)
    1
    """
    wanted = np.zeros(program.size + 1, bool)  # the last is where empty slots look
    wanted[ids] = True
    steps: list[Step] = []
    for step in reversed(program.steps):
        for part in _part(step, wanted[step.targets]):
            wanted[part.sources] = True
            steps.append(part)
    if len(steps) == len(program.steps) and all(
        a is b for a, b in zip(steps, reversed(program.steps), strict=True)
    ):
        return program
    return replace(program, steps=tuple(reversed(steps)), outputs=ids)


class Parts(Generic[Made]):
    """What an engine makes to go back from some ids: kept for the outputs, and the last others."""

    def __init__(self, program: Program, make: Callable[[Program], Made]) -> None:
        self._program, self._make = program, make
        self._outputs = program.outputs.reshape(-1)
        self._kept: dict[bool, tuple[NDArray[Any], Made]] = {}

    def __call__(self, ids: NDArray[Any]) -> Made:
        """Return what is made of the part of the program that the states of `ids` depend on."""
        for known, made in list(self._kept.values()):
            if np.array_equal(known, ids):
                return made
        made = self._make(reaching(self._program, ids))
        self._kept[np.array_equal(ids, self._outputs)] = ids.copy(), made
        return made


def _part(step: Step, wanted: NDArray[Any]) -> list[Step]:
    """Return the steps of a step's wanted targets."""
    if wanted.all():
        return [step]
    if not wanted.any():
        return []
    if isinstance(step, Rows):
        return [_rows(step, wanted)]
    found: list[Step] = []
    maps, fields = np.any(wanted, axis=2), np.any(wanted, axis=1)
    whole = (wanted == maps[:, :, None] & fields[:, None]).all((1, 2)) & maps.any(1)
    pattern = np.concatenate([maps, fields], axis=1)
    _, kind = np.unique(pattern, axis=0, return_inverse=True)
    rest = wanted.copy()
    for number in np.unique(kind[whole]):
        some = np.flatnonzero(whole & (kind.reshape(-1) == number))
        part = _blocks(step, some, np.flatnonzero(maps[some[0]]), np.flatnonzero(fields[some[0]]))
        if part.targets.size >= _LEAST:
            found.append(part)
            rest[some] = False
    return [*found, _rows(step.rows(), rest.reshape(-1))] if rest.any() else found


def _blocks(
    step: Blocks, some: NDArray[np.intp], maps: NDArray[np.intp], fields: NDArray[np.intp]
) -> Blocks:
    """Return some blocks of a step with some of their maps and fields."""
    each = some[:, None]
    bias = step.bias[each, maps]
    return replace(
        step,
        sources=step.sources[each, fields],
        weights=step.weights[each, maps],
        bias=bias[:, :, fields] if bias.shape[2] > 1 else bias,
        targets=step.targets[each, maps][:, :, fields],
    )


def _rows(step: Rows, wanted: NDArray[np.bool_]) -> Rows:
    """Return some rows of a step."""
    length = np.diff(step.ptr)
    entries = np.repeat(wanted, length)
    ptr = np.zeros(int(wanted.sum()) + 1, np.int64)
    np.cumsum(length[wanted], out=ptr[1:])
    return replace(
        step,
        targets=step.targets[wanted],
        ptr=ptr,
        sources=step.sources[entries],
        weights=step.weights[entries],
        bias=step.bias[wanted],
    )
