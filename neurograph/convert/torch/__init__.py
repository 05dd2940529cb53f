"""torch modules as graphs: exported as functional operators, then wired operator by operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurograph.errors import ConversionError, MissingDependency, kind_of
from neurograph.graph import Graph

__all__ = ["from_torch"]


def from_torch(
    module: Any,
    example_input: Any,
    *,
    kwargs: Mapping[str, Any] | None = None,
    name: str | None = None,
    weights: Any = None,
) -> Graph:
    """Return a torch module as a graph, its weights under the names of `state_dict`.

    `example_input` is a tensor, or a tuple of them, as the module is called with: the first axis
    counts samples, of which one is wired. The module is looked at in evaluation and left as it was.
    A weight is a place in a storage: tied, sliced and transposed parameters are one, wherever they
    are used; a parameter times a constant mask of 0 and 1 is cut where the mask is 0. Trainable is
    what requires a gradient. The only input is called "input" (or `name`), several by their
    argument's name. `weights` are what the module's were made from, torchvision's, which say its
    classes and preprocessing (`graph.classes`, `graph.preprocessing`).

    Raises ConversionError for what torch cannot export, and, listing all of them, for operators
    that cannot be said as neurons; MissingDependency without torch.

    >>> import pytest; torch = pytest.importorskip("torch")
    >>> _ = torch.manual_seed(0)
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())
    >>> graph = from_torch(net, torch.zeros(1, 1, 4, 4))
    >>> list(graph.weights), graph.layer("0").ids.shape
    (['0.weight', '0.bias'], (2, 2, 2))
    """
    try:
        import torch
    except ImportError as error:
        raise MissingDependency(
            "from_torch needs torch; from a clone of neurograph: pip install '.[torch]'"
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise ConversionError(f"from_torch: found {kind_of(module)}, needed a torch.nn.Module")
    if not isinstance(name, str | None):
        raise ConversionError(f"from_torch: found {kind_of(name)} as name, needed text")
    from neurograph.convert.torch.exporting import export
    from neurograph.convert.torch.importer import Importer

    graph = Importer(export(module, example_input, kwargs), name).graph()
    if weights is not None:
        graph.preprocessing = weights
        if hasattr(weights, "meta"):
            graph.classes = weights
    return graph
