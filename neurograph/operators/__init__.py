"""Operators: how what a network computes is said as neurons, in any number of dimensions.

Arrays of neuron ids in, arrays of neuron ids out. -1 among neurons is none: a state of zero; -1
among weights is a cut. One vocabulary for every importer. Imports graphs only.
"""

from neurograph.operators.convolution import convolve, convolve_transposed
from neurograph.operators.dense import dense, distances, multiply_matrices, weigh_matrices
from neurograph.operators.elementwise import affine, leak, together, truncate
from neurograph.operators.normalization import normalize, per_map
from neurograph.operators.pooling import adaptive_pool, average_pool, max_pool
from neurograph.operators.reductions import accumulate, log_sum, reduce, softmax, standardize
from neurograph.operators.resizing import fold, resize
from neurograph.operators.windows import Windows
from neurograph.operators.wiring import Wiring, of_sample

__all__ = [
    "Windows",
    "Wiring",
    "accumulate",
    "adaptive_pool",
    "affine",
    "average_pool",
    "convolve",
    "convolve_transposed",
    "dense",
    "distances",
    "fold",
    "leak",
    "log_sum",
    "max_pool",
    "multiply_matrices",
    "normalize",
    "of_sample",
    "per_map",
    "reduce",
    "resize",
    "softmax",
    "standardize",
    "together",
    "truncate",
    "weigh_matrices",
]
