"""Reader for the files of the Sparse Deep Neural Network Graph Challenge.

Text files of tab-separated numbers, counted from 1: a layer "n1024-l7.tsv" holds a connection a
line, (source, unit, weight); images hold (image, pixel, value); categories hold the images whose
output is not all zero. Y' = min(max(Y W + bias, 0), 32).

Source: J. Kepner et al., "Sparse Deep Neural Network Graph Challenge", 2019.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import finite, is_whole, number
from neurograph.errors import ConversionError, kind_of, shown
from neurograph.functions import Activation
from neurograph.graph import Graph
from neurograph.layers import Input, Sparse
from neurograph.memory import INT32_MAX, require
from neurograph.storage.files import as_path, reading

_WHO = "graph challenge"
_ROOM = 16  # bytes of memory for each byte of a file, as measured, of one wide line
_ID = 24  # bytes of a neuron's columns and of its bias

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
    _check_count(neurons, "neurons")
    _check_count(layers, "layers")
    if number(f"{_WHO}: clip", clip, error=ConversionError) <= 0:
        raise ConversionError(f"{_WHO}: found clip {clip!r}, needed a number above 0")
    if bias is None and neurons not in BIAS:
        raise ConversionError(
            f"{_WHO}: no bias is known for {neurons} neurons, only for "
            f"{', '.join(map(str, BIAS))}; give one"
        )
    bias = number(f"{_WHO}: bias", BIAS[neurons] if bias is None else bias, error=ConversionError)
    require(_ID * neurons * (layers + 1), f"{_WHO}: {layers:,} layers", ConversionError)
    return _network(
        as_path(directory, _WHO, ConversionError), neurons, layers, bias, clip, progress
    )


def _network(
    directory: Path,
    neurons: int,
    layers: int,
    bias: float,
    clip: float,
    progress: Callable[[int], Any] | None,
) -> Graph:
    parts = []
    for at in range(1, layers + 1):  # all are read before the graph is begun
        path = directory / f"n{neurons}-l{at}.tsv"
        parts.append(_triples(path, (neurons, neurons), ("source", "unit")))
        if progress is not None:
            progress(1)
    graph = Graph()
    x = graph.add(Input((neurons,), name="input"))
    squash = Activation("hardtanh", (0.0, clip))
    for at, (links, _) in enumerate(parts, 1):
        layer = Sparse(neurons, links, activation=squash, initializer=0.0, name=f"L{at}")
        x = graph.add(layer, x)
    kernels = {f"L{at}.kernel": values for at, (_, values) in enumerate(parts, 1)}
    graph.weights.assign({**kernels, **{f"L{n}.bias": bias for n in range(1, layers + 1)}})
    return graph


def read_images(path: str | Path, *, neurons: int, count: int | None = None) -> NDArray[np.float32]:
    """Return the images of a file as (images, neurons); pixels that are not named are 0.

    count: the number of images, by default the highest named. Raises ConversionError for a missing
    or malformed file, and if the images would not fit in memory.
    """
    _check_count(neurons, "neurons")
    if count is not None:
        _check_count(count, "images")
    path = as_path(path, _WHO, ConversionError)
    most = 2**31 - 1 if count is None else int(count)
    places, values = _triples(path, (most, neurons), ("image", "pixel"))
    size = int(places[:, 0].max(initial=-1)) + 1 if count is None else most
    require(4 * size * neurons, str(path), ConversionError, advice="give a smaller count")
    images = np.zeros((size, neurons), np.float32)
    # What is too large gets infinite, and is found below.
    with np.errstate(over="ignore", invalid="ignore"):
        np.add.at(images, (places[:, 0], places[:, 1]), values.astype(np.float32))
    bad = np.argwhere(~np.isfinite(images))
    if bad.size:
        image, pixel = (bad[0] + 1).tolist()
        raise ConversionError(
            f"{path}: pixel {pixel} of image {image} is too large, needed numbers of float32"
        )
    return images


def read_categories(path: str | Path) -> NDArray[np.intp]:
    """Return the images named in a file of categories, counted from 0, ascending."""
    path = as_path(path, _WHO, ConversionError)
    return np.unique(_whole(path, _numbers(path, 1)[:, 0], 2**31 - 1, "image"))


def categories(outputs: ArrayLike) -> NDArray[np.intp]:
    """Return the images, counted from 0, whose outputs (images, neurons) are not all zero.

    Raises ConversionError for another shape and for what are no finite numbers.

    >>> categories([[0.0, 0.0], [0.0, 3.0]])
    array([1])
    """
    given = finite("categories", outputs, what="outputs", error=ConversionError)
    if given.ndim != 2:
        raise ConversionError(
            f"categories: found outputs of shape {given.shape}, needed (images, neurons)"
        )
    return np.flatnonzero((given != 0).any(axis=1))


def _check_count(count: int, what: str) -> None:
    if not (is_whole(count) and 1 <= count <= INT32_MAX):
        raise ConversionError(
            f"{_WHO}: found {shown(count)} {what}, needed a whole number from 1 to {INT32_MAX:,}"
        )


def _triples(
    path: Path, sizes: tuple[int, int], what: tuple[str, str]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the first two columns, counted from 0, and the third."""
    table = _numbers(path, 3)
    columns = [_whole(path, table[:, i], sizes[i], what[i]) for i in range(2)]
    bad = np.flatnonzero(~np.isfinite(table[:, 2]))
    if bad.size:
        line = _line(path, int(bad[0]))
        raise ConversionError(f"{path}: line {line} holds a value that is not finite")
    return np.stack(columns, axis=1), table[:, 2]


def _numbers(path: Path, columns: int) -> NDArray[np.float64]:
    """Return the numbers of a text file, (lines, columns); lines without any are left out."""
    try:
        with _lines(path) as lines, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is nothing in it, which may be
            table = np.loadtxt(lines, ndmin=2, comments=None)
    except ConversionError:  # too large: a ValueError as well
        raise
    except OSError as error:
        raise ConversionError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        said = _mistake(path, columns) or f"cannot be read: {error}"
        raise ConversionError(f"{path}: {said}; needed lines of {columns} number(s)") from error
    if table.size and table.shape[1] != columns:
        raise ConversionError(
            f"{path}: {_mistake(path, columns)}; needed lines of {columns} number(s)"
        )
    return table.reshape(-1, columns)


@contextmanager
def _lines(path: Path) -> Iterator[IO[str]]:
    """Open an ordinary file as text. Raises ConversionError if its numbers do not fit in memory."""
    with reading(path) as stream:
        require(_ROOM * os.fstat(stream.fileno()).st_size, str(path), ConversionError)
        yield io.TextIOWrapper(stream, encoding="utf-8-sig")


def _mistake(path: Path, columns: int) -> str:
    """Return what is wrong with the first wrong line of a file, empty if none can be found."""
    try:
        with _lines(path) as lines:
            for at, line in enumerate(lines, 1):
                parts = line.split()
                if parts and len(parts) != columns:
                    return f"line {at} holds {len(parts)} number(s)"
                for part in parts:
                    if not _is_number(part):
                        return f"line {at} holds {part[:40]!r}"
    except (OSError, ValueError):  # it cannot be read as text
        pass
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _line(path: Path, row: int) -> int:
    """Return which line of a file holds its row of numbers, counted from 0."""
    with _lines(path) as lines:
        filled = (at for at, line in enumerate(lines, 1) if line.strip())
        return next(islice(filled, row, None))


def _whole(path: Path, column: NDArray[np.float64], size: int, what: str) -> NDArray[np.intp]:
    """Return a column of numbers counted from 1, checked, counted from 0."""
    bad = np.flatnonzero(~((column >= 1) & (column <= size) & (column == np.floor(column))))
    if bad.size:
        found = float(column[bad[0]])
        shown = str(int(found)) if found.is_integer() else str(found)
        line = _line(path, int(bad[0]))
        raise ConversionError(f"{path}: line {line} names {what} {shown}, needed 1 to {size:,}")
    return column.astype(np.intp) - 1
