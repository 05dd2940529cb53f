"""The layers of a graph: by name, in the order they were added, and what each brought."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import replace
from typing import Any

from neurograph.errors import GraphError, shown, suggestion
from neurograph.graph.layer import Layer


class Layers(MutableMapping[str, Layer]):
    """Layers by name.

    A layer brings the weight arrays that `bring` has named for it before it is added.

    >>> from neurograph.names import IdArray
    >>> layers = Layers()
    >>> layers.bring("y", "y.kernel"); layers.add(Layer("y", "Linear", IdArray((2,), 1)))
    >>> layers["y"].arrays, layers.last.name
    (('y.kernel',), 'y')
    """

    def __init__(self, layers: Iterable[Layer] = (), inputs: Iterable[str] = ()) -> None:
        self._by_name: dict[str, Layer] = {}
        self._waiting: dict[str, list[str]] = {}  # arrays of layers that are still to be added
        self._who_brought: dict[str, dict[str, None]] = {}  # layers by array, in order
        for layer in layers:
            self[layer.name] = layer
        self._inputs = list(inputs)
        given = set(inputs)
        self._last = next((name for name in reversed(self._by_name) if name not in given), None)

    def __getitem__(self, name: str) -> Layer:
        return self._by_name[name]

    def __setitem__(self, name: str, layer: Layer) -> None:
        self._forget(name)
        self._by_name[name] = layer
        for array in layer.arrays:
            self._who_brought.setdefault(array, {})[name] = None

    def __delitem__(self, name: str) -> None:
        self._forget(name)
        del self._by_name[name]

    def _forget(self, name: str) -> None:
        """Forget what a layer has brought, if it is there."""
        for array in self._by_name[name].arrays if name in self else ():
            self._who_brought[array].pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"Layers({', '.join(self)})"

    def named(self, name: str) -> Layer:
        """Return the layer `name`. Raises GraphError with the nearest names if there is none."""
        if not isinstance(name, str) or name not in self:
            raise GraphError(f"layer {shown(name)} is unknown{suggestion(name, self)}")
        return self[name]

    @property
    def inputs(self) -> tuple[Layer, ...]:
        """The input layers in the order they were added."""
        return tuple(self[name] for name in self._inputs)

    @property
    def last(self) -> Layer | None:
        """The last layer that is no input; None if there is none."""
        return None if self._last is None else self[self._last]

    def bring(self, layer: str, array: str) -> None:
        """Let the layer that is added as `layer` next have brought the weight array `array`."""
        self._waiting.setdefault(layer, []).append(array)

    def add(self, layer: Layer, *, is_input: bool = False) -> None:
        """Add a layer, with the arrays that wait for it."""
        brought = self._waiting.pop(layer.name, ())
        self[layer.name] = replace(layer, arrays=(*layer.arrays, *brought))
        if is_input:
            self._inputs.append(layer.name)
        else:
            self._last = layer.name

    def rename_array(self, old: str, new: str) -> None:
        """Let the layers that brought the weight array `old` know it as `new`."""
        for name in list(self._who_brought.get(old, ())):
            arrays = tuple(new if a == old else a for a in self[name].arrays)
            self[name] = replace(self[name], arrays=arrays)

    @property
    def extent(self) -> tuple[Any, ...]:
        """What there is, to `shrink` to."""
        waiting = {layer: list(arrays) for layer, arrays in self._waiting.items()}
        return len(self), len(self._inputs), self._last, waiting

    def shrink(self, extent: tuple[Any, ...]) -> None:
        """Take back what was added since `extent` was read."""
        count, inputs, self._last, self._waiting = extent
        del self._inputs[inputs:]
        while len(self) > count:
            del self[next(reversed(self._by_name))]
