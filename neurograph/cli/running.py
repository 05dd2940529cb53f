"""The command run: images in, outputs, classes and time out."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neurograph import datasets
from neurograph.cli.arguments import takes_json, takes_threads
from neurograph.cli.choosing import Model, hint, takes_trained_model
from neurograph.cli.images import SHOWN, Images, Reading, from_files, from_package, read_labels
from neurograph.cli.output import duration, emit
from neurograph.cli.tables import fits, table, wrapped
from neurograph.engines import ENGINES
from neurograph.errors import DataError
from neurograph.losses import check_labels
from neurograph.names.spelling import written
from neurograph.simulator import Simulator

_WIDE = 12  # outputs that a table has columns for; of more, the best few are shown
_BEST = 5, 3, 2, 1  # how many, as they fit

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run gave, and how long it took in seconds."""

    simulator: Simulator
    outputs: Array
    classes: Array
    prepared: float
    ran: float


@click.command(short_help="Push images through: outputs, classes and time.")
@takes_trained_model
@click.argument("pictures", nargs=-1, type=click.Path(path_type=Path), metavar="[MORE]...")
@click.option(
    "--images",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Pictures, one or MORE (PNG, JPEG, ..., or a directory), or an IDX or .npy file. Whole "
    "numbers and pictures are grey levels, which are scaled and resized, as the output says; other "
    "numbers are taken as they are. By default the digits carried in the package.",
)
@click.option("--transpose", is_flag=True, help="Exchange rows and columns, as EMNIST needs it.")
@click.option(
    "--invert/--no-invert",
    default=None,
    help="Whether to invert grey levels; by default those with light edges: ink is to be light.",
)
@click.option("--raw", is_flag=True, help="Take whole numbers, too, as they are.")
@click.option(
    "--labels", type=click.Path(path_type=Path), metavar="FILE", help="Their labels, IDX or .npy."
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images to run and show: 10 by default, all pictures, and with trained weights all digits "
    "of the package, of which the first 10 are shown.",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="Images to run at a time.",
)
@click.option("--engine", type=click.Choice(["auto", *ENGINES]), default="auto", show_default=True)
@click.option(
    "--dtype", type=click.Choice(["float32", "float64"]), default="float32", show_default=True
)
@takes_threads
@takes_json
def run(
    model: Model,
    pictures: tuple[Path, ...],
    images: tuple[Path, ...],
    labels: Path | None,
    count: int | None,
    transpose: bool,
    invert: bool | None,
    raw: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Push images through the network: its outputs, the class it predicts, and the time.

    What one output is the sum of: neurograph neuron MODEL 'output[7]' --digit 0.
    """
    given = _images(model, (*images, *pictures), labels, count, Reading(transpose, invert, raw))
    outcome = _outcome(model, given.images, **options)
    document = _document(model, given, outcome, options)
    every = not images and not pictures and count is None
    shown = min(SHOWN if every else len(given.images), len(given.images))
    emit(
        document,
        lambda: _text(given, outcome, document, shown) + _why(model, given, outcome),
        as_json=as_json,
    )


def _outcome(
    model: Model, images: Array, *, batch: int, engine: str, dtype: str, threads: int
) -> Outcome:
    start = time.perf_counter()
    simulator = Simulator(model.graph, engine=engine, dtype=dtype, threads=threads)
    simulator(images[:1])  # loads the weights and compiles what is compiled when first used
    prepared = time.perf_counter() - start
    outputs, ran = _run(simulator, images, batch)
    return Outcome(simulator, outputs, simulator.decide(outputs), prepared, ran)


def _run(simulator: Simulator, images: Array, batch: int) -> tuple[Array, float]:
    from tqdm import tqdm

    parts, seconds = [], 0.0
    with tqdm(
        total=len(images), unit=" images", delay=1.0, leave=False, disable=None, file=sys.stderr
    ) as bar:
        for at in range(0, len(images), batch):
            some = images[at : at + batch]
            start = time.perf_counter()
            parts.append(simulator(some))
            seconds += time.perf_counter() - start
            bar.update(len(some))
    return np.concatenate(parts), seconds


def _images(
    model: Model, paths: Sequence[Path], labels: Path | None, count: int | None, reading: Reading
) -> Images:
    """Return the images to run. Raises DataError if they do not fit the network."""
    layers = model.graph.inputs
    if len(layers) != 1:
        raise DataError(f"run: {model.name} has {len(layers)} inputs, needed one for images")
    shape = layers[0].neurons.shape
    if not paths:
        asked = {"labels": labels, **vars(reading)}
        for option, usual in {"labels": None, **vars(Reading())}.items():
            if asked[option] is not usual:
                raise click.UsageError(f"--{option} needs --images")
        every = count is None and model.carried is not None
        return from_package(count or (len(datasets.digits()) if every else SHOWN), shape)
    found = from_files(paths, count, shape, reading)
    if labels is None:
        return found
    known = read_labels(labels, len(found.images))
    if model.graph.outputs.ndim == 1:
        _check_labels(known, labels, model.graph.outputs.size)
    return replace(found, labels=known)


def _check_labels(labels: Array, path: Path, classes: int) -> None:
    try:
        check_labels(labels, len(labels), classes)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


# ---- what is printed ----------------------------------------------------------------------------


def _document(
    model: Model, given: Images, outcome: Outcome, options: dict[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "model": model.name,
        "weights": model.weights,
        "images": given.origin,
        "read_as": given.said or None,
        "engine": outcome.simulator.engine,
        "dtype": options["dtype"],
        "threads": options["threads"],
        "smallest_wins": outcome.simulator.program.penalties,
        "count": len(given.images),
        "seconds": outcome.ran,
        "seconds_to_prepare": outcome.prepared,
    }
    if model.graph.labels and outcome.classes.ndim == 1:
        found["classes"] = _names(outcome)
    if given.labels is not None and outcome.classes.ndim == 1:
        found["right"] = int((outcome.classes == given.labels).sum())
    found["results"] = [
        {
            "image": i,
            **({} if given.names is None else {"file": given.names[i]}),
            **({} if given.changes is None else {"changes": given.changes[i]}),
            "label": None if given.labels is None else given.labels[i],
            "class": outcome.classes[i],
            "outputs": outcome.outputs[i],
        }
        for i in range(len(given.images))
    ]
    return found


def _text(given: Images, outcome: Outcome, found: dict[str, Any], shown: int) -> str:
    count, threads = len(given.images), found["threads"]
    wins = "smallest" if found["smallest_wins"] else "largest"
    lines = [
        f"{found['model']} on {given.origin}",
        f"weights: {found['weights']}",
        *([f"images: {given.said}"] if given.said else []),
        f"engine: {found['engine']}, {found['dtype']}, "
        f"{threads} thread{'s' if threads > 1 else ''}; the {wins} output wins",
    ]
    if given.changes is not None:
        pairs = zip(given.names or (), given.changes, strict=True)
        lines += [f"{name}: {change}" for name, change in list(pairs)[:SHOWN]]
        lines += [f"... and {count - SHOWN} more (--json has them)"] if count > SHOWN else []
    lines = [part for line in lines for part in wrapped(line)]
    more = f"\n... and {count - shown:,} more" if shown < count else ""
    smallest = found["smallest_wins"]
    lines += ["", _results(given, outcome, shown, smallest=smallest) + more, ""]
    return "\n".join([*lines, *wrapped(_summary(outcome, found, whole=shown == count))])


def _why(model: Model, given: Images, outcome: Outcome) -> str:
    """Return the command that explains the winning output of the first digit of the package."""
    graph, ids = model.graph, model.graph.outputs
    if not given.package or ids.ndim != 1:
        return ""
    # By its place: a label may be a number, as a digit's is, and is no id.
    winner = written(*graph.neuron_names.locate(int(ids[outcome.classes[0]]))).replace(" ", "")
    return hint(model, "neuron", "why, term by term", winner, "--digit", "0")


def _summary(outcome: Outcome, found: dict[str, Any], *, whole: bool) -> str:
    count, ran = found["count"], outcome.ran
    took = (
        f"{count} image{'s' if count > 1 else ''} in {duration(ran)} "
        f"({duration(ran / count)} each), after {duration(outcome.prepared)} to compile"
    )
    if "right" not in found:
        return took
    right = found["right"]
    wrong = "" if whole else f" ({100 * (1 - right / count):.2f} % wrong)"
    return f"{right} of {count} right{wrong}; {took}"


def _results(given: Images, outcome: Outcome, shown: int, *, smallest: bool) -> str:
    names, labels = given.names or range(len(given.images)), given.labels
    head = ["image", *([] if labels is None else ["label"]), "class"]
    before = [[names[i], *([] if labels is None else [labels[i]])] for i in range(shown)]
    if outcome.classes.ndim > 1:
        # One class a place: the map of classes, row by row.
        rows = [
            [*start, _grid(classes)]
            for start, classes in zip(before, outcome.classes[:shown], strict=True)
        ]
        return table(head, rows, left=len(head))
    classes = _names(outcome)
    rows = [
        [first, *(classes[label] for label in rest), classes[outcome.classes[i]]]
        for i, (first, *rest) in enumerate(before)
    ]
    return _with_outputs(head, rows, outcome.outputs, classes, smallest=smallest)


def _names(outcome: Outcome) -> list[str]:
    """Return what each output is called: its label, else its number."""
    graph = outcome.simulator.graph
    ids = graph.outputs.reshape(-1).tolist()
    return [graph.labels.get(identity, str(i)) for i, identity in enumerate(ids)]


def _with_outputs(
    head: list[str], rows: list[list[Any]], outputs: Array, classes: list[str], *, smallest: bool
) -> str:
    """Return a table with a column for each output, or with the best few where that is too wide."""
    if outputs.shape[1] <= _WIDE:
        titles = [*head, *classes]
        whole = [[*row, *(f"{o:.4g}" for o in outputs[i])] for i, row in enumerate(rows)]
        if fits(titles, whole):
            return table(titles, whole)
    for count in _BEST:
        best = [[*row, _best(outputs[i], classes, count, smallest)] for i, row in enumerate(rows)]
        if fits([*head, "best outputs"], best):
            break
    return table([*head, "best outputs"], best)


def _grid(classes: Array) -> str:
    rows = classes.reshape(-1, classes.shape[-1])
    return "\n".join(" ".join(map(str, row)) for row in rows)


def _best(outputs: Array, classes: list[str], count: int, smallest: bool) -> str:
    order = np.argsort(outputs if smallest else -outputs, kind="stable")[:count]
    return ", ".join(f"{classes[c]}: {outputs[c]:.4g}" for c in order)
