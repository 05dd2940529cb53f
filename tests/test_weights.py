"""Weights: values by id and by array, versions, draws, and wrong sizes."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.graph.values import Values
from neurograph.graph.weights import Weights
from neurograph.names import IdArray


def weights() -> Weights:
    found = Weights()
    found.add("k", (2, 3), fan_in=np.array([[3.0], [12.0]]))
    found.add("b", (2,), initializer=0.5, trainable=False)
    table = np.array([[True, False], [False, True]])
    found.add("t", (2, 2), present=table, initializer="ones")
    return found


def test_values_by_id_and_by_array() -> None:
    some = weights()
    assert (len(some), list(some)) == (10, ["k", "b", "t"])
    assert some["t"].tolist() == [[1, 0], [0, 1]]
    assert some["b"].tolist() == [0.5, 0.5]
    some["k"] = [[1, 2, 3], [4, 5, 6]]
    some.set([0, 9], [7.0, 8.0])
    some.set(1, 9.0)
    assert some.value.tolist() == [7, 9, 3, 4, 5, 6, 0.5, 0.5, 1, 8]
    some.assign({"t": 2.0, "b": np.array([1, 2])})
    assert some.value.tolist() == [7, 9, 3, 4, 5, 6, 1, 2, 2, 2]
    some["t"] = [[3, 99], [99, 4]]  # what is given where no weight exists goes nowhere
    assert some["t"].tolist() == [[3, 0], [0, 4]]
    some.set([], [])
    assert some.trainable.tolist() == [True] * 6 + [False] * 2 + [True] * 2


def test_every_change_counts_the_version_up_and_passes_through_a_method() -> None:
    some = weights()
    assert not some.allocated
    versions = [some.version]
    some.value  # noqa: B018
    versions.append(some.version)
    some.set(0, 1.0)
    versions.append(some.version)
    some["b"] = 1.0
    versions.append(some.version)
    some.value = np.zeros(10)
    versions.append(some.version)
    some.initialize()
    versions.append(some.version)
    some.add("late", (1,), initializer=4.0)
    versions.append(some.version)
    assert some.allocated
    assert versions == sorted(set(versions))
    assert some["late"].tolist() == [4.0]
    with pytest.raises(ValueError, match="read-only"):
        some.value[0] = 1
    given = np.zeros(11)
    some.value = given
    given[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        some["k"][0, 0] = 5
    with pytest.raises(ValueError, match="read-only"):
        some["k[0, 0]"][...] = 5
    some["k[0, 1]"] = 7.0
    assert some["k"].tolist() == [[0, 7, 0], [0, 0, 0]]
    some.set(["k[0, 1]", "b"], [1.0, 2.0, 3.0])
    assert (some["k[0, 1]"], some["b"].tolist()) == (1.0, [2.0, 3.0])
    assert some.value[0] == 0


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_lecun1998_draws_uniformly_within_2_4_by_fan_in(seed: int, fan_in: int) -> None:
    some = Weights()
    some.add("w", (400,), initializer="lecun1998", fan_in=fan_in)
    some.initialize(seed=seed)
    bound = 2.4 / fan_in
    assert np.abs(some.value).max() <= bound
    assert np.abs(some.value).max() > 0.9 * bound
    assert abs(some.value.mean()) < 0.2 * bound


def test_what_an_array_draws_depends_on_the_seed_and_its_place_only() -> None:
    one, two, three = weights(), weights(), Weights()
    three.add("k", (2, 3), fan_in=np.array([[3.0], [12.0]]))
    one.initialize(seed=3)
    two.initialize(seed=4)
    three.initialize(seed=3)
    assert (one["k"] == three["k"]).all()
    assert (one["k"] != two["k"]).all()
    assert (one["b"] == two["b"]).all()
    first = one.value.copy()
    one.initialize(seed=3)
    assert (one.value == first).all()
    one.initialize(initializer="zeros")
    assert one.value.tolist() == [0] * 6 + [0.5, 0.5] + [0, 0]  # the fixed keep their own
    assert np.abs(two["k"][1]).max() <= 0.2


def test_a_simulator_sees_a_change() -> None:
    graph = ng.models.mlp((2, 1))
    sim = ng.Simulator(graph, engine="reference", dtype="float64")
    graph.weights["output.kernel"] = [[2, 3]]
    graph.weights["output.bias"] = 1
    assert sim([[10.0, 100.0]]).tolist() == [[321.0]]
    graph.weights.set(graph.weight_id("output.bias[0]"), 2.0)
    assert sim([[10.0, 100.0]]).tolist() == [[322.0]]


def test_wrong_sizes_and_types() -> None:
    some = weights()
    before = some.value.copy()
    with pytest.raises(ng.GraphError, match=r"k: found values of shape \(3,\), needed \(2, 3\)"):
        some["k"] = [1, 2, 3]
    with pytest.raises(ng.GraphError, match=r"b: found values of shape \(1,\), needed \(2,\)"):
        some.assign({"k": 1.0, "b": [1]})
    with pytest.raises(ng.GraphError, match=r"weight array 'q' is unknown; there are k, b, t"):
        some["q"] = 1.0
    with pytest.raises(ng.GraphError, match=r"weight array 'q' is unknown"):
        some["q"]
    with pytest.raises(ng.GraphError, match=r"weights: found values of shape \(3,\), needed \(10,"):
        some.value = [1, 2, 3]
    with pytest.raises(ng.GraphError, match=r"weights: found values of type <U1, needed"):
        some.value = ["a"] * 10
    with pytest.raises(
        ng.GraphError, match=r"k: found values of different shapes, needed real num"
    ):
        some["k"] = [[1, 2, 3], [4]]
    with pytest.raises(ng.GraphError, match=r"k: found values of type complex128"):
        some["k"] = 1j
    for ids in ([10], [-1], [0.5], [True], [0, True]):
        with pytest.raises(ng.GraphError, match=r"weights\.set: (weight|found)"):
            some.set(ids, 1.0)
    with pytest.raises(ng.GraphError, match=r"found values of shape \(3,\) for ids of shape \(2,"):
        some.set([0, 1], [1, 2, 3])
    assert (some.value == before).all()


def test_wrong_arrays_and_initializers() -> None:
    some = weights()
    count, names = some.count, list(some)
    with pytest.raises(ng.GraphError, match=r"weight array 'k' exists already"):
        some.add("k", (1,))
    with pytest.raises(ng.GraphError, match=r"n: initializer 'lecun1989' is unknown; did you mean"):
        some.add("n", (1,), initializer="lecun1989")
    with pytest.raises(ng.GraphError, match=r"n: found values of shape \(2,\), needed \(3,\)"):
        some.add("n", (3,), initializer=np.ones(2))
    with pytest.raises(ng.GraphError, match=r"initialize: initializer 'x' is unknown"):
        some.initialize(initializer="x")
    for seed in (-1, 0.5, True):
        with pytest.raises(ng.GraphError, match=rf"initialize: seed is {seed}, needed a whole num"):
            some.initialize(seed=seed)  # type: ignore[arg-type]
    assert (some.count, list(some)) == (count, names)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(wrong: float) -> None:
    some = weights()
    before = some.value.tolist()
    for change in (
        lambda: some.set(0, wrong),
        lambda: some.set([0, 1], [1.0, wrong]),
        lambda: some.assign({"b": 1.0, "k": [[1, 2, 3], [4, 5, wrong]]}),
        lambda: some.__setitem__("k", wrong),
        lambda: some.add("new", (2,), initializer=np.array([0.0, wrong])),
        lambda: some.initialize(initializer=wrong),
        lambda: ng.Graph.from_connections([(1, 0, 2)], inputs=[1], values=[wrong]),
    ):
        with pytest.raises(ng.GraphError, match=rf": found the value {wrong}, needed finite"):
            change()
    assert (some.value.tolist(), list(some)) == (before, ["k", "b", "t"])
    some["t"] = [[3, wrong], [wrong, 4]]  # where no weight exists it goes nowhere
    assert some["t"].tolist() == [[3, 0], [0, 4]]
    some.value = np.full(10, wrong)  # training may pass through such
    assert (some.beyond(), np.isfinite(some.value).any()) == (0, False)


def test_the_first_weight_beyond_a_limit() -> None:
    some = weights()
    some.value = [0, 1, -5, 3, 7, 0, 0, 0, 0, -8]
    assert [some.beyond(limit) for limit in (8, 7.5, 6, 4, 0.5)] == [-1, 9, 4, 2, 1]
    for wrong in (np.nan, np.inf, -np.inf):
        some.value = [0, 1, -5, wrong, 7, 0, 0, 0, 0, -8]
        assert (some.beyond(), some.beyond(7)) == (3, 3)
    assert Weights().beyond() == -1


def test_weights_given_whole_have_nothing_to_draw_from() -> None:
    whole = Weights.of({"w": IdArray((3,), 0)}, np.array([True, False, True]), np.arange(3.0))
    assert whole["w"].tolist() == [0, 1, 2]
    with pytest.raises(ng.GraphError, match=r"initialize: 3 of 3 weights came without an init"):
        whole.initialize()
    bare = Weights.of({"w": IdArray((3,), 0)}, np.ones(3, bool), None)
    assert not bare.allocated
    with pytest.raises(ng.GraphError, match=r"set their values instead"):
        bare.value  # noqa: B018


def test_every_initializer_draws_its_shape_from_the_fan_in() -> None:
    for name in ("lecun_normal", "he_normal", "he_uniform", "uniform_fan_in"):
        some = Weights()
        some.add("w", (50, 50), initializer=name, fan_in=25)
        spread = {"lecun_normal": 0.2, "he_normal": 0.2 * 2**0.5, "he_uniform": 0.2 * 2**0.5}
        assert some.value.std() == pytest.approx(spread.get(name, 0.2 / 3**0.5), rel=0.05)


# ---- what is handed out, and what a change costs ------------------------------------------------


@pytest.mark.parametrize("change", ["set", "assign", "item", "value", "initialize"])
def test_values_handed_out_stay_as_they_were(change: str) -> None:
    weights = ng.models.mlp((3, 4, 2)).weights
    weights.set(0, 7.0)
    held, was = weights.value, weights.value.copy()
    changes = {
        "set": lambda: weights.set([0, 3], -1.0),
        "assign": lambda: weights.assign({"N1.kernel": 2.0, "output.bias": [3.0, 4.0]}),
        "item": lambda: weights.__setitem__("N1.bias", 5.0),
        "value": lambda: setattr(weights, "value", np.arange(len(weights)) * 1.0),
        "initialize": lambda: weights.initialize(seed=4),
    }
    for _ in range(2):  # the second one may write in place
        changes[change]()
        assert held.tolist() == was.tolist()
    assert (weights.value != was).any()


def test_a_layer_that_fails_gives_values_back_that_it_has_set() -> None:
    class Failing:
        name = "failing"

        def wire(self, graph: ng.Graph, name: str, *sources: np.ndarray) -> np.ndarray:
            graph.add_weights(name, "kernel", (5,))
            graph.weights.set(0, 99.0)
            graph.weights["failing.kernel"] = 1.0
            raise KeyError(name)

    graph = ng.models.mlp((3, 2))
    held, was = graph.weights.value, graph.weights.value.copy()
    with pytest.raises(KeyError):
        graph.add(Failing(), graph.outputs)
    assert held.tolist() == was.tolist() == graph.weights.value.tolist()
    graph.weights.set(0, 1.5)
    assert held.tolist() == was.tolist()
    assert graph.weights.value.tolist() == [1.5, *was[1:]]


def test_changes_that_nobody_has_read_between_copy_the_values_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = ng.models.mlp((3, 40, 2)).weights
    weights.initialize()
    taken: list[int] = []
    take = Values.take
    monkeypatch.setattr(Values, "take", lambda held, v: (taken.append(1), take(held, v)))
    version = weights.version
    for i in range(50):
        weights.set(i, float(i))
        weights["N1.bias"] = float(i)
        assert weights["N1.bias"].tolist() == [float(i)] * 40
        assert weights.beyond() == -1
    assert weights.version == version + 100
    assert len(taken) <= 1


def test_a_thread_that_reads_while_another_sets_sees_no_half() -> None:
    weights = Weights()
    weights.add("w", (100_000,), initializer="zeros")
    backwards = np.arange(100_000)[::-1].copy()

    def change() -> None:
        for i in range(10):
            weights.set(backwards, float(i))
            weights["w"] = i + 0.5

    writer = threading.Thread(target=change)
    writer.start()
    turn = 0
    while writer.is_alive():
        turn += 1
        held = weights.value if turn % 8 == 0 else weights["w"]  # what is held may not change
        first = held.max()
        assert held.min() == first == held.max()
    writer.join()
    assert pickle.loads(pickle.dumps(weights)).value[0] == copy.deepcopy(weights).value[-1] == 9.5
