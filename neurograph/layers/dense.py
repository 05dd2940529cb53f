"""Inputs, and units that read all of their sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import floats
from neurograph.errors import GraphError, shown
from neurograph.graph import Graph
from neurograph.graph.initializers import Initializer
from neurograph.layers import windows
from neurograph.layers.patterns import kernel_array
from neurograph.layers.wiring import (
    ActivationLike,
    Ids,
    add_maps,
    biases,
    check_options,
    flat,
    one_source,
    positive,
    weight_array,
    yes_or_no,
)
from neurograph.names import AXES_MAX, IdArray


@dataclass(frozen=True)
class Input:
    """Input neurons of a given shape, (maps, height, width) for images.

    They have a state, which the user gives, and no incoming connection.

    >>> graph = Graph()
    >>> graph.add(Input((1, 2, 2), name="image")).tolist()
    [[[1, 2], [3, 4]]]
    """

    shape: tuple[int, ...]
    name: str | None = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the inputs; there are no sources."""
        if sources:
            raise GraphError(f"{name}: found {len(sources)} sources, an input has none")
        given: Any = self.shape
        if not np.iterable(given) or isinstance(given, str | bytes | dict):
            raise GraphError(
                f"{name}: shape is {shown(given)}, needed sizes, (maps, height, width)"
            )
        if len(sizes := tuple(given)) > AXES_MAX:
            raise GraphError(f"{name}: shape has {len(sizes)} axes, needed at most {AXES_MAX}")
        return graph.add_inputs(name, tuple(positive(n, name, "shape") for n in sizes))


@dataclass(frozen=True)
class Linear:
    """Units that read all their sources, flattened and joined: activation(W x + b).

    Kernel array (out_features, in_features). per_position=True applies it at each place of (maps,
    height, width) instead, as a 1x1 convolution with the same weights would; ids are then
    (out_features, height, width). weights, pattern: as in Conv2d.

    >>> graph = Graph()
    >>> graph.add(Linear(84, name="F6"), graph.add(Input((120,)))).shape
    (84,)
    """

    out_features: int
    bias: str | bool | None = "map"
    activation: ActivationLike = None
    per_position: bool = False
    weights: str | None = None
    pattern: ArrayLike | None = None
    initializer: Initializer = "lecun1998"
    name: str | None = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the units to sources of any number and shape; ids (out_features, *positions)."""
        out = positive(self.out_features, name, "out_features")
        fields, positions = _positions(self, sources, name)
        check_options(self, name)
        fan_in = fields.shape[1]
        windows.require_size(name, out * len(fields), fields.size, out * fan_in, 4 * fields.size)
        shape = (out, fan_in)
        array = kernel_array(graph, self, name, shape, unit_axes=1, fan_in=fan_in)
        return _dense(self, graph, name, (out, *positions), fields, array)


@dataclass(frozen=True, eq=False)
class RBF:
    """Radial basis functions: y_i = sum_j (x_j - w_ij)^2, the penalty of class i.

    centers: array (units, sources), the starting values of the weights, fixed unless trainable.
    per_position as in Linear. With `weights`, another layer's centers stand there, and those given
    here only for their shape. Source: LeCun et al. 1998, eq. 7. Raises GraphError for centers that
    are not finite numbers (units, sources) and for a `trainable` that is neither True nor False.

    >>> graph = Graph()
    >>> y = graph.add(RBF([[1, -1], [1, 1]], name="y"), graph.add(Input((2,))))
    >>> str(graph.function(y[0])), graph.weights["y.centers"].tolist()
    ('(squared_difference, sum) identity', [[1.0, -1.0], [1.0, 1.0]])
    """

    centers: ArrayLike
    trainable: bool = False
    activation: ActivationLike = None
    per_position: bool = False
    weights: str | None = None
    name: str | None = None
    bias: ClassVar[None] = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the units to sources of any number and shape; ids (units, *positions)."""
        check_options(self, name)
        yes_or_no(self, name, "trainable")
        fields, positions = _positions(self, sources, name)
        centers = _centers(self.centers, fields.shape[1], name)
        array = weight_array(
            graph,
            name,
            "centers",
            centers.shape,
            self.weights,
            initializer=centers,
            trainable=self.trainable,
        )
        shape = (len(centers), *positions)
        return _dense(self, graph, name, shape, fields, array, ("squared_difference", "sum"))


def _centers(given: ArrayLike, width: int, name: str) -> NDArray[np.float64]:
    """Return centers as finite numbers (units, width). Raises GraphError if they are not."""
    needed = f"needed finite numbers in (units, {width})"
    try:
        centers = floats(name, given)
    except GraphError:
        raise GraphError(f"{name}: found centers that are no array of numbers, {needed}") from None
    fits = centers.ndim == 2 and centers.shape[1] == width and len(centers) > 0
    if not fits or not np.isfinite(centers).all():
        raise GraphError(f"{name}: found centers of shape {centers.shape}, {needed}")
    return centers


def _positions(layer: Any, sources: tuple[Ids, ...], name: str) -> tuple[Ids, tuple[int, ...]]:
    """Return the fields of a dense layer, (positions, slots), and the shape of the positions.

    () for one.
    """
    yes_or_no(layer, name, "per_position")
    if not layer.per_position:
        return flat(sources, name)[None], ()
    ids = windows.feature_maps(one_source(sources, name), name)
    return ids.reshape(len(ids), -1).T, ids.shape[1:]


def _dense(
    layer: Any,
    graph: Graph,
    name: str,
    shape: tuple[int, ...],
    fields: Ids,
    array: IdArray,
    combine: tuple[str, str] = ("multiply", "sum"),
) -> Ids:
    bias = biases(graph, layer, name, shape, fields.shape[1])
    field = graph.table.fields.add(fields) + np.arange(len(fields)).reshape(shape[1:])
    if array.explicit is None:
        ids: Any = range(array.first, array.first + array.size)
        kernel = graph.table.kernels.add(ids, fields.shape[1])
    else:
        kernel = graph.table.kernels.add(array.ids)
    each = kernel + np.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1))
    return add_maps(graph, layer, name, shape, (field, each, bias), combine)
