"""Activations as functions of torch: name -> (function, names of its parameters)."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from neurograph.functions import Activation

_FUNCTIONS: dict[str, tuple[Any, tuple[str, ...]]] = {
    **{
        name: (getattr(torch, name), ())
        for name in (
            "relu", "sigmoid", "tanh", "exp", "square", "sqrt", "rsqrt", "reciprocal", "log",
            "log1p", "expm1", "abs", "sign", "floor", "ceil", "round", "erf", "sin", "cos", "tan",
            "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh",
        )
    },
    "relu6": (functional.relu6, ()),
    "leaky_relu": (functional.leaky_relu, ("negative_slope",)),
    "elu": (functional.elu, ("alpha",)),
    "celu": (functional.celu, ("alpha",)),
    "softplus": (functional.softplus, ()),
    "softsign": (functional.softsign, ()),
    "silu": (functional.silu, ()),
    "gelu": (functional.gelu, ()),
    "mish": (functional.mish, ()),
    "hardswish": (functional.hardswish, ()),
    "log_sigmoid": (functional.logsigmoid, ()),
    "tanh_shrink": (functional.tanhshrink, ()),
    "hardtanh": (functional.hardtanh, ("min_val", "max_val")),
    "soft_shrink": (functional.softshrink, ("lambd",)),
    "hard_shrink": (functional.hardshrink, ("lambd",)),
    "threshold": (functional.threshold, ("threshold", "value")),
    "clip": (torch.clamp, ("min", "max")),
    "at_least": (torch.clamp, ("min",)),
    "at_most": (torch.clamp, ("max",)),
    "power": (torch.pow, ("exponent",)),
}  # fmt: skip


def activate(made: Any, x: Any, activation: Activation) -> Any:
    """Add an activation of the node x to an fx graph; return its node."""
    name, numbers = activation.name, activation.parameters
    if name == "identity":
        return x
    if name == "scaled_tanh":
        curve = made.call_function(torch.tanh, (made.call_function(torch.mul, (x, numbers[1])),))
        return made.call_function(torch.mul, (curve, numbers[0]))
    if name == "swish":
        gate = made.call_function(torch.mul, (x, numbers[0]))
        return made.call_function(torch.mul, (x, made.call_function(torch.sigmoid, (gate,))))
    if name == "gelu_tanh":
        return made.call_function(functional.gelu, (x,), {"approximate": "tanh"})
    if name == "step":
        above = made.call_function(torch.gt, (x, 0))
        return made.call_method("to", (above, x), {})
    if name == "selu" and activation == Activation("selu"):
        return made.call_function(functional.selu, (x,))
    if name == "selu":
        inner = made.call_function(functional.elu, (x,), {"alpha": numbers[0]})
        return made.call_function(torch.mul, (inner, numbers[1]))
    if name == "hardsigmoid" and activation == Activation("hardsigmoid"):
        return made.call_function(functional.hardsigmoid, (x,))
    if name == "hardsigmoid":
        line = made.call_function(torch.mul, (x, numbers[0]))
        line = made.call_function(torch.add, (line, numbers[1]))
        return made.call_function(torch.clamp, (line,), {"min": 0.0, "max": 1.0})
    function, names = _FUNCTIONS[name]
    return made.call_function(function, (x,), dict(zip(names, numbers, strict=True)))
