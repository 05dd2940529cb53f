"""Operators that only move data: run as they are, on ids in place of numbers.

Ids go in with 1 added, so that the zeros that an operator fills in mean no neuron. A fill of
another value is not a move; it becomes a constant unit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree

from neurograph.convert.values import Neurons, Parameters, Scene

MOVES = frozenset(
    [
        "_unsafe_view", "_upsample_nearest_exact1d", "_upsample_nearest_exact2d",
        "_upsample_nearest_exact3d", "as_strided", "cat", "channel_shuffle", "chunk",
        "constant_pad_nd", "diag_embed", "diagonal", "diagonal_scatter", "expand", "expand_as",
        "flatten", "flip", "gather", "im2col", "index", "index_copy", "index_put", "index_select",
        "masked_fill", "masked_scatter", "movedim", "narrow", "native_channel_shuffle", "numpy_T",
        "pad", "permute", "pixel_shuffle", "pixel_unshuffle", "reflection_pad1d",
        "reflection_pad2d", "reflection_pad3d", "repeat", "repeat_interleave", "replication_pad1d",
        "replication_pad2d", "replication_pad3d", "reshape", "roll", "rot90", "scatter", "select",
        "select_scatter", "slice", "slice_scatter", "split", "split_with_sizes", "squeeze",
        "stack", "swapaxes", "t", "take_along_dim", "tile", "transpose", "tril", "triu", "unbind",
        "unflatten", "unfold", "unsqueeze", "upsample_nearest1d", "upsample_nearest2d",
        "upsample_nearest3d", "view", "where",
    ]
)  # fmt: skip
SAME = frozenset(
    [
        "_to_copy", "alias", "alpha_dropout", "clone", "contiguous", "detach", "dropout",
        "feature_alpha_dropout", "feature_dropout", "lift_fresh", "lift_fresh_copy", "to",
    ]
)  # fmt: skip
# Where operators take indices or masks, which cannot be neurons.
INDICES = {
    "gather": (2,), "index": (1,), "index_copy": (2,), "index_put": (1,), "index_select": (2,),
    "masked_scatter": (1,), "repeat_interleave": (1,), "scatter": (2,), "take_along_dim": (1,),
}  # fmt: skip
_FLOATING = ("reflection", "replication", "upsample", "_upsample", "im2col")  # not for integers


def move(scene: Scene, layer: str, call: tuple[Callable[..., Any], str, Any, Any]) -> Any:
    """Return what an operator (function, name, arguments, options) moves where."""
    function, name, arguments, options = call
    if name in SAME:
        return arguments[0]
    leaves = pytree.tree_leaves((arguments, options))
    if any(isinstance(leaf, Neurons) for leaf in leaves):
        return _neurons(scene, layer, call)
    return _parameters(function, arguments, options)


def _neurons(scene: Scene, layer: str, call: tuple[Callable[..., Any], str, Any, Any]) -> Any:
    function, name, arguments, options = call
    fill, arguments = _fill(name, arguments)

    def ids(value: Any) -> Any:
        if isinstance(value, Neurons):
            numbers = scene.wiring.solid(value.ids) if fill else value.ids
        elif isinstance(value, Parameters):
            numbers = scene.neurons(layer, value)
        elif isinstance(value, torch.Tensor) and value.is_floating_point():
            numbers = scene.neurons(layer, value.double().numpy())
        else:
            return value
        found = torch.from_numpy(np.ascontiguousarray(numbers, np.int64) + 1)
        return found.double() if name.startswith(_FLOATING) else found

    if name == "where":  # a number is a state there
        function = torch.where
        arguments = [arguments[0], *(_unit(scene, layer, value) for value in arguments[1:])]
    if name == "scatter" and isinstance(arguments[3], (int, float)):
        arguments = [*arguments[:3], scene.wiring.constant(float(arguments[3])) + 1]
    moved = function(*pytree.tree_map(ids, arguments), **pytree.tree_map(ids, options))

    def back(tensor: torch.Tensor) -> Neurons:
        numbers = np.asarray(tensor.long().numpy()) - 1
        if fill is not None and fill != 0:
            numbers = np.where(numbers < 0, scene.wiring.constant(fill), numbers)
        return Neurons(numbers.astype(np.int32))

    return pytree.tree_map_only(torch.Tensor, back, moved)


def _unit(scene: Scene, layer: str, value: Any) -> Any:
    return Neurons(scene.neurons(layer, float(value))) if isinstance(value, (int, float)) else value


def _fill(name: str, arguments: Any) -> tuple[float | None, Any]:
    """Return the value that an operator fills in, and its arguments with zero in its place."""
    if name == "constant_pad_nd" and len(arguments) > 2:
        return float(arguments[2]), arguments[:2]
    if name == "pad" and len(arguments) > 3 and arguments[3] is not None:
        return float(arguments[3]), arguments[:3]
    if name == "masked_fill":
        return float(arguments[2]), [*arguments[:2], 0]
    return None, arguments


def _parameters(function: Callable[..., Any], arguments: Any, options: Any) -> Any:
    """Run an operator on weight ids, then on the values."""
    arrays: set[str] = set()

    def run(pick: Callable[[Parameters], Any]) -> Any:
        return function(
            *pytree.tree_map_only(Parameters, pick, arguments),
            **pytree.tree_map_only(Parameters, pick, options),
        )

    def ids(value: Parameters) -> torch.Tensor:
        arrays.update(value.arrays)
        return torch.from_numpy(np.ascontiguousarray(value.ids, np.int64) + 1)

    moved = run(ids)
    numbers = run(lambda value: torch.from_numpy(np.ascontiguousarray(value.values)))

    def both(moved: torch.Tensor, number: torch.Tensor) -> Parameters:
        return Parameters((moved.numpy() - 1).astype(np.int32), number.numpy(), frozenset(arrays))

    if isinstance(moved, torch.Tensor):
        return both(moved, numbers)
    return [both(a, b) for a, b in zip(moved, numbers, strict=True)]
