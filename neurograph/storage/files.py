"""Files are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from neurograph.errors import NeurographError, kind_of


def as_path(path: str | os.PathLike[str], who: str, error: type[NeurographError]) -> Path:
    """Return `path` as a Path. Raises `error` for what can be none.

    >>> as_path(5, "load", NeurographError)
    Traceback (most recent call last):
    neurograph.errors.NeurographError: load: found int, needed a path
    """
    try:
        return Path(path)
    except TypeError:
        raise error(f"{who}: found {kind_of(path)}, needed a path") from None


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` for writing; put it in the place of `path` at the end.

    It is flushed to the disk and renamed only if the block ends without an exception; otherwise it
    is removed, and what stood at `path` stays as it was. Of a symbolic link the file it points to
    is replaced. A new file has the permissions the system gives new files, a replaced one keeps
    its own. Raises OSError where that is not possible, or if `path` is no ordinary file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "new")
    ...     with replacing(path) as stream:
    ...         _ = stream.write(b"whole")
    ...     path.read_bytes()
    b'whole'
    """
    target = Path(os.path.realpath(path))
    mode = _mode(target)
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(number, "wb") as stream:
            if mode is not None:
                part.chmod(mode)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    _flush_directory(target.parent)


def _mode(target: Path) -> int | None:
    """Return the permissions of the file at `target`, None where there is none."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(21, os.strerror(21), str(target))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{target} is no ordinary file")
    if not os.access(target, os.W_OK):
        raise PermissionError(13, os.strerror(13), str(target))
    return stat.S_IMODE(found.st_mode)


def _flush_directory(directory: Path) -> None:
    """Make the new name last, where the system can open a directory."""
    with suppress(OSError):
        number = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
