"""Reader for the files of the Sparse Deep Neural Network Graph Challenge.

Text files of tab-separated numbers, counted from 1: a layer "n1024-l7.tsv" holds a connection a
line, (source, unit, weight); images hold (image, pixel, value); categories hold the images whose
output is not all zero. Y' = min(max(Y W + bias, 0), 32).

Source: J. Kepner et al., "Sparse Deep Neural Network Graph Challenge", 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.errors import ConversionError, kind_of
from neurograph.functions import Activation
from neurograph.graph import Graph
from neurograph.layers import Input, Sparse
from neurograph.memory import require

BIAS = {1024: -0.3, 4096: -0.35, 16384: -0.4, 65536: -0.45}


def read_network(
    directory: str | Path,
    *,
    neurons: int,
    layers: int,
    bias: float | None = None,
    clip: float = 32.0,
    progress: Callable[[int], Any] | None = None,
) -> Graph:
    r"""Return the network of the files n<neurons>-l<layer>.tsv in `directory`.

    bias: the one of every unit, by default the challenge's for this number of neurons. `progress`
    is called with 1 after each layer. Raises ConversionError for a missing or malformed file, and
    for a size without a default bias.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "n2-l1.tsv").write_text("1\t1\t0.5\n2\t1\t0.25\n")
    ...     graph = read_network(folder, neurons=2, layers=1, bias=0.0)
    >>> graph.weights["L1.kernel"]
    array([0.5 , 0.25])
    """
    if not (progress is None or callable(progress)):
        raise ConversionError(
            f"graph challenge: found {kind_of(progress)} as progress, needed a function"
        )
    if bias is None:
        if neurons not in BIAS:
            raise ConversionError(
                f"graph challenge: no bias is known for {neurons} neurons, only for "
                f"{', '.join(map(str, BIAS))}; give one"
            )
        bias = BIAS[neurons]
    if neurons < 1 or layers < 1:
        raise ConversionError(
            f"graph challenge: found {neurons} neurons and {layers} layers, needed 1 or more"
        )
    parts = []
    for number in range(1, layers + 1):  # all are read before the graph is begun
        path = Path(directory, f"n{neurons}-l{number}.tsv")
        parts.append(_triples(path, (neurons, neurons), ("source", "unit")))
        if progress is not None:
            progress(1)
    graph = Graph()
    x = graph.add(Input((neurons,), name="input"))
    squash = Activation("hardtanh", (0.0, clip))
    for number, (links, _) in enumerate(parts, 1):
        layer = Sparse(neurons, links, activation=squash, initializer=0.0, name=f"L{number}")
        x = graph.add(layer, x)
    kernels = {f"L{number}.kernel": values for number, (_, values) in enumerate(parts, 1)}
    graph.weights.assign({**kernels, **{f"L{n}.bias": bias for n in range(1, layers + 1)}})
    return graph


def read_images(path: str | Path, *, neurons: int, count: int | None = None) -> NDArray[np.float32]:
    """Return the images of a file as (images, neurons); pixels that are not named are 0.

    count: the number of images, by default the highest named. Raises ConversionError for a missing
    or malformed file, and if the images would not fit in memory.
    """
    path = Path(path)
    places, values = _triples(path, (count or 2**31 - 1, neurons), ("image", "pixel"))
    size = int(places[:, 0].max(initial=-1)) + 1 if count is None else count
    require(4 * size * neurons, str(path), ConversionError, advice="give a smaller count")
    images = np.zeros((size, neurons), np.float32)
    np.add.at(images, (places[:, 0], places[:, 1]), values.astype(np.float32))
    return images


def read_categories(path: str | Path) -> NDArray[np.intp]:
    """Return the images named in a file of categories, counted from 0, ascending."""
    table = _numbers(Path(path), 1)
    return np.unique(_whole(Path(path), table[:, 0], 2**31 - 1, "image"))


def categories(outputs: ArrayLike) -> NDArray[np.intp]:
    """Return the images, counted from 0, whose outputs (images, neurons) are not all zero.

    >>> categories([[0.0, 0.0], [0.0, 3.0]])
    array([1])
    """
    return np.flatnonzero((np.asarray(outputs) != 0).any(axis=1))


def _triples(
    path: Path, sizes: tuple[int, int], what: tuple[str, str]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the first two columns, counted from 0, and the third."""
    table = _numbers(path, 3)
    columns = [_whole(path, table[:, i], sizes[i], what[i]) for i in range(2)]
    bad = np.flatnonzero(~np.isfinite(table[:, 2]))
    if bad.size:
        raise ConversionError(f"{path}: line {bad[0] + 1} holds a value that is not finite")
    return np.stack(columns, axis=1), table[:, 2]


def _numbers(path: Path, columns: int) -> NDArray[np.float64]:
    """Return the numbers of a text file, (lines, columns)."""
    try:
        with path.open() as lines:
            first = lines.readline()
            found = len(first.split())
            if not first.strip():
                return np.empty((0, columns))
            if found < columns:
                raise ValueError(f"{found} numbers a line")
            lines.seek(0)
            return np.loadtxt(lines, ndmin=2, usecols=range(columns), comments=None)
    except (OSError, ValueError) as error:
        raise ConversionError(
            f"{path}: cannot be read: {error}; needed lines of {columns} number(s)"
        ) from error


def _whole(path: Path, column: NDArray[np.float64], size: int, what: str) -> NDArray[np.intp]:
    """Return a column of numbers counted from 1, checked, counted from 0."""
    bad = np.flatnonzero(~((column >= 1) & (column <= size) & (column == np.floor(column))))
    if bad.size:
        found = column[bad[0]]
        shown = f"{found:g}" if math.isfinite(found) else str(found)
        raise ConversionError(
            f"{path}: line {bad[0] + 1} names {what} {shown}, needed 1 to {size:,}"
        )
    return column.astype(np.intp) - 1
