"""The machine's memory: sizes are checked before it is taken; sizes of its caches; cache lines."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurograph.errors import NeurographError

INT32_MAX = 2**31 - 1
_LINE = 64  # bytes of a cache line
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")  # where Linux tells of them


def readable(size: int | float) -> str:
    """Return a number of bytes as text.

    >>> readable(119_758_592_000)
    '119.8 GB'
    """
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def physical() -> int:
    """Return the machine's memory in bytes; where the system does not tell, 8 GB."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 8_000_000_000


@lru_cache(maxsize=4)
def cache_bytes(level: int) -> int:
    """Return the size of this machine's data cache of a level, 1 or 2.

    Where the system does not tell, 32 KB and 512 KB, of which few machines have less.
    """
    for cache in sorted(_CACHES.glob("index*")):
        try:
            told = [(cache / name).read_text().strip() for name in ("level", "type", "size")]
        except (OSError, ValueError):
            continue
        size = re.fullmatch("([1-9][0-9]*)([KM])", told[2])
        if size and told[0] == str(level) and told[1] != "Instruction":
            return int(size[1]) << (10 if size[2] == "K" else 20)
    return (1 << 15) if level == 1 else (1 << 19)


def require(
    size: int,
    who: str,
    error: type[NeurographError],
    *,
    limit: int | None = None,
    advice: str = "",
) -> None:
    """Raise `error` if `size` bytes exceed `limit` (by default 80 % of the machine's memory).

    >>> require(10**15, "C1", NeurographError, limit=10**9)
    Traceback (most recent call last):
    neurograph.errors.NeurographError: C1: would take 1000.0 TB, the limit is 1.0 GB
    """
    limit = int(physical() * 0.8) if limit is None else limit
    if size > limit:
        tail = f"; {advice}" if advice else ""
        raise error(f"{who}: would take {readable(size)}, the limit is {readable(limit)}{tail}")


def aligned(count: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return zeros (count,) that begin at a cache line: a vector never lies across two.

    >>> aligned(5, "float32").ctypes.data % 64
    0
    """
    item = np.dtype(dtype).itemsize
    memory = np.zeros(count + _LINE // item, dtype)
    skip = -memory.ctypes.data % _LINE // item
    return memory[skip : skip + count]
