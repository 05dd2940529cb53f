"""What the Tab key offers, by click's mechanism: models, files, layers, neurons, weights, numbers.

A name is offered piece by piece, "C1[" and "C1[2," before "C1[2,10,10]", so that a layer of a
million neurons has no million offers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import click
from click.shell_completion import CompletionItem, FishComplete, add_completion_class

from neurograph.cli.opening import is_module_name, open_model
from neurograph.errors import NeurographError
from neurograph.graph import Graph
from neurograph.models import MODELS
from neurograph.names import IdArray

Items = list[CompletionItem]
_LABELS = 100  # that are offered at most


@add_completion_class
class _Fish(FishComplete):
    """click's own, but for values that hold commas: names do."""

    source_template = FishComplete.source_template.replace(
        'string split ","', 'string split --max 1 ","'
    )


def model_names(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Offer the built-in models and the saved files here; of any other beginning, files."""
    names = [name for name in MODELS if name.startswith(incomplete)]
    if Path(incomplete).name == incomplete:
        files = sorted([*Path().glob("*.npz"), *Path().glob("*.onnx")])
        names += [file.name for file in files if file.name.startswith(incomplete)]
    return [CompletionItem(n) for n in names] or [CompletionItem(incomplete, type="file")]


def layer_names(context: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Offer the layers of the model that stands before."""
    graph = typed_graph(context)
    names = [] if graph is None else [n for n in graph.layers if n.startswith(incomplete)]
    return [CompletionItem(name) for name in names]


def neuron_names(context: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Offer the neurons of the model that stands before, an index at a time, and their labels."""
    graph = typed_graph(context)
    if graph is None:
        return []
    layers = {name: layer.neurons for name, layer in graph.layers.items()}
    own = (label for label in graph.labels.values() if label.startswith(incomplete))
    return [CompletionItem(n) for n in [*_names(layers, incomplete), *islice(own, _LABELS)]]


def weight_names(context: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Offer the weights of the model that stands before, an index at a time."""
    graph = typed_graph(context)
    arrays = {} if graph is None else {n: graph.weights.names[n] for n in graph.weights}
    return [CompletionItem(name) for name in _names(arrays, incomplete)]


def typed_graph(context: click.Context) -> Graph | None:
    """Return the graph of the command line as far as it is typed; None if there is none."""
    options = {n: context.params.get(n) for n in ("input_shape", "sizes", "input")}
    given = {name: value for name, value in options.items() if value is not None}
    # Where an option still lacks its value, click has not come to the arguments.
    model = context.params.get("model") or next(iter(context.args), "")
    if is_module_name(model):  # to ask it would run a package's code
        return None
    with suppress(NeurographError, OSError, click.ClickException):
        return open_model(model, given).graph
    return None


def _names(arrays: dict[str, IdArray], incomplete: str) -> list[str]:
    """Return the names that go on from `incomplete`, as far as the next choice.

    >>> _names({"C1": IdArray((2, 1, 3))}, "C"), _names({"C1": IdArray((2, 1, 3))}, "C1[1,")
    (['C1[0,', 'C1[1,'], ['C1[1,0,0]', 'C1[1,0,1]', 'C1[1,0,2]'])
    """
    typed = incomplete.replace(" ", "")
    offers = [name for name in _begun(arrays, typed) if name.startswith(typed)]
    while len(offers) == 1 and offers[0][-1] in "[,":
        begun = offers[0]
        offers = [name for name in _begun(arrays, begun) if name.startswith(begun)]
    return offers


def _begun(arrays: dict[str, IdArray], typed: str) -> Iterator[str]:
    """Yield the names with one more piece than is typed: a bracket, or an index."""
    for name, array in arrays.items():
        if not typed.startswith(f"{name}["):
            yield f"{name}[" if array.shape else name
            continue
        index = _whole(typed.removeprefix(f"{name}[").split(",")[:-1])
        if index is None or len(index) >= len(array.shape) or not _exists(array, index):
            continue
        last = len(index) == len(array.shape) - 1
        head = "".join(f"{i}," for i in index)
        for i in range(array.shape[len(index)]):
            if _exists(array, (*index, i)):
                yield f"{name}[{head}{i}{']' if last else ','}"


def _whole(parts: list[str]) -> tuple[int, ...] | None:
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else None


def _exists(array: IdArray, index: tuple[int, ...]) -> bool:
    """Return whether any entry that begins with this index is there: a table leaves some out."""
    inside = all(i < length for i, length in zip(index, array.shape, strict=False))
    return inside and (array.explicit is None or bool((array.explicit[index] >= 0).any()))
