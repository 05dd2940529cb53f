"""Nodes and edges: what the attributes of a networkx graph say, read one way.

Whoever counts such a graph and whoever converts it read it through this room, so that they cannot
disagree. It needs no networkx: anything with its methods will do.
"""

from neurograph.nodes_and_edges.attributes import Attributes, shown
from neurograph.nodes_and_edges.description import FORMAT, PREFIX, VIEWS, Description, described
from neurograph.nodes_and_edges.nodes import Unit, Weight, display_name, in_order
from neurograph.nodes_and_edges.ordinary import INPUT_LAYER, NEURON_LAYER, Ordinary
from neurograph.nodes_and_edges.outputs import leading_to, outputs_of
from neurograph.nodes_and_edges.walking import Link, Walk, looks_like_networkx

__all__ = [
    "FORMAT",
    "INPUT_LAYER",
    "NEURON_LAYER",
    "PREFIX",
    "VIEWS",
    "Attributes",
    "Description",
    "Link",
    "Ordinary",
    "Unit",
    "Walk",
    "Weight",
    "described",
    "display_name",
    "in_order",
    "leading_to",
    "looks_like_networkx",
    "outputs_of",
    "shown",
]
