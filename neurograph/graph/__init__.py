"""The graph: neurons, weights and every connection between them, in normal form, and questions.

Imports nothing but the floor of the house (names, functions, checks, memory, errors). Everything
that builds, edits, counts, stores, converts or compiles a graph stands above and reads this room.
"""

from neurograph.graph.automorphisms import Classes, Symmetry, symmetry
from neurograph.graph.connections import Connections
from neurograph.graph.degrees import in_degree, out_degree, uses
from neurograph.graph.graph import Graph, Wireable, require_graph
from neurograph.graph.layer import BIAS_NAME, Ids, Layer
from neurograph.graph.pictures import Preprocessing
from neurograph.graph.query import cone, projective_field, receptive_field
from neurograph.graph.references import Reference, ids_of, neuron_ids, one_id, weight_ids

__all__ = [
    "BIAS_NAME",
    "Classes",
    "Connections",
    "Graph",
    "Ids",
    "Layer",
    "Preprocessing",
    "Reference",
    "Symmetry",
    "Wireable",
    "cone",
    "ids_of",
    "in_degree",
    "neuron_ids",
    "one_id",
    "out_degree",
    "projective_field",
    "receptive_field",
    "require_graph",
    "symmetry",
    "uses",
    "weight_ids",
]
