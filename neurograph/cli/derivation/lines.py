"""What a derivation consists of: lines of arithmetic, each beside what enumerating gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.cli.derivation.geometry import middle, sources_of
from neurograph.cli.output import shape_text
from neurograph.counting import Row
from neurograph.graph import Graph, Layer
from neurograph.graph.connections import BIAS_UNIT
from neurograph.names import IdArray

_MOST = 20_000_000  # connections of a layer that are walked to tally how often each weight is used


@dataclass(frozen=True)
class Line:
    """One number: what it is, its arithmetic, what that comes to, and what enumerating gives.

    Numbers are the distinct ones, in order: one, but for weights that are not used equally often.
    """

    what: str
    arithmetic: str
    derived: tuple[int, ...]
    enumerated: tuple[int, ...]

    @property
    def agrees(self) -> bool:
        """Whether the two are the same."""
        return self.derived == self.enumerated


@dataclass
class Derived:
    """A layer's derivation: what it is, its lines, and why it has none where that is so."""

    name: str
    title: str
    lines: list[Line] = field(default_factory=list)
    table: list[tuple[int, ...]] | None = None
    reason: str | None = None
    weights: int = 0
    trainable: int = 0
    connections: int = 0

    @property
    def agrees(self) -> bool:
        """Whether all lines do."""
        return all(line.agrees for line in self.lines)


def uses_in(graph: Graph, layer: str, array: IdArray) -> NDArray[np.int64]:
    """Walk a layer's connections and return how often each weight of an array stands in one."""
    low, high = array.bounds()
    uses = np.zeros(max(high - low + 1, 0), np.int64)
    for block in graph.select(layer=layer):
        inside = (block.weight >= low) & (block.weight <= high)
        uses += np.bincount(block.weight[inside] - low, minlength=uses.size)
    return uses[array.present - low]


class Deriving:
    """A layer, what of it the formulas need, and the lines they give."""

    def __init__(self, graph: Graph, layer: Layer, counted: Row) -> None:
        self.graph, self.layer, self.counted = graph, layer, counted
        self.shape = layer.neurons.shape
        self.derived = Derived(layer.name, f"{layer.kind}, {shape_text(self.shape)}")

    # ---- what is read off -----------------------------------------------------------------------

    @cached_property
    def _links(self) -> Any:
        return middle(self.graph, self.layer)

    @cached_property
    def kernel_name(self) -> str:
        """The array that the slots of the layer's neurons name."""
        slots = self._links.weight[self._links.source != BIAS_UNIT]
        return self.graph.weight_name(int(slots[0])).partition("[")[0]

    @cached_property
    def kernel(self) -> IdArray:
        """The ids of that array."""
        return self.graph.weights.names[self.kernel_name]

    @cached_property
    def bias_name(self) -> str | None:
        """The array of the layer's biases; None if it has none."""
        biases = self._links.weight[self._links.source == BIAS_UNIT]
        return self.graph.weight_name(int(biases[0])).partition("[")[0] if biases.size else None

    @property
    def biases(self) -> int:
        """How many biases there are: none, one a map, or one a neuron."""
        return self.graph.weights.names[self.bias_name].size if self.bias_name else 0

    @property
    def fan_in(self) -> int:
        """How many slots the neuron in the middle reads."""
        return int((self._links.source != BIAS_UNIT).sum())

    @cached_property
    def source(self) -> Layer | None:
        """The one layer that the neurons read; None if there are several."""
        read = sources_of(self.graph, self._links.source)
        return read[0] if len(read) == 1 else None

    # ---- what is said ---------------------------------------------------------------------------

    def line(self, what: str, arithmetic: str, derived: Sequence[int] | int, found: Any) -> None:
        """Add a line; of several numbers the distinct ones."""
        one = (derived,) if isinstance(derived, int) else tuple(sorted(set(derived)))
        enumerated = (found,) if isinstance(found, int) else tuple(found)
        self.derived.lines.append(Line(what, arithmetic, one, enumerated))

    def title(self, text: str) -> None:
        """Say what the layer is: from which shape to which, and `text`."""
        before = f"{shape_text(self.source.neurons.shape)} -> " if self.source else ""
        self.derived.title = f"{self.layer.kind}, {before}{shape_text(self.shape)}{text}"

    def neurons(self, what: str = "maps") -> None:
        """Say how many neurons there are."""
        shape, counted = self.shape, self.counted.neurons
        each = f" x {shape_text(shape[1:])}" if len(shape) > 1 else ""
        self.line("neurons", f"{shape[0]} {what}{each}", math.prod(shape), counted)

    def weights(self, arithmetic: str, derived: int, *, trainable: int | None = None) -> None:
        """Set the layer's own weights; borrowed ones belong to the layer that brought them."""
        counted = self.counted.weights
        if self.layer.arrays or counted:
            self.line("weights", arithmetic, derived, counted)
            self.derived.weights = derived
            self.derived.trainable = derived if trainable is None else trainable
        else:
            self.line("weights", f"none of its own: those of {self.kernel_name}", 0, counted)

    def uses(self, array: str, arithmetic: str, derived: Sequence[int] | int) -> None:
        """Say how often the layer uses each weight of an array, unless that is too much to walk."""
        if self.counted.connections > _MOST:
            return
        uses = uses_in(self.graph, self.layer.name, self.graph.weights.names[array])
        found = np.unique(uses).tolist()
        kind = array.removeprefix(f"{self.layer.name.removesuffix('.normalized')}.")
        self.line(f"uses of {kind}", arithmetic, derived, found)

    def connections(self, arithmetic: str, derived: int) -> None:
        """Say how many connections lead into the layer."""
        self.derived.connections = derived
        self.line("connections", arithmetic, derived, self.counted.connections)
