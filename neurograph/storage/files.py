"""Files are written whole or not at all, and only ordinary ones are read."""

from __future__ import annotations

import errno
import os
import re
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
        found = Path(path)
    except TypeError:
        raise error(f"{who}: found {kind_of(path)}, needed a path") from None
    try:
        encoded = os.fsencode(found)
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:  # the message shows the path escaped: it could not be printed either
        raise error(f"{who}: found {str(found)!a}, which no file can be called; needed a path")
    return found


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open an ordinary file for reading; never wait for a pipe or read a device.

    Raises OSError where it cannot be opened, or if it is no ordinary file.
    """
    _require_ordinary(path.stat().st_mode, path)  # opening a device may do something already
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as stream:
        _require_ordinary(os.fstat(stream.fileno()).st_mode, path)
        yield stream


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file for writing; put it in the place of `path` at the end.

    It is flushed to the disk and named only if the block ends without an exception; otherwise what
    stood at `path` stays as it was. Where the system has files without a name (Linux, most file
    systems), a process that is killed while it writes leaves nothing behind; elsewhere it leaves
    .NAME.*.part beside `path`, which the next one that replaces `path` removes. Of a symbolic link
    the file it points to is replaced. A new file has the permissions the system gives new files, a
    replaced one keeps its own. Raises OSError where that is not possible, or if `path` is no
    ordinary file.

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
    stem = f".{os.fsencode(target.name)[:100].decode(errors='ignore')}."
    _sweep(target.parent, stem)
    part = target.with_name(f"{stem}{secrets.token_hex(4)}.part")
    number, named = _temporary(part)
    try:
        with os.fdopen(number, "wb") as stream:
            if mode is not None:
                os.chmod(part if named else number, mode)
            yield stream
            stream.flush()
            os.fsync(number)
            if not named:
                _replace(number, part, target)
        if named:
            part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    _flush_directory(target.parent)


def _temporary(part: Path) -> tuple[int, bool]:
    """Open a file for writing, without a name if that can be, else `part`; return whether named."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
        with suppress(OSError):  # a file system that has none says so in several ways
            number = os.open(part.parent, os.O_WRONLY | os.O_TMPFILE, 0o666)
            _lock(number)
            return number, False
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    number = os.open(part, flags, 0o666)
    _lock(number)
    return number, True


def _replace(number: int, part: Path, target: Path) -> None:
    """Put an open file without a name in the place of `target`."""
    directory = os.open(part.parent, os.O_RDONLY)
    try:
        # Only with a directory given does Python follow the link, which leads to the open file.
        # A link replaces nothing, so there is a second name for a moment: see `_sweep`.
        os.link(f"/proc/self/fd/{number}", part, src_dir_fd=directory)
        os.replace(part, target)
    finally:
        os.close(directory)


def _lock(number: int) -> bool:
    """Lock an open file against `_sweep` while it is open; return whether nobody else has it."""
    try:
        import fcntl
    except ImportError:  # Windows, where a file that is open cannot be removed
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(directory: Path, stem: str) -> None:
    """Remove the parts that killed processes left of this file: those nobody has locked."""
    form = re.compile(re.escape(stem) + r"[0-9a-f]{8}\.part")
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if form.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                left = False
                with suppress(OSError), open(entry.path, "rb") as stream:
                    # An empty one may be another's that is about to lock it.
                    left = _lock(stream.fileno()) and os.fstat(stream.fileno()).st_size > 0
                with suppress(OSError):
                    if left:
                        os.unlink(entry.path)


def _require_ordinary(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))


def _mode(target: Path) -> int | None:
    """Return the permissions of the file at `target`, None where there is none."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    _require_ordinary(found.st_mode, target)
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    return stat.S_IMODE(found.st_mode)


def _flush_directory(directory: Path) -> None:
    """Make the new name last, where the system can open a directory."""
    with suppress(OSError):
        number = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
