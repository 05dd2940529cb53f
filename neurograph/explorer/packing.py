"""Arrays as bytes for the browser: each in the smallest type that loses nothing, then deflated.

A pack is [length of the header, uint32][header, JSON][arrays, one after the other]. Of numbers of
several bytes the first bytes come first, then the second ones, which deflates better.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_FLOATS = {"f2": np.float16, "f4": np.float32, "f8": np.float64}
CODES_MAX = 256


class Pack:
    """A header, and arrays that it names by their place.

    >>> pack = Pack()
    >>> pack.integers(np.arange(3)), pack.numbers(np.array([0.5]))
    (0, 1)
    >>> zlib.decompress(pack.deflated({}))[4:30]
    b'{"arrays":[["i4",3],["f2",'
    """

    def __init__(self) -> None:
        self._arrays: list[tuple[str, int]] = []
        self._parts: list[bytes] = []

    def _put(self, kind: str, size: int, data: bytes) -> int:
        self._arrays.append((kind, size))
        self._parts.append(data)
        return len(self._parts) - 1

    def integers(self, ids: Array) -> int:
        """Add int32 numbers, as differences from one to the next; return their place."""
        flat = np.asarray(ids).reshape(-1).astype(np.int64)
        # Differences beyond int32 come back right all the same: both sides wrap around.
        differences = np.diff(flat, prepend=0).astype(np.int32)
        return self._put("i4", flat.size, _shuffled(differences))

    def flags(self, flags: Array) -> int:
        """Add booleans, a bit each; return their place."""
        packed = np.packbits(np.asarray(flags, bool).reshape(-1), bitorder="little")
        return self._put("b1", np.size(flags), packed.tobytes())

    def numbers(self, values: Array, *, half: bool = False) -> int:
        """Add floats in the smallest type that holds each exactly, or in half precision."""
        flat = np.asarray(values, np.float64).reshape(-1)
        kind = "f2" if half else smallest(flat)
        with np.errstate(over="ignore"):
            return self._put(kind, flat.size, _shuffled(flat.astype(_FLOATS[kind])))

    def coded(self, values: Array) -> list[int]:
        """Add floats; where few are different, those and a byte for each; return the places."""
        flat = np.asarray(values, np.float64).reshape(-1)
        distinct, code = np.unique(flat, return_inverse=True)
        if distinct.size > CODES_MAX:
            return [self.numbers(flat)]
        return [self.numbers(distinct), self._put("u1", flat.size, code.astype(np.uint8).tobytes())]

    def deflated(self, header: dict[str, Any]) -> bytes:
        """Return the whole, compressed."""
        head = json.dumps({**header, "arrays": self._arrays}, separators=(",", ":")).encode()
        # Long repetitions matter, short ones are chance; and no two arrays are alike.
        coder = zlib.compressobj(6, strategy=zlib.Z_FILTERED)
        parts = [struct.pack("<I", len(head)) + head, *self._parts]
        coded = [coder.compress(part) + coder.flush(zlib.Z_FULL_FLUSH) for part in parts]
        return b"".join([*coded, coder.flush()])


def smallest(values: Array) -> str:
    """Return the smallest of "f2", "f4" and "f8" that holds every value exactly.

    >>> smallest(np.array([0.5, -1.0])), smallest(np.array([0.1]))
    ('f2', 'f8')
    """
    with np.errstate(over="ignore"):
        for kind in ("f2", "f4"):
            if np.array_equal(values.astype(_FLOATS[kind]), values, equal_nan=True):
                return kind
    return "f8"


def _shuffled(values: Array) -> bytes:
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return little.view(np.uint8).reshape(-1, values.itemsize).T.tobytes()
