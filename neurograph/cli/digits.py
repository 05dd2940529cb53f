"""The digits carried in the package, as a network takes them."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from neurograph import datasets
from neurograph.cli.coloured import preprocessing_of
from neurograph.cli.images import Images, Reading, fitted
from neurograph.cli.output import shape_text
from neurograph.errors import DataError
from neurograph.graph import Graph

Array = NDArray[Any]


def from_package(count: int, graph: Graph) -> Images:
    """Return the first digits of those carried in the package as the one input of a graph.

    Raises DataError for an input that digits do not fit.
    """
    digits = datasets.digits()
    count = min(count, len(digits))
    origin = f"the first {count} of the {len(digits)} MNIST test digits in the package"
    images, said = _inputs(digits.images[:count], graph)
    return Images(origin, images, said, digits.labels[:count], package=True)


def package_digit(digit: int, graph: Graph, who: str) -> Array:
    """Return image `digit` of those in the package as the one input of a graph, (1, *shape).

    Raises DataError if there is no such image, and if there are more inputs, or none.
    """
    sample = datasets.digits()
    if digit >= len(sample):
        raise DataError(f"--digit: found {digit}, the package has digits 0 to {len(sample) - 1}")
    if len(graph.inputs) != 1:
        raise DataError(f"--digit: {who} has {len(graph.inputs)} inputs, needed one")
    return _inputs(sample.images[digit : digit + 1], graph)[0]


def _inputs(images: Array, graph: Graph) -> tuple[Array, str]:
    """Return digits as inputs, and a word where more was done than is usual."""
    shape = graph.inputs[0].neurons.shape
    how = preprocessing_of(graph, shape)
    if how is None:
        found, said = fitted(images, shape, "digits", Reading())
        return found, said if "resized" in said else ""
    if how.maps > 1:
        raise DataError(
            f"digits: grey levels do not make an input of {shape_text(shape)}; needed pictures in "
            "colour: run MODEL --images FILE"
        )
    crops = datasets.crops_of(images[..., None], size=how.size, resize=how.resize)
    return how.normalize(crops), str(how)
