"""What training comes to: a row of figures a pass, a running tally, and a bar that shows it."""

from __future__ import annotations

import sys
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_LINES = 100  # lines of a log that passes take


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


@dataclass
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

        head = ["pass", "loss", "running error", "training error", "validation error", "seconds"]
        rows = [
            [number, f"{p.loss:.5g}", *map(percent, astuple(p)[1:4]), f"{p.seconds:.1f}"]
            for number, p in enumerate(self.passes, 1)
        ]
        align = ["right"] * len(head) if rows else None
        return tabulate(rows, head, colalign=align, disable_numparse=True)

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


class Line:
    """What a bar comes to in a log: one line as a pass ends, and none of the passes in between."""

    def __init__(self, number: int, passes: int, count: int) -> None:
        self._head, self._count = f"pass {number + 1}/{passes}", count
        every = -(-passes // _LINES)
        self._shown = (number + 1) % every == 0 or number + 1 in (1, passes)
        self._seen, self._text = 0, ""

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            text = f"{self._head}: {self._seen}/{self._count} patterns, {self._text}"
            print(text, file=sys.stderr, flush=True)

    def update(self, count: int) -> None:
        """Count patterns."""
        self._seen += count

    def set_postfix_str(self, text: str, *, refresh: bool = True) -> None:
        """Take what is to be said of them."""
        self._text = text


def bar(number: int, passes: int, count: int, *, shown: bool) -> Any:
    """Return a progress bar for pass `number`, counted from 0, over `count` patterns.

    Where stderr is no terminal it is one line a pass, and at most about 100 in all.
    """
    from tqdm import tqdm

    if shown and not sys.stderr.isatty():
        return Line(number, passes, count)
    return tqdm(
        total=count,
        desc=f"pass {number + 1}/{passes}",
        unit=" patterns",
        file=sys.stderr,
        disable=not shown,
        dynamic_ncols=True,
    )
