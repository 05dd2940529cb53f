"""The arithmetic of each kind of layer, from its shapes and its window.

Nothing here counts: `counting` does. The formulas are a check against it, and are shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from neurograph.cli.derivation.geometry import Axis, axes_of
from neurograph.cli.derivation.lines import Derived, Deriving
from neurograph.cli.output import shape_text
from neurograph.counting import Row
from neurograph.graph import Graph, Layer

Shape = tuple[int, ...]


def derive(graph: Graph, layer: Layer, counted: Row) -> Derived:
    """Return a layer's derivation; its `reason` says why where there is no arithmetic for it."""
    made = Deriving(graph, layer, counted)
    if layer.neurons.explicit is not None:
        made.derived.reason = "its neurons are not in one row of ids, as those of a layer are made"
    elif layer.kind not in _RULES or not layer.neurons.size:
        made.derived.reason = f"there is no arithmetic here for a layer of kind {layer.kind}"
    else:
        _RULES[layer.kind](made)
    return made.derived


def _input(made: Deriving) -> None:
    shape = made.shape
    text = " x ".join(map(str, shape)) or "1"
    made.line("neurons", text, math.prod(shape), made.counted.neurons)


def _convolution(made: Deriving) -> None:
    shape, kernel = made.shape, made.kernel.shape
    if len(kernel) != 4 or kernel[0] != shape[0]:
        made.derived.reason = f"its kernel {made.kernel_name} has the shape {shape_text(kernel)}"
        return
    axes = axes_of(made.graph, made.layer, (kernel[2], kernel[3]))
    if axes is None:
        made.derived.reason = "its fields are no window over whole maps"
        return
    field_ = f"{kernel[2]}x{kernel[3]}"
    made.title(f", {field_} field{_options(axes)}")
    _sides(made, axes)
    made.neurons()
    linked = np.asarray((made.kernel.ids >= 0).any(axis=(2, 3)))
    read = [tuple(np.flatnonzero(row).tolist()) for row in linked]
    links = sum(map(len, read))
    whole = links == kernel[0] * kernel[1]
    made.derived.table = None if whole else read
    slots = links * kernel[2] * kernel[3]
    _convolution_weights(made, field_, slots, None if whole else links)
    live = np.outer(axes[0].live, axes[1].live)
    if axes[0].whole and axes[1].whole:
        made.uses(made.kernel_name, _positions(shape[1:]), shape[1] * shape[2])
        _at_positions(made, slots)
        return
    on_map = f"{sum(axes[0].live)}x{sum(axes[1].live)}"
    made.uses(made.kernel_name, "positions where its tap is on the map", live.ravel().tolist())
    bias = f" + {math.prod(shape):,} biases" if made.bias_name else ""
    total = links * int(live.sum()) + (math.prod(shape) if made.bias_name else 0)
    made.connections(f"{links:,} links x {on_map} taps on the map{bias}", total)


def _convolution_weights(made: Deriving, field_: str, slots: int, links: int | None) -> None:
    maps, biases = made.shape[0], made.biases
    if links is not None:
        text = f"{links} links x {field_}" + (f" + {biases} biases" if biases else "")
    else:
        each = f"{field_}x{made.kernel.shape[1]}"
        text = f"{maps} maps x ({each} + 1)" if biases == maps else f"{maps} maps x {each}"
        text += f" + {biases} biases" if biases not in (0, maps) else ""
    made.weights(text, slots + biases)


def _at_positions(made: Deriving, slots: int) -> None:
    """Say the connections of a layer all of whose weights are used at every position."""
    shape = made.shape
    places = math.prod(shape[1:])
    if made.bias_name:
        each = 1 if made.biases > shape[0] else places
        own = made.biases > shape[0]
        made.uses(made.bias_name, "its neuron" if own else _positions(shape[1:]), each)
    if made.biases > shape[0]:  # a bias a neuron
        text = f"{slots:,} weights x {_positions(shape[1:])} + {made.biases:,} biases"
        made.connections(text, slots * places + made.biases)
        return
    weights = slots + made.biases
    made.connections(f"{weights:,} weights x {_positions(shape[1:])}", weights * places)


def _positions(shape: Shape) -> str:
    """Return positions as text: "28x28 positions", "1 position"."""
    return f"{shape_text(shape)} positions" if math.prod(shape) > 1 else "1 position"


def _options(axes: tuple[Axis, Axis]) -> str:
    """Return stride, padding and dilation as text, where they are not the plain ones."""
    found = []
    for name, plain in (("stride", 1), ("padding", 0), ("dilation", 1)):
        values = [getattr(axis, name) for axis in axes]
        if values != [plain, plain]:
            same = values[0] == values[1]
            found.append(f"{name} {values[0] if same else shape_text(values)}")
    border = [", its border connected to a constant"] if axes[0].border or axes[1].border else []
    return "".join([f", {text}" for text in found] + border)


def _sides(made: Deriving, axes: tuple[Axis, Axis]) -> None:
    """Say why maps are as high and as wide as they are, where padding is the same on both sides."""
    names = ["side"] if axes[0] == axes[1] else ["height", "width"]
    for name, axis in zip(names, axes, strict=False):
        extent = axis.dilation * (axis.taps - 1) + 1
        room = axis.length + 2 * axis.padding - extent
        pads = f" + {2 * axis.padding}" if axis.padding else ""
        text = f"{axis.length}{pads} - {extent}"
        if axis.stride > 1:
            down = ", rounded down" if room % axis.stride else ""
            text = f"({text}) / {axis.stride} + 1{down}"
        else:
            text = f"{text} + 1"
        if axis.side == axis.positions or axis.whole:  # else one side has more padding
            made.line(name, text, axis.side, axis.positions)


def _subsampling(made: Deriving) -> None:
    axes = axes_of(made.graph, made.layer, None)
    if axes is None or not (axes[0].whole and axes[1].whole):
        made.derived.reason = "its fields are no window over whole maps"
        return
    maps, places = made.shape[0], math.prod(made.shape[1:])
    field_, positions = f"{axes[0].taps}x{axes[1].taps}", shape_text(made.shape[1:])
    slots, bias = axes[0].taps * axes[1].taps, made.bias_name
    made.title(f", {field_} field{_options(axes)}")
    _sides(made, axes)
    made.neurons()
    own = f"{maps} maps x (1 + 1)" if made.biases == maps else f"{maps} maps x 1"
    own += f" + {made.biases} biases" if made.biases not in (0, maps) else ""
    made.weights(own, maps + made.biases)
    made.uses(made.kernel_name, f"{positions} positions x {field_}", places * slots)
    if bias:
        each = places if made.biases == maps else 1
        alone = made.biases > maps
        made.uses(bias, "its neuron" if alone else _positions(made.shape[1:]), each)
    text = f"({field_} + 1)" if bias else field_
    total = maps * places * (slots + bool(bias))
    made.connections(f"{maps * places:,} neurons x {text}", total)


def _pooling(made: Deriving) -> None:
    axes = axes_of(made.graph, made.layer, None)
    if axes is None:
        made.derived.reason = "its fields are no window over whole maps"
        return
    maps = made.shape[0]
    field_, arrays = f"{axes[0].taps}x{axes[1].taps}", len(made.layer.arrays)
    made.title(f", {field_} field{_options(axes)}")
    _sides(made, axes)
    made.neurons()
    made.weights(f"{arrays} fixed, the same for all", arrays, trainable=0)
    total = maps * sum(axes[0].live) * sum(axes[1].live)
    on_map = f"{sum(axes[0].live)}x{sum(axes[1].live)} taps on the map"
    whole = axes[0].whole and axes[1].whole
    text = f"{math.prod(made.shape):,} neurons x {field_}" if whole else f"{maps} maps x {on_map}"
    made.connections(text, total)


def _dense(made: Deriving) -> None:
    units, positions = made.shape[0], made.shape[1:]
    if made.kernel.shape[:1] != (units,) or len(made.kernel.shape) != 2:
        made.derived.reason = f"its weights {made.kernel_name} are not (units, sources)"
        return
    made.title("")
    made.neurons("units")
    fan_in, biases = made.kernel.shape[1], made.biases
    fixed = not made.graph.weights.trainable[made.kernel.present].any()
    whole = made.source is not None and made.source.neurons.size == fan_in
    read = shape_text(made.source.neurons.shape) if whole and made.source else f"{fan_in}"
    text = f"{units} units x ({read} + 1)" if biases == units else f"{units} units x {read}"
    text += f" + {biases} biases" if biases not in (0, units) else ""
    slots = units * fan_in
    trainable = biases if fixed else slots + biases
    made.weights(text + (", fixed" if fixed else ""), slots + biases, trainable=trainable)
    made.uses(made.kernel_name, _positions(positions), math.prod(positions))
    _at_positions(made, slots)


def _elementwise(made: Deriving) -> None:
    made.title("")
    made.neurons("maps" if len(made.shape) == 3 else "units")
    count, total = made.fan_in, math.prod(made.shape)
    made.weights("1 fixed, the same for all", 1, trainable=0)
    made.connections(f"{total:,} neurons x {count}", total * count)


def _normalization(made: Deriving) -> None:
    made.title("")
    made.neurons()
    maps, total = made.shape[0], math.prod(made.shape)
    if made.layer.arrays:
        made.weights(f"{maps} maps x (2 fixed + 2)", 4 * maps, trainable=2 * maps)
    for array in (made.kernel_name, made.bias_name):
        made.uses(str(array), _positions(made.shape[1:]), total // maps)
    made.connections(f"{total:,} neurons x (1 + 1)", 2 * total)


_RULES: dict[str, Callable[[Deriving], None]] = {
    "Input": _input,
    "Conv2d": _convolution,
    "Subsample2d": _subsampling,
    "MaxPool2d": _pooling,
    "AvgPool2d": _pooling,
    "Linear": _dense,
    "RBF": _dense,
    "Add": _elementwise,
    "Multiply": _elementwise,
    "Activation": _elementwise,
    "BatchNorm2d": _normalization,
}
