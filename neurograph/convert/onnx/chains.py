"""Nodes that alone read each other, and together are what one layer of neurons computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import NodeProto

from neurograph.convert.onnx.activations import ACTIVATIONS, activation
from neurograph.convert.onnx.calls import numbers
from neurograph.convert.onnx.evaluation import attributes
from neurograph.convert.onnx.known import DOMAINS
from neurograph.convert.values import Neurons, Parameters
from neurograph.functions.activations import Activation

Chain = tuple[list[NodeProto], Activation]
Readers = Mapping[str, list[NodeProto | None]]


class Chains:
    """Looks behind a node for those that alone read it, one after the other."""

    def __init__(self, readers: Readers, values: Mapping[str, Any]) -> None:
        self._readers, self._values = readers, values

    def activation(self, node: NodeProto) -> Chain | None:
        """Return the activation behind a node, and the nodes that say it; None for none."""
        user = self._only(node)
        if user is None:
            return None
        further = [self._number(name) for name in user.input[1:]]
        if (
            user.op_type in ACTIVATIONS
            and user.input[0] == node.output[0]
            and all(value is not _NONE for value in further)
        ):
            found = activation(user.op_type, attributes(user), further)
            return None if found is None else ([user], found)
        return self._scaled_tanh(node)

    def distances(
        self, node: NodeProto, values: list[Any]
    ) -> tuple[list[NodeProto], Activation | None] | None:
        """Return the nodes that square and sum a difference from constants, and their activation.

        None where it is not alone of neurons and constants, and summed over the last axis.
        """
        x, centers = values
        if not isinstance(x, Neurons) or isinstance(centers, (Neurons, Parameters)):
            return None
        user, shape = self._only(node), np.shape(centers)
        if user is None or user.op_type != "ReduceSumSquare" or shape[-1:] != x.shape[-1:]:
            return None
        given = attributes(user).get("axes")
        given = self._number(user.input[1]) if len(user.input) > 1 else given
        if given is None or given is _NONE:
            return None
        axes = max(len(shape), len(x.shape))
        if [int(axis) % axes for axis in np.asarray(given).reshape(-1)] != [axes - 1]:
            return None
        following = self.activation(user)
        return ([user], None) if following is None else ([user, *following[0]], following[1])

    def _scaled_tanh(self, node: NodeProto) -> Chain | None:
        """Return scale tanh(slope x) as what it is called."""
        nodes, factors = [node], []
        for op in ("Mul", "Tanh", "Mul"):
            user = self._only(nodes[-1])
            if user is None or user.op_type != op:
                return None
            if op == "Mul":
                others = [name for name in user.input if name != nodes[-1].output[0]]
                value = self._number(others[0]) if len(others) == 1 else _NONE
                if value is _NONE or value is None or np.ndim(numbers(value)):
                    return None
                factors.append(float(numbers(value)))
            nodes.append(user)
        return nodes[1:], Activation("scaled_tanh", (factors[1], factors[0]))

    def _only(self, node: NodeProto) -> NodeProto | None:
        """Return the only reader of a node's first output, if it is one of ONNX's operators."""
        read = self._readers.get(node.output[0], [])
        user = read[0] if len(read) == 1 else None
        return user if user is not None and user.domain in DOMAINS else None

    def _number(self, name: str) -> Any:
        """Return the numbers of a constant or of parameters; _NONE for neurons and the unknown."""
        value = self._values.get(name, _NONE)
        known = value is None or isinstance(value, (Parameters, np.ndarray, np.generic, list))
        return value if known and not isinstance(value, Neurons) else _NONE


_NONE: Any = object()
