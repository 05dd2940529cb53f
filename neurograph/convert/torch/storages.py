"""Weights by storage: parameters that lie in the same memory are the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurograph.convert.values import Parameters
from neurograph.graph import Graph
from neurograph.graph.origins import Tensor


class Storages:
    """Weight ids of each storage, made when its first tensor is met.

    A storage that one contiguous tensor fills is an array of that tensor's name and shape; of any
    other, the array is flat and called "name.storage".
    """

    def __init__(self, graph: Graph, tensors: dict[str, torch.Tensor]) -> None:
        self._graph = graph
        # Of each storage the array, and its first id; the ids are consecutive.
        self._arrays: dict[tuple[int, torch.dtype], tuple[str, int]] = {}
        self._whole: dict[tuple[int, torch.dtype], str] = {}
        for name, tensor in tensors.items():
            if tensor.is_contiguous() and tensor.numel() == _size(tensor):
                self._whole.setdefault(_key(tensor), name)
        self._tensors = tensors
        self.views: dict[str, Tensor] = {}  # each tensor that was asked for, as places of an array

    def declare(self, name: str) -> None:
        """Add the weights of a tensor, unless they are those of one that is there already."""
        tensor = self._tensors[name]
        key = _key(tensor)
        if key not in self._arrays:
            self._arrays[key] = self._add(self._whole.get(key), name)
        steps = tuple(tensor.stride()), int(tensor.storage_offset())
        array = self._arrays[key][0]
        self.views[name] = Tensor(array, _size(tensor), tuple(tensor.shape), *steps)

    def parameters(self, name: str) -> Parameters:
        """Return a declared tensor's weights; their ids are made here, and not kept."""
        tensor = self._tensors[name].detach()
        array, first = self._arrays[_key(tensor)]
        flat = torch.arange(first, first + _size(tensor), dtype=torch.int32)
        view = torch.as_strided(flat, tensor.shape, tensor.stride(), tensor.storage_offset())
        return Parameters(view.numpy(), _numbers(tensor), frozenset([array]))

    def _add(self, whole: str | None, name: str) -> tuple[str, int]:
        tensor = self._tensors[name if whole is None else whole]
        flat = torch.as_strided(tensor.detach(), (_size(tensor),), (1,), 0)
        array = f"{name}.storage" if whole is None else whole
        shape = (flat.numel(),) if whole is None else tuple(tensor.shape)
        first = self._graph.weights.count
        self._graph.weights.add(
            array,
            shape,
            initializer=_numbers(flat).reshape(shape),
            trainable=bool(tensor.requires_grad),
        )
        return array, first


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
