"""A graph as operators: which layers are regular, found from the ids of fields and kernels.

What made a layer does not matter: an edited layer that still slides windows is a convolution, one
that does not is products of what its fields pick.
"""

from neurograph.convert.regular.network import Network, network
from neurograph.convert.regular.places import Places
from neurograph.convert.regular.tensors import Tensors

__all__ = ["Network", "Places", "Tensors", "network"]
