"""Attributes as other tools write them, graphs that cannot hold a view, and seeded mutations."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest
from drawn import triples_of

import neurograph as ng

VIEWS = ("weights", "connections", "neurons")


def small():
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 3, 3), name="x"))
    a = graph.add(ng.Conv2d(2, 2, activation="tanh", border=-1.0, padding=1, name="A"), x)
    graph.add(ng.RBF(np.arange(64.0).reshape(2, 32) / 64, name="y"), a)
    graph.weights.initialize(seed=1)
    return graph


def numbers(counts):
    total = counts.total
    weights = total.trainable, total.fixed, total.dead, total.used
    return total.neurons, total.connections, total.unfed, total.unread, *weights


# ---- text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["weights", "connections"])
@pytest.mark.parametrize("false", [False, "False", "false", "0", 0, np.False_, np.int64(0), 0.0])
def test_trainable_is_read_alike_wherever_it_comes_from(false, view):
    G = ng.to_networkx(small(), view=view)
    for _, data in G.nodes(data=True):
        if data["kind"] == "weight":
            data["trainable"] = "True" if data["trainable"] else false
    for total in (ng.count(G).total, ng.count(ng.from_networkx(G)).total):
        assert (total.trainable, total.fixed) == (10, 64)


@pytest.mark.parametrize("wrong", ["", "no", 2, None, np.nan, [False], "0.0", -1, 1j, b"0"])
def test_what_is_neither_true_nor_false(wrong):
    G = ng.to_networkx(small())
    G.nodes["A.bias[0]"]["trainable"] = wrong
    for read in (ng.from_networkx, ng.count):
        with pytest.raises(ng.NeurographError, match=r"node 'A.bias\[0\]' has trainable .*needed"):
            read(G)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", [str, np.int64, np.uint8, float, np.float32])
def test_whole_numbers_of_any_kind_mean_the_same(kind, view):
    graph = small()
    G = ng.to_networkx(graph, view=view)
    rows = [d for _, d in G.nodes(data=True)] + [d for *_, d in G.edges(data=True)]
    for data in rows:
        for name in {"id", "slot", "weight_id"} & set(data):
            if kind is not np.uint8 or 0 <= data[name] < 256:
                data[name] = kind(data[name])
        if "index" in data:
            data["index"] = [kind(i) for i in data["index"]]
    for note in G.graph["layers"].values():
        note["shape"] = [kind(n) for n in note["shape"]]
    again = ng.from_networkx(G)
    assert triples_of(again) == triples_of(graph)
    assert [again.neuron_name(i) for i in range(again.size)] == [
        graph.neuron_name(i) for i in range(graph.size)
    ]
    assert numbers(ng.count(G)) == numbers(ng.count(graph))


WRONG = [np.nan, -5, 0.5, [1], "x", "1.5", 10**12, "10000000000000", {}, True, 1j, np.inf]


@pytest.mark.parametrize("wrong", WRONG)
def test_whole_numbers_that_are_none(wrong):
    for node, name in (("A[0, 0, 0]", "id"), ("A.bias[0]", "id")):
        G = ng.to_networkx(small())
        G.nodes[node][name] = wrong
        for read in (ng.from_networkx, ng.count):
            with pytest.raises(ng.NeurographError, match=r"has id .*, needed a whole number"):
                read(G)
    for name in ("slot", "weight_id"):
        G = ng.to_networkx(small())
        G.edges["x[0, 0, 0]", "A[0, 0, 0]", 0][name] = wrong
        for read in (ng.from_networkx, ng.count):
            with pytest.raises(ng.NeurographError, match=f"has {name} .*, needed a whole number"):
                read(G)


@pytest.mark.parametrize(
    "wrong", [np.nan, -5, 0.5, [1], "x", (0, 0, 0.5), (0, 0, "a"), (0, 0, 10**12)]
)
def test_indices_that_are_none(wrong):
    for node in ("A[0, 0, 0]", "A.kernel[0, 0, 0, 0]"):
        G = ng.to_networkx(small())
        G.nodes[node]["index"] = wrong
        for read in (ng.from_networkx, ng.count):
            with pytest.raises(ng.NeurographError, match=r"has index .*, needed . whole numbers"):
                read(G)


@pytest.mark.parametrize("index", [(0, 0, 10**9), "0, 0, 1000000000", [2**31 - 2, 0, 0]])
def test_sizes_are_checked_before_memory_is_taken(index):
    import tracemalloc

    G = ng.to_networkx(small())
    G.nodes["A[0, 0, 0]"]["index"] = index
    tracemalloc.start()
    with pytest.raises(ng.ConversionError, match=r"has shape .*; \d+ nodes were given"):
        ng.from_networkx(G)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()
    G = ng.to_networkx(small())
    G.graph["layers"]["A"]["shape"] = (10**6, 10**6, 10**6)
    with pytest.raises(ng.ConversionError, match=r"has shape .*; \d+ nodes were given"):
        ng.from_networkx(G)


@pytest.mark.parametrize("state", [2.0, 0, np.nan, np.inf, "1", None, True])
def test_the_bias_units_state_is_1_always(state):
    for view in VIEWS:
        G = ng.to_networkx(small(), view=view)
        G.nodes["bias unit"]["state"] = state
        for read in (ng.from_networkx, ng.count):
            with pytest.raises(ng.NeurographError, match="'bias unit' has the state"):
                read(G)


@pytest.mark.parametrize("state", [np.nan, -np.inf, "1", None, True, 10**400])
def test_a_constants_state_is_a_finite_number(state):
    G = ng.to_networkx(small())
    G.nodes["A.border"]["state"] = state
    with pytest.raises(ng.ConversionError, match=r"node 'A.border' has the state .* number"):
        ng.from_networkx(G)


def test_an_array_stands_in_one_layer():
    for arrays in (("A.kernel", "A.bias", "y.centers"), ("A.bias", "A.kernel", "A.bias")):
        G = ng.to_networkx(small())
        G.graph["layers"]["A"]["arrays"] = arrays
        for read in (ng.from_networkx, ng.count):
            with pytest.raises(ng.NeurographError, match="stands in the layers 'A' and"):
                read(G)


# ---- weights: one value, one identity -----------------------------------------------------------


def edge_of(G):
    return G.edges["x[0, 0, 0]", "A[0, 0, 0]", 0]


def test_the_weight_nodes_value_wins():
    graph = small()
    G = ng.to_networkx(graph)
    name = edge_of(G)["weight_name"]
    G.nodes[name]["value"] = 0.125
    again = ng.from_networkx(G)
    assert again.weights.value[again.weight_id(name)] == 0.125
    for _, _, data in G.edges(data=True):
        if data.get("weight_name") == name:
            data["weight"] = 0.125  # brought up to date, or taken away
    edge_of(G)["weight"] = None
    assert np.array_equal(ng.from_networkx(G).weights.value, again.weights.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"weight": 9.0},
            r"has weight 9.0, but its weight node 'A.kernel\[0, 0, 1, 1\]' the",
        ),
        ({"weight": "9"}, "has weight '9', needed a number"),
        ({"weight": np.nan}, "needed a finite number"),
        (
            {"weight_id": 0},
            r"'A.kernel.*', but weight_id 0, which is 'A.kernel\[0, 0, 0",
        ),
        ({"weight_id": 10**6}, "weight_id 1000000, which is no weight node's id"),
        ({"weight_name": "alien"}, "names the weight 'alien', which is no weight node"),
        ({"weight_name": "A.bias[0]"}, r"weight_name 'A.bias\[0\]', but weight_id"),
        ({"weight_name": None, "weight_id": None}, "has no weight_name and no weight_id"),
    ],
)
def test_an_edge_that_contradicts_its_weight_node(change, message):
    G = ng.to_networkx(small())
    edge_of(G).update(change)
    for read in (ng.from_networkx, ng.count):
        with pytest.raises(ng.NeurographError, match=message):
            read(G)


@pytest.mark.parametrize("kept", ["weight_name", "weight_id", "weight"])
def test_a_name_or_a_number_is_enough(kept):
    graph = small()
    G = ng.to_networkx(graph)
    for _, _, data in G.edges(data=True):
        if data["kind"] == "connection":
            name, number = data.pop("weight_name"), data.pop("weight_id")
            del data["weight"]
            data[kept] = number if kept == "weight_id" else name  # `weight`: as old graphs have it
    assert triples_of(ng.from_networkx(G)) == triples_of(graph)
    assert numbers(ng.count(G)) == numbers(ng.count(graph))


def test_graphs_written_before_still_read():
    graph = small()
    graph.outputs = graph.layer("A").ids[0]
    for view in ("weights", "connections"):
        G = ng.to_networkx(graph, view=view)
        for _, data in G.nodes(data=True):
            data.pop("exported", None)
        for _, _, data in G.edges(data=True):
            name = data.pop("weight_name", None)
            data.pop("weight_id", None)
            if name is not None:
                data["weight"] = name
        for name in ("connections", "constants", "unused"):
            G.graph.pop(name, None)
        G.graph["neurograph"] = 1
        again = ng.from_networkx(G)
        assert triples_of(again) == triples_of(graph)
        assert np.array_equal(again.outputs, graph.outputs)
        assert numbers(ng.count(G)) == numbers(ng.count(graph))


# ---- what cannot hold a view --------------------------------------------------------------------


def pairs():
    """Two connections of one pair, and a weight used twice by one neuron."""
    return ng.Graph.from_connections([(1, 0, 2), (1, 1, 2), (1, 0, 3)], inputs=[1], values=[2, 3])


@pytest.mark.parametrize("view", ["weights", "neurons"])
def test_a_simple_graph_cannot_hold_two_connections_of_a_pair(view):
    G = nx.DiGraph(ng.to_networkx(pairs(), view=view))
    for read in (ng.from_networkx, ng.count):
        message = "a DiGraph has one edge from .* holds 2 connections and there were 3"
        with pytest.raises(ng.NeurographError, match=message):
            read(G)
    graph = ng.models.mlp((3, 2))
    whole = nx.DiGraph(ng.to_networkx(graph, view=view))  # holds all: no pair has two
    assert triples_of(ng.from_networkx(whole)) == triples_of(graph)
    whole.remove_edge("input[0]", "output[0]")  # lost or cut, nobody can tell
    with pytest.raises(ng.ConversionError, match="needed a MultiDiGraph"):
        ng.from_networkx(whole)
    assert len(ng.from_networkx(nx.MultiDiGraph(whole)).connections) == 3 * 2 + 2 - 1


def test_connections_that_are_nodes_fit_a_simple_graph():
    graph = pairs()
    G = nx.DiGraph(ng.to_networkx(graph, view="connections"))
    assert triples_of(ng.from_networkx(G)) == triples_of(graph)
    assert ng.count(G).total.connections == 3


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", [nx.Graph, nx.MultiGraph])
def test_an_undirected_graph_holds_none(kind, view):
    G = kind(ng.to_networkx(pairs(), view=view))
    for read in (ng.from_networkx, ng.count):
        with pytest.raises(ng.NeurographError, match="found an undirected"):
            read(G)


# ---- mutations ----------------------------------------------------------------------------------

VALUES = [
    None, True, False, 0, 1, -1, 3, 0.5, -0.0, 1e300, np.nan, np.inf, 10**12, 10**400, "", "0", "7",
    "False", "x", "x[0]", "bias unit", "connection", b"x", [], [1], [[1]], (), (0,), (0, 0, 0), {},
    {"a": 1}, set(), 1j, np.int64(2), np.float32(0.5), np.zeros(3), np.array(["a"]), object(), int,
    ng.Function(), ng.Function("multiply", "max"), "A", "A.kernel[0, 0, 0, 0]", "weights", 2**31,
]  # fmt: skip
NAMES = (
    "kind", "id", "layer", "index", "function", "state", "array", "value", "trainable", "exported",
    "weight", "weight_id", "weight_name", "slot", "neuron_id",
)  # fmt: skip
GRAPH = (
    "neurograph", "view", "layers", "arrays", "inputs", "outputs", "outputs_shape", "connections",
    "constants", "unused", "plain", "name",
)  # fmt: skip


def mutate(G, rng):
    """Change, drop or add an attribute, a node or an edge."""
    nodes, edges = list(G), list(G.edges(keys=True))
    value = VALUES[rng.integers(len(VALUES))]
    what = rng.integers(10)
    edge = edges[rng.integers(len(edges))]
    node = nodes[rng.integers(len(nodes))]
    if what < 3:
        data = G.nodes[node]
    elif what < 6:
        data = G.edges[edge]
    elif what == 6:
        data = G.graph
        note = list(data.get("layers", {}).values()) if isinstance(data.get("layers"), dict) else []
        if note and rng.random() < 0.5 and isinstance(note[0], dict):
            note[0][("kind", "shape", "arrays")[rng.integers(3)]] = value
            return
    elif what == 7:
        (G.remove_edge(*edge) if rng.random() < 0.5 else G.remove_node(node))
        return
    elif what == 8:
        G.add_edge(node, nodes[rng.integers(len(nodes))], **G.edges[edge])
        return
    else:
        kinds = ("neuron", "weight", "constant", "connection")
        G.add_node(f"new{rng.integers(9)}", kind=kinds[rng.integers(4)], value=1.0, state=2.0)
        return
    names = [n for n in (GRAPH if data is G.graph else NAMES) if n in data or rng.random() < 0.1]
    if names:
        data[names[rng.integers(len(names))]] = value


def read_by_hand(G):
    """How many triples a mutated graph has, where it can be read at all."""
    if any(d.get("kind") == "connection" for _, d in G.nodes(data=True)):
        return sum(d.get("kind") == "connection" for _, d in G.nodes(data=True))
    return sum(d.get("kind", "connection") == "connection" for *_, d in G.edges(data=True))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("plain", [False, True])
def test_mutated_graphs_are_read_right_or_refused(view, plain):
    """Whatever is changed, the answer is a named error or a sound graph that counts the same."""
    rng = np.random.default_rng([VIEWS.index(view), plain])
    outcomes = Counter()
    original = ng.to_networkx(small(), view=view, plain=plain)
    for _ in range(150):
        G = original.copy()
        G.graph = {k: dict(v) if isinstance(v, dict) else v for k, v in G.graph.items()}
        if not plain:
            G.graph["layers"] = {name: dict(note) for name, note in G.graph["layers"].items()}
        for _ in range(int(rng.integers(1, 3))):
            mutate(G, rng)
        try:
            graph = ng.from_networkx(G)
        except (ng.ConversionError, ng.GraphError):
            outcomes["refused"] += 1
        else:
            outcomes["read"] += 1
            assert ng.verify(graph, compiled=False).ok
            assert len(triples_of(graph)) == len(graph.connections)
            if "neurograph" in G.graph:
                assert len(graph.connections) == read_by_hand(G)
            assert np.isfinite(graph.weights.value).all()
            assert graph.constants[0] == 1.0
            assert numbers(ng.count(G)) == numbers(ng.count(graph))
            continue
        with pytest.raises(ng.GraphError):
            ng.count(G)
    assert min(outcomes["refused"], outcomes["read"]) > 20, outcomes
