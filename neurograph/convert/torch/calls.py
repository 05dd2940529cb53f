"""One call of an operator, as its handler sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurograph.convert.values import Neurons, Parameters, Scene
from neurograph.errors import ConversionError
from neurograph.functions.activations import Activation
from neurograph.operators import Wiring

Ids = NDArray[np.int32]


@dataclass
class Call:
    """An operator with what stands for its tensors; `fuse` claims the activation behind it.

    A handler that calls `activation` must apply what it gets: the operator behind is then done.
    """

    scene: Scene
    layer: str
    name: str
    function: Callable[..., Any]
    arguments: list[Any]
    options: dict[str, Any]
    shape: tuple[int, ...]  # of the result, or of the first of several
    dtype: torch.dtype  # likewise
    fuse: Callable[[], Activation | None]

    @property
    def wiring(self) -> Wiring:
        """The graph in the making."""
        return self.scene.wiring

    def activation(self) -> Activation | None:
        """Return the activation to be applied, claimed from the only reader of the result."""
        return self.fuse()

    def get(self, place: int, default: Any = None, name: str = "") -> Any:
        """Return an argument, or its default where it is not given or None."""
        given = self.arguments[place] if place < len(self.arguments) else self.options.get(name)
        return default if given is None else given

    def sources(self, place: int = 0) -> Ids:
        """Return an argument as neuron ids, -1 for zeros, where a sum reads it."""
        value = self.arguments[place]
        return value.ids if isinstance(value, Neurons) else self.neurons(place)

    def neurons(self, place: int = 0) -> Ids:
        """Return an argument as neuron ids without gaps."""
        return self.scene.neurons(self.layer, plain(self.arguments[place]))

    def weights(self, place: int) -> Ids:
        """Return an argument as weight ids. Raises ConversionError for one of neurons."""
        value = self.arguments[place]
        if isinstance(value, Neurons):
            raise ConversionError(f"{self.layer}: {self.name} by neurons, needed weights")
        return self.scene.weights(self.layer, plain(value))

    def biases(self, place: int) -> Ids | None:
        """Return an argument as weight ids of biases; None where there is none."""
        return None if self.get(place) is None else self.weights(place)


def plain(value: Any) -> Any:
    """Return a constant as a NumPy array; anything else as it is."""
    if isinstance(value, torch.Tensor):
        return value.detach().double().numpy()
    return value


def is_neurons(value: Any) -> bool:
    """Return whether a value is neurons."""
    return isinstance(value, Neurons)


def is_constant(value: Any) -> bool:
    """Return whether a value is a constant."""
    return not isinstance(value, (Neurons, Parameters))
