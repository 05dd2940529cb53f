"""Nodes on constants alone: computed by ONNX's own reference, once their size is known to be sane.

The same runs the operators that only move data, on ids in place of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, ValueInfoProto, helper

from neurograph.errors import ConversionError
from neurograph.memory import require

Values = list[Any]
Attributes = Mapping[str, Any]

_ENTRIES = 1 << 28  # of all arrays of constants and moved ids, beyond which no network needs them
# Of ids that are moved, each becomes so many at most, and so many more: as maps are stretched.
_GROWTH, _GROWN = 64, 1 << 24


class Evaluator:
    """ONNX's reference for the operator sets of a model, with bounds on what it makes."""

    def __init__(self, opsets: Mapping[str, int]) -> None:
        self._opsets, self._left = opsets, _ENTRIES

    def run(self, node: NodeProto, values: Values, *, moved: bool = False) -> list[Any]:
        """Return a node's outputs for these inputs, None for those it has not; `moved` are ids.

        Raises ConversionError for an operator whose output's size cannot be told, and where a
        model's outputs would come to more than is sane.
        """
        if node.op_type not in SIZES:
            raise ConversionError(f"{node.op_type} of constants is not known")
        given = [None if value is None else np.asarray(value) for value in values]
        size = SIZES[node.op_type](given, attributes(node))
        read = sum(value.size for value in given if value is not None)
        grown = _GROWTH * read + _GROWN if moved else self._left
        if size > min(grown, self._left):
            raise ConversionError(f"{node.op_type} would have {size:,} entries")
        require(32 * size, node.op_type, ConversionError)
        self._left -= size
        return _evaluated(node, given, self._opsets)


def _evaluated(node: NodeProto, values: Values, opsets: Mapping[str, int]) -> list[Any]:
    from onnx.reference import ReferenceEvaluator

    names = ["" if value is None else f"in{i}" for i, value in enumerate(values)]
    alone = NodeProto()
    alone.CopyFrom(node)
    del alone.input[:]
    alone.input.extend(names)
    for place, name in enumerate(alone.output):
        alone.output[place] = f"out{place}" if name else ""
    outputs = [name for name in alone.output if name]
    graph = helper.make_graph(
        [alone],
        "node",
        [ValueInfoProto(name=name) for name in names if name],
        [ValueInfoProto(name=name) for name in outputs],
    )
    model = ModelProto(ir_version=10, graph=graph)
    model.opset_import.extend(helper.make_opsetid(d, v) for d, v in opsets.items())
    feeds = {name: value for name, value in zip(names, values, strict=True) if name}
    with np.errstate(all="ignore"):
        found = iter(ReferenceEvaluator(model).run(None, feeds))
    return [next(found) if name else None for name in alone.output]


def attributes(node: NodeProto) -> dict[str, Any]:
    """Return a node's attributes by name, text as str."""
    found = {}
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        found[attribute.name] = value.decode() if isinstance(value, bytes) else value
    return found


def _broadcast(values: Values, _: Attributes) -> int:
    return math.prod(np.broadcast_shapes(*(v.shape for v in values if v is not None)))


def _no_more(values: Values, _: Attributes) -> int:
    """Bound operators whose output has no more entries than their inputs, or a shape's few."""
    return int(sum(v.size for v in values if v is not None)) + 64


def _places(values: Values, _: Attributes) -> int:
    return int(values[0].size) * max(1, int(values[0].ndim))


def _by_shape(place: int) -> Callable[[Values, Attributes], int]:
    def size(values: Values, _: Attributes) -> int:
        return math.prod(max(1, int(n)) for n in values[place].reshape(-1))

    return size


def _expand(values: Values, _: Attributes) -> int:
    return math.prod(np.broadcast_shapes(values[0].shape, tuple(values[1].astype(int))))


def _tile(values: Values, _: Attributes) -> int:
    return int(values[0].size) * math.prod(int(n) for n in values[1].reshape(-1))


def _range(values: Values, _: Attributes) -> int:
    start, limit, delta = (float(value.item()) for value in values)
    return max(0, math.ceil((limit - start) / delta))


def _product(values: Values, _: Attributes) -> int:
    return math.prod(max(1, int(value.size)) for value in values[:2])


def _pad(values: Values, given: Attributes) -> int:
    sizes, told = list(values[0].shape), given.get("pads", given.get("paddings"))
    pads = np.asarray(values[1] if told is None else told).reshape(2, -1)
    axes = range(len(sizes)) if len(values) < 4 or values[3] is None else values[3].reshape(-1)
    for place, axis in enumerate(axes):
        sizes[int(axis)] += abs(int(pads[0, place])) + abs(int(pads[1, place]))
    return math.prod(int(size) for size in sizes)


SIZES: dict[str, Callable[[Values, Attributes], int]] = {
    **dict.fromkeys(
        ["Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Sum", "Mean", "And", "Or", "Xor",
         "Not", "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Where", "Neg", "Abs",
         "Ceil", "Floor", "Round", "Sqrt", "Reciprocal", "Exp", "Log", "Sign", "Erf", "Relu",
         "Sigmoid", "Tanh", "Clip", "Sin", "Cos", "PRelu", "LeakyRelu", "IsNaN", "IsInf",
         "BitwiseAnd", "BitwiseOr", "BitwiseNot", "BitwiseXor"],
        _broadcast,
    ),
    **dict.fromkeys(
        ["Identity", "Cast", "CastLike", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten",
         "Slice", "Split", "Shape", "Size", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin",
         "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum",
         "ReduceLogSumExp", "ArgMax", "ArgMin", "CumSum", "DepthToSpace", "Softmax",
         "SpaceToDepth", "GatherElements", "ScatterND", "ScatterElements", "Scatter", "Trilu",
         "ReverseSequence", "Compress", "EyeLike", "Dropout", "LogSoftmax",
         "DequantizeLinear", "Concat"],
        _no_more,
    ),
    "NonZero": _places,
    "Constant": lambda values, given: 0,  # its numbers are in the file
    "ConstantOfShape": _by_shape(0),
    "CenterCropPad": _by_shape(1),
    "Expand": _expand,
    "Tile": _tile,
    "Range": _range,
    **dict.fromkeys(["Gather", "GatherND", "OneHot", "MatMul"], _product),
    "Pad": _pad,
}  # fmt: skip
