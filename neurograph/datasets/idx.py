"""IDX files, the format of MNIST's: read whole or not at all, and never more than they say."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import stat
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import DataError
from neurograph.memory import readable, require
from neurograph.storage.files import as_path

Stream = BinaryIO | gzip.GzipFile

# The third byte of an IDX file: what its numbers are, in big-endian order.
_IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

_BLOCK = 1 << 20
_SMALL = 1 << 28  # bytes that are unpacked from however few
_RATIO = 100  # more is unpacked from so many times fewer bytes; pictures pack to a fifth


def read_idx(path: str | Path) -> NDArray[Any]:
    """Return the array of an IDX file, plain or compressed with gzip, in native byte order.

    The format is the one of the MNIST files: two zero bytes, a code of the number type, the number
    of dimensions, each dimension as a big-endian 32-bit integer, then the numbers in C order.

    Raises DataError if the file cannot be read, is no ordinary file, is not IDX, is truncated, goes
    on after the last number, does not fit in memory, or is packed suspiciously well (256 MB or more
    from less than a hundredth).

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "small-idx1-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    return read_with_checksum(as_path(path, "read_idx", DataError))[0]


def read_with_checksum(path: Path) -> tuple[NDArray[Any], str]:
    """Return the array of an IDX file and the MD5 of its uncompressed content."""
    try:
        with _opened(path) as plain:
            size = os.fstat(plain.fileno()).st_size
            compressed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            if not compressed:
                return _parse(plain, path, size, packed=False)
            with gzip.open(plain) as stream:
                return _parse(stream, path, size, packed=True)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: cannot be read: {error}; needed an IDX file") from error


def _opened(path: Path) -> BinaryIO:
    """Open an ordinary file. Not so a pipe, which would wait for somebody to write, or a device."""
    kind = path.stat().st_mode
    if not stat.S_ISREG(kind):
        what = "a directory" if stat.S_ISDIR(kind) else "no ordinary file"
        raise DataError(f"{path}: cannot be read: it is {what}; needed an IDX file")
    return path.open("rb")


def _parse(stream: Stream, path: Path, size: int, *, packed: bool) -> tuple[NDArray[Any], str]:
    """Return the array and the MD5 of a stream from a file of `size` bytes."""
    header, dtype, shape = _header(stream, path)
    needed, what = math.prod(shape) * dtype.itemsize, f"{dtype.name} numbers {shape}"
    if packed:
        _check_packed(path, size, needed, what)
    elif size - len(header) < needed:
        found = size - len(header)
        raise DataError(f"{path}: found {found} bytes; needed {needed} for {what}")
    # Numbers of several bytes are copied once more, in native order.
    require(needed * (1 if dtype.itemsize == 1 else 2), str(path), DataError)
    content = _take(stream, needed, path, what)
    if stream.read(1):
        raise DataError(
            f"{path}: found more bytes after the {len(content)} of {shape}; needed none"
        )
    try:
        array = np.frombuffer(content, dtype).reshape(shape)
    except ValueError as error:  # more dimensions, or an empty array of larger ones, than NumPy has
        raise DataError(f"{path}: found {len(shape)} dimensions {shape}: {error}") from error
    checksum = hashlib.md5(header, usedforsecurity=False)
    checksum.update(content)
    return array.astype(dtype.newbyteorder("="), copy=False), checksum.hexdigest()


def _header(stream: Stream, path: Path) -> tuple[bytearray, np.dtype[Any], tuple[int, ...]]:
    """Return the bytes of the header, and the type and the shape of the numbers that follow."""
    magic = _take(stream, 4, path, "the magic number")
    code, rank = magic[2], magic[3]
    if magic[:2] != b"\0\0" or code not in _IDX_DTYPES:
        known = ", ".join(f"{known:02x}" for known in _IDX_DTYPES)
        raise DataError(
            f"{path}: found the magic number {magic.hex(' ')}; "
            f"needed 00 00, a number type ({known}) and the number of dimensions"
        )
    sizes = _take(stream, 4 * rank, path, f"the sizes of {rank} dimensions")
    return magic + sizes, np.dtype(_IDX_DTYPES[code]), struct.unpack(f">{rank}I", sizes)


def _check_packed(path: Path, size: int, needed: int, what: str) -> None:
    """Raise DataError if a gzip of `size` bytes cannot, or should not, hold so much."""
    if needed > max(_SMALL, _RATIO * size):
        raise DataError(
            f"{path}: its {readable(size)} are said to unpack to {readable(needed)}, {what}; "
            f"needed at most {_RATIO} times as much (unpack it yourself if it is right: gunzip)"
        )


def _take(stream: Stream, needed: int, path: Path, what: str) -> bytearray:
    """Read `needed` bytes; by blocks, so that a size in a damaged header allocates nothing."""
    taken = bytearray()
    while len(taken) < needed and (block := stream.read(min(needed - len(taken), _BLOCK))):
        taken += block
    if len(taken) < needed:
        raise DataError(f"{path}: found {len(taken)} bytes; needed {needed} for {what}")
    return taken
