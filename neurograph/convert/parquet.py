"""Parquet files: a row a connection, and in the file's metadata what rows do not say.

Ids are stored as differences, so that LeNet-5's 340,908 connections take about one byte each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.convert.description import described, description
from neurograph.convert.triples import (
    COLUMNS,
    SIDES,
    Functions,
    Rest,
    Side,
    Triples,
    Which,
    graph_of,
    triples_of,
)
from neurograph.errors import ConversionError, missing, shown
from neurograph.graph import Graph
from neurograph.memory import require
from neurograph.storage.files import as_path, reading, replacing

_KEY = b"neurograph"  # of what is said of the whole graph, as JSON
_ROW = 120  # bytes of a row while a file is read: 75 as measured, and some to spare
_TEXT = 8  # bytes of memory for a byte of text


def to_parquet(graph: Graph, path: str | os.PathLike[str], *, by: str = "id") -> None:
    """Write every connection of a graph to a Parquet file: a row each, whole or not at all.

    Columns: source, weight and target (ids, or with by="name" names), value (the weight's) and
    trainable. Layers, names, functions, inputs and outputs stand in the file's metadata, so that
    `from_parquet` returns the same network; dead slots, and the values of weights without a
    connection, are not in the file (`save` keeps everything). Raises ConversionError where it
    cannot be written, or would not fit in memory; MissingDependency without pyarrow.

    >>> import pytest, tempfile; parquet = pytest.importorskip("pyarrow.parquet")
    >>> from neurograph.models import mlp
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_parquet(mlp((4, 2)), f"{folder}/mlp.parquet", by="name")
    ...     parquet.read_table(f"{folder}/mlp.parquet").column("weight")[1].as_py()
    'output.kernel[0, 1]'
    """
    _parquet()
    triples = triples_of(graph, by, "to_parquet")
    import pyarrow as pa
    from pyarrow.parquet import write_table

    columns = {name: _arrow(getattr(triples, name)) for name in COLUMNS}
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(description(graph))})
    whole = [name for name in SIDES if by == "id"]
    where = as_path(path, "to_parquet", ConversionError)
    try:
        with replacing(where) as stream:
            write_table(
                table,
                stream,
                compression="zstd",
                use_dictionary=[name for name in SIDES if name not in whole],
                column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
            )
    except OSError as error:
        raise ConversionError(f"{where}: cannot be written: {error.strerror or error}") from error


def from_parquet(
    path: str | os.PathLike[str],
    *,
    inputs: Which = None,
    outputs: Which = None,
    functions: Functions = None,
) -> Graph:
    """Return the graph of a Parquet file with a row a connection.

    Columns source and target hold whole numbers (0 is the bias unit, neurons count from 1) or text,
    and weight, whole numbers from 0 or text; rows that name one weight share it. Optional are value
    (1.0) and trainable (true). Without a column weight every row has one of its own. `inputs` are
    by default the sources that no row feeds, `outputs` the neurons that feed no other, `functions`
    as in `Graph.from_connections`; a file of `to_parquet` says itself what they are. Neurons by
    name keep it. Raises ConversionError, before memory is taken, for a file that is none, columns
    that are missing or of other types, ids out of range, names that no row has, and a cycle;
    MissingDependency without pyarrow.

    >>> import pytest, tempfile; _ = pytest.importorskip("pyarrow")
    >>> from neurograph.models import mlp
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_parquet(mlp((4, 3, 2)), f"{folder}/mlp.parquet")
    ...     from_parquet(f"{folder}/mlp.parquet").incoming(8)
    Connections(4: N1[0] -output.kernel[0, 0]-> output[0], ...)
    """
    _parquet()
    where = as_path(path, "from_parquet", ConversionError)
    with _opened(where) as file:
        said = (file.schema_arrow.metadata or {}).get(_KEY)
        triples = _triples(file, where)
    if said is None:
        return graph_of(triples, Rest(inputs, outputs, functions), str(where))
    if any(given is not None for given in (inputs, outputs, functions)):
        raise ConversionError(
            f"{where}: a file of to_parquet says itself what its inputs, outputs and functions are"
        )
    return described(said, triples, str(where))


def _parquet() -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise missing("Parquet", "pyarrow", "parquet") from error


def _arrow(column: Side | Any) -> Any:
    import pyarrow as pa

    if not isinstance(column, Side):
        return pa.array(column)
    if column.texts is None:
        return pa.array(column.ids)
    return pa.DictionaryArray.from_arrays(pa.array(column.ids), pa.array(column.texts, pa.string()))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a Parquet file that would fit in memory; whatever pyarrow says becomes our error."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with reading(path) as stream, ParquetFile(stream) as file:
            about = file.metadata
            groups = [about.row_group(i) for i in range(about.num_row_groups)]
            text = sum(group.total_byte_size for group in groups)
            require(_ROW * about.num_rows + _TEXT * text, str(path), ConversionError)
            yield file
    except ConversionError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        said = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise ConversionError(f"{path}: cannot be read as Parquet: {said}") from error


def _triples(file: Any, path: Path) -> Triples:
    names = file.schema_arrow.names
    for name in ("source", "target"):
        if names.count(name) != 1:
            raise ConversionError(f"{path}: needs one column {name!r}, found {shown(names)}")
    there = [name for name in COLUMNS if name in names]
    table = file.read(columns=there)
    found = {name: _column(table.column(name), name, path) for name in there}
    weight = found.pop("weight", None) or Side(np.arange(table.num_rows))
    return Triples(weight=weight, **found)


def _column(column: Any, name: str, path: Path) -> Any:
    """Return a column as an array, or a Side of ids or texts."""
    from pyarrow import types

    if column.null_count:
        raise ConversionError(f"{path}: column {name} has {column.null_count:,} empty entries")
    kind = column.type
    if types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    if name in SIDES and (types.is_string(kind) or types.is_large_string(kind)):
        coded = column.combine_chunks().dictionary_encode()
        return Side(coded.indices.to_numpy(), coded.dictionary.to_pylist())
    needed = {"value": (types.is_integer, types.is_floating), "trainable": (types.is_boolean,)}
    if not any(fits(kind) for fits in needed.get(name, (types.is_integer,))):
        wanted = {"value": "numbers", "trainable": "truths"}.get(name, "whole numbers or text")
        raise ConversionError(f"{path}: column {name} holds {kind}, needed {wanted}")
    array = column.to_numpy()
    return Side(array) if name in SIDES else array
