"""Subsampling and pooling against torch, and their counts against closed formulas."""

from __future__ import annotations

from math import ceil, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import both, build, images, run, steps, tally

import neurograph as ng
from neurograph.errors import GraphError

torch = pytest.importorskip("torch")
functional = torch.nn.functional

SOME = settings(deadline=None, max_examples=50)
CLOSE = {"float32": 1e-5, "float64": 1e-10}
dtypes = st.sampled_from(["float64", "float64", "float32"])


@st.composite
def pools(draw: Any, kind: Any) -> tuple[Any, tuple[int, int, int], dict[str, Any]]:
    """A pooling layer, its input's shape, and the same options for torch."""
    kernel = draw(steps(1, 4))
    options: dict[str, Any] = {
        "stride": draw(st.none() | steps(1, 3)),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in both(kernel)),
        "ceil_mode": draw(st.booleans()),
    }
    dilation = (1, 1)
    if kind is ng.MaxPool2d:
        options["dilation"] = draw(steps(1, 2))
        dilation = both(options["dilation"])
    else:
        options["count_include_pad"] = draw(st.booleans())
        options["divisor_override"] = draw(st.none() | st.integers(1, 7))
    stride = both(kernel if options["stride"] is None else options["stride"])
    size = []
    for k, d, p, s in zip(both(kernel), dilation, options["padding"], stride, strict=True):
        slack = s - 1 if options["ceil_mode"] else 0  # rounded up, a window may be larger
        least = max(1, d * (k - 1) + 1 - 2 * p - slack)
        size.append(draw(st.integers(least, least + 5)))
    shape = (draw(st.integers(1, 3)), *size)
    return kind(kernel, name="p", **options), shape, options


def windows(layer: Any, shape: tuple[int, ...]) -> list[tuple[int, list[int]]]:
    """For both axes, (windows, how many taps of each lie on the map), worked out one by one."""
    kernel = both(layer.kernel_size)
    stride = kernel if layer.stride is None else both(layer.stride)
    axes = []
    for n, k, s, p, d in zip(
        shape[1:], kernel, stride, both(layer.padding), both(layer.dilation), strict=True
    ):
        span = n + 2 * p - d * (k - 1) - 1
        count = (ceil(span / s) if getattr(layer, "ceil_mode", False) else span // s) + 1
        starts = [at * s - p for at in range(count) if at * s - p < n]
        axes.append((len(starts), [sum(0 <= a + d * t < n for t in range(k)) for a in starts]))
    return axes


@SOME
@given(case=pools(ng.MaxPool2d), dtype=dtypes)
def test_the_largest_of_a_window(case: Any, dtype: str) -> None:
    layer, shape, options = case
    rows, columns = windows(layer, shape)
    graph = build(layer, shape=shape)
    if 0 in rows[1] + columns[1]:  # torch gives such a window -inf; here it is an error
        with pytest.raises(GraphError, match=r"p\[.*max.* over no live connection"):
            ng.compile(graph)
        return
    (x,) = images(graph)
    wanted = functional.max_pool2d(torch.from_numpy(x), layer.kernel_size, **options).numpy()
    found = run(graph, x, dtype=dtype)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=CLOSE[dtype], atol=CLOSE[dtype])
    live = shape[0] * sum(rows[1]) * sum(columns[1])
    slots = shape[0] * rows[0] * columns[0] * prod(both(layer.kernel_size))
    assert tally(graph, "p") == (0, live, slots, 0)
    assert ng.count(graph)["p"].fixed == 1


@SOME
@given(case=pools(ng.AvgPool2d), dtype=dtypes)
def test_the_mean_of_a_window(case: Any, dtype: str) -> None:
    layer, shape, options = case
    graph = build(layer, shape=shape)
    (x,) = images(graph)
    wanted = functional.avg_pool2d(torch.from_numpy(x), layer.kernel_size, **options).numpy()
    found = run(graph, x, dtype=dtype)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=CLOSE[dtype], atol=CLOSE[dtype])
    rows, columns = windows(layer, shape)
    live = shape[0] * sum(rows[1]) * sum(columns[1])
    slots = shape[0] * rows[0] * columns[0] * prod(both(layer.kernel_size))
    assert tally(graph, "p") == (0, live, slots, 0)


def test_one_fixed_weight_for_each_divisor() -> None:
    layer = ng.AvgPool2d(3, stride=1, padding=1, count_include_pad=False, name="p")
    graph = build(layer, shape=(2, 4, 4))
    assert ng.count(graph)["p"].fixed == 3
    values = {name: float(graph.weights[name]) for name in graph.weights}
    assert values == {"p.one_over_4": 1 / 4, "p.one_over_6": 1 / 6, "p.one_over_9": 1 / 9}
    assert not graph.weights.trainable.any()


def test_padding_may_differ_on_each_side() -> None:
    graph = build(ng.MaxPool2d(2, padding=((1, 0), (0, 1)), name="p"), shape=(1, 3, 3))
    (x,) = images(graph)
    padded = functional.pad(torch.from_numpy(x), (0, 1, 1, 0), value=-np.inf)
    np.testing.assert_array_equal(run(graph, x), functional.max_pool2d(padded, 2).numpy())


@SOME
@given(
    kernel=steps(1, 3),
    stride=st.none() | steps(1, 3),
    maps=st.integers(1, 3),
    more=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    bias=st.sampled_from(["map", "neuron", None]),
    dtype=dtypes,
)
def test_a_coefficient_times_the_sum(
    kernel: Any, stride: Any, maps: int, more: Any, bias: Any, dtype: str
) -> None:
    size = tuple(k + m for k, m in zip(both(kernel), more, strict=True))
    layer = ng.Subsample2d(kernel, stride=stride, bias=bias, activation="scaled_tanh", name="s")
    graph = build(layer, shape=(maps, *size))
    (x,) = images(graph)
    taps = prod(both(kernel))
    total = functional.avg_pool2d(torch.from_numpy(x), kernel, stride, divisor_override=1).numpy()
    net = total * graph.weights["s.coefficient"][:, None, None]
    if bias:
        given = graph.weights["s.bias"]
        net = net + (given if bias == "neuron" else given[:, None, None])
    found = run(graph, x, dtype=dtype)
    np.testing.assert_allclose(
        found, 1.7159 * np.tanh(2 / 3 * net), rtol=CLOSE[dtype], atol=CLOSE[dtype]
    )
    units = total[0].size
    trained = maps + {"map": maps, "neuron": units, None: 0}[bias]
    connections = units * (taps + (bias is not None))
    assert tally(graph, "s") == (trained, connections, connections, 0)


def test_lenets_first_subsampling_has_the_published_numbers() -> None:
    graph = build(ng.Subsample2d(2, name="S2"), shape=(6, 28, 28))
    assert tally(graph, "S2") == (12, 5_880, 5_880, 0)
