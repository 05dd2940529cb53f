"""Pictures sorted into folders, a folder a class."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurograph.datasets.opening import is_picture
from neurograph.datasets.picture_files import pictures
from neurograph.errors import DataError
from neurograph.storage.files import as_path


@dataclass(frozen=True, eq=False)
class ClassFolders:
    """Pictures (N, rows, columns) as grey levels, their labels (N,), and what each label is called.

    `paths` and `changes` are those of `Pictures`, one a picture.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.intp]
    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    changes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def class_folders(
    directory: str | os.PathLike[str],
    *,
    size: tuple[int, int] = (32, 32),
    box: tuple[int, int] = (28, 28),
    invert: bool | None = None,
    transpose: bool = False,
) -> ClassFolders:
    """Return the pictures of a directory that has a folder for each class.

    Classes are labelled 0, 1, ... in the order of their folders' names, which is that of the
    numbers where all names are numbers; the pictures of a class are in the order of theirs. Hidden
    folders are none. How a picture is read, `pictures` says; it needs the extra "images".

    Raises DataError for fewer than two folders, one without a picture, a picture beside the
    folders, and what cannot be read; MissingDependency without Pillow.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     for name in ("dots", "blanks"):
    ...         Path(directory, name).mkdir()
    ...         _ = Path(directory, name, "a.pgm").write_bytes(b"P5 1 1 255 " + name[:1].encode())
    ...     found = class_folders(directory, size=(3, 3))
    >>> found.classes, found.labels.tolist(), found.images.shape
    (('blanks', 'dots'), [0, 1], (2, 3, 3))
    """
    folders = _folders(as_path(directory, "class_folders", DataError))
    read = [
        pictures(folder, size=size, box=box, invert=invert, transpose=transpose)
        for folder in folders
    ]
    return ClassFolders(
        np.concatenate([found.images for found in read]),
        np.repeat(np.arange(len(read)), [len(found) for found in read]),
        tuple(folder.name for folder in folders),
        tuple(path for found in read for path in found.paths),
        tuple(change for found in read for change in found.changes),
    )


def _folders(directory: Path) -> list[Path]:
    """Return the folders of the classes, in order."""
    try:
        inside = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except (OSError, ValueError) as error:
        raise DataError(f"{directory}: cannot be read: {error}; needed a folder a class") from error
    loose = [path for path in inside if is_picture(path) and path.is_file()]
    if loose:
        raise DataError(f"{loose[0]}: is in the folder of no class; needed a folder a class")
    folders = [path for path in inside if path.is_dir()]
    if len(folders) < 2:
        raise DataError(f"{directory}: found {len(folders)} folders, needed one for each class")
    if all(folder.name.isdecimal() for folder in folders):
        folders.sort(key=lambda folder: int(folder.name))
    return folders
