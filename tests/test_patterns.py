"""Layers whose kernels share weights in any pattern, and connection tables written as matrices."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import build, images, literal, randomize, run, tally

import neurograph as ng

SOME = settings(deadline=None, max_examples=25)


def patterned(values: np.ndarray, pattern: Any) -> np.ndarray:
    """The kernel that a pattern makes of values, 0 where it has none."""
    return np.where(np.asarray(pattern) >= 0, np.append(values, 0.0)[np.asarray(pattern)], 0.0)


@st.composite
def pattern_of(draw: Any, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pattern = rng.integers(-1, draw(st.integers(1, 6)), shape)
    pattern.reshape(-1)[0] = 0
    return pattern


@SOME
@given(pattern_of((3, 4)))
def test_a_patterned_matrix_is_that_matrix(pattern: np.ndarray) -> None:
    graph = build(ng.Linear(3, pattern=pattern, name="y"), shape=(4,))
    (x,) = images(graph)
    matrix = patterned(graph.weights["y.kernel"], pattern)
    np.testing.assert_allclose(run(graph, x), x @ matrix.T + graph.weights["y.bias"], rtol=1e-12)
    used = np.unique(pattern[pattern >= 0])
    live = int((pattern >= 0).sum())
    assert graph.weights.names["y.kernel"].shape == (pattern.max() + 1,)
    assert tally(graph, "y") == (
        pattern.max() + 1 + 3,
        live + 3,
        12 + 3,
        pattern.max() + 1 - used.size,
    )
    for weight in used.tolist():
        assert len(graph.sharing(weight)) == (pattern == weight).sum()


@SOME
@given(pattern_of((4, 2, 2, 3)), st.sampled_from([{}, {"padding": 1}, {"stride": 2}]))
def test_a_patterned_convolution_is_torchs(pattern: np.ndarray, options: Any) -> None:
    torch = pytest.importorskip("torch")
    graph = build(ng.Conv2d(4, (2, 3), pattern=pattern, name="y", **options), shape=(2, 5, 5))
    (x,) = images(graph)
    assert ng.verify(graph).ok
    values = torch.tensor(graph.weights["y.kernel"], requires_grad=True)
    kernel = torch.where(
        torch.tensor(pattern >= 0), values[np.maximum(pattern, 0)], torch.zeros(())
    )
    bias = torch.tensor(graph.weights["y.bias"])
    wanted = torch.nn.functional.conv2d(torch.tensor(x), kernel, bias, **options)
    np.testing.assert_allclose(run(graph, x), wanted.detach().numpy(), rtol=1e-10, atol=1e-12)
    seed = np.random.default_rng(0).normal(size=wanted.shape)
    (wanted * torch.tensor(seed)).sum().backward()
    sim = ng.Simulator(graph, engine="scipy", dtype="float64")
    found, _ = sim.pullback(x, seed)
    np.testing.assert_allclose(found[: values.numel()], values.grad.numpy(), atol=1e-10)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_patterned_transposed_convolution_is_torchs(groups: int) -> None:
    torch = pytest.importorskip("torch")
    pattern = np.random.default_rng(3).integers(-1, 5, (4, 2, 3, 2))
    layer = ng.ConvTranspose2d(
        2 * groups, (3, 2), stride=2, groups=groups, pattern=pattern, name="y"
    )
    graph = build(layer, shape=(4, 3, 3))
    (x,) = images(graph)
    kernel = torch.tensor(patterned(graph.weights["y.kernel"], pattern))
    bias = torch.tensor(graph.weights["y.bias"])
    wanted = torch.nn.functional.conv_transpose2d(
        torch.tensor(x), kernel, bias, stride=2, groups=groups
    )
    np.testing.assert_allclose(run(graph, x), wanted.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "layer",
    [
        ng.Conv2d(2, 2, shared=False, pattern=np.arange(144).reshape(2, 3, 3, 2, 2, 2) % 7),
        ng.Conv2d(2, 2, table=[[0], [0, 1]], pattern=np.arange(16).reshape(2, 2, 2, 2) % 3),
        ng.Linear(3, per_position=True, pattern=[[0, 1], [1, 0], [-1, 1]]),
    ],
)  # fmt: skip
def test_patterns_go_with_every_other_option(layer: Any) -> None:
    graph = build(layer, shape=(2, 4, 4))
    (x,) = images(graph)
    assert ng.verify(graph).ok
    outputs = literal(graph, x.reshape(2, -1))[:, graph.outputs.reshape(-1)]
    np.testing.assert_allclose(run(graph, x).reshape(2, -1), outputs, rtol=1e-12)


def test_a_pattern_of_another_layers_kernel_ties_a_decoder() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((5,), name="x"))
    code = graph.add(ng.Linear(3, activation="tanh", name="encoder"), x)
    turned = np.arange(15).reshape(3, 5).T
    graph.add(ng.Linear(5, weights="encoder", pattern=turned, name="decoder"), code)
    randomize(graph)
    assert tally(graph, "decoder") == (5, 15 + 5, 20, 0)
    assert all(len(graph.sharing(w)) == 2 for w in range(15))
    (given,) = images(graph)
    weights = graph.weights
    hidden = np.tanh(given @ weights["encoder.kernel"].T + weights["encoder.bias"])
    wanted = hidden @ weights["encoder.kernel"] + weights["decoder.bias"]
    np.testing.assert_allclose(run(graph, given), wanted, rtol=1e-12)


def test_rotated_kernels_share_their_weights_and_are_drawn_by_their_fan_in() -> None:
    turns = np.stack([np.rot90(np.arange(9).reshape(3, 3), k) for k in range(4)])[:, None]
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 6, 6), name="x"))
    graph.add(ng.Conv2d(4, 3, pattern=turns, bias=None, name="y"), x)
    assert tally(graph, "y") == (9, 4 * 16 * 9, 4 * 16 * 9, 0)
    graph.weights.initialize(seed=0)
    assert 0 < np.abs(graph.weights["y.kernel"]).max() <= 2.4 / 9
    image = np.random.default_rng(0).normal(size=(1, 1, 6, 6))
    maps = run(graph, image)[0]
    for k in range(4):
        turned = run(graph, np.rot90(image, -k, axes=(2, 3)).copy())[0]
        np.testing.assert_allclose(np.rot90(turned[0], k), maps[k], rtol=1e-12)


def test_a_patterned_layer_learns_and_stays_tied() -> None:
    rng = np.random.default_rng(0)
    circulant = (np.arange(6)[None] - np.arange(6)[:, None]) % 6
    graph = ng.Graph()
    x = graph.add(ng.Input((6,), name="x"))
    graph.add(ng.Linear(6, pattern=circulant, bias=None, name="y"), x)
    wanted = rng.normal(size=6)
    points = rng.normal(size=(64, 6))
    targets = points @ patterned(wanted, circulant).T
    graph.weights.initialize(seed=1)
    sim = ng.Simulator(graph, engine="scipy", dtype="float64")
    for _ in range(300):
        found = sim.gradient(points, targets, ng.MeanSquaredError())
        graph.weights.value = graph.weights.value - 0.1 * found.weights
    np.testing.assert_allclose(graph.weights["y.kernel"], wanted, atol=1e-3)


def test_values_may_be_given_for_a_pattern(tmp_path: Any) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2,), name="x"))
    layer = ng.Linear(2, pattern=[[0, 1], [1, 0]], initializer=np.array([2.0, 3.0]), name="y")
    graph.add(layer, x)
    assert run(graph, np.eye(2)).tolist() == [[2.0, 3.0], [3.0, 2.0]]
    ng.save(graph, tmp_path / "graph.npz")
    assert run(ng.load(tmp_path / "graph.npz"), np.eye(2)).tolist() == [[2.0, 3.0], [3.0, 2.0]]


@pytest.mark.parametrize(
    ("layer", "match"),
    [
        (ng.Linear(2, pattern=[[0, 1]]), r"L: found a pattern of shape \(1, 2\) and type int64"),
        (ng.Linear(2, pattern=[[0, 1], [1]]), "L: found a pattern of shape"),
        (ng.Linear(2, pattern=[[0.0, 1], [1, 0]]), "type float64, needed whole numbers in"),
        (ng.Linear(2, pattern="ab"), "L: found a pattern of shape"),
        (ng.Linear(2, pattern=[[True, False]] * 2), "type bool, needed whole numbers"),
        (ng.Linear(2, pattern=[[0, -2], [0, 0]]), "L: found -2 in the pattern"),
        (ng.Linear(2, pattern=[[0, 10**400], [0, 0]]), "L: found a pattern of shape"),
        (ng.Linear(2, pattern=[[0, 10**12], [0, 0]]), "L: a pattern of 1,000,000,000,001 weights"),
        (ng.Linear(2, pattern=[[-1, -1], [-1, -1]]), "L: the pattern has no weight at any place"),
        (ng.Linear(2, pattern=[[0, 9], [0, 0]], weights="A"), r"but A\.kernel has 6 places"),
        (ng.Linear(2, pattern=[[0, 5], [0, 0]], weights="B"), r"B\.kernel has no weight at 1"),
    ],
)  # fmt: skip
def test_patterns_that_are_none(layer: Any, match: str) -> None:
    graph = build(ng.Linear(3, name="A"), shape=(2,))
    graph.add(ng.Linear(3, name="B"), graph.layer("x").ids)
    keep = np.arange(6).reshape(3, 2) < 5
    graph = ng.drop_dead(ng.prune(graph, {"B.kernel": keep}))
    object.__setattr__(layer, "name", "L")
    with pytest.raises(ng.GraphError, match=match):
        graph.add(layer, graph.layer("x").ids)
    assert list(graph.layers) == ["x", "A", "B"]


# ---- tables as matrices -------------------------------------------------------------------------

LISTS = [[0, 1], [1, 2], [2, 3], [0, 1, 2, 3], [3]]


def matrix_of(lists: Any, channels: int) -> np.ndarray:
    return np.array([[i in row for i in range(channels)] for row in lists])


@pytest.mark.parametrize("kind", [bool, int, float, "lists", "text of lists"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_matrix_of_0_and_1_is_the_table_it_says(kind: Any, turned: bool) -> None:
    matrix = matrix_of(LISTS, 4).T if turned else matrix_of(LISTS, 4)
    given = matrix.astype(int).tolist() if isinstance(kind, str) else matrix.astype(kind)
    found = ng.Conv2d(5, 3, table=given).links(4, "C")
    assert found == [tuple(row) for row in LISTS]


def test_table_i_as_printed_makes_lenet5s_c3() -> None:
    printed = matrix_of(ng.models.LENET5_C3, 6).T.astype(int)  # rows of S2, columns of C3
    assert ng.Conv2d(16, 5, table=printed).links(6, "C3") == list(ng.models.LENET5_C3)


def test_a_square_matrix_is_read_as_a_kernel_is() -> None:
    square = np.array([[1, 1, 1], [0, 1, 1], [0, 0, 1]])
    assert ng.Conv2d(3, 1, table=square).links(3, "C") == [(0, 1, 2), (1, 2), (2,)]


def test_whole_numbers_that_can_be_maps_are() -> None:
    assert ng.Conv2d(2, 1, table=[[0, 1], [1, 0]]).links(2, "C") == [(0, 1), (1, 0)]
    certain = [[False, True], [True, False]]
    assert ng.Conv2d(2, 1, table=certain).links(2, "C") == [(1,), (0,)]


@pytest.mark.parametrize(
    ("table", "match"),
    [
        (np.zeros((5, 4), bool), "C: in the table, output map 0 reads no input map"),
        (np.ones((5, 3), bool), r"C: found a table of 0 and 1 of shape \(5, 3\), needed"),
        (np.ones((5, 4)) * 2, r"C: table row 0 is array\(\[2\., 2"),
        ([[0, 10**400]] * 5, "C: table row 0 is"),
        (None, None),
        ("01234", "C: found a table of 0 rows"),
        (b"01234", "C: found a table of 0 rows"),
        (["0"] * 5, "C: table row 0 is '0'"),
        ([[1j]] * 5, "C: table row 0 is"),
    ],
)
def test_tables_that_are_none(table: Any, match: str | None) -> None:
    layer = ng.Conv2d(5, 1, table=table)
    if match is None:
        assert layer.links(4, "C") == [(0, 1, 2, 3)] * 5
        return
    with pytest.raises(ng.GraphError, match=match):
        layer.links(4, "C")


# ---- the example --------------------------------------------------------------------------------

EXAMPLE = Path(__file__).parents[1] / "examples" / "sharing_patterns.py"


@pytest.mark.skipif(not EXAMPLE.is_file(), reason="examples are not installed")
def test_the_example_of_sharing_patterns_agrees_with_its_formulas() -> None:
    found = runpy.run_path(str(EXAMPLE))
    seen = {}
    for name, graph, weights, connections, outputs in found["cases"]():
        total = ng.count(graph).total
        assert (total.trainable, total.connections) == (weights, connections), name
        assert len(graph.connections) == connections
        x = np.random.default_rng(1).normal(size=(2, *graph.inputs[0].neurons.shape))
        np.testing.assert_allclose(run(graph, x), outputs(x), rtol=1e-9, atol=1e-9)
        seen[name] = weights
    assert seen == {
        "hashed matrix": 256,
        "rotated kernels": 25,
        "symmetric kernels": 90,
        "circulant matrix": 64,
        "Toeplitz matrix": 5,
        "tied decoder": 146,
    }
    found["main"]()
