"""explore: a graph into one HTML file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from neurograph.errors import GraphError, shown
from neurograph.explorer.page import page
from neurograph.explorer.payload import held_bytes, payload, text_bytes
from neurograph.explorer.samples import Samples
from neurograph.graph import Graph, require_graph
from neurograph.storage.files import as_path, replacing

VALUES = "exact", "half", "none"
TEXT_MAX = 64 << 20  # bytes of the file: what browsers open without delay
HELD_MAX = 512 << 20  # bytes of arrays that the page holds


def explore(
    graph: Graph,
    path: str | os.PathLike[str],
    *,
    samples: Any = None,
    labels: Any = None,
    title: str | None = None,
    values: str = "exact",
) -> Path:
    """Write the graph into one HTML file to look at, run and edit in a browser; return its path.

    The file needs no server, asks for nothing and computes every state itself, in float64.
    `samples` are input states (samples, *input shape), a tuple of them for several inputs, or
    `datasets.Digits`; where none are given and the input is a picture of a digit's size, one digit
    of each class. `labels` are what samples are called. `values` "half" keeps the weights in half
    precision, "none" the structure alone. Raises GraphError for a graph that is too large for a
    page, DataError for samples that do not fit, OSError if the file cannot be written.

    >>> import tempfile
    >>> from neurograph.models import lenet5
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     explore(lenet5(), f"{directory}/lenet5.html").name
    'lenet5.html'
    """
    require_graph(graph, "explore")
    where = as_path(path, "explore", GraphError)
    name = where.stem if title is None else str(title)
    found = prepared(graph, samples=samples, labels=labels, title=name, values=values)
    with replacing(where) as stream:
        stream.write(page(title=name, payload=found).encode())
    return where


def prepared(graph: Graph, *, samples: Any, labels: Any, title: str, values: str) -> str:
    """Return the payload of a page; arguments and errors as in `explore`."""
    require_graph(graph, "explore")
    if not isinstance(values, str) or values not in VALUES:
        raise GraphError(f"explore: found values {shown(values)}, needed {', '.join(VALUES)}")
    require_small(graph, values)
    chosen = Samples.of(graph, samples, labels)
    return payload(graph, title=title, values=values, samples=chosen)


def require_small(graph: Graph, values: str) -> None:
    """Raise GraphError for a graph that a page cannot hold, with sizes and what would help."""
    text, held = text_bytes(graph, values), held_bytes(graph)
    if text <= TEXT_MAX and held <= HELD_MAX:
        return
    advice = ["ng.drop_dead(graph) leaves out what does nothing"]
    if held > HELD_MAX:
        advice.append("ng.subgraph(graph, neurons) takes a part of it")
    elif values == "exact":
        advice.append('values="half" holds the weights in half precision')
    if held <= HELD_MAX and values != "none":
        advice.append('values="none" the structure alone')
    raise GraphError(
        f"explore: {graph.weights.count:,} weights and {graph.size:,} neurons make a page of about "
        f"{text >> 20:,} MB that holds {held >> 20:,} MB, more than {TEXT_MAX >> 20} or "
        f"{HELD_MAX >> 20} MB; {'; '.join(advice)}"
    )
