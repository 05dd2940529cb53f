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


def read(path: str | os.PathLike[str], graph: Graph) -> Checkpoint:
    """Return the checkpoint in a file that `write` wrote.

    Raises ConversionError, naming the path, if it is missing, damaged, foreign, or of another
    graph.
    """
    with archive.opened(path) as file:
        header = file.header
        if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
            raise ConversionError(
                f"{path}: found {header.get('format')!r} version {header.get('version')}, "
                f"needed {FORMAT!r} version {VERSION}"
            )
        file.check_members()
        found = Checkpoint(
            str(header.get("graph")),
            _strings(header.get("settings")),
            _rows(header.get("rows")),
            file.array("value", np.float64),
            {
                str(name): file.array(f"state.{name}", np.float64)
                for name in _list(header.get("state"))
            },
        )
    if found.graph != fingerprint(graph) or found.values.shape != (graph.weights.count,):
        raise ConversionError(
            f"{path}: is a checkpoint of another graph ({found.values.size:,} weights, digest "
            f"{found.graph}); needed {graph.weights.count:,} and {fingerprint(graph)}"
        )
    if not np.isfinite(found.values).all():
        raise ConversionError(f"{path}: is damaged: it holds weights that are not finite")
    return found


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("the header is not of the form that is needed")
    return value


def _strings(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("the header is not of the form that is needed")
    return {str(key): str(item) for key, item in value.items()}


def _rows(value: Any) -> list[list[float | None]]:
    rows = [[None if cell is None else float(cell) for cell in _list(row)] for row in _list(value)]
    if len({len(row) for row in rows}) > 1:
        raise ValueError("the header's rows are of different lengths")
    return rows
