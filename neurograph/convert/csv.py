"""CSV files: a header, then a row a connection, by ids or by names."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.convert.triples import (
    COLUMNS,
    Functions,
    Rest,
    Side,
    Triples,
    Which,
    graph_of,
    triples_of,
)
from neurograph.errors import ConversionError, shown
from neurograph.graph import Graph
from neurograph.memory import require
from neurograph.storage.files import as_path, reading, replacing

_ROOM = 40  # bytes of memory for each byte of a file of short rows, as measured, rounded up
_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")  # Python reads no longer ones
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def to_csv(graph: Graph, path: str | os.PathLike[str], *, by: str = "id") -> None:
    """Write every connection of a graph to a CSV file: a row each, whole or not at all.

    Columns: source, weight and target (ids, or with by="name" names), value (the weight's, to the
    last bit) and trainable. What rows do not say - layers, functions, inputs where they feed
    nothing, outputs - is not in the file; `to_parquet` and `save` keep it. Raises ConversionError
    where it cannot be written, or would not fit in memory.

    >>> import tempfile
    >>> from pathlib import Path
    >>> graph = Graph.from_connections([(1, 0, 2)], inputs=[1], values=[0.5])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_csv(graph, Path(folder, "net.csv"))
    ...     Path(folder, "net.csv").read_text().splitlines()[1]
    '1,0,2,0.5,True'
    """
    triples = triples_of(graph, by, "to_csv")
    columns = [_listed(getattr(triples, name)) for name in COLUMNS]
    where = as_path(path, "to_csv", ConversionError)
    try:
        with replacing(where) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(zip(*columns, strict=True))
            text.flush()
            text.detach()
    except OSError as error:
        raise ConversionError(f"{where}: cannot be written: {error.strerror or error}") from error


def _listed(column: Side | Any) -> list[Any]:
    if not isinstance(column, Side):
        return list(column.tolist())
    ids = column.ids
    return list((ids if column.texts is None else np.array(column.texts, object)[ids]).tolist())


def from_csv(
    path: str | os.PathLike[str],
    *,
    inputs: Which = None,
    outputs: Which = None,
    functions: Functions = None,
) -> Graph:
    r"""Return the graph of a CSV file with a header and a row a connection.

    Columns source and target hold whole numbers (0 is the bias unit, neurons count from 1) or
    names, and weight, whole numbers from 0 or names; rows that name one weight share it. Optional
    are value (1.0) and trainable (true); any other is passed over. Without a column weight every
    row has one of its own. `inputs` are by default the sources that no row feeds, `outputs` the
    neurons that feed no other, `functions` as in `Graph.from_connections`, all by id or name.
    Neurons by name keep it. Raises ConversionError, before memory is taken, for a file that is
    none, columns that are missing or hold something else, ids out of range, names that no row has,
    and a cycle, which it shows.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "net.csv")
    ...     _ = path.write_text("source,weight,target,value\na,w,sum,2\nb,w,sum,2\n")
    ...     from_csv(path).incoming("sum")
    Connections(2: a -weight[0]-> sum, ...)
    """
    where = as_path(path, "from_csv", ConversionError)
    with _rows(where) as rows:
        triples = _triples(rows, where)
    return graph_of(triples, Rest(inputs, outputs, functions), str(where))


@contextmanager
def _rows(path: Path) -> Iterator[Any]:
    """Open a CSV file that would fit in memory."""
    try:
        with reading(path) as stream:
            require(_ROOM * os.fstat(stream.fileno()).st_size, str(path), ConversionError)
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            yield csv.reader(text, strict=True)
    except ConversionError:
        raise
    except OSError as error:
        raise ConversionError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (csv.Error, ValueError) as error:
        raise ConversionError(f"{path}: cannot be read as CSV: {error}") from error


def _triples(rows: Any, path: Path) -> Triples:
    header = [name.strip() for name in next(rows, [])]
    for name in ("source", "target"):
        if header.count(name) != 1:
            raise ConversionError(f"{path}: needs one column {name!r}, found {shown(header)}")
    found: list[list[str]] = []
    for row in rows:
        if len(row) == len(header):
            found.append(row)
        elif row:
            raise ConversionError(
                f"{path}: line {rows.line_num} has {len(row)} entries, the header {len(header)}"
            )
    columns = list(zip(*found, strict=True)) or [()] * len(header)
    at = {name: columns[header.index(name)] for name in COLUMNS if name in header}
    numbered = all(_WHOLE.fullmatch(one) for one in chain(at["source"], at["target"]))
    weight = at.get("weight", range(len(found)))
    ids = not isinstance(weight, tuple) or all(_WHOLE.fullmatch(one) for one in weight)
    return Triples(
        source=_side(at["source"], numbered),
        weight=_side(weight, ids),
        target=_side(at["target"], numbered),
        value=_read(at.get("value"), float, "value", "a number", path),
        trainable=_read(at.get("trainable"), _truth, "trainable", "true or false", path),
    )


def _side(column: Sequence[Any], numbered: bool) -> Side:
    if numbered:
        numbers = [int(one) for one in column]
        return Side(np.array(numbers, np.int64 if _small(numbers) else object))
    places: dict[str, int] = {}
    ids = [places.setdefault(one, len(places)) for one in column]
    return Side(np.array(ids, np.int64), list(places))


def _small(numbers: list[int]) -> bool:
    return not numbers or -(2**63) <= min(numbers) <= max(numbers) < 2**63


def _truth(text: str) -> bool:
    return _TRUTHS[text.strip().lower()]


def _read(
    column: Sequence[str] | None,
    kind: Callable[[str], Any],
    name: str,
    needed: str,
    path: Path,
) -> Any:
    """Return a column as an array; None where there is none."""
    if column is None:
        return None
    found = []
    for at, one in enumerate(column, 1):
        try:
            found.append(kind(one))
        except (KeyError, ValueError):
            raise ConversionError(
                f"{path}: row {at} has the {name} {shown(one)}, needed {needed}"
            ) from None
    return np.array(found, dtype=float if kind is float else bool)
