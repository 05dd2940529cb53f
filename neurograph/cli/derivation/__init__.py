"""The command derive: why so many weights and connections, arithmetic beside enumeration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from neurograph.cli.arguments import takes_json
from neurograph.cli.choosing import Model, takes_model
from neurograph.cli.completion import layer_names
from neurograph.cli.derivation.lines import Derived, Line
from neurograph.cli.derivation.rules import derive as derive_layer
from neurograph.cli.expectations import (
    Expectation,
    exit_with,
    failures,
    judge,
    read_from,
    takes_expectations,
    verdict,
)
from neurograph.cli.output import emit
from neurograph.cli.tables import displayed, terminal_columns, wrapped
from neurograph.counting import Counts
from neurograph.counting import counts as counting

__all__ = ["derive"]

_TERMS = 8  # that are written out, of a sum or a list
_MARGIN, _EQUAL = "  ", " = "
_HEAD = "", "", "derived", "enumerated"


@click.command(short_help="Show why so many: arithmetic beside enumeration, layer by layer.")
@takes_model
@click.argument("layers", nargs=-1, metavar="[LAYER]...", shell_complete=layer_names)
@takes_expectations
@takes_json
def derive(
    model: Model, layers: tuple[str, ...], expect: tuple[Expectation, ...], as_json: bool
) -> None:
    """Show why MODEL, or some layers of it, have so many neurons, weights and connections.

    Each number is derived from the layer's shapes - a receptive field and a bias make the weights
    of one map, sharing uses them at every position - and set against what enumerating the graph's
    connections gives. Exits with 1 if any two differ.
    """
    graph = model.graph
    chosen = [graph.layer(name) for name in layers] or list(graph.layers.values())
    counts = counting.count(graph)
    found = [derive_layer(graph, layer, counts[layer.name]) for layer in chosen]
    totals = [] if layers or any(d.reason for d in found) else _totals(found, counts)
    derivation, judged = _Derivation(model.name, found, totals), judge(expect, read_from(counts))
    document = {**derivation.document(), "expectations": judged}
    emit(document, lambda: f"{derivation.text()}{verdict(judged)}", as_json=as_json)
    exit_with([*_differences(derivation.wrong), *failures(judged)])


def _differences(wrong: Sequence[tuple[str, Line]]) -> list[str]:
    """Return a line for each number that differs, of many the first."""
    lines = [
        f"{name}: {line.what}: {_numbers(line.derived)} derived, "
        f"{_numbers(line.enumerated)} enumerated"
        for name, line in wrong[:_TERMS]
    ]
    more = len(wrong) - _TERMS
    return [*lines, f"... and {more} more (--json has them)"] if more > 0 else lines


def _totals(found: Sequence[Derived], counts: Counts) -> list[Line]:
    """Return the sums over all layers."""
    total = counts.total
    return [
        _sum("parameters", [d.trainable for d in found], total.parameters),
        _sum("fixed weights", [d.weights - d.trainable for d in found], total.fixed),
        _sum("connections", [d.connections for d in found], total.connections),
    ]


def _sum(what: str, terms: Sequence[int], enumerated: int) -> Line:
    terms = [term for term in terms if term]
    written = " + ".join(f"{term:,}" for term in terms)
    text = written if len(terms) <= _TERMS else f"the sum of {len(terms)} layers"
    return Line(what, text or "none", (sum(terms),), (enumerated,))


def _numbers(found: Sequence[int]) -> str:
    """Return one number, or the range of several."""
    if not found:
        return "none"
    low, high = min(found), max(found)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _numbered(count: int) -> str:
    return "1 number agrees" if count == 1 else f"{count} numbers agree"


@dataclass(frozen=True)
class _Derivation:
    model: str
    layers: list[Derived]
    totals: list[Line]

    @property
    def wrong(self) -> list[tuple[str, Line]]:
        """The lines whose two sides differ, and whose they are."""
        named = [*((d.name, line) for d in self.layers for line in d.lines)]
        named += [("total", line) for line in self.totals]
        return [(name, line) for name, line in named if not line.agrees]

    def document(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return {
            "model": self.model,
            "ok": not self.wrong,
            "layers": [
                {
                    "name": d.name,
                    "layer": d.title,
                    "not_derived": d.reason,
                    "connection_table": d.table,
                    "lines": [_line(line) for line in d.lines],
                }
                for d in self.layers
            ],
            "total": [_line(line) for line in self.totals],
        }

    def text(self) -> str:
        """Return all of it as text, in lines that fit the terminal."""
        lines, limit = [line for d in self.layers for line in d.lines], terminal_columns()
        columns = _Columns(lines, limit)
        parts = [_layer(d, columns) for d in self.layers]
        if lines and parts:
            parts[0] = "\n".join([*columns.head, parts[0]])
        if self.totals:
            sums = _Columns(self.totals, limit)
            parts.append("\n".join(["all layers", *sums.head, *map(sums.text, self.totals)]))
        count = len(lines) + len(self.totals)
        missing = [d.name for d in self.layers if d.reason]
        several = f", ... ({len(missing)} layers)" if len(missing) > _TERMS else ""
        named = ", ".join(missing[:_TERMS]) + several
        said = f"not derived: {named}; " if missing else ""
        if self.wrong:
            said += f"{len(self.wrong)} of {count} numbers differ from the enumeration"
        else:
            said += f"{_numbered(count)} with the enumeration of the graph"
        return "\n\n".join([*parts, "\n".join(wrapped(said))])


def _line(line: Line) -> dict[str, Any]:
    several = len(line.derived) != 1 or len(line.enumerated) != 1
    return {
        "what": line.what,
        "arithmetic": line.arithmetic,
        "derived": line.derived if several else line.derived[0],
        "enumerated": line.enumerated if several else line.enumerated[0],
        "agrees": line.agrees,
    }


def _layer(found: Derived, columns: _Columns) -> str:
    lines = wrapped(f"{found.name}: {found.title}")
    if found.reason:
        lines += wrapped(f"{_MARGIN}not derived: {found.reason}")
    lines += map(columns.text, found.lines)
    if found.table is not None:
        lines += ["", *_table_of(found.table)]
    return "\n".join(lines)


def _table_of(table: Sequence[Sequence[int]]) -> list[str]:
    """Return a connection table as the paper prints it: a column a map, X where it reads one."""
    sources = range(max(max(row) for row in table) + 1)
    width = max(len(str(len(table) - 1)), len(str(sources[-1]))) + 1
    head = "".join(f"{o:>{width}}" for o in range(len(table)))
    rows = [
        f"{_MARGIN}{i:>{width}} |"
        + "".join(f"{'X' if i in row else '.':>{width}}" for row in table)
        for i in sources
    ]
    rule = f"{_MARGIN}{'-' * width}-+{'-' * len(head)}"
    lines = [f"{_MARGIN}{'':>{width}} |{head}", rule, *rows]
    limit = terminal_columns()
    if limit is None or displayed(lines[0]) <= limit:
        return lines
    return [f"{_MARGIN}map {o} reads {', '.join(map(str, row))}" for o, row in enumerate(table)]


class _Columns:
    """How wide the columns of all lines are: on one line each, or on two where that is narrow."""

    def __init__(self, lines: Sequence[Line], limit: int | None) -> None:
        cells = [_HEAD, *(_cells(line) for line in lines)]
        self.widths = [max(map(displayed, column)) for column in zip(*cells, strict=True)]
        self.limit = limit
        whole = sum(self.widths) + 3 * len(_MARGIN) + len(_EQUAL)
        self.fits = limit is None or whole <= limit

    @property
    def head(self) -> list[str]:
        """The headings, where the columns stand beside each other."""
        return [self._row(_HEAD, " " * len(_EQUAL))] if self.fits else []

    def text(self, line: Line) -> str:
        """Return a line: what it is, arithmetic = derived, and what is enumerated."""
        what, arithmetic, derived, enumerated = _cells(line)
        sign = "" if line.agrees else f"{_MARGIN}DIFFERS"
        if self.fits:
            return self._row(_cells(line), _EQUAL) + sign
        first = wrapped(f"{_MARGIN}{what}: {arithmetic}", self.limit)
        second = f"{_MARGIN * 2}= {derived}; {enumerated} enumerated{sign}"
        return "\n".join([*first, second])

    def _row(self, cells: Sequence[str], equal: str) -> str:
        blank = [" " * (w - displayed(c)) for c, w in zip(cells, self.widths, strict=True)]
        left = f"{_MARGIN}{cells[0]}{blank[0]}{_MARGIN}{cells[1]}{blank[1]}{equal}"
        return f"{left}{blank[2]}{cells[2]}{_MARGIN}{blank[3]}{cells[3]}"


def _cells(line: Line) -> tuple[str, str, str, str]:
    return line.what, line.arithmetic, _numbers(line.derived), _numbers(line.enumerated)
