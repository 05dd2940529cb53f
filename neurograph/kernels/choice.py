"""Which of the two ways to run a program costs less for a batch: an estimate from shapes alone.

Tiles run a register of samples at a time, so a batch of one costs as much as a full one; every
source has its own index, read again for every few maps. Columns cost what the samples cost, and an
index names a run of states; but maps that do not fill a register are padded.
"""

from __future__ import annotations

from dataclasses import dataclass

from neurograph.kernels import catalogue
from neurograph.kernels.columns.panels import VECTORS, most_columns
from neurograph.kernels.lanes import lane_count
from neurograph.kernels.tiles import Pair
from neurograph.program import Blocks, Program, Step

_CACHE = 1 << 18  # bytes of indices that stay near
_BANDWIDTH = 8.0  # bytes a cycle of indices that do not
_SCATTERED = 4.0  # cycles a slot where each is read alone
_NEIGHBOURS = 1.5  # cycles a slot of a register of neurons side by side
_WORTH = 2e6  # cycles a run must save to be worth a second plan: about half a millisecond


@dataclass(frozen=True)
class Costs:
    """Estimated cycles: of tiles for one register of samples, and of columns for one sample."""

    lanes: int
    tiles: float
    columns: float

    def columns_pay(self, batch: int) -> bool:
        """Whether a batch should run as columns."""
        return self.tiles * -(-batch // self.lanes) - self.columns * batch > _WORTH


def costs(program: Program, itemsize: int) -> Costs:
    """Return the costs of a program for states of `itemsize` bytes."""
    lanes = lane_count(itemsize)
    return Costs(
        lanes,
        sum(_tiles(step) for step in program.steps),
        sum(_columns(step, lanes) for step in program.steps),
    )


def _tiles(step: Step) -> float:
    if not isinstance(step, Blocks):
        return float(step.slots)
    blocks, maps, fields = step.targets.shape
    slots = step.sources.shape[2]
    pair = Pair(step.function.combine, step.function.reduce)
    indices = 4.0 * fields * slots
    again = indices / _BANDWIDTH * maps / 6 if indices > _CACHE else 0.0
    return blocks * (catalogue.cost(maps, fields, slots, pair) + again)


def _columns(step: Step, lanes: int) -> float:
    if not isinstance(step, Blocks):
        return _SCATTERED * step.slots
    blocks, maps, fields = step.targets.shape
    slots = step.sources.shape[2]
    if maps == 1:
        return _NEIGHBOURS * step.slots / lanes
    if not step.function.linear:
        return _SCATTERED * step.slots
    whole, rest = divmod(maps, VECTORS * lanes)
    half = 0 < rest <= lanes
    panels = whole + (rest > lanes) + (2 / 3 if half else 0)
    return blocks * panels * slots * fields * VECTORS / 2 * (1 + 0.5 / most_columns())
