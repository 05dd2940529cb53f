"""The command train: digits or pictures in, a trained network out."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace
from typing import Any

import click

from neurograph.checks import is_real
from neurograph.cli.application import INTERRUPTED
from neurograph.cli.arguments import takes_json
from neurograph.cli.choosing import Model, takes_model
from neurograph.cli.output import emit
from neurograph.cli.tables import table
from neurograph.cli.training_data import Data, named, read
from neurograph.cli.training_options import Options, takes_options
from neurograph.errors import DataError
from neurograph.losses import LOSSES, Loss
from neurograph.program.compiler import compile
from neurograph.storage import graphs as storage
from neurograph.training import History, Recipe, fit, recipe
from neurograph.training.distortions import Distortion
from neurograph.training.optimizers import OPTIMIZERS, Optimizer, cosine

_COLOUR = "is made for colour pictures of 1,000 classes"
_STATISTICS = f"{_COLOUR}, and the statistics of its batch norms are fixed weights"
# Built-in models that this command does not train, and why.
_REFUSED = {
    "alexnet": _COLOUR,
    "vgg16": _COLOUR,
    "resnet18": _STATISTICS,
    "resnet50": _STATISTICS,
    "mobilenet_v2": _STATISTICS,
    "radixnet": "is a synthetic network whose weights are all alike",
}


@dataclass(frozen=True)
class Way:
    """How a network is trained, and what its weights are to begin with, in words."""

    loss: Loss
    optimizer: Optimizer
    initializer: str | None
    weights: str
    seed: int
    distort: bool

    def __str__(self) -> str:
        return f"{self.loss}, {self.optimizer}\nweights: {self.weights}"


@click.command(short_help="Train a model on the MNIST digits, or on pictures.")
@takes_model
@takes_options
@takes_json
def train(model: Model, options: Options, as_json: bool) -> None:
    """Train MODEL on the MNIST digits, or on pictures, and print loss and errors by pass.

    Everything random depends on --seed. Ctrl-C keeps the last finished pass.
    """
    options.check()
    if model.carried is not None and options.initializer is not None:
        raise click.UsageError("--initializer would draw over --weights")
    if model.file is None and model.name in _REFUSED:
        raise DataError(
            f"train: {model.name} {_REFUSED[model.name]}; needed lenet5, lenet5_modern, concept, "
            "zipcode1989, mlp or a saved file"
        )
    way = _way(model, options)
    data = named(model.graph, read(model, options, way.seed))
    if way.initializer is not None and not options.resume:
        model.graph.weights.initialize(seed=way.seed, initializer=way.initializer)
    if not options.quiet:
        click.echo("\n".join([str(way), *_said(data)]), err=True)
    history = _fit(model, data, way, options)
    if options.out is not None:
        storage.save(model.graph, options.out)
    document = _document(model, data, history, way, options)
    emit(document, lambda: _text(document, data, history, way), as_json=as_json)
    if history.interrupted:
        click.get_current_context().exit(INTERRUPTED)


def _fit(model: Model, data: Data, way: Way, options: Options) -> History:
    return fit(
        model.graph,
        data.images,
        data.labels,
        loss=way.loss,
        optimizer=way.optimizer,
        passes=options.passes,
        batch=options.batch,
        seed=way.seed,
        order=options.order,
        distortion=Distortion() if options.distort else None,
        validation=data.held,
        early_stop=options.early_stop,
        checkpoint=options.checkpoint,
        resume=options.resume,
        progress=not options.quiet,
        engine=options.engine,
    )


# ---- how it is trained --------------------------------------------------------------------------


def _way(model: Model, options: Options) -> Way:
    usual = recipe(compile(model.graph))
    initializer = options.initializer
    if initializer is None and model.seed is not None:
        initializer = usual.initializer
    begin = f"those of {options.checkpoint}" if options.resume else _begin(model, initializer)
    loss, optimizer = _loss(options, usual), _optimizer(options, usual)
    return Way(loss, optimizer, initializer, begin, model.seed or 0, options.distort)


def _loss(options: Options, usual: Recipe) -> Loss:
    name = options.loss
    known = name is None or type(usual.loss) is LOSSES[name]
    made = usual.loss if known or name is None else LOSSES[name]()
    who = f"--loss {next(n for n in LOSSES if LOSSES[n] is type(made))}"
    found: Loss = _with(made, who, scale=options.scale, rubbish=options.rubbish)
    return found


def _optimizer(options: Options, usual: Recipe) -> Optimizer:
    made = usual.optimizer if options.optimizer is None else OPTIMIZERS[options.optimizer]()
    who = f"--optimizer {next(n for n in OPTIMIZERS if OPTIMIZERS[n] is type(made))}"
    rate = options.rate
    found: Any = _with(
        made,
        who,
        rate=rate[0] if rate is not None and len(rate) == 1 else rate,
        mu=options.mu,
        momentum=options.momentum,
        estimates=options.estimates,
    )
    if options.cosine and not is_real(found.rate):
        raise click.UsageError(f"--cosine needs one --rate, found {len(found.rate)}")
    falls = options.cosine and options.passes > 0
    chosen: Optimizer = replace(found, rate=cosine(found.rate, options.passes)) if falls else found
    return chosen


def _with(made: Any, who: str, **options: Any) -> Any:
    """Return a loss or optimizer with the options given, all of which it must know."""
    given = {name: value for name, value in options.items() if value is not None}
    known = {f.name for f in fields(made)}
    for name in given.keys() - known:
        raise click.UsageError(f"{who} has no --{name}")
    return replace(made, **given)


def _begin(model: Model, initializer: str | None) -> str:
    """Return what the weights are to begin with, in words."""
    if initializer is not None:
        return f"drawn by {initializer}"
    return model.weights if model.seed is None else "drawn by each layer's own initializer"


# ---- what is printed ----------------------------------------------------------------------------


def _said(data: Data) -> list[str]:
    """Return lines on what is learnt from, where there is something to say."""
    named = ", ".join(f"{label} {name}" for label, name in enumerate(data.classes))
    lines = [f"{data.kind}: {data.said}"] if data.said else []
    return [*lines, f"classes: {named}"] if data.classes else lines


def _document(
    model: Model, data: Data, history: History, way: Way, options: Options
) -> dict[str, Any]:
    return {
        "model": model.name,
        data.kind: len(data.labels),
        "measured_on": f"{len(data.held[1])} {data.measured} {data.kind}",
        **({"classes": data.classes} if data.classes else {}),
        "loss": str(way.loss),
        "optimizer": str(way.optimizer),
        "initializer": way.initializer,
        "weights": way.weights,
        "seed": way.seed,
        "distort": way.distort,
        "interrupted": history.interrupted,
        "stopped_early": history.stopped,
        "passes": [
            dict(zip([f.name for f in fields(done)], astuple(done), strict=True))
            for done in history.passes
        ],
        "saved": None if options.out is None else str(options.out),
    }


def _text(document: dict[str, Any], data: Data, history: History, way: Way) -> str:
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
        f"{document['model']}, {len(data.labels):,} {data.kind}, seed {way.seed}",
        str(way),
        *_said(data),
        "",
        table(head, rows, left=0),
    ]
    if document["interrupted"]:
        lines.append("interrupted: the weights are those of the last finished pass")
    if document["saved"]:
        lines.append(f"saved to {document['saved']}")
    return "\n".join(lines)
