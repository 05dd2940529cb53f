"""Arrays of ids in a model: states as views of tensors, weights as their arrays or picks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.onnx_export.model import Model
from neurograph.convert.regular import Places, Tensors
from neurograph.convert.regular.tensors import (
    Joined,
    Picked,
    Reshaped,
    Sliced,
    Transposed,
    View,
    Whole,
)
from neurograph.names import IdArray

Ids = NDArray[np.int32]


class States:
    """The tensors that hold neurons' states; a view of them is a few nodes that move data."""

    def __init__(self, model: Model, places: Places) -> None:
        self._model = model
        self._tensors = Tensors(places.graph.size, places.graph.constants)
        self._flat: dict[tuple[Any, ...], str] = {}
        self._first: tuple[str, int] | None = None

    def add(self, name: str, ids: Ids) -> None:
        """Let a tensor (batch, *shape of ids) hold these neurons."""
        self._tensors.add(name, ids)
        if self._first is None:
            self._first = name, ids.size

    def read(self, ids: Ids, layer: str) -> str:
        """Return the tensor (batch, *shape of ids) of neurons' states; -1 is a zero."""
        return self._name(self._tensors.view(ids), layer)

    def write(self, ids: Ids, output: str) -> None:
        """Let `output` be the tensor of these neurons."""
        self._model.node("Identity", self.read(ids, output), name=output, output=output)

    def _name(self, view: View, layer: str) -> str:
        model = self._model
        if isinstance(view, Whole):
            return view.name
        if isinstance(view, Reshaped):
            shape = model.whole([0, *view.shape])
            return model.node("Reshape", self._name(view.of, layer), shape, name=f"{layer}.reshape")
        if isinstance(view, Transposed):
            order = [0, *(axis + 1 for axis in view.axes)]
            inner = self._name(view.of, layer)
            return model.node("Transpose", inner, name=f"{layer}.transpose", perm=order)
        if isinstance(view, Sliced):
            return self._sliced(view, layer)
        if isinstance(view, Joined):
            parts = [self._name(part, layer) for part in view.parts]
            return model.node("Concat", *parts, name=f"{layer}.concat", axis=view.axis + 1)
        return self._picked(view, layer)

    def _sliced(self, view: Sliced, layer: str) -> str:
        cut = [
            (axis + 1, *span)
            for axis, (span, size) in enumerate(zip(view.spans, view.of.shape, strict=True))
            if span != (0, size, 1)
        ]
        axes, starts, stops, steps = (self._model.whole(c) for c in zip(*cut, strict=True))
        inner = self._name(view.of, layer)
        return self._model.node("Slice", inner, starts, stops, axes, steps, name=f"{layer}.slice")

    def _picked(self, view: Picked, layer: str) -> str:
        index, parts = view.index, view.parts
        names = [(part.name, int(np.prod(part.shape))) for part in parts]
        if not names:
            assert self._first is not None  # an input at least, see `to_onnx`
            names = [self._first]
            index = index + self._first[1]
        flat = self._joined(tuple(name for name, _ in names), view.values, layer)
        where = self._model.whole(index)
        return self._model.node("Gather", flat, where, name=f"{layer}.gather", axis=1)

    def _joined(self, names: tuple[str, ...], values: tuple[float, ...], layer: str) -> str:
        """Return tensors flat, side by side, and behind them a column for each value."""
        key = (names, values)
        if key in self._flat:
            return self._flat[key]
        model = self._model
        if values:
            inner = self._joined(names, values[:-1], layer)
            column = model.whole([0, 0, 0, 1])
            found = model.node(
                "Pad", inner, column, model.number(values[-1]), name=f"{layer}.constant"
            )
        elif len(names) > 1:
            flat = [self._joined((name,), (), layer) for name in names]
            found = model.node("Concat", *flat, name=f"{layer}.concat", axis=1)
        else:
            found = model.node("Flatten", names[0], name=f"{layer}.flatten", axis=1)
        self._flat[key] = found
        return found


class Parameters:
    """Weight arrays as initializers of their names; other arrangements are moves of them.

    Of an array with absent entries the weights that exist stand one after the other.
    """

    def __init__(self, model: Model, places: Places) -> None:
        self._model, self._places = model, places
        self._names = [model.reserve(name) for name in places.arrays]
        self._values = places.graph.weights.value
        self._arrays: dict[int, tuple[str, IdArray, bool]] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._flat: dict[tuple[Any, ...], str] = {}

    def read(self, ids: Ids, layer: str) -> str:
        """Return the tensor of weights in the shape of ids; -1 is a cut, a zero."""
        key = (ids.shape, np.ascontiguousarray(ids).tobytes())
        if key not in self._known:
            self._known[key] = self._made(ids, layer)
        return self._known[key]

    def _array(self, number: int) -> tuple[str, IdArray, bool]:
        """Return an array's initializer, its ids, and whether every entry exists."""
        if number not in self._arrays:
            ids = self._places.graph.weights.names[self._places.arrays[number]]
            whole = ids.present.size == ids.size
            values = self._values[ids.present]
            if whole:
                values = values.reshape(ids.shape)
            self._arrays[number] = self._model.initializer(self._names[number], values), ids, whole
        return self._arrays[number]

    def _made(self, ids: Ids, layer: str) -> str:
        live = ids[ids >= 0]
        used = np.unique(self._places.weights.number[live]).tolist()
        if len(used) == 1 and live.size == ids.size:
            found = self._moved(ids, used[0], layer)
            if found is not None:
                return found
        first, start = np.zeros(len(self._places.arrays) + 1, np.int64), 0
        for number in used:
            first[number] = start
            start += self._array(number)[1].present.size
        index = np.full(ids.shape, start, np.int64)
        index[ids >= 0] = first[self._places.weights.number[live]] + self._rank(live)
        flat = self._joined(tuple(used), live.size < ids.size, layer)
        where = self._model.whole(index)
        return self._model.node("Gather", flat, where, name=f"{layer}.weights", axis=0)

    def _moved(self, ids: Ids, number: int, layer: str) -> str | None:
        """Return an array as it is, reshaped or transposed; None where it is neither."""
        name, array, whole = self._array(number)
        if not whole or array.size != ids.size:
            return None
        own = array.ids
        if np.array_equal(own.reshape(-1), ids.reshape(-1)):
            if own.shape == ids.shape:
                return name
            shape = self._model.whole(ids.shape)
            return self._model.node("Reshape", name, shape, name=f"{layer}.weights")
        if own.ndim == 2 and np.array_equal(own.T, ids):
            return self._model.node("Transpose", name, name=f"{layer}.weights", perm=[1, 0])
        return None

    def _rank(self, weights: Ids) -> NDArray[np.int64]:
        """Return which of its array's existing weights each is."""
        place, number = self._places.weights.place[weights], self._places.weights.number[weights]
        found = place.copy()
        for one in np.unique(number).tolist():
            ids, whole = self._array(one)[1:]
            if not whole:
                order = np.cumsum(ids.ids.reshape(-1) >= 0) - 1
                found[number == one] = order[place[number == one]]
        return found

    def _joined(self, numbers: tuple[int, ...], cut: bool, layer: str) -> str:
        """Return arrays flat, one behind the other, and with `cut` a zero behind them."""
        key = (numbers, cut)
        if key in self._flat:
            return self._flat[key]
        model = self._model
        if cut:
            inner = self._joined(numbers, False, layer) if numbers else model.initializer(
                model.reserve(f"{layer}.none"), np.zeros(0))  # fmt: skip
            found = model.node("Pad", inner, model.whole([0, 1]), name=f"{layer}.cut")
        elif len(numbers) > 1:
            flat = [self._joined((number,), False, layer) for number in numbers]
            found = model.node("Concat", *flat, name=f"{layer}.join", axis=0)
        else:
            name, ids, whole = self._array(numbers[0])
            found = name
            if whole and len(ids.shape) != 1:
                found = model.node("Reshape", name, model.whole([-1]), name=f"{layer}.flat")
        self._flat[key] = found
        return found
