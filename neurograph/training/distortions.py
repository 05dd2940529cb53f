"""Distorted copies of images, drawn by a seeded generator: planar affine maps.

LeCun et al. 1998, page 10, names the four kinds (shift, scale, squeeze, horizontal shear) and gives
no ranges. The defaults are those of a few that did best on MNIST digits held out from training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import finite, is_real, number, reals, whole
from neurograph.errors import DataError, kind_of, shown

Array = NDArray[Any]
_FAR = 1e9  # no image is so large
_MOST = 2**31  # images in one call
_FEW = 32  # images mapped at a time, so that they stay in cache


@dataclass(frozen=True)
class Distortion:
    """Random planar affine maps; every number is the largest of its kind, drawn evenly from +- it.

    About the image's centre, with x to the right and y down, in pixels: x' = s q (x + k y) + u, y'
    = s / q y + v. shift: u and v, each; scale: log s; squeeze: log q, wider and lower or narrower
    and higher; shear: k. What comes from outside the image is `background`, the value of paper
    (-0.1 as `datasets.normalize` leaves it).

    >>> images = np.random.default_rng(0).random((2, 1, 8, 8))
    >>> still = Distortion(shift=0, scale=0, squeeze=0, shear=0)
    >>> bool((still(images, np.random.default_rng(0)) == images).all())
    True

    Raises DataError for a negative or infinite range.
    """

    shift: float = 1.2
    scale: float = 0.1
    squeeze: float = 0.06
    shear: float = 0.15
    background: float = -0.1

    def __post_init__(self) -> None:
        for name in ("shift", "scale", "squeeze", "shear"):
            value = getattr(self, name)
            if not (is_real(value) and 0 <= value < np.inf):
                raise DataError(f"distortion: found {name} {shown(value)}, needed a number from 0")
            object.__setattr__(self, name, float(value))
        background = number("distortion: background", self.background, error=DataError)
        object.__setattr__(self, "background", background)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return `count` maps: matrices (count, 2, 2) and shifts (count, 2), both in (y, x).

        Raises DataError for an `rng` that is no NumPy Generator.
        """
        if not isinstance(rng, np.random.Generator):
            raise DataError(f"distortion: found {kind_of(rng)} as rng, needed a NumPy Generator")
        count = whole("distortion: count", count, most=_MOST, error=DataError)
        u, v, scale, squeeze, shear = (
            rng.uniform(-1, 1, (5, count)).T
            * (self.shift, self.shift, self.scale, self.squeeze, self.shear)
        ).T
        with np.errstate(over="ignore"):  # what no image survives is refused by `transform`
            across, down = np.exp(scale + squeeze), np.exp(scale - squeeze)
        matrices = np.stack([down, np.zeros(count), across * shear, across], axis=1)
        return matrices.reshape(count, 2, 2), np.stack([v, u], axis=1)

    def __call__(self, images: ArrayLike, rng: np.random.Generator) -> Array:
        """Return each image (N, ..., rows, columns) distorted in its own way.

        Raises DataError for another shape, or an `rng` that is no NumPy Generator.
        """
        given = reals("distortion", images, what="images", error=DataError)
        if given.ndim < 3:
            raise DataError(
                f"distortion: found images of shape {given.shape}, needed (N, ..., rows, columns)"
            )
        return transform(given, *self.draw(len(given), rng), background=self.background)


def transform(
    images: ArrayLike, matrices: ArrayLike, shifts: ArrayLike, *, background: float = 0.0
) -> Array:
    """Return images (N, ..., rows, columns) under affine maps about their centres, bilinearly.

    A point at (y, x) from the centre goes to matrix (y, x) + shift; matrices (N, 2, 2), shifts (N,
    2). Every pixel of the result is looked up where it came from, between the four nearest pixels,
    and is `background` outside. Raises DataError for wrong shapes or a matrix without an inverse.

    >>> image = np.zeros((1, 3, 3)); image[0, 1, 1] = 1
    >>> transform(image, np.eye(2)[None], [[0, 0.5]])[0, 1].tolist()
    [0.0, 0.5, 0.5]
    """
    given = reals("transform", images, what="images", error=DataError)
    flat = given if given.dtype.kind == "f" else given.astype(np.float64)
    matrix = finite("transform", matrices, what="matrices", error=DataError)
    shift = finite("transform", shifts, what="shifts", error=DataError)
    ground = number("transform: background", background, error=DataError)
    count = len(flat) if flat.ndim else 0
    if flat.ndim < 3 or matrix.shape != (count, 2, 2) or shift.shape != (count, 2):
        raise DataError(
            f"transform: found images {flat.shape}, matrices {matrix.shape} and shifts "
            f"{shift.shape}, needed (N, ..., rows, columns), (N, 2, 2) and (N, 2)"
        )
    with np.errstate(all="ignore"):
        size = np.abs(np.linalg.det(matrix))
    if not ((size > 0) & np.isfinite(size)).all():
        raise DataError("transform: a matrix has no inverse")
    inverse = np.linalg.inv(matrix)
    if not (np.abs(inverse) < _FAR).all() or not (np.abs(shift) < _FAR).all():
        raise DataError(f"transform: a map stretches or shifts {_FAR:g} times or pixels")
    planes = flat.reshape(count, math.prod(flat.shape[1:-2]), *flat.shape[-2:])
    out = np.empty_like(planes)
    for a in range(0, count, _FEW):
        some = slice(a, a + _FEW)
        with np.errstate(all="ignore"):  # a ground beyond the images' type is infinite there
            out[some] = _looked_up(planes[some], inverse[some], shift[some], ground)
    return out.reshape(flat.shape)


def _looked_up(planes: Array, inverse: Array, shift: Array, background: float) -> Array:
    count, maps, rows, columns = planes.shape
    # A border of background, two wide, so that the four neighbours of a point just outside exist.
    padded = np.pad(planes, ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=background)
    middle = np.array([(rows - 1) / 2, (columns - 1) / 2])
    place = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")).reshape(2, -1)
    relative = (place - middle[:, None])[None] - shift[:, :, None]
    source = inverse @ relative + (middle + 2)[:, None]
    limit = np.array([[rows + 2.0], [columns + 2.0]])
    source = np.clip(source, 0, limit)
    corner = np.floor(source).astype(np.intp)
    part = (source - corner).astype(planes.dtype)[:, None]
    width = columns + 4
    start = np.arange(count * maps).reshape(count, maps, 1) * ((rows + 4) * width)
    base = start + (corner[:, 0] * width + corner[:, 1])[:, None]
    pixels = padded.reshape(-1)
    down, across = part[:, :, 0], part[:, :, 1]
    above = pixels.take(base) * (1 - across) + pixels.take(base + 1) * across
    below = pixels.take(base + width) * (1 - across) + pixels.take(base + (width + 1)) * across
    return np.asarray(above * (1 - down) + below * down).reshape(planes.shape)
