"""Files of graphs by their suffix: how each format is read and written, in one table."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurograph.convert.graph_challenge import read_network
from neurograph.errors import ConversionError, GraphError
from neurograph.graph import Graph
from neurograph.memory import require
from neurograph.storage.files import reading, replacing
from neurograph.storage.graphs import load, save

_ROOM = 20  # bytes of memory for each byte of a file of networkx's, as measured
_CHALLENGE = re.compile(r"n(\d{1,9})-l(\d{1,9})\.tsv")


@dataclass(frozen=True)
class Format:
    """What a file of a suffix is, how it is read and written, and what it does not keep."""

    what: str
    read: Callable[[Path], Graph]
    write: Callable[[Graph, Path], None]
    loses: str = ""


def format_of(path: Path) -> Format:
    """Return the format of a file by its suffix. Raises ConversionError for one of none.

    >>> format_of(Path("net.gml")).what
    'GML'
    """
    if path.suffix.lower() not in FORMATS:
        raise ConversionError(
            f"{path}: found the suffix {path.suffix!r}, needed one of {', '.join(FORMATS)}"
        )
    return FORMATS[path.suffix.lower()]


def read(path: Path) -> Graph:
    """Return the graph in a file, by its suffix, or in a directory of the Graph Challenge.

    What has another suffix is read as a file of neurograph's own. Raises ConversionError for what
    cannot be read.
    """
    if path.is_dir() and (found := _challenge(path)) is not None:
        return found
    given = FORMATS.get(path.suffix.lower())
    return load(path) if given is None else given.read(path)


def _challenge(path: Path) -> Graph | None:
    """Return the network of a directory with files of the Graph Challenge; None for no such one."""
    names = [m for entry in os.listdir(path) if (m := _CHALLENGE.fullmatch(entry))]
    sizes = {int(m[1]) for m in names}
    if not names:
        return None
    if len(sizes) > 1:
        raise ConversionError(
            f"{path}: found networks of {', '.join(map(str, sorted(sizes)))} neurons, needed one"
        )
    return read_network(path, neurons=sizes.pop(), layers=len(names))


# ---- formats of others --------------------------------------------------------------------------


def _read_onnx(path: Path) -> Graph:
    from neurograph.convert.onnx import from_onnx

    return from_onnx(path)


def _write_onnx(graph: Graph, path: Path) -> None:
    from neurograph.convert.onnx_export import to_onnx

    to_onnx(graph, path)


def _read_parquet(path: Path) -> Graph:
    from neurograph.convert.parquet import from_parquet

    return from_parquet(path)


def _write_parquet(graph: Graph, path: Path) -> None:
    from neurograph.convert.parquet import to_parquet

    to_parquet(graph, path)


def _read_csv(path: Path) -> Graph:
    from neurograph.convert.csv import from_csv

    return from_csv(path)


def _write_csv(graph: Graph, path: Path) -> None:
    from neurograph.convert.csv import to_csv

    to_csv(graph, path)


def _read_json(stream: Any) -> Any:
    import networkx as nx

    return nx.node_link_graph(json.load(stream), edges="edges")


def _write_json(G: Any, stream: Any) -> None:
    import networkx as nx

    said = json.dumps(nx.node_link_data(G, edges="edges"), allow_nan=False)
    stream.write(said.encode())


def _networkx(what: str, kind: str) -> Format:
    """Return a format of networkx's: `kind` is what its functions read_* and write_* end in."""

    def read_graph(path: Path) -> Graph:
        import networkx as nx

        from neurograph.convert.networkx import from_networkx

        with _read_errors(path), reading(path) as stream:
            require(_ROOM * os.fstat(stream.fileno()).st_size, str(path), ConversionError)
            G = _read_json(stream) if kind == "json" else getattr(nx, f"read_{kind}")(stream)
        return from_networkx(G)

    def write_graph(graph: Graph, path: Path) -> None:
        import networkx as nx

        from neurograph.convert.networkx import to_networkx

        G = to_networkx(graph, plain=True)
        with _write_errors(path), replacing(path) as stream:
            _write_json(G, stream) if kind == "json" else getattr(nx, f"write_{kind}")(G, stream)

    return Format(what, read_graph, write_graph, "dead slots")


class _Errors:
    """Says what goes wrong with a file as one ConversionError."""

    def __init__(self, path: Path, what: str, kinds: tuple[type[Exception], ...]) -> None:
        self._path, self._what, self._kinds = path, what, kinds

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        if isinstance(error, ConversionError) or not isinstance(error, self._kinds):
            return
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ConversionError(f"{self._path}: cannot be {self._what}: {said}") from error


def _read_errors(path: Path) -> _Errors:
    import networkx as nx

    # SyntaxError is what a damaged XML file raises.
    faults = (nx.NetworkXException, OSError, SyntaxError, ValueError, LookupError, TypeError)
    return _Errors(path, "read", (*faults, AttributeError, RecursionError))


def _write_errors(path: Path) -> _Errors:
    return _Errors(path, "written", (OSError, GraphError))


FORMATS: dict[str, Format] = {
    ".npz": Format("neurograph's own", load, save),
    ".onnx": Format("ONNX", _read_onnx, _write_onnx, "which weights are trainable"),
    ".parquet": Format("Parquet", _read_parquet, _write_parquet, "dead slots"),
    ".csv": Format("CSV", _read_csv, _write_csv, "layers, names, functions and dead slots"),
    ".graphml": _networkx("GraphML", "graphml"),
    ".gexf": _networkx("GEXF", "gexf"),
    ".gml": _networkx("GML", "gml"),
    ".json": _networkx("JSON, node-link", "json"),
}
