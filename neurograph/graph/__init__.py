"""The graph: neurons, weights and every connection between them, in normal form, and questions.

Imports nothing but the floor of the house (names, functions, checks, memory, errors). Everything
that builds, edits, counts, stores, converts or compiles a graph stands above and reads this room.
"""

from neurograph.graph.connections import Connections
from neurograph.graph.graph import BIAS_NAME, Graph, Ids, Layer, Wireable, require_graph
from neurograph.graph.query import cone, projective_field, receptive_field

__all__ = [
    "BIAS_NAME",
    "Connections",
    "Graph",
    "Ids",
    "Layer",
    "Wireable",
    "cone",
    "projective_field",
    "receptive_field",
    "require_graph",
]
