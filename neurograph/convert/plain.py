"""Plain attributes: text, numbers and truths only, which every file format of networkx keeps."""

from __future__ import annotations

import json
import re
from typing import Any

from neurograph.errors import GraphError
from neurograph.functions import Activation, Function
from neurograph.nodes_and_edges import PREFIX

_FUNCTION = re.compile(r"\((\w+), (\w+)\) (\w+)(?:\(([^()]*)\))?")


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


def function_text(function: Function) -> str:
    """Return a function as text, its parameters to the last bit.

    >>> function_text(Function("multiply", "max", "leaky_relu"))
    '(multiply, max) leaky_relu(0.01)'
    """
    squash = function.activation
    numbers = ", ".join(map(repr, squash.parameters))
    parameters = f"({numbers})" if numbers else ""
    return f"({function.combine}, {function.reduce}) {squash.name}{parameters}"


def function_of(text: str) -> Function | None:
    """Return the function that `function_text` wrote; None for any other text.

    >>> function_of("(multiply, sum) tanh")
    Function(combine='multiply', reduce='sum', activation=Activation(name='tanh', parameters=()))
    """
    match = _FUNCTION.fullmatch(text.strip())
    if match is None:
        return None
    combine, reduce, name, numbers = match.groups()
    try:
        parameters = tuple(float(n) for n in numbers.split(",")) if numbers else ()
        return Function(combine, reduce, Activation(name, parameters))
    except (GraphError, ValueError):
        return None
