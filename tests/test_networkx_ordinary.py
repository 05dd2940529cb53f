"""Ordinary networkx graphs: read as networks, run, counted, and refused where they are none."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from drawn import triples_of

import neurograph as ng


def example():
    G = nx.DiGraph()
    G.add_edge("a", "sum", weight=2.0)
    G.add_edge("b", "sum", weight=-0.5)
    G.add_edge("sum", "out", weight=3)
    G.add_edge("a", "out")
    return G


def run(graph, *inputs):
    return ng.Simulator(graph, engine="reference", dtype="float64")(*inputs)


def random_dag(seed, kind=nx.DiGraph):
    """An acyclic graph with nodes in any order, weights, some of them missing, some shared."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 12))
    G = kind()
    place = rng.permutation(count)
    G.add_nodes_from(f"n{i}" for i in rng.permutation(count))
    shared = dict(enumerate(rng.integers(-9, 9, 4) / 4))
    for _ in range(int(rng.integers(1, 40))):
        u, v = sorted(rng.integers(0, count, 2).tolist())
        if u == v or (not G.is_multigraph() and G.has_edge(f"n{place[u]}", f"n{place[v]}")):
            continue
        data = {"weight": float(rng.normal())}
        if rng.random() < 0.3:
            identity = int(rng.integers(0, 4))
            data = {"weight": shared[identity], "weight_id": identity}
        if rng.random() < 0.2:
            data = {}
        G.add_edge(f"n{place[u]}", f"n{place[v]}", **data)
    return G


def states_by_hand(G, given):
    """tanh of the weighted sum, node by node: no graph, no engine."""
    states = dict(given)
    for node in nx.topological_sort(G):
        if node not in states:
            total = sum(states[u] * d.get("weight", 1.0) for u, _, d in G.in_edges(node, data=True))
            states[node] = np.tanh(total)
    return states


@pytest.mark.parametrize("kind", [nx.DiGraph, nx.MultiDiGraph])
@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_run_as_worked_out_by_hand(seed, kind):
    G = random_dag(seed, kind)
    if not G.number_of_edges():
        return
    graph = ng.from_networkx(G, functions=ng.Function(activation="tanh"))
    starts = [n for n in G if G.in_degree(n) == 0]
    ends = [n for n in G if G.out_degree(n) == 0 and n not in starts]
    image = np.random.default_rng(seed).normal(size=len(starts))
    states = states_by_hand(G, dict(zip(starts, image, strict=True)))
    np.testing.assert_allclose(run(graph, image[None])[0], [states[n] for n in ends], atol=1e-12)
    names = [None, *G]
    value = graph.weights.value
    assert sorted((names[s], names[t], value[w]) for s, w, t in triples_of(graph)) == sorted(
        (u, v, d.get("weight", 1.0)) for u, v, d in G.edges(data=True)
    )
    ids = [d.get("weight_id") for *_, d in G.edges(data=True)]
    assert graph.weights.count == ids.count(None) + len(set(ids) - {None})
    assert ng.verify(graph).ok


@pytest.mark.parametrize("seed", range(12))
def test_counting_it_as_it_is_counts_what_reading_it_does(seed):
    G = random_dag(seed, nx.MultiDiGraph)
    if not G.number_of_edges():
        return
    counts = ng.count(G)
    assert counts.total.neurons == len(G)
    assert counts.total.connections == G.number_of_edges()
    for found, row in zip(counts, ng.count(ng.from_networkx(G)), strict=True):
        assert (found.name, found.neurons, found.weights) == (row.name, row.neurons, row.weights)
        assert (found.trainable, found.connections) == (row.trainable, row.connections)
        assert (found.used, found.unfed, found.unread) == (row.used, row.unfed, row.unread)


def test_inputs_and_outputs_are_found_or_given():
    G = example()
    graph = ng.from_networkx(G)
    assert graph.inputs[0].ids.tolist() == [1, 3]  # a, sum, b, out
    assert run(graph, np.array([[1.0, 10.0]])).tolist() == [[3 * (2 - 5) + 1.0]]
    graph = ng.from_networkx(G, inputs=["b", "a"], outputs=["sum", "out"])
    assert run(graph, np.array([[10.0, 1.0]])).tolist() == [[-3.0, -8.0]]
    assert ng.from_networkx(G, outputs="sum").outputs.tolist() == [2]


def test_weights_come_from_any_attribute_or_from_none():
    G = example()
    nx.set_edge_attributes(G, 5, "w")
    assert ng.from_networkx(G, weight="w").weights.value.tolist() == [5.0] * 4
    assert ng.from_networkx(G, weight=None).weights.value.tolist() == [1.0] * 4
    assert sorted(ng.from_networkx(G).weights.value.tolist()) == [-0.5, 1.0, 2.0, 3.0]


def test_edges_of_one_weight_id_share_a_weight():
    G = nx.DiGraph()
    G.add_edge("a", "y", weight=2.0, weight_id="w")
    G.add_edge("b", "y", weight_id="w")
    G.add_edge("c", "y", weight=2.0, trainable="false")
    graph = ng.from_networkx(G)
    assert len(graph.sharing(0)) == 2
    assert graph.weights.trainable.tolist() == [True, False]
    assert run(graph, np.array([[1.0, 10.0, 100.0]])).tolist() == [[222.0]]
    total = ng.count(G).total
    assert (total.neurons, total.connections, total.trainable, total.fixed) == (4, 3, 1, 1)


def test_functions_one_for_all_or_one_each():
    G = example()
    relu = ng.Function(activation="relu")
    assert run(ng.from_networkx(G, functions=relu), np.array([[1.0, 10.0]])).tolist() == [[1.0]]
    largest = {"out": ng.Function("multiply", "max")}
    assert run(ng.from_networkx(G, functions=largest), np.array([[1.0, 10.0]])).tolist() == [[1.0]]


def test_a_graph_is_ours_only_if_it_says_so():
    G = example()
    for node in G:
        G.nodes[node].update(kind="weight", id="x", layer=3, index=[None])
    nx.set_edge_attributes(G, "connection", "kind")
    G.graph.update(name="neurograph", view="neurons", layers=5)
    assert len(ng.from_networkx(G).connections) == ng.count(G).total.connections == 4
    lost = nx.MultiDiGraph(ng.to_networkx(ng.models.mlp((2, 1))))
    lost.graph.clear()
    for read in (ng.from_networkx, ng.count):
        with pytest.raises(ng.NeurographError, match=r"of kind sharing.* is lost"):
            read(lost)


BAD = [
    (lambda: nx.Graph([(1, 2)]), {}, "an undirected Graph, needed a directed networkx graph"),
    (lambda: nx.MultiGraph([(1, 2)]), {}, "an undirected MultiGraph"),
    (nx.DiGraph, {}, "without nodes"),
    (lambda: nx.DiGraph([(1, 2), (2, 3), (3, 2)]), {}, "cycle: (2 -> 3 -> 2|3 -> 2 -> 3)"),
    (lambda: nx.DiGraph([("a", "a")]), {}, "cycle: a -> a"),
    (
        lambda: nx.DiGraph([(1, 2, {"weight": "0.5"})]),
        {},
        "1 -> 2 has weight '0.5', needed a num",
    ),
    (lambda: nx.DiGraph([(1, 2, {"weight": np.nan})]), {}, "has weight nan, needed a finite"),
    (lambda: nx.DiGraph([(1, 2, {"weight": 10**400})]), {}, "needed a finite number"),
    (lambda: nx.DiGraph([(1, 2, {"weight": 1j})]), {}, "needed a number"),
    (lambda: nx.DiGraph([(1, 2, {"weight_id": [1]})]), {}, "weight_id .1., needed a whole number"),
    (lambda: nx.DiGraph([(1, 2, {"trainable": "maybe"})]), {}, "trainable 'maybe', needed true"),
    (
        lambda: nx.DiGraph(
            [(1, 3, {"weight": 1, "weight_id": 7}), (2, 3, {"weight": 2, "weight_id": 7})]
        ),
        {},
        "edge 2 -> 3 has weight 2.0, but edge 1 -> 3, which shares",
    ),
    (example, {"inputs": ["c"]}, "inputs: 'c' is no node"),
    (example, {"weight": ["w"]}, "found list as weight, needed the name"),
    (example, {"inputs": 5}, "found 5 as inputs"),
    (example, {"inputs": [["a"]]}, "as inputs, needed a list of nodes"),
    (example, {"inputs": ["a", "a"]}, "neuron 1 is given twice"),
    (example, {"inputs": ["sum"]}, "its target is an input"),
    (example, {"outputs": ["c"]}, "outputs: 'c' is no node"),
    (example, {"functions": "tanh"}, "functions: found 'tanh', needed a Function"),
    (example, {"functions": {"a": ng.Function()}}, "is an input, which has none"),
    (example, {"functions": {"out": "tanh"}}, "found str, needed a Function"),
    (example, {"functions": {"c": ng.Function()}}, "functions: 'c' is no node"),
    (example, {"outputs": []}, "found no outputs"),
    (lambda: nx.empty_graph(3, create_using=nx.DiGraph), {}, "found no outputs"),
    (lambda: ng.to_networkx(ng.models.mlp((2, 1))), {"inputs": [1]}, "says itself"),
    (lambda: ng.to_networkx(ng.models.mlp((2, 1))), {"weight": None}, "says itself"),
]


@pytest.mark.parametrize(("make", "options", "message"), BAD)
def test_what_is_no_network(make, options, message):
    with pytest.raises(ng.ConversionError, match=f"from_networkx: .*({message})"):
        ng.from_networkx(make(), **options)


def test_undirected_graphs_are_not_counted():
    for G in (nx.Graph([(1, 2)]), nx.Graph(ng.to_networkx(ng.models.mlp((2, 1))))):
        with pytest.raises(ng.GraphError, match="count: found an undirected Graph"):
            ng.count(G)


def test_a_long_cycle_is_shown_in_part():
    G = nx.cycle_graph(1000, create_using=nx.DiGraph)
    with pytest.raises(ng.ConversionError, match="cycle") as error:
        ng.from_networkx(G)
    assert len(str(error.value)) < 200
