"""Operators of a network as torch layers: a function each, and a line in one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional

from neurograph.convert.regular.operations import (
    BatchNorm,
    Convolution,
    Dense,
    Ids,
    Operation,
    Pooling,
    Products,
    Reduction,
    Softmax,
    Together,
    TransposedConvolution,
)
from neurograph.convert.torch_export.activations import activate
from neurograph.convert.torch_export.parameters import Parameters
from neurograph.convert.torch_export.views import States
from neurograph.errors import ConversionError
from neurograph.operators import Windows

_TAKEN = frozenset(dir(torch.nn.Module()))
_TOGETHER = {
    "sum": torch.add,
    "difference": torch.sub,
    "product": torch.mul,
    "max": torch.maximum,
    "min": torch.minimum,
}
_REDUCE = {
    "sum": torch.sum,
    "mean": torch.mean,
    "product": torch.prod,
    "max": torch.amax,
    "min": torch.amin,
}


@dataclass(eq=False)
class Scene:
    """An fx graph in the making, its layers by path, and the states it has so far."""

    made: Any
    states: States
    parameters: Parameters
    layers: dict[str, Any] = field(default_factory=dict)

    def call(self, module: Any, path: str, layer: str, x: Any) -> Any:
        """Add a layer, at a path that is free, and call it."""
        free, own, number = _path(path or layer), _path(layer), 1
        while free in self.layers:
            free, number = (own if number == 1 else f"{own}_{number}"), number + 1
        self.layers[free] = module
        return self.made.call_module(free, (x,))


def _path(name: str) -> str:
    """Return a name as the path of a layer: no empty part, and none that modules have already."""
    parts = [f"{p}_" if p in _TAKEN else p for p in name.split(".") if p]
    return ".".join(parts) or "layer"


def write(scene: Scene, operation: Operation) -> None:
    """Add an operator's layers and nodes. Raises ConversionError where torch has no such layer."""
    node = OPERATORS[type(operation)](scene, operation)
    scene.states.add(activate(scene.made, node, operation.activation), operation.ids)


def _named(kind: str, axes: int) -> Any:
    return getattr(torch.nn, f"{kind}{axes}d")


def _convolution(scene: Scene, op: Convolution) -> Any:
    windows, transposed = op.windows, isinstance(op, TransposedConvolution)
    _require_per_map(op.bias, op.ids.shape)
    if transposed and any(low != high for low, high in windows.pads):
        raise ConversionError(f"it is a transposed convolution of padding {windows.pads}")
    x, pads = _padded(scene, scene.states.read(op.x), windows, 0.0, transposed=transposed)
    extra = {"output_padding": op.extra} if isinstance(op, TransposedConvolution) else {}
    kind = "ConvTranspose" if transposed else "Conv"
    module = _named(kind, len(windows.kernel))(
        len(op.x),
        len(op.ids),
        windows.kernel,
        stride=windows.stride,
        padding=pads,
        dilation=windows.dilation,
        groups=op.groups,
        bias=op.bias is not None,
        device="meta",
        **extra,
    )
    return _weighed(scene, module, op, x)


def _weighed(scene: Scene, module: Any, op: Convolution | Dense, x: Any) -> Any:
    scene.parameters.give(module, "weight", op.weights)
    if op.bias is not None:
        scene.parameters.give(module, "bias", op.bias)
    return scene.call(module, scene.parameters.path(op.weights), op.layer, x)


def _require_per_map(bias: Ids | None, shape: tuple[int, ...]) -> None:
    if bias is not None and bias.shape == shape and len(shape) > 1:
        raise ConversionError("it has a bias for each neuron, torch's layers one for each map")


def _padded(
    scene: Scene,
    x: Any,
    windows: Windows,
    fill: float,
    *,
    transposed: bool = False,
    half: bool = False,
) -> tuple[Any, tuple[int, ...]]:
    """Return x and the padding that a layer is to add: all of it before where sides differ."""
    even = all(low == high for low, high in windows.pads)
    sizes = zip(windows.pads, windows.kernel, strict=True)
    small = not half or all(2 * pad[0] <= size for pad, size in sizes)
    if (even and small) or transposed:
        return x, tuple(low for low, _ in windows.pads)
    sides = [side for pad in reversed(windows.pads) for side in pad]
    padded = scene.made.call_function(functional.pad, (x, sides), {"value": fill})
    return padded, (0,) * len(windows.pads)


def _dense(scene: Scene, op: Dense) -> Any:
    _require_per_map(op.bias, op.ids.shape)
    out, width = op.weights.shape
    module = torch.nn.Linear(width, out, bias=op.bias is not None, device="meta")
    return _weighed(scene, module, op, scene.states.read(op.x))


def _pooling(scene: Scene, op: Pooling) -> Any:
    windows, axes = op.windows, len(op.windows.kernel)
    x, sizes = scene.states.read(op.x), op.x.shape[1:]
    low = tuple((p[0], p[0]) for p in windows.pads)
    ceil = Windows(windows.kernel, windows.stride, low, windows.dilation, ceil=True)
    reaching = windows.pads != low and ceil.counts(sizes, op.layer) == op.ids.shape[1:]
    options: dict[str, Any] = {"stride": windows.stride, "ceil_mode": False}
    if reaching and not (op.how == "mean" and op.padded):
        windows, options["ceil_mode"] = ceil, True
    if op.how == "mean":
        if max(windows.dilation) > 1:
            raise ConversionError("it is a mean over dilated windows")
        x, options["padding"] = _padded(scene, x, windows, 0.0, half=True)
        moved = options["padding"] != tuple(p[0] for p in windows.pads)
        if moved and not op.padded:
            raise ConversionError(f"it is a mean without its padding {windows.pads}")
        options["count_include_pad"] = op.padded
        module = _named("AvgPool", axes)(windows.kernel, **options)
    else:
        x, options["padding"] = _padded(scene, x, windows, float("-inf"), half=True)
        module = _named("MaxPool", axes)(windows.kernel, dilation=windows.dilation, **options)
    return scene.call(module, "", op.layer, x)


def _together(scene: Scene, op: Together) -> Any:
    first, *others = [scene.states.read(ids) for ids in op.sources]
    if not others and op.activation.name == "identity":
        return scene.made.call_function(torch.mul, (first, 1.0))
    for other in others:
        first = scene.made.call_function(_TOGETHER[op.how], (first, other))
    return first


def _reduction(scene: Scene, op: Reduction) -> Any:
    if op.bias is not None:
        raise ConversionError("it is a reduction with a bias")
    x = scene.states.read(op.x)
    if op.how == "squares":
        x = scene.made.call_function(torch.square, (x,))
    return scene.made.call_function(_REDUCE.get(op.how, torch.sum), (x, -1))


def _batch_norm(scene: Scene, op: BatchNorm) -> Any:
    parameters, weights = scene.parameters, scene.parameters.values
    inverse, center = weights[op.inverse_deviation], weights[op.center]
    epsilon = parameters.statistics(op.center)
    if (1 / inverse**2 <= epsilon).any():
        epsilon = 0.0
    axes = max(op.ids.ndim - 1, 1)
    module = _named("BatchNorm", axes)(len(op.scale), eps=epsilon)
    parameters.give(module, "weight", op.scale)
    parameters.give(module, "bias", op.shift)
    module.running_mean = parameters.tensor(-center / inverse)
    module.running_var = parameters.tensor(1 / inverse**2 - epsilon)
    return scene.call(module, parameters.path(op.scale), op.layer, scene.states.read(op.x))


def _softmax(scene: Scene, op: Softmax) -> Any:
    module = (torch.nn.LogSoftmax if op.log else torch.nn.Softmax)(op.axis + 1)
    return scene.call(module, "", op.layer, scene.states.read(op.x))


def _products(scene: Scene, op: Products) -> Any:
    raise ConversionError(op.why)


OPERATORS: dict[type[Operation], Callable[[Scene, Any], Any]] = {
    Convolution: _convolution,
    TransposedConvolution: _convolution,
    Dense: _dense,
    Pooling: _pooling,
    Together: _together,
    Reduction: _reduction,
    BatchNorm: _batch_norm,
    Softmax: _softmax,
    Products: _products,
}
