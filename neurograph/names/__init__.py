"""Names: of neurons, of weights, of single ids, and how they are spelled.

The floor of the house: imports nothing that knows a graph.
"""

from neurograph.names.id_arrays import AXES_MAX, IdArray
from neurograph.names.names import Names

__all__ = ["AXES_MAX", "IdArray", "Names"]
