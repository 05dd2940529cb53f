"""The options of the command train, as one value."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import click
from click import option

from neurograph.cli.arguments import Command
from neurograph.engines import ENGINES
from neurograph.errors import ConversionError
from neurograph.graph.initializers import INITIALIZERS
from neurograph.losses import LOSSES
from neurograph.training.optimizers import OPTIMIZERS


@dataclass(frozen=True)
class Options:
    """What train was asked for: each option by its name, None where it was not given."""

    data: Path | None
    images: Path | None
    transpose: bool
    invert: bool | None
    no_verify: bool
    passes: int
    limit: int | None
    hold_out: int | None
    loss: str | None
    scale: float | None
    rubbish: float | None
    optimizer: str | None
    rate: tuple[float, ...] | None
    cosine: bool
    mu: float | None
    estimates: int | None
    momentum: float | None
    batch: int | None
    order: Literal["fixed", "shuffled"]
    distort: bool
    initializer: str | None
    early_stop: int | None
    checkpoint: Path | None
    resume: bool
    out: Path | None
    force: bool
    engine: str
    quiet: bool

    def check(self) -> None:
        """Raise UsageError for options that contradict each other, ConversionError for files."""
        out, checkpoint = self.out, self.checkpoint
        if out is not None and out == checkpoint:
            raise click.UsageError(f"--out and --checkpoint are the same file, {out}")
        if out is not None and out.exists() and not self.force:
            raise ConversionError(f"{out}: exists already; --force replaces it")
        if checkpoint is not None and checkpoint.exists() and not (self.resume or self.force):
            raise ConversionError(
                f"{checkpoint}: exists already; --resume goes on from it, --force replaces it"
            )
        if self.resume and checkpoint is None:
            raise click.UsageError("--resume needs --checkpoint")
        digits = ("--data", self.data is not None), ("--no-verify", self.no_verify)
        pictures = ("--transpose", self.transpose), ("--invert", self.invert is not None)
        for name, given in digits if self.images is not None else pictures:
            if given:
                other = "is for digits, not for" if self.images is not None else "needs"
                raise click.UsageError(f"{name} {other} --images")


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


_OPTIONS: tuple[Callable[[Command], Command], ...] = (
    option(
        "--data",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="The four MNIST files, plain or .gz; by default they are downloaded once.",
    ),
    option(
        "--images",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Pictures instead (PNG, JPEG, ...), a folder a class, whose name its output gets; "
        "needs the extra images.",
    ),
    option("--transpose", is_flag=True, help="Exchange rows and columns of --images."),
    option(
        "--invert/--no-invert",
        default=None,
        help="Whether to invert --images; by default those with light edges: ink is to be light.",
    ),
    option("--no-verify", is_flag=True, help="Take other digits in files of these names."),
    option("--passes", type=click.IntRange(min=0), default=20, show_default=True, metavar="N"),
    option(
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        help="Use the first N digits, or N pictures, evenly.",
    ),
    option(
        "--hold-out",
        type=click.IntRange(min=1),
        metavar="N",
        help="Hold out N training digits, drawn by the seed, and measure on them; of pictures a "
        "fifth by default. Otherwise the errors by pass are those on the test digits.",
    ),
    option(
        "--loss",
        type=click.Choice([*LOSSES]),
        help="By default discriminative_penalty where outputs are penalties, else cross_entropy.",
    ),
    option(
        "--scale",
        type=float,
        metavar="X",
        help="Divide a penalty loss by X; 25 where outputs are penalties.",
    ),
    option(
        "--rubbish",
        type=float,
        metavar="J",
        help="The rubbish class's penalty; 1 where outputs are penalties.",
    ),
    option(
        "--optimizer",
        type=click.Choice([*OPTIMIZERS]),
        help="By default diagonal_lm where outputs are penalties, else adam.",
    ),
    option(
        "--rate",
        callback=_numbers,
        metavar="X,X,...",
        help="One rate, or one a pass (the last stays); by default the optimizer's.",
    ),
    option("--cosine", is_flag=True, help="Let the one rate fall along half a cosine, by pass."),
    option("--mu", type=float, metavar="X", help="Of diagonal_lm; 0.02 by default."),
    option(
        "--estimates",
        type=click.IntRange(min=1),
        metavar="N",
        help="Of diagonal_lm: how often in a pass the curvature is estimated; once by default.",
    ),
    option("--momentum", type=float, metavar="X", help="Of sgd; 0 by default."),
    option(
        "--batch",
        type=click.IntRange(min=1),
        metavar="N",
        help="Patterns an update; by default 1 with diagonal_lm, else 64.",
    ),
    option("--order", type=click.Choice(["fixed", "shuffled"]), default="fixed", show_default=True),
    option("--distort", is_flag=True, help="Show every digit distorted anew in each pass."),
    option(
        "--initializer",
        type=click.Choice([*INITIALIZERS]),
        help="Draw all trainable weights by this one first; by default those of a built-in model "
        "by uniform_fan_in where outputs are penalties, else by each layer's own.",
    ),
    option("--early-stop", type=click.IntRange(min=1), metavar="N", help="Passes without gain."),
    option(
        "--checkpoint",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Written after each pass.",
    ),
    option("--resume", is_flag=True, help="Go on from the checkpoint."),
    option(
        "--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the trained network."
    ),
    option("--force", is_flag=True, help="Replace the files of --out and --checkpoint."),
    option("--engine", type=click.Choice(["auto", *ENGINES]), default="auto", show_default=True),
    option("--quiet", is_flag=True, help="Show no progress."),
)


def takes_options(command: Command) -> Command:
    """Give a command all options of train; it is called with them as `options`."""
    names = [field.name for field in fields(Options)]

    @functools.wraps(command)
    def with_options(*arguments: Any, **given: Any) -> Any:
        options = Options(**{name: given.pop(name) for name in names})
        return command(*arguments, options=options, **given)

    found: Command = with_options
    for given in reversed(_OPTIONS):
        found = given(found)
    return found
