"""Activations as ONNX operators: one where ONNX has it, else a few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onnx import helper

from neurograph.convert.onnx_export.model import Model
from neurograph.functions import Activation

_Written = Callable[[Model, str, str, tuple[float, ...]], str]  # of (model, input, layer, numbers)


def activate(model: Model, x: str, layer: str, activation: Activation, output: str = "") -> str:
    """Add an activation of x; return its output's name. Identity adds nothing."""
    if activation.name == "identity":
        return x
    numbers = activation.parameters
    if activation.name in _ONE:
        op, attributes = _ONE[activation.name]
        given = dict(zip(attributes, numbers, strict=True))
        return model.node(op, x, name=f"{layer}.{activation.name}", output=output, **given)
    return _SEVERAL[activation.name](model, x, f"{layer}.{activation.name}", numbers)


def _of(op: str, *constants: float | None) -> _Written:
    """Return an operator of x and these constants; None stands for the next parameter."""

    def written(model: Model, x: str, name: str, numbers: tuple[float, ...]) -> str:
        left = iter(numbers)
        given = [model.number(next(left) if c is None else c) for c in constants]
        return model.node(op, x, *given, name=name)

    return written


def _at_most(model: Model, x: str, name: str, numbers: tuple[float, ...]) -> str:
    return model.node("Clip", x, "", model.number(numbers[0]), name=name)


def _scaled_tanh(model: Model, x: str, name: str, numbers: tuple[float, ...]) -> str:
    inner = model.node("Mul", x, model.number(numbers[1]), name=f"{name}.slope")
    curve = model.node("Tanh", inner, name=f"{name}.tanh")
    return model.node("Mul", curve, model.number(numbers[0]), name=name)


def _swish(model: Model, x: str, name: str, numbers: tuple[float, ...]) -> str:
    inner = x
    if numbers and numbers[0] != 1:
        inner = model.node("Mul", x, model.number(numbers[0]), name=f"{name}.beta")
    return model.node("Mul", x, model.node("Sigmoid", inner, name=f"{name}.gate"), name=name)


def _log_sigmoid(model: Model, x: str, name: str, _: tuple[float, ...]) -> str:
    turned = model.node("Neg", x, name=f"{name}.minus")
    return model.node("Neg", model.node("Softplus", turned, name=f"{name}.softplus"), name=name)


def _tanh_shrink(model: Model, x: str, name: str, _: tuple[float, ...]) -> str:
    return model.node("Sub", x, model.node("Tanh", x, name=f"{name}.tanh"), name=name)


def _shrink(*, soft: bool) -> _Written:
    def written(model: Model, x: str, name: str, numbers: tuple[float, ...]) -> str:
        bias = numbers[0] if soft else 0.0
        return model.node("Shrink", x, name=name, lambd=numbers[0], bias=bias)

    return written


def _threshold(model: Model, x: str, name: str, numbers: tuple[float, ...]) -> str:
    if numbers[1] == 0:
        return model.node("ThresholdedRelu", x, name=name, alpha=numbers[0])
    low = model.node("LessOrEqual", x, model.number(numbers[0]), name=f"{name}.low")
    return model.node("Where", low, model.number(numbers[1]), x, name=name)


def _step(model: Model, x: str, name: str, _: tuple[float, ...]) -> str:
    above = model.node("Greater", x, model.number(0.0), name=f"{name}.above")
    kind = helper.np_dtype_to_tensor_dtype(model.dtype)
    return model.node("Cast", above, name=name, to=kind)


def _log1p(model: Model, x: str, name: str, _: tuple[float, ...]) -> str:
    inner = model.node("Add", x, model.number(1.0), name=f"{name}.add")
    return model.node("Log", inner, name=name)


def _expm1(model: Model, x: str, name: str, _: tuple[float, ...]) -> str:
    power = model.node("Exp", x, name=f"{name}.exp")
    return model.node("Sub", power, model.number(1.0), name=name)


def _gelu(approximate: str) -> _Written:
    def written(model: Model, x: str, name: str, _: tuple[float, ...]) -> str:
        return model.node("Gelu", x, name=name, approximate=approximate)

    return written


# name -> the operator, and its attributes in the order of the parameters
_ONE: dict[str, tuple[str, tuple[Any, ...]]] = {
    **{
        name: (name.capitalize(), ())
        for name in (
            "relu", "sigmoid", "tanh", "softplus", "softsign", "exp", "mish", "sqrt", "reciprocal",
            "log", "abs", "sign", "floor", "ceil", "round", "erf", "sin", "cos", "tan", "asin",
            "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh",
        )
    },
    "hardswish": ("HardSwish", ()),
    "leaky_relu": ("LeakyRelu", ("alpha",)),
    "elu": ("Elu", ("alpha",)),
    "celu": ("Celu", ("alpha",)),
    "selu": ("Selu", ("alpha", "gamma")),
    "hardsigmoid": ("HardSigmoid", ("alpha", "beta")),
}  # fmt: skip

_SEVERAL: dict[str, _Written] = {
    "scaled_tanh": _scaled_tanh,
    "relu6": _of("Clip", 0.0, 6.0),
    "silu": _swish,
    "swish": _swish,
    "gelu": _gelu("none"),
    "gelu_tanh": _gelu("tanh"),
    "hardtanh": _of("Clip", None, None),
    "clip": _of("Clip", None, None),
    "at_least": _of("Clip", None),
    "at_most": _at_most,
    "square": _of("Pow", 2.0),
    "rsqrt": _of("Pow", -0.5),
    "power": _of("Pow", None),
    "log_sigmoid": _log_sigmoid,
    "soft_shrink": _shrink(soft=True),
    "hard_shrink": _shrink(soft=False),
    "tanh_shrink": _tanh_shrink,
    "threshold": _threshold,
    "log1p": _log1p,
    "expm1": _expm1,
    "step": _step,
}
