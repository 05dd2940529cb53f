"""Where the states of a tape lie: a row of contiguous fields for each map of each step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.kernels.arena import input_ids
from neurograph.kernels.gradient.tape import ZERO
from neurograph.program import Program, Step


class Layout:
    """The places of all states: constants, then inputs, then from `first` on what is computed.

    A state is `samples` numbers; rows are filled up to a `multiple` of so many.
    """

    def __init__(self, program: Program, *, multiple: int, samples: int) -> None:
        self.program, self.samples, self._multiple = program, samples, multiple
        self._lay_out()

    def as_rows(self, step: Step) -> bool:
        """Whether a step is not worth a product, or may not be one."""
        raise NotImplementedError

    def _lay_out(self) -> None:
        program = self.program
        self.places = np.full(program.size + 1, ZERO, np.int32)
        constants = sorted(program.constants)
        self.places[constants] = np.arange(1, len(constants) + 1)
        self.size = self.whole(1 + len(constants))
        inputs = input_ids(program)
        self.inputs = self.size
        self.places[inputs] = self.size + np.arange(inputs.size)
        self.size += self.whole(inputs.size)
        self.first = self.size  # from here on states are computed
        for level in program.levels:
            for step in level:
                self._place(step)

    def whole(self, size: int) -> int:
        """Return the next multiple of what rows are filled up to."""
        return -(-size // self._multiple) * self._multiple

    def stride(self, fields: int) -> int:
        """Return the states from row to row of targets."""
        return 1 if fields == 1 else self.whole(fields)

    def _place(self, step: Step) -> None:
        if self.as_rows(step):
            self.places[step.targets.reshape(-1)] = self.size + np.arange(step.targets.size)
            self.size += self.whole(step.targets.size)
            return
        blocks, maps, fields = step.targets.shape
        stride = self.stride(fields)
        rows = self.size + stride * np.arange(blocks * maps)
        self.places[step.targets.reshape(-1, fields)] = rows[:, None] + np.arange(fields)
        self.size += self.whole(blocks * maps * stride)

    def offsets(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the offsets of neurons' states."""
        return self.places[ids].astype(np.int64) * self.samples
