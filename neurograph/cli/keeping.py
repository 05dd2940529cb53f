"""The command save."""

from __future__ import annotations

from pathlib import Path

import click

from neurograph.cli.arguments import takes_json
from neurograph.cli.choosing import Model, takes_trained_model
from neurograph.cli.coloured import takes_preprocessing
from neurograph.cli.output import emit
from neurograph.errors import ConversionError
from neurograph.memory import readable
from neurograph.storage import graphs as storage


@click.command(short_help="Write a model to a file.")
@takes_trained_model
@takes_preprocessing
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@takes_json
def save(model: Model, file: Path, force: bool, as_json: bool) -> None:
    """Write MODEL to FILE, whole or not at all; every command takes FILE as its MODEL then."""
    if file.exists() and not force:
        raise ConversionError(f"{file}: exists already; --force replaces it")
    storage.save(model.graph, file)
    size = file.stat().st_size
    weights = model.weights
    document = {"model": model.name, "file": str(file), "bytes": size, "weights": weights}
    text = f"{model.name} saved to {file} ({readable(size)})\nweights: {weights}"
    emit(document, lambda: text, as_json=as_json)
