"""Connections added and moved to other sources, and two graphs made one."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from drawn import graphs, layered_graphs, loose_graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import build, images, literal, randomize, run

import neurograph as ng

SOME = settings(deadline=None, max_examples=15)


def by_name(graph: ng.Graph) -> Counter[tuple[str, str, str]]:
    names = graph.neuron_name, graph.weight_name, graph.neuron_name
    return Counter(tuple(f(i) for f, i in zip(names, t, strict=True)) for t in triples_of(graph))


def sound(graph: ng.Graph) -> None:
    """The graph is verified, saved and loaded, and every engine runs it as it reads."""
    import tempfile

    found = ng.verify(graph)
    assert found.ok, found.problems
    with tempfile.TemporaryDirectory() as directory:
        ng.save(graph, f"{directory}/graph.npz")
        assert not ng.diff(ng.load(f"{directory}/graph.npz"), graph)
    given = images(graph)
    flat = np.concatenate([x.reshape(2, -1) for x in given], axis=1)
    wanted = literal(graph, flat)[:, graph.outputs.reshape(-1)]
    np.testing.assert_allclose(run(graph, *given).reshape(2, -1), wanted, rtol=1e-9, atol=1e-12)


def order_of(graph: ng.Graph) -> np.ndarray:
    """Each id's level, worked out by walking back."""
    sources: dict[int, list[int]] = {}
    for source, _, target in triples_of(graph):
        sources.setdefault(target, []).append(source)

    @functools.cache
    def level(neuron: int) -> int:
        return 1 + max((level(s) for s in sources[neuron]), default=0) if neuron in sources else 0

    return np.array([level(n) for n in range(graph.size)])


@st.composite
def later_pairs(draw: Any, graph: ng.Graph, most: int = 6) -> list[tuple[int, int]]:
    """Pairs (source, target) that close no cycle."""
    level = order_of(graph)
    computed = [int(n) for n in graph.neurons if graph.function(int(n)) is not None]
    found = []
    for _ in range(draw(st.integers(1, most))):
        target = draw(st.sampled_from(computed))
        below = [n for n in range(graph.size) if level[n] < level[target]]
        if below:
            found.append((draw(st.sampled_from(below)), target))
    return found


# ---- connect ------------------------------------------------------------------------------------


@SOME
@given(graphs(), st.data())
def test_connections_are_added_by_weights_that_there_are(graph: ng.Graph, data: Any) -> None:
    pairs = data.draw(later_pairs(graph))
    weights = [data.draw(st.integers(0, len(graph.weights) - 1)) for _ in pairs]
    triples = [(s, w, t) for (s, t), w in zip(pairs, weights, strict=True)]
    before = triples_of(graph)
    for rows in (triples, np.array(triples).reshape(-1, 3), iter(triples)):
        more = ng.connect(graph, rows)
        assert Counter(triples_of(more)) == Counter(before) + Counter(triples)
        assert len(more.weights) == len(graph.weights)
    names = [(graph.neuron_name(s), graph.weight_name(w), t) for s, w, t in triples]
    assert triples_of(ng.connect(graph, names)) == triples_of(more)
    assert triples_of(graph) == before
    sound(more)


@SOME
@given(graphs(), st.data())
def test_connections_are_added_by_weights_of_their_own(graph: ng.Graph, data: Any) -> None:
    pairs = data.draw(later_pairs(graph))
    values = np.arange(len(pairs)) / 4 - 0.5
    more = ng.connect(graph, pairs, values=values, trainable=[i % 2 for i in range(len(pairs))])
    value = more.weights.value

    def read(some: ng.Graph) -> Counter[tuple[int, float, int]]:
        return Counter((s, float(some.weights.value[w]), t) for s, w, t in triples_of(some))

    added = Counter((s, float(v), t) for (s, t), v in zip(pairs, values, strict=True))
    assert read(more) == read(graph) + added
    new = np.arange(len(graph.weights), len(more.weights))
    assert new.size == len(pairs)
    assert all(len(more.sharing(w)) == 1 for w in new)
    assert sorted(value[new]) == sorted(values)
    assert more.weights.trainable[new].sum() == len(pairs) // 2
    for w in new:
        (target,) = more.sharing(w).target
        assert (
            more.weight_name(w).split("[")[0]
            == f"{more.neuron_name(target).split('[')[0]}.connected"
        )
    sound(more)


def test_a_skip_connection_by_name_computes_what_it_says() -> None:
    graph = ng.models.mlp((2, 3, 1), output_activation="identity")
    more = ng.connect(graph, [("input[0]", "output[0]"), ("bias unit", "output[0]")], values=[2, 3])
    given = np.array([[1.0, -1.0]])
    np.testing.assert_allclose(run(more, given), run(graph, given) + 2 * 1.0 + 3)
    again = ng.connect(more, [("input[1]", "output[0]")])
    assert list(again.weights)[-2:] == ["output.connected", "output.connected_"]
    assert again.layer("output").arrays[-1] == "output.connected_"
    assert float(again.weights["output.connected_"][0]) == 1.0
    again.weights.initialize(seed=1)
    assert again.weights["output.connected"].tolist() == [2.0, 3.0]


def test_a_bias_goes_where_there_is_none() -> None:
    graph = build(ng.Linear(2, bias=None, name="y"), shape=(2,))
    more = ng.connect(graph, [(0, "y[0]"), (0, "y[0]"), (0, "y[1]")])
    assert ng.count(more)["y"].bias_connections == 3
    assert (more.table.bias[more.layer("y").ids] >= 0).all()
    sound(more)


@pytest.mark.parametrize(
    ("given", "options", "match"),
    [
        ([("output[0]", "N1[0]")], {}, "its connections form a cycle: output"),
        ([("output[0]", "output[0]")], {}, "form a cycle"),
        ([("output[0]", "input[0]")], {}, r"connect: input\[0\] is an input or a constant"),
        ([(1, 0)], {}, "connect: bias unit is an input or a constant"),
        ([(1, 99)], {}, "connect: neuron 99 does not exist"),
        ([("N2[0]", "output[0]")], {}, "neuron array 'N2' is unknown; did you mean"),
        ([(1, "N1.kernle", 6)], {}, "did you mean N1.kernel"),
        ([("input", "output[0]")], {}, "connect: neuron 'input': needed one"),
        ([(1, 0, 6)], {"values": 1.0}, "connect: found values for weights that there are"),
        ([(1, 6)], {"values": [1.0, 2.0]}, r"found values of shape \(2,\), needed one, or one for"),
        ([(1, 6)], {"values": np.nan}, "needed finite numbers"),
        ([(1, 6)], {"values": "x"}, "needed real numbers"),
        ([(1, 6)], {"values": 1j}, "needed real numbers"),
        ([(1, 6)], {"trainable": "False"}, "connect: trainable: found"),
        ([(1, 6), (1, 0, 6)], {}, "needed rows"),
        ([(1, 6, 0, 0)], {}, "rows of 4"),
        ([1, 6], {}, "needed rows"),
        (None, {}, "connect: found None"),
        ("ab", {}, "connect: found str"),
        ([(1.5, 6)], {}, "connect: "),
        ([(10**400, 6)], {}, "connect: "),
        ([(True, 6)], {}, "connect: "),
        ([(1j, 6)], {}, "connect: "),
        (np.zeros((2, 2)), {}, "connect: "),
    ],
)
def test_connections_that_cannot_be(given: Any, options: Any, match: str) -> None:
    with pytest.raises(ng.GraphError, match=match):
        ng.connect(ng.models.mlp((2, 3, 1)), given, **options)


def test_nothing_to_connect_changes_nothing() -> None:
    graph = ng.models.mlp((2, 3, 1))
    assert not ng.diff(graph, ng.connect(graph, []))


# ---- rewire -------------------------------------------------------------------------------------


@SOME
@given(graphs(), st.data())
def test_rewired_connections_keep_their_weight_and_target(graph: ng.Graph, data: Any) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    every, level = graph.connections.all(), order_of(graph)
    mask = rng.random(len(every)) < 0.4
    new = np.array(
        [rng.choice(np.flatnonzero(level < level[t])) for t in every.target[mask]], dtype=int
    )
    wanted = Counter(every.keep(~mask)) + Counter(
        zip(new.tolist(), every.weight[mask].tolist(), every.target[mask].tolist(), strict=True)
    )
    moved = ng.rewire(graph, mask, new)
    assert Counter(triples_of(moved)) == wanted
    sound(moved)
    slots = ng.count(graph).total.slots
    assert ng.count(moved).total.slots >= slots
    assert Counter(triples_of(graph)) == Counter(every)
    assert not ng.diff(graph, ng.rewire(graph, mask, lambda some: some.source))


def test_rewiring_by_name_and_by_a_function() -> None:
    graph = ng.models.mlp((3, 2))
    moved = ng.rewire(graph, graph.outgoing("input[0]"), "input[2]")
    found = ng.diff(graph, moved)
    assert len(found.connections.added) == len(found.connections.removed) == 2
    assert {s for s, _, _ in found.connections.added} == {"input[2]"}
    assert len(moved.outgoing("input[0]")) == 0
    turned = ng.rewire(graph, lambda some: some.source > 0, lambda some: some.source % 3 + 1)
    w, b = graph.weights["output.kernel"], graph.weights["output.bias"]
    (given,) = images(graph)
    np.testing.assert_allclose(
        run(turned, given), run_dense(graph, np.roll(given, -1, axis=1), w, b), rtol=1e-12
    )
    assert ng.count(turned).total.slots == ng.count(graph).total.slots


def run_dense(graph: ng.Graph, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return graph.functions[0].activation(x @ w.T + b)


@pytest.mark.parametrize(
    ("where", "sources", "match"),
    [
        (lambda c: c.target == 6, "output[0]", "form a cycle"),
        (lambda c: c.target == 6, [1, 2], r"rewire: found 2 sources, needed one for each"),
        (lambda c: c.target == 6, [1, 2, 3, 3, 2], "rewire: found 5 sources for 4 chosen"),
        (lambda c: c.target == 6, lambda c: [1], "rewire: found 1 sources, needed one for each"),
        (lambda c: c.target == 6, lambda c: None, "rewire: "),
        (lambda c: c.target == 6, "Z[0]", "rewire: neuron array 'Z' is unknown"),
        (lambda c: c.target == 6, [[1], [2, 3]], "rewire: "),
        (lambda c: c.target == 6, None, "rewire: "),
        (lambda c: c.target == 6, 10**400, "rewire: "),
        (lambda c: c.target == 6, b"x", "rewire: "),
        (lambda c: c.target, 1, "rewire: found int32"),
        (None, 1, "rewire: found object"),
        ([True], 1, r"rewire: found bool of shape \(1,\)"),
    ],
)
def test_sources_that_cannot_be(where: Any, sources: Any, match: str) -> None:
    with pytest.raises(ng.GraphError, match=match):
        ng.rewire(ng.models.mlp((2, 3, 1)), where, sources)


# ---- merge --------------------------------------------------------------------------------------


@SOME
@given(graphs(), graphs())
def test_merged_side_by_side_both_are_as_they_were(a: ng.Graph, b: ng.Graph) -> None:
    both = ng.merge(a, b, prefix="b.")
    renamed = Counter(
        (s if s == "bias unit" else f"b.{s}", f"b.{w}", f"b.{t}")
        for s, w, t in by_name(b).elements()
    )
    assert by_name(both) == by_name(a) + renamed
    mine, yours, total = (ng.count(g).total for g in (a, b, both))
    for what in ("neurons", "trainable", "fixed", "connections", "slots", "dead"):
        assert getattr(total, what) == getattr(mine, what) + getattr(yours, what)
    sound(both)
    first, second = images(a), images(b)
    wanted = np.concatenate([run(a, *first).reshape(2, -1), run(b, *second).reshape(2, -1)], axis=1)
    np.testing.assert_allclose(run(both, *first, *second), wanted, rtol=1e-9, atol=1e-12)


@SOME
@given(layered_graphs(), loose_graphs(), st.data())
def test_merged_in_a_chain_one_feeds_the_other(a: ng.Graph, b: ng.Graph, data: Any) -> None:
    (needed,) = b.inputs
    feed = [data.draw(st.sampled_from(a.neurons.tolist())) for _ in range(needed.neurons.size)]
    chain = ng.merge(a, b, feed={"input": feed}, prefix="b.")
    sound(chain)
    (x,) = images(a)
    states = literal(a, x.reshape(2, -1))[:, feed]
    np.testing.assert_allclose(
        run(chain, x), run(b, states.reshape(2, *needed.neurons.shape)), rtol=1e-9, atol=1e-12
    )
    assert len(chain.connections) == len(a.connections) + len(b.connections)


def test_inputs_of_one_name_are_one() -> None:
    def branch(name: str, squash: str) -> ng.Graph:
        graph = ng.Graph()
        x = graph.add(ng.Input((1, 4, 4), name="image"))
        options = {"padding": 1, "border": -1.0, "activation": squash}
        graph.add(ng.Conv2d(2, 3, name=name, **options), x)
        return randomize(graph, len(squash))

    a, b = branch("left", "tanh"), branch("right", "sigmoid")
    both = ng.merge(a, b)
    assert [layer.name for layer in both.inputs] == ["image"]
    assert both.size == a.size + b.size - 17
    (x,) = images(a)
    wanted = np.concatenate([run(g, x).reshape(2, -1) for g in (a, b)], axis=1)
    np.testing.assert_allclose(run(both, x), wanted, rtol=1e-12)
    sound(both)
    assert sorted(both.constants.values()) == [-1.0, -1.0, 1.0]
    apart = ng.subgraph(both, ng.cone(both, "right"))
    np.testing.assert_allclose(run(apart, x).reshape(2, -1), run(b, x).reshape(2, -1), rtol=1e-12)


def test_both_draw_anew_and_keep_what_unsharing_knows() -> None:
    a, b = ng.models.mlp((4, 3)), ng.models.lenet5_modern()
    both = ng.merge(a, ng.unshare(b, "C1"), prefix="b.")
    tied = ng.tie(both, "b.C1")
    assert len(tied.weights) == len(a.weights) + len(b.weights)
    both.weights.initialize(seed=3)
    assert np.abs(both.weights["b.F6.kernel"]).max() <= 2.4 / 120


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "merge: both graphs have 'input'; give a prefix"),
        ({"prefix": 5}, "merge: prefix is 5, needed text"),
        ({"prefix": "["}, "a name is printable text without brackets"),
        ({"feed": {"inptu": "output"}}, "merge: 'inptu' is no input of b; did you mean input"),
        ({"feed": {"input": "output[0]"}}, "merge: found 1 neurons to feed input, needed 3"),
        ({"feed": {"input": "Z"}}, "neuron array 'Z' is unknown"),
        ({"feed": {"input": None}}, "merge: input: "),
        ({"feed": {5: "output"}}, "merge: 5 is no input of b"),
        ({"feed": "output"}, "merge: found str to feed, needed neurons by input layer"),
    ],
)
def test_graphs_that_cannot_be_merged(options: Any, match: str) -> None:
    with pytest.raises(ng.GraphError, match=match):
        ng.merge(ng.models.mlp((4, 3)), ng.models.mlp((3, 2)), **options)
    with pytest.raises(ng.GraphError, match="merge: found int, needed a Graph"):
        ng.merge(ng.models.mlp((4, 3)), 5)
