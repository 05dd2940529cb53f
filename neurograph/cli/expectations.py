"""--expect: numbers a count must come to."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields
from typing import Any

import click
from click.shell_completion import CompletionItem

from neurograph.cli.application import CHECK_FAILED
from neurograph.cli.arguments import Command
from neurograph.cli.completion import typed_graph
from neurograph.cli.tables import table, wrapped
from neurograph.counting import Counts, Row
from neurograph.errors import suggestion

# Every number a Row has, those it computes included.
_COUNTED = (f.name for f in fields(Row) if f.name not in ("name", "maps"))
NUMBERS = (*_COUNTED, "parameters", "weights")


@dataclass(frozen=True)
class Expectation:
    """A number of the whole, or of a layer, and what it should be."""

    layer: str | None
    number: str
    value: int

    @property
    def name(self) -> str:
        """What is expected: "connections" or "C1.connections"."""
        return f"{self.layer}.{self.number}" if self.layer is not None else self.number


def read_from(counts: Counts) -> Callable[[Expectation], int]:
    """Return what reads a number counted; it raises GraphError for an unknown layer."""

    def read(expected: Expectation) -> int:
        row = counts.total if expected.layer is None else counts[expected.layer]
        return int(getattr(row, expected.number))

    return read


def _expectation(
    text: str, parameter: click.Parameter, numbers: Collection[str], of_layers: bool
) -> Expectation:
    name, equals, number = text.rpartition("=")
    digits = re.sub("[,_]", "", number.strip())
    if not equals or not re.fullmatch(r"\d{1,18}", digits):
        raise click.BadParameter(
            f"found {text!r}, needed the form connections=340908", param=parameter
        )
    layer, dot, what = name.strip().rpartition(".")
    if what not in numbers or (dot and not of_layers):
        near = suggestion(what, numbers)
        raise click.BadParameter(f"{name.strip()!r} is not counted{near}", param=parameter)
    return Expectation(layer if dot else None, what, int(digits))


def number_names(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer what is counted of the whole, and the layers; after "C1." what is counted of it."""
    graph = typed_graph(context)
    layers = [] if graph is None else list(graph.layers)
    offers = [f"{number}=" for number in NUMBERS] + [f"{name}." for name in layers]
    of = [name for name in layers if incomplete.startswith(f"{name}.")]
    offers = [f"{name}.{number}=" for name in of for number in NUMBERS] or offers
    return [CompletionItem(name) for name in offers if name.startswith(incomplete)]


def takes_expectations(command: Command) -> Command:
    """Give a command the option --expect, as `expect`: numbers of the total, or of a layer."""
    more = "; a layer's as C1.connections=122304"
    return expecting(NUMBERS, more, of_layers=True, complete=number_names)(command)


def expecting(
    numbers: Collection[str], more: str = "", *, of_layers: bool = False, complete: Any = None
) -> Callable[[Command], Command]:
    """Return what gives a command the option --expect, as `expect`, for numbers of these names."""

    def expected(
        _: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
    ) -> tuple[Expectation, ...]:
        return tuple(_expectation(text, parameter, numbers, of_layers) for text in texts)

    return click.option(
        "--expect",
        callback=expected,
        multiple=True,
        shell_complete=complete,
        metavar="NAME=VALUE",
        help=f"Exit with 1 unless a number is this: {', '.join(numbers)}{more}. May be given "
        "several times.",
    )


def judge(
    expect: tuple[Expectation, ...], read: Callable[[Expectation], int]
) -> list[dict[str, Any]]:
    """Return, for each expectation, its name, what was expected and found, and whether it holds."""
    found = [(e, read(e)) for e in expect]
    return [
        {"name": e.name, "expected": e.value, "found": value, "ok": value == e.value}
        for e, value in found
    ]


def failures(judged: list[dict[str, Any]]) -> list[str]:
    """Return a line for each expectation that does not hold."""
    return [
        f"expected {j['name']}={j['expected']}, found {j['found']}" for j in judged if not j["ok"]
    ]


def exit_with(failed: list[str]) -> None:
    """End with the exit code of a failed check, a line for each, unless there is none."""
    for line in failed:
        click.echo(f"neurograph: {line}", err=True)
    if failed:
        raise click.exceptions.Exit(CHECK_FAILED)


def verdict(judged: list[dict[str, Any]]) -> str:
    """Return lines that say which expectations hold; nothing if there are none."""
    met = [f"{j['name']} is {j['found']:,} as expected" for j in judged if j["ok"]]
    return "\n" + "\n".join(met) if met else ""


def counts_text(counts: Counts) -> str:
    """Return the table of counts, as narrow as the terminal, and the lines below it."""
    head, rows = counts.columns()
    less = ["slots", "of which bias", "fixed", "maps", "neurons", "dead", "used"]
    found = table(head, rows, total=True, less=less)
    return "\n".join([found, *(part for line in counts.remarks() for part in wrapped(line))])


def counts_document(counts: Counts) -> dict[str, Any]:
    """Return counts as JSON has them: every number of every row, those it computes included."""

    def row(r: Row) -> dict[str, Any]:
        return {**asdict(r), "parameters": r.parameters, "weights": r.weights}

    return {"layers": [row(r) for r in counts.rows], "total": row(counts.total)}
