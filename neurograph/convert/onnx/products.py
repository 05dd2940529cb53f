"""ONNX's matrix products as neurons: by weights on either side, or of neurons."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.onnx.calls import Call, is_neurons
from neurograph.convert.values import Neurons
from neurograph.errors import ConversionError

Ids = NDArray[np.int32]


def _turned(ids: Ids) -> Ids:
    return np.swapaxes(ids, -1, -2)


def _matrices(call: Call, a: Ids, b: Ids) -> Ids:
    """Wire the product of (..., n, k) and (..., k, m), in which the call's inputs now are."""
    left, right = (is_neurons(value) for value in call.inputs[:2])
    activation = call.activation()
    if left and right:
        return ops.multiply_matrices(call.wiring, call.layer, a, b, activation=activation)
    if left:
        return ops.weigh_matrices(call.wiring, call.layer, a, b, activation=activation)
    found = ops.weigh_matrices(
        call.wiring, call.layer, _turned(b), _turned(a), activation=activation
    )
    return _turned(found)  # a b = (b' a')'


def _operand(call: Call, place: int) -> Ids:
    return call.sources(place) if is_neurons(call.inputs[place]) else call.weights(place)


def _product_of_any(call: Call) -> Neurons:
    """Wire a product of which a side may be a vector."""
    a, b = _operand(call, 0), _operand(call, 1)
    found = _matrices(call, a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b)
    if a.ndim == 1:
        found = found[..., 0, :]
    return Neurons(found[..., 0] if b.ndim == 1 else found)


def _gemm(call: Call) -> Neurons:
    """Wire alpha a b + beta c; in one layer where alpha is 1 and c is a bias."""
    a, b = _operand(call, 0), _operand(call, 1)
    if a.ndim != 2 or b.ndim != 2:
        raise ConversionError(f"found operands {a.shape} and {b.shape}, needed matrices")
    a, b = a.T if call.get("transA", 0) else a, b.T if call.get("transB", 0) else b
    alpha, beta, c = call.get("alpha", 1.0), call.get("beta", 1.0), call.given(2)
    weighed = is_neurons(call.inputs[0]) and not is_neurons(call.inputs[1])
    if alpha == 1 and weighed and (c is None or (beta == 1 and not is_neurons(c))):
        bias = -1 if c is None else call.weights(2)
        found = ops.dense(call.wiring, call.layer, a, b.T, bias=bias, activation=call.activation())
        return Neurons(found)
    if c is None and alpha == 1:
        return Neurons(_matrices(call, a, b))
    product = _matrices(call.before("product"), a, b)
    if c is None or (beta == 1 and not is_neurons(c)):
        shift = -1 if c is None else call.weights(2)
        scale = call.wiring.fixed(call.layer, alpha)
        found = ops.affine(
            call.wiring,
            call.layer,
            product,
            scale=scale,
            shift=shift,
            activation=call.activation(),
        )
        return Neurons(found)
    found = ops.together(
        call.wiring,
        call.layer,
        [product, call.neurons(2)],
        weights=[alpha, beta],
        activation=call.activation(),
    )
    return Neurons(found)


def _einsum(call: Call) -> Neurons:
    """Wire a sum of products of one or two operands, by their letters."""
    equation = str(call.get("equation", "")).replace(" ", "")
    left, arrow, out = equation.partition("->")
    letters = left.split(",")
    if not arrow or "." in equation or len(letters) not in (1, 2) or len(set(out)) < len(out):
        raise ConversionError(f"the equation {equation!r} cannot be said")
    if any(len(set(names)) < len(names) for names in letters):
        raise ConversionError(f"the equation {equation!r} takes a diagonal")
    if len(letters) == 1:
        return _summed(call, letters[0], out)
    return _contracted(call, letters, out)


def _summed(call: Call, names: str, out: str) -> Neurons:
    x = call.sources()
    axes = tuple(place for place, name in enumerate(names) if name not in out)
    if axes:
        x = ops.reduce(call.wiring, call.layer, x, axes, activation=call.activation())
    left = [name for name in names if name in out]
    return Neurons(x.transpose([left.index(name) for name in out]))


def _contracted(call: Call, letters: list[str], out: str) -> Neurons:
    a, b = _operand(call, 0), _operand(call, 1)
    of_a, of_b = letters
    sizes = dict(zip(of_a, a.shape, strict=True)) | dict(zip(of_b, b.shape, strict=True))
    both = [name for name in of_a if name in of_b]
    batch = [name for name in both if name in out]
    inner = [name for name in both if name not in out]
    alone = [[n for n in own if n not in both] for own in (of_a, of_b)]
    if any(name not in out for name in [*alone[0], *alone[1]]):
        raise ConversionError("a sum over an axis of one operand alone")
    lead = [sizes[name] for name in batch]
    size = math.prod(sizes[name] for name in inner)
    orders = [*batch, *alone[0], *inner], [*batch, *inner, *alone[1]]
    left = a.transpose([of_a.index(n) for n in orders[0]]).reshape(*lead, -1, size)
    right = b.transpose([of_b.index(n) for n in orders[1]]).reshape(*lead, size, -1)
    found = _matrices(call, left, right)
    names = [*batch, *alone[0], *alone[1]]
    found = found.reshape([sizes[name] for name in names])
    return Neurons(found.transpose([names.index(name) for name in out]))


PRODUCTS: dict[str, Callable[[Call], Any]] = {
    "MatMul": _product_of_any,
    "Gemm": _gemm,
    "Einsum": _einsum,
}
