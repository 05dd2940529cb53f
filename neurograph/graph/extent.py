"""How far a graph reaches, so that what fails half way leaves nothing behind."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurograph.graph.graph import Graph


@dataclass(frozen=True)
class Extent:
    """How far a graph reaches, so that a layer whose wiring fails can be taken back whole."""

    table: Any
    weights: Any
    sizes: tuple[int, ...]
    arrays_of: dict[str, list[str]]
    stems: dict[str, int]
    last: str | None

    @classmethod
    def of(cls, graph: Graph) -> Extent:
        """Return how far a graph reaches now."""
        parts: list[Sized] = [graph.functions, graph._inputs, graph.layers, graph._constants]
        sizes = tuple(len(part) for part in [*parts, graph.neuron_names])
        waiting = {layer: list(arrays) for layer, arrays in graph._arrays_of.items()}
        extents = graph.table.extent, graph.weights.extent
        return cls(*extents, sizes, waiting, dict(graph._stems), graph._last)

    def restore(self, graph: Graph) -> None:
        """Take back what a graph was given since."""
        functions, inputs, layers, constants, names = self.sizes
        graph.table.shrink(self.table)
        graph.weights.shrink(self.weights)
        for function in graph.functions[functions:]:
            del graph._function_ids[function]
        del graph.functions[functions:]
        del graph._inputs[inputs:]
        graph.neuron_names.shrink(names)
        for parts, count in ((graph.layers, layers), (graph._constants, constants)):
            while len(parts) > count:
                parts.popitem()
        graph._arrays_of, graph._index = self.arrays_of, None
        graph._stems, graph._last = self.stems, self.last
