"""The weights of a graph: named arrays of ids, their values, and which of them are trainable."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph import html
from neurograph.checks import finite, floats, number, whole
from neurograph.errors import GraphError, kind_of
from neurograph.graph.column import Column
from neurograph.graph.dissolved import Dissolved
from neurograph.graph.draws import Draw, Draws
from neurograph.graph.initializers import Initializer, check, fits, own
from neurograph.graph.origins import Origins
from neurograph.graph.references import Reference, weight_ids
from neurograph.graph.summary import arrays_as_html
from neurograph.graph.values import Values
from neurograph.memory import INT32_MAX
from neurograph.names import IdArray, Names


class Weights:
    """Values and names of weights, by id.

    Values are drawn by `initialize`, or with seed 0 when they are first asked for. The array
    `value` is read-only: every change passes through `set`, `assign`, `weights[name] = ...` or
    `weights.value = ...`, which count `version` up, and so a Simulator sees it.

    >>> weights = Weights()
    >>> ids = weights.add("C1.kernel", (2, 3), initializer="lecun1998", fan_in=3)
    >>> weights.set([0, 5], 1.0); weights["C1.kernel"][1, 2]
    np.float64(1.0)
    """

    def __init__(self) -> None:
        self.names = Names("weight")
        self._trainable = Column(np.bool_)
        self._draws = Draws()
        self._values = Values()
        self._dissolved: dict[str, Dissolved] = {}
        self.origins = Origins()

    @property
    def count(self) -> int:
        """The number of weights."""
        return self._trainable.size

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        return f"Weights({self.count:,} in {len(self.names)} arrays: {', '.join(self)[:60]})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the arrays in a folded table."""
        return html.details(repr(self), arrays_as_html(self.names, self.trainable))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the arrays."""
        return iter(self.names)

    @property
    def trainable(self) -> NDArray[np.bool_]:
        """Whether each weight is trainable, shape (weights,), read-only."""
        return self._trainable.array

    def add(
        self,
        name: str,
        shape: tuple[int, ...],
        *,
        present: NDArray[np.bool_] | None = None,
        initializer: Initializer = "lecun1998",
        fan_in: ArrayLike = 1,
        trainable: bool = True,
    ) -> IdArray:
        """Add an array of new weights and return their ids.

        `present`, of `shape`, says where a weight exists; `fan_in`, a number or broadcast against
        `shape`, is what the initializer divides by. Raises GraphError for a taken name, an unknown
        initializer, one of values that are not finite, or more ids than int32 has.
        """
        initializer = own(initializer, name)
        places = None if present is None or present.all() else np.flatnonzero(present)
        recipe = Draw(self.count, places, shape, initializer, np.asarray(fan_in, float), trainable)
        if self.count + recipe.size > INT32_MAX:
            raise GraphError(
                f"{name}: with {recipe.size:,} more weights there are "
                f"{self.count + recipe.size:,}; ids end at {INT32_MAX:,}"
            )
        ids = IdArray(shape, self.count)
        if places is not None:
            explicit = np.full(math.prod(shape), -1, np.int32)
            explicit[places] = np.arange(self.count, self.count + places.size)
            ids = IdArray.of(explicit.reshape(shape))
        if not isinstance(initializer, str):
            fits(name, np.asarray(initializer), shape)
        self.names.add(name, ids)
        self._trainable.extend(np.broadcast_to(np.bool_(trainable), (recipe.size,)))
        self._draws.add(recipe)
        if self.allocated:
            self._values.extend(self._draws.values(self._draws.extent - 1, self.trainable))
        return ids

    @property
    def extent(self) -> tuple[int, Any, int, Column | None]:
        """How many weights, arrays and draws there are, and their values, to `shrink` to."""
        return self.count, self.names.extent, self._draws.extent, self._values.extent

    def shrink(self, extent: tuple[int, Any, int, Column | None]) -> None:
        """Take back what was added since `extent` was read."""
        self._trainable.size, names, draws, values = extent
        self.names.shrink(names)
        self._draws.shrink(draws)
        self._values.shrink(values, self.count)

    def initialize(self, *, seed: int = 0, initializer: Initializer | None = None) -> None:
        """Draw all values anew: each array by its own initializer, from `seed`.

        With `initializer` every trainable array is drawn by that one. Raises GraphError for an
        unknown initializer, a negative seed, and where weights have no initializer, as those of a
        graph made from bare triples.
        """
        if initializer is not None:
            check(initializer, "initialize")
            self._draws.require(initializer)
        seed = whole("initialize: seed", seed)
        if undrawn := self.count - self._draws.count:
            raise GraphError(
                f"initialize: {undrawn:,} of {self.count:,} weights came without an initializer; "
                "set their values instead"
            )
        drawn = Draws(self.draws, seed=seed)
        self._values.take(drawn.all(self.trainable, initializer))
        self._draws = drawn

    @property
    def dissolved(self) -> Mapping[str, Dissolved]:
        """The sharing that `unshare` dissolved, by array name, for `tie` to restore."""
        return dict(self._dissolved)

    def rename(self, old: str, new: str) -> None:
        """Give the array `old` the name `new`. Raises GraphError if that is taken."""
        self.names.rename(old, new)
        if old in self._dissolved:
            self._dissolved[new] = self._dissolved.pop(old)

    @property
    def draws(self) -> tuple[Draw, ...]:
        """How each array's values are drawn, in the order the arrays were added."""
        return self._draws.each

    @property
    def seed(self) -> int:
        """The seed of the last draw, or of the one to come."""
        return self._draws.seed

    @property
    def allocated(self) -> bool:
        """Whether values have been drawn or set."""
        return self._values.allocated

    @property
    def version(self) -> int:
        """How often values have changed."""
        return self._values.version

    @property
    def value(self) -> NDArray[np.float64]:
        """The value of every weight, shape (weights,), float64, read-only.

        They are drawn with seed 0 if there are none yet. Raises GraphError when set to another
        shape. Set so, values that are not finite are taken as they are, for training passes through
        such; a Simulator refuses to run them.
        """
        self._require_values()
        return self._values.lend()

    @value.setter
    def value(self, values: ArrayLike) -> None:
        array = floats("weights", values).copy()
        if array.shape != (self.count,):
            raise GraphError(
                f"weights: found values of shape {array.shape}, needed ({self.count},)"
            )
        self._values.take(array)

    def _require_values(self) -> None:
        """Draw the values if there are none yet."""
        if not self.allocated:
            self.initialize(seed=self.seed)

    def set(self, ids: Reference, values: ArrayLike) -> None:
        """Set the values of weights by id or name ("C1.kernel[0, 0, 2, 2]"), one for all or each.

        Raises GraphError for a weight that is not there, another number of values, or one that is
        not finite.
        """
        at = weight_ids(self, ids, "weights.set")
        given = finite("weights.set", values)
        if given.shape not in ((), at.shape):
            raise GraphError(
                f"weights.set: found values of shape {given.shape} for ids of shape {at.shape}"
            )
        self._require_values()
        self._values.write([(at, given)])

    def beyond(self, limit: float = np.finfo(np.float64).max) -> int:
        """Return the first weight above `limit` in size, or no number at all; -1 if there is none.

        >>> weights = Weights(); ids = weights.add("w", (3,), initializer="ones")
        >>> weights.value = [0.0, 1e39, np.nan]; weights.beyond(), weights.beyond(1e38)
        (2, 1)
        """
        self._require_values()
        return self._values.beyond(number("beyond: limit", limit))

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Return the values of an array in its shape, 0 where no weight exists; or of one weight.

        What comes back is read-only; `weights[name] = ...` sets.

        >>> weights = Weights(); ids = weights.add("w", (3,), initializer="ones")
        >>> weights["w[1]"] = 5.0; weights["w"], weights["w[1]"]
        (array([1., 5., 1.]), array(5.))
        """
        ids = self._array(name).ids
        found = np.zeros(ids.shape)
        self._require_values()
        found[ids >= 0] = self._values.at(ids[ids >= 0])
        found.flags.writeable = False
        return found

    def __setitem__(self, name: str, values: ArrayLike) -> None:
        self._array(name)  # an unknown one, of any type, is a GraphError
        self.assign({name: values})

    def assign(self, arrays: Mapping[str, ArrayLike]) -> None:
        """Set several arrays by name, each to an array of its shape or to one number.

        A name may be one weight's too. Raises GraphError, before any is set, for an unknown name, a
        wrong shape, or a value that is not finite.
        """
        if not isinstance(arrays, Mapping):
            raise GraphError(f"weights: found {kind_of(arrays)} to assign, needed arrays by name")
        changes = []
        for name, values in arrays.items():
            ids, given = self._array(name).ids, floats(name, values)
            fits(name, given, ids.shape)
            live = ids >= 0
            changes.append((ids[live], finite(name, np.broadcast_to(given, ids.shape)[live])))
        self._require_values()
        self._values.write(changes)

    def _array(self, name: str) -> IdArray:
        """Return the array of a name, or the one weight that a name with an index stands for."""
        if isinstance(name, str) and name not in self.names and "[" in name:
            return IdArray((), self.names.id_of(name))
        return self.names[name]

    @classmethod
    def of(
        cls,
        arrays: dict[str, IdArray],
        trainable: NDArray[np.bool_],
        value: NDArray[np.float64] | None,
        *,
        draws: Sequence[Draw] = (),
        seed: int = 0,
        dissolved: Mapping[str, Dissolved] | None = None,
        origins: Origins | None = None,
    ) -> Weights:
        """Return weights with these named arrays of ids, given whole (an edit's or a file's).

        `draws` say, in order of ids, how values begin; with none of them values have to be set.
        `dissolved` and `origins` are kept for those arrays that still have the shape.
        """
        weights = cls()
        for name, ids in arrays.items():
            weights.names.add(name, ids)
        weights._trainable.extend(trainable)
        weights._draws = Draws(draws, seed=seed)
        weights._dissolved = {
            name: before
            for name, before in (dissolved or {}).items()
            if name in arrays and arrays[name].shape == before.places.shape
        }
        weights.origins = (origins or Origins()).within({n: i.shape for n, i in arrays.items()})
        if value is not None:
            weights.value = value
        return weights
