"""Gradients by fields and kernels: each block of a program is a few dense products over the batch.

With the slots of a block's fields as columns, (slots, fields x batch), net = kernels @ columns; the
way back is delta @ columns^T for the kernels and kernels^T @ delta for the columns. So a weight and
a source are read once a block, however many connections share them, and added up by id in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.engines.parts import Part, parts_of
from neurograph.program import Program

Array = NDArray[Any]


class Blockwise:
    """A program's steps as parts, for gradients of any batch. States are (ids + 1, batch)."""

    def __init__(self, program: Program, dtype: np.dtype[Any], *, join: bool = True) -> None:
        self.program, self.dtype, self.join = program, dtype, join
        self._inputs = np.concatenate([np.empty(0, np.intp), *map(np.ravel, program.inputs)])
        parts = [part for step in program.steps for part in parts_of(step, program)]
        self._parts = [part.joined(program.weight_count) for part in parts] if join else parts
        given = np.zeros(program.size + 1, bool)  # what is no neuron that a part computes
        given[[program.size, *program.constants]] = True
        self._needless = [bool(given[part.sources].all()) for part in self._parts]
        given[self._inputs] = True
        self._lowest = [bool(given[part.sources].all()) for part in self._parts]
        # The weight of each of the terms that `backward` gathers, in its order.
        self._weights = np.concatenate(
            [np.empty(0, np.intp)]
            + [
                ids.reshape(-1)
                for part in reversed(self._parts)
                for ids in (part.weights, part.bias)
            ]
        )

    def backward(
        self,
        values: Array,
        inputs: Array,
        at: NDArray[np.integer[Any]],
        seed: Callable[[Array], Array],
        *,
        squared: bool,
        wrt_inputs: bool,
    ) -> tuple[NDArray[np.float64], Array | None]:
        """Return what `Engine.backward` does, with these values of the weights."""
        padded = np.append(values, values.dtype.type(0))
        states, nets = self._forward(padded, inputs)
        options = {"squared": squared, "wrt_inputs": wrt_inputs}
        if self.join and not np.isfinite(states).all():  # 0 times infinity is no zero
            return self._apart.backward(values, inputs, at, seed, **options)
        above = seed(np.ascontiguousarray(states[at].T))
        found = self._back(padded, states, nets, at, above, **options)
        if self.join and not np.isfinite(found[0]).all():
            return self._apart.backward(values, inputs, at, lambda outputs: above, **options)
        return found

    @cached_property
    def _apart(self) -> Blockwise:
        """The same without a zero that no connection stands for."""
        return Blockwise(self.program, self.dtype, join=False)

    @np.errstate(over="ignore", invalid="ignore")  # infinities and NaN are answers
    def _back(
        self,
        values: Array,
        states: Array,
        nets: list[Array],
        at: NDArray[np.integer[Any]],
        above: Array,
        *,
        squared: bool,
        wrt_inputs: bool,
    ) -> tuple[NDArray[np.float64], Array | None]:
        """Return the gradients, given all states and dE/dstate of the ids `at`."""
        deltas = np.zeros_like(states)
        np.add.at(deltas, at, above.T)
        terms: list[Array] = [np.empty(0)]
        skipped = self._needless if wrt_inputs else self._lowest
        for part, net, skip in reversed(list(zip(self._parts, nets, skipped, strict=True))):
            slope = part.function.activation.derivative(net, states[part.targets])
            delta = deltas[part.targets] * (np.square(slope) if squared else slope)
            terms += self._part_back(
                part, values, states, delta, deltas if not skip else None, squared
            )
        count = self.program.weight_count
        gradient = np.bincount(self._weights, np.concatenate(terms), count + 1)[:count]
        inputs = np.ascontiguousarray(deltas[self._inputs].T) if wrt_inputs else None
        return np.asarray(gradient, np.float64), inputs

    def _forward(self, values: Array, inputs: Array) -> tuple[Array, list[Array]]:
        """Return all states, and the net inputs that slopes read."""
        batch = len(inputs)
        states = np.zeros((self.program.size + 1, batch), self.dtype)
        for identity, state in self.program.constants.items():
            states[identity] = state
        states[self._inputs] = inputs.T
        nets = []
        for part in self._parts:
            net = np.empty((*part.targets.shape, batch), self.dtype)
            for some in part.samples(batch):
                found = part.net(values, part.columns(states[:, some]))
                net[..., some] = found.reshape(*part.targets.shape, -1)
            net += values[part.bias][..., None]
            activation = part.function.activation
            states[part.targets] = activation(net)
            nets.append(net if activation.reads_net else net[:0])
        return states, nets

    def _part_back(
        self,
        part: Part,
        values: Array,
        states: Array,
        delta: Array,
        deltas: Array | None,
        squared: bool,
    ) -> tuple[Array, Array]:
        """Add to the sources' `deltas`; return the terms of the weights and of the biases."""
        found = np.zeros(part.weights.shape)
        for some in part.samples(states.shape[1]):
            columns = part.columns(states[:, some])
            above = delta[..., some].reshape(*part.targets.shape[:2], -1)
            by_weight, by_source = part.back(
                values, columns, above, power=2 if squared else 1, below=deltas is not None
            )
            found += by_weight
            if deltas is not None and by_source is not None:
                part.add(by_source, deltas, some)
        biases = delta.sum(axis=-1, dtype=np.float64)
        if part.bias.shape[2] == 1:
            biases = biases.sum(axis=2)
        return found.reshape(-1), biases.reshape(-1)
