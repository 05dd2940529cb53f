"""Pictures in colour, or grey, as networks of the ImageNet era take them: the middle, resized."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import is_whole, whole, wholes
from neurograph.datasets.opening import LONGEST, files_of, opened, require_pillow
from neurograph.datasets.picture_files import Pictures, sixteen_bits
from neurograph.errors import DataError, shown

if TYPE_CHECKING:
    from PIL.Image import Image

Levels = NDArray[np.uint8]
Size = tuple[int, int]

_MODES = {1: "L", 3: "RGB"}  # Pillow's, by the number of maps


def center_crops(
    paths: str | Path | Iterable[str | Path],
    *,
    size: Size,
    resize: int | None = None,
    maps: int = 3,
) -> Pictures:
    """Return the middle of pictures, levels 0 to 255, (N, rows, columns, maps) of this `size`.

    A path is a file or a directory, as of `pictures`. A picture is turned as its camera says, and
    resized, its proportions kept, until the shorter side is `resize` long; by default until it just
    covers `size`. This is what torchvision's transforms of classifiers do. Raises DataError for a
    file that is no picture, MissingDependency without Pillow.
    """
    if not is_whole(maps) or maps not in _MODES:
        raise DataError(f"center_crops: found {shown(maps)} maps, needed 1 or 3")
    size, resize = _sizes("center_crops", size, resize)
    files = files_of(paths)
    require_pillow()
    read = [_middle(path, size, resize, maps) for path in files]
    images = np.stack([image for image, _ in read])
    return Pictures(images, tuple(files), tuple(said for _, said in read))


def crops_of(levels: ArrayLike, *, size: Size, resize: int | None = None) -> Levels:
    """Return the middle of images (N, rows, columns, maps) of bytes, as `center_crops` does.

    Raises DataError for images of other numbers of maps than 1 and 3, or without a pixel.
    """
    size, resize = _sizes("crops_of", size, resize)
    given = wholes("crops_of", levels, what="levels", error=DataError)
    if given.ndim != 4 or given.shape[3] not in _MODES or not given.size:
        raise DataError(
            f"crops_of: found images of shape {given.shape}, needed (N, rows, columns, 1 or 3)"
        )
    if given.min() < 0 or given.max() > 255:
        raise DataError(
            f"crops_of: found levels from {given.min()} to {given.max()}, needed 0 to 255"
        )
    given = given.astype(np.uint8, copy=False)
    if given.shape[1:3] == size and resize in (None, min(size)):
        return given
    require_pillow()
    from PIL import Image

    maps = given.shape[3]
    pictures = (Image.fromarray(image[..., 0] if maps == 1 else image) for image in given)
    return np.stack([_levels(_cropped(picture, size, resize), maps) for picture in pictures])


def _sizes(who: str, size: Any, resize: Any) -> tuple[Size, int | None]:
    """Return rows and columns, and the length of the shorter side, checked."""
    pair = isinstance(size, Sequence) and len(size) == 2
    if not pair or not all(is_whole(n) and 1 <= n <= LONGEST for n in size):
        raise DataError(f"{who}: found size {shown(size)}, needed two whole numbers from 1")
    rows, columns = map(int, size)
    if resize is not None:
        least = max(rows, columns)
        resize = whole(f"{who}: resize", resize, least=least, most=LONGEST, error=DataError)
    return (rows, columns), resize


def _middle(path: Path, size: Size, resize: int | None, maps: int) -> tuple[Levels, str]:
    """Return the middle of a picture, and what was done to it."""

    def take(picture: Image, kind: str | None, changes: list[str], path: Path) -> Levels:
        shown_as = _converted(picture, kind, changes, path, maps)
        before = shown_as.size
        cropped = _cropped(shown_as, size, resize)
        if before != cropped.size:
            changes.append(f"the middle {cropped.width}x{cropped.height}")
        return _levels(cropped, maps)

    levels, form, changes = opened(path, take)
    return levels, f"{form}: {', '.join(changes) or 'as it is'}"


def _converted(
    picture: Image, kind: str | None, changes: list[str], path: Path, maps: int
) -> Image:
    from PIL import Image

    mode, deep = _MODES[maps], sixteen_bits(picture, kind, changes, path)
    if deep is not None:
        picture = Image.fromarray(deep)
    if picture.mode == mode:
        return picture
    changes.append("as colours" if maps == 3 else "greyscale")
    return picture.convert(mode)


def _cropped(picture: Image, size: Size, resize: int | None) -> Image:
    """Return the middle of a picture, resized as far as it has to be."""
    from PIL.Image import Resampling

    rows, columns = size
    width, height = picture.size
    short = min(width, height)
    if resize is None:
        scale = max(rows / height, columns / width)
        wide, high = max(columns, round(width * scale)), max(rows, round(height * scale))
    else:
        long = int(resize * max(width, height) / short)
        wide, high = (resize, long) if width <= height else (long, resize)
    if (wide, high) != picture.size:
        picture = picture.resize((wide, high), Resampling.BILINEAR)
    top, left = round((high - rows) / 2), round((wide - columns) / 2)
    return picture.crop((left, top, left + columns, top + rows))


def _levels(picture: Any, maps: int) -> Levels:
    return np.asarray(picture, np.uint8).reshape(picture.height, picture.width, maps)
