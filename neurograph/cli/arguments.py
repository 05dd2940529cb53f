"""Arguments and options that several commands share."""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from neurograph.errors import GraphError, suggestion
from neurograph.graph import Graph
from neurograph.models import CARRIED, MODELS, provenance
from neurograph.storage.graphs import load

Command = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Model:
    """A graph and where it came from."""

    name: str
    graph: Graph
    file: Path | None = None
    seed: int | None = None
    carried: str | None = None

    @property
    def weights(self) -> str:
        """Where its weights' values are from, in words."""
        if self.carried is not None:
            how = provenance(self.name, self.carried)
            return f"{self.carried}, trained ({how['test_error']:.2f} % of {how['test']} wrong)"
        if self.seed is not None:
            return f"drawn, seed {self.seed} (not trained: the classes are chance)"
        if self.graph.weights.allocated:
            return f"as saved in {self.file}"
        return f"drawn, seed {self.graph.weights.seed} ({self.file} holds none)"


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
    """Give a command the argument MODEL and its options; it is called with a Model first."""
    return _takes_model(command, trained=False)


def takes_trained_model(command: Command) -> Command:
    """Do the same; a model has the weights carried for it, if any, unless a seed is given."""
    return _takes_model(command, trained=True)


def _takes_model(command: Command, *, trained: bool) -> Command:
    @click.argument("model")
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
        "--seed", type=click.IntRange(min=0), help="Seed of a built-in model's weights (0)."
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
        if trained and seed is None and weights is None:
            given.update(("weights", name) for owner, name in CARRIED if owner == model)
        return command(open_model(model, given), **options)

    return with_model


def open_model(name: str, options: dict[str, Any]) -> Model:
    """Return the built-in model or the saved file `name`; options are for built-in ones only.

    Raises GraphError for an unknown model or an option it has not, ConversionError for a file that
    cannot be read.
    """
    if name in MODELS:
        return _built_in(name, options)
    path = Path(name)
    if not (path.exists() or path.suffix or os.sep in name):
        raise GraphError(
            f"model {name!r} is unknown{suggestion(name, MODELS)} (nor is there such a file)"
        )
    for option in options:
        raise click.UsageError(f"{_flag(option)} is for built-in models; {name} is a file")
    return Model(name, load(path), file=path)


def _built_in(name: str, options: dict[str, Any]) -> Model:
    if "weights" in options and "seed" in options:
        raise click.UsageError("--weights are not drawn: they have no --seed")
    known = inspect.signature(MODELS[name]).parameters
    if "seed" not in known and "seed" in options:
        graph = MODELS[name](**_known(name, known, {**options, "seed": None}))
        graph.weights.initialize(seed=options["seed"])
    else:
        graph = MODELS[name](**_known(name, known, options))
    carried = options.get("weights")
    seed = None if carried else options.get("seed", 0)
    return Model(name, graph, seed=seed, carried=carried)


def _known(name: str, known: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that are given, all of which the model must know."""
    given = {option: value for option, value in options.items() if value is not None}
    for option in given.keys() - set(known):
        raise click.UsageError(f"model {name} has no {_flag(option)}")
    return given


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def takes_json(command: Command) -> Command:
    """Give a command the option --json, as `as_json`."""
    flag = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    return flag(command)


def takes_threads(command: Command) -> Command:
    """Give a command the option --threads."""
    option = click.option(
        "--threads",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Threads to use.",
    )
    return option(command)


def identity(text: str, name_to_id: Callable[[str], int]) -> int:
    """Return the id that `text` is, or that is called so."""
    return int(text) if re.fullmatch(r"\d{1,10}", text) else name_to_id(text)
