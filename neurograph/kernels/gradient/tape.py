"""The tape: a Program as ops that run forwards, then backwards.

A part of the states belongs to each step: a row of contiguous fields for each map. Over one
pattern, rows are filled up to whole vectors; over a block of samples, each state is as many numbers
side by side. Weights stay where they are, in a pool numbered by weight id: an op names the places
of its kernels as (map) + (slot), which holds for any layer; where it does not, the kernel is copied
behind the weights, and its gradient back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import COMBINE, REDUCE

# START sets rows of states to their biases, BLOCK adds kernels x fields, DENSE kernels over one
# field, ROWS computes neurons one by one with any (combine, reduce), ACTIVATE ends a sum, REPEAT
# copies states.
START, BLOCK, DENSE, ROWS, ACTIVATE, REPEAT = range(6)
COMBINES, REDUCES = list(COMBINE), list(REDUCE)
NOTHING, INPUTS, NEURONS = range(3)  # what an op reads that a gradient may be wanted of
ROOM = 64  # numbers that may be read or written beyond the end of a buffer

ZERO = 0  # the place of the state that empty slots read


class Part(IntEnum):
    """The columns of an op; offsets into the table, except for places, which are in buffers."""

    KIND = 0
    BLOCKS = 1
    MAPS = 2  # rows of START and ACTIVATE, neurons of ROWS
    FIELDS = 3
    STRIDE = 4  # numbers from row to row
    SLOTS = 5
    ROW = 6  # offsets of the rows of targets; a place for ROWS and ACTIVATE
    SOURCE = 7  # starts of runs, by block, slot (or field), run
    RUN = 8  # the length of a run
    PLACE = 9  # of the op's fields, gathered
    COLUMN = 10  # offsets of gathered rows, by block and slot
    SCRATCH = 11  # the same from 0, for one block
    KERNEL = 12  # offsets of kernels in the pool, by block and map
    SLOT = 13  # offsets of slots in a kernel, by block
    BIAS = 14  # ids of biases; -1 for a BLOCK that adds to what is there
    EACH = 15  # whether each field has its own bias
    PTR = 16
    CODE = 17  # activation, or combine and reduce
    PARAMETER = 18
    READS = 19
    TRAINED = 20  # whether a gradient of the op's weights is wanted
    FUSED = 21  # DENSE: nobody else uses its weights; START: the next BLOCK starts from its biases
    ZEROS = 22  # places of a zero in the pool, by slot


@dataclass(frozen=True, eq=False)
class Tape:
    """The tables of a program.

    `places[id]` is the place of a state, counted in states; offsets in the table are in numbers.
    `used[op]` are the weight ids of an op and its biases, with repeats. `copied` are those that are
    copied behind the pool's weights, the last of which is the zero that stands for no bias. The
    fields begin with `ones` ones.
    """

    ops: NDArray[np.int64]
    table: NDArray[np.int32]
    parameters: NDArray[np.float64]
    places: NDArray[np.int32]
    size: int
    inputs: int
    constants: tuple[tuple[int, float], ...]
    used: tuple[NDArray[np.int32], ...]
    copied: NDArray[np.int32]
    weights: int
    fields: int
    ones: int
    scratch: int
    shared_fields: bool

    @property
    def pool(self) -> int:
        """The numbers of a pool: the weights, a zero, the copies."""
        return self.weights + 1 + self.copied.size

    def fill(self, pool: NDArray[Any], values: NDArray[Any]) -> None:
        """Put weight values, shape (weights,), into a pool, and their copies behind them."""
        pool[: self.weights] = values
        pool[self.weights + 1 : self.pool] = pool[self.copied]

    def collected(self, gradient: NDArray[Any]) -> NDArray[np.float64]:
        """Return the gradient by the weights, (weights,), those of their copies added."""
        found = gradient[: self.weights].astype(np.float64)
        if self.copied.size:
            copies = gradient[self.weights + 1 : self.pool]
            np.add.at(found, self.copied, copies)
        return found


@dataclass(eq=False)
class Table:
    """A table that grows at its end."""

    size: int = 0
    parts: list[NDArray[Any]] = field(default_factory=list)

    def add(self, part: Any) -> int:
        """Append a part and return its offset."""
        start, part = self.size, np.asarray(part).reshape(-1)
        self.parts.append(part.astype(np.int32))
        self.size += part.size
        return start
