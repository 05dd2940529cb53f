"""torch's operators as neurons: a function each, and a line in `OPERATORS`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.activations import Activation
from neurograph.convert.torch.calls import Call, is_constant, is_neurons, plain
from neurograph.convert.torch.resizing import matrices
from neurograph.convert.values import Neurons, Parameters
from neurograph.errors import ConversionError
from neurograph.operators import Windows

Ids = NDArray[np.int32]


def _each(value: Any, axes: int) -> tuple[int, ...]:
    """Return a number, or a list of one or `axes` of them, one an axis."""
    given = (value,) if isinstance(value, int) else tuple(value)
    return given * axes if len(given) == 1 else given


def _pads(value: Any, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[Any, ...]:
    if value == "valid":
        return ((0, 0),) * len(kernel)
    if value == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((t // 2, t - t // 2) for t in total)
    return tuple((p, p) for p in _each(value, len(kernel)))


def _convolution(call: Call) -> Neurons:
    weights = call.weights(1)
    axes = weights.ndim - 2
    kernel = weights.shape[2:]
    dilation = _each(call.get(5, 1, "dilation"), axes)
    pads = _pads(call.get(4, 0, "padding"), kernel, dilation)
    windows = Windows(kernel, _each(call.get(3, 1, "stride"), axes), pads, dilation)
    found = ops.convolve(
        call.wiring,
        call.layer,
        call.sources(),
        weights,
        windows,
        bias=call.biases(2),
        groups=call.get(6, 1, "groups"),
        activation=call.activation(),
    )
    return Neurons(found)


def _transposed(call: Call) -> Neurons:
    weights = call.weights(1)
    axes = weights.ndim - 2
    kernel = weights.shape[2:]
    dilation = _each(call.get(7, 1, "dilation"), axes)
    pads = _pads(call.get(4, 0, "padding"), kernel, dilation)
    found = ops.convolve_transposed(
        call.wiring,
        call.layer,
        call.sources(),
        weights,
        Windows(kernel, _each(call.get(3, 1, "stride"), axes), pads, dilation),
        extra=_each(call.get(5, 0, "output_padding"), axes),
        bias=call.biases(2),
        groups=call.get(6, 1, "groups"),
        activation=call.activation(),
    )
    return Neurons(found)


def _linear(call: Call) -> Neurons:
    bias = call.biases(2)
    return _dense(call, call.sources(), call.weights(1), -1 if bias is None else bias)


def _dense(call: Call, x: Ids, weights: Ids, bias: Any = -1) -> Neurons:
    found = ops.dense(call.wiring, call.layer, x, weights, bias=bias, activation=call.activation())
    return Neurons(found)


def _addmm(call: Call) -> Neurons:
    if is_neurons(call.arguments[0]) or is_neurons(call.arguments[2]) or call.options:
        raise ConversionError(f"{call.layer}: addmm of neurons, needed weights and a bias")
    return _dense(call, call.sources(1), call.weights(2).T, call.weights(0))


def _product(call: Call) -> Neurons:
    """Wire a matrix product: by weights on either side, or of two arrays of neurons."""
    a, b = call.arguments[:2]
    if is_neurons(a) and is_neurons(b):
        return _product_of_neurons(call)
    if is_neurons(a):
        weights = call.weights(1)
        if weights.ndim == 1:
            found = _dense(call, call.sources(), weights[None])
            return Neurons(found.ids[..., 0])
        if weights.ndim == 2:
            return _dense(call, call.sources(), weights.T)
    else:
        weights, x = call.weights(0), call.sources(1)
        if weights.ndim == 1 and x.ndim >= 2:
            found = _dense(call, np.swapaxes(x, -1, -2), weights[None])
            return Neurons(found.ids[..., 0])
        if weights.ndim == 2 and x.ndim >= 2:  # a x = (x' a')'
            found = _dense(call, np.swapaxes(x, -1, -2), weights)
            return Neurons(np.swapaxes(found.ids, -1, -2))
        if weights.ndim == 2:
            return _dense(call, x, weights)
    raise ConversionError(f"{call.layer}: {call.name} by weights in batches cannot be said")


def _product_of_neurons(call: Call) -> Neurons:
    a, b = call.neurons(0), call.neurons(1)
    left = a[None] if a.ndim == 1 else a
    right = b[:, None] if b.ndim == 1 else b
    found = ops.multiply_matrices(
        call.wiring, call.layer, left, right, activation=call.activation()
    )
    if a.ndim == 1:
        found = found[..., 0, :]
    return Neurons(found[..., 0] if b.ndim == 1 else found)


def _batch_norm(call: Call) -> Any:
    legit = call.name.startswith("_native")
    x, mean, variance = call.sources(), plain(call.arguments[3]), plain(call.arguments[4])
    if mean is None or variance is None or (not legit and call.arguments[5]):
        raise ConversionError(f"{call.layer}: batch norm by its batch, needed running statistics")
    epsilon = float(call.arguments[6 if legit else 7])
    inverse = 1 / np.sqrt(variance + epsilon)
    call.scene.statistics.append((call.layer, call.arguments[3], call.arguments[4], epsilon))
    per_map = (-1,) + (1,) * (x.ndim - 2)
    graph, layer = call.wiring.graph, call.layer
    scale, shift = (
        graph.add_weights(layer, kind, array.shape, initializer=array, trainable=False).ids
        for kind, array in (("inverse_deviation", inverse), ("center", -mean * inverse))
    )
    scale, shift = scale.reshape(per_map), shift.reshape(per_map)
    if call.get(1) is None:
        found = ops.affine(
            call.wiring,
            layer,
            x,
            scale=scale,
            shift=shift,
            activation=call.activation(),
            kind="BatchNorm",
        )
    else:
        hidden = call.wiring.free(f"{layer}.normalized")
        inner = ops.affine(call.wiring, hidden, x, scale=scale, shift=shift, kind="BatchNorm")
        found = _scaled(call, inner, (call.get(1), call.get(2)), per_map)
    return [Neurons(found), None, None] if legit else Neurons(found)


def _scaled(call: Call, x: Ids, weights: tuple[Any, Any], shape: tuple[int, ...]) -> Ids:
    """Wire scale and shift, each of which may be None, behind a normalisation."""
    scale, shift = (
        None if value is None else call.scene.weights(call.layer, plain(value)).reshape(shape)
        for value in weights
    )
    if scale is None and shift is None:
        return x
    return ops.affine(
        call.wiring,
        call.layer,
        x,
        scale=scale,
        shift=-1 if shift is None else shift,
        activation=call.activation(),
    )


def _standardized(
    call: Call, x: Ids, axes: tuple[int, ...], epsilon: float, affine: tuple[Any, ...]
) -> Ids:
    """Wire a normalisation by statistics of the states, then its weights."""
    scale, shift, shape = affine
    last = scale is None and shift is None
    name = call.layer if last else call.wiring.free(f"{call.layer}.standardized")
    found = ops.standardize(call.wiring, name, x, axes, epsilon)
    return _scaled(call, found, (scale, shift), shape)


def _layer_norm(call: Call) -> Any:
    x, sizes = call.neurons(), call.arguments[1]
    axes = tuple(range(x.ndim - len(sizes), x.ndim))
    affine = call.get(2), call.get(3), tuple(sizes)
    found = Neurons(_standardized(call, x, axes, call.get(4, 1e-5), affine))
    return [found, None, None] if call.name.startswith("native") else found


def _group_norm(call: Call) -> Any:
    x = call.neurons()
    native = call.name.startswith("native")
    groups = call.arguments[6 if native else 1]
    weights = call.arguments[1:3] if native else (call.get(2), call.get(3))
    epsilon = call.arguments[7] if native else call.get(4, 1e-5)
    grouped = x.reshape(x.shape[0], groups, -1)
    affine = None, None, ()
    name = call.wiring.free(f"{call.layer}.standardized")
    inner = Call(**{**vars(call), "layer": name})
    found = _standardized(inner, grouped, (2,), epsilon, affine).reshape(x.shape)
    found = _scaled(call, found, tuple(weights), (-1,) + (1,) * (x.ndim - 2))
    return [Neurons(found), None, None] if native else Neurons(found)


def _instance_norm(call: Call) -> Neurons:
    x = call.neurons()
    if not call.get(5, True):
        raise ConversionError(f"{call.layer}: instance norm by running statistics")
    axes = tuple(range(2, x.ndim))
    affine = call.get(1), call.get(2), (-1,) + (1,) * (x.ndim - 2)
    return Neurons(_standardized(call, x, axes, call.get(7, 1e-5), affine))


def _rms_norm(call: Call) -> Neurons:
    from neurograph.operators.reductions import by_root_mean_square

    x, sizes = call.neurons(), call.arguments[1]
    axes = tuple(range(x.ndim - len(sizes), x.ndim))
    epsilon = call.get(3, float(np.finfo(np.float32).eps))
    if call.get(2) is None:
        return Neurons(by_root_mean_square(call.wiring, call.layer, x, axes, epsilon))
    name = call.wiring.free(f"{call.layer}.standardized")
    found = by_root_mean_square(call.wiring, name, x, axes, epsilon)
    return Neurons(_scaled(call, found, (call.get(2), None), tuple(sizes)))


def _max_pool(call: Call) -> Any:
    axes = int(call.name[8])
    kernel = _each(call.arguments[1], axes)
    windows = Windows(
        kernel,
        _each(call.get(2) or kernel, axes),
        _pads(call.get(3, 0, "padding"), kernel, (1,) * axes),
        _each(call.get(4, 1, "dilation"), axes),
        bool(call.get(5, False, "ceil_mode")),
    )
    found = ops.max_pool(
        call.wiring, call.layer, call.neurons(), windows, activation=call.activation()
    )
    return [Neurons(found), None] if call.name.endswith("indices") else Neurons(found)


def _average_pool(call: Call) -> Neurons:
    axes = int(call.name[8])
    kernel = _each(call.arguments[1], axes)
    stride = _each(call.get(2) or kernel, axes)
    pads = _pads(call.get(3, 0, "padding"), kernel, (1,) * axes)
    ceil = bool(call.get(4, False, "ceil_mode"))
    found = ops.average_pool(
        call.wiring,
        call.layer,
        call.sources(),
        Windows(kernel, stride, pads, ceil=ceil),
        padded=bool(call.get(5, True, "count_include_pad")),
        divisor=call.get(6, None, "divisor_override"),
        activation=call.activation(),
    )
    return Neurons(found)


def _adaptive_average(call: Call) -> Neurons:
    x = call.sources()
    axes = int(call.name.rstrip("d")[-1])
    counts = tuple(_each(call.arguments[1], axes))
    found = ops.adaptive_pool(call.wiring, call.layer, x, counts, activation=call.activation())
    return Neurons(found)


def _adaptive_max(call: Call) -> Any:
    axes = int(call.name.rstrip("d")[-1])
    counts = tuple(_each(call.arguments[1], axes))
    found = ops.adaptive_pool(
        call.wiring, call.layer, call.neurons(), counts, pair=("multiply", "max")
    )
    return [Neurons(found), None]


_REDUCED = {"mean": "sum", "sum": "sum", "amax": "max", "amin": "min", "prod": "product",
            "max": "max", "min": "min", "norm": "sum"}  # fmt: skip


def _reduce(call: Call) -> Any:
    x = call.sources()
    dims = call.get(1, list(range(x.ndim)), "dim")
    if is_neurons(dims):
        return Neurons(_extremes(call))
    axes = tuple([dims] if isinstance(dims, int) else dims) or tuple(range(x.ndim))
    mean = call.name == "mean"
    weight = 1 / math.prod(x.shape[axis] for axis in axes) if mean else 1.0
    found = ops.reduce(
        call.wiring,
        call.layer,
        x,
        axes,
        keep=bool(call.get(2, False, "keepdim")),
        weight=weight,
        pair=("multiply", _REDUCED[call.name]),
        activation=call.activation(),
    )
    indices = call.name in ("max", "min") and len(call.arguments) > 1
    return [Neurons(found), None] if indices else Neurons(found)


def _extremes(call: Call) -> Ids:
    """Wire the larger, or smaller, of two arrays place by place."""
    largest = call.name in ("max", "maximum", "fmax")
    return ops.together(
        call.wiring,
        call.layer,
        [call.neurons(0), call.neurons(1)],
        pair=("multiply", "max" if largest else "min"),
        activation=call.activation(),
        kind="Maximum" if largest else "Minimum",
    )


def _softmax(call: Call) -> Neurons:
    log = "log" in call.name
    axis = call.arguments[1]
    return Neurons(ops.softmax(call.wiring, call.layer, call.neurons(), axis, log=log))


def _sum_of_two(call: Call) -> Neurons:
    """Wire a + alpha b, a - alpha b or b - a: of neurons, weights and constants."""
    a, b = call.arguments[:2]
    alpha = float(call.get(2, 1, "alpha"))
    factors = [1.0, alpha if call.name == "add" else -alpha]
    if call.name == "rsub":
        factors = [-alpha, 1.0]
    if is_neurons(a) and is_neurons(b):
        weights = None if factors == [1.0, 1.0] else factors
        sources = [call.sources(0), call.sources(1)]
        return Neurons(
            ops.together(
                call.wiring, call.layer, sources, weights=weights, activation=call.activation()
            )
        )
    place = 0 if is_neurons(a) else 1
    return _shifted(call, place, factors[place], factors[1 - place])


def _shifted(call: Call, place: int, factor: float, of_other: float) -> Neurons:
    """Wire neurons times a factor, plus weights or constants as their bias."""
    other = call.arguments[1 - place]
    if isinstance(other, Parameters) and of_other != 1:
        sources = [call.sources(place), call.neurons(1 - place)]
        weights = [factor, of_other]
        return Neurons(
            ops.together(
                call.wiring, call.layer, sources, weights=weights, activation=call.activation()
            )
        )
    if isinstance(other, Parameters):
        shift = call.weights(1 - place)
    else:
        shift = call.wiring.fixed(call.layer, of_other * np.asarray(plain(other), np.float64))
    scale = None if factor == 1 else call.wiring.fixed(call.layer, factor)
    found = ops.affine(
        call.wiring,
        call.layer,
        call.sources(place),
        scale=scale,
        shift=shift,
        activation=call.activation(),
    )
    return Neurons(found)


def _multiply(call: Call) -> Neurons:
    a, b = call.arguments[:2]
    if is_neurons(a) and is_neurons(b):
        return _gate(call, call.neurons(0), call.neurons(1))
    place = 0 if is_neurons(a) else 1
    scale = call.weights(1 - place)
    return Neurons(
        ops.affine(
            call.wiring,
            call.layer,
            call.sources(place),
            scale=scale,
            activation=call.activation(),
        )
    )


def _gate(call: Call, a: Ids, b: Ids) -> Neurons:
    found = ops.together(
        call.wiring,
        call.layer,
        [a, b],
        pair=("multiply", "product"),
        activation=call.activation(),
        kind="Multiply",
    )
    return Neurons(found)


def _divide(call: Call) -> Neurons:
    a, b = call.arguments[:2]
    if call.options.get("rounding_mode"):
        raise ConversionError(f"{call.layer}: division that rounds cannot be said")
    if is_constant(b):
        call.arguments[1] = 1 / np.asarray(plain(b), np.float64)
        return _multiply(call)
    reciprocal = call.wiring.free(f"{call.layer}.reciprocal")
    inverse = ops.affine(
        call.wiring, reciprocal, call.neurons(1), activation=Activation("reciprocal")
    )
    if is_neurons(a):
        return _gate(call, call.neurons(0), inverse)
    scale = call.weights(0)
    return Neurons(
        ops.affine(call.wiring, call.layer, inverse, scale=scale, activation=call.activation())
    )


def _negate(call: Call) -> Neurons:
    scale = call.wiring.fixed(call.layer, -1.0)
    return Neurons(
        ops.affine(
            call.wiring, call.layer, call.sources(), scale=scale, activation=call.activation()
        )
    )


def _prelu(call: Call) -> Neurons:
    x, slope = call.neurons(), call.weights(1)
    shape = (1, -1) + (1,) * (x.ndim - 2) if x.ndim > 1 else (-1,)
    return Neurons(ops.leak(call.wiring, call.layer, x, slope.reshape(shape)))


def _glu(call: Call) -> Neurons:
    value, gate = np.split(call.neurons(), 2, axis=call.get(1, -1))
    name = call.wiring.free(f"{call.layer}.gate")
    opened = ops.affine(call.wiring, name, gate, activation=Activation("sigmoid"))
    return _gate(call, value, opened)


def _resize(call: Call) -> Neurons:
    x = call.sources()
    axes = x.ndim - 2
    found = ops.resize(
        call.wiring,
        call.layer,
        x,
        matrices(call.function, call.arguments, x.shape[2:], call.shape[2:]),
        activation=call.activation() if axes else None,
    )
    return Neurons(found)


def _variance(call: Call) -> Neurons:
    """Wire the variance over axes: the mean, scaled differences, the sum of their squares."""
    x = call.neurons()
    dims = call.get(1, list(range(x.ndim)), "dim")
    axes = tuple([dims] if isinstance(dims, int) else dims)
    count = math.prod(x.shape[axis] for axis in axes)
    correction = float(call.get(2, call.options.get("correction", 1), "unbiased"))
    keep = bool(call.get(3, False, "keepdim"))
    scale = 1 / math.sqrt(count - correction)
    mean = ops.reduce(
        call.wiring, call.wiring.free(f"{call.layer}.mean"), x, axes, keep=True, weight=1 / count
    )
    difference = ops.together(
        call.wiring,
        call.wiring.free(f"{call.layer}.difference"),
        [x, mean],
        weights=[scale, -scale],
    )
    own = Activation("sqrt") if call.name == "std" else call.activation()
    return Neurons(
        ops.reduce(
            call.wiring,
            call.layer,
            difference,
            axes,
            keep=keep,
            weight=0.0,
            pair=("squared_difference", "sum"),
            activation=own,
        )
    )


def _compared(call: Call) -> Neurons:
    """Wire a comparison: 1 where it holds, 0 elsewhere; step(a) is 1 for a above 0."""
    greater = call.name in ("gt", "le")
    minus = Call(**{**vars(call), "name": "sub", "fuse": lambda: None})
    minus.layer = call.wiring.free(f"{call.layer}.difference")
    if not greater:
        minus.arguments = [call.arguments[1], call.arguments[0]]
    difference = _sum_of_two(minus).ids
    negated = call.name in ("le", "ge")
    name = call.wiring.free(f"{call.layer}.beyond") if negated else call.layer
    found = ops.affine(call.wiring, name, difference, activation=Activation("step"))
    if negated:
        one = call.wiring.fixed(call.layer, [-1.0, 1.0])
        found = ops.affine(call.wiring, call.layer, found, scale=one[0], shift=one[1])
    return Neurons(found)


def _choose(call: Call) -> Neurons:
    """Wire where(condition, a, b) by neurons of 0 and 1: condition a + (1 - condition) b."""
    condition = call.neurons(0)
    parts = []
    for place, (factor, shift) in ((1, (1.0, 0.0)), (2, (-1.0, 1.0))):
        gate = condition
        if shift:
            name = call.wiring.free(f"{call.layer}.other")
            weights = call.wiring.fixed(name, [factor, shift])
            gate = ops.affine(call.wiring, name, gate, scale=weights[0], shift=weights[1])
        name = call.wiring.free(f"{call.layer}.part")
        sources = [gate, call.neurons(place)]
        parts.append(
            ops.together(call.wiring, name, sources, pair=("multiply", "product"), kind="Multiply")
        )
    return Neurons(ops.together(call.wiring, call.layer, parts, activation=call.activation()))


OPERATORS: dict[str, Callable[[Call], Any]] = {
    **dict.fromkeys(["conv1d", "conv2d", "conv3d"], _convolution),
    **dict.fromkeys(["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"], _transposed),
    "linear": _linear,
    "addmm": _addmm,
    **dict.fromkeys(["matmul", "mm", "bmm", "mv", "dot"], _product),
    **dict.fromkeys(["batch_norm", "_native_batch_norm_legit_no_training"], _batch_norm),
    **dict.fromkeys(["layer_norm", "native_layer_norm"], _layer_norm),
    **dict.fromkeys(["group_norm", "native_group_norm"], _group_norm),
    "instance_norm": _instance_norm,
    "rms_norm": _rms_norm,
    **dict.fromkeys(
        ["max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices",
         "max_pool3d_with_indices", "max_pool1d_with_indices"],
        _max_pool,
    ),
    **dict.fromkeys(["avg_pool1d", "avg_pool2d", "avg_pool3d"], _average_pool),
    **dict.fromkeys(
        ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "_adaptive_avg_pool2d",
         "adaptive_avg_pool3d", "_adaptive_avg_pool3d"],
        _adaptive_average,
    ),
    **dict.fromkeys(
        ["adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"], _adaptive_max
    ),
    **dict.fromkeys(["mean", "sum", "amax", "amin", "prod", "max", "min"], _reduce),
    **dict.fromkeys(
        ["maximum", "minimum", "fmax", "fmin"], lambda call: Neurons(_extremes(call))
    ),
    **dict.fromkeys(["softmax", "_softmax", "log_softmax", "_log_softmax"], _softmax),
    **dict.fromkeys(["add", "sub", "rsub"], _sum_of_two),
    "mul": _multiply,
    "div": _divide,
    "neg": _negate,
    **dict.fromkeys(["prelu", "_prelu_kernel"], _prelu),
    "glu": _glu,
    **dict.fromkeys(["gt", "lt", "ge", "le"], _compared),
    "where": _choose,
    **dict.fromkeys(["var", "std"], _variance),
    **dict.fromkeys(
        ["upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
         "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"],
        _resize,
    ),
}  # fmt: skip
