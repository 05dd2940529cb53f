"""Weights by storage: parameters that lie in the same memory are the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurograph.convert.values import Parameters
from neurograph.graph import Graph
from neurograph.graph.origins import Tensor

Ids = NDArray[np.int32]


class Storages:
    """Weight ids of each storage, made when its first tensor is met.

    A storage that one contiguous tensor fills is an array of that tensor's name and shape; of any
    other, the array is flat and called "name.storage".
    """

    def __init__(self, graph: Graph, tensors: dict[str, torch.Tensor]) -> None:
        self._graph, self._ids = graph, dict[tuple[int, torch.dtype], tuple[str, Ids]]()
        self._whole: dict[tuple[int, torch.dtype], str] = {}
        for name, tensor in tensors.items():
            if tensor.is_contiguous() and tensor.numel() == _size(tensor):
                self._whole.setdefault(_key(tensor), name)
        self._tensors = tensors
        self.views: dict[str, Tensor] = {}  # each tensor that was asked for, as places of an array

    def parameters(self, name: str) -> Parameters:
        """Return a tensor's weights. Those of a tied one are those of the first of that storage."""
        tensor = self._tensors[name].detach()
        key = _key(tensor)
        if key not in self._ids:
            self._ids[key] = self._add(self._whole.get(key), name)
        array, ids = self._ids[key]
        steps = tuple(tensor.stride()), int(tensor.storage_offset())
        self.views[name] = Tensor(array, ids.size, tuple(tensor.shape), *steps)
        flat = torch.from_numpy(ids)
        view = torch.as_strided(flat, tensor.shape, tensor.stride(), tensor.storage_offset())
        return Parameters(view.numpy(), _numbers(tensor), frozenset([array]))

    def _add(self, whole: str | None, name: str) -> tuple[str, Ids]:
        tensor = self._tensors[name if whole is None else whole]
        flat = torch.as_strided(tensor.detach(), (_size(tensor),), (1,), 0)
        array = f"{name}.storage" if whole is None else whole
        shape = (flat.numel(),) if whole is None else tuple(tensor.shape)
        found = self._graph.weights.add(
            array,
            shape,
            initializer=_numbers(flat).reshape(shape),
            trainable=bool(tensor.requires_grad),
        )
        return array, np.ascontiguousarray(found.ids).reshape(-1)


def values(tensor: torch.Tensor) -> NDArray[Any]:
    """Return a tensor as numbers in float64."""
    return np.asarray(tensor.detach().double().numpy())


def _numbers(tensor: torch.Tensor) -> NDArray[Any]:
    """Return a tensor as numbers: the module's own memory where NumPy has the type."""
    known = tensor.dtype in (torch.float32, torch.float64)
    return np.asarray(tensor.detach().numpy()) if known else values(tensor)


def _size(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage().nbytes() // tensor.element_size())


def _key(tensor: torch.Tensor) -> tuple[int, torch.dtype]:
    return tensor.untyped_storage().data_ptr(), tensor.dtype
