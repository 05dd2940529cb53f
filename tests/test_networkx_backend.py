"""networkx's functions on a Graph: the same answers as on the graph converted, by networkx."""

from __future__ import annotations

import inspect
import io
import subprocess
import sys
from collections import Counter
from typing import Any

import networkx as nx
import numpy as np
import pytest
from drawn import loose_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.networkx import backend
from neurograph.networkx.info import get_info
from neurograph.networkx.nodes import Converted

SOME = settings(deadline=None, max_examples=25)
ROUND = (
    "degree_centrality",
    "in_degree_centrality",
    "out_degree_centrality",
    "is_directed_acyclic_graph",
    "is_weakly_connected",
    "number_of_isolates",
    "number_weakly_connected_components",
)


def networks() -> list[ng.Graph]:
    """A padded and pruned convolution with a border, and ids in any order with twin connections."""
    padded = ng.Graph()
    x = padded.add(ng.Input((2, 4, 4), name="x"))
    padded.add(ng.Conv2d(2, 3, padding=1, border=-1.0, name="C"), x)
    padded = ng.cut(padded, lambda links: links.weight % 5 == 0)
    padded.label("x[0, 0, 0]", "corner")
    twins = [(1, 0, 3), (1, 0, 3), (2, 1, 3), (0, 2, 3), (0, 2, 3), (0, 1, 6), (6, 1, 5), (3, 0, 5)]
    loose = ng.Graph.from_connections(twins, inputs=[1, 2, 7])  # 4 and 7 have no connection
    return [padded, loose]


def assert_as_converted(graph: ng.Graph, G: Any) -> None:
    """Every function on ids against networkx's own."""
    for name in ROUND:
        assert getattr(backend, name)(graph) == getattr(nx, name)(G), name
    generations = [set(some) for some in backend.topological_generations(graph)]
    assert generations == [set(some) for some in nx.topological_generations(G)]
    assert [*backend.isolates(graph)] == [*nx.isolates(G)]
    components = {frozenset(some) for some in backend.weakly_connected_components(graph)}
    assert components == {frozenset(some) for some in nx.weakly_connected_components(G)}
    longest = backend.dag_longest_path(graph, weight=None)
    assert nx.is_path(G, longest)
    length = nx.dag_longest_path_length(G, weight=None)
    assert len(longest) - 1 == length
    assert backend.dag_longest_path_length(graph, None, 3) == 3 * length
    place = {node: at for at, node in enumerate(backend.topological_sort(graph))}
    assert all(place[u] < place[v] for u, v in G.edges())


@pytest.mark.parametrize("graph", networks())
def test_what_leads_where(graph: ng.Graph) -> None:
    G = ng.to_networkx(graph, view="neurons")
    assert_as_converted(graph, G)
    nodes = list(G)
    for node in nodes:
        assert backend.ancestors(graph, node) == nx.ancestors(G, node)
        assert backend.descendants(graph, node) == nx.descendants(G, node)
        assert backend.is_isolate(graph, node) == nx.is_isolate(G, node)
    for a, b in zip(nodes[::3], nodes[::-2], strict=False):
        assert backend.has_path(graph, a, b) == nx.has_path(G, a, b)
    last = graph.size - 1
    assert backend.ancestors(graph, last) == nx.ancestors(G, nodes[last])  # an id for its name


@pytest.mark.parametrize("graph", networks())
@pytest.mark.parametrize("weight", [None, "weight", "no attribute"])
def test_matrices(graph: ng.Graph, weight: str | None) -> None:
    G = ng.to_networkx(graph, view="neurons")
    some = list(G)[::-2]
    for options in ({}, {"nodelist": some}, {"dtype": "float32"}):
        found = backend.adjacency_matrix(graph, weight=weight, **options)
        wanted = nx.adjacency_matrix(G, weight=weight, **options)
        assert (found.dtype, found.format) == (wanted.dtype, wanted.format)
        np.testing.assert_allclose(found.toarray(), wanted.toarray(), rtol=1e-6)
    for oriented in (False, True):
        found = backend.incidence_matrix(graph, oriented=oriented, weight=weight)
        wanted = nx.incidence_matrix(G, oriented=oriented, weight=weight)
        np.testing.assert_array_equal(found.toarray(), wanted.toarray())
        assert found.dtype == wanted.dtype


@SOME
@given(loose_graphs())
def test_drawn_graphs(graph: ng.Graph) -> None:
    G = ng.to_networkx(graph, view="neurons")
    assert_as_converted(graph, G)
    for node in list(G)[-3:]:
        assert backend.ancestors(graph, node) == nx.ancestors(G, node)
        assert backend.descendants(graph, node) == nx.descendants(G, node)


@SOME
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=20), st.booleans())
def test_a_networkx_graph_may_be_given(pairs: list[tuple[int, int]], multi: bool) -> None:
    G = nx.MultiDiGraph() if multi else nx.DiGraph()
    G.add_nodes_from("ab")
    G.add_edges_from(pairs)  # cycles, self loops and all
    found = backend.convert_from_nx(G)
    assert backend.convert_to_nx(found) is G
    acyclic = nx.is_directed_acyclic_graph(G)
    if acyclic:
        assert_as_converted(found, G)
    else:
        assert not backend.is_directed_acyclic_graph(found)
        for name in ("topological_generations", "topological_sort"):
            with pytest.raises(nx.NetworkXUnfeasible, match="->"):
                list(getattr(backend, name)(found))
    for node in G:
        assert backend.ancestors(found, node) == nx.ancestors(G, node)
        assert backend.descendants(found, node) == nx.descendants(G, node)
    np.testing.assert_array_equal(
        backend.adjacency_matrix(found).toarray(), nx.adjacency_matrix(G).toarray()
    )
    np.testing.assert_array_equal(
        backend.incidence_matrix(found).toarray(), nx.incidence_matrix(G).toarray()
    )


def test_what_cannot_be_on_ids_is_converted() -> None:
    graph = ng.models.mlp((3, 2, 2))
    G = ng.to_networkx(graph, view="neurons")
    assert backend.pagerank(graph) == nx.pagerank(G)
    # With their values as lengths the longest path is networkx's to find.
    assert backend.dag_longest_path_length(graph) == nx.dag_longest_path_length(G)
    slots = backend.adjacency_matrix(graph, weight="slot").toarray()
    np.testing.assert_array_equal(slots, nx.adjacency_matrix(G, weight="slot").toarray())
    edges = list(G.edges)[:2]
    part = backend.incidence_matrix(graph, edgelist=edges)
    assert part.shape == (graph.size, 2)
    assert backend.compose(graph, nx.MultiDiGraph([("a", "b")])).has_edge("a", "b")
    assert backend.compose_all([graph, G]).number_of_edges() >= len(graph.connections)


def test_what_a_call_can_be() -> None:
    graph, undirected = ng.models.mlp((2, 1)), nx.path_graph(3)
    assert backend.can_run("ancestors", (graph, "output[0]"), {}) is True
    assert backend.can_run("pagerank", (graph,), {}) is True
    assert "direction" in backend.can_run("ancestors", (undirected, 1), {})
    assert "on ids" in backend.can_run("pagerank", (undirected.to_directed(),), {})
    for name, kwargs in (("double_edge_swap", {}), ("relabel_nodes", {"copy": False})):
        assert "change" in backend.can_run(name, (graph, {}), kwargs)
    assert not hasattr(backend, "no_such_function")
    assert not hasattr(backend, "graph__new__")
    with pytest.raises(NotImplementedError, match="direction"):
        backend.convert_from_nx(undirected)


def test_wrong_nodes_are_networkx_errors() -> None:
    graph, G = ng.models.mlp((2, 1)), nx.DiGraph([(1, 2)])
    for found, node in ((graph, "output[7]"), (graph, 99), (Converted(G), 3)):
        for name in ("ancestors", "descendants", "is_isolate"):
            with pytest.raises(nx.NetworkXError):
                getattr(backend, name)(found, node)
        with pytest.raises(nx.NodeNotFound):
            backend.has_path(found, node, node)
    for nodelist in ([], ["output[0]", "output[0]"], ["nobody"]):
        with pytest.raises(nx.NetworkXError):
            backend.adjacency_matrix(graph, nodelist=nodelist)
    with pytest.raises(nx.NetworkXError):
        backend.incidence_matrix(graph, nodelist=["output[0]"])
    with pytest.raises(nx.NetworkXError, match="format"):
        backend.to_scipy_sparse_array(graph, format="xyz")
    empty = Converted(nx.DiGraph())
    with pytest.raises(nx.NetworkXPointlessConcept):
        backend.is_weakly_connected(empty)
    assert backend.dag_longest_path(empty) == []
    assert backend.degree_centrality(Converted(nx.empty_graph(1, nx.DiGraph))) == {0: 1}


def test_functions_that_are_not_dispatched_read_it() -> None:
    graph = networks()[1]
    G = ng.to_networkx(graph, view="neurons")
    assert nx.degree_histogram(graph) == nx.degree_histogram(G)
    assert nx.density(graph) == nx.density(G)
    assert list(graph.nodes) == list(G)
    assert len(graph.nodes) == graph.order() == len(G)
    assert "neuron[3]" in graph.nodes
    assert "neuron[99]" not in graph.nodes
    assert None not in graph.nodes
    assert dict(graph.nodes(data="neuron_id")) == dict(G.nodes(data="id"))
    assert Counter(graph.edges) == Counter([*G.edges])
    assert len(graph.edges) == G.number_of_edges()
    weighed = Counter(graph.edges(data="weight"))
    assert weighed == Counter(G.edges(data="weight"))
    assert Counter(graph.edges("neuron[3]")) == Counter(G.edges("neuron[3]"))
    assert dict(graph.degree) == dict(G.degree)
    assert dict(graph.degree(weight="weight")) == pytest.approx(dict(G.degree(weight="weight")))
    assert (graph.degree["neuron[3]"], len(graph.degree)) == (6, graph.size)
    fed = {node: {t: sorted(keys) for t, keys in found.items()} for node, found in G.adjacency()}
    read = {node: {t: sorted(k) for t, k in found.items()} for node, found in graph.adjacency()}
    assert read == fed
    assert nx.to_dict_of_dicts(nx.MultiDiGraph(graph)).keys() == fed.keys()
    assert Counter([*nx.MultiDiGraph(graph).edges]) == Counter([*G.edges])
    for write in (nx.write_edgelist, nx.write_adjlist, nx.write_graphml, nx.write_gexf):
        stream = io.BytesIO()
        write(graph, stream)
        assert b"neuron[3]" in stream.getvalue()
    back = nx.read_graphml(io.BytesIO("\n".join(nx.generate_graphml(graph)).encode()))
    assert Counter(back.edges(data="weight_name")) == Counter(G.edges(data="weight_name"))


def test_networkx_is_told_what_there_is() -> None:
    info = get_info()
    assert set(info["functions"]) == set(backend.native)
    for name, function in backend.native.items():
        own = inspect.signature(
            nx.utils.backends._registered_algorithms[name].__wrapped__.orig_func
        )
        assert list(inspect.signature(function).parameters) == list(own.parameters), name
    light = "import runpy, sys; runpy.run_path(sys.argv[1])['get_info'](); print(*sys.modules)"
    command = [sys.executable, "-c", light, inspect.getsourcefile(get_info)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"numpy", "networkx", "neurograph"} & set(run.stdout.split())


@pytest.mark.skipif("neurograph" not in nx.utils.backends.backends, reason="not installed")
def test_networkx_finds_it() -> None:
    graph = ng.models.lenet5()
    assert len(nx.ancestors(graph, "output[3]")) == 9109
    assert nx.is_directed_acyclic_graph(graph)
    assert nx.dag_longest_path_length(graph, weight=None) == 7
    assert nx.pagerank(ng.models.mlp((2, 1)))
    with pytest.raises(NotImplementedError, match="relabel_nodes"):
        nx.relabel_nodes(graph, {}, copy=False)
    assert nx.ancestors(nx.DiGraph([(1, 2)]), 2, backend="neurograph") == {1}
