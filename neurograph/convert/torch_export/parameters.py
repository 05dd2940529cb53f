"""Weight arrays as parameters of torch layers: one an array, masked where weights are cut."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import prune

from neurograph.convert.regular import Places
from neurograph.errors import ConversionError
from neurograph.graph.origins import Tensor
from neurograph.graph.state import origins_of

Ids = NDArray[np.int32]


class Parameters:
    """The parameters of a graph's arrays, and what a state dictionary calls them."""

    def __init__(self, places: Places, dtype: Any) -> None:
        self._places, self._dtype = places, dtype
        self._weights = places.graph.weights
        self._origins = origins_of(self._weights, 1e-5)
        self._known: dict[tuple[Any, ...], Any] = {}
        self._tensors: dict[str, list[tuple[str, Tensor]]] = {}
        for name, tensor in self._origins.tensors.items():
            self._tensors.setdefault(tensor.array, []).append((name, tensor))

    @property
    def values(self) -> NDArray[np.float64]:
        """The values of all weights, by id."""
        return self._weights.value

    def path(self, ids: Ids) -> str:
        """Return the path of the module that a state dictionary has these weights of, or ""."""
        array = self._array(ids)
        names = [] if array is None else self._tensors.get(array, [])
        return names[0][0].rpartition(".")[0] if names else ""

    def statistics(self, center: Ids) -> float:
        """Return the epsilon of the batch norm that has these centers."""
        array = self._array(center)
        found = [s.epsilon for s in self._origins.statistics if s.center == array]
        return found[0] if found else 1e-5

    def give(self, module: Any, name: str, ids: Ids) -> None:
        """Let a module have a parameter of these weights; a mask where some are cut.

        Raises ConversionError where they are no array of this shape.
        """
        array = self._array(ids)
        own = None if array is None else self._shaped(array, ids)
        if own is None:
            raise ConversionError(
                f"its {name} {ids.shape} is no weight array of that shape, but weights of "
                f"{array or 'several arrays'} arranged in another way"
            )
        live = ids >= 0
        parameter = self._parameter(own)
        setattr(module, name, parameter)
        if not live.all():
            mask = torch.from_numpy(live.astype(np.float64)).to(self._dtype)
            prune.custom_from_mask(module, name, mask)
            setattr(module, f"{name}_orig", parameter)  # it makes one of its own

    def tensor(self, values: NDArray[Any]) -> Any:
        """Return numbers as a tensor."""
        return torch.tensor(np.ascontiguousarray(values), dtype=self._dtype)

    def _array(self, ids: Ids) -> str | None:
        """Return the array that holds all of these weights; None for several, or none."""
        live = ids[ids >= 0]
        numbers = np.unique(self._places.weights.number[live])
        return self._places.arrays[int(numbers[0])] if numbers.size == 1 else None

    def _shaped(self, array: str, ids: Ids) -> Ids | None:
        """Return an array's ids, absent ones too, in the shape of these, if they lie there."""
        flat = self._weights.names[array].ids.reshape(-1)
        for _, tensor in self._tensors.get(array, []):
            if math.prod(tensor.shape) == ids.size and tensor.stop <= flat.size:
                steps = tuple(flat.itemsize * stride for stride in tensor.strides)
                given = np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, steps)
                if self._same(given.reshape(ids.shape), ids):
                    return given.reshape(ids.shape)
        if flat.size == ids.size and self._same(flat.reshape(ids.shape), ids):
            return flat.reshape(ids.shape)
        return None

    @staticmethod
    def _same(own: Ids, ids: Ids) -> bool:
        return bool(((own == ids) | (ids < 0)).all())

    def _parameter(self, ids: Ids) -> Any:
        """Return the parameter of weights, the same one each time they are asked for."""
        key = ids.shape, ids.tobytes()
        if key not in self._known:
            live = ids[ids >= 0]
            trainable = self._weights.trainable[live]
            if trainable.any() != trainable.all():
                raise ConversionError("some of its weights are trainable and others of them fixed")
            values = np.zeros(ids.shape)
            values[ids >= 0] = self._weights.value[live]
            self._known[key] = torch.nn.Parameter(
                self.tensor(values), requires_grad=bool(trainable.any())
            )
        return self._known[key]
