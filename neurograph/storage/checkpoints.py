"""Checkpoints: one file with everything that training needs to go on, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import ConversionError
from neurograph.graph import Graph
from neurograph.storage import archive
from neurograph.storage.archive import Archive
from neurograph.storage.fields import items, number, text

FORMAT, VERSION = "neurograph checkpoint", 1


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Values of all weights, the optimizer's vectors by name, one row of numbers a finished pass.

    `settings` are what must stay the same for training to go on as if it had not stopped.
    """

    graph: str
    settings: Mapping[str, str]
    rows: list[list[float | None]]
    values: NDArray[np.float64]
    state: Mapping[str, NDArray[np.float64]]


def fingerprint(graph: Graph) -> str:
    """Return a digest of what is connected: equal for equal graphs, whatever their weights' values.

    >>> from neurograph.models import mlp
    >>> fingerprint(mlp((2, 1), seed=0)) == fingerprint(mlp((2, 1), seed=1))
    True
    """
    digest = hashlib.blake2b(digest_size=16)
    table = graph.table
    columns = (
        table.field,
        table.kernel,
        table.bias,
        table.function,
        table.fields.ptr,
        table.fields.ids,
        table.kernels.ptr,
        table.kernels.ids,
        graph.weights.trainable,
        graph.outputs,
    )
    for column in columns:
        digest.update(f"{column.dtype.str}{column.shape}".encode())
        digest.update(np.ascontiguousarray(column).reshape(-1).view(np.uint8).data)
    named = [(name, graph.weights.names[name].shape) for name in graph.weights]
    rest = list(map(str, graph.functions)), sorted(graph.constants.items()), named
    digest.update(repr(rest).encode())
    return digest.hexdigest()


def write(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write the file, whole or not at all. Raises ConversionError if it cannot be written."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "graph": checkpoint.graph,
        "settings": dict(checkpoint.settings),
        "rows": checkpoint.rows,
        "state": list(checkpoint.state),
    }
    state = {f"state.{name}": vector for name, vector in checkpoint.state.items()}
    archive.write(path, header, {"value": checkpoint.values, **state})


def read(
    path: str | os.PathLike[str],
    graph: Graph,
    *,
    settings: Mapping[str, str] | None = None,
    state: Mapping[str, NDArray[np.float64]] | None = None,
    width: int | None = None,
) -> Checkpoint:
    """Return the checkpoint in a file that `write` wrote.

    settings: those to go on with. state: what the optimizer begins with; each of these vectors has
    to be there, in its shape, and any other must be of one number a trainable weight. width: how
    many figures a row has; the first and the last are never None. Raises ConversionError, naming
    the path, if the file is missing, damaged, foreign, of another graph or of other settings.
    """
    with archive.opened(path) as file:
        header = file.header
        version = header.get("version")
        if header.get("format") != FORMAT or type(version) is not int or version != VERSION:
            raise ConversionError(
                f"{file.path}: found {header.get('format')!r} version {header.get('version')}, "
                f"needed {FORMAT!r} version {VERSION}"
            )
        file.check_members()
        found = Checkpoint(
            text(header.get("graph")),
            _texts(header.get("settings")),
            [_row(row, width) for row in items(header.get("rows"))],
            file.array("value", np.float64),
            {
                text(name): file.array(f"state.{name}", np.float64, rank=None)
                for name in items(header.get("state"))
            },
        )
        file.require_all_read({"graph", "settings", "rows", "state"})
        if len({len(row) for row in found.rows}) > 1:
            file.fail("is damaged: its rows are of different lengths")
        _check_graph(found, graph, file)
        _check_settings(found, settings or {}, file)
        if state is not None:
            _check_state(found, graph, state, file)
    return found


def _check_graph(found: Checkpoint, graph: Graph, file: Archive) -> None:
    count = graph.weights.count
    if found.graph != fingerprint(graph) or found.values.shape != (count,):
        raise ConversionError(
            f"{file.path}: is a checkpoint of another graph ({found.values.size:,} weights, digest "
            f"{found.graph}); needed {count:,} and {fingerprint(graph)}"
        )
    if not np.isfinite(found.values).all():
        file.fail("is damaged: it holds weights that are not finite")


def _check_settings(found: Checkpoint, needed: Mapping[str, str], file: Archive) -> None:
    for name, value in needed.items():
        if found.settings.get(name) != value:
            raise ConversionError(
                f"{file.path}: was written with {name} {found.settings.get(name)}, found {value}; "
                "to go on, it must be the same"
            )


def _check_state(
    found: Checkpoint, graph: Graph, needed: Mapping[str, NDArray[np.float64]], file: Archive
) -> None:
    if missing := needed.keys() - found.state.keys():
        file.fail(f"is damaged: the optimizer's state has no {', '.join(sorted(missing))}")
    trainable = (int(np.count_nonzero(graph.weights.trainable)),)
    for name, vector in found.state.items():
        wanted = needed[name].shape if name in needed else trainable
        if vector.shape != wanted:
            file.fail(f"is damaged: the optimizer's {name} has shape {vector.shape}, not {wanted}")
        if np.isnan(vector).any():  # an infinite mean square is a small step
            file.fail(f"is damaged: the optimizer's {name} holds what is no number")


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"found {value!r}, needed settings by name")
    return {key: text(item) for key, item in value.items()}


def _row(value: Any, width: int | None) -> list[float | None]:
    row = [None if cell is None else number(cell) for cell in items(value)]
    if width is not None and (len(row) != width or row[0] is None or row[-1] is None):
        raise ValueError(f"found the row {row}, needed {width} figures")
    return row
