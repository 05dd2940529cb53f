"""Pictures for networks that take colours, or say how their pictures become inputs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neurograph import datasets
from neurograph.cli.arguments import Command
from neurograph.cli.images import SHOWN, Images, Reading, read_array
from neurograph.cli.output import shape_text
from neurograph.errors import DataError
from neurograph.graph import Graph, Preprocessing

Array = NDArray[Any]
Shape = tuple[int, ...]


def preprocessing_of(graph: Graph, shape: Shape) -> Preprocessing | None:
    """Return how pictures become inputs of `shape`; None where they are taken as digits are.

    A network of three maps that does not say how takes levels from 0 to 1.
    """
    given = graph.preprocessing
    if given is None:
        colours = len(shape) == 3 and shape[0] == 3
        return Preprocessing((shape[1], shape[2])) if colours else None
    if shape != (given.maps, *given.size):
        raise DataError(
            f"--images: the network's preprocessing gives {shape_text((given.maps, *given.size))}, "
            f"its input is {shape_text(shape)}"
        )
    return given


def from_files(
    paths: Sequence[Path], count: int | None, how: Preprocessing, reading: Reading
) -> Images:
    """Return pictures, all or the first `count`, or an array of them, the first `count` or 10.

    Raises DataError for files that cannot be read or do not fit.
    """
    if reading.invert is not None or reading.transpose:
        raise DataError("--images: pictures in colour are not inverted or transposed")
    if all(path.is_dir() or datasets.is_picture(path) for path in paths) and not reading.raw:
        return _pictures(paths, count, how)
    if len(paths) > 1:
        raise DataError(f"{paths[0]}: needed pictures, or one IDX or .npy file")
    return _array(paths[0], count or SHOWN, how, raw=reading.raw)


def _pictures(paths: Sequence[Path], count: int | None, how: Preprocessing) -> Images:
    found = datasets.center_crops(paths, size=how.size, resize=how.resize, maps=how.maps)
    kept = len(found) if count is None else min(count, len(found))
    return Images(
        f"{kept} pictures" if kept > 1 else str(found.paths[0]),
        how.normalize(found.images[:kept]),
        str(how),
        names=tuple(map(str, found.paths[:kept])),
        changes=found.changes[:kept],
    )


def _array(path: Path, count: int, how: Preprocessing, *, raw: bool) -> Images:
    whole = read_array(path)
    some = np.atleast_1d(whole)[:count]
    shape = how.maps, *how.size
    origin = f"the first {len(some):,} of the {len(np.atleast_1d(whole)):,} images of {path}"
    if some.shape[1:] == shape and (raw or some.dtype.kind == "f"):
        return Images(origin, some, "numbers taken as they are")
    levels = _levels(some, how.maps)
    if raw or levels is None:
        raise DataError(
            f"{path}: found images of shape {whole.shape} and type {whole.dtype}, needed levels 0 "
            f"to 255 (N, rows, columns, {how.maps}), or numbers (N, {', '.join(map(str, shape))})"
        )
    cropped = datasets.crops_of(levels, size=how.size, resize=how.resize)
    return Images(origin, how.normalize(cropped), str(how))


def _levels(images: Array, maps: int) -> Array | None:
    """Return whole numbers 0 to 255 as (N, rows, columns, maps); None for what are none."""
    if images.dtype.kind not in "iu" or not images.size:
        return None
    if images.min() < 0 or images.max() > 255:
        return None
    if images.ndim == 3 and maps == 1:
        return images[..., None]
    if images.ndim != 4:
        return None
    if images.shape[3] == maps:
        return images
    return np.moveaxis(images, 1, -1) if images.shape[1] == maps else None


# ---- what the user says of pictures -------------------------------------------------------------


def takes_preprocessing(command: Command) -> Command:
    """Give a command of a Model the options that set its classes and preprocessing."""

    @functools.wraps(command)
    def with_pictures(model: Any, **given: Any) -> Any:
        chosen = {name: given.pop(name) for name in ("classes", "mean", "std", "resize")}
        _set(model.graph, **chosen)
        return command(model, **given)

    for option in _OPTIONS:
        option(with_pictures)
    return with_pictures


def _numbers(
    _: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[float, ...] | None:
    try:
        return None if text is None else tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"found {text!r}, needed numbers such as 0.485,0.456,0.406", param=parameter
        ) from None


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--resize",
        type=click.IntRange(min=1),
        metavar="N",
        help="Length of a picture's shorter side before its middle is taken.",
    ),
    click.option(
        "--std",
        callback=_numbers,
        metavar="N,N,N",
        help="What levels 0 to 1 less the mean are divided by, map by map.",
    ),
    click.option(
        "--mean",
        callback=_numbers,
        metavar="N,N,N",
        help="What is subtracted of levels 0 to 1, map by map.",
    ),
    click.option(
        "--classes",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Names of the classes, a line each, in the order of the outputs.",
    ),
)


def _set(
    graph: Graph,
    classes: Path | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    resize: int | None,
) -> None:
    if classes is not None:
        graph.classes = _names(classes)
    if mean is None and std is None and resize is None:
        return
    shape = graph.inputs[0].neurons.shape if len(graph.inputs) == 1 else ()
    if len(shape) != 3:
        raise click.UsageError("--mean, --std and --resize are for a network of one picture")
    known, maps = graph.preprocessing, shape[0]
    graph.preprocessing = Preprocessing(
        (shape[1], shape[2]),
        mean or (known.mean if known else (0.0,) * maps),
        std or (known.std if known else (1.0,) * maps),
        resize or (known.resize if known else None),
    )


def _names(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no text: {error}") from error
    return [line.strip() for line in lines if line.strip()]
