"""networkx's own file formats and algorithms on exported graphs, and back again, the same."""

from __future__ import annotations

import io
import json
import math
from collections import Counter

import networkx as nx
import numpy as np
import pytest
from drawn import graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import PAIRS, irregular

import neurograph as ng
from neurograph.functions import ACTIVATIONS, Activation
from neurograph.nodes_and_edges import function_of, function_text

SOME = settings(deadline=None, max_examples=15)
VIEWS = ("weights", "connections", "neurons")


def through_graphml(G):
    file = io.BytesIO()
    nx.write_graphml(G, file)
    return nx.read_graphml(io.BytesIO(file.getvalue()))


def through_gexf(G):
    file = io.BytesIO()
    nx.write_gexf(G, file)
    return nx.read_gexf(io.BytesIO(file.getvalue()))


def through_gml(G):
    return nx.parse_gml(list(nx.generate_gml(G)))


def through_gml_ids(G):
    return nx.parse_gml(list(nx.generate_gml(G)), label="id")  # nodes are whole numbers now


def through_json(G):
    text = json.dumps(nx.node_link_data(G, edges="edges"), allow_nan=False)
    return nx.node_link_graph(json.loads(text), edges="edges")


FORMATS = {
    "graphml": through_graphml,
    "gexf": through_gexf,
    "gml": through_gml,
    "gml ids": through_gml_ids,
    "json": through_json,
}


def everything():
    """Every kind of thing a graph can hold, and some of it edited away."""
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 6, 6), name="x"))
    z = graph.add(ng.Input((3,), name='z "&" <ü>'))
    a = graph.add(
        ng.Conv2d(
            3, 3, table=[[0], [1], [0, 1]], padding=1, border=-0.1, name="A", activation="elu"
        ),
        x,
    )
    m = graph.add(ng.MaxPool2d(2, name="M"), a)
    leaky = Activation("leaky_relu", (1 / 3,))
    d = graph.add(ng.Linear(3, name="D", activation=leaky), m)
    g = graph.add(ng.Multiply(name="G"), d, z)
    graph.add(ng.RBF([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]], name="out"), g)
    graph.weights.initialize(seed=3)
    graph = ng.cut(graph, lambda block: (block.weight + block.target) % 7 == 0, layer="D")
    graph.outputs = graph.layer("out").ids[::-1]
    return graph


def require_same(found, graph):
    """Every triple, value, flag, function, name and order, and not only as many of them."""
    assert Counter(triples_of(found)) == Counter(triples_of(graph))
    for neuron in range(graph.size):
        assert found.neuron_name(neuron) == graph.neuron_name(neuron)
        assert found.function(neuron) == graph.function(neuron)
        assert list(found.incoming(neuron)) == list(graph.incoming(neuron))
    for weight in range(graph.weights.count):
        assert found.weight_name(weight) == graph.weight_name(weight)
    assert found.size == graph.size
    assert np.array_equal(found.weights.value, graph.weights.value)
    assert np.array_equal(found.weights.trainable, graph.weights.trainable)
    assert found.constants == graph.constants
    assert np.array_equal(found.outputs, graph.outputs)
    assert [layer.name for layer in found.inputs] == [layer.name for layer in graph.inputs]
    assert [(x.name, x.kind, x.arrays, x.ids.shape) for x in found.layers.values()] == [
        (x.name, x.kind, x.arrays, x.ids.shape) for x in graph.layers.values()
    ]
    for name in graph.weights:
        assert np.array_equal(found.weights.names[name].ids, graph.weights.names[name].ids)


def numbers(counts):
    of_weights = ("trainable", "fixed", "dead", "used")
    names = "name", "neurons", "connections", "bias_connections", "unfed", "unread", *of_weights
    return [tuple(getattr(row, name) for name in names) for row in counts]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", FORMATS)
def test_everything_comes_back_from_a_file(name, view):
    graph = everything()
    G = FORMATS[name](ng.to_networkx(graph, view=view, plain=True))
    require_same(ng.from_networkx(G), graph)
    assert numbers(ng.count(G)) == numbers(ng.count(graph))


@SOME
@given(graphs() | irregular(), st.sampled_from(VIEWS), st.sampled_from(sorted(FORMATS)))
def test_any_graph_comes_back_from_a_file(graph, view, name):
    G = FORMATS[name](ng.to_networkx(graph, view=view, plain=True))
    require_same(ng.from_networkx(G), graph)
    assert numbers(ng.count(G)) == numbers(ng.count(graph))


@pytest.mark.parametrize("view", VIEWS)
def test_plain_attributes_are_text_numbers_and_truths(view):
    G = ng.to_networkx(everything(), view=view, plain=True)
    data = [d for _, d in G.nodes(data=True)] + [d for *_, d in G.edges(data=True)] + [G.graph]
    assert {type(value) for d in data for value in d.values()} <= {str, int, float, bool}
    assert {type(key) for d in data for key in d} == {str}
    require_same(ng.from_networkx(G), everything())


@pytest.mark.parametrize("view", VIEWS)
def test_a_part_comes_back_from_a_file(view):
    graph = everything()
    cone = ng.cone(graph, graph.neuron_id("D[1]"))
    part = ng.from_networkx(ng.to_networkx(graph, neurons=cone, view=view))
    for through in FORMATS.values():
        G = through(ng.to_networkx(graph, neurons=cone, view=view, plain=True))
        require_same(ng.from_networkx(G), part)


def test_functions_are_text_to_the_last_bit():
    for combine, reduce in PAIRS:
        for name, (defaults, _) in ACTIVATIONS.items():
            numbers = tuple(p + 0.1 + 1e-15 for p in defaults)
            function = ng.Function(combine, reduce, Activation(name, numbers))
            assert function_of(function_text(function)) == function
    tiny = ng.Function(activation=Activation("elu", (-5e-324,)))
    assert function_of(function_text(tiny)) == tiny
    for text in ("", "tanh", "(multiply, sum)", "(multiply, sum) tanh(1)", "(a, sum) tanh"):
        assert function_of(text) is None


def test_names_may_be_changed_in_networkx():
    graph = everything()
    for view in VIEWS:
        G = nx.convert_node_labels_to_integers(ng.to_networkx(graph, view=view), first_label=7)
        again = ng.from_networkx(G)
        assert Counter(triples_of(again)) == Counter(triples_of(graph))
        assert np.array_equal(again.outputs, graph.outputs)
        assert numbers(ng.count(G)) == numbers(ng.count(graph))


def test_a_plain_graph_whose_name_is_gone_is_refused():
    G = ng.to_networkx(everything(), plain=True)
    G.graph["name"] = "mine"
    for read, error in ((ng.from_networkx, ng.ConversionError), (ng.count, ng.GraphError)):
        with pytest.raises(error, match=r"G.graph\['name'\] is 'mine'"):
            read(G)


def test_an_edited_file_runs_as_edited():
    graph = ng.models.mlp((3, 2))
    graph.weights["output.kernel"] = [[1, 2, 4], [8, 16, 32]]
    G = through_graphml(ng.to_networkx(graph, plain=True))
    G.remove_edge("input[2]", "output[0]")
    G.nodes["output.kernel[1, 1]"]["value"] = -16.0
    again = ng.from_networkx(nx.MultiDiGraph(G))
    bias = graph.weights["output.bias"]
    out = ng.Simulator(again, engine="reference", dtype="float64")(np.ones((1, 3)))
    np.testing.assert_allclose(out[0], np.tanh(0) + np.array([3.0, 24.0]) + bias)


# ---- networkx's algorithms ----------------------------------------------------------------------


@SOME
@given(graphs() | irregular())
def test_the_adjacency_matrix_is_the_programs(graph):
    G = ng.to_networkx(graph, view="neurons")
    names = [graph.neuron_name(i) for i in range(graph.size)]
    adjacency = nx.adjacency_matrix(G, nodelist=names).toarray()
    program = ng.compile(graph)
    for layer in graph.layers.values():
        if layer.kind == "Input" or (layer.ids < 0).any():
            continue
        matrix = program.matrix(layer.name, graph.weights.value).toarray()
        np.testing.assert_allclose(adjacency.T[layer.neurons.present], matrix, atol=1e-12)


def test_the_longest_path_weighs_connections():
    graph = ng.Graph.from_connections(
        [(1, 0, 3), (2, 1, 3), (3, 2, 4), (1, 3, 4)], inputs=[1, 2], values=[1.0, 2.5, 1.0, 3.25]
    )
    G = ng.to_networkx(graph, view="neurons")
    assert nx.dag_longest_path_length(G) == 3.5
    assert nx.dag_longest_path(G) == ["input[1]", "neuron[3]", "neuron[4]"]
    assert nx.shortest_path_length(G, "input[0]", "neuron[4]", weight="weight") == 2.0


@pytest.mark.parametrize("view", ["weights", "neurons"])
def test_an_edges_weight_is_a_number_and_names_its_weight(view):
    graph = everything()
    edges = ng.to_networkx(graph, view=view).edges(data=True)
    found = [(d, u, v) for u, v, d in edges if d["kind"] == "connection"]
    assert len(found) == len(graph.connections)
    for data, _, v in found:
        weight = graph.weight_id(data["weight_name"])
        assert (data["weight_id"], data["weight"]) == (weight, graph.weights.value[weight])
        assert math.isfinite(data["weight"])
        assert weight in graph.incoming(graph.neuron_id(v)).weight


# ---- the third view -----------------------------------------------------------------------------


def test_neurons_alone_keep_weights_without_a_connection():
    mask = np.array([[False, True, True], [True, True, True]])
    graph = ng.prune(ng.models.mlp((3, 2)), {"output.kernel": mask})
    G = ng.to_networkx(graph, view="neurons")
    assert len(G) == 3 + 2 + 1
    assert G.number_of_edges() == len(graph.connections) == 7
    assert [entry[0] for entry in G.graph["unused"]] == ["output.kernel[0, 0]"]
    assert ng.count(G).total.trainable == 8
    assert ng.count(G).total.dead == 1
    require_same(ng.from_networkx(G), graph)


def test_weights_of_edges_alone_are_edited_at_the_edges():
    graph = ng.models.mlp((2, 1))
    G = ng.to_networkx(graph, view="neurons")
    G.edges["input[0]", "output[0]", 0]["weight"] = 5.0
    G.add_edge("input[1]", "output[0]", weight=7.0, trainable=False)
    again = ng.from_networkx(G)
    assert again.weights["output.kernel"][0, 0] == 5.0
    added = again.incoming(again.neuron_id("output[0]")).weight[2]
    assert again.weight_name(added) == "weight[0]"
    assert (again.weights.value[added], again.weights.trainable[added]) == (7.0, False)
    assert numbers(ng.count(G)) == numbers(ng.count(again))
    assert numbers(ng.count(G))[1:] == [
        ("output", 1, 4, 1, 0, 0, 3, 0, 0, 3),
        ("(other)", 0, 0, 0, 0, 0, 0, 1, 0, 0),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda edge: edge.update(weight=9.0), r"has weight 9.0, but .* shares 'w\[0\]'"),
        (lambda edge: edge.update(weight=None, weight_id=None, weight_name=None), "has no weight"),
        (lambda edge: edge.update(trainable=False), "has trainable False, but"),
        (lambda edge: edge.update(weight_id=1), r"weight_name 'w\[0\]' and weight_id 1"),
        (lambda edge: edge.update(weight="w[0]"), "needed a number"),
    ],
)
def test_edges_that_share_a_weight_agree(change, message):
    graph = ng.Graph()
    x = graph.add_inputs("x", (2,))
    ids = graph.add_weights("", "w", (2,))
    graph.rename_array(".w", "w")
    field = graph.table.fields.add(x[None])
    kernel = graph.table.kernels.add(ids.ids[[0, 0]][None])
    graph.add_neurons("y", "Shared", (1,), field=field, kernel=kernel, function=ng.Function())
    G = ng.to_networkx(graph, view="neurons")
    assert ng.count(G).total.dead == 1
    change(G.edges["x[1]", "y[0]", 0])
    for read in (ng.from_networkx, ng.count):
        with pytest.raises(ng.NeurographError, match=message):
            read(G)
