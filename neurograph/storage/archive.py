"""A zip file of one JSON header and plain arrays (.npy), which `numpy.load` can open as well.

Nothing is compressed and nothing is pickled: what an array takes in memory is what it takes in the
file. NumPy writes and reads the arrays; the zip file's directory, and each array's type and shape,
which stand in the header too, are checked before any memory is taken. Equal contents give equal
bytes (with the same NumPy: another may pad the head of an array otherwise).
"""

from __future__ import annotations

import io
import json
import math
import os
import struct
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from neurograph.errors import ConversionError
from neurograph.memory import INT32_MAX, require
from neurograph.storage.files import as_path, reading, replacing

HEADER = "header.json"
_TYPES = {"<i2", "<i4", "<i8", "<f8", "|b1"}
# What zipfile, json and NumPy raise on bytes that none of them would write.
_BROKEN = (
    zipfile.BadZipFile,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,  # RecursionError and NotImplementedError with it
    TypeError,
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
    try:
        text = json.dumps({**header, "arrays": index}, allow_nan=False, separators=(",", ":"))
        with replacing(where) as stream, zipfile.ZipFile(stream, "w") as archive:
            with _member(archive, HEADER, len(text)) as member:
                member.write(text.encode())
            for name, array in stored.items():
                with _member(archive, f"{name}.npy", array.nbytes) as member:
                    npy.write_array(member, array, version=(1, 0), allow_pickle=False)
    except OSError as error:
        raise ConversionError(f"{where}: cannot be written: {error.strerror or error}") from error
    except (TypeError, ValueError) as error:  # no JSON: a number too long, an object
        raise ConversionError(f"{where}: cannot be written: {error}") from error


def _portable(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array in C order and little-endian bytes."""
    array = np.asarray(array)
    return array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)


def _member(archive: zipfile.ZipFile, name: str, size: int) -> IO[bytes]:
    """Open a new member of about this size, with a fixed date."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o644 << 16
    return archive.open(info, "w", force_zip64=size > 1 << 30)


class Archive:
    """A file that `write` made, open for reading: its header, and its arrays one by one.

    Every failure is a ConversionError that names the path.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile, size: int) -> None:
        self.path = path
        self._archive = archive
        self._read: set[str] = set()
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
            header = json.loads(
                self._archive.read(HEADER), parse_constant=_no_number, object_pairs_hook=_object
            )
        except RecursionError:
            header = None
        if not isinstance(header, dict):
            self.fail("found a header that is no JSON object")
        return dict(header)

    def check_members(self) -> None:
        """Raise ConversionError unless the members are those the header lists, large enough."""
        index = self.header.get("arrays")
        if not isinstance(index, dict):
            self.fail("is damaged: the header lists no arrays")
        needed = {f"{name}.npy": self._bytes(name) for name in dict(index or {})}
        found = {n: i.file_size for n, i in self._members.items() if n != HEADER}
        for name in sorted(needed.keys() | found.keys()):
            if name not in needed or name not in found or found[name] <= needed[name]:
                self.fail(
                    f"is damaged: {name} has {found.get(name, 'no')} bytes, "
                    f"the header says {needed.get(name, 'nothing')}"
                )
        require(2 * sum(found.values()), f"{self.path}", ConversionError)

    def require_all_read(self, known: Collection[str]) -> None:
        """Raise ConversionError for arrays nobody has read, and header entries not known."""
        more = self.header["arrays"].keys() - self._read
        more |= self.header.keys() - {"format", "version", "arrays", *known}
        if more:
            self.fail(f"is damaged: holds what nothing refers to: {', '.join(sorted(more))}")

    def entry(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Return an array's type and shape, as the header lists them."""
        entry = self.header["arrays"].get(name)
        if not (isinstance(entry, list) and len(entry) == 2 and entry[0] in _TYPES):
            self.fail(f"is damaged: the header describes no array {name!r}")
        dtype, extent = entry
        if not isinstance(extent, list) or not all(map(_is_length, extent)):
            self.fail(f"is damaged: {name} has the shape {extent}")
        return str(dtype), tuple(extent)

    def _bytes(self, name: str) -> int:
        dtype, extent = self.entry(name)
        return math.prod(extent) * np.dtype(dtype).itemsize

    def array(self, name: str, dtype: Any, rank: int | None = 1) -> NDArray[Any]:
        """Return an array. Raises ConversionError unless it has this type and rank (None: any)."""
        found, extent = self.entry(name)
        needed = np.dtype(dtype).newbyteorder("<").str
        if found != needed or (rank is not None and len(extent) != rank):
            self.fail(f"is damaged: {name} is {found} {extent}, not {needed} of {rank} dimensions")
        with self._archive.open(f"{name}.npy") as member:
            if not _begins_as(member, found, extent, self._members[f"{name}.npy"].file_size):
                self.fail(f"is damaged: {name} does not begin as a .npy file of {found} {extent}")
        with self._archive.open(f"{name}.npy") as member:
            array = npy.read_array(member, allow_pickle=False)
        self._read.add(name)
        if found == "|b1" and array.size and int(array.view(np.uint8).max()) > 1:
            self.fail(f"is damaged: {name} holds a truth value that is neither 0 nor 1")
        return array.astype(dtype, copy=False)


def _begins_as(member: IO[bytes], dtype: str, extent: tuple[int, ...], size: int) -> bool:
    """Return whether a member of `size` bytes begins as the .npy file of such an array, no more.

    How its head is padded is left to the NumPy that wrote it; the text is never parsed unseen.
    """
    wanted = io.BytesIO()
    about = {"descr": dtype, "fortran_order": False, "shape": extent}
    npy.write_array_header_1_0(wanted, about)
    start = member.read(10)
    (length,) = struct.unpack("<8xH", start)
    head = start[:8] + member.read(length).rstrip()
    taken = len(start) + length + math.prod(extent) * np.dtype(dtype).itemsize
    return head == wanted.getvalue()[:8] + wanted.getvalue()[10:].rstrip() and size == taken


def _no_number(text: str) -> None:
    raise ValueError(f"found {text}, needed a finite number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"found a name twice among {', '.join(key for key, _ in pairs)}")
    return found


def _is_length(n: object) -> bool:
    return type(n) is int and 0 <= n <= INT32_MAX + 1


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Archive]:
    """Open the file `path`. Every failure in the block is a ConversionError that names the path."""
    where = as_path(path, "load", ConversionError)
    try:
        with reading(where) as stream:
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
        said = f"{type(error).__name__}: {error}"
        raise ConversionError(f"{where}: is damaged or incomplete ({said})") from error


def _check_magic(stream: BinaryIO, path: Path) -> None:
    magic = stream.read(4)
    if magic != b"PK\x03\x04":
        found = f"a file that begins with {magic!r}" if magic else "an empty file"
        hint = "; an ONNX file is read by from_onnx" if path.suffix == ".onnx" else ""
        raise ConversionError(
            f"{path}: found {found}; needed a file written by neurograph's save{hint}"
        )
    stream.seek(0)
