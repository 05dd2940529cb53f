"""Types of what neurons stand for: real states say whole numbers exactly, within limits."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from neurograph import operators as ops
from neurograph.convert.onnx.calls import Call
from neurograph.convert.onnx.evaluation import attributes
from neurograph.convert.values import Neurons, Parameters
from neurograph.errors import ConversionError
from neurograph.functions.activations import Activation

_REAL = frozenset(
    [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16]
)
_WHOLE = frozenset(
    [TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8,
     TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64]
)  # fmt: skip
_WIDE = frozenset([TensorProto.INT32, TensorProto.INT64])  # overflow is no matter of these
COMPARED = frozenset(
    ["Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal", "Not", "And", "Or", "Xor"]
)
# What stays within the whole numbers that are read, and what may leave them for larger ones.
_CLOSED = COMPARED | {
    "Max", "Min", "ReduceMax", "ReduceMin", "MaxPool", "GlobalMaxPool", "Where", "Clip", "Relu",
    "Sign",
}  # fmt: skip
_GROWING = frozenset(
    ["Add", "Sub", "Mul", "Neg", "Abs", "Sum", "ReduceSum", "ReduceProd", "ReduceL1",
     "ReduceSumSquare", "MatMul", "Gemm", "CumSum", "Einsum"]
)  # fmt: skip


class Kinds:
    """The type of each name that stands for neurons."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def tell(self, name: str, kind: int) -> None:
        """Take down the type of a name. Raises ConversionError for what has no states."""
        if kind not in _REAL | _WHOLE | {TensorProto.BOOL}:
            raise ConversionError(f"from_onnx: {name!r} is of type {_named(kind)}, needed numbers")
        self._of[name] = kind

    def of_outputs(self, node: NodeProto, names: list[str]) -> int:
        """Return the type of what a node gives: that of the first input of a known one."""
        if node.op_type == "Cast":
            return int(attributes(node).get("to", TensorProto.FLOAT))
        if node.op_type in COMPARED:
            return int(TensorProto.BOOL)
        if node.op_type in ("Where", "CastLike"):
            names = names[1:]
        return next((self._of[n] for n in names if n in self._of), int(TensorProto.FLOAT))

    def target(self, node: NodeProto, values: list[Any]) -> int:
        """Return the type that a node casts to."""
        if node.op_type == "Cast":
            return int(attributes(node)["to"])
        if isinstance(values[1], Neurons):
            return self._of[node.input[1]]
        found = values[1].values if isinstance(values[1], Parameters) else np.asarray(values[1])
        return int(helper.np_dtype_to_tensor_dtype(found.dtype))

    def require_exact(self, node: NodeProto) -> None:
        """Raise ConversionError where whole numbers would not be computed as ONNX does."""
        for name in node.input:
            kind = self._of.get(name, TensorProto.FLOAT)
            growing = node.op_type in _GROWING and kind in _WIDE
            if kind in _WHOLE and not growing and node.op_type not in _CLOSED:
                raise ConversionError(f"whole numbers ({_named(kind)}) are not computed as such")

    def of(self, name: str) -> int:
        """Return the type of a name, real if nothing is known."""
        return self._of.get(name, int(TensorProto.FLOAT))


def cast(call: Call, kinds: Kinds, name: str, kind: int) -> Any:
    """Return an input as another type: neurons that cut digits off, or what it is.

    Raises ConversionError where the numbers might not fit.
    """
    value, own = call.given(0), kinds.of(name)
    if kind in _REAL or isinstance(value, Parameters):
        return value
    if kind == TensorProto.BOOL and own == TensorProto.BOOL:
        return value
    if kind == TensorProto.BOOL:
        size = ops.affine(
            call.wiring, call.part("size"), call.neurons(), activation=Activation("abs")
        )
        return Neurons(ops.affine(call.wiring, call.layer, size, activation=Activation("step")))
    if own == TensorProto.BOOL or own == kind or (own in _WHOLE and kind in _WIDE):
        return value
    if own in _REAL and kind in _WIDE:
        return _cut_off(call)
    raise ConversionError(f"{_named(own)} as {_named(kind)}: numbers may not fit")


def _cut_off(call: Call) -> Neurons:
    """Wire sign(x) floor(|x|): the whole part of x."""
    x = call.neurons()
    sign, size = (
        ops.affine(call.wiring, call.part(kind), x, activation=Activation(kind))
        for kind in ("sign", "abs")
    )
    whole = ops.affine(call.wiring, call.part("whole"), size, activation=Activation("floor"))
    pair = "multiply", "product"
    return Neurons(ops.together(call.wiring, call.layer, [sign, whole], pair=pair, kind="Multiply"))


def _named(kind: int) -> str:
    try:
        return str(TensorProto.DataType.Name(kind))
    except ValueError:
        return str(kind)
