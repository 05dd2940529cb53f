"""Nodes and edges: what the attributes of a networkx graph say, read one way.

Whoever counts such a graph and whoever converts it read it through this room, so that they cannot
disagree. It needs no networkx: anything with its methods will do.
"""

from neurograph.nodes_and_edges.arrays import Arrays
from neurograph.nodes_and_edges.attributes import Attributes, shown
from neurograph.nodes_and_edges.description import FORMAT, PREFIX, VIEWS, Description, described
from neurograph.nodes_and_edges.function_text import function_of, function_text
from neurograph.nodes_and_edges.nodes import Unit, Weight, display_name, in_order
from neurograph.nodes_and_edges.ordinary import INPUT_LAYER, NEURON_LAYER, Ordinary
from neurograph.nodes_and_edges.outputs import leading_to, outputs_of
from neurograph.nodes_and_edges.walking import BIAS, Link, Walk, looks_like_networkx

__all__ = [
    "BIAS",
    "FORMAT",
    "INPUT_LAYER",
    "NEURON_LAYER",
    "PREFIX",
    "VIEWS",
    "Arrays",
    "Attributes",
    "Description",
    "Link",
    "Ordinary",
    "Unit",
    "Walk",
    "Weight",
    "described",
    "display_name",
    "function_of",
    "function_text",
    "in_order",
    "leading_to",
    "looks_like_networkx",
    "outputs_of",
    "shown",
]
