"""networkx: both views, there and back, edited there, counted there, and what is no graph."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest
from drawn import graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.convert import networkx as converter

SOME = settings(deadline=None, max_examples=40)
VIEWS = st.sampled_from(["weights", "connections", "neurons"])


def names(graph):
    return (
        [graph.neuron_name(i) for i in range(graph.size)],
        [graph.weight_name(i) for i in range(graph.weights.count)],
    )


def run(graph, seed=0):
    rng = np.random.default_rng(seed)
    images = [rng.normal(size=(2, *layer.neurons.shape)) for layer in graph.inputs]
    return ng.Simulator(graph, engine="reference", dtype="float64")(*images)


@pytest.fixture(scope="module")
def lenet():
    return ng.models.lenet5()


@pytest.fixture(scope="module")
def walked(lenet):
    return ng.to_networkx(lenet)


def small():
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 4, 4), name="x"))
    a = graph.add(ng.Conv2d(2, 3, activation="tanh", border=-1.0, padding=1, name="A"), x)
    s = graph.add(ng.Subsample2d(2, name="S"), a)
    m = graph.add(ng.MaxPool2d(2, name="M"), s)
    graph.add(ng.Linear(2, name="y"), m)
    graph.weights.initialize(seed=1)
    return graph


# ---- there --------------------------------------------------------------------------------------


def test_lenet5_counts_by_walking_its_nodes_and_edges(lenet, walked):
    counts = ng.count(walked)
    assert (counts.total.parameters, counts.total.connections) == (60_000, 340_908)
    assert counts == ng.count(lenet)
    assert walked.number_of_nodes() == 9_118 + 1 + 60_840
    assert walked.number_of_edges() == 2 * 340_908


def test_text_that_says_false_is_false(lenet):
    G = ng.to_networkx(lenet, neurons=lenet.layer("output").ids)
    for _, data in G.nodes(data=True):
        if data["kind"] == "weight":
            data["trainable"] = str(data["trainable"])
    for total in (ng.count(G).total, ng.count(ng.from_networkx(G)).total):
        assert (total.trainable, total.fixed, total.connections) == (0, 840, 840)


def test_a_weights_out_degree_is_its_uses(lenet, walked):
    for name, uses in (
        ("C1.kernel[0, 0, 2, 2]", 784),
        ("C3.kernel[0, 0, 0, 0]", 100),
        ("S2.coefficient[0]", 784),
        ("F6.bias[3]", 1),
    ):
        assert walked.out_degree(name) == uses == len(lenet.sharing(lenet.weight_id(name)))
        assert walked.in_degree(name) == 0


def test_attributes_of_nodes_and_edges(walked):
    assert walked.nodes["C1[2, 10, 10]"] == {
        "kind": "neuron",
        "id": 1025 + 2 * 784 + 10 * 28 + 10,
        "layer": "C1",
        "index": (2, 10, 10),
        "function": ng.Function(activation="scaled_tanh"),
    }
    assert walked.nodes["input[0, 0, 0]"]["function"] is None
    assert walked.nodes["bias unit"] == {"kind": "constant", "id": 0, "state": 1.0}
    weight = walked.nodes["output.centers[0, 1]"]
    assert (weight["kind"], weight["layer"], weight["trainable"]) == ("weight", "output", False)
    assert weight["value"] == ng.models.LENET5_CODES[0, 1]
    assert walked.edges["input[0, 10, 11]", "C1[2, 10, 10]", 0] == {
        "kind": "connection",
        "weight": walked.nodes["C1.kernel[2, 0, 0, 1]"]["value"],
        "weight_id": 2 * 25 + 1,
        "weight_name": "C1.kernel[2, 0, 0, 1]",
        "slot": 1,
    }
    assert walked.edges["bias unit", "C1[2, 10, 10]", 0]["slot"] == -1


def test_a_connection_is_a_node_in_the_second_view():
    graph = small()
    G = ng.to_networkx(graph, view="connections")
    kinds = Counter(data["kind"] for _, data in G.nodes(data=True))
    assert kinds["connection"] == len(graph.connections)
    assert kinds["weight"] == graph.weights.count
    for key, data in G.nodes(data=True):
        if data["kind"] == "connection":
            assert (G.in_degree(key), G.out_degree(key)) == (2, 1)
        if data["kind"] == "weight":
            assert G.out_degree(key) == len(graph.sharing(data["id"]))
    neuron = graph.neuron_id("S[1, 1, 0]")
    assert G.in_degree("S[1, 1, 0]") == len(graph.incoming(neuron)) == 5
    assert sorted(G.predecessors("S[1, 1, 0]"))[-1] == "S[1, 1, 0] #bias"


# ---- and back -----------------------------------------------------------------------------------


@SOME
@given(graphs(), VIEWS)
def test_there_and_back(graph, view):
    G = ng.to_networkx(graph, view=view)
    again = ng.from_networkx(G)
    assert names(again) == names(graph)
    for neuron in range(graph.size):
        assert list(again.incoming(neuron)) == list(graph.incoming(neuron))
        assert again.function(neuron) == graph.function(neuron)
    assert Counter(triples_of(again)) == Counter(triples_of(graph))
    assert np.array_equal(again.weights.value, graph.weights.value)
    assert np.array_equal(again.weights.trainable, graph.weights.trainable)
    assert [x.name for x in again.inputs] == [x.name for x in graph.inputs]
    assert np.array_equal(again.outputs, graph.outputs)
    assert again.constants == graph.constants
    assert [(x.name, x.kind, x.arrays) for x in again.layers.values()] == [
        (x.name, x.kind, x.arrays) for x in graph.layers.values()
    ]
    for name in graph.weights:
        assert np.array_equal(again.weights.names[name].ids, graph.weights.names[name].ids)
    assert ng.verify(again).ok
    np.testing.assert_allclose(run(again), run(graph), rtol=1e-12)


@SOME
@given(graphs(), VIEWS)
def test_walking_counts_what_counting_does(graph, view):
    def shown(row):
        return (
            row.name,
            row.neurons,
            row.trainable,
            row.fixed,
            row.connections,
            row.bias_connections,
            row.dead,
            row.used,
            row.unfed,
            row.unread,
        )

    counts = ng.count(ng.to_networkx(graph, view=view))
    assert [shown(r) for r in counts] == [shown(r) for r in ng.count(graph)]
    assert all(row.slots == row.connections for row in counts)


def test_a_slot_from_the_bias_unit_stays_a_slot():
    graph = ng.Graph()
    x = graph.add(ng.Input((2,), name="x"))
    graph.add(ng.Linear(1, name="y"), np.append(x, 0))
    again = ng.from_networkx(ng.to_networkx(graph))
    assert list(again.incoming(3)) == list(graph.incoming(3))
    assert again.table.bias[3] == graph.table.bias[3]


def test_outputs_that_were_set_come_back():
    graph = small()
    graph.outputs = graph.layer("S").ids[:, 1:]
    again = ng.from_networkx(ng.to_networkx(graph))
    assert np.array_equal(again.outputs, graph.outputs)
    assert ng.from_networkx(ng.to_networkx(small())).explicit_outputs is None


# ---- edited there -------------------------------------------------------------------------------


def test_an_edge_removed_is_a_connection_less():
    graph = ng.Graph()
    graph.add(ng.Conv2d(6, 5, name="C1"), graph.add(ng.Input((1, 12, 12), name="input")))
    G = ng.to_networkx(graph)
    G.remove_edge("input[0, 3, 4]", "C1[2, 3, 3]")
    again = ng.from_networkx(G)
    for counts in (ng.count(G), ng.count(again)):
        assert counts["C1"].connections == 6 * 64 * 26 - 1
    assert len(again.incoming(again.neuron_id("C1[2, 3, 3]"))) == 25
    assert len(again.sharing(again.weight_id("C1.kernel[2, 0, 0, 1]"))) == 63
    assert ng.verify(again).ok


@pytest.mark.parametrize("view", ["weights", "connections"])
def test_rewired_and_reweighted_it_runs_accordingly(view):
    graph = ng.Graph()
    graph.add(ng.Linear(1, name="y"), graph.add(ng.Input((3,), name="x")))
    graph.weights["y.kernel"] = [[1.0, 2.0, 4.0]]
    graph.weights["y.bias"] = [0.5]
    G = ng.to_networkx(graph, view=view)
    if view == "weights":
        G.remove_edge("x[0]", "y[0]")
        G.add_edge("x[2]", "y[0]", kind="connection", weight="y.kernel[0, 0]")
    else:
        (connection,) = G.successors("x[0]")
        G.remove_edge("x[0]", connection)
        G.add_edge("x[2]", connection, kind="source")
    G.nodes["y.kernel[0, 1]"]["value"] = 10.0
    again = ng.from_networkx(G)
    image = np.array([[1.0, 10.0, 100.0]])
    out = ng.Simulator(again, engine="reference", dtype="float64")(image)
    assert out.tolist() == [[100.0 + 100.0 + 400.0 + 0.5]]
    assert ng.count(G).total.connections == ng.count(again).total.connections == 4


def test_neurons_and_weights_may_be_added_and_removed():
    G = ng.to_networkx(small())
    G.add_node("gate", kind="neuron", function=ng.Function("multiply", "product"))
    G.add_node("one", kind="weight", value=1.0, trainable=False)
    for source in ("y[0]", "y[1]"):
        G.add_edge(source, "gate", weight="one")
    G.remove_node("A[0, 0, 0]")
    again = ng.from_networkx(G)
    assert again.neuron_name(again.size - 1) == "gate"
    assert again.layer("A").ids[0, 0, 0] == -1
    assert len(again.sharing(again.weight_id("one"))) == 2
    rows = [*(row.name for row in ng.count(small())), "gate", "(other)"]
    assert [row.name for row in ng.count(G)] == [row.name for row in ng.count(again)] == rows
    states = ng.Simulator(again, engine="reference", dtype="float64").states(np.ones((1, 1, 4, 4)))
    np.testing.assert_allclose(states["gate"], states["y"].prod(axis=1))


def test_a_weight_node_removed_takes_no_connection_with_it(lenet):
    G = ng.to_networkx(small())
    G.remove_node("y.bias[0]")
    with pytest.raises(ng.ConversionError, match=r"names the weight 'y.bias\[0\]'"):
        ng.from_networkx(G)
    with pytest.raises(ng.GraphError, match=r"by 'y.bias\[0\]' is no connection"):
        ng.count(G)


# ---- parts --------------------------------------------------------------------------------------


def test_one_map_converts_alone(lenet):
    ids = lenet.layer("C3").ids[0]
    G = ng.to_networkx(lenet, neurons=ids)
    assert G.number_of_nodes() == 100 + 3 * 14 * 14 + 76 + 1
    row = ng.count(G)["C3"]
    assert (row.neurons, row.connections, row.parameters) == (100, 7_600, 76)
    part = ng.from_networkx(G)
    assert [layer.name for layer in part.inputs] == ["S2"]
    assert part.layer("C3").neurons.shape == (16, 10, 10)
    images = np.random.default_rng(0).normal(size=(2, 1, 32, 32))
    states = ng.Simulator(lenet, engine="scipy", dtype="float64").states(images)
    found = run_one(part, states["S2"])
    np.testing.assert_allclose(found, states["C3"][:, 0].reshape(2, -1), rtol=1e-12)


@pytest.mark.parametrize("view", ["weights", "connections"])
def test_a_cone_converts_alone(lenet, view):
    neuron = lenet.neuron_id("C3[5, 4, 4]")
    G = ng.to_networkx(lenet, neurons=ng.cone(lenet, neuron), view=view)
    part = ng.from_networkx(G)
    whole = ng.subgraph(lenet, ng.cone(lenet, neuron))
    assert len(part.connections) == len(whole.connections)
    image = np.random.default_rng(0).normal(size=(1, 1, 32, 32))
    np.testing.assert_allclose(run_one(part, image), run_one(whole, image), rtol=1e-12)


def run_one(graph, image):
    return ng.Simulator(graph, engine="scipy", dtype="float64")(image)


@SOME
@given(graphs(), st.integers(0, 2**32 - 1), VIEWS)
def test_a_part_is_the_subgraph(graph, seed, view):
    chosen = graph.neurons[np.random.default_rng(seed).random(len(graph.neurons)) < 0.5]
    if not chosen.size:
        return
    part = ng.from_networkx(ng.to_networkx(graph, neurons=chosen, view=view))
    wanted = ng.subgraph(graph, chosen)
    assert names(part)[0] == names(wanted)[0]
    named = [
        Counter((g.neuron_name(s), g.weight_name(w), g.neuron_name(t)) for s, w, t in triples_of(g))
        for g in (part, wanted)
    ]
    assert named[0] == named[1]
    assert [x.name for x in part.inputs] == [x.name for x in wanted.inputs]
    assert ng.count(part).total.dead == 0


# ---- what is refused ----------------------------------------------------------------------------


def test_too_large_a_graph_is_refused_before_it_is_converted(monkeypatch):
    monkeypatch.setattr("neurograph.memory.physical", lambda: 10**7)
    graph = small()
    monkeypatch.setattr(nx, "MultiDiGraph", None)
    graph.add(ng.Linear(1000, name="big"), graph.layer("A").ids)
    with pytest.raises(ng.ConversionError, match=r"would take \d.*MB.*neurons="):
        ng.to_networkx(graph)


def test_the_size_said_is_what_python_takes(lenet):
    import tracemalloc

    ids = lenet.layer("S2").ids
    for view in converter.VIEWS:
        tracemalloc.start()
        G = ng.to_networkx(lenet, neurons=ids, view=view)
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        nodes = sum(d["kind"] != "connection" for _, d in G.nodes(data=True))
        connections = ng.count(G).total.connections
        said = nodes * converter._NODE + connections * converter._CONNECTION[view]
        assert taken < said < 3 * taken


@pytest.mark.parametrize("G", [nx.Graph([(1, 2)]), {"a": 1}, small()])
def test_only_directed_networkx_graphs_are_read(G):
    with pytest.raises(ng.ConversionError, match="needed a directed networkx graph"):
        ng.from_networkx(G)


def edited(change, view="weights"):
    G = ng.to_networkx(small(), view=view)
    change(G)
    return G


NEURON = "y[0]"
BAD = [
    (lambda G: G.add_node("alien"), "node 'alien' has kind None"),
    (lambda G: G.add_edge("M[0, 0, 0]", NEURON), "has kind None; it is no connection"),
    (lambda G: G.add_edge(NEURON, "x[0, 0, 0]", weight="y.bias[0]"), "no neuron with a function"),
    (lambda G: G.add_edge("y.bias[0]", NEURON, weight="y.bias[0]"), "no neuron or constant"),
    (lambda G: G.add_edge(NEURON, NEURON, kind="sharing"), "is of kind sharing"),
    (
        lambda G: G.add_edge(NEURON, "y[1]", weight="y.bias[0]", slot=-1),
        "is a bias, which comes from",
    ),
    (lambda G: G.add_edge(NEURON, "y[1]", weight="y.bias[0]", slot="a"), "has slot 'a'"),
    (
        lambda G: G.add_edge("bias unit", NEURON, weight="y.bias[1]", slot=-1),
        "is a second bias",
    ),
    (lambda G: G.nodes[NEURON].update(function="tanh"), "needed a Function or None"),
    (lambda G: G.nodes[NEURON].update(index=(1,)), "has the index of another"),
    (lambda G: G.nodes[NEURON].update(index=("a",)), "needed 1 whole numbers"),
    (lambda G: G.nodes[NEURON].update(index=(0, 0)), "needed 1 whole numbers"),
    (lambda G: G.nodes[NEURON].update(id=3), "have one id, 3"),
    (lambda G: G.nodes["y.bias[0]"].update(value="1"), "needed a number"),
    (lambda G: G.nodes["y.bias[0]"].update(value=np.nan), "needed a finite number"),
    (lambda G: G.nodes["A.border"].update(state=None), "needed a number"),
    (lambda G: G.add_node("a[b", kind="neuron", function=None), "text without brackets"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_graphs_that_contradict_themselves(change, message):
    with pytest.raises(ng.ConversionError, match=message):
        ng.from_networkx(edited(change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda G: G.remove_edge("x[0, 0, 0]", "A[0, 0, 0] #4"), "has 0 edges of kind source"),
        (lambda G: G.add_edge("x[0, 0, 1]", "A[0, 0, 0] #4", kind="source"), "has 2 edges"),
        (lambda G: G.add_edge("A[0, 0, 0] #4", NEURON, kind="target"), "has 2 edges"),
    ],
)
def test_connections_need_their_three_ends(change, message):
    G = edited(change, "connections")
    with pytest.raises(ng.ConversionError, match=message):
        ng.from_networkx(G)
    with pytest.raises(ng.GraphError, match=r"connection 'A\[0, 0, 0\] #4' has"):
        ng.count(G)


@pytest.mark.parametrize("change", [BAD[0][0], BAD[1][0], BAD[2][0]])
def test_counting_wants_the_same_form(change):
    G = edited(change)
    with pytest.raises(ng.GraphError, match="count: "):
        ng.count(G)


def test_unknown_views_and_ids():
    with pytest.raises(ng.ConversionError, match="did you mean weights"):
        ng.to_networkx(small(), view="weight")
    for ids in ([], [10**6], [-1], [0.5]):
        with pytest.raises(ng.GraphError, match=r"to_networkx: (found|neuron)"):
            ng.to_networkx(small(), neurons=ids)


def test_a_neuron_and_a_weight_of_one_name():
    graph = ng.Graph.from_connections([(1, 0, 2)], inputs=[1], name="weight")
    graph = ng.Graph.from_connections([(1, 2, 2)], inputs=[1], name="weight")
    with pytest.raises(ng.ConversionError, match=r"weight\[2\] names a neuron and a weight"):
        ng.to_networkx(graph)
