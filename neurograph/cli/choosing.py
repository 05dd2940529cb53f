"""The argument MODEL with its options, which commands share, and how both are typed again."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import click

from neurograph.cli.arguments import Command, sizes_given
from neurograph.cli.completion import model_names
from neurograph.cli.opening import Model, open_model
from neurograph.cli.tables import terminal_columns, wrapped
from neurograph.models import CARRIED

__all__ = ["Model", "hint", "open_model", "takes_model", "takes_trained_model"]

Shape = tuple[int, ...]


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
    options = _options(trained)

    @click.argument("model", shell_complete=model_names)
    @functools.wraps(command)
    def with_model(model: str, **given: Any) -> Any:
        chosen = {name: given.pop(name) for name in options}
        chosen = {name: value for name, value in chosen.items() if value is not None}
        found = open_model(model, chosen, trained=trained)
        return command(replace(found, options=tuple(_typed(chosen))), **given)

    for option in reversed(options.values()):
        option(with_model)
    return with_model


def _options(trained: bool) -> dict[str, Callable[[Command], Command]]:
    """Return the options of MODEL by name."""
    drawn = "trained ones where the package carries them, else seed 0." if trained else "0."
    return {
        "input": click.option(
            "--input",
            multiple=True,
            callback=_shapes_given,
            metavar="[NAME=]N,N,...",
            help="An input's shape, samples first: 1,3,224,224; x=1,3,48,192 by name. A torch "
            "module needs it, and an ONNX file whose dimensions are open.",
        ),
        "state": click.option(
            "--state",
            type=click.Path(),
            metavar="FILE",
            help="Weights of a torch module: a safetensors file, or one of tensors only.",
        ),
        "zeros": click.option(
            "--zeros",
            type=click.Choice(["keep", "cut"]),
            help="Whether a kernel's weight that is 0 has connections: keep, the default, or cut.",
        ),
        "input_shape": click.option(
            "--input-shape",
            callback=sizes_given,
            metavar="C,H,W",
            help="Input of a built-in model: maps, height, width.",
        ),
        "sizes": click.option(
            "--sizes",
            callback=sizes_given,
            metavar="N,N,...",
            help="Layers of mlp, inputs first.",
        ),
        "seed": click.option(
            "--seed",
            type=click.IntRange(min=0),
            help=f"Draw a built-in model's weights by this seed; by default {drawn}",
        ),
        "weights": click.option(
            "--weights",
            type=click.Choice(sorted({name for _, name in CARRIED})),
            help="Trained weights of a built-in model, carried in the package.",
        ),
    }


def _shapes_given(
    _: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, Shape] | Shape | None:
    """Return "1,3,224,224" as a shape, and any number of "x=1,3,48,192" as shapes by name."""
    found: dict[str, Shape] = {}
    for text in texts:
        name, __, sizes = text.rpartition("=")
        if not re.fullmatch(r"\d{1,9}([x,]\d{1,9})*", sizes) or name in found:
            raise click.BadParameter(
                f"found {text!r}, needed sizes such as 1,3,224,224 or x=1,3,224,224, each once",
                param=parameter,
            )
        found[name] = tuple(map(int, re.split("[x,]", sizes)))
    if "" in found and len(found) > 1:
        raise click.BadParameter("needed a name for each of several inputs", param=parameter)
    return found.get("", found or None)


def _typed(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield a model's options as they may be typed."""
    for name, value in options.items():
        for each in _texts(value):
            yield from (f"--{name.replace('_', '-')}", each)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, sizes in value.items():
            yield f"{name}={','.join(map(str, sizes))}"
    else:
        yield ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def hint(model: Model, command: str, what: str, *more: str) -> str:
    """Return a line that says what else to type, on a terminal; elsewhere nothing."""
    limit = terminal_columns()
    typed = shlex.join(["neurograph", command, model.name, *more, *model.options])
    return "" if limit is None else "\n".join(["", "", *wrapped(f"{what}: {typed}", limit)])
