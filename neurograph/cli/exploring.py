"""The command explore."""

from __future__ import annotations

from pathlib import Path

import click

from neurograph.cli.arguments import takes_json
from neurograph.cli.choosing import Model, takes_trained_model
from neurograph.cli.output import emit
from neurograph.explorer import VALUES, explore


@click.command("explore", short_help="Write a model into one HTML file to look at, run and edit.")
@takes_trained_model
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The page's file, which is replaced if it exists.",
)
@click.option("--title", metavar="TEXT", help="The page's title; the model's name without.")
@click.option(
    "--values",
    type=click.Choice(VALUES),
    default="exact",
    show_default=True,
    help="How the page holds the weights: exactly, in half precision, or not at all.",
)
@takes_json
def explore_model(model: Model, out: Path, title: str | None, values: str, as_json: bool) -> None:
    """Write MODEL into one HTML file that opens in a browser, without a server.

    The page computes every state itself: choose or draw an input, follow a neuron's sum term by
    term, see all connections that share a weight, change it, cut connections, and watch what comes
    of it. A network that reads pictures of digits has ten of them to begin with.
    """
    if title is None:
        title = Path(model.name).stem if model.file is not None else model.name
    explore(model.graph, out, title=title, values=values)
    size = out.stat().st_size
    weights = "none" if values == "none" else model.weights
    said = f"{model.name} written to {out} ({size / 1000:,.0f} kB): open it in a browser"
    document = {"model": model.name, "file": str(out), "bytes": size, "weights": weights}
    emit(document, lambda: f"{said}\nweights: {weights}", as_json=as_json)
