"""How many connections there are to every neuron, from it, and by every weight: vectors by id."""

from __future__ import annotations

from neurograph.graph.graph import Graph, require_graph
from neurograph.graph.tallies import Counts, by_source, by_target, by_weight


def in_degree(graph: Graph) -> Counts:
    """Return the number of connections into every id, shape (ids,), biases included.

    >>> from neurograph.models import mlp
    >>> in_degree(mlp((4, 3, 2))).tolist()
    [0, 0, 0, 0, 0, 5, 5, 5, 4, 4]
    """
    require_graph(graph, "in_degree")
    return by_target(graph.table)


def out_degree(graph: Graph) -> Counts:
    """Return the number of connections out of every id, shape (ids,); the bias unit is 0.

    >>> from neurograph.models import mlp
    >>> out_degree(mlp((4, 3, 2))).tolist()
    [5, 3, 3, 3, 3, 2, 2, 2, 0, 0]
    """
    require_graph(graph, "out_degree")
    return by_source(graph.table)


def uses(graph: Graph) -> Counts:
    """Return the number of connections that use every weight, shape (weights,).

    >>> from neurograph.models import lenet5
    >>> graph = lenet5()
    >>> int(uses(graph)[graph.weight_id("C1.kernel[0, 0, 2, 2]")]), uses(graph).sum()
    (784, np.int64(340908))
    """
    require_graph(graph, "uses")
    return by_weight(graph.table, graph.weights.count)
