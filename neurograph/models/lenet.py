"""LeNet-5 as published, and as it is usually taught.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86(11), November 1998.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from neurograph.errors import GraphError, shown
from neurograph.functions import as_activation
from neurograph.graph import Graph
from neurograph.layers import RBF, AvgPool2d, Conv2d, Input, Linear, MaxPool2d, Subsample2d
from neurograph.layers.tables import Table
from neurograph.layers.wiring import ActivationLike
from neurograph.models.carried import assign_carried

# Table I, p. 8: the maps of S2 that each map of C3 reads.
LENET5_C3: tuple[tuple[int, ...], ...] = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)

# Figure 3, p. 9: the 7x12 bitmaps of the digits 0 to 9, ink (#) +1 and paper (.) -1, read row by
# row. The bars above some digits are in the figure.
_BITMAPS = (
    (
        ".#####. ....... ..###.. .##.##. ##...## ##...## "
        "##...## ##...## .##.##. ..###.. ....... ....... "
    ),
    (
        "...##.. ..###.. .####.. ...##.. ...##.. ...##.. "
        "...##.. ...##.. ...##.. .###### ....... ....... "
    ),
    (
        ".#####. ....... .#####. ##...## #....## ....##. "
        "..###.. .##.... ##..... ####### ....... ....... "
    ),
    (
        "####### .....## ....##. ...##.. ..####. .....## "
        ".....## .....## ##...## .#####. ....... ....... "
    ),
    (
        ".#####. ....... ....... .##..## .##..## ###..## "
        "##...## ##...## ##..### .###### .....## .....## "
    ),
    (
        ".#####. ....... ####### ##..... ##..... .####.. "
        "..####. .....## ##...## .#####. ....... ....... "
    ),
    (
        "..####. .##.... ##..... ##..... ######. ###..## "
        "##...## ##...## ###..## .#####. ....... ....... "
    ),
    (
        "####### .....## .....## ....##. ...##.. ...##.. "
        "..##... ..##... ..##... ..##... ....... ....... "
    ),
    (
        ".#####. ##...## ##...## ##...## .#####. ##...## "
        "##...## ##...## ##...## .#####. ....... ....... "
    ),
    (
        ".#####. ##..### ##...## ##...## ##..### .###### "
        ".....## .....## ....##. .####.. ....... ....... "
    ),
)
LENET5_CODES = np.array(
    [[1.0 if ink == "#" else -1.0 for ink in code if ink != " "] for code in _BITMAPS]
)
LENET5_CODES.flags.writeable = False
_SQUASH = "scaled_tanh"


def lenet5(
    *,
    input_shape: tuple[int, int, int] = (1, 32, 32),
    table: Table | None = LENET5_C3,
    activation: ActivationLike = _SQUASH,
    codes: ArrayLike = LENET5_CODES,
    seed: int = 0,
    weights: str | None = None,
) -> Graph:
    """Return LeNet-5 (1998): 60,000 trainable weights and 340,908 connections, to be enumerated.

    Outputs are penalties: squared distances of F6 to the ten bitmaps `LENET5_CODES`, the smallest
    wins. On a larger input C5 has maps of more than one place, and F6 and the output slide over
    them with the same weights: 64x64 gives outputs (10, 9, 9). Weights are drawn by `seed`, or
    trained ones carried in the package: "mnist" (see `models.provenance`).

    table: which maps of S2 each of the 16 maps of C3 reads, as in `Conv2d`; None for all of them.
    codes: another target for each class, (classes, 84). Raises GraphError for an input too small
    for a layer, weights that are not carried, and carried weights for another network than theirs.

    >>> lenet5(input_shape=(1, 64, 64)).outputs.shape
    (10, 9, 9)
    >>> from neurograph.counting import count
    >>> count(lenet5(table=None)).total.parameters - count(lenet5()).total.parameters
    900
    """
    usual = table is LENET5_C3 and codes is LENET5_CODES
    if weights is not None and not (usual and as_activation(activation) == as_activation(_SQUASH)):
        raise GraphError(
            "lenet5: found another table, activation or codes, but carried weights are those of "
            "the published network"
        )
    graph = Graph()
    x = graph.add(Input(input_shape, name="input"))
    c1 = graph.add(Conv2d(6, 5, activation=activation, name="C1"), x)
    s2 = graph.add(Subsample2d(2, activation=activation, name="S2"), c1)
    c3 = graph.add(Conv2d(16, 5, table=table, activation=activation, name="C3"), s2)
    s4 = graph.add(Subsample2d(2, activation=activation, name="S4"), c3)
    c5 = graph.add(Conv2d(120, 5, activation=activation, name="C5"), s4)
    sliding = c5.shape[1:] != (1, 1)
    f6 = graph.add(Linear(84, activation=activation, per_position=sliding, name="F6"), c5)
    graph.add(RBF(codes, per_position=sliding, name="output"), f6)
    graph.weights.initialize(seed=seed)
    if weights is not None:
        assign_carried(graph, "lenet5", weights)
    return graph


_POOLS: dict[str, type[AvgPool2d] | type[MaxPool2d]] = {"average": AvgPool2d, "max": MaxPool2d}


def lenet5_modern(
    *,
    input_shape: tuple[int, int, int] = (1, 32, 32),
    classes: int = 10,
    activation: ActivationLike = "tanh",
    pool: str = "average",
    seed: int = 0,
) -> Graph:
    """Return "LeNet-5" as it is usually taught: 61,706 parameters.

    C3 reads every map, subsampling is average pooling without trainable weights, and the output is
    ten trained linear units (scores). pool: "average" or "max". Raises GraphError for an input too
    small for a layer.

    >>> from neurograph.counting import count
    >>> count(lenet5_modern()).total.parameters
    61706
    """
    if not isinstance(input_shape, Sequence) or len(input_shape) != 3:
        raise GraphError(
            f"lenet5_modern: found input shape {shown(input_shape)}, needed three numbers"
        )
    if not isinstance(pool, str) or pool not in _POOLS:
        raise GraphError(f'lenet5_modern: pool is {shown(pool)}, needed "average" or "max"')
    pooling = _POOLS[pool]
    graph = Graph()
    x = graph.add(Input(input_shape, name="input"))
    c1 = graph.add(Conv2d(6, 5, activation=activation, name="C1"), x)
    s2 = graph.add(pooling(2, name="S2"), c1)
    c3 = graph.add(Conv2d(16, 5, activation=activation, name="C3"), s2)
    s4 = graph.add(pooling(2, name="S4"), c3)
    c5 = graph.add(Conv2d(120, 5, activation=activation, name="C5"), s4)
    f6 = graph.add(Linear(84, activation=activation, name="F6"), c5)
    graph.add(Linear(classes, name="output"), f6)
    graph.weights.initialize(seed=seed)
    return graph
