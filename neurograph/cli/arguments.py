"""Arguments and options that several commands share."""

from __future__ import annotations

import functools
import os
import re
import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import click

from neurograph.cli.completion import model_names
from neurograph.cli.opening import Model, open_model
from neurograph.cli.tables import terminal_columns, wrapped
from neurograph.errors import GraphError
from neurograph.models import CARRIED

__all__ = [
    "Command",
    "Model",
    "hint",
    "identity",
    "open_model",
    "sizes_given",
    "takes_json",
    "takes_model",
    "takes_threads",
    "takes_trained_model",
]

Command = Callable[..., Any]


def sizes_given(
    _: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """Return whole numbers joined by commas or by "x", 1,64,64 or 1x64x64, as a tuple."""
    if text is None:
        return None
    parts = re.split("[x,]", text)
    if not all(re.fullmatch(r"\s*\d{1,9}\s*", part) for part in parts):
        raise click.BadParameter(
            f"found {text!r}, needed whole numbers such as 1,64,64", param=parameter
        )
    return tuple(int(part) for part in parts)


def takes_model(command: Command) -> Command:
    """Give a command the argument MODEL and its options; it is called with a Model first.

    For commands that do not look at weights, or that draw them.
    """
    return _takes_model(command, trained=False)


def takes_trained_model(command: Command) -> Command:
    """Do the same; a model has the weights carried for it, if any, unless a seed is given.

    For every command whose answer depends on weights: it says which it took (`Model.weights`).
    """
    return _takes_model(command, trained=True)


def _takes_model(command: Command, *, trained: bool) -> Command:
    @click.argument("model", shell_complete=model_names)
    @click.option(
        "--input-shape",
        callback=sizes_given,
        metavar="C,H,W",
        help="Input of a built-in model: maps, height, width.",
    )
    @click.option(
        "--sizes", callback=sizes_given, metavar="N,N,...", help="Layers of mlp, inputs first."
    )
    @click.option(
        "--seed",
        type=click.IntRange(min=0),
        help="Draw a built-in model's weights by this seed; by default "
        + ("trained ones where the package carries them, else seed 0." if trained else "0."),
    )
    @click.option(
        "--weights",
        type=click.Choice(sorted({name for _, name in CARRIED})),
        help="Trained weights of a built-in model, carried in the package.",
    )
    @functools.wraps(command)
    def with_model(
        model: str,
        input_shape: tuple[int, ...] | None,
        sizes: tuple[int, ...] | None,
        seed: int | None,
        weights: str | None,
        **options: Any,
    ) -> Any:
        chosen = {"input_shape": input_shape, "sizes": sizes, "seed": seed, "weights": weights}
        given = {name: value for name, value in chosen.items() if value is not None}
        found = open_model(model, given, trained=trained)
        return command(replace(found, options=_typed(given)), **options)

    return with_model


def _typed(options: dict[str, Any]) -> tuple[str, ...]:
    """Return a model's options as they may be typed."""
    return tuple(
        part
        for name, value in options.items()
        for part in (
            f"--{name.replace('_', '-')}",
            ",".join(map(str, value)) if isinstance(value, tuple) else str(value),
        )
    )


def hint(model: Model, command: str, what: str, *more: str) -> str:
    """Return a line that says what else to type, on a terminal; elsewhere nothing."""
    limit = terminal_columns()
    typed = shlex.join(["neurograph", command, model.name, *more, *model.options])
    return "" if limit is None else "\n".join(["", "", *wrapped(f"{what}: {typed}", limit)])


def takes_json(command: Command) -> Command:
    """Give a command the option --json, as `as_json`."""
    flag = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    return flag(command)


def takes_threads(command: Command) -> Command:
    """Give a command the option --threads; far more of them than processors are refused."""
    option = click.option(
        "--threads",
        type=int,
        callback=_threads_given,
        default=1,
        show_default=True,
        metavar="N",
        help="Threads to use.",
    )
    return option(command)


def _threads_given(_: click.Context, parameter: click.Parameter, threads: int) -> int:
    processors = os.cpu_count() or 1
    most = max(16, 4 * processors)
    if not 1 <= threads <= most:
        raise click.BadParameter(
            f"found {threads}, needed 1 to {most}: this machine has {processors} processors",
            param=parameter,
        )
    return threads


def identity(text: str, name_to_id: Callable[[str], int]) -> int:
    """Return the id that `text` is, or that is called so; two are an error."""
    if not re.fullmatch(r"\d{1,10}", text):
        return name_to_id(text)
    with suppress(GraphError):  # few are called by a number
        called = name_to_id(text)
        if called != int(text):
            raise click.UsageError(
                f"{text} is the id of one and the name of another, whose id is {called}; "
                'needed a layer and an index, such as "output[0]"'
            )
    return int(text)
