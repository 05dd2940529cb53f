"""The command train: MNIST digits in, a trained network out."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
from numpy.typing import NDArray

from neurograph import datasets
from neurograph.checks import is_real
from neurograph.cli.application import INTERRUPTED
from neurograph.cli.arguments import Model, takes_json, takes_model
from neurograph.cli.images import fit as as_inputs
from neurograph.cli.output import emit
from neurograph.cli.tables import table
from neurograph.engines import ENGINES
from neurograph.errors import ConversionError, DataError
from neurograph.graph.initializers import INITIALIZERS
from neurograph.losses import LOSSES, Loss
from neurograph.program.compiler import compile
from neurograph.storage import graphs as storage
from neurograph.training import History, fit, recipe
from neurograph.training.distortions import Distortion
from neurograph.training.optimizers import OPTIMIZERS, Optimizer, cosine

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Data:
    """Digits to learn, and digits to measure the error on after each pass."""

    images: Array
    labels: Array
    held: tuple[Array, Array]
    measured: str  # what the held digits are


@dataclass(frozen=True)
class _Source:
    directory: Path | None
    verify: bool

    def read(self, split: Literal["train", "test"]) -> datasets.Digits:
        return datasets.mnist(self.directory, split=split, verify=self.verify)


def _numbers(
    _: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[float, ...] | None:
    """Return numbers joined by commas as a tuple."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"found {text!r}, needed numbers such as 0.0005,0.0002", param=parameter
        ) from None


@click.command(short_help="Train a model on the MNIST digits.")
@takes_model
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The four MNIST files, plain or .gz; by default they are downloaded once.",
)
@click.option("--no-verify", is_flag=True, help="Take other digits in files of these names.")
@click.option("--passes", type=click.IntRange(min=0), default=20, show_default=True, metavar="N")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Use the first N digits.")
@click.option(
    "--hold-out",
    type=click.IntRange(min=1),
    metavar="N",
    help="Hold out N training digits, drawn by the seed, and measure on them. Without this the "
    "errors by pass are those on the test digits.",
)
@click.option(
    "--loss",
    type=click.Choice([*LOSSES]),
    help="By default discriminative_penalty where outputs are penalties, else cross_entropy.",
)
@click.option(
    "--scale",
    type=float,
    metavar="X",
    help="Divide a penalty loss by X; 25 where outputs are penalties.",
)
@click.option(
    "--rubbish",
    type=float,
    metavar="J",
    help="The rubbish class's penalty; 1 where outputs are penalties.",
)
@click.option(
    "--optimizer",
    type=click.Choice([*OPTIMIZERS]),
    help="By default diagonal_lm where outputs are penalties, else adam.",
)
@click.option(
    "--rate",
    callback=_numbers,
    metavar="X,X,...",
    help="One rate, or one a pass (the last stays); by default the optimizer's.",
)
@click.option("--cosine", is_flag=True, help="Let the one rate fall along half a cosine, by pass.")
@click.option("--mu", type=float, metavar="X", help="Of diagonal_lm; 0.02 by default.")
@click.option(
    "--estimates",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of diagonal_lm: how often in a pass the curvature is estimated; once by default.",
)
@click.option("--momentum", type=float, metavar="X", help="Of sgd; 0 by default.")
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    metavar="N",
    help="Patterns an update; by default 1 with diagonal_lm, else 64.",
)
@click.option(
    "--order", type=click.Choice(["fixed", "shuffled"]), default="fixed", show_default=True
)
@click.option("--distort", is_flag=True, help="Show every digit distorted anew in each pass.")
@click.option(
    "--initializer",
    type=click.Choice([*INITIALIZERS]),
    help="Draw all trainable weights by this one first; by default those of a built-in model by "
    "uniform_fan_in where outputs are penalties, else by each layer's own.",
)
@click.option("--early-stop", type=click.IntRange(min=1), metavar="N", help="Passes without gain.")
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), metavar="FILE", help="Written after each pass."
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the trained network."
)
@click.option("--force", is_flag=True, help="Replace the files of --out and --checkpoint.")
@click.option("--engine", type=click.Choice(["auto", *ENGINES]), default="auto", show_default=True)
@click.option("--quiet", is_flag=True, help="Show no progress.")
@takes_json
def train(
    model: Model,
    data: Path | None,
    no_verify: bool,
    limit: int | None,
    hold_out: int | None,
    initializer: str | None,
    distort: bool,
    out: Path | None,
    force: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train MODEL on the MNIST digits and print loss and errors by pass.

    Everything random depends on --seed. Ctrl-C keeps the last finished pass.
    """
    checkpoint, resume = options["checkpoint"], options["resume"]
    if out is not None and out == checkpoint:
        raise click.UsageError(f"--out and --checkpoint are the same file, {out}")
    if out is not None and out.exists() and not force:
        raise ConversionError(f"{out}: exists already; --force replaces it")
    if checkpoint is not None and checkpoint.exists() and not (resume or force):
        raise ConversionError(
            f"{checkpoint}: exists already; --resume goes on from it, --force replaces it"
        )
    if model.carried is not None and initializer is not None:
        raise click.UsageError("--initializer would draw over --weights")
    if resume and checkpoint is None:
        raise click.UsageError("--resume needs --checkpoint")
    seed = model.seed or 0
    usual = recipe(compile(model.graph))
    loss, optimizer = _loss(options, usual.loss), _optimizer(options, usual.optimizer)
    if initializer is None and model.seed is not None:
        initializer = usual.initializer
    digits = _data(model, _Source(data, not no_verify), limit, hold_out, seed)
    if initializer is not None and not resume:
        model.graph.weights.initialize(seed=seed, initializer=initializer)
    settings = {
        "loss": str(loss),
        "optimizer": str(optimizer),
        "initializer": initializer,
        "weights": f"those of {checkpoint}" if resume else _begin(model, initializer),
        "seed": seed,
        "distort": distort,
    }
    if not quiet:
        click.echo(_way(settings), err=True)
    chosen = {name: options[name] for name in ("passes", "batch", "order", "engine")}
    kept = {name: options[name] for name in ("early_stop", "checkpoint", "resume")}
    history = fit(
        model.graph,
        digits.images,
        digits.labels,
        loss=loss,
        optimizer=optimizer,
        seed=seed,
        distortion=Distortion() if distort else None,
        validation=digits.held,
        progress=not quiet,
        **chosen,
        **kept,
    )
    if out is not None:
        storage.save(model.graph, out)
    document = _document(model, digits, history, settings, out)
    emit(document, lambda: _text(document, history), as_json=as_json)
    if history.interrupted:
        click.get_current_context().exit(INTERRUPTED)


def _loss(options: dict[str, Any], usual: Loss) -> Loss:
    name = options.pop("loss")
    made = usual if name is None or type(usual) is LOSSES[name] else LOSSES[name]()
    who = f"--loss {next(n for n in LOSSES if LOSSES[n] is type(made))}"
    found: Loss = _with(made, who, options, ("scale", "rubbish"))
    return found


def _optimizer(options: dict[str, Any], usual: Optimizer) -> Optimizer:
    name = options.pop("optimizer")
    made = usual if name is None else OPTIMIZERS[name]()
    who = f"--optimizer {next(n for n in OPTIMIZERS if OPTIMIZERS[n] is type(made))}"
    rate, falling = options["rate"], options.pop("cosine")
    options["rate"] = rate[0] if rate is not None and len(rate) == 1 else rate
    found: Any = _with(made, who, options, ("rate", "mu", "momentum", "estimates"))
    if falling and not is_real(found.rate):
        raise click.UsageError(f"--cosine needs one --rate, found {len(found.rate)}")
    falls = falling and options["passes"] > 0
    chosen: Optimizer = (
        replace(found, rate=cosine(found.rate, options["passes"])) if falls else found
    )
    return chosen


def _with(made: Any, who: str, options: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Return a loss or optimizer with the options given, all of which it must know."""
    given = {name: options.pop(name) for name in names}
    given = {name: value for name, value in given.items() if value is not None}
    known = {f.name for f in fields(made)}
    for name in given.keys() - known:
        raise click.UsageError(f"{who} has no --{name}")
    return replace(made, **given)


def _begin(model: Model, initializer: str | None) -> str:
    """Return what the weights are to begin with, in words."""
    if initializer is not None:
        return f"drawn by {initializer}"
    return model.weights if model.seed is None else "drawn by each layer's own initializer"


def _way(settings: dict[str, Any]) -> str:
    """Return how the network is trained, in two lines."""
    return f"{settings['loss']}, {settings['optimizer']}\nweights: {settings['weights']}"


def _data(
    model: Model, source: _Source, limit: int | None, hold_out: int | None, seed: int
) -> Data:
    """Return the digits as the network takes them."""
    layers = model.graph.inputs
    if len(layers) != 1:
        raise DataError(f"train: {model.name} has {len(layers)} inputs, needed one for images")
    shape = layers[0].neurons.shape
    training = source.read("train")
    images = as_inputs(training.images[:limit], shape, "digits").astype(np.float32)
    labels = training.labels[:limit]
    if hold_out is None:
        test = source.read("test")
        held = as_inputs(test.images, shape, "digits").astype(np.float32), test.labels
        return Data(images, labels, held, "test")
    if hold_out >= len(labels):
        raise DataError(f"train: {hold_out} of {len(labels)} digits held out leave none to learn")
    order = np.random.default_rng([seed, len(labels)]).permutation(len(labels))
    held_out, rest = np.sort(order[:hold_out]), np.sort(order[hold_out:])
    return Data(images[rest], labels[rest], (images[held_out], labels[held_out]), "held out")


def _document(
    model: Model, digits: Data, history: History, settings: dict[str, Any], out: Path | None
) -> dict[str, Any]:
    return {
        "model": model.name,
        "digits": len(digits.labels),
        "measured_on": f"{len(digits.held[1])} {digits.measured} digits",
        **settings,
        "interrupted": history.interrupted,
        "stopped_early": history.stopped,
        "passes": [
            dict(zip([f.name for f in fields(done)], astuple(done), strict=True))
            for done in history.passes
        ],
        "saved": None if out is None else str(out),
    }


def _text(document: dict[str, Any], history: History) -> str:
    head = ["pass", "loss", "training error", f"error, {document['measured_on']}", "seconds"]
    rows = [
        [
            number,
            f"{done.loss:.5g}",
            f"{100 * (done.training_error or 0):.2f} %",
            f"{100 * (done.validation_error or 0):.2f} %",
            f"{done.seconds:.1f}",
        ]
        for number, done in enumerate(history.passes, 1)
    ]
    lines = [
        f"{document['model']}, {document['digits']:,} digits, seed {document['seed']}",
        _way(document),
        "",
        table(head, rows, left=0),
    ]
    if document["interrupted"]:
        lines.append("interrupted: the weights are those of the last finished pass")
    if document["saved"]:
        lines.append(f"saved to {document['saved']}")
    return "\n".join(lines)
