"""States as nodes of an fx graph: what an operator reads, as moves of tensors."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from neurograph.convert.regular import Places, Tensors
from neurograph.convert.regular.tensors import (
    Joined,
    Picked,
    Reshaped,
    Sliced,
    Transposed,
    View,
    Whole,
)

Ids = NDArray[np.int32]


class States:
    """The nodes whose tensors hold neurons' states, and views of them."""

    def __init__(self, made: Any, root: Any, places: Places) -> None:
        self._made, self._root = made, root
        self._tensors = Tensors(places.graph.size, places.graph.constants)
        self._nodes: dict[str, Any] = {}

    def add(self, node: Any, ids: Ids) -> None:
        """Let a node's tensor (batch, *shape of ids) hold these neurons."""
        name = str(len(self._nodes))
        self._nodes[name] = node
        self._tensors.add(name, ids)

    def read(self, ids: Ids) -> Any:
        """Return the node of these neurons' states (batch, *shape of ids); -1 is a zero."""
        return self._node(self._tensors.view(ids))

    def _node(self, view: View) -> Any:
        made = self._made
        if isinstance(view, Whole):
            return self._nodes[view.name]
        if isinstance(view, Reshaped):
            return made.call_function(torch.reshape, (self._node(view.of), (-1, *view.shape)))
        if isinstance(view, Transposed):
            order = (0, *(axis + 1 for axis in view.axes))
            return made.call_function(torch.permute, (self._node(view.of), order))
        if isinstance(view, Sliced):
            box = (slice(None), *(slice(*span) for span in view.spans))
            return made.call_function(operator.getitem, (self._node(view.of), box))
        if isinstance(view, Joined):
            parts = [self._node(part) for part in view.parts]
            return made.call_function(torch.cat, (parts, view.axis + 1))
        return self._picked(view)

    def _picked(self, view: Picked) -> Any:
        made, index = self._made, view.index
        names, first = [part.name for part in view.parts], 0
        if not names:  # nothing but constants: of a tensor for the size of the batch
            names = ["0"]
            first = int(np.prod(self._tensors.shape_of("0")))
        flat = [made.call_function(torch.flatten, (self._nodes[name], 1)) for name in names]
        joined = flat[0] if len(flat) == 1 else made.call_function(torch.cat, (flat, 1))
        for value in view.values:
            joined = made.call_function(functional.pad, (joined, (0, 1)), {"value": value})
        name = f"_places_{len(self._root._buffers)}"
        self._root.register_buffer(
            name, torch.from_numpy((index + first).reshape(-1)), persistent=False
        )
        found = made.call_function(torch.index_select, (joined, 1, made.get_attr(name)))
        return made.call_function(torch.reshape, (found, (-1, *index.shape)))
