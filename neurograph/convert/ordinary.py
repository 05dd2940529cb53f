"""Ordinary networkx graphs, as anyone makes them: nodes become neurons, edges connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import networkx as nx

from neurograph.errors import ConversionError, GraphError
from neurograph.functions import Function
from neurograph.graph import Graph
from neurograph.names.spelling import stem
from neurograph.nodes_and_edges import NEURON_LAYER, Attributes, Ordinary, shown


def graph_of(
    G: Any,
    read: Attributes,
    weight: str | None,
    inputs: Iterable[Any] | None,
    outputs: Iterable[Any] | None,
    functions: Function | Mapping[Any, Function] | None,
) -> Graph:
    """Return the graph of an ordinary networkx graph; see `from_networkx`.

    Raises ConversionError for one without nodes, directions or outputs, and one with a cycle.
    """
    found = Ordinary.of(G, read, weight=weight)
    if not found.nodes:
        read.fail("found a graph without nodes, needed at least one neuron")
    _require_acyclic(G, read)
    number = {node: i for i, node in enumerate(found.nodes, 1)}
    starts = _chosen(found.sources if inputs is None else inputs, "inputs", number, read)
    given = set(starts)
    ends = [node for node in found.sinks if number[node] not in given]
    last = _chosen(ends if outputs is None else outputs, "outputs", number, read)
    if not last:
        read.fail("found no outputs: no node besides the inputs has no successor")
    by_id = {id(w): i for i, w in enumerate(found.weights)}
    try:
        graph = Graph.from_connections(
            [(number[u], by_id[id(w)], number[v]) for u, v, w in found.edges],
            inputs=starts,
            functions=_by_number(functions, number, read),
            outputs=last,
            values=[w.value for w in found.weights],
            trainable=[w.trainable for w in found.weights],
            name=NEURON_LAYER,
        )
    except GraphError as error:
        raise ConversionError(f"{read.who}: {error}") from error
    names = _names(found.nodes, graph)
    graph.label([*names], [*names.values()])
    return graph


def _names(nodes: Sequence[Any], graph: Graph) -> dict[int, str]:
    """Return the names of nodes by number, but for those that could be taken for another's."""
    texts = [_text(node) for node in nodes]
    times = Counter(texts)
    fit, weights = graph.neuron_names.fit, graph.weights.names
    return {
        i: text
        for i, text in enumerate(texts, 1)
        if times[text] == 1 and fit(text) and stem(text) not in weights
    }


def _text(node: Any) -> str:
    try:
        return str(node)
    except Exception:  # somebody else's; a number of too many digits has none
        return ""


def _require_acyclic(G: Any, read: Attributes) -> None:
    if not nx.is_directed_acyclic_graph(G):
        around = [edge[0] for edge in nx.find_cycle(G)]
        names = [str(node) for node in [*around, around[0]]]
        shown = names if len(names) <= 12 else [*names[:6], "...", *names[-5:]]
        read.fail(f"its edges form a cycle: {' -> '.join(shown)}")


def _chosen(
    nodes: Iterable[Any], what: str, number: Mapping[Any, int], read: Attributes
) -> list[int]:
    """Return the numbers of nodes that a user named."""
    try:
        named = [nodes] if isinstance(nodes, str) else list(nodes)
        found = [number.get(node) for node in named]
    except TypeError:
        read.fail(f"found {shown(nodes)} as {what}, needed a list of nodes")
    for node, at in zip(named, found, strict=True):
        if at is None:
            read.fail(f"{what}: {node!r} is no node of the graph")
    return [at for at in found if at is not None]


def _by_number(
    functions: Function | Mapping[Any, Function] | None,
    number: Mapping[Any, int],
    read: Attributes,
) -> Function | dict[int, Function] | None:
    if functions is None or isinstance(functions, Function):
        return functions
    if not isinstance(functions, Mapping):
        read.fail(f"functions: found {shown(functions)}, needed a Function or one each by node")
    ids = _chosen(functions, "functions", number, read)
    return dict(zip(ids, functions.values(), strict=True))
