"""Files of pictures: which there are, and one of them opened, whatever it holds."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import DataError, missing
from neurograph.storage.files import as_path

if TYPE_CHECKING:
    from PIL.Image import Image

Levels = NDArray[np.uint8]
# Of a picture, its format, what was done to it so far and its path, its levels.
Take = Callable[["Image", str | None, list[str], Path], Levels]

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# No others: Pillow would hand some of them to programs of their own.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
LONGEST = 65_535  # rows or columns of a picture, as in JPEG
_ORIENTATION = 0x0112  # of EXIF; 1 is upright


def files_of(paths: Any) -> list[Path]:
    """Return the files that are meant, those of directories in the order of their names."""
    one = isinstance(paths, str | os.PathLike) or not np.iterable(paths)
    found: list[Path] = []
    for path in [paths] if one else paths:
        given = as_path(path, "pictures", DataError)
        found += _pictures_in(given) if given.is_dir() else [given]
    if not found:
        raise DataError("pictures: found no path, needed one or more")
    return found


def _pictures_in(directory: Path) -> list[Path]:
    try:
        names = sorted(directory.iterdir())
    except OSError as error:
        raise DataError(f"{directory}: cannot be read: {error.strerror}") from error
    found = [path for path in names if is_picture(path) and path.is_file()]
    if not found:
        raise DataError(f"{directory}: holds no picture; needed files {' '.join(SUFFIXES)}")
    return found


def is_picture(path: Path) -> bool:
    """Return whether a file's name says that it is a picture; hidden files are none.

    >>> is_picture(Path("a.PNG")), is_picture(Path("a.npy"))
    (True, False)
    """
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def require_pillow() -> None:
    """Raise MissingDependency where Pillow is not installed."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise missing("pictures: reading them", "Pillow", "images") from error


def opened(path: Path, take: Take) -> tuple[Levels, str, list[str]]:
    """Return what `take` makes of a picture, its size and mode, and what was done to it.

    Raises DataError for what is no file, no picture, damaged or too large.
    """
    import PIL.Image

    if not path.exists():
        raise DataError(f"{path}: no such file or directory")
    if not path.is_file():  # to open a pipe would wait for somebody to write
        raise DataError(f"{path}: is no ordinary file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(path, formats=_FORMATS) as picture:
                return _decoded(picture, path, take)
    except DataError:
        raise
    except (PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError) as error:
        limit = PIL.Image.MAX_IMAGE_PIXELS or 0
        raise DataError(f"{path}: is a picture of more than {limit:,} pixels") from error
    except Exception as error:  # a decoder of a damaged file may raise anything
        raise DataError(
            f"{path}: cannot be read as a picture ({' '.join(_FORMATS)}): {error}"
        ) from error


def _decoded(picture: Image, path: Path, take: Take) -> tuple[Levels, str, list[str]]:
    from PIL import ImageOps

    if max(picture.size) > LONGEST:
        raise DataError(f"{path}: is {_text(picture)}, needed at most {LONGEST} rows or columns")
    changes = ["the first of its frames"] if getattr(picture, "n_frames", 1) > 1 else []
    kind = picture.format
    turned = ImageOps.exif_transpose(picture)
    if picture.getexif().get(_ORIENTATION, 1) != 1:
        changes.append("turned as the camera says")
    form = f"{_text(turned)} {turned.mode}"
    return take(turned, kind, changes, path), form, changes


def _text(picture: Image) -> str:
    return f"{picture.width}x{picture.height}"
