"""One node of a model, as the handler of its operator sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.values import Neurons, Parameters, Scene
from neurograph.errors import ConversionError
from neurograph.functions.activations import Activation
from neurograph.operators import Wiring

Ids = NDArray[np.int32]


@dataclass
class Call:
    """An operator with what stands for its inputs; `fuse` claims the activation behind it.

    A handler that calls `activation` must apply what it gets: the operator behind is then done.
    """

    scene: Scene
    layer: str
    name: str
    attributes: dict[str, Any]
    inputs: list[Any]
    opset: int
    fuse: Callable[[], Activation | None]

    @property
    def wiring(self) -> Wiring:
        """The graph in the making."""
        return self.scene.wiring

    def activation(self) -> Activation | None:
        """Return the activation to be applied, claimed from the only reader of the result."""
        return self.fuse()

    def part(self, kind: str) -> str:
        """Return the name of a layer on the way to this one."""
        return self.wiring.free(f"{self.layer}.{kind}")

    def before(self, kind: str, **changes: Any) -> Call:
        """Return a call whose neurons are on the way: it claims no activation."""
        return replace(self, layer=self.part(kind), fuse=lambda: None, **changes)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or its default."""
        return self.attributes.get(name, default)

    def given(self, place: int) -> Any:
        """Return an input as it is; None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def sources(self, place: int = 0) -> Ids:
        """Return an input as neuron ids, -1 for zeros, where a sum reads it."""
        value = self.given(place)
        return value.ids if isinstance(value, Neurons) else self.neurons(place)

    def neurons(self, place: int = 0) -> Ids:
        """Return an input as neuron ids without gaps."""
        value = self.given(place)
        if value is None:
            raise ConversionError(f"input {place} is left out")
        return self.scene.neurons(self.layer, value)

    def weights(self, place: int) -> Ids:
        """Return an input as weight ids. Raises ConversionError for one of neurons."""
        value = self.given(place)
        if value is None or isinstance(value, Neurons):
            found = "no input" if value is None else "states"
            raise ConversionError(f"found {found} {place}, needed weights")
        return self.scene.weights(self.layer, value)

    def biases(self, place: int) -> Ids | None:
        """Return an input as weight ids of biases; None where there is none."""
        return None if self.given(place) is None else self.weights(place)

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


def is_neurons(value: Any) -> bool:
    """Return whether a value is neurons."""
    return isinstance(value, Neurons)
