"""Finds out where training left the finite numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import TrainingError
from neurograph.losses import Loss
from neurograph.simulator import Simulator

Array = NDArray[Any]

_EXPLODED = 1e6  # a mean loss so many times the first one has no way back


@dataclass(frozen=True, eq=False)
class Piece:
    """Patterns just learnt, and the weights' values before.

    `rates` is given where they were learnt one by one, an update each; None where all of them made
    one update.
    """

    simulator: Simulator
    loss: Loss
    before: NDArray[np.float64]
    images: tuple[Array, ...]
    targets: Array
    rates: NDArray[np.float64] | None

    def check(self, outputs: Array, losses: Array, number: int, start: int, first: float) -> None:
        """Raise TrainingError if weights, outputs or losses are not finite, or losses exploded.

        `outputs` and `losses` are of before each update, in pass `number`, the piece's first
        pattern being the pass's pattern `start` (both from 0); `first` is the loss training began
        with.
        """
        finite = np.isfinite(losses) & np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)
        where = f"fit: pass {number + 1}, pattern"
        if not finite.all():
            at = int(np.flatnonzero(~finite)[0])
            raise TrainingError(f"{where} {start + at + 1:,}: {self._culprit(at)}; {_ADVICE}")
        if self.simulator.not_finite() >= 0:
            at = len(losses) - 1
            raise TrainingError(
                f"{where} {start + at + 1:,}: its update makes {self._weights()}; {_ADVICE}"
            )
        mean = float(losses.mean(dtype=np.float64))
        if mean > _EXPLODED * max(1.0, first):
            at = int(losses.argmax())
            raise TrainingError(
                f"{where} {start + at + 1:,}: the loss has exploded from {first:.3g} to "
                f"{losses[at]:.3g}; {_ADVICE}"
            )

    def _culprit(self, at: int) -> str:
        """Return what is not finite first, in words, when pattern `at` of the piece is shown."""
        simulator = self.simulator
        simulator.graph.weights.value = self.before
        if at and self.rates is not None:  # learn up to it again
            earlier = tuple(array[:at] for array in self.images)
            simulator.descend(earlier, self.targets[:at], self.loss, self.rates)
        if simulator.not_finite() >= 0:
            return f"the updates before it make {self._weights()}"
        states = simulator.states(*(array[at : at + 1] for array in self.images))
        for layer in states:
            found, ids = states[layer], simulator.program.layers[layer].ids
            if not np.isfinite(found[:, ids >= 0]).all():
                return f"the states of layer {layer} are not finite"
        return "the loss is not finite, though all states are"

    def _weights(self) -> str:
        name, _ = self.simulator.graph.weights.names.locate(self.simulator.not_finite())
        return f"the weights {name} not finite"


_ADVICE = "a lower rate may help; the weights are those from before the pass"
