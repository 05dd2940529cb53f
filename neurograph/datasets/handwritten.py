"""Handwritten digits: IDX files, the MNIST database, a sample in the package, LeNet-5's input."""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import is_whole
from neurograph.errors import DataError, MissingDependency
from neurograph.storage.files import as_path

MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"

# The third byte of an IDX file: what its numbers are, in big-endian order.
_IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

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
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Digits:
    """Images of digits, (N, rows, columns) grey levels 0 to 255, and their (N,) labels 0 to 9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)


def read_idx(path: str | Path) -> NDArray[Any]:
    """Return the array of an IDX file, plain or compressed with gzip, in native byte order.

    The format is the one of the MNIST files: two zero bytes, a code of the number type, the number
    of dimensions, each dimension as a big-endian 32-bit integer, then the numbers in C order.

    Raises DataError if the file cannot be read, is not IDX, is truncated, or goes on after the
    last number.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "small-idx1-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    return _read(as_path(path, "read_idx", DataError))[0]


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
        raise DataError(f"mnist: found split {split!r}; needed 'train' or 'test'")
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
        raise DataError(f"digits: found count {count!r}; the sample has 1 to {len(labels)}")
    return Digits(images[:count], labels[:count])


def normalize(images: ArrayLike, *, size: tuple[int, int] = (32, 32)) -> NDArray[np.float64]:
    """Return LeNet-5's input, (N, 1, rows, columns) of this `size`, from (N, h, w) grey levels.

    x = -0.1 + 1.275 p / 255: background 0 becomes -0.1, ink 255 becomes 1.175. The image stands in
    the middle of a background; where the margin is odd, the larger part is below and to the right.

    Raises DataError unless the images are integers from 0 to 255 and fit into `size`.

    Source: LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, page 7.

    >>> x = normalize(digits(2).images)
    >>> x.shape, float(x.min()), float(x.max())
    ((2, 1, 32, 32), -0.1, 1.175)
    """
    pixels = grey_levels(images, "normalize")
    count, *found = pixels.shape
    pair = isinstance(size, Sequence) and len(size) == 2
    if not pair or not all(map(is_whole, size)):
        raise DataError(f"normalize: found size {size!r}, needed two whole numbers")
    margins = [whole - part for whole, part in zip(size, found, strict=True)]
    if min(margins) < 0:
        raise DataError(
            f"normalize: images of {found[0]}x{found[1]} do not fit the size {size[0]}x{size[1]}"
        )
    padding = [(margin // 2, margin - margin // 2) for margin in margins]
    padded = np.pad(pixels, [(0, 0), *padding])
    # A look-up of the 256 levels; linspace hits both ends exactly, the written formula does not.
    levels = np.linspace(_BACKGROUND, _FOREGROUND, 256)
    return levels[padded].reshape(count, 1, *size)


def grey_levels(images: ArrayLike, who: str) -> NDArray[np.uint8]:
    """Return grey levels (N, rows, columns) as bytes. Raises DataError for what are none.

    >>> grey_levels([[[0, 255]]], "reader").dtype
    dtype('uint8')
    """
    pixels = np.asarray(images)
    if pixels.ndim != 3:
        raise DataError(
            f"{who}: found images of shape {pixels.shape}; needed (images, rows, columns)"
        )
    if pixels.dtype.kind not in "iu":
        raise DataError(f"{who}: found {pixels.dtype}; needed integer grey levels 0 to 255")
    if pixels.size and not (pixels.min() >= 0 and pixels.max() <= 255):
        raise DataError(
            f"{who}: found grey levels {pixels.min()} to {pixels.max()}; needed 0 to 255"
        )
    return pixels.astype(np.uint8, copy=False)


def _read(path: Path) -> tuple[NDArray[Any], str]:
    """Return the array of an IDX file and the MD5 of its uncompressed content."""
    try:
        with path.open("rb") as plain:
            compressed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            if not compressed:
                return _parse(plain, path)
            with gzip.open(plain) as stream:
                return _parse(stream, path)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}; needed an IDX file") from error


def _parse(stream: BinaryIO | gzip.GzipFile, path: Path) -> tuple[NDArray[Any], str]:
    magic = _take(stream, 4, path, "the magic number")
    code, rank = magic[2], magic[3]
    if magic[:2] != b"\0\0" or code not in _IDX_DTYPES:
        known = ", ".join(f"{known:02x}" for known in _IDX_DTYPES)
        raise DataError(
            f"{path}: found the magic number {magic.hex(' ')}; "
            f"needed 00 00, a number type ({known}) and the number of dimensions"
        )
    header = _take(stream, 4 * rank, path, f"the sizes of {rank} dimensions")
    shape = struct.unpack(f">{rank}I", header)
    dtype = np.dtype(_IDX_DTYPES[code])
    content = _take(
        stream, math.prod(shape) * dtype.itemsize, path, f"{dtype.name} numbers {shape}"
    )
    if stream.read(1):
        raise DataError(
            f"{path}: found more bytes after the {len(content)} of {shape}; needed none"
        )
    try:
        array = np.frombuffer(content, dtype).reshape(shape)
    except ValueError as error:  # more dimensions, or an empty array of larger ones, than NumPy has
        raise DataError(f"{path}: found {rank} dimensions {shape}: {error}") from error
    checksum = hashlib.md5(magic + header, usedforsecurity=False)
    checksum.update(content)
    return array.astype(dtype.newbyteorder("="), copy=False), checksum.hexdigest()


def _take(stream: BinaryIO | gzip.GzipFile, needed: int, path: Path, what: str) -> bytearray:
    """Read `needed` bytes; by blocks, so that a size in a damaged header allocates nothing."""
    taken = bytearray()
    for block in _blocks(stream, needed):
        taken += block
    if len(taken) < needed:
        raise DataError(f"{path}: found {len(taken)} bytes; needed {needed} for {what}")
    return taken


def _blocks(stream: BinaryIO | gzip.GzipFile, needed: int) -> Iterator[bytes]:
    while needed > 0 and (block := stream.read(min(needed, _BLOCK))):
        needed -= len(block)
        yield block


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
        raise MissingDependency(
            "mnist: no directory was given, and downloading needs the package pooch, which was not "
            'found; the extra "download" brings it: neurograph-cnn[download]'
        ) from error
    url = f"{base_url.rstrip('/')}/{name}.gz"
    known_hash = f"md5:{_CHECKSUMS[name][1]}" if verify else None
    try:
        # pooch puts a hash of the URL into the file's name: two mirrors do not meet in the cache.
        return Path(pooch.retrieve(url, known_hash, path=pooch.os_cache("neurograph")))
    except (OSError, ValueError) as error:
        raise DataError(f"mnist: {url} was not downloaded: {error}") from error


def _read_checked(path: Path, name: str, *, verify: bool) -> NDArray[Any]:
    array, found = _read(path)
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
