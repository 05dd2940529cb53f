"""Images from files or the package, as a network takes them, and a word on what was done."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import datasets
from neurograph.cli.output import shape_text
from neurograph.errors import DataError

Array = NDArray[Any]
Shape = tuple[int, ...]

SHOWN = 10  # images run and shown unless a count is given
BOX = (28, 28)  # what MNIST's digits fill, and larger images are reduced to
_SCALED = "0 to 255 scaled to -0.1 to 1.175"
_GREY_LOOKING = 64  # floats from 0 that go beyond this and not beyond 255 look like grey levels


@dataclass(frozen=True)
class Reading:
    """How images are to be read: --transpose, --invert or --no-invert (None: by the edge), --raw.

    Raw numbers are taken as they are, whatever they look like.
    """

    transpose: bool = False
    invert: bool | None = None
    raw: bool = False


@dataclass(frozen=True, eq=False)
class Images:
    """Images as a network takes them, (N, *input shape), and what is known of them.

    `said` is what was done to all, `names` and `changes` those of pictures, one each.
    """

    origin: str
    images: Array
    said: str = ""
    labels: Array | None = None
    names: tuple[str, ...] | None = None
    changes: tuple[str, ...] | None = None
    package: bool = False


def fit(images: Array, shape: Shape, who: str) -> Array:
    """Return images (N, ...) as inputs (N, *shape); see `fitted`."""
    return fitted(images, shape, who, Reading())[0]


def fitted(
    images: Array, shape: Shape, who: str, reading: Reading, *, count: int | None = None
) -> tuple[Array, str]:
    """Return images (N, ...), or the first `count`, as inputs (N, *shape), and what was done.

    Whole numbers are grey levels, booleans ink or none: they are scaled and placed as LeNet-5 takes
    them (see `datasets.normalize`), larger ones reduced; of a flat input they are laid out row by
    row. Other numbers are taken as they are. Raises DataError if they do not fit, are not what
    their type says, or look like grey levels in the wrong type.
    """
    found = f"{who}: found images of shape {images.shape} and type {images.dtype}"
    if images.ndim and not images.size:
        raise DataError(f"{found}, which holds no pixel")
    images = np.atleast_1d(images)[:count]
    if images.dtype.kind in "iub" and not reading.raw:
        return _Grey(shape, who, found, reading).fitted(images)
    if images.shape[1:] != shape:
        needed = f"(N, {', '.join(map(str, shape))}), or whole numbers (N, rows, columns)"
        raise DataError(f"{found}, needed {needed}")
    low, high = _range(images)
    if reading.invert is not None:
        raise DataError(f"{found}; --invert is for grey levels, which are whole numbers")
    if not reading.raw and low >= 0 and _GREY_LOOKING < high <= 255:
        raise DataError(
            f"{found} from {low:g} to {high:g}, which look like grey levels; save them as uint8 to "
            "have them scaled, or --raw takes them as they are"
        )
    said = f"numbers from {low:g} to {high:g}, taken as they are"
    if not reading.transpose:
        return images, said
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise DataError(f"{found}; --transpose needs as many rows as columns")
    return images.swapaxes(-1, -2), f"{said}, transposed"


def _range(images: Array) -> tuple[float, float]:
    """Return the smallest and the largest of the finite numbers."""
    if images.dtype.kind not in "fiub":
        return 0.0, 0.0  # that they are no real numbers is for the simulator to say
    finite = images[np.isfinite(images)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


@dataclass(frozen=True)
class _Grey:
    """Grey levels on their way into an input of `shape`; `found` is what errors begin with."""

    shape: Shape
    who: str
    found: str
    reading: Reading

    def fitted(self, images: Array) -> tuple[Array, str]:
        """Return grey levels scaled and placed, and what was done."""
        levels = self._levels(images)
        if levels is None:
            return self._without_rows(images)
        said = [f"grey levels {shape_text(levels.shape[1:])}"]
        if self.reading.transpose:
            levels = levels.swapaxes(1, 2)
            said.append("transposed")
        dark = datasets.dark_on_light(levels)
        inverted = dark if self.reading.invert is None else self.reading.invert
        said.append(f"{'dark on light' if dark else 'light on dark'}{': inverted' * inverted}")
        size = input_size(self.shape, levels.shape[1:], self.who)
        placed, how = _placed(255 - levels if inverted else levels, size)
        flat = len(self.shape) == 1
        inputs = datasets.normalize(placed, size=self.shape[0] if flat else size)
        return inputs, ", ".join([*said, *how, _SCALED])

    def _levels(self, images: Array) -> Array | None:
        """Return bytes (N, rows, columns); None where images have no rows and columns."""
        if images.dtype.kind == "b":
            images = images.astype(np.uint8) * np.uint8(255)
        low, high = (int(images.min()), int(images.max())) if images.size else (0, 0)
        if low < 0 or high > 255:
            raise DataError(
                f"{self.who}: found grey levels {low} to {high}; whole numbers are grey levels, "
                "needed 0 to 255 (--raw takes them as they are)"
            )
        if images.ndim == 4 and 1 in (images.shape[1], images.shape[3]):
            images = images[:, 0] if images.shape[1] == 1 else images[..., 0]
        if images.ndim == 2:
            side = math.isqrt(images.shape[1])
            whole = side * side == images.shape[1] > 1 and images.shape[0] != images.shape[1]
            return datasets.grey_levels(images, self.who) if whole else None
        if images.ndim != 3:
            raise DataError(
                f"{self.found}, needed grey levels (N, rows, columns); floats, or --raw, are taken "
                "as they are"
            )
        return datasets.grey_levels(images, self.who)

    def _without_rows(self, images: Array) -> tuple[Array, str]:
        """Return grey levels of a flat input that is no square, scaled."""
        if images.shape[1:] != self.shape or self.reading.transpose:
            raise DataError(f"{self.found}, needed (N, rows, columns); one image is array[None]")
        levels = images.astype(np.uint8) * np.uint8(255 if images.dtype.kind == "b" else 1)
        inverted = bool(self.reading.invert)
        levels = 255 - levels if inverted else levels
        inputs = datasets.normalize(levels[:, None], size=self.shape[0])
        return inputs, f"{self.shape[0]} grey levels{', inverted' * inverted}, {_SCALED}"


def input_size(shape: Shape, found: Sequence[int], who: str) -> tuple[int, int]:
    """Return the rows and columns that grey levels of `found` ones get in an input of `shape`.

    Raises DataError for an input that is neither one map nor flat and square.
    """
    if len(shape) == 3 and shape[0] == 1:
        return shape[1], shape[2]
    if len(shape) == 1:
        if math.prod(found) == shape[0]:
            return found[0], found[1]
        side = math.isqrt(shape[0])
        if side * side == shape[0] > 1:
            return side, side
    what = f"grey levels of {shape_text(found)}" if found else "pictures, read as one map,"
    raise DataError(f"{who}: {what} do not make an input of {shape_text(shape)}")


def _placed(levels: Array, size: tuple[int, int]) -> tuple[Array, list[str]]:
    """Return grey levels that fit the size, reduced where they did not, and what was done."""
    rows, columns = levels.shape[1:]
    said = []
    if rows > size[0] or columns > size[1]:
        scale = min(min(BOX[0], size[0]) / rows, min(BOX[1], size[1]) / columns)
        rows, columns = max(1, round(rows * scale)), max(1, round(columns * scale))
        levels = datasets.resize(levels, (rows, columns))
        said.append(f"resized to {shape_text((rows, columns))}")
    if (rows, columns) != size:
        said.append(f"in the middle of {shape_text(size)}")
    return levels, said


# ---- files --------------------------------------------------------------------------------------


def from_files(paths: Sequence[Path], count: int | None, shape: Shape, reading: Reading) -> Images:
    """Return the images of one file of an array, the first `count` or 10, or pictures, or all.

    Raises DataError for files that cannot be read or do not fit.
    """
    pictured = [path.is_dir() or datasets.is_picture(path) for path in paths]
    if all(pictured):
        return _from_pictures(paths, count, shape, reading)
    if len(paths) > 1:
        other = paths[pictured.index(False)]
        raise DataError(f"{other}: is no picture; needed pictures, or one IDX or .npy file")
    path = paths[0]
    whole = read_array(path)
    if whole.ndim and not len(whole):
        raise DataError(f"{path}: holds no image; found an array of shape {whole.shape}")
    images, said = fitted(whole, shape, str(path), reading, count=count or SHOWN)
    return Images(f"the first {len(images):,} of the {len(whole):,} images of {path}", images, said)


def _from_pictures(
    paths: Sequence[Path], count: int | None, shape: Shape, reading: Reading
) -> Images:
    if reading.raw:
        raise DataError(f"{paths[0]}: is a picture; --raw is for arrays")
    size = input_size(shape, (), "--images")
    found = datasets.pictures(
        paths, size=size, box=BOX, invert=reading.invert, transpose=reading.transpose
    )
    kept = len(found) if count is None else min(count, len(found))
    inputs = datasets.normalize(found.images[:kept], size=shape[0] if len(shape) == 1 else size)
    return Images(
        f"{kept} pictures" if kept > 1 else str(found.paths[0]),
        inputs,
        f"grey levels in the middle of {shape_text(size)}, {_SCALED}",
        names=tuple(map(str, found.paths[:kept])),
        changes=found.changes[:kept],
    )


def read_labels(path: Path, count: int) -> Array:
    """Return the first `count` labels of a file. Raises DataError if it has not as many."""
    labels = read_array(path)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) < count:
        raise DataError(
            f"{path}: found {labels.dtype} of shape {labels.shape}, needed whole numbers "
            f"({count},), a label an image"
        )
    return labels[:count]


def read_array(path: Path) -> Array:
    """Return the array of an IDX or a .npy file. Raises DataError if it is neither."""
    if path.exists() and not path.is_file():  # to open a pipe would wait for somebody to write
        return datasets.read_idx(path)  # which says what it is
    with path.open("rb") as stream:
        is_npy = stream.read(6) == b"\x93NUMPY"
    if not is_npy:
        return datasets.read_idx(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except Exception as error:  # NumPy parses a header as Python: a damaged one may raise anything
        raise DataError(f"{path}: cannot be read: {error}; needed a plain .npy file") from error
