"""What weights are called in a state dictionary, as JSON has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from neurograph.graph.origins import Origins, Statistics, Tensor
from neurograph.storage.fields import items, number, shape, text, whole

_NAMES = 4  # of a batch norm: mean, variance, center, inverse_deviation


def origins_text(origins: Origins) -> list[Any]:
    """Return the record as JSON's types.

    >>> origins_text(Origins({"a": Tensor.whole("a", (2,))}))
    [[['a', 'a', [2], [1], 0]], [], [], []]
    """
    return [
        [
            [n, t.array, list(t.shape), list(t.strides), t.offset]
            for n, t in origins.tensors.items()
        ],
        [
            [s.mean, s.variance, s.center, s.inverse_deviation, s.epsilon]
            for s in origins.statistics
        ],
        [[array, list(of)] for array, of in origins.derived.items()],
        [[name, digest] for name, digest in origins.constants.items()],
    ]


def origins_of(entry: Any, shapes: Mapping[str, tuple[int, ...]]) -> Origins:
    """Return the record for arrays of these shapes; None stands for an empty one.

    Raises ValueError, TypeError or LookupError for one that is damaged.
    """
    if entry is None:
        return Origins()
    tensors, statistics, derived, constants = items(entry)
    found = Origins(
        {text(name): _tensor(*rest, shapes=shapes) for name, *rest in items(tensors)},
        tuple(_statistics(entry, shapes) for entry in items(statistics)),
        {text(array): tuple(text(a) for a in items(of)) for array, of in items(derived)},
        {text(name): text(digest) for name, digest in items(constants)},
    )
    known = {name for array, of in found.derived.items() for name in (array, *of)}
    if not known <= shapes.keys():
        raise ValueError(f"found {sorted(known - shapes.keys())[0]!r}, which is no weight array")
    return found


def _tensor(
    array: Any, extent: Any, strides: Any, offset: Any, *, shapes: Mapping[str, tuple[int, ...]]
) -> Tensor:
    size = math.prod(shapes[text(array)])
    steps = tuple(whole(step, size) for step in items(strides))
    found = Tensor(array, size, shape(extent), steps, whole(offset, size))
    if len(steps) != len(found.shape) or found.stop > size:
        raise ValueError(f"found a tensor beyond its array {array!r}")
    return found


def _statistics(entry: Any, shapes: Mapping[str, tuple[int, ...]]) -> Statistics:
    *names, epsilon = items(entry)
    if len(names) != _NAMES:
        raise ValueError(f"found {len(names)} names of a batch norm, needed {_NAMES}")
    mean, variance, center, inverse = map(text, names)
    found = Statistics(mean, variance, center, inverse, number(epsilon))
    if shapes[found.center] != shapes[found.inverse_deviation]:
        raise ValueError(f"found {found.center!r} of another shape than its deviation")
    return found
