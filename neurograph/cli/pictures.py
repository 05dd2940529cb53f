"""The command plot."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from neurograph import plot as plots
from neurograph.cli.arguments import identity, takes_json
from neurograph.cli.choosing import Model, takes_trained_model
from neurograph.cli.completion import layer_names, neuron_names
from neurograph.cli.digits import package_digit
from neurograph.cli.output import emit
from neurograph.errors import missing
from neurograph.storage.files import replacing

_SUFFIXES = ".png", ".svg", ".pdf"
_DOTS = 160  # an inch of a PNG

# picture -> the options it takes, in the order of its arguments; those in capitals it needs.
_PICTURES: dict[str, tuple[str, ...]] = {
    "table": ("LAYER",),
    "matrix": ("LAYER",),
    "degree": ("layer",),
    "field": ("NEURON", "digit"),
    "uses": ("layer",),
    "maps": ("DIGIT",),
    "kernels": ("LAYER",),
    "codes": ("digit", "layer"),
    "overview": (),
}


@click.command(short_help="Draw a picture of a model into a file.")
@click.argument("picture", type=click.Choice(list(_PICTURES)))
@takes_trained_model
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The picture's file: .png, .svg or .pdf.",
)
@click.option(
    "--layer",
    shell_complete=layer_names,
    metavar="NAME",
    help="The layer: of table, matrix and kernels; degree, uses and codes choose one without.",
)
@click.option("--neuron", shell_complete=neuron_names, metavar="NAME", help="The neuron: of field.")
@click.option(
    "--digit",
    type=click.IntRange(min=0),
    metavar="N",
    help="Image N of the digits carried in the package: of maps; field and codes may have one.",
)
@takes_json
def plot(model: Model, picture: str, out: Path, as_json: bool, **options: Any) -> None:
    """Draw PICTURE of MODEL and write it to FILE, which is replaced if it exists.

    table: which maps a layer reads; matrix: a colour a weight; degree: connections out of each
    position; field: what a neuron sees and feeds; uses: connections of each weight; maps: every
    state for a digit; kernels: the weights' values; codes: the classes' codes; overview: the whole
    network.
    """
    if out.suffix.lower() not in _SUFFIXES:
        raise click.UsageError(f"--out {out}: needed a name that ends in {', '.join(_SUFFIXES)}")
    drawn = _drawing(model, picture, options)()
    figure = (drawn if hasattr(drawn, "figure") else drawn.flat[0]).figure
    with replacing(out) as stream:
        figure.savefig(stream, format=out.suffix[1:].lower(), dpi=_DOTS)
    said = f"{picture} of {model.name} drawn to {out}\nweights: {model.weights}"
    document = {
        "model": model.name,
        "picture": picture,
        "file": str(out),
        "weights": model.weights,
    }
    emit(document, lambda: said, as_json=as_json)


def _drawing(model: Model, picture: str, options: dict[str, Any]) -> Callable[[], Any]:
    """Return what draws. Raises UsageError for an option that it needs, or has not."""
    taken = {name.lower(): name for name in _PICTURES[picture]}
    for name, value in options.items():
        if value is not None and name not in taken:
            raise click.UsageError(f"plot {picture} has no --{name}")
        if value is None and taken.get(name, "").isupper():
            raise click.UsageError(f"plot {picture} needs --{name}")
    try:
        import matplotlib
    except ImportError as error:
        raise missing(f"plot {picture}", "matplotlib", "plot") from error
    matplotlib.use("Agg")  # into files: no screen is asked for
    given = {name: options[name] for name in taken if options[name] is not None}
    if "neuron" in given:
        given["neuron"] = identity(given["neuron"], model.graph.neuron_names, model.graph.size)
    if "digit" in given:
        given["image"] = package_digit(given.pop("digit"), model.graph, model.name)
    return functools.partial(getattr(plots, picture), model.graph, **given)
