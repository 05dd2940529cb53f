"""ONNX's reductions and running sums as neurons."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.onnx.calls import Call
from neurograph.convert.values import Neurons
from neurograph.errors import ConversionError
from neurograph.functions.activations import Activation
from neurograph.memory import require

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class _Reduction:
    """How sources are reduced: what is done before and after, and the function between."""

    pair: tuple[str, str] = ("multiply", "sum")
    weight: float = 1.0
    before: str = ""
    after: str = ""


_SQUARES = ("squared_difference", "sum")
_REDUCTIONS = {
    "ReduceSum": _Reduction(),
    "ReduceMean": _Reduction(),
    "ReduceMax": _Reduction(("multiply", "max")),
    "ReduceMin": _Reduction(("multiply", "min")),
    "ReduceProd": _Reduction(("multiply", "product")),
    "ReduceL1": _Reduction(before="abs"),
    "ReduceL2": _Reduction(_SQUARES, 0.0, after="sqrt"),
    "ReduceSumSquare": _Reduction(_SQUARES, 0.0),
    "ReduceLogSum": _Reduction(after="log"),
}


def _axes(call: Call, x: Ids) -> tuple[int, ...]:
    given = call.constant(1) if len(call.inputs) > 1 else call.get("axes")
    axes = [] if given is None else [int(axis) for axis in np.asarray(given).reshape(-1)]
    if not axes and not call.get("noop_with_empty_axes", 0):
        axes = list(range(x.ndim))
    if any(not -x.ndim <= axis < x.ndim for axis in axes):
        raise ConversionError(f"found axes {axes} of {x.ndim}")
    return tuple(dict.fromkeys(axis % x.ndim for axis in axes))


def _reduce(call: Call) -> Neurons:
    x, how = call.sources(), _REDUCTIONS[call.name]
    axes = _axes(call, x)
    if x.size == 0:
        raise ConversionError("a reduction of nothing")
    weight = how.weight
    if call.name == "ReduceMean":
        weight = 1 / math.prod(x.shape[axis] for axis in axes)
    if how.before:
        name = call.part(how.before)
        x = ops.affine(call.wiring, name, x, activation=Activation(how.before))
    found = ops.reduce(
        call.wiring,
        call.layer,
        x,
        axes,
        keep=bool(call.get("keepdims", 1)),
        weight=weight,
        pair=how.pair,
        activation=Activation(how.after) if how.after else call.activation(),
    )
    return Neurons(found)


def _log_sum_exp(call: Call) -> Neurons:
    x = call.neurons()
    axes, wiring = _axes(call, x), call.wiring
    keep = bool(call.get("keepdims", 1))
    largest = ops.reduce(wiring, call.part("max"), x, axes, keep=True, pair=("multiply", "max"))
    powers = ops.together(
        wiring,
        call.part("exp"),
        [x, largest],
        weights=[1.0, -1.0],
        activation=Activation("exp"),
    )
    total = ops.reduce(
        wiring, call.part("log"), powers, axes, keep=True, activation=Activation("log")
    )
    found = ops.together(wiring, call.layer, [total, largest], activation=call.activation())
    return Neurons(found if keep else np.squeeze(found, axes))


def _running_sum(call: Call) -> Neurons:
    """Wire the sum of all before each place, along an axis: fields of growing length."""
    x, given = call.sources(), call.constant(1)
    axis = int(np.asarray(given).reshape(())) % x.ndim
    count = x.shape[axis]
    require(8 * x.size * count, f"{call.layer}: sums of {count:,}", ConversionError)
    at = np.arange(count)
    first, second = (at[None], at[:, None]) if not call.get("reverse", 0) else (at[:, None], at)
    before = first < second if call.get("exclusive", 0) else first <= second
    rows = np.where(before, np.moveaxis(x, axis, -1)[..., None, :], -1)
    found = ops.reduce(call.wiring, call.layer, rows.astype(np.int32), (-1,))
    return Neurons(np.moveaxis(found, -1, axis))


REDUCTIONS: dict[str, Callable[[Call], Any]] = {
    **dict.fromkeys(_REDUCTIONS, _reduce),
    "ReduceLogSumExp": _log_sum_exp,
    "CumSum": _running_sum,
}
