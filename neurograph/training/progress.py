"""How far training is: a bar a pass on a terminal, a line in a log, one for all in a notebook."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any, Protocol, Self

_LINES = 100  # lines of a log that passes take


class Shown(Protocol):
    """What shows how far a pass is; tqdm's bars are such."""

    def update(self, count: int) -> Any:
        """Count patterns."""

    def set_postfix_str(self, text: str, *, refresh: bool = True) -> None:
        """Take what is to be said of them."""


class Progress:
    """What shows each pass of a run of so many passes, if it is `shown`."""

    def __init__(self, passes: int, *, shown: bool) -> None:
        self._passes, self._shown = passes, shown
        self._run: Any = None  # a notebook's bar

    def of_pass(self, number: int, count: int) -> AbstractContextManager[Shown]:
        """Return what shows pass `number`, counted from 0, over `count` patterns."""
        from tqdm import tqdm

        if self._shown and in_notebook():
            return _Part(self._whole_run(), number, self._passes, count)
        if self._shown and not sys.stderr.isatty():
            return _Line(number, self._passes, count)
        found: AbstractContextManager[Shown] = tqdm(
            total=count,
            desc=f"pass {number + 1}/{self._passes}",
            unit=" patterns",
            file=sys.stderr,
            disable=not self._shown,
            dynamic_ncols=True,
        )
        return found

    def _whole_run(self) -> Any:
        if self._run is None:
            from tqdm.auto import tqdm

            shape = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
            self._run = tqdm(total=self._passes, bar_format=shape)
        return self._run


def in_notebook() -> bool:
    """Return whether a notebook's kernel runs this.

    >>> in_notebook()
    False
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


class _Part:
    """A pass's share of one bar for the run."""

    def __init__(self, run: Any, number: int, passes: int, count: int) -> None:
        self._run, self._share, self._last = run, 1 / max(count, 1), number + 1 == passes
        run.set_description(f"pass {number + 1}/{passes}", refresh=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if self._last or kind is not None:
            self._run.close()

    def update(self, count: int) -> None:
        self._run.update(count * self._share)

    def set_postfix_str(self, text: str, *, refresh: bool = True) -> None:
        self._run.set_postfix_str(text, refresh=refresh)


class _Line:
    """What a bar comes to in a log: one line as a pass ends, and none of the passes in between.

    Of more than 100 passes some have none.
    """

    def __init__(self, number: int, passes: int, count: int) -> None:
        self._head, self._count = f"pass {number + 1}/{passes}", count
        every = -(-passes // _LINES)
        self._shown = (number + 1) % every == 0 or number + 1 in (1, passes)
        self._seen, self._text = 0, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            text = f"{self._head}: {self._seen}/{self._count} patterns, {self._text}"
            print(text, file=sys.stderr, flush=True)

    def update(self, count: int) -> None:
        self._seen += count

    def set_postfix_str(self, text: str, *, refresh: bool = True) -> None:
        self._text = text
