"""Whether a model keeps the samples of a batch apart: told node by node, else wired for two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from neurograph.convert.onnx.activations import ACTIVATIONS
from neurograph.convert.onnx.analysis import CASTS
from neurograph.convert.onnx.calls import numbers
from neurograph.convert.onnx.evaluation import attributes
from neurograph.convert.onnx.moves import SAME
from neurograph.convert.values import Neurons
from neurograph.errors import ConversionError
from neurograph.graph import Graph
from neurograph.graph.levels import fed_by

Ids = NDArray[np.int32]
Rule = Callable[[dict[str, Any], list[Any], int], bool]

# Operators that never reach along the first axis.
_APART = frozenset(
    ["Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool",
     "GlobalMaxPool", "GlobalLpPool", "BatchNormalization", "InstanceNormalization",
     "GroupNormalization", "LRN", "DepthToSpace", "SpaceToDepth", "Neg", "Not"]
).union(ACTIVATIONS, SAME, CASTS)  # fmt: skip
# Operators place by place, which broadcast.
_TOGETHER = frozenset(
    ["Add", "Sub", "Mul", "Div", "Sum", "Mean", "Max", "Min", "PRelu", "Pow", "Where", "And", "Or",
     "Xor", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]
)  # fmt: skip


def keeps_apart(node: NodeProto, values: list[Any], found: list[Any]) -> bool:
    """Return whether a node surely keeps samples apart, as wired for one; False where unsure."""
    made = [value for value in found if isinstance(value, Neurons)]
    read = [value for value in values if isinstance(value, Neurons)]
    if not made:
        return True
    if not read or not all(value.shape[:1] == (1,) for value in [*made, *read]):
        return False
    op, rank = node.op_type, read[0].ids.ndim
    if op in _APART:
        return True
    if op in _TOGETHER:
        return all(_fits(value, rank) for value in values if value is not None)
    rule = _RULES.get("Reduce" if op.startswith("Reduce") else op)
    return rule is not None and rule(attributes(node), values, rank)


def _fits(value: Any, rank: int) -> bool:
    """Return whether a value has the rank of states, or stands beside their last axes."""
    shape = value.shape if isinstance(value, Neurons) else numbers(value).shape
    if isinstance(value, Neurons) or len(shape) == rank:
        return len(shape) == rank and shape[0] == 1
    return len(shape) < rank


def _axis(default: int) -> Rule:
    return lambda told, _, rank: int(told.get("axis", default)) % rank != 0


def _axes(told: dict[str, Any], values: list[Any], place: int) -> list[int] | None:
    """Return the axes of an attribute or an input; None where they are not said."""
    if "axes" in told:
        return [int(axis) for axis in told["axes"]]
    given = values[place] if place < len(values) else None
    return None if given is None else numbers(given).reshape(-1).astype(int).tolist()


def _others(place: int) -> Rule:
    """Return what tells whether the axes, an attribute or an input, leave out the first."""

    def rule(told: dict[str, Any], values: list[Any], rank: int) -> bool:
        axes = _axes(told, values, place)
        return axes is not None and all(axis % rank for axis in axes) and bool(axes)

    return rule


def _unsqueezed(told: dict[str, Any], values: list[Any], rank: int) -> bool:
    axes = _axes(told, values, 1)
    return axes is not None and all(axis % (rank + len(axes)) for axis in axes)


def _reshaped(told: dict[str, Any], values: list[Any], rank: int) -> bool:
    """A first 0 is the samples' own length; so is -1, where the others leave one sample's size."""
    target = numbers(values[1]).reshape(-1).astype(int).tolist()
    if not target or told.get("allowzero", 0):
        return False
    shape = values[0].shape
    rest = [shape[i] if size == 0 and i < rank else size for i, size in enumerate(target)][1:]
    if target[0] == 0:
        return True
    return bool(target[0] == -1 and np.prod(rest, dtype=int) == np.prod(shape[1:], dtype=int))


def _padded(told: dict[str, Any], values: list[Any], rank: int) -> bool:
    if len(values) > 3 and values[3] is not None:
        return False
    pads = told.get("pads") if len(values) < 2 else numbers(values[1]).reshape(-1).tolist()
    return pads is not None and len(pads) == 2 * rank and pads[0] == pads[rank] == 0


def _multiplied(told: dict[str, Any], values: list[Any], rank: int) -> bool:
    left, right = values[:2]
    if not isinstance(left, Neurons) or rank < 2:
        return False
    if isinstance(right, Neurons):
        return rank == right.ids.ndim > 2
    return len(right.shape) <= 2


def _generally(told: dict[str, Any], values: list[Any], rank: int) -> bool:
    alone = not any(isinstance(value, Neurons) for value in values[1:])
    return alone and not told.get("transA", 0)


_RULES: dict[str, Rule] = {
    **dict.fromkeys(["Concat", "Split", "Gather", "GatherElements"], _axis(0)),
    **dict.fromkeys(["Softmax", "LogSoftmax", "LayerNormalization", "RMSNormalization"], _axis(-1)),
    "Transpose": lambda told, _, rank: list(told.get("perm", [rank]))[:1] == [0],
    "Flatten": lambda told, _, rank: int(told.get("axis", 1)) % rank == 1 % rank,
    "Reshape": _reshaped,
    "Squeeze": _others(1),
    "Unsqueeze": _unsqueezed,
    "Slice": _others(3),
    "Reduce": _others(1),
    "Pad": _padded,
    "MatMul": _multiplied,
    "Gemm": _generally,
}


def require_apart(graph: Graph, outputs: list[Ids]) -> None:
    """Raise ConversionError if an output of a graph wired for two samples depends on the other.

    Inputs of two samples have them along their first axis. An output of one sample each may depend
    on its own only, any other place on one of the two.
    """
    sides = [np.concatenate([_half(layer.ids, i) for layer in graph.inputs]) for i in (0, 1)]
    on = [fed_by(graph, ids) for ids in sides]
    for ids in outputs:
        whole = ids[ids >= 0].reshape(-1)
        own = ids.shape[:1] == (2,)
        mixed = (on[0] & on[1])[whole].any()
        swapped = own and any(on[1 - i][ids[i][ids[i] >= 0]].any() for i in (0, 1))
        if mixed or swapped:
            raise ConversionError(
                "from_onnx: the model mixes the samples of a batch: outputs of one depend on "
                "another; a graph is wired for one sample. If batches are not meant, fix the "
                "model's first dimension to 1"
            )


def _half(ids: Ids, which: int) -> Ids:
    return ids[which].reshape(-1) if ids.shape[:1] == (2,) else np.empty(0, np.int32)
