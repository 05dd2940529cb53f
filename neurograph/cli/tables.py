"""Tables that fit the terminal: narrower columns, headings of several lines, fewer columns."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

_GAP = "  "
_ROOMY = 2  # by how much a column is wider than its heading, where there is room


def terminal_columns() -> int | None:
    """Return how many characters a line of the terminal has; None if the output is no terminal.

    COLUMNS, a number, says so of any output.
    """
    if os.environ.get("COLUMNS", "").isdecimal():
        return int(os.environ["COLUMNS"]) or None
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def displayed(text: str) -> int:
    """Return how many columns of a terminal a line takes.

    >>> displayed("C1"), displayed("層"), displayed("e\u0301")
    (2, 2, 1)
    """
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    none = sum(unicodedata.category(c) in ("Mn", "Me", "Cf") for c in text)
    return len(text) + wide - none


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    left: int = 1,
    total: bool = False,
    less: Sequence[str] = (),
) -> str:
    """Return rows of text as a table: the first `left` columns flush left, the others right.

    With `total` a line is drawn above the last row. Where the output is a terminal that is too
    narrow, columns move together, headings take several lines, the columns named in `less` are left
    out, the first first, which the last line says; and if all that is not enough, every row becomes
    lines of its own.

    >>> print(table(["layer", "neurons"], [["C1", "4,704"], ["S2", "1,176"]]))
    layer      neurons
    -------  ---------
    C1           4,704
    S2           1,176
    """
    whole = _Grid(tuple(head), tuple(tuple(map(str, row)) for row in rows), left, total)
    limit = terminal_columns()
    return str(whole) if limit is None else _fitted(whole, limit, less)


def fits(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> bool:
    """Return whether a table fits the terminal with all its columns."""
    limit = terminal_columns()
    whole = _Grid(tuple(head), tuple(tuple(map(str, row)) for row in rows), 1, False, 0)
    return limit is None or whole.width <= limit


def _fitted(whole: _Grid, limit: int, less: Sequence[str]) -> str:
    """Return the roomiest form of a table whose lines have at most `limit` characters."""
    close = replace(whole, room=0)
    for grid in (whole, close, close.folded()):
        if grid.width <= limit:
            return str(grid)
    without: list[str] = []
    for name in less:
        if name in whole.head:
            without.append(name)
            grid = close.without(without)
            for fewer in (grid, grid.folded()):
                if fewer.width <= limit:
                    said = f"(left out here: {', '.join(without)}; --json has all)"
                    return "\n".join([str(fewer), *wrapped(said, limit)])
    return whole.stacked(limit)


def wrapped(text: str, limit: int | None = None) -> list[str]:
    """Return a text's lines: of at most `limit` columns, broken between words, if it can be."""
    limit = terminal_columns() if limit is None else limit
    if limit is None:
        return [text]
    margin = text[: len(text) - len(text.lstrip(" "))]
    lines = [""]
    for word in text.strip(" ").split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else margin + word
        if lines[-1] and displayed(longer) > limit:
            lines.append(margin + word)
        else:
            lines[-1] = longer
    return lines


@dataclass(frozen=True)
class _Grid:
    """A table's headings and cells, each of one line or more."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int
    total: bool
    room: int = _ROOMY

    @property
    def widths(self) -> list[int]:
        columns = list(zip(self.head, *self.rows, strict=True))
        cells = [[displayed(line) for cell in c[1:] for line in cell.split("\n")] for c in columns]
        heads = [max(map(displayed, c[0].split("\n"))) + self.room for c in columns]
        return [max(h, *c) if c else h for h, c in zip(heads, cells, strict=True)]

    @property
    def width(self) -> int:
        return sum(self.widths) + len(_GAP) * (len(self.head) - 1)

    def folded(self) -> _Grid:
        """Return it with each word of a heading on a line of its own."""
        return replace(self, head=tuple(h.replace(" ", "\n") for h in self.head))

    def without(self, names: Sequence[str]) -> _Grid:
        """Return it without the columns of these headings."""
        kept = [i for i, name in enumerate(self.head) if name not in names]
        rows = tuple(tuple(row[i] for i in kept) for row in self.rows)
        left = sum(i < self.left for i in kept)
        return replace(self, head=tuple(self.head[i] for i in kept), rows=rows, left=left)

    def __str__(self) -> str:
        widths = self.widths
        rule = _GAP.join("-" * width for width in widths)
        rows = [self._row(row, widths) for row in self.rows]
        if self.total:
            rows.insert(-1, rule)
        return "\n".join([self._row(self.head, widths, top=False), rule, *rows])

    def _row(self, cells: Sequence[str], widths: Sequence[int], *, top: bool = True) -> str:
        """Return a row; cells of fewer lines than others begin at the top, headings end below."""
        lines = [cell.split("\n") for cell in cells]
        height = max(map(len, lines))
        for cell in lines:
            blank = [""] * (height - len(cell))
            cell[:] = [*cell, *blank] if top else [*blank, *cell]
        return "\n".join(
            _GAP.join(self._padded(n, lines[n][i], w) for n, w in enumerate(widths)).rstrip()
            for i in range(height)
        )

    def _padded(self, column: int, text: str, width: int) -> str:
        blank = " " * (width - displayed(text))
        return text + blank if column < self.left else blank + text

    def stacked(self, limit: int) -> str:
        """Return each row as lines of its own: its first cell, then a line for each other cell."""
        names = [name.replace("\n", " ") for name in self.head]
        widest = max(map(displayed, names[1:]), default=0)
        blocks = []
        for row in self.rows:
            lines = wrapped(f"{names[0]} {row[0]}", limit)
            for name, cell in zip(names[1:], row[1:], strict=True):
                first, *more = cell.split("\n")
                blank = " " * (widest - displayed(name))
                lines.append(f"  {name}{blank}  {first}".rstrip())
                lines += [f"  {' ' * widest}  {line}" for line in more]
            blocks.append("\n".join(lines))
        return "\n".join(blocks)
