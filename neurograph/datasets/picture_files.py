"""Pictures from files as grey levels: PNG, JPEG and others, read by Pillow, and their resizing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import is_whole
from neurograph.datasets.handwritten import grey_levels
from neurograph.datasets.opening import LONGEST, files_of, opened, require_pillow
from neurograph.errors import DataError, shown
from neurograph.memory import require

if TYPE_CHECKING:
    from PIL.Image import Image

Grey = NDArray[np.uint8]
Size = tuple[int, int]

_BLOCK = 1 << 22  # pixels resized at a time
_MIDDLE = 128  # from here on a background is light


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures (N, rows, columns), grey levels 0 (background) to 255 (ink), and their files.

    `changes` says of each what was done to it, such as "640x480 RGB: greyscale, dark on light:
    inverted, resized to 28x21".
    """

    images: Grey
    paths: tuple[Path, ...]
    changes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)


def pictures(
    paths: str | Path | Iterable[str | Path],
    *,
    size: Size = (32, 32),
    box: Size = (28, 28),
    invert: bool | None = None,
    transpose: bool = False,
) -> Pictures:
    """Return pictures as grey levels (N, rows, columns) of this `size`, ink light on dark.

    A path is a file or a directory, of which every picture is taken, in the order of names. A
    picture is turned as its camera says, made grey (ITU-R 601 luminance), resized, with its
    proportions kept, to fit the `box` (or the `size`, where that is smaller), and stands in the
    middle of its own background; one that is no smaller than the box and fits the `size` is not
    resized. Where `invert` is None, a picture whose edge is light is inverted. `transpose`
    exchanges rows and columns (EMNIST). `changes` says what was done. Needs the extra "images".

    Raises DataError for a file that cannot be read, is no picture, too large, or of 32 bits a
    pixel, and for a directory without one; MissingDependency without Pillow.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "dot.pgm")
    ...     _ = path.write_bytes(b"P5 3 3 255 " + bytes([255] * 4 + [0] + [255] * 4))
    ...     found = pictures(path, size=(3, 5))
    >>> found.images[0, 1], found.changes
    (array([  0,   0, 255,   0,   0], dtype=uint8), ('3x3 L: dark on light: inverted',))
    """
    size, box = _pair(size, "size"), _pair(box, "box")
    box = min(box[0], size[0]), min(box[1], size[1])
    files = files_of(paths)
    require_pillow()
    read = [_placed(path, size, box, invert, transpose) for path in files]
    images = np.stack([image for image, _ in read])
    return Pictures(images, tuple(files), tuple(said for _, said in read))


def resize(images: ArrayLike, size: Size) -> Grey:
    """Return grey levels (N, rows, columns) of this `size`: weighted means over what they cover.

    The weights fall linearly with the distance, over as much of the image as a new pixel covers
    (the antialiased bilinear filter of Pillow and torchvision). Raises DataError unless the images
    are whole numbers from 0 to 255.

    >>> resize([[[0, 0, 200, 200]]], (1, 2))
    array([[[ 29, 171]]], dtype=uint8)
    """
    given = grey_levels(images, "resize")
    rows, columns = _pair(size, "size")
    if given.shape[1:] == (rows, columns):
        return given
    if not all(given.shape[1:]):
        raise DataError(f"resize: found images of shape {given.shape}, needed one pixel or more")
    count, *old = given.shape
    require(count * rows * columns + 8 * (rows * old[0] + columns * old[1]), "resize", DataError)
    down, across = _filter(old[0], rows), _filter(old[1], columns).T
    found = np.empty((count, rows, columns), np.uint8)
    step = max(1, _BLOCK // max(old[0] * old[1], rows * columns))
    for at in range(0, count, step):
        some = given[at : at + step].astype(np.float64)
        found[at : at + step] = np.rint(down @ some @ across).clip(0, 255)
    return found


def dark_on_light(images: ArrayLike) -> bool:
    """Return whether grey levels (N, rows, columns) are dark on light: their edges are light.

    >>> dark_on_light([[[255, 255, 255], [255, 0, 255], [255, 255, 255]]])
    True
    """
    return _edge_level(grey_levels(images, "dark_on_light")) >= _MIDDLE


def _edge_level(images: NDArray[Any]) -> float:
    """Return the median grey level of the pixels at the images' edges."""
    if not images.size:
        return 0.0
    edges = images[:, :, [0, -1]], images[:, [0, -1], :]
    return float(np.median(np.concatenate([e.reshape(-1) for e in edges])))


def _filter(old: int, new: int) -> NDArray[np.float64]:
    """Return the weights (new, old) of the old pixels in each new one; rows add up to 1."""
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale
    distances = np.abs(np.arange(old) + 0.5 - centres[:, None]) / max(scale, 1.0)
    weights = np.maximum(1 - distances, 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _pair(given: Any, what: str) -> Size:
    pair = isinstance(given, Sequence) and len(given) == 2
    if not pair or not all(is_whole(n) and 1 <= n <= LONGEST for n in given):
        raise DataError(f"pictures: found {what} {shown(given)}, needed two whole numbers from 1")
    return int(given[0]), int(given[1])


# ---- one picture --------------------------------------------------------------------------------


def _placed(
    path: Path, size: Size, box: Size, invert: bool | None, transpose: bool
) -> tuple[Grey, str]:
    """Return a picture in the middle of an image of `size`, and what was done to it."""
    grey, form, changes = opened(path, _grey)
    if transpose:
        grey = grey.T
        changes.append("transposed")
    light = dark_on_light(grey[None])
    if light if invert is None else invert:
        grey = 255 - grey
        changes.append("inverted" if invert else "dark on light: inverted")
    rows, columns = _fitted(grey.shape, size, box)
    if (rows, columns) != grey.shape:
        grey = resize(grey[None], (rows, columns))[0]
        changes.append(f"resized to {columns}x{rows}")
    image = np.full(size, round(_edge_level(grey[None])), np.uint8)
    top, left = (size[0] - rows) // 2, (size[1] - columns) // 2
    image[top : top + rows, left : left + columns] = grey
    return image, f"{form}: {', '.join(changes) or 'as it is'}"


def _fitted(found: tuple[int, ...], size: Size, box: Size) -> Size:
    """Return the rows and columns a picture gets."""
    rows, columns = found
    if rows <= size[0] and columns <= size[1] and (rows >= box[0] or columns >= box[1]):
        return rows, columns
    scale = min(box[0] / rows, box[1] / columns)
    return max(1, round(rows * scale)), max(1, round(columns * scale))


def _grey(picture: Image, kind: str | None, changes: list[str], path: Path) -> Grey:
    """Return the grey levels of any mode; what is done to get them is added to `changes`."""
    mode, deep = picture.mode, sixteen_bits(picture, kind, changes, path)
    if deep is not None:
        return deep
    if "A" in mode[-1:].upper() or "transparency" in picture.info:
        return _flattened(picture, changes)
    if mode not in ("1", "L"):
        changes.append("greyscale")
        if mode not in ("RGB", "P"):
            picture = picture.convert("RGB")
    return np.asarray(picture.convert("L"))


def sixteen_bits(picture: Image, kind: str | None, changes: list[str], path: Path) -> Grey | None:
    """Return the grey levels of a picture of 16 bits a pixel; None of any other.

    Raises DataError for 32 bits a pixel.
    """
    mode = picture.mode
    if mode.startswith("I;16") or (mode == "I" and kind in ("PNG", "PPM")):
        changes.append("16 bits reduced to 8")
        return np.rint(np.asarray(picture).astype(np.float64) / 257).astype(np.uint8)
    if mode in ("I", "F"):
        raise DataError(f"{path}: has 32 bits a pixel (mode {mode}); needed 8 or 16")
    return None


def _flattened(picture: Image, changes: list[str]) -> Grey:
    """Lay a transparent picture on white, or on black where what is seen of it is light."""
    colours = picture.convert("RGBA")
    level = np.asarray(colours.convert("RGB").convert("L"), np.float64)
    alpha = np.asarray(colours.getchannel("A"), np.float64) / 255
    seen = alpha.sum()
    light = bool(seen) and (alpha * level).sum() / seen >= _MIDDLE and bool((alpha < 1).any())
    changes += [] if picture.mode in ("LA", "La", "L") else ["greyscale"]
    if (alpha < 1).any():
        changes.append(f"laid on {'black' if light else 'white'}")
    return np.asarray(np.rint(alpha * level + (1 - alpha) * (0 if light else 255)), np.uint8)
