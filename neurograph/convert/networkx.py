"""networkx: every neuron, every weight and every connection as nodes and edges, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from neurograph.checks import flag
from neurograph.convert.exporting import (
    add_connections,
    add_edges,
    add_neuron_edges,
    add_neurons,
    add_weights,
    describe,
    slots,
    unused,
    weight_nodes,
)
from neurograph.convert.nodes_and_edges import Reader
from neurograph.convert.ordinary import graph_of
from neurograph.convert.plain import make_plain
from neurograph.errors import ConversionError, GraphError, kind_of, shown, suggestion
from neurograph.functions import Function
from neurograph.graph import Graph, Reference, neuron_ids, require_graph
from neurograph.graph.connections import expand
from neurograph.memory import require
from neurograph.nodes_and_edges import (
    VIEWS,
    Attributes,
    described,
    looks_like_networkx,
)

# Bytes a node, and a connection in each view, with its edges: as measured, rounded up.
_NODE, _CONNECTION = 1200, {"weights": 1300, "connections": 2800, "neurons": 900}


def to_networkx(
    graph: Graph,
    *,
    neurons: Reference | None = None,
    view: str = "weights",
    plain: bool = False,
) -> Any:
    """Return the graph as a networkx MultiDiGraph, every neuron and every weight a node.

    Nodes are named as the graph names them, "C1[2, 10, 10]" and "C1.kernel[0, 0, 2, 2]". Their
    attributes: `kind` ("neuron", "constant" or "weight") and `id`; of a neuron `layer`, `index`,
    `function` (None for an input) and, where it has a name of its own, `neuron_name`; of a constant
    its `state`, of a weight `layer`, `array`, `index`, `value` and `trainable`, and `exported`, the
    value once more, as it was written.

    view "weights": a connection is an edge source -> target of `kind` "connection" with `weight`
    (its weight's value, a number), `weight_id`, `weight_name` (the weight's node) and `slot`, its
    place among the target's connections (-1 for the bias); a second edge, weight -> target of
    `kind` "sharing", stands for it at the weight, so that a weight's out-degree is its uses.

    view "connections": a connection is a node too, "C1[2, 10, 10] #3" of `kind` "connection", with
    edges from its weight ("sharing") and its source ("source") and to its target ("target").

    view "neurons": neurons and constants are nodes, connections edges, and nothing else is there,
    so that networkx's algorithms see the network; the edges have `trainable` besides. A weight
    without a connection cannot be in this view: `G.graph["unused"]` lists those of the graph, but
    one whose last edge is removed is gone.

    `plain` writes text, numbers and truths only, so that `networkx.write_graphml`, `write_gexf`,
    `write_gml` and `node_link_data` keep all of it and `from_networkx` reads it back the same.

    `neurons` (ids or names) converts these, every connection into them, and the weights these
    use; a source outside becomes an input. Dead slots are not shown. Raises ConversionError for an
    unknown view, for a graph that would not fit in memory, before anything is converted, and where
    two nodes have one name; GraphError for ids out of range.

    >>> from neurograph.models import mlp
    >>> G = to_networkx(mlp((2, 1)))
    >>> G.number_of_nodes(), G.number_of_edges(), G.out_degree("output.kernel[0, 1]")
    (7, 6, 1)
    >>> edge = G.edges["input[1]", "output[0]", 0]
    >>> edge["weight"] == G.nodes[edge["weight_name"]]["value"], edge["weight_name"]
    (True, 'output.kernel[0, 1]')

    networkx's own algorithms, on neurons and connections alone:

    >>> G = to_networkx(mlp((2, 3, 1)), view="neurons")
    >>> nx.dag_longest_path_length(G, weight=None, default_weight=1)
    2
    >>> nx.adjacency_matrix(G).shape  # the bias unit, then 2 + 3 + 1 neurons
    (7, 7)

    And through a file:

    >>> text = list(nx.generate_gml(to_networkx(mlp((2, 1)), plain=True)))
    >>> from_networkx(nx.parse_gml(text))
    Graph(3 neurons in 2 layers, 3 weights)
    """
    require_graph(graph, "to_networkx")
    plain = flag("to_networkx: plain", plain, error=ConversionError)
    if not isinstance(view, str) or view not in VIEWS:
        raise ConversionError(f"view {shown(view)} is unknown{suggestion(view, VIEWS)}")
    chosen = _chosen(graph, neurons)
    whole = neurons is None
    _require_room(graph, chosen, view, whole=whole)
    links = expand(graph.table, chosen)
    ids = np.union1d(chosen, links.source)
    used = np.unique(links.weight)
    weights = np.arange(graph.weights.count) if whole else used
    G = nx.MultiDiGraph()
    parts = add_neurons(G, graph, ids, chosen), weight_nodes(graph, weights)
    add = {"weights": add_edges, "connections": add_connections, "neurons": add_neuron_edges}[view]
    if view != "neurons":
        add_weights(G, parts[1])
    add(G, links, slots(graph, chosen, links), parts)
    describe(G, graph, view, parts, whole=whole)
    G.graph["connections"] = len(links)
    if view == "neurons":
        G.graph["unused"] = unused(parts[1], np.setdiff1d(weights, used))
    if plain:
        make_plain(G)
    return G


def from_networkx(
    G: Any,
    *,
    weight: str | None = "weight",
    inputs: Iterable[Any] | None = None,
    outputs: Iterable[Any] | None = None,
    functions: Function | Mapping[Any, Function] | None = None,
) -> Graph:
    """Return the Graph that a directed networkx graph describes.

    A graph of `to_networkx`, in any view (`G.graph` says so), may have been edited: connections
    (edges, or nodes in the view "connections") removed, added or rewired, values, functions and
    states changed, nodes added. Connections decide; the "sharing" edges of the view "weights" only
    show what they say and need no edit. A weight's value is its node's; edges that were given
    another number are an error. A new neuron needs `kind` "neuron" and a `function` (None: an
    input), a new weight `kind` "weight" and a `value`, a new edge `weight_name` or `weight_id` (in
    the view "neurons" a `weight` is enough); without a `layer` and `index` a neuron is a layer of
    its own. A connection without `slot` comes last. Ids are kept; where some are gone, the others
    move up in the old order. Numbers may be NumPy's; whole numbers, indices and truths may be text,
    as files have them.

    Of any other DiGraph or MultiDiGraph each node is a neuron and each edge a connection. Neurons
    are numbered from 1 in the order of the nodes, neuron i being node `list(G)[i - 1]`. They keep
    the names of their nodes: node "a" is found as "a", node 7 as "7" and node (0, 1) as "(0, 1)",
    the text each prints as; a number that is no text is an id. A node whose text would not be one
    neuron's alone (7 beside "7"), is that of a layer or its entry ("input", "neuron[3]"), of the
    bias unit or a weight, or does not print, is called by its place, "neuron[3]" by its id or
    "input[0]" among the inputs, as every other may be too.

    The edge attribute `weight` has the values; where it is missing (or `weight` is None) the value
    is 1. Every edge has a weight of its own but for those of equal `weight_id`, which share one;
    `trainable` may say that it is fixed. `inputs` are by default the nodes without a predecessor,
    `outputs` the others without a successor, both in the order of nodes or as given. `functions` is
    one Function for all neurons, or one each by node (the weighted sum where none is given).

    Raises ConversionError for a graph without directions, with a cycle (which it shows), or one of
    `to_networkx` that contradicts itself or is no MultiDiGraph any more and has lost connections.

    >>> from neurograph.models import mlp
    >>> G = to_networkx(mlp((2, 1)))
    >>> G.remove_edge("input[1]", "output[0]")
    >>> len(from_networkx(G).connections)
    2

    An ordinary graph:

    >>> G = nx.DiGraph()
    >>> G.add_weighted_edges_from([("a", "sum", 2.0), ("b", "sum", 0.5), ("sum", "out", -1.0)])
    >>> graph = from_networkx(G, functions={"out": Function(activation="relu")})
    >>> graph.incoming("sum").names()
    [('a', 'weight[0]', 'sum'), ('b', 'weight[2]', 'sum')]
    >>> graph.neuron_id("out"), graph.neuron_name("neuron[4]"), sorted(to_networkx(graph))[:3]
    (4, 'out', ['a', 'b', 'bias unit'])
    """
    read = Attributes("from_networkx", ConversionError)
    if not looks_like_networkx(G):
        read.fail(f"found {kind_of(G)}, needed a directed networkx graph")
    if weight is not None and not isinstance(weight, str):
        read.fail(
            f"found {kind_of(weight)} as weight, needed the name of an edge attribute or None"
        )
    about = described(G, read)
    if about is None:
        return graph_of(G, read, weight, inputs, outputs, functions)
    if weight != "weight" or any(given is not None for given in (inputs, outputs, functions)):
        read.fail("this graph, of to_networkx, says itself what its weights and functions are")
    return Reader(G, about, read).graph()


def _chosen(graph: Graph, neurons: Reference | None) -> NDArray[Any]:
    """Return the ids to convert, ascending; all neurons and constants by default."""
    if neurons is None:
        return np.arange(graph.size)
    ids = np.unique(neuron_ids(graph, neurons, "to_networkx"))
    if not ids.size:
        raise GraphError("to_networkx: found no neuron, needed at least one")
    return ids


def _require_room(graph: Graph, chosen: NDArray[Any], view: str, *, whole: bool) -> None:
    """Raise ConversionError if the networkx graph would not fit in memory."""
    table = graph.table
    slots = int(table.fields.lengths(table.field[chosen]).sum()) + chosen.size
    nodes = chosen.size + (graph.weights.count if whole else 0)
    size = nodes * _NODE + slots * _CONNECTION[view]
    what = f"networkx graph of {nodes:,} neurons and weights and {slots:,} slots"
    advice = "convert a part of it with neurons="
    require(size, what, ConversionError, advice=advice)
