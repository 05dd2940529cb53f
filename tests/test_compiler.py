"""Compiled programs hold the graph's connections, each once, in an order that can be run."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from networks import build, convolutions, images, irregular, literal, run, shuffled

import neurograph as ng
from neurograph import rows
from neurograph.errors import GraphError
from neurograph.functions import Function
from neurograph.graph.table import INPUT
from neurograph.program import Blocks, Program, Rows

SOME = settings(deadline=None, max_examples=50)


def triples(program: Program) -> Counter[tuple[int, int, int]]:
    """Every connection that the steps run, a bias as one from unit 0."""
    found: Counter[tuple[int, int, int]] = Counter()
    for step in program.steps:
        rows = step.rows()
        target = np.repeat(rows.targets, np.diff(rows.ptr))
        found.update(
            zip(rows.sources.tolist(), rows.weights.tolist(), target.tolist(), strict=True)
        )
        biased = rows.bias >= 0
        pairs = zip(rows.bias[biased].tolist(), rows.targets[biased].tolist(), strict=True)
        found.update((0, weight, neuron) for weight, neuron in pairs)
    return found


def check(graph: ng.Graph) -> Program:
    """Compile, and hold the program against the graph's own triples."""
    program = ng.compile(graph)
    assert triples(program) == Counter(graph.connections.all())
    targets = np.concatenate([step.targets.reshape(-1) for step in program.steps])
    computed = np.flatnonzero(graph.table.function != INPUT)
    assert sorted(targets.tolist()) == computed.tolist()
    ready = {*graph.constants, *(int(i) for x in graph.inputs for i in x.ids.reshape(-1))}
    for level in program.levels:
        for step in level:
            assert step.weights.size == 0 or step.weights.min() >= 0
            if not (isinstance(step, Blocks) and step.function.linear):
                assert step.sources.size == 0 or step.sources.min() >= 0
            assert all(graph.function(int(n)) == step.function for n in step.targets.reshape(-1))
            assert set(step.sources[step.sources >= 0].tolist()) <= ready
        ready |= {int(n) for step in level for n in step.targets.reshape(-1)}
    return program


@SOME
@given(graph=irregular())
def test_a_program_holds_every_connection_once(graph: ng.Graph) -> None:
    check(graph)


@SOME
@given(graph=irregular(bare=True))
def test_and_so_it_does_whatever_the_numbering(graph: ng.Graph) -> None:
    check(shuffled(graph))


@SOME
@given(case=convolutions())
def test_and_so_it_does_for_convolutions(case: tuple[ng.Conv2d, tuple[int, int, int]]) -> None:
    layer, shape = case
    check(build(layer, shape=shape))


@pytest.mark.parametrize("sums", [lambda values: np.zeros(values.shape, np.uint64), None])
def test_sets_with_equal_sums_are_told_apart(monkeypatch: pytest.MonkeyPatch, sums: object) -> None:
    layers = [
        ng.Conv2d(4, 3, table=[[0], [1], [0, 1], [1]], name="a"),
        ng.Conv2d(4, 2, groups=2, stride=2, activation="tanh", name="b"),
        ng.Linear(5, name="c"),
    ]
    graph = build(*layers, shape=(2, 7, 7))
    mixed = ng.Graph()
    x = mixed.add(ng.Input((9,)))
    weights = mixed.add_weights("w", "any", (2,)).ids
    field = mixed.table.fields.add(x.reshape(9, 1))
    kernel = mixed.table.kernels.add(weights.reshape(2, 1))
    for count, of in ((4, 0), (9, 1)):  # kernels over fields of different number
        mixed.add_neurons(
            f"k{of}", "Drawn", (count,), field=field + np.arange(count), kernel=kernel + of,
            function=Function(),
        )  # fmt: skip
    if sums is not None:
        monkeypatch.setattr(rows, "_mixed", sums)
    for some in (graph, mixed):
        check(some)
        (given_,) = images(some)
        wanted = literal(some, given_.reshape(2, -1))[:, some.outputs.reshape(-1)]
        np.testing.assert_allclose(run(some, given_).reshape(2, -1), wanted, rtol=1e-12)


def test_a_convolution_is_one_block_of_fields_by_kernels() -> None:
    (step,) = check(build(ng.Conv2d(6, 5), shape=(1, 32, 32))).steps
    assert isinstance(step, Blocks)
    assert step.targets.shape == (1, 6, 784)
    assert step.sources.shape == (1, 784, 25)
    assert step.weights.shape == (1, 6, 25)
    assert step.bias.shape == (1, 6, 1)
    assert step.slots == 6 * 784 * 25


def test_maps_over_the_same_inputs_are_stacked() -> None:
    (step,) = check(build(ng.Conv2d(6, 3, groups=3), shape=(3, 6, 6))).steps
    assert isinstance(step, Blocks)
    assert step.targets.shape == (3, 2, 16)
    table = [[0, 1], [1, 2], [0, 1], [2, 0]]
    steps = check(build(ng.Conv2d(4, 3, table=table), shape=(3, 6, 6))).steps
    assert sorted(step.targets.shape for step in steps) == [(1, 2, 16), (2, 1, 16)]


def test_neurons_that_share_nothing_are_rows() -> None:
    layer = ng.Sparse(3, [(0, 0), (1, 0), (2, 1)])
    (step,) = check(build(layer, shape=(3,))).steps
    assert isinstance(step, Rows)
    assert step.slots == 3
    assert step.rows() is step


def test_levels_are_as_deep_as_the_longest_path() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2,), name="x"))
    a = graph.add(ng.Linear(2, name="a"), x)
    b = graph.add(ng.Linear(2, name="b"), a)
    graph.add(ng.Linear(2, name="c"), x, b)
    program = check(graph)
    found = [
        [int(n) for step in level for n in step.targets.reshape(-1)] for level in program.levels
    ]
    assert found == [graph.layer(name).ids.tolist() for name in "abc"]
    assert [level[0].level for level in program.levels] == [1, 2, 3]


def loop(cut: str) -> ng.Graph:
    """Neurons p -> q -> r -> p; the last connection may be cut."""
    graph = ng.Graph()
    x = int(graph.add(ng.Input((1,), name="x"))[0])
    weight = graph.add_weights("w", "any", (1,)).first
    p, q, r = x + 1, x + 2, x + 3
    back = -1 if cut == "field" else r
    for name, source in (("p", [x, back]), ("q", [p, x]), ("r", [q, x])):
        kernel = [weight, -1] if name == "p" and cut == "kernel" else [weight, weight]
        graph.add_neurons(
            name,
            "Drawn",
            (),
            field=graph.table.fields.add(np.array([source], np.int32)),
            kernel=graph.table.kernels.add(np.array([kernel], np.int32)),
            function=Function(),
        )
    graph.weights.value = [0.5]
    return graph


def test_a_cycle_is_shown() -> None:
    with pytest.raises(
        GraphError, match=r"form a cycle: (p -> q -> r -> p|q -> r -> p -> q|r -> p -> q -> r)$"
    ):
        ng.compile(loop("nothing"))


@pytest.mark.parametrize("cut", ["kernel", "field"])
def test_a_cycle_that_is_cut_is_none(cut: str) -> None:
    graph = loop(cut)
    check(graph)
    assert run(graph, np.array([[8.0]])).tolist() == [0.5 * (0.5 * (4 + 8) + 8)]


def test_outputs_that_are_penalties() -> None:
    centers = np.ones((2, 3))
    assert ng.compile(build(ng.RBF(centers), shape=(3,))).penalties
    assert not ng.compile(build(ng.RBF(centers), ng.Linear(2), shape=(3,))).penalties
    both = build(ng.RBF(centers, name="r"), ng.Linear(2, name="f"), shape=(3,))
    both.outputs = [*both.layer("r").ids, *both.layer("f").ids]
    assert not ng.compile(both).penalties
    inputs = build(ng.Linear(2), shape=(3,))
    inputs.outputs = inputs.layer("x").ids
    assert not ng.compile(inputs).penalties
