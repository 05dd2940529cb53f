"""Convolutions against torch, and their counts against closed formulas."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import axis_taps, both, build, convolutions, images, run, sides, tally, transposed

import neurograph as ng

torch = pytest.importorskip("torch")
functional = torch.nn.functional

SOME = settings(deadline=None, max_examples=60)
CLOSE = {"float32": 1e-5, "float64": 1e-10}


def tensor(values: np.ndarray) -> Any:
    return torch.from_numpy(np.array(values, np.float64))


def links(layer: ng.Conv2d, channels: int) -> list[list[int]]:
    """The input maps of each output map."""
    if layer.table is not None:
        return [list(row) for row in layer.table]
    share, each = layer.out_channels // layer.groups, channels // layer.groups
    return [
        list(range(o // share * each, (o // share + 1) * each)) for o in range(layer.out_channels)
    ]


def convolved(layer: ng.Conv2d, weights: Any, x: np.ndarray) -> np.ndarray:
    """What torch makes of a Conv2d's weights: a masked, grouped or unfolded convolution."""
    (top, bottom), (left, right) = sides(layer.padding, layer.kernel_size, layer.dilation)
    kernel = tensor(weights["c.kernel"])
    options = {"stride": both(layer.stride), "dilation": both(layer.dilation)}
    given = tensor(x)
    if layer.border is None and layer.shared and layer.padding == "same":
        out = functional.conv2d(given, kernel, padding="same", groups=layer.groups, **options)
    else:
        edge = 0.0 if layer.border is None else layer.border
        given = functional.pad(given, (left, right, top, bottom), value=edge)
        if layer.shared:
            out = functional.conv2d(given, kernel, groups=layer.groups, **options)
        else:
            out = unshared(layer, kernel, given, options)
    out = out.numpy()
    if layer.bias:
        bias = weights["c.bias"]
        out = out + (bias if layer.bias == "neuron" else bias[:, None, None])
    return out


def unshared(layer: ng.Conv2d, kernel: Any, x: Any, options: dict[str, Any]) -> Any:
    """Kernel (out, height, width, in, kh, kw) over unfolded windows."""
    out, height, width = kernel.shape[:3]
    channels = x.shape[1]
    dense = torch.zeros(out, height, width, channels, *kernel.shape[4:], dtype=torch.float64)
    for o, maps in enumerate(links(layer, channels)):
        dense[o][:, :, maps] = kernel[o][:, :, maps] if layer.table is not None else kernel[o]
    patches = functional.unfold(x, both(layer.kernel_size), **options)
    patches = patches.reshape(len(x), channels * prod(both(layer.kernel_size)), height, width)
    flat = dense.reshape(out, height, width, -1)
    return torch.einsum("nkyx,oyxk->noyx", patches, flat)


# torch says that an even kernel with "same" makes it copy the input.
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@SOME
@given(case=convolutions(), dtype=st.sampled_from(["float64", "float64", "float32"]))
def test_agrees_with_torch(case: tuple[ng.Conv2d, tuple[int, int, int]], dtype: str) -> None:
    layer, shape = case
    graph = build(layer, shape=shape)
    (x,) = images(graph)
    x = x.astype(dtype).astype("float64")
    for name in graph.weights:
        graph.weights[name] = graph.weights[name].astype(dtype).astype("float64")
    wanted = convolved(layer, graph.weights, x)
    found = run(graph, x, dtype=dtype)
    assert found.shape == wanted.shape == (2, *graph.layer("c").ids.shape)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=CLOSE[dtype], atol=CLOSE[dtype])


@SOME
@given(case=convolutions())
def test_counts_follow_the_formula(case: tuple[ng.Conv2d, tuple[int, int, int]]) -> None:
    layer, shape = case
    graph = build(layer, shape=shape)
    kernel, stride, dilation = (both(v) for v in (layer.kernel_size, layer.stride, layer.dilation))
    pads = sides(layer.padding, kernel, dilation)
    rows, columns = (
        np.array(axis_taps(n, k, s, *p, d))
        for n, k, s, p, d in zip(shape[1:], kernel, stride, pads, dilation, strict=True)
    )
    place = np.multiply.outer(rows, columns)  # (height, tap row, width, tap column): on the map
    positions = len(rows) * len(columns)
    taps = prod(kernel)
    fan_in = sum(len(row) for row in links(layer, shape[0]))
    biases = layer.out_channels * positions if layer.bias else 0
    trained = {"neuron": biases}.get(layer.bias, layer.out_channels if layer.bias else 0)
    live = positions * taps if layer.border is not None else int(place.sum())
    if layer.border is not None:
        dead = 0
    elif layer.shared:
        dead = fan_in * int((~place.any((0, 2))).sum())
    else:
        dead = fan_in * int((~place).sum())
    copies = 1 if layer.shared else positions
    assert tally(graph, "c") == (
        fan_in * taps * copies + trained,
        fan_in * live + biases,
        fan_in * positions * taps + biases,
        dead,
    )
    assert graph.weights.count == fan_in * taps * copies + trained


def test_a_table_is_a_convolution_with_a_mask() -> None:
    layer = ng.Conv2d(16, 5, table=ng.models.LENET5_C3, name="c")
    graph = build(layer, shape=(6, 14, 14))
    assert tally(graph, "c") == (1516, 151_600, 151_600, 0)
    mask = np.zeros((16, 6, 1, 1))
    for o, maps in enumerate(ng.models.LENET5_C3):
        mask[o, list(maps)] = 1
    assert ((graph.weights["c.kernel"] != 0) == np.broadcast_to(mask, (16, 6, 5, 5))).all()


def test_a_table_in_any_order_reads_the_maps_it_names() -> None:
    graph = build(ng.Conv2d(2, 1, table=[[2, 0], [1]], bias=None, name="c"), shape=(3, 1, 1))
    ids = graph.layer("x").ids[:, 0, 0]
    first, second = (graph.incoming(n) for n in graph.layer("c").ids[:, 0, 0])
    assert first.source.tolist() == [ids[2], ids[0]]
    assert [graph.weight_name(w) for w in first.weight] == [
        "c.kernel[0, 2, 0, 0]",
        "c.kernel[0, 0, 0, 0]",
    ]
    assert second.source.tolist() == [ids[1]]


def test_the_border_is_one_unit_of_constant_state() -> None:
    graph = build(ng.Conv2d(1, 3, padding=1, border=-1.0, name="c"), shape=(1, 2, 2))
    unit = graph.neuron_id("c.border")
    assert graph.constants[unit] == -1.0
    assert len(graph.outgoing(unit)) == 4 * 5
    assert ng.count(graph).total.neurons == 4 + 4


@SOME
@given(case=transposed(), dtype=st.sampled_from(["float64", "float64", "float32"]))
def test_the_transposed_convolution_agrees_with_torch(
    case: tuple[ng.ConvTranspose2d, tuple[int, int, int]], dtype: str
) -> None:
    layer, shape = case
    graph = build(layer, shape=shape)
    (x,) = images(graph)
    (top, bottom), (left, right) = layer.padding
    out = functional.conv_transpose2d(
        tensor(x),
        tensor(graph.weights["up.kernel"]),
        stride=layer.stride,
        output_padding=layer.output_padding,
        groups=layer.groups,
        dilation=layer.dilation,
    ).numpy()
    out = out[:, :, top : out.shape[2] - bottom, left : out.shape[3] - right]
    if layer.bias:
        bias = graph.weights["up.bias"]
        out = out + (bias if layer.bias == "neuron" else bias[:, None, None])
    found = run(graph, x, dtype=dtype)
    assert found.shape == out.shape
    np.testing.assert_allclose(found, out, rtol=CLOSE[dtype], atol=CLOSE[dtype] * 5)


@SOME
@given(case=transposed())
def test_counts_of_the_transposed_convolution(
    case: tuple[ng.ConvTranspose2d, tuple[int, int, int]],
) -> None:
    layer, shape = case
    graph = build(layer, shape=shape)
    axes = zip(
        shape[1:],
        both(layer.kernel_size),
        both(layer.stride),
        layer.padding,
        both(layer.dilation),
        both(layer.output_padding),
        strict=True,
    )
    slots, live, kept, positions, classes = 1, 1, 1, 1, 1
    for n, k, s, (low, high), d, extra in axes:
        length = (n - 1) * s - low - high + d * (k - 1) + extra + 1
        hits = [(o, t, (o + low - d * t) // s) for o in range(length) for t in range(k)
                if (o + low - d * t) % s == 0]  # fmt: skip
        inside = [(o, t) for o, t, i in hits if 0 <= i < n]
        slots, live, positions = slots * len(hits), live * len(inside), positions * length
        kept *= len({t for _, t in inside})
        classes *= len({tuple(t for at, t, _ in hits if at == o) for o in range(length)})
    pairs = shape[0] * layer.out_channels // layer.groups
    biases = layer.out_channels * positions if layer.bias else 0
    trained = {"neuron": biases, "map": layer.out_channels, None: 0}[layer.bias]
    taps = prod(both(layer.kernel_size))
    assert tally(graph, "up") == (
        pairs * taps + trained,
        pairs * live + biases,
        pairs * slots + biases,
        pairs * (taps - kept),
    )
    assert graph.table.kernels.count == layer.out_channels * classes


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("kernel", [2, (2, 3), (3, 4)])
def test_same_puts_an_odd_row_or_column_at_the_end(kernel: Any) -> None:
    layer = ng.Conv2d(2, kernel, padding="same", bias=None, name="c")
    graph = build(layer, shape=(1, 5, 4))
    (x,) = images(graph)
    wanted = functional.conv2d(tensor(x), tensor(graph.weights["c.kernel"]), padding="same")
    np.testing.assert_allclose(run(graph, x), wanted.numpy(), atol=1e-12)
