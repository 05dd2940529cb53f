"""Levels and blocks where slots are dead, ids are in any order, or digests collide."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import layered_graphs, triples_of
from hypothesis import given, settings

import neurograph as ng
from neurograph import rows
from neurograph.graph.levels import levels
from neurograph.program import Rows

SOME = settings(deadline=None, max_examples=25)


def neurons(
    graph: ng.Graph, name: str, sources: list[list[int]], weights: list[list[int]]
) -> np.ndarray:
    """Add neurons with these slots, -1 for an empty or a cut one."""
    field = [graph.table.fields.add(np.array([row], np.int32)) for row in sources]
    kernel = [graph.table.kernels.add(np.array([row], np.int32)) for row in weights]
    return graph.add_neurons(
        name, "Mine", (len(sources),), field=field, kernel=kernel, function=ng.Function()
    )


def longest_paths(graph: ng.Graph) -> list[int]:
    """Lift each target above its sources until nothing moves."""
    found = [int(graph.function(i) is not None) for i in range(graph.size)]
    every, before = triples_of(graph), None
    while found != before:
        before = list(found)
        for source, _, target in every:
            found[target] = max(found[target], 1 + found[source])
    return found


def test_a_cut_slot_lowers_a_level() -> None:
    graph = ng.Graph()
    x = int(graph.add(ng.Input((1,)))[0])
    graph.weights.add("w", (2,))
    a = int(neurons(graph, "a", [[x]], [[0]])[0])
    b = neurons(graph, "b", [[a, x], [a, x], [-1, a]], [[0, 1], [-1, 0], [0, -1]])
    graph.outputs = b
    assert levels(graph)[b].tolist() == [2, 1, 1]
    assert levels(graph).tolist() == longest_paths(graph)
    assert [s.level for level in ng.compile(graph).levels for s in level] == [1, 2]


def test_a_cut_cycle_is_none() -> None:
    graph = ng.Graph()
    x = int(graph.add(ng.Input((1,)))[0])
    graph.weights.add("w", (2,), initializer=np.array([2.0, 3.0]))
    a, b = x + 1, x + 2  # each reads the other, and one of these slots is cut
    neurons(graph, "ab", [[x, b], [a, b]], [[0, -1], [1, -1]])
    assert levels(graph)[[a, b]].tolist() == [1, 2]
    for engine in ("reference", "scipy"):
        assert ng.Simulator(graph, engine=engine)([[5.0]]).tolist() == [[10.0, 30.0]]
    neurons(graph, "c", [[b + 1]], [[0]])
    with pytest.raises(ng.GraphError, match=r"form a cycle: c\[0\] -> c\[0\]$"):
        ng.compile(graph)


def test_fields_in_any_order_and_neurons_without_connections() -> None:
    graph = ng.Graph()
    x = int(graph.add(ng.Input((1,)))[0])
    graph.weights.add("w", (1,))
    spare = graph.table.fields.add(np.array([[x], [x]], np.int32))
    a = int(neurons(graph, "a", [[x]], [[0]])[0])
    kernel = graph.table.kernels.add(np.array([[0]], np.int32))
    late = graph.table.fields.add(np.array([[a]], np.int32))
    field, function = [late, spare, -1], ng.Function()
    kernels = [kernel, kernel, -1]
    b = graph.add_neurons("b", "Mine", (3,), field=field, kernel=kernels, function=function)
    assert levels(graph)[b].tolist() == [2, 1, 1]
    assert levels(graph).tolist() == longest_paths(graph)


@SOME
@given(layered_graphs())
def test_levels_of_layers_are_longest_paths(graph: ng.Graph) -> None:
    assert levels(graph).tolist() == longest_paths(graph)


@SOME
@given(layered_graphs())
def test_every_neuron_is_computed_once_and_after_its_sources(graph: ng.Graph) -> None:
    program, level = ng.compile(graph), levels(graph)
    done = np.flatnonzero(level == 0).tolist()
    for steps in program.levels:
        assert len({step.level for step in steps}) == 1
        for step in steps:
            each = step.rows()
            assert set(each.sources.tolist()) <= set(done)
            assert (level[each.targets] == step.level).all()
        done += [i for step in steps for i in step.targets.reshape(-1).tolist()]
    assert sorted(done) == list(range(graph.size))


@SOME
@given(layered_graphs())
def test_blocks_do_not_rest_on_digests_being_different(graph: ng.Graph) -> None:
    image = np.ones((2, *graph.inputs[0].neurons.shape))
    wanted = ng.Simulator(graph, engine="reference", dtype="float64").states(image).array
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_mixed", lambda values: np.zeros(values.shape, np.uint64))
        found = ng.Simulator(graph, engine="reference", dtype="float64").states(image).array
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_neurons_that_share_nothing_are_rows() -> None:
    rng = np.random.default_rng(0)
    triples = [(int(s), i, 11 + i % 7) for i, s in enumerate(rng.integers(1, 11, 40))]
    graph = ng.Graph.from_connections(triples, inputs=range(1, 11))
    steps = [step for level in ng.compile(graph).levels for step in level]
    assert [type(step) for step in steps] == [Rows]
    assert steps[0].slots == 40


def test_the_largest_of_nothing_is_named() -> None:
    largest = ng.Function("multiply", "max")
    graph = ng.Graph.from_connections([(1, 0, 2)], inputs=[1], functions={3: largest})
    with pytest.raises(
        ng.GraphError, match=r"neuron\[3\]: \(multiply, max\) identity over no live"
    ):
        ng.compile(graph)
