"""The command audit."""

from __future__ import annotations

import re
from typing import Any

import click

from neurograph.auditing import Audit
from neurograph.auditing import audit as audited
from neurograph.auditing.naming import is_callable_name, module_called
from neurograph.auditing.reports import MEANINGS
from neurograph.cli.arguments import takes_json
from neurograph.cli.completion import model_names
from neurograph.cli.counts import exit_with
from neurograph.cli.expectations import failures, verdict
from neurograph.cli.opening import open_model
from neurograph.cli.output import emit
from neurograph.errors import suggestion
from neurograph.models import MODELS

Shape = tuple[int, ...]


def _inputs(
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


def _expected(
    _: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, int]:
    found = {}
    for text in texts:
        name, __, number = text.partition("=")
        digits = re.sub("[,_]", "", number)
        if name not in MEANINGS:
            near = suggestion(name, MEANINGS)
            raise click.BadParameter(f"{name!r} is not audited{near}", param=parameter)
        if not re.fullmatch(r"\d{1,18}", digits):
            raise click.BadParameter(
                f"found {text!r}, needed the form dead=6946816", param=parameter
            )
        found[name] = int(digits)
    return found


@click.command(short_help="Say what the numbers of a torch module, an ONNX file or a graph are.")
@click.argument("model", shell_complete=model_names)
@click.option(
    "--input",
    "shapes",
    multiple=True,
    callback=_inputs,
    metavar="[NAME=]N,N,...",
    help="An input's shape, samples first: 1,3,224,224; x=1,3,48,192 by name.",
)
@click.option(
    "--state",
    type=click.Path(),
    help="Weights for a torch module: a safetensors file, or one of tensors only.",
)
@click.option(
    "--zeros",
    type=click.Choice(["keep", "cut"]),
    default="keep",
    show_default=True,
    help="Whether a parameter that is 0 has connections.",
)
@click.option(
    "--expect",
    multiple=True,
    callback=_expected,
    metavar="NAME=VALUE",
    help="Exit with 1 unless a number is this, such as dead=0. May be given several times.",
)
@takes_json
def audit(
    model: str,
    shapes: Any,
    state: str | None,
    zeros: str,
    expect: dict[str, int],
    as_json: bool,
) -> None:
    """Say what a model's numbers come to: parameters, connections, multiply-adds, dead weights.

    MODEL is an ONNX file, a saved graph, a built-in model, or package:callable, which is called
    without arguments to make a torch module: torchvision:resnet18. It runs that package's code.
    """
    if state is not None and not is_callable_name(model):
        raise click.UsageError("--state is for a torch module, package:callable")
    found = _audited(model, shapes, state, zeros)
    judged = _judged(expect, found)
    document = {"model": model, **found.to_dict(), "expectations": judged}
    emit(document, lambda: f"{found}{verdict(judged)}", as_json=as_json)
    exit_with(failures(judged))


def _audited(model: str, shapes: Any, state: str | None, zeros: str) -> Audit:
    if is_callable_name(model):
        if shapes is None:
            raise click.UsageError(f"{model} needs --input, such as 1,3,224,224")
        return audited(module_called(model, state), input_shapes=shapes, zeros=zeros)
    if model.lower().endswith(".onnx"):
        return audited(model, input_shapes=shapes, zeros=zeros)
    options = {}
    if shapes is not None:
        if model not in MODELS or isinstance(shapes, dict) or len(shapes) < 2:
            raise click.UsageError(f"--input is for torch modules and ONNX files, not for {model}")
        options["input_shape"] = shapes[1:]
    return audited(open_model(model, options).graph, zeros=zeros)


def _judged(expect: dict[str, int], found: Audit) -> list[dict[str, Any]]:
    """Return, for each expectation, its name, what was expected and found, and whether it holds."""
    return [
        {
            "name": name,
            "expected": value,
            "found": getattr(found, name),
            "ok": getattr(found, name) == value,
        }
        for name, value in expect.items()
    ]
