"""Handwritten digits: the MNIST database, a sample in the package, LeNet-5's input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import array, is_whole, whole
from neurograph.datasets.idx import read_with_checksum
from neurograph.errors import DataError, kind_of, missing, shown
from neurograph.memory import require
from neurograph.storage.files import as_path

MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"

_SPLITS = {"train": "train", "test": "t10k"}

# name -> MD5 of the published content, MD5 of the published .gz
_CHECKSUMS = {
    "train-images-idx3-ubyte": (
        "6bbc9ace898e44ae57da46a324031adb",
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    ),
    "train-labels-idx1-ubyte": (
        "a25bea736e30d166cdddb491f175f624",
        "d53e105ee54ea40749a09fcbcd1e9432",
    ),
    "t10k-images-idx3-ubyte": (
        "2646ac647ad5339dbf082846283269ea",
        "9fb629c4189551a2d022fa330f9573f3",
    ),
    "t10k-labels-idx1-ubyte": (
        "27ae3e4e09519cfbb04c329615203637",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
}

_BACKGROUND, _FOREGROUND = -0.1, 1.175


@dataclass(frozen=True, eq=False)
class Digits:
    """Images of digits, (N, rows, columns) grey levels 0 to 255, and their (N,) labels 0 to 9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)


def mnist(
    directory: str | Path | None = None,
    *,
    split: Literal["train", "test"] = "train",
    verify: bool = True,
    base_url: str = MIRROR,
) -> Digits:
    """Return the 60,000 training or 10,000 test digits of MNIST, images (N, 28, 28).

    The IDX files are read from `directory`, where each may be compressed (.gz) and may be called
    train-images-idx3-ubyte or train-images.idx3-ubyte. Without a directory they are downloaded
    from `base_url`, once, into the user's cache; that needs the extra "download". `verify` compares
    them with the published MD5 checksums; switch it off for other sets in files of these names.

    Raises DataError for a missing, damaged or unexpected file, MissingDependency without pooch.

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998.
    """
    if not isinstance(split, str) or split not in _SPLITS:
        raise DataError(f"mnist: found split {shown(split)}; needed 'train' or 'test'")
    if not isinstance(base_url, str):
        raise DataError(f"mnist: found {kind_of(base_url)} as base_url, needed text")
    names = [f"{_SPLITS[split]}-{kind}" for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    if directory is None:
        paths = [_download(name, base_url, verify=verify) for name in names]
    else:
        paths = [_find(as_path(directory, "mnist", DataError), name) for name in names]
    images, labels = (
        _read_checked(path, name, verify=verify) for path, name in zip(paths, names, strict=True)
    )
    _check_pair(images, labels, paths[0])
    return Digits(images, labels)


def digits(count: int | None = None) -> Digits:
    """Return the first `count` of the 400 MNIST test digits carried in the package, or all of them.

    They are the first 40 of each class, in the order of the test set; images (count, 28, 28).

    Raises DataError if `count` is not 1 to 400.

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database; CC BY-SA 3.0 (see `data/`).

    >>> digits(10).labels
    array([7, 2, 1, 0, 4, 1, 4, 9, 5, 9], dtype=uint8)
    """
    carried = files("neurograph.datasets") / "data" / "digits.npz"
    with carried.open("rb") as stream, np.load(stream, allow_pickle=False) as sample:
        images, labels = sample["images"], sample["labels"]
    if count is None:
        return Digits(images, labels)
    if not is_whole(count) or not 1 <= count <= len(labels):
        raise DataError(f"digits: found count {shown(count)}; the sample has 1 to {len(labels)}")
    return Digits(images[:count], labels[:count])


def normalize(images: ArrayLike, *, size: tuple[int, int] | int = (32, 32)) -> NDArray[np.float64]:
    """Return LeNet-5's input, (N, 1, rows, columns) of this `size`, from (N, h, w) grey levels.

    x = -0.1 + 1.275 p / 255: background 0 becomes -0.1, ink 255 becomes 1.175. The image stands in
    the middle of a background; where the margin is odd, the larger part is below and to the right.
    A `size` of one whole number is that of a flat input: (N, size), the image row by row. Square
    images may come flat as well, (N, h * h).

    Raises DataError unless the images are integers from 0 to 255 and fit into `size`.

    Source: LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, page 7.

    >>> x = normalize(digits(2).images)
    >>> x.shape, float(x.min()), float(x.max())
    ((2, 1, 32, 32), -0.1, 1.175)
    >>> normalize(digits(2).images, size=784).shape
    (2, 784)
    """
    pixels = grey_levels(images, "normalize")
    count, *found = pixels.shape
    rows, columns = _rows_and_columns(size, found)
    margins = [rows - found[0], columns - found[1]]
    if min(margins) < 0:
        raise DataError(
            f"normalize: images of {found[0]}x{found[1]} do not fit the size {rows}x{columns}"
        )
    whole("normalize: size", max(rows, columns), most=2**31, error=DataError)
    needed = 9 * count * rows * columns
    require(needed, f"normalize: {count:,} images of {rows}x{columns}", DataError)
    padding = [(margin // 2, margin - margin // 2) for margin in margins]
    padded = np.pad(pixels, [(0, 0), *padding])
    # A look-up of the 256 levels; linspace hits both ends exactly, the written formula does not.
    levels = np.linspace(_BACKGROUND, _FOREGROUND, 256)
    return levels[padded].reshape(count, *((size,) if is_whole(size) else (1, rows, columns)))


def _rows_and_columns(size: Any, found: Sequence[int]) -> tuple[int, int]:
    """Return what a size means: a flat one is that of the images, or of a square."""
    if is_whole(size):
        root = math.isqrt(max(int(size), 0))
        rows, columns = found if math.prod(found) == size else (root, root)
        if rows * columns == size:
            return rows, columns
        raise DataError(f"normalize: images of {found[0]}x{found[1]} do not make {size} numbers")
    pair = isinstance(size, Sequence) and len(size) == 2
    if not pair or not all(map(is_whole, size)):
        raise DataError(f"normalize: found size {shown(size)}, needed one whole number or two")
    return int(size[0]), int(size[1])


def grey_levels(images: ArrayLike, who: str) -> NDArray[np.uint8]:
    """Return grey levels as bytes, (N, rows, columns), from those or from flat squares (N, h * h).

    Raises DataError for another shape, and unless they are whole numbers from 0 to 255.

    >>> grey_levels([[[0, 255]]], "reader").shape, grey_levels(np.zeros((2, 784), int), "r").shape
    ((1, 1, 2), (2, 28, 28))
    """
    pixels = array(who, images, what="images", needed="grey levels 0 to 255", error=DataError)
    shape = pixels.shape
    if pixels.ndim == 2 and shape[0] != shape[1] and math.isqrt(shape[1]) ** 2 == shape[1]:
        pixels = pixels.reshape(shape[0], *[math.isqrt(shape[1])] * 2)
    if pixels.ndim != 3:
        raise DataError(f"{who}: found images of shape {shape}; needed (images, rows, columns)")
    if pixels.dtype.kind not in "iu":
        raise DataError(f"{who}: found {pixels.dtype}; needed integer grey levels 0 to 255")
    if pixels.size and not (pixels.min() >= 0 and pixels.max() <= 255):
        raise DataError(
            f"{who}: found grey levels {pixels.min()} to {pixels.max()}; needed 0 to 255"
        )
    return pixels.astype(np.uint8, copy=False)


def _find(directory: Path, name: str) -> Path:
    dotted = name.replace("-idx", ".idx")
    for candidate in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
        if (directory / candidate).is_file():
            return directory / candidate
    raise DataError(
        f"mnist: {directory} has no {name}; needed that file, plain or .gz, or {dotted}"
    )


def _download(name: str, base_url: str, *, verify: bool) -> Path:
    try:
        import pooch
    except ImportError as error:
        raise missing(
            "mnist: downloading, as no directory was given,", "pooch", "download"
        ) from error
    url = f"{base_url.rstrip('/')}/{name}.gz"
    known_hash = f"md5:{_CHECKSUMS[name][1]}" if verify else None
    try:
        # pooch puts a hash of the URL into the file's name: two mirrors do not meet in the cache.
        return Path(pooch.retrieve(url, known_hash, path=pooch.os_cache("neurograph")))
    except (OSError, ValueError) as error:
        raise DataError(f"mnist: {url} was not downloaded: {error}") from error


def _read_checked(path: Path, name: str, *, verify: bool) -> NDArray[Any]:
    array, found = read_with_checksum(path)
    needed = _CHECKSUMS[name][0]
    if verify and found != needed:
        raise DataError(
            f"{path}: found the MD5 checksum {found} of the content; needed {needed} (verify=True)"
        )
    return array


def _check_pair(images: NDArray[Any], labels: NDArray[Any], path: Path) -> None:
    byte = np.dtype(np.uint8)
    if (images.ndim, labels.ndim, images.dtype, labels.dtype) != (3, 1, byte, byte):
        raise DataError(
            f"{path}: found images {images.shape} {images.dtype} and labels {labels.shape} "
            f"{labels.dtype}; needed (N, rows, columns) and (N,), uint8"
        )
    if len(images) != len(labels):
        raise DataError(
            f"{path}: found {len(images)} images and {len(labels)} labels; needed as many of each"
        )
