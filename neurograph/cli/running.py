"""The command run: images in, outputs, classes and time out."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neurograph import datasets
from neurograph.cli.arguments import takes_json, takes_threads
from neurograph.cli.choosing import Model, takes_trained_model
from neurograph.cli.coloured import from_files as from_coloured
from neurograph.cli.coloured import preprocessing_of, takes_preprocessing
from neurograph.cli.digits import from_package
from neurograph.cli.images import SHOWN, Images, Reading, from_files, read_labels
from neurograph.cli.output import emit
from neurograph.cli.results import Outcome, document_of, text_of, why
from neurograph.engines import ENGINES
from neurograph.errors import DataError
from neurograph.losses import check_labels
from neurograph.simulator import Simulator

Array = NDArray[Any]


@click.command(short_help="Push images through: outputs, classes and time.")
@takes_trained_model
@takes_preprocessing
@click.argument("pictures", nargs=-1, type=click.Path(path_type=Path), metavar="[MORE]...")
@click.option(
    "--images",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Pictures, one or MORE (PNG, JPEG, ..., or a directory), or an IDX or .npy file. Whole "
    "numbers and pictures are grey levels, which are scaled and resized, as the output says; a "
    "network of three maps takes colours, by its own preprocessing where it has one. Other numbers "
    "are taken as they are. By default the digits carried in the package.",
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
    document = document_of(model, given, outcome, options)
    every = not images and not pictures and count is None
    shown = min(SHOWN if every else len(given.images), len(given.images))
    emit(
        document,
        lambda: text_of(given, outcome, document, shown) + why(model, given, outcome),
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
        return from_package(count or (len(datasets.digits()) if every else SHOWN), model.graph)
    how = preprocessing_of(model.graph, shape)
    if how is None:
        found = from_files(paths, count, shape, reading)
    else:
        found = from_coloured(paths, count, how, reading)
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
