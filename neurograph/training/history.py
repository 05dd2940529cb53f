"""What training comes to: a row of figures a pass, and a running tally."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import html

Array = NDArray[Any]

_HEAD = ["pass", "loss", "running error", "training error", "validation error", "seconds"]


@dataclass(frozen=True)
class Pass:
    """One pass over the patterns.

    loss and running_error are means over the patterns, each before its own update; training_error
    and validation_error are error rates after the pass (None where there are no labels, or no
    validation patterns).
    """

    loss: float
    running_error: float | None
    training_error: float | None
    validation_error: float | None
    seconds: float


@dataclass(repr=False)
class History:
    """What training came to, pass by pass; `interrupted` by Ctrl-C or `stopped` early.

    >>> print(History([Pass(0.5, 0.1, 0.08, None, 2.0)]))
      pass    loss    running error    training error    validation error    seconds
    ------  ------  ---------------  ----------------  ------------------  ---------
         1     0.5          10.00 %            8.00 %                            2.0
    """

    passes: list[Pass] = field(default_factory=list)
    interrupted: bool = False
    stopped: bool = False

    def __str__(self) -> str:
        from tabulate import tabulate

        rows = self._rows()
        align = ["right"] * len(_HEAD) if rows else None
        return tabulate(rows, _HEAD, colalign=align, disable_numparse=True)

    def __repr__(self) -> str:
        last = self.passes[-1] if self.passes else None
        said = "" if last is None else f", loss {last.loss:.5g}"
        how = ", interrupted" * self.interrupted + ", stopped" * self.stopped
        return f"History({len(self.passes):,} passes{said}{how})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a row of figures a pass."""
        return html.paragraph(repr(self)) + html.table(_HEAD, self._rows())

    def _rows(self) -> list[list[str]]:
        return [
            [str(number), f"{p.loss:.5g}", *map(percent, astuple(p)[1:4]), f"{p.seconds:.1f}"]
            for number, p in enumerate(self.passes, 1)
        ]

    def no_better_for(self, patience: int) -> bool:
        """Whether the lowest validation error is `patience` passes old or older."""
        errors = [p.validation_error for p in self.passes if p.validation_error is not None]
        return bool(errors) and len(errors) - 1 - int(np.argmin(errors)) >= patience


def percent(share: float | None) -> str:
    """Return a share in percent, nothing for None.

    >>> percent(0.0095)
    '0.95 %'
    """
    return "" if share is None else f"{100 * share:.2f} %"


class Tally:
    """Loss and error of the patterns seen so far in a pass."""

    def __init__(self, *, labelled: bool) -> None:
        self._labelled = labelled
        self._loss, self._wrong, self._seen = 0.0, 0, 0

    def add(self, losses: Array, wrong: Array | None) -> None:
        """Count patterns with these losses, and those of them that were wrong."""
        self._loss += float(losses.sum(dtype=np.float64))
        self._wrong += 0 if wrong is None else int(wrong.sum())
        self._seen += len(losses)

    @property
    def loss(self) -> float:
        """The mean loss."""
        return self._loss / max(self._seen, 1)

    @property
    def error(self) -> float | None:
        """The share of wrong ones; None without labels."""
        return self._wrong / max(self._seen, 1) if self._labelled else None

    def __str__(self) -> str:
        error = "" if self.error is None else f", error {percent(self.error)}"
        return f"loss {self.loss:.4g}{error}"
