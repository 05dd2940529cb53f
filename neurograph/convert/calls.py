"""An operator as its handler sees it, whichever front end hands it over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph import operators as ops
from neurograph.convert.values import Neurons, Parameters, Scene
from neurograph.errors import ConversionError
from neurograph.functions.activations import Activation

Ids = NDArray[np.int32]


@dataclass
class Handed(ABC):
    """An operator with what stands for its tensors; `fuse` claims the activation behind it.

    A handler that calls `activation`, `affine` or `together` must apply what it gets, or hand out
    what it wires: the operator behind is then done.
    """

    scene: Scene
    layer: str
    name: str
    fuse: Callable[[], Activation | None] = field(kw_only=True)

    @abstractmethod
    def given(self, place: int) -> Any:
        """Return a tensor as neurons, parameters or an array; None where it is left out."""

    @property
    def wiring(self) -> ops.Wiring:
        """The graph in the making."""
        return self.scene.wiring

    def activation(self) -> Activation | None:
        """Return the activation to be applied, claimed from the only reader of the result."""
        return self.fuse()

    def part(self, kind: str) -> str:
        """Return the name of a layer on the way to this one."""
        return self.wiring.free(f"{self.layer}.{kind}")

    def sources(self, place: int = 0) -> Ids:
        """Return a tensor as neuron ids, -1 for zeros, where a sum reads it."""
        value = self.given(place)
        return value.ids if isinstance(value, Neurons) else self.neurons(place)

    def neurons(self, place: int = 0) -> Ids:
        """Return a tensor as neuron ids without gaps."""
        value = self.given(place)
        if value is None:
            raise ConversionError(f"{self.layer}: input {place} is left out")
        return self.scene.neurons(self.layer, value)

    def weights(self, place: int) -> Ids:
        """Return a tensor as weight ids. Raises ConversionError for one of neurons."""
        value = self.given(place)
        if value is None or isinstance(value, Neurons):
            found = "no input" if value is None else "states"
            raise ConversionError(f"{self.layer}: found {found} {place}, needed weights")
        return self.scene.weights(self.layer, value)

    def biases(self, place: int) -> Ids | None:
        """Return a tensor as weight ids of biases; None where there is none."""
        return None if self.given(place) is None else self.weights(place)

    def affine(self, place: int, *, scale: Ids | None = None, shift: ArrayLike = -1) -> Neurons:
        """Wire a tensor of neurons times a scale plus a shift, weight ids that broadcast."""
        return Neurons(
            ops.affine(
                self.wiring,
                self.layer,
                self.sources(place),
                scale=scale,
                shift=shift,
                activation=self.activation(),
            )
        )

    def together(
        self,
        sources: list[Ids],
        *,
        weights: list[float] | None = None,
        pair: tuple[str, str] = ("multiply", "sum"),
        kind: str = "Add",
    ) -> Neurons:
        """Wire a neuron for each place of some sources, with a fixed weight each."""
        return Neurons(
            ops.together(
                self.wiring,
                self.layer,
                sources,
                weights=weights,
                activation=self.activation(),
                pair=pair,
                kind=kind,
            )
        )

    def scaled(
        self, x: Ids, scale: Ids | None, shift: Ids | None, shape: tuple[int, ...] | None = None
    ) -> Neurons:
        """Wire scale and shift, each weights or None, in a shape, behind a normalisation."""
        if scale is None and shift is None:
            return Neurons(x)
        if shape is not None:
            scale = None if scale is None else scale.reshape(shape)
            shift = None if shift is None else shift.reshape(shape)
        found = ops.affine(
            self.wiring,
            self.layer,
            x,
            scale=scale,
            shift=-1 if shift is None else shift,
            activation=self.activation(),
        )
        return Neurons(found)

    def gate(self, a: Ids, b: Ids) -> Neurons:
        """Wire the products of two arrays of neurons, place by place."""
        return self.together([a, b], pair=("multiply", "product"), kind="Multiply")


def is_neurons(value: Any) -> bool:
    """Return whether a value is neurons."""
    return isinstance(value, Neurons)


def is_constant(value: Any) -> bool:
    """Return whether a value is a constant."""
    return not isinstance(value, (Neurons, Parameters))
