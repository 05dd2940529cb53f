"""What a torch module's connections must come to: closed formulas, no graph, no ids.

Every function that a module calls is intercepted, and its connections computed from the shapes of
its arguments: `live` ones, and all `slots`, padding included. Activations are left out, since
whether one has neurons of its own depends on who else reads what it reads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True)
class Tally:
    """Connections that are there, and places for them, biases included."""

    live: int = 0
    slots: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.live + other.live, self.slots + other.slots)


def _same(connections: int) -> Tally:
    return Tally(connections, connections)


def _reached(size: int, outputs: int, tap: int, stride: int) -> int:
    """Return how many of the outputs have the tap at place `tap` + stride i inside the map."""
    first = max(0, -(tap // stride))
    last = min(outputs - 1, (size - 1 - tap) // stride)
    return max(0, last - first + 1)


def _windows(x: Any, out: Any, window: Any, stride: Any, padding: Any, dilation: Any) -> int:
    """Return how many taps of all windows over one map lie inside it."""
    axes = len(window)
    stride, padding, dilation = (_each(value, axes) for value in (stride, padding, dilation))
    return math.prod(
        sum(
            _reached(x.shape[2 + a], out.shape[2 + a], t * dilation[a] - padding[a], stride[a])
            for t in range(window[a])
        )
        for a in range(axes)
    )


def _each(value: Any, axes: int) -> tuple[int, ...]:
    given = (value,) if isinstance(value, int) else tuple(value)
    return given * axes if len(given) == 1 else given


def conv2d(
    out: Any,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tally:
    inside = _windows(x, out, weight.shape[2:], stride, padding, dilation)
    biases = 0 if bias is None else out.numel()
    slots = out.numel() * math.prod(weight.shape[1:])
    return Tally(weight.shape[0] * weight.shape[1] * inside + biases, slots + biases)


def linear(out: Any, x: Any, weight: Any, bias: Any = None) -> Tally:
    return _same(out.numel() * weight.shape[1] + (0 if bias is None else out.numel()))


def max_pool2d(
    out: Any,
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tally:
    window = _each(kernel_size, 2)
    inside = _windows(x, out, window, stride or window, padding, dilation)
    return Tally(x.shape[1] * inside, out.numel() * math.prod(window))


def avg_pool2d(
    out: Any,
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Tally:
    return max_pool2d(out, x, kernel_size, stride, padding)


def adaptive_avg_pool2d(out: Any, x: Any, output_size: Any) -> Tally:
    parts = [
        sum(-(-(i + 1) * size // n) - i * size // n for i in range(n))
        for size, n in zip(x.shape[2:], out.shape[2:], strict=True)
    ]
    return _same(x.shape[1] * math.prod(parts))


def batch_norm(
    out: Any, x: Any, mean: Any, variance: Any, weight: Any = None, *_: Any, **__: Any
) -> Tally:
    """Two neurons a place, each with a factor and a shift: statistics, then weights."""
    return _same(out.numel() * (2 if weight is None else 4))


def layer_norm(out: Any, x: Any, shape: Any, weight: Any = None, *_: Any, **__: Any) -> Tally:
    """A mean, differences, the sum of their squares + epsilon, quotients, weights."""
    groups = out.numel() // math.prod(shape)
    return _same(out.numel() * (1 + 2 + 1 + 2 + (0 if weight is None else 2)) + groups)


def together(out: Any, a: Any, b: Any, **_: Any) -> Tally:
    """One connection from every array of states; a weight is no source but a factor."""
    states = [v for v in (a, b) if isinstance(v, torch.Tensor) and not _weight(v)]
    return _same(out.numel() * len(states))


def _weight(value: Any) -> bool:
    return isinstance(value, torch.nn.Parameter)


def mean(out: Any, x: Any, *_: Any, **__: Any) -> Tally:
    return _same(x.numel())


FORMULAS: dict[str, Callable[..., Tally]] = {
    "conv2d": conv2d,
    "linear": linear,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    **dict.fromkeys(["add", "add_", "__add__", "__iadd__", "__radd__"], together),
    **dict.fromkeys(["mul", "mul_", "__mul__", "__imul__", "__rmul__"], together),
    "mean": mean,
}
NOTHING = frozenset(
    ["relu", "relu_", "relu6", "silu", "hardswish", "hardsigmoid", "hardtanh", "sigmoid", "gelu",
     "dropout", "permute", "flatten", "cat", "chunk", "transpose", "contiguous", "view", "reshape",
     "size", "__get__", "dim", "numel", "is_floating_point"]
)  # fmt: skip


class Counting(TorchFunctionMode):
    """Adds up the connections of every function called; `unknown` has those without a formula."""

    def __init__(self) -> None:
        super().__init__()
        self.total, self.unknown = Tally(), set[str]()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func.__name__ in FORMULAS:
            self.total += FORMULAS[func.__name__](out, *args, **(kwargs or {}))
        elif func.__name__ not in NOTHING:
            self.unknown.add(func.__name__)
        return out


def connections(module: torch.nn.Module, x: Any) -> Tally:
    """Return the connections of a module for one sample. Raises ValueError without a formula."""
    with torch.no_grad(), Counting() as counting:
        module(x)
    if counting.unknown:
        raise ValueError(f"no formula for {', '.join(sorted(counting.unknown))}")
    return counting.total


def parameters(module: torch.nn.Module, x: Any) -> tuple[int, int]:
    """Return a module's distinct parameters, and those of them that its forward pass meets."""
    met: set[int] = set()

    def note(part: torch.nn.Module, _: Any) -> None:
        met.update(p.data_ptr() for p in part.parameters(recurse=False))

    hooks = [part.register_forward_pre_hook(note) for part in module.modules()]
    with torch.no_grad():
        module(x)
    for hook in hooks:
        hook.remove()
    sizes = {p.data_ptr(): p.numel() for p in module.parameters()}
    return sum(sizes.values()), sum(sizes[place] for place in met)
