"""Graphs of bare (source, weight, target) triples: any acyclic graph, checked at the door."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from drawn import FUNCTIONS, loose_graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph import memory
from neurograph.graph.normal_form import normal_form, unique_rows
from neurograph.program.compiler import levels

SOME = settings(deadline=None, max_examples=40)
Triple = tuple[int, int, int]
TOP = 2**31 - 1


@st.composite
def bare(draw: st.DrawFn) -> tuple[list[Triple], list[int]]:
    """Draw triples over ten neurons, of which the first three are inputs; cycles are allowed."""
    triple = st.tuples(st.integers(0, 10), st.integers(0, 5), st.integers(4, 10))
    return draw(st.lists(triple, min_size=1, max_size=25)), [1, 2, 3]


@SOME
@given(bare(), st.sampled_from(FUNCTIONS[:4]))
def test_the_triples_come_back_each_as_often(
    drawn: tuple[list[Triple], list[int]], function: ng.Function
) -> None:
    triples, inputs = drawn
    graph = ng.Graph.from_connections(triples, inputs=inputs, functions=function)
    assert Counter(triples_of(graph)) == Counter(triples)
    again = ng.Graph.from_connections(graph.connections.all(), inputs=inputs)
    assert Counter(triples_of(again)) == Counter(triples)
    for neuron in range(4, graph.size):  # slots keep the order of the triples
        mine = [t for t in triples if t[2] == neuron]
        slots = [t for t in graph.incoming(neuron) if t[0] != 0]
        assert slots == [t for t in mine if t[0] != 0]


@SOME
@given(bare())
def test_a_bias_connection_is_a_bias_where_the_function_is_a_weighted_sum(
    drawn: tuple[list[Triple], list[int]],
) -> None:
    triples, inputs = drawn
    graph = ng.Graph.from_connections(triples, inputs=inputs)
    biased = Counter(t for s, _, t in triples if s == 0)
    for neuron in range(graph.size):
        assert (graph.table.bias[neuron] >= 0) == (neuron in biased)
    squares = ng.Function("squared_difference", "sum")
    other = ng.Graph.from_connections(triples, inputs=inputs, functions=squares)
    assert (other.table.bias < 0).all()
    assert ng.count(graph).total.bias_connections == sum(biased.values())
    assert ng.count(other).total.bias_connections == sum(biased.values())


def brute_states(graph: ng.Graph, states: dict[int, float]) -> dict[int, float]:
    """Compute every neuron from its triples, in Python, as often as something is missing."""
    rules = {"product": np.multiply, "sum": np.add, "max": np.maximum, "min": np.minimum}
    states = {0: 1.0, **states}
    while len(states) < graph.size:
        for neuron in set(range(graph.size)) - set(states):
            function, links = graph.function(neuron), list(graph.incoming(neuron))
            if function is None or not all(s in states for s, _, _ in links):
                continue
            bias = graph.table.bias[neuron] >= 0
            values = [(float(graph.weights.value[w]), states[s]) for s, w, _ in links]
            multiply = function.combine == "multiply"
            terms = [w * x if multiply else (x - w) ** 2 for w, x in values]
            slots = terms[:-1] if bias else terms
            empty = {"sum": 0.0, "product": 1.0}.get(function.reduce)
            net = rules[function.reduce].reduce(slots) if slots else empty
            states[neuron] = float(function.activation(np.array(net + sum(terms[len(slots) :]))))
    return states


@pytest.mark.parametrize("engine", ["reference", "scipy"])
@SOME
@given(graph=loose_graphs(), seed=st.integers(0, 99))
def test_any_acyclic_graph_runs_as_its_triples_say(engine: str, graph: ng.Graph, seed: int) -> None:
    inputs = graph.inputs[0].ids
    image = np.random.default_rng(seed).integers(-4, 5, inputs.shape) / 4
    wanted = brute_states(graph, dict(zip(inputs.tolist(), image.tolist(), strict=True)))
    sim = ng.Simulator(graph, engine=engine, dtype="float64")
    found = sim.states(image[None])
    for neuron, state in wanted.items():
        assert found[neuron][0] == pytest.approx(state, rel=1e-12, abs=1e-12)
    outputs = [wanted[i] for i in graph.outputs.tolist()]
    np.testing.assert_allclose(sim(image[None])[0], outputs, rtol=1e-12, atol=1e-12)


@SOME
@given(loose_graphs())
def test_levels_are_longest_paths(graph: ng.Graph) -> None:
    found, every = levels(graph), triples_of(graph)
    for neuron in range(graph.size):
        sources = [found[s] for s, _, t in every if t == neuron]
        computes = graph.function(neuron) is not None
        assert found[neuron] == (1 + max(sources, default=0) if computes else 0)


@SOME
@given(bare())
def test_a_cycle_is_an_error_that_shows_one(drawn: tuple[list[Triple], list[int]]) -> None:
    triples, inputs = drawn
    graph = ng.Graph.from_connections(triples, inputs=inputs, outputs=[10])
    reach = {(s, t) for s, _, t in triples}
    for middle in range(4, 11):
        reach |= {(s, t) for s, m in reach if m == middle for n, t in reach if n == middle}
    if not any(s == t for s, t in reach):
        ng.compile(graph)
        return
    with pytest.raises(ng.GraphError, match=r"connections form a cycle: ") as error:
        ng.compile(graph)
    shown = str(error.value).split("cycle: ")[1].split(" -> ")
    assert shown[0] == shown[-1]
    path = [graph.neuron_id(name) for name in shown]
    assert len(path) > 1
    for source, target in pairwise(path):
        assert source in graph.incoming(target).source


def test_a_cycle_without_outputs_and_a_long_one_are_shown() -> None:
    ring = ng.Graph.from_connections([(1, 0, 2), (3, 1, 2), (2, 1, 3)], inputs=[1])
    with pytest.raises(ng.GraphError, match=r"cycle: neuron\[(2|3)\] -> neuron\[(2|3)\] -> "):
        ng.Simulator(ring)
    long = [(i, 0, i + 1) for i in range(1, 40)] + [(40, 0, 2)]
    graph = ng.Graph.from_connections(long, inputs=[1], outputs=[40])
    with pytest.raises(ng.GraphError, match=r"neuron\[\d+\] -> \.\.\. -> neuron\[\d+\]"):
        ng.compile(graph)


def test_neurons_are_named_by_their_ids_and_outputs_feed_no_other() -> None:
    graph = ng.Graph.from_connections(
        [(4, 0, 7), (2, 1, 7), (7, 2, 5), (0, 2, 9)], inputs=[4, 2], values=[1, 2, 3], name="unit"
    )
    assert graph.neuron_name(7) == "unit[7]"
    assert graph.neuron_name(2) == "input[1]"
    assert graph.weight_name(2) == "weight[2]"
    assert graph.outputs.tolist() == [1, 3, 5, 6, 8, 9]
    assert graph.neurons.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert graph.constants == {0: 1.0}
    assert graph.weights.value.tolist() == [1, 2, 3]
    states = ng.Simulator(graph, engine="reference").states([[10.0, 100.0]])
    assert states[7].tolist() == [210.0]
    assert states["unit"][0, [5, 7, 9]].tolist() == [630.0, 210.0, 3.0]
    assert np.isnan(states["unit"][0, 4])
    assert ng.verify(graph).ok


def test_functions_are_given_per_neuron() -> None:
    squash, square = ng.Function(activation="tanh"), ng.Function(activation="square")
    graph = ng.Graph.from_connections(
        [(1, 0, 2), (1, 0, 3), (1, 0, 4)], inputs=[1], functions={3: squash, 4: square}
    )
    assert [graph.function(i) for i in range(5)] == [None, None, ng.Function(), squash, square]
    every = ng.Graph.from_connections([(1, 0, 2)], inputs=[1], functions=squash)
    assert every.function(2) == squash


def test_trainable_and_values_go_with_the_weights() -> None:
    graph = ng.Graph.from_connections(
        [(1, 0, 2), (1, 2, 2)], inputs=[1], trainable=[True, True, False]
    )
    row = ng.count(graph).total
    assert (row.trainable, row.fixed, row.dead) == (2, 1, 1)
    fixed = ng.Graph.from_connections([(1, 0, 2)], inputs=[1], trainable=False, values=[2.0, 3.0])
    assert ng.count(fixed).total.fixed == 2
    nothing = ng.Graph.from_connections([], inputs=[1, 2])
    assert len(nothing.connections) == nothing.weights.count == 0


@SOME
@given(st.lists(st.lists(st.integers(-1, 3), max_size=4), max_size=8))
def test_unique_rows_are_the_distinct_rows_in_order(rows: list[list[int]]) -> None:
    ptr = np.cumsum([0, *(len(r) for r in rows)])
    found, which = unique_rows(ptr, np.array([i for r in rows for i in r], np.int32))
    assert [found[i].tolist() for i in range(found.count)] == list(
        map(list, dict.fromkeys(tuple(r) for r in rows))
    )
    assert [found[i].tolist() for i in which.tolist()] == rows


def test_equal_rows_share_a_field_and_a_kernel() -> None:
    source, weight = np.array([1, 2, 1, 2, 1]), np.array([0, 1, 0, 1, 0])
    table = normal_form(
        source,
        weight,
        np.array([3, 3, 4, 4, 5]),
        function=np.array([-1, -1, -1, 0, 0, 0], np.int16),
        linear=np.array([False] * 3 + [True] * 3),
    )
    assert table.fields.count == table.kernels.count == 2
    assert table.field.tolist() == table.kernel.tolist() == [-1, -1, -1, 0, 0, 1]


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        ([(-1, 0, 2)], r"connection 0, \(-1, 0, 2\): source ids go from 0 to 2,147,483,646"),
        ([(1, 0, 2), (1, -1, 2)], r"connection 1, \(1, -1, 2\): weight ids go from 0"),
        ([(1, 0, 0)], r"connection 0, \(1, 0, 0\): target ids go from 1"),
        ([(1, 0, TOP)], r"target ids go from 1 to 2,147,483,646"),
        ([(1, 2**40, 2)], r"weight ids go from 0"),
        ([(1, 2**70, 2)], r"connections: found 1180591620717411303424, beyond the"),
        ([(1, 2**63, 2)], r"connections: found 9223372036854775808, beyond the"),
        ([(1, 0.5, 2)], r"connections: found 0.5 among the values, needed whole numbers"),
        ([(1, 0)], r"connections: found an array of shape \(1, 2\), needed \(source, weight"),
        ([(1, 0, 2), (1, 0)], r"connections: found values of different shapes, needed whole"),
        ([("a", "b", "c")], r"connections: found values of type <U1"),
        ([(None, 0, 1)], r"connections: found None among the values, needed whole"),
        (7, r"connections: found int, needed triples"),
        ([(2, 0, 1)], r"connection 0, \(2, 0, 1\): its target is an input"),
    ],
)
def test_bad_triples(triples: object, message: str) -> None:
    with pytest.raises(ng.GraphError, match=message):
        ng.Graph.from_connections(triples, inputs=[1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": [1, 1]}, r"inputs: neuron 1 is given twice"),
        ({"inputs": [0]}, r"inputs: neuron 0, needed neurons from 1 to 2,147,483,646"),
        ({"inputs": [1.5]}, r"inputs: found 1.5 among the values, needed whole numbers"),
        ({"inputs": [TOP]}, r"inputs: neuron 2147483647, needed neurons from 1"),
        ({"outputs": [0]}, r"outputs: neuron 0, needed neurons from 1"),
        ({"outputs": ["x"]}, r"outputs: found values of type <U1"),
        ({"functions": "relu"}, r"functions: found str, needed a Function"),
        ({"functions": {2: "relu"}}, r"functions: found str, needed a Function"),
        ({"functions": {-2: ng.Function()}}, r"functions: neuron -2, needed neurons from 1"),
        ({"functions": {1: ng.Function()}}, r"functions: neuron 1 is an input, which has none"),
        ({"values": []}, r"weights: found values of shape \(0,\), needed \(1,\)"),
        ({"values": [[1], [1, 2]]}, r"weights: found values of different shapes, needed real"),
        ({"values": ["a"]}, r"weights: found values of type <U1, needed real numbers"),
        ({"trainable": [True, False]}, r"trainable: found shape \(2,\), needed one for each of 1"),
        ({"name": "input"}, r"array 'input' exists already"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ng.GraphError, match=message):
        ng.Graph.from_connections([(1, 0, 2)], **{"inputs": [1], **options})  # type: ignore[arg-type]


def test_a_graph_too_large_says_so_before_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "physical", lambda: 1_000_000_000)
    with pytest.raises(
        ng.GraphError, match=r"2,000,000,001 ids and 1 weights: would take 128\.0 GB, the limit is"
    ):
        ng.Graph.from_connections([(1, 0, 2_000_000_000)], inputs=[1])
    with pytest.raises(ng.GraphError, match=r"3 ids and 2,000,000,001 weights: would take 48\.0"):
        ng.Graph.from_connections([(1, 2_000_000_000, 2)], inputs=[1])


def test_too_many_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    some = {i: ng.Function(activation=ng.functions.Activation("elu", (i,))) for i in range(2, 6)}
    monkeypatch.setattr("neurograph.graph.triples.FUNCTIONS_MAX", 3)
    with pytest.raises(ng.GraphError, match=r"functions: more than 4 different ones"):
        ng.Graph.from_connections([(1, 0, 2)], inputs=[1], functions=some)
    monkeypatch.setattr("neurograph.graph.functions.FUNCTIONS_MAX", 1)
    graph = ng.Graph()
    x = graph.add(ng.Input((1,)))
    graph.add(ng.Linear(1, activation="tanh"), x)
    graph.add(ng.Linear(1, activation="relu"), x)
    with pytest.raises(ng.GraphError, match=r"graph: more than 2 different functions"):
        graph.add(ng.Linear(1, activation="sigmoid"), x)
