"""Layers: small dataclasses of parameters that wire neuron ids. Nothing else knows a convolution.

`wire(graph, name, *sources)` checks everything first, then adds weights, fields, kernels and
neurons, and returns the new neurons' ids in the shape of the feature maps. Parameters are named as
in torch.
"""

from neurograph.layers.convolution import Conv2d, ConvTranspose2d
from neurograph.layers.dense import RBF, Input, Linear
from neurograph.layers.elementwise import Activation, Add, Multiply
from neurograph.layers.normalization import BatchNorm2d
from neurograph.layers.pooling import AvgPool2d, MaxPool2d, Subsample2d
from neurograph.layers.sparse import Sparse

__all__ = [
    "RBF",
    "Activation",
    "Add",
    "AvgPool2d",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "Input",
    "Linear",
    "MaxPool2d",
    "Multiply",
    "Sparse",
    "Subsample2d",
]
