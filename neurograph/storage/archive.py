"""A zip file of one JSON header and plain arrays, which `numpy.load` can open as well.

Nothing is compressed and nothing is pickled: what an array takes in memory is what it takes in the
file. Every array's type and shape stand in the header, and its .npy member must begin with exactly
the bytes that follow from them, so that no foreign text is ever parsed but the header's JSON. Equal
contents give equal bytes.
"""

from __future__ import annotations

import json
import math
import os
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import ConversionError
from neurograph.memory import INT32_MAX, require
from neurograph.storage.files import as_path, replacing

HEADER = "header.json"
_TYPES = {"<i2", "<i4", "<i8", "<f8", "|b1"}
_CHUNK = 1 << 24
_LONGEST = 2**31  # of one dimension
# What zipfile raises on bytes that are no zip file, or on one we would not write.
_BROKEN = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)


def write(
    path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write the header (anything JSON can hold) and the arrays by name, whole or not at all.

    Raises ConversionError, naming the path, if the file cannot be written.
    """
    where = as_path(path, "save", ConversionError)
    stored = {name: _portable(array) for name, array in arrays.items()}
    index = {name: [array.dtype.str, list(array.shape)] for name, array in stored.items()}
    text = json.dumps({**header, "arrays": index}, allow_nan=False, separators=(",", ":"))
    try:
        with replacing(where) as stream, zipfile.ZipFile(stream, "w") as archive:
            _put(archive, HEADER, text.encode(), np.empty(0, np.uint8))
            for name, array in stored.items():
                _put(archive, f"{name}.npy", _npy_start(array.dtype.str, array.shape), array)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConversionError(f"{path}: cannot be written: {reason}") from error


def _portable(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array in C order and little-endian bytes."""
    array = np.asarray(array)
    return array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)


def _npy_start(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Return the first bytes of a .npy file, format 1.0, before the array's own."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    padding = -(10 + len(text) + 1) % 64
    return (
        b"\x93NUMPY\x01\0"
        + struct.pack("<H", len(text) + padding + 1)
        + text
        + b" " * padding
        + b"\n"
    )


def _put(archive: zipfile.ZipFile, name: str, start: bytes, array: NDArray[Any]) -> None:
    info = zipfile.ZipInfo(name)  # with a fixed date
    info.create_system, info.external_attr = 3, 0o644 << 16
    info.file_size = len(start) + array.nbytes
    with archive.open(info, "w", force_zip64=info.file_size > 1 << 30) as member:
        member.write(start)
        content = array.reshape(-1).view(np.uint8).data
        for at in range(0, array.nbytes, _CHUNK):
            member.write(content[at : at + _CHUNK])


class Archive:
    """A file that `write` made, open for reading: its header, and its arrays one by one.

    Every failure is a ConversionError that names the path.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile, size: int) -> None:
        self.path = path
        self._archive = archive
        infos = archive.infolist()
        self._members = {info.filename: info for info in infos}
        plain = all(i.compress_type == zipfile.ZIP_STORED and not i.flag_bits & 1 for i in infos)
        if HEADER not in self._members or not plain:
            self.fail("found a zip file of something else")
        # Members that overlap could stand for more bytes than the file has.
        if len(self._members) < len(infos) or sum(i.file_size for i in infos) > size:
            self.fail("is damaged: its parts overlap")
        self.header: dict[str, Any] = self._header()

    def fail(self, found: str) -> None:
        """Raise the ConversionError."""
        raise ConversionError(f"{self.path}: {found}; needed a file written by neurograph's save")

    def _header(self) -> dict[str, Any]:
        # Python objects take more than their text; a text this large is none of ours.
        require(self._members[HEADER].file_size * 40, f"{self.path}: the header", ConversionError)
        try:
            header = json.loads(self._archive.read(HEADER))
        except RecursionError:
            header = None
        if not isinstance(header, dict):
            self.fail("found a header that is no JSON object")
        return dict(header)

    def check_members(self) -> None:
        """Raise ConversionError unless the members are those the header lists, of its sizes."""
        index = self.header.get("arrays")
        if not isinstance(index, dict):
            self.fail("is damaged: the header lists no arrays")
        sizes = {f"{name}.npy": self._size(name) for name in dict(index or {})}
        found = {n: i.file_size for n, i in self._members.items() if n != HEADER}
        for name in sorted(sizes.keys() | found.keys()):
            if sizes.get(name) != found.get(name):
                self.fail(
                    f"is damaged: {name} has {found.get(name, 'no')} bytes, "
                    f"the header says {sizes.get(name, 'nothing')}"
                )
        require(2 * sum(sizes.values()), f"{self.path}", ConversionError)

    def _entry(self, name: str) -> tuple[str, tuple[int, ...]]:
        entry = self.header["arrays"].get(name)
        if not (isinstance(entry, list) and len(entry) == 2 and entry[0] in _TYPES):
            self.fail(f"is damaged: the header describes no array {name!r}")
        dtype, shape = entry
        if not isinstance(shape, list) or len(shape) > 32 or not all(map(_is_length, shape)):
            self.fail(f"is damaged: {name} has the shape {shape}")
        return str(dtype), tuple(shape)

    def _size(self, name: str) -> int:
        dtype, shape = self._entry(name)
        return len(_npy_start(dtype, shape)) + math.prod(shape) * np.dtype(dtype).itemsize

    def array(self, name: str, dtype: Any, rank: int | None = 1) -> NDArray[Any]:
        """Return an array. Raises ConversionError unless it has this type and rank (None: any)."""
        found, shape = self._entry(name)
        needed = np.dtype(dtype).newbyteorder("<").str
        if found != needed or (rank is not None and len(shape) != rank):
            self.fail(f"is damaged: {name} is {found} {shape}, not {needed} of {rank} dimensions")
        array = np.empty(shape, found)
        start = _npy_start(found, shape)
        with self._archive.open(f"{name}.npy") as member:
            if member.read(len(start)) != start:
                self.fail(f"is damaged: {name} does not begin as a .npy file")
            _fill(member, array)
        if found == "|b1" and array.size and int(array.view(np.uint8).max()) > 1:
            self.fail(f"is damaged: {name} holds a truth value that is neither 0 nor 1")
        return array.astype(dtype, copy=False)


def _is_length(n: object) -> bool:
    return type(n) is int and 0 <= n <= _LONGEST


def _fill(member: Any, array: NDArray[Any]) -> None:
    """Read the array's bytes, and on to the member's end, where its checksum is compared."""
    content = array.reshape(-1).view(np.uint8).data
    at = 0
    while at < len(content):
        got = member.readinto(content[at : at + _CHUNK])
        if not got:
            raise EOFError("ends early")
        at += got
    if member.read(1):
        raise EOFError("goes on after its end")


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Archive]:
    """Open the file `path`. Every failure in the block is a ConversionError that names the path."""
    where = as_path(path, "load", ConversionError)
    try:
        if not (where.is_file() or where.is_dir()) and where.exists():  # a pipe would block
            raise OSError("it is no ordinary file")
        with where.open("rb") as stream:
            _check_magic(stream, where)
            size = os.fstat(stream.fileno()).st_size
            with zipfile.ZipFile(stream) as archive:
                yield Archive(where, archive, size)
    except ConversionError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConversionError(f"{where}: cannot be read: {reason}") from error
    except _BROKEN as error:
        raise ConversionError(f"{where}: is damaged or incomplete: {error}") from error


def _check_magic(stream: BinaryIO, path: Path) -> None:
    magic = stream.read(4)
    if magic != b"PK\x03\x04":
        found = f"a file that begins with {magic!r}" if magic else "an empty file"
        raise ConversionError(f"{path}: found {found}; needed a file written by neurograph's save")
    stream.seek(0)


def shape(entry: Sequence[Any]) -> tuple[int, ...]:
    """Return a shape whose size is an id at most. Raises ValueError for anything else."""
    found = tuple(whole(n, INT32_MAX) for n in entry)
    if len(found) > 32 or math.prod(n for n in found if n) > INT32_MAX:
        raise ValueError(f"found the shape {found}")
    return found


def whole(value: Any, largest: int | None) -> int:
    """Return `value`. Raises ValueError unless it is a whole number from 0 to `largest`."""
    if type(value) is not int or value < 0 or (largest is not None and value > largest):
        raise ValueError(f"found {value!r}, needed a whole number from 0 to {largest}")
    return value


def text(value: Any) -> str:
    """Return `value`. Raises TypeError unless it is text."""
    if not isinstance(value, str):
        raise TypeError(f"found {value!r}, needed text")
    return value
