"""How training went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError, kind_of
from neurograph.plot.canvas import BLUE, GREEN, ORANGE, PURPLE, entitle, one_axes


class Figures(Protocol):
    """What one pass came to: see `neurograph.training.history.Pass`."""

    loss: float
    running_error: float | None
    training_error: float | None
    validation_error: float | None


class Passes(Protocol):
    """A `History`: what training came to, pass by pass."""

    @property
    def passes(self) -> Sequence[Figures]:
        """The passes, from the first."""


Line = tuple[str, NDArray[np.float64], str, str]  # what it is, its values, colour and style
_ERRORS = (
    ("running_error", "as it learns", ORANGE, "--"),
    ("training_error", "training", BLUE, "-"),
    ("validation_error", "validation", GREEN, "-"),
)


def learning(history: Passes, *, ax: Any = None, **kwargs: Any) -> Any:
    """Draw the error rates pass by pass, in percent, or without any the loss; return the Axes.

    kwargs go to `plot`. Raises GraphError for what is no History, or one of no pass.

    >>> from neurograph.training import History
    >>> from neurograph.training.history import Pass
    >>> history = History([Pass(0.5, 0.1, 0.08, None, 2.0), Pass(0.3, 0.06, 0.05, None, 2.0)])
    >>> learning(history).get_title("left")
    'After 2 passes: 5.00 % wrong, training'
    """
    passes = getattr(history, "passes", None)
    if not isinstance(passes, list) or not passes:
        found = "no pass" if isinstance(passes, list) else kind_of(history)
        raise GraphError(f"plot.learning: found {found}, needed a History of at least one pass")
    lines, unit = _errors(passes), "wrong, percent"
    if not lines:
        unit = "loss"
        lines = [("loss", np.array([one.loss for one in passes], float), PURPLE, "-")]
    ax = one_axes("plot.learning", ax, (8.0, 4.6))
    for label, values, colour, style in lines:
        mark = "o" if values.size <= 40 else ""
        look = {"color": colour, "linestyle": style, "linewidth": 2.5, "marker": mark}
        ax.plot(np.arange(1, values.size + 1), values, **{**look, "label": label, **kwargs})
    _finish(ax, len(passes), unit, lines)
    return ax


def _errors(passes: Sequence[Figures]) -> list[Line]:
    """Return the error rates that there are, in percent; NaN where one pass has none."""
    lines = []
    for name, label, colour, style in _ERRORS:
        values = np.array([getattr(one, name) for one in passes], float)
        if not np.isnan(values).all():
            lines.append((label, 100 * values, colour, style))
    return lines


def _finish(ax: Any, passes: int, unit: str, lines: list[Line]) -> None:
    ax.set_ylim(bottom=0)
    ax.set_xlim(0.5 if passes < 3 else 0.9, passes + 0.1 * (passes < 30) + 0.4 * (passes < 3))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("pass over the patterns", fontsize=13)
    ax.set_ylabel(unit, fontsize=13)
    ax.tick_params(labelsize=12, length=0)
    ax.grid(alpha=0.25)
    ax.spines[:].set_visible(False)
    if len(lines) > 1:
        ax.legend(fontsize=13, frameon=False)
    label, values = lines[-1][:2]
    many = f"After {passes} pass{'es' * (passes != 1)}"
    last = f"{values[-1]:.2f} % wrong, {label}" if unit != "loss" else f"a loss of {values[-1]:.4g}"
    entitle(ax, f"{many}: {last}")
