"""What a user may write for neurons and weights: ids, names, or several of them, as ids.

A name is that of one ("C1[2, 10, 10]", or its label) or of a whole array ("C1", "C1.kernel").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import wholes
from neurograph.errors import GraphError, shown
from neurograph.memory import require
from neurograph.names import Names
from neurograph.names.spelling import split

Ids = NDArray[np.int32]
Reference = int | str | ArrayLike | Sequence[int | str]


class NamedNeurons(Protocol):
    """Neurons by id and name: a Graph."""

    @property
    def neuron_names(self) -> Names:
        """The names of the ids."""

    @property
    def size(self) -> int:
        """The number of ids."""


class NamedWeights(Protocol):
    """Weights by id and name: a graph's Weights."""

    @property
    def names(self) -> Names:
        """The names of the ids."""

    @property
    def count(self) -> int:
        """The number of weights."""


def neuron_ids(graph: NamedNeurons, given: Reference, who: str) -> Ids:
    """Return the ids of the neurons that ids or names stand for.

    Ids come back in their shape, one as (); the name of a layer gives its neurons in the shape of
    its maps, flat where some are absent; a list with names in it gives all, one after the other.
    Raises GraphError for a name or an id that is not there.

    >>> from neurograph.models import lenet5
    >>> graph = lenet5()
    >>> neuron_ids(graph, "C1", "me").shape, neuron_ids(graph, ["C1[0, 0, 0]", 7], "me").tolist()
    ((6, 28, 28), [1025, 7])
    """
    return ids_of(graph.neuron_names, graph.size, given, who)


def weight_ids(weights: NamedWeights, given: Reference, who: str) -> Ids:
    """Return the ids of the weights that ids or names stand for; as `neuron_ids`.

    >>> from neurograph.models import lenet5
    >>> weight_ids(lenet5().weights, "C1.kernel[0, 0, 2, 2]", "me").tolist()
    12
    """
    return ids_of(weights.names, weights.count, given, who)


def ids_of(names: Names, size: int, given: Any, who: str) -> Ids:
    """Return what `given` stands for in a directory of names over ids below `size`."""
    if isinstance(given, str):
        return _named(names, given, who)
    if _has_names(given):
        each = given if isinstance(given, list | tuple) else np.ravel(given).tolist()
        return np.concatenate([ids_of(names, size, one, who).reshape(-1) for one in each])
    size_of = getattr(given, "size", 0)  # an array may be broadcast, and take no memory yet
    total = size_of if isinstance(size_of, int) else 0
    require(4 * total, f"{who}: {total:,} {names.what}s", GraphError)
    ids = wholes(who, given, what=f"{names.what}s")
    if ids.size and not (int(ids.min()) >= 0 and int(ids.max()) < size):
        wrong = ids[(ids < 0) | (ids >= size)].flat[0]
        there = f"ids go from 0 to {size - 1}" if size else "there are none"
        raise GraphError(f"{who}: {names.what} {wrong} does not exist; {there}")
    return ids.astype(np.int32, copy=False)


def one_id(names: Names, size: int, given: Any, who: str) -> int:
    """Return the one id that an id or a name stands for. Raises GraphError for several."""
    ids = ids_of(names, size, given, who)
    if ids.size != 1:
        raise GraphError(f"{who}: {names.what} {shown(given)}: needed one id or name")
    return int(ids.reshape(-1)[0])


def _has_names(given: Any) -> bool:
    text = getattr(getattr(given, "dtype", None), "kind", "") in ("U", "O")  # NumPy's or pandas'
    each = np.ravel(given) if text else given
    return (text or isinstance(given, list | tuple)) and any(isinstance(one, str) for one in each)


def _named(names: Names, text: str, who: str) -> Ids:
    """Return the ids of a name, an array's in its shape, flat where some are absent."""
    labelled = names.labels.id_of(text)
    if labelled is not None:
        return np.array(labelled, np.int32)
    try:
        name, index = split(text, names.what)
        if index is not None:
            return np.array(names.id_of(name, index), np.int32)
        array = names[name]
    except GraphError as error:
        raise GraphError(f"{who}: {error}") from None
    present = array.present
    return present.reshape(array.shape) if present.size == array.size else present
