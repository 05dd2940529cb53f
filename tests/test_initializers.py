"""How layers draw their first weights: fan-ins, bounds, seeds, values given whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import images, literal

import neurograph as ng
from neurograph.graph.initializers import INITIALIZERS, draw


def drawn(layer: Any, *shapes: tuple[int, ...], seed: int = 0) -> ng.Graph:
    graph = ng.Graph()
    graph.add(layer, *(graph.add(ng.Input(shape)) for shape in shapes))
    graph.weights.initialize(seed=seed)
    return graph


def fills(values: np.ndarray, bound: float) -> None:
    """Within the bound, and reaching for it."""
    assert np.abs(values).max() <= bound
    assert np.abs(values).max() > 0.8 * bound


def test_c3_divides_by_the_fan_in_of_each_map() -> None:
    graph = drawn(ng.Conv2d(16, 5, table=ng.models.LENET5_C3, name="C3"), (6, 14, 14))
    kernel = graph.weights["C3.kernel"]
    fan_ins = [25 * len(row) for row in ng.models.LENET5_C3]
    assert sorted(set(fan_ins)) == [75, 100, 150]
    for fan_in, values, row in zip(fan_ins, kernel, ng.models.LENET5_C3, strict=True):
        fills(values, 2.4 / fan_in)
        assert (np.abs(values).max((1, 2)) > 0).nonzero()[0].tolist() == sorted(row)
    # A bias is drawn like the weights of its neuron, and not counted in F.
    many = np.array([drawn_bias(seed) for seed in range(40)])
    for map_, fan_in in enumerate(fan_ins):
        fills(many[:, map_], 2.4 / fan_in)


def drawn_bias(seed: int) -> np.ndarray:
    layer = ng.Conv2d(16, 5, table=ng.models.LENET5_C3, name="C3")
    return drawn(layer, (6, 14, 14), seed=seed).weights["C3.bias"]


@pytest.mark.parametrize(
    ("layer", "shapes", "array", "fan_in"),
    [
        (ng.Conv2d(30, 3, name="L"), [(4, 5, 5)], "kernel", 36),
        (ng.Conv2d(30, 3, groups=2, bias="neuron", name="L"), [(4, 5, 5)], "kernel", 18),
        (ng.Conv2d(30, 3, groups=2, bias="neuron", name="L"), [(4, 5, 5)], "bias", 18),
        (ng.Conv2d(9, 3, shared=False, name="L"), [(4, 5, 5)], "kernel", 36),
        (ng.ConvTranspose2d(30, 4, stride=2, name="L"), [(4, 5, 5)], "kernel", 16),
        (ng.Subsample2d((2, 3), name="L"), [(99, 4, 3)], "coefficient", 6),
        (ng.Subsample2d((2, 3), name="L"), [(99, 4, 3)], "bias", 6),
        (ng.Linear(50, name="L"), [(3, 2, 2), (5,)], "kernel", 17),
        (ng.Linear(50, per_position=True, name="L"), [(12, 2, 2)], "kernel", 12),
        (ng.Linear(99, name="L"), [(7,)], "bias", 7),
        (ng.Sparse(1, [(i, 0) for i in range(60)], name="L"), [(60,)], "kernel", 60),
    ],
)
def test_f_is_the_fan_in_of_the_neuron(layer: Any, shapes: Any, array: str, fan_in: int) -> None:
    fills(drawn(layer, *shapes).weights[f"L.{array}"], 2.4 / fan_in)


@pytest.mark.parametrize(
    ("name", "spread"),
    [
        ("zeros", 0),
        ("lecun1998", 2.4 / 50 / np.sqrt(3)),
        ("uniform_fan_in", 1 / np.sqrt(50) / np.sqrt(3)),
        ("lecun_normal", 1 / np.sqrt(50)),
        ("he_normal", np.sqrt(2 / 50)),
        ("he_uniform", np.sqrt(2 / 50)),
    ],
)
def test_the_spread_of_each_initializer(name: str, spread: float) -> None:
    values = draw(name, (200, 200), np.array(50.0), np.random.default_rng(0))
    assert values.std() == pytest.approx(spread, rel=0.02)
    assert abs(values.mean()) <= 0.02 * spread
    normal = (np.abs(values) > 1.8 * spread).any()
    assert normal == (name.endswith("normal"))


def test_every_initializer_is_reachable_by_name() -> None:
    for name in INITIALIZERS:
        graph = drawn(ng.Linear(3, initializer=name, name="f"), (4,))
        assert graph.weights["f.kernel"].shape == (3, 4)
    assert (drawn(ng.Linear(3, initializer="ones", name="f"), (4,)).weights.value == 1).all()


def test_seeds_repeat_and_differ() -> None:
    layer = ng.Conv2d(3, 3, name="c")
    a, b, other = (drawn(layer, (1, 5, 5), seed=seed).weights.value for seed in (4, 4, 5))
    np.testing.assert_array_equal(a, b)
    assert (a != other).all()


def test_one_value_is_for_all() -> None:
    assert (drawn(ng.Linear(3, initializer=0.25), (4,)).weights.value == 0.25).all()


@pytest.mark.parametrize(
    ("layer", "shape", "values"),
    [
        (ng.Conv2d, (2, 4, 4), np.arange(54.0).reshape(3, 2, 3, 3)),
        (ng.ConvTranspose2d, (2, 4, 4), np.arange(54.0).reshape(2, 3, 3, 3)),
    ],
)
def test_values_given_whole_are_the_kernels_and_biases_are_then_0(
    layer: Any, shape: tuple[int, ...], values: np.ndarray
) -> None:
    graph = drawn(layer(3, 3, initializer=values, name="c"), shape)
    np.testing.assert_array_equal(graph.weights["c.kernel"], values)
    np.testing.assert_array_equal(graph.weights["c.bias"], np.zeros(3))
    (x,) = images(graph)
    assert np.isfinite(literal(graph, x.reshape(2, -1))).all()


@pytest.mark.parametrize(
    ("layer", "array"),
    [
        (lambda values: ng.Linear(2, initializer=values, name="y"), "y.kernel"),
        (lambda values: ng.Sparse(2, [(0, 1)] * 6, initializer=values.reshape(6), name="y"), None),
        (lambda values: ng.Conv2d(2, 1, initializer=values[:, :, None, None], name="y"), None),
        (lambda values: ng.RBF(values, name="y"), "y.centers"),
    ],
)
def test_values_given_are_the_graphs_own(layer: Any, array: str | None) -> None:
    values = np.arange(6.0).reshape(2, 3)
    graph = ng.Graph()
    graph.add(layer(values), graph.add(ng.Input((3, 1, 1))))
    values[:] = 9  # the weights have not been drawn yet
    found = graph.weights[array or "y.kernel"]
    np.testing.assert_array_equal(found.reshape(-1), np.arange(6.0))
    values[:] = 8  # and stays the caller's to change
    graph.weights.initialize(seed=1)
    np.testing.assert_array_equal(graph.weights[array or "y.kernel"].reshape(-1), np.arange(6.0))


def test_a_draw_is_shown_and_not_to_be_changed() -> None:
    graph = drawn(ng.Linear(2, initializer=np.ones((2, 3)), name="y"), (3,))
    for shown in (graph.weights.draws[0].fan_in, graph.weights.draws[0].initializer):
        with pytest.raises(ValueError, match="read-only"):
            shown[...] = 5
