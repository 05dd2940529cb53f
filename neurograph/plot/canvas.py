"""Axes to draw on, what is written on them, and colours; all ink follows matplotlib's style.

Nothing is set but what is drawn: under `plt.style.context("dark_background")` every picture is
light on dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.errors import GraphError, kind_of, missing

Array = NDArray[Any]
Size = tuple[float, float]

# Okabe and Ito's, which colour-blind readers can tell apart; each is seen on white and on black.
ORANGE, BLUE, GREEN, RED = "#E69F00", "#2C8CC7", "#009E73", "#D55E00"
PURPLE = "#CC79A7"
AMOUNT, SIGNED = "cividis", "RdBu_r"  # colour maps: how much; how far from 0, either way
QUIET = 0.75  # opacity of what is written smaller
_EMPTY = 0.07
_MARGIN = 0.12  # inches around axes
_WIDTH = 7.4  # inches at least: what is written above has room


def pyplot(who: str) -> Any:
    """Return matplotlib.pyplot. Raises MissingDependency, for `who`, where it is not installed."""
    try:
        import matplotlib.pyplot as found
    except ImportError as error:
        raise missing(who, "matplotlib", "plot") from error
    return found


def _figure(who: str, size: Size) -> Any:
    figure = pyplot(who).figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=_MARGIN, h_pad=_MARGIN)
    return figure


def counted(count: int, what: str) -> str:
    """Return so many of something, as text.

    >>> counted(1, "weight"), counted(1500, "weight")
    ('1 weight', '1,500 weights')
    """
    return f"{count:,} {what}{'s' * (count != 1)}"


def one_axes(who: str, ax: Any, size: Size) -> Any:
    """Return `ax`, or new axes in a figure of this size, in inches."""
    if ax is None:
        ax = _figure(who, (max(size[0], _WIDTH), size[1])).subplots()
        ax.set_anchor("W")
        return ax
    if not hasattr(ax, "imshow"):
        raise GraphError(f"{who}: ax is {kind_of(ax)}, needed matplotlib's Axes")
    return ax


def several_axes(who: str, ax: Any, grid: tuple[int, int], size: Size) -> Array:
    """Return axes in this grid: those given, (any shape), or new ones in a figure of this size."""
    if ax is None:
        return np.asarray(_figure(who, size).subplots(*grid, squeeze=False))
    given = ax.reshape(-1) if isinstance(ax, np.ndarray) else ax
    each = list(given) if isinstance(given, list | tuple | np.ndarray) else [given]
    if len(each) != math.prod(grid) or not all(hasattr(one, "imshow") for one in each):
        raise GraphError(f"{who}: ax is {kind_of(ax)}, needed {math.prod(grid)} Axes")
    found = np.empty(len(each), object)
    found[:] = each
    return found.reshape(grid)


def tiled_axes(who: str, ax: Any, count: int, across: int, size: Callable[..., Size]) -> Array:
    """Return so many axes: those given, or new ones in rows of `across`.

    size: the inches of a figure of so many rows and columns.
    """
    grid = -(-count // across), across
    free = several_axes(who, ax, grid if ax is None else (1, count), size(*grid)).reshape(-1)
    for spare in free[count:]:
        spare.set_axis_off()
    return np.asarray(free[:count])


def entitle(ax: Any, text: str, note: str = "") -> None:
    """Write what one sees above the axes, and smaller what else there is to say."""
    ax.set_title(text, loc="left", fontsize=15, fontweight="bold", pad=27 if note else 9)
    if note:
        ax.annotate(
            note,
            (0, 1),
            xytext=(0, 8),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=12,
            alpha=QUIET,
            color=ink(),
        )


def ink() -> Any:
    """Return the colour that the present style writes in."""
    import matplotlib

    return matplotlib.rcParams["text.color"]


def head(figure: Any, text: str) -> None:
    """Write what one sees above several axes."""
    figure.suptitle(text, fontsize=15, fontweight="bold", x=0.01, ha="left")


def face() -> Any:
    """Return the colour that the present style gives axes."""
    import matplotlib

    return matplotlib.rcParams["axes.facecolor"]


def bare(ax: Any) -> None:
    """Take away ticks and frame, and let what is empty be seen as a faint area."""
    import matplotlib.colors

    ax.set(xticks=[], yticks=[], facecolor=matplotlib.colors.to_rgba(ink(), _EMPTY))
    ax.spines[:].set_visible(False)


def picture(ax: Any, values: ArrayLike, **options: Any) -> Any:
    """Show values as square cells, never blended into each other; NaN is left out."""
    return ax.imshow(
        np.ma.masked_invalid(np.asarray(values, np.float64)),
        **{"interpolation": "none", "cmap": AMOUNT, **options},
    )


def framed(ax: Any, size: tuple[int, int], least: tuple[int, int]) -> None:
    """Let axes show at least so many rows and columns of cells, those of a picture first."""
    rows, columns = max(size[0], least[0]), max(size[1], least[1])
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))


def scale(ax: Any, image: Any, label: str, ticks: ArrayLike | None = None) -> None:
    """Put the scale of a picture's colours beside it."""
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.05, pad=0.03, ticks=ticks)
    bar.set_label(label, fontsize=12)
    bar.ax.tick_params(labelsize=12, length=0)
    bar.outline.set_visible(False)


def symmetric(values: Array) -> dict[str, float]:
    """Return the limits of a scale on which 0 is in the middle."""
    finite = values[np.isfinite(values)]
    most = float(np.abs(finite).max(initial=0.0)) or 1.0
    return {"vmin": -most, "vmax": most}


def colours(count: int) -> Array:
    """Return as many colours, (count, 3) red, green, blue from 0 to 1, that follow each other.

    A hue a row and a lightness a column of a square, in OKLCH, whose steps look equally far: each
    is seen on white and on black, and lightness tells them apart where hues do not.

    >>> colours(25).shape, len(np.unique(colours(2500), axis=0))
    ((25, 3), 2500)
    """
    side = max(1, math.ceil(math.sqrt(count)))
    row, column = np.divmod(np.arange(count), side)
    lightness = 0.48 + 0.34 * column / max(side - 1, 1)
    hue = 2 * np.pi * (row / side + 0.04)
    return _from_oklab(lightness, 0.13 * np.cos(hue), 0.13 * np.sin(hue))


def _from_oklab(lightness: Array, a: Array, b: Array) -> Array:
    """Return sRGB of colours in Ottosson's OKLab (2020)."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack([long, middle, short], axis=-1) @ np.array(
        [
            [4.0767416621, -1.2684380046, -0.0041960863],
            [-3.3077115913, 2.6097574011, -0.7034186147],
            [0.2309699292, -0.3413193965, 1.7076147010],
        ]
    )
    linear = np.clip(linear, 0, 1)
    found = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(found)
