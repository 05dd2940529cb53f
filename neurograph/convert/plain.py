"""Plain attributes: text, numbers and truths only, which every file format of networkx keeps."""

from __future__ import annotations

import json
from typing import Any

from neurograph.functions import Function
from neurograph.nodes_and_edges import PREFIX, function_text


def make_plain(G: Any) -> None:
    """Write the attributes of a graph of `to_networkx` anew as plain ones.

    None is left out, an index and a function are text, `id` is called neuron_id or weight_id (some
    formats keep `id` for the node itself), and what is said of the whole graph is JSON text in its
    name, the one attribute that GEXF keeps.
    """
    for _, data in G.nodes(data=True):
        written = {key: _plain(value) for key, value in data.items() if value not in (None, ())}
        identity = written.pop("id", None)
        if identity is not None:
            written["weight_id" if written["kind"] == "weight" else "neuron_id"] = identity
        data.clear()
        data.update(written)
    said = json.dumps(G.graph)
    kept = {key: G.graph[key] for key in ("neurograph", "view")}
    G.graph.clear()
    G.graph.update(kept, plain=True, name=PREFIX + said)


def _plain(value: Any) -> Any:
    if isinstance(value, Function):
        return function_text(value)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value
