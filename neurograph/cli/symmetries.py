"""The command symmetry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import click

from neurograph.cli.arguments import takes_json
from neurograph.cli.choosing import Model, takes_model
from neurograph.cli.expectations import (
    Expectation,
    exit_with,
    expecting,
    failures,
    judge,
    verdict,
)
from neurograph.cli.output import emit
from neurograph.cli.tables import table, wrapped
from neurograph.graph import Symmetry
from neurograph.graph import symmetry as found_in

_SHOWN = 6  # orbits of a layer, written out
_DIGITS = 4000  # a whole number that Python still writes and reads


@click.command(short_help="Say which maps can change places, and which neurons are alike.")
@takes_model
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="NAME",
    help="Look at the connections into this layer only. May be given several times.",
)
@click.option(
    "--free",
    multiple=True,
    type=click.Choice(["inputs", "outputs"]),
    help="Let these change places as well; else each is kept in its own.",
)
@expecting(("order", "generators"))
@takes_json
def symmetry(
    model: Model,
    layers: tuple[str, ...],
    free: tuple[str, ...],
    expect: tuple[Expectation, ...],
    as_json: bool,
) -> None:
    """Say which maps can change places without changing the network, in how many ways, exactly.

    An orbit is a set of maps that change places with one another; a class, neurons that colour
    refinement does not tell apart. LeNet-5's Table I leaves 12 of 15,064,408,719,360,000 ways:
    neurograph symmetry lenet5 --layer C3
    """
    fix = [what for what in ("inputs", "outputs") if what not in free]
    found = found_in(model.graph, list(layers) or None, fix=fix)
    arrays = [name for name in model.graph.weights if found.classes.count(name)]
    numbers = {"order": found.order, "generators": len(found.generators)}
    judged = judge(expect, lambda e: numbers[e.number])
    document = {
        "model": model.name,
        "layers": list(layers) or None,
        "fix": fix,
        "order": found.order if found.order < 10**_DIGITS else None,
        "log10": math.log10(found.order),
        "orbits": found.orbits,
        "generators": found.generators,
        "classes": {name: found.classes.count(name) for name in found.orbits},
        "weight_classes": {name: found.classes.count(name) for name in arrays},
        "expectations": judged,
    }
    emit(document, lambda: f"{_text(model, found)}{verdict(judged)}", as_json=as_json)
    exit_with(failures(judged))


def _text(model: Model, found: Symmetry) -> str:
    ways = "way" if found.order == 1 else "ways"
    lines = wrapped(
        f"{model.name}: the maps can be permuted in {found.order_text} {ways}, "
        f"by {len(found.generators):,} generators"
    )
    rows = [
        [
            name,
            _orbits_text(orbits),
            f"{sum(map(len, orbits)):,}",
            f"{len(orbits):,}",
            f"{int((found.classes[name] >= 0).sum()):,}",
            f"{found.classes.count(name):,}",
        ]
        for name, orbits in found.orbits.items()
    ]
    head = ["layer", "orbits of maps", "maps", "orbits", "neurons", "classes"]
    return "\n".join([*lines, "", table(head, rows, left=2, less=["orbits of maps", "maps"])])


def _orbits_text(orbits: Sequence[Sequence[int]]) -> str:
    """Return orbits as they are written, the first ones of many.

    >>> _orbits_text([(0, 1, 2), (3, 5)])
    '{0-2} {3, 5}'
    """
    shown = " ".join(f"{{{_ranges_text(orbit)}}}" for orbit in orbits[:_SHOWN])
    return f"{shown} ..." if len(orbits) > _SHOWN else shown


def _ranges_text(numbers: Sequence[int]) -> str:
    runs: list[list[Any]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in runs[:_SHOWN]]
    return ", ".join([*shown, *(["..."] if len(runs) > _SHOWN else [])])
