"""The command convert."""

from __future__ import annotations

from pathlib import Path

import click

from neurograph.cli.arguments import takes_json
from neurograph.cli.choosing import Model, takes_trained_model
from neurograph.cli.output import emit
from neurograph.convert.formats import format_of
from neurograph.errors import ConversionError
from neurograph.memory import readable


def _known(_: click.Context, __: click.Parameter, file: Path) -> Path:
    """Return a file of a suffix that is known, before the model is opened."""
    format_of(file)
    return file


@click.command(short_help="Write a model in another format.")
@takes_trained_model
@click.argument("file", type=click.Path(path_type=Path), callback=_known)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@takes_json
def convert(model: Model, file: Path, force: bool, as_json: bool) -> None:
    """Write MODEL to FILE in the format of its suffix, whole or not at all.

    Formats: .npz (neurograph's own), .onnx, .parquet and .csv (a row a connection), .graphml,
    .gexf, .gml and .json (nodes and edges, as networkx has them). MODEL may be a file of any of
    these.
    """
    if file.exists() and not force:
        raise ConversionError(f"{file}: exists already; --force replaces it")
    chosen = format_of(file)
    chosen.write(model.graph, file)
    size = file.stat().st_size
    document = {
        "model": model.name,
        "file": str(file),
        "format": chosen.what,
        "bytes": size,
        "weights": model.weights,
        "not_kept": chosen.loses or None,
    }
    lost = f"\nnot kept: {chosen.loses}" if chosen.loses else ""
    text = f"{model.name} written to {file} ({chosen.what}, {readable(size)})\n"
    emit(document, lambda: f"{text}weights: {model.weights}{lost}", as_json=as_json)
