"""MODEL: a built-in model, a saved file, an ONNX file or a torch module by its name."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from neurograph.auditing.naming import is_callable_name, module_called
from neurograph.auditing.subjects import subject_of
from neurograph.cli.model import Model
from neurograph.convert.formats import read
from neurograph.errors import GraphError, suggestion
from neurograph.graph import Graph
from neurograph.models import CARRIED, MODELS
from neurograph.models.carried import assign_carried

__all__ = ["Model", "carried_for", "is_module_name", "open_model"]

Options = Mapping[str, Any]

_BUILT_IN = "built-in models"
# option -> the kinds of models that it is for, in words
_FOR = {
    **dict.fromkeys(("input_shape", "sizes", "seed", "weights"), _BUILT_IN),
    "input": "torch modules and ONNX files",
    "state": "torch modules, package:callable",
}


def carried_for(name: str) -> str | None:
    """Return the name of the trained weights the package carries for a model; None if none."""
    return next((weights for owner, weights in CARRIED if owner == name), None)


def is_module_name(name: str) -> bool:
    """Return whether a MODEL is the name of a torch module; it is no built-in one and no file."""
    return name not in MODELS and not Path(name).exists() and is_callable_name(name)


def open_model(name: str, options: Options, *, trained: bool = False) -> Model:
    """Return the model called `name`; each of the options is for some kinds of models only.

    `trained`: the weights carried for it are taken, if there are any, unless a seed or weights are
    given. Raises GraphError for an unknown model or an option it has not, ConversionError for a
    file that cannot be read and a module that cannot become a graph.
    """
    zeros = options.get("zeros", "keep")
    given = {o: value for o, value in options.items() if o != "zeros" and value is not None}
    if name in MODELS:
        found = _built_in(name, _shaped(name, given), trained=trained)
    elif is_module_name(name):
        return _module(name, given, zeros)
    elif name.lower().endswith(".onnx"):
        return _onnx(name, given, zeros)
    else:
        found = _saved(name, given)
    return found if zeros == "keep" else replace(found, graph=_without_zeros(found.graph))


def _without_zeros(graph: Graph) -> Graph:
    return subject_of(graph, zeros="cut").graph


# ---- from elsewhere -----------------------------------------------------------------------------


def _module(name: str, options: Options, zeros: str) -> Model:
    _require(name, "a torch module", options, ("input", "state"))
    if "input" not in options:
        raise click.UsageError(f"{name} needs --input, such as 1,3,224,224")
    state = options.get("state")
    found = subject_of(module_called(name, state), input_shapes=options["input"], zeros=zeros)
    origin = f"as {name} makes them" if state is None else f"those of {state}"
    return Model(name, found.graph, origin=origin, module=found.module)


def _onnx(name: str, options: Options, zeros: str) -> Model:
    _require(name, "an ONNX file", options, ("input",))
    found = subject_of(name, input_shapes=options.get("input"), zeros=zeros)
    return Model(name, found.graph, file=Path(name), origin=f"those of {name}")


def _saved(name: str, options: Options) -> Model:
    path = Path(name)
    if not (path.exists() or path.suffix or os.sep in name):
        raise GraphError(
            f"model {name!r} is unknown{suggestion(name, MODELS)} (nor is there such a file)"
        )
    _require(name, "a file", options, ())
    return Model(name, read(path), file=path)


def _require(name: str, what: str, options: Options, known: tuple[str, ...]) -> None:
    """Raise UsageError for an option that a model of this kind has not."""
    for option in options:
        if option not in known:
            raise click.UsageError(f"{_flag(option)} is for {_FOR[option]}; {name} is {what}")


# ---- built-in models ----------------------------------------------------------------------------


def _shaped(name: str, options: Options) -> dict[str, Any]:
    """Return the options with --input, a shape with samples, as --input-shape, one without."""
    found = dict(options)
    if "state" in found:
        raise click.UsageError(f"--state is for {_FOR['state']}; {name} is built in")
    shape = found.pop("input", None)
    if shape is None:
        return found
    if isinstance(shape, Mapping) or len(shape) < 2 or "input_shape" in found:
        raise click.UsageError(f"--input: needed one shape, samples first, for {name}")
    return {**found, "input_shape": shape[1:]}


def _built_in(name: str, options: dict[str, Any], *, trained: bool) -> Model:
    if trained and options.keys().isdisjoint(("seed", "weights")):
        options = {**options, "weights": carried_for(name)}
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
