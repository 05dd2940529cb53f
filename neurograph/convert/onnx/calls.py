"""One node of a model, as the handler of its operator sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.calls import Handed, is_neurons
from neurograph.convert.values import Neurons, Parameters
from neurograph.errors import ConversionError

__all__ = ["Call", "is_neurons", "numbers"]


@dataclass
class Call(Handed):
    """A node with its attributes, and what stands for its inputs."""

    attributes: dict[str, Any]
    inputs: list[Any]
    opset: int

    def before(self, kind: str, **changes: Any) -> Call:
        """Return a call whose neurons are on the way: it claims no activation."""
        return replace(self, layer=self.part(kind), fuse=lambda: None, **changes)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or its default."""
        return self.attributes.get(name, default)

    def given(self, place: int) -> Any:
        """Return an input as it is; None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def constant(self, place: int) -> NDArray[Any] | None:
        """Return an input's numbers, None where it is left out.

        Raises ConversionError for one of neurons.
        """
        value = self.given(place)
        if isinstance(value, Neurons):
            raise ConversionError(f"input {place} is computed, needed a constant")
        return None if value is None else numbers(value)


def numbers(value: Any) -> NDArray[Any]:
    """Return the numbers of parameters or of a constant."""
    return np.asarray(value.values if isinstance(value, Parameters) else value)
