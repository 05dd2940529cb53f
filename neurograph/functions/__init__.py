"""Functions: what a neuron computes, and the activations behind it.

The floor of the house: imports nothing that knows a graph.
"""

from neurograph.functions.activations import ACTIVATIONS, Activation, as_activation
from neurograph.functions.functions import (
    COMBINE,
    COMBINE_SLOPES,
    IDENTITY,
    REDUCE,
    REDUCE_SLOPES,
    Function,
)

__all__ = [
    "ACTIVATIONS",
    "COMBINE",
    "COMBINE_SLOPES",
    "IDENTITY",
    "REDUCE",
    "REDUCE_SLOPES",
    "Activation",
    "Function",
    "as_activation",
]
