"""How the values of weights begin: a draw for each array."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import finite
from neurograph.graph.initializers import Initializer, draw, fits


@dataclass(frozen=True, eq=False)
class Draw:
    """How the values of one array begin: consecutive ids from `first`, one for each place."""

    first: int
    places: NDArray[np.intp] | None  # flat positions in the array's shape that exist; None: all
    shape: tuple[int, ...]
    initializer: Initializer
    fan_in: NDArray[Any]
    trainable: bool

    def __post_init__(self) -> None:
        for values in (self.places, self.fan_in, self.initializer):
            if isinstance(values, np.ndarray):
                values.flags.writeable = False  # `draws` shows them: nobody is to change a draw

    @property
    def size(self) -> int:
        """The number of weights drawn."""
        return math.prod(self.shape) if self.places is None else self.places.size

    def values(self, initializer: Initializer, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the values drawn with `initializer`, one for each weight, by id."""
        full = draw(initializer, self.shape, self.fan_in, rng).reshape(-1)
        return full if self.places is None else full[self.places]


class Draws:
    """The draws of all arrays, in the order of their weights, and the seed they go by.

    One generator an array: what one array draws does not depend on the others.
    """

    def __init__(self, draws: Iterable[Draw] = (), *, seed: int = 0) -> None:
        self._all = list(draws)
        self.seed = seed

    @property
    def each(self) -> tuple[Draw, ...]:
        """The draws, in order."""
        return tuple(self._all)

    @property
    def count(self) -> int:
        """The number of weights that are drawn."""
        return sum(draw.size for draw in self._all)

    def add(self, draw: Draw) -> None:
        """Append a draw."""
        self._all.append(draw)

    @property
    def extent(self) -> int:
        """How many draws there are, to `shrink` to."""
        return len(self._all)

    def shrink(self, extent: int) -> None:
        """Take back what was added since `extent` was read."""
        del self._all[extent:]

    def require(self, initializer: Initializer) -> None:
        """Raise GraphError for values that do not fit the arrays drawn with them."""
        if not isinstance(initializer, str):
            given = finite("initialize", initializer)
            for recipe in self._all:
                if recipe.trainable:
                    fits("initialize", given, recipe.shape)

    def values(
        self, number: int, trainable: NDArray[np.bool_], initializer: Initializer | None = None
    ) -> NDArray[np.float64]:
        """Return what the draw of this number draws; its trainable weights with `initializer`.

        `trainable` says of every weight whether it is.
        """
        recipe = self._all[number]
        rng = np.random.default_rng([self.seed, number])
        free = trainable[recipe.first : recipe.first + recipe.size]
        if initializer is None or not (recipe.trainable and free.any()):
            initializer = recipe.initializer
        return recipe.values(initializer, rng)

    def all(
        self, trainable: NDArray[np.bool_], initializer: Initializer | None = None
    ) -> NDArray[np.float64]:
        """Return what all draws draw, by weight."""
        drawn = np.empty(self.count)
        for number, recipe in enumerate(self._all):
            span = slice(recipe.first, recipe.first + recipe.size)
            drawn[span] = self.values(number, trainable, initializer)
        return drawn
