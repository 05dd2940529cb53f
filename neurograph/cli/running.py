"""The command run: images in, outputs, classes and time out."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neurograph import datasets
from neurograph.cli.arguments import Model, takes_json, takes_threads, takes_trained_model
from neurograph.cli.output import duration, emit, shape_text, table
from neurograph.engines import ENGINES
from neurograph.errors import DataError
from neurograph.losses import check_labels
from neurograph.simulator import Simulator

_WIDE = 12  # outputs that a table has columns for; of more, the best few are shown
_BEST = 5
_SHOWN = 10

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Images:
    """Images as a network takes them, (N, *input shape), and their labels if they are known."""

    origin: str
    images: Array
    labels: Array | None = None


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
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="An IDX file or a .npy: whole numbers (N, rows, columns) are grey levels 0 to 255, any "
    "others must be as the network takes them. By default the digits carried in the package.",
)
@click.option(
    "--labels", type=click.Path(path_type=Path), metavar="FILE", help="Their labels, IDX or .npy."
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images to run and show: 10 by default, of trained weights all, and the first 10 shown.",
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
    images: Path | None,
    labels: Path | None,
    count: int | None,
    batch: int,
    engine: str,
    dtype: str,
    threads: int,
    as_json: bool,
) -> None:
    """Push images through the network: its outputs, the class it predicts, and the time."""
    every = count is None and images is None and model.carried is not None
    given = _images(model, images, labels, len(datasets.digits()) if every else count or _SHOWN)
    start = time.perf_counter()
    simulator = Simulator(model.graph, engine=engine, dtype=dtype, threads=threads)
    simulator(given.images[:1])  # loads the weights and compiles what is compiled when first used
    prepared = time.perf_counter() - start
    outputs, ran = _run(simulator, given.images, batch)
    outcome = Outcome(simulator, outputs, simulator.decide(outputs), prepared, ran)
    document = _document(model, given, outcome, dtype, threads)
    shown = _SHOWN if every else len(given.images)
    emit(document, lambda: _text(model, given, outcome, document, shown), as_json=as_json)


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


# ---- images -------------------------------------------------------------------------------------


def _images(model: Model, path: Path | None, labels: Path | None, count: int) -> Images:
    """Return the images to run. Raises DataError if they do not fit the network."""
    layers = model.graph.inputs
    if len(layers) != 1:
        raise DataError(f"run: {model.name} has {len(layers)} inputs, needed one for images")
    shape = layers[0].neurons.shape
    if path is None:
        if labels is not None:
            raise click.UsageError("--labels needs --images")
        digits = datasets.digits()
        count = min(count, len(digits))
        origin = f"the first {count} of the {len(digits)} MNIST test digits in the package"
        return Images(origin, fit(digits.images[:count], shape, "digits"), digits.labels[:count])
    images = fit(np.atleast_1d(read_array(path))[:count], shape, str(path))
    if not len(images):
        raise DataError(f"{path}: holds no image")
    known = None if labels is None else read_array(labels)[: len(images)]
    if known is not None and (known.shape != (len(images),) or known.dtype.kind not in "iu"):
        raise DataError(
            f"{labels}: found {known.dtype} of shape {known.shape}, needed {len(images)} labels"
        )
    if known is not None and model.graph.outputs.ndim == 1:
        check_labels(known, len(images), model.graph.outputs.size)
    return Images(f"the first {len(images)} images of {path}", images, known)


def read_array(path: Path) -> Array:
    """Return the array of an IDX or a .npy file. Raises DataError if it is neither."""
    with path.open("rb") as stream:
        is_npy = stream.read(6) == b"\x93NUMPY"
    if not is_npy:
        return datasets.read_idx(path)
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}; needed a plain .npy file") from error


def fit(images: Array, shape: tuple[int, ...], who: str) -> Array:
    """Return images (N, ...) as inputs (N, *shape).

    Grey levels are scaled and placed as LeNet-5 takes them (see `datasets.normalize`); of a flat
    input they are laid out row by row. Raises DataError if they do not fit.
    """
    grey = images.ndim == 3 and images.dtype.kind in "iu"
    if not grey:
        if images.shape[1:] != shape:
            needed = f"(N, {', '.join(map(str, shape))}), or grey levels (N, rows, columns)"
            raise DataError(f"{who}: found images of shape {images.shape}, needed {needed}")
        return images
    if len(shape) == 3 and shape[0] == 1:
        return datasets.normalize(images, size=(shape[1], shape[2]))
    size = images.shape[1:]
    if len(shape) == 1 and shape[0] == math.prod(size):
        return datasets.normalize(images, size=size).reshape(len(images), -1)
    raise DataError(
        f"{who}: grey levels of {shape_text(size)} do not make an input of {shape_text(shape)}"
    )


# ---- what is printed ----------------------------------------------------------------------------


def _document(
    model: Model, given: Images, outcome: Outcome, dtype: str, threads: int
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "model": model.name,
        "weights": model.weights,
        "images": given.origin,
        "engine": outcome.simulator.engine,
        "dtype": dtype,
        "threads": threads,
        "smallest_wins": outcome.simulator.program.penalties,
        "count": len(given.images),
        "seconds": outcome.ran,
        "seconds_to_prepare": outcome.prepared,
    }
    if given.labels is not None and outcome.classes.ndim == 1:
        found["right"] = int((outcome.classes == given.labels).sum())
    found["results"] = [
        {
            "image": i,
            "label": None if given.labels is None else given.labels[i],
            "class": outcome.classes[i],
            "outputs": outcome.outputs[i],
        }
        for i in range(len(given.images))
    ]
    return found


def _text(
    model: Model, given: Images, outcome: Outcome, document: dict[str, Any], shown: int
) -> str:
    count, ran = len(given.images), outcome.ran
    threads = document["threads"]
    wins = "smallest" if document["smallest_wins"] else "largest"
    lines = [
        f"{model.name} on {given.origin}",
        f"weights: {model.weights}",
        f"engine: {document['engine']}, {document['dtype']}, "
        f"{threads} thread{'s' if threads > 1 else ''}; the {wins} output wins",
        "",
        _results(given, outcome, shown, smallest=document["smallest_wins"])
        + (f"\n... and {count - shown:,} more" if shown < count else ""),
        "",
        f"{count} image{'s' if count > 1 else ''} in {duration(ran)} "
        f"({duration(ran / count)} each), after {duration(outcome.prepared)} to compile",
    ]
    if "right" in document:
        right = document["right"]
        wrong = f" ({100 * (1 - right / count):.2f} % wrong)" if shown < count else ""
        lines[-1] = f"{right} of {count} right{wrong}; {lines[-1]}"
    return "\n".join(lines)


def _results(given: Images, outcome: Outcome, shown: int, *, smallest: bool) -> str:
    head = ["image", *([] if given.labels is None else ["label"]), "class"]
    before = [[i, *([] if given.labels is None else [given.labels[i]])] for i in range(shown)]
    if outcome.classes.ndim > 1:
        # One class a place: the map of classes, row by row.
        rows = [
            [*start, _grid(classes)]
            for start, classes in zip(before, outcome.classes[:shown], strict=True)
        ]
        return table(head, rows, left=len(head))
    narrow = outcome.outputs.shape[1] <= _WIDE
    head += [str(c) for c in range(outcome.outputs.shape[1])] if narrow else ["best outputs"]
    rows = []
    for i, start in enumerate(before):
        best, outputs = outcome.classes[i], outcome.outputs[i]
        cells = [f"{o:.4g}" for o in outputs] if narrow else [_best(outputs, smallest=smallest)]
        rows.append([*start, best, *cells])
    return table(head, rows)


def _grid(classes: Array) -> str:
    rows = classes.reshape(-1, classes.shape[-1])
    return "\n".join(" ".join(map(str, row)) for row in rows)


def _best(outputs: Array, *, smallest: bool) -> str:
    order = np.argsort(outputs if smallest else -outputs, kind="stable")[:_BEST]
    return ", ".join(f"{c}: {outputs[c]:.4g}" for c in order)
