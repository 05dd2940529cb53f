"""A product: stacked sums over fields and kernels, which a plan runs as tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from numpy.typing import NDArray

from neurograph.functions import Activation
from neurograph.kernels.long_sums import LONG
from neurograph.kernels.tiles import Pair
from neurograph.program import Blocks

IDENTITY = Activation()
Ids = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Product:
    """Stacked sums.

    Sources (B, F, K), weights (B, M, K), bias (B, M, F) or (B, M, 1), targets (B, M, F).

    Without a bias the sums are added to the states that are there; a bias of -1 starts from 0.
    """

    pair: Pair
    activation: Activation
    sources: Ids
    weights: Ids
    bias: Ids | None
    targets: Ids


def plain(step: Blocks) -> Product:
    """Return a step as one product."""
    f = step.function
    return Product(
        Pair(f.combine, f.reduce), f.activation, step.sources, step.weights, step.bias, step.targets
    )


def pieces(product: Product) -> Iterator[Product]:
    """Yield a product of long sums as products of some slots each, so that they keep their digits.

    The first has the bias, the last the activation; each is added up by itself.
    """
    slots = product.sources.shape[2]
    count = max(1, -(-slots // LONG)) if product.pair.reduce == "sum" else 1
    for first, last in pairwise(slots * i // count for i in range(count + 1)):
        yield replace(
            product,
            sources=product.sources[:, :, first:last],
            weights=product.weights[:, :, first:last],
            bias=product.bias if first == 0 else None,
            activation=product.activation if last == slots else IDENTITY,
        )
