"""MODEL: a built-in model or a saved file, and which weights it is opened with."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from neurograph.errors import GraphError, suggestion
from neurograph.graph import Graph
from neurograph.models import CARRIED, MODELS, provenance
from neurograph.models.carried import assign_carried
from neurograph.storage.graphs import load


@dataclass(frozen=True, eq=False)
class Model:
    """A graph and where it came from."""

    name: str
    graph: Graph
    file: Path | None = None
    seed: int | None = None
    carried: str | None = None
    options: tuple[str, ...] = ()  # as they were typed

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


def carried_for(name: str) -> str | None:
    """Return the name of the trained weights the package carries for a model; None if none."""
    return next((weights for owner, weights in CARRIED if owner == name), None)


def open_model(name: str, options: dict[str, Any], *, trained: bool = False) -> Model:
    """Return the built-in model or the saved file `name`; options are for built-in ones only.

    `trained`: the weights carried for it are taken, if there are any, unless a seed or weights are
    given. Raises GraphError for an unknown model or an option it has not, ConversionError for a
    file that cannot be read.
    """
    if name in MODELS:
        if trained and options.keys().isdisjoint(("seed", "weights")):
            options = {**options, "weights": carried_for(name)}
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
    seed, carried = options.get("seed"), options.get("weights")
    if seed is not None and carried is not None:
        raise click.UsageError("--weights are not drawn: they have no --seed")
    if carried is not None and carried != carried_for(name):
        raise click.UsageError(f"model {name} has no --weights {carried}")
    known = inspect.signature(MODELS[name]).parameters
    others = ("weights",) if "seed" in known else ("weights", "seed")
    graph = MODELS[name](**_known(name, known, options, others))
    if seed is not None and "seed" not in known:
        graph.weights.initialize(seed=seed)
    if carried is not None:
        _assign(graph, name, carried, options)
        return Model(name, graph, carried=carried)
    return Model(name, graph, seed=seed or 0)


def _assign(graph: Graph, name: str, carried: str, options: dict[str, Any]) -> None:
    """Set the carried weights. Raises GraphError, which says they were chosen, if they misfit."""
    try:
        assign_carried(graph, name, carried)
    except GraphError as error:
        shape = options.get("input_shape")
        what = name if shape is None else f"--input-shape {','.join(map(str, shape))}"
        raise GraphError(
            f"{name}: the trained weights {carried!r}, taken unless --seed is given, do not fit "
            f"{what} ({error}); --seed 0 draws weights that do"
        ) from error


def _known(
    name: str, known: Any, options: dict[str, Any], others: tuple[str, ...]
) -> dict[str, Any]:
    """Return the options that are given but for `others`, all of which the model must know."""
    given = {o: value for o, value in options.items() if value is not None and o not in others}
    for option in given.keys() - set(known):
        raise click.UsageError(f"model {name} has no {_flag(option)}")
    return given


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"
