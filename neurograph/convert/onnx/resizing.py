"""How ONNX's Resize weighs its inputs along an axis: by mode and coordinates."""

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
from neurograph.memory import require

Matrix = NDArray[np.float64]
_OLD = 11  # the operator set before which coordinates were i / scale, rounded down


@dataclass(frozen=True)
class Axis:
    """An axis that is resized: its size and length, and the scale from one to the other."""

    size: int
    length: int
    scale: float
    start: float = 0.0
    end: float = 1.0

    def coordinates(self, mode: str) -> Matrix:
        """Return where each output lies among the inputs. Raises ConversionError for a mode."""
        at = np.arange(self.length, dtype=np.float64)
        if mode not in _COORDINATES:
            raise ConversionError(f"the coordinates {mode!r} are not known")
        return np.asarray(_COORDINATES[mode](self, at), np.float64)


def _half_pixel(axis: Axis, at: Matrix) -> Matrix:
    return (at + 0.5) / axis.scale - 0.5


def _symmetric(axis: Axis, at: Matrix) -> Matrix:
    adjustment = axis.length / (axis.scale * axis.size)
    return axis.size / 2 * (1 - adjustment) + _half_pixel(axis, at)


def _cropped(axis: Axis, at: Matrix) -> Matrix:
    last = axis.size - 1
    if axis.length == 1:
        return 0.5 * (axis.start + axis.end) * last + 0 * at
    return (axis.start + at * (axis.end - axis.start) / (axis.length - 1)) * last


_COORDINATES: dict[str, Callable[[Axis, Matrix], Matrix]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": lambda axis, at: _half_pixel(axis, at) if axis.length > 1 else 0 * at,
    "tf_half_pixel_for_nn": lambda axis, at: (at + 0.5) / axis.scale,
    "align_corners": lambda axis, at: at * ((axis.size - 1) / max(axis.length - 1, 1)),
    "asymmetric": lambda axis, at: at / axis.scale,
    "tf_crop_and_resize": _cropped,
}

_ROUNDED: dict[str, Callable[[Matrix], Matrix]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _triangle(distance: Matrix, _: float) -> Matrix:
    return np.asarray(np.maximum(1 - np.abs(distance), 0))


def _cubic(distance: Matrix, a: float) -> Matrix:
    x = np.abs(distance)
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.asarray(np.where(x <= 1, near, np.where(x < 2, far, 0.0)))


def matrix(axis: Axis, options: dict[str, Any]) -> Matrix:
    """Return the weights (length, size) of an axis; a row of zeros is outside of what is cropped.

    Raises ConversionError for a mode that is not known.
    """
    require(
        16 * axis.size * axis.length, f"Resize of {axis.size} to {axis.length}", ConversionError
    )
    mode = options.get("mode", "nearest")
    coordinates = options.get("coordinate_transformation_mode", "half_pixel")
    at = axis.coordinates(coordinates)
    if mode == "nearest":
        found = _nearest(axis, at, options.get("nearest_mode", "round_prefer_floor"))
    elif mode in ("linear", "cubic"):
        found = _weighed(axis, at, options)
    else:
        raise ConversionError(f"the mode {mode!r} is not known")
    if coordinates == "tf_crop_and_resize":
        outside = (at < 0) | (at > axis.size - 1)
        if outside.any() and options.get("extrapolation_value", 0.0) != 0:
            raise ConversionError("an extrapolation value other than 0")
        found[outside] = 0
    return found


def _nearest(axis: Axis, at: Matrix, rounded: str) -> Matrix:
    if rounded not in _ROUNDED:
        raise ConversionError(f"the nearest mode {rounded!r} is not known")
    places = np.clip(_ROUNDED[rounded](at), 0, axis.size - 1).astype(np.int64)
    found = np.zeros((axis.length, axis.size))
    found[np.arange(axis.length), places] = 1
    return found


def _weighed(axis: Axis, at: Matrix, options: dict[str, Any]) -> Matrix:
    """Weigh inputs by their distance; what is beyond the edge counts as the edge, or not at all."""
    cubic = options.get("mode") == "cubic"
    weigh, reach = (_cubic, 2) if cubic else (_triangle, 1)
    smooth = bool(options.get("antialias", 0))
    stretch = min(axis.scale, 1.0) if smooth else 1.0
    span = math.ceil(reach / stretch)
    require(64 * axis.length * span, f"Resize to {axis.length}", ConversionError)
    places = np.floor(at)[:, None] + np.arange(1 - span, span + 1)
    weights = weigh((places - at[:, None]) * stretch, options.get("cubic_coeff_a", -0.75))
    if options.get("exclude_outside", 0):
        weights = np.where((places < 0) | (places >= axis.size), 0.0, weights)
    if smooth or options.get("exclude_outside", 0):
        weights = weights / weights.sum(1, keepdims=True)
    found = np.zeros((axis.length, axis.size))
    inside = np.clip(places, 0, axis.size - 1).astype(np.int64)
    np.add.at(found, (np.arange(axis.length)[:, None], inside), weights)
    return found


def _resize(call: Call) -> Neurons:
    x, options = call.sources(), dict(call.attributes)
    if call.name == "Upsample" or call.opset < _OLD:
        options |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    axes = [int(axis) % x.ndim for axis in call.get("axes", range(x.ndim))]
    resized = dict(zip(axes, _axes(call, [x.shape[axis] for axis in axes]), strict=True))
    first = min((a for a, axis in resized.items() if axis.length != axis.size), default=x.ndim)
    if options.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        first = min(axes)
    if first == x.ndim and options.get("mode", "nearest") == "nearest":
        return Neurons(x)
    first = min(first, x.ndim - 1)
    matrices = [
        matrix(resized[axis], options) if axis in resized else np.eye(x.shape[axis])
        for axis in range(first, x.ndim)
    ]
    return Neurons(ops.resize(call.wiring, call.layer, x, matrices, activation=call.activation()))


def _axes(call: Call, sizes: list[int]) -> list[Axis]:
    """Return the axes that are resized, by their scales or their lengths."""
    old = call.name == "Upsample" or call.opset < _OLD
    roi, scales, lengths = (None, 1, None) if old else (1, 2, 3)
    told = call.constant(scales) if scales < len(call.inputs) else call.get("scales")
    wanted = None if lengths is None else call.constant(lengths)
    ends = np.zeros(0) if roi is None or call.given(roi) is None else call.constant(roi)
    if wanted is not None and wanted.size:
        found = _by_length(
            sizes, [int(n) for n in wanted], str(call.get("keep_aspect_ratio_policy", "stretch"))
        )
    elif told is not None and len(told) == len(sizes):
        factors = [float(scale) for scale in told]
        if not all(0 < scale < 1e6 for scale in factors):
            raise ConversionError(f"found scales {factors}")
        found = [Axis(n, math.floor(n * s), s) for n, s in zip(sizes, factors, strict=True)]
    else:
        raise ConversionError(f"found scales {told} for {len(sizes)} axes")
    if any(axis.length < 1 for axis in found):
        raise ConversionError("an axis of length 0")
    half = len(sizes)
    if ends is not None and ends.size == 2 * half:
        found = [
            Axis(a.size, a.length, a.scale, float(ends[i]), float(ends[i + half]))
            for i, a in enumerate(found)
        ]
    return found


def _by_length(sizes: list[int], lengths: list[int], policy: str) -> list[Axis]:
    pairs = list(zip(sizes, lengths, strict=True))
    if policy == "stretch":
        return [Axis(n, length, length / n) for n, length in pairs]
    ratios = [length / n for n, length in pairs]
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return [Axis(n, math.floor(scale * n + 0.5), scale) for n in sizes]


RESIZING: dict[str, Callable[[Call], Any]] = dict.fromkeys(["Resize", "Upsample"], _resize)
