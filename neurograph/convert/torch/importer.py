"""Walking an exported program: each tensor becomes neurons, parameters or a constant."""

from __future__ import annotations

import operator
from collections import Counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.fx import Node
from torch.fx.node import map_arg
from torch.utils import _pytree as pytree

from neurograph.convert.torch.activations import activation
from neurograph.convert.torch.calls import Call
from neurograph.convert.torch.moves import MOVES, SAME, move
from neurograph.convert.torch.operators import OPERATORS
from neurograph.convert.torch.sayable import (
    CHECKS,
    FILLED,
    cast,
    module_of,
    name_of,
    require_sayable,
)
from neurograph.convert.torch.storages import Storages, values
from neurograph.convert.values import Neurons, Parameters, Scene
from neurograph.errors import ConversionError, GraphError
from neurograph.functions.activations import Activation
from neurograph.graph import Graph
from neurograph.graph.origins import Origins, Statistics
from neurograph.graph.state import digest
from neurograph.operators import Wiring, affine, of_sample


class Importer:
    """Wires the nodes of an exported program, one after the other."""

    def __init__(self, exported: Any, name: str | None) -> None:
        self._exported, self._name = exported, name
        self._graph = Graph()
        self._scene = Scene(Wiring(self._graph))
        self._values: dict[Node, Any] = {}
        self._parameters: dict[Node, str] = {}  # which parameter a placeholder stands for
        self._derivations: dict[str, tuple[str, ...]] = {}
        self._claimed: dict[Node, Node] = {}  # node -> the activation its neurons have applied

    def graph(self) -> Graph:
        """Return the graph. Raises ConversionError listing what cannot be said."""
        nodes = list(self._exported.graph.nodes)
        self._place_holders([node for node in nodes if node.op == "placeholder"])
        require_sayable(self._exported)
        for node in nodes:
            self._read_parameters(node)
            if node.op == "call_function" and node not in self._values:
                self._values[node] = value = self._value(node)
                if node in self._claimed:
                    first = value[0] if isinstance(value, list) else value
                    self._values[self._claimed[node]] = first
            elif node.op == "output":
                self._set_outputs(node)
            for read in node.all_input_nodes:  # what has no later reader is let go
                lasting = read.op == "placeholder" and read not in self._parameters
                if not lasting and all(user in self._values for user in read.users):
                    self._values[read] = None
        self._graph.weights.origins = self._origins()
        return self._graph

    def _read_parameters(self, node: Node) -> None:
        """Let the parameters that a node reads be there: their ids take memory while they are."""
        for read in node.all_input_nodes:
            if read in self._parameters and self._values.get(read) is None:
                self._values[read] = self._storages.parameters(self._parameters[read])

    # ---- inputs and outputs -----------------------------------------------------------------

    def _place_holders(self, nodes: list[Node]) -> None:
        signature, program = self._exported.graph_signature, self._exported
        tensors = {**program.constants, **program.state_dict}
        parameters = dict(signature.inputs_to_parameters)
        others = {**signature.inputs_to_buffers, **signature.inputs_to_lifted_tensor_constants}
        names = [parameters[n.name] for n in nodes if n.name in parameters]
        self._buffers = {n: tensors[n] for n in signature.inputs_to_buffers.values()}
        self._storages = storages = Storages(self._graph, {name: tensors[name] for name in names})
        inputs = [n for n in nodes if n.name not in parameters and n.name not in others]
        inputs = [n for n in inputs if isinstance(n.meta.get("val"), torch.Tensor)]
        for node in nodes:
            if node.name in parameters:
                self._parameters[node] = parameters[node.name]
                storages.declare(parameters[node.name])
            elif node.name in others:
                self._values[node] = tensors[others[node.name]]
            elif node in inputs:
                self._values[node] = self._input(node, alone=len(inputs) == 1)
            else:
                self._values[node] = node.meta.get("val")

    def _origins(self) -> Origins:
        """Return what the module's state dictionary calls the weights, and what became of it."""
        called = {id(tensor): name for name, tensor in self._buffers.items()}
        statistics = tuple(
            Statistics(
                called[id(mean)],
                called[id(variance)],
                f"{layer}.center",
                f"{layer}.inverse_deviation",
                epsilon,
            )
            for layer, mean, variance, epsilon in self._scene.statistics
            if id(mean) in called and id(variance) in called
        )
        read = {name for s in statistics for name in (s.mean, s.variance)}
        constants = {
            name: digest(values(tensor))
            for name, tensor in self._buffers.items()
            if name not in read
        }
        return Origins(self._storages.views, statistics, self._derivations, constants)

    def _input(self, node: Node, *, alone: bool) -> Neurons:
        """Add the input neurons of one sample, their ids with an axis of one sample before."""
        shape = tuple(node.meta["val"].shape)
        name = (self._name or "input") if alone else node.name
        sample = of_sample(shape)
        ids = self._graph.add_inputs(self._scene.wiring.free(name), sample)
        return Neurons(np.asarray(ids, np.int32).reshape(shape))

    def _set_outputs(self, node: Node) -> None:
        """Let the outputs be the first result's neurons, without the axis of samples."""
        results = [self._values[n] for n in node.args[0] if isinstance(n, Node)]
        found = [r for r in results if isinstance(r, (Neurons, Parameters))]
        if not found:
            raise ConversionError("from_torch: no output depends on an input")
        ids = [self._scene.neurons("output", value) for value in found]
        if len(ids) == 1:
            only = ids[0]
            self._graph.outputs = only.reshape(of_sample(only.shape)) if only.ndim > 1 else only
        else:
            self._graph.outputs = np.concatenate([part.reshape(-1) for part in ids])

    # ---- operators --------------------------------------------------------------------------

    def _value(self, node: Node) -> Any:
        name = name_of(node)
        if name in CHECKS:
            return None
        arguments = list(map_arg(node.args, lambda n: self._values[n]))
        options = dict(map_arg(node.kwargs, lambda n: self._values[n]))
        if node.target is operator.getitem:
            return arguments[0][arguments[1]]
        leaves = pytree.tree_leaves((arguments, options))
        kinds = Counter(type(leaf) for leaf in leaves)
        function: Any = node.target
        if not kinds[Neurons] and not kinds[Parameters]:
            return function(*arguments, **options)
        call = function, name, arguments, options
        if name in FILLED:
            fill = arguments[1] if FILLED[name] is None else FILLED[name]
            return torch.full(arguments[0].shape, fill, dtype=torch.float64)
        if name == "where" and isinstance(arguments[0], Neurons):
            return self._wired(node, call)
        if name == "masked_fill" and isinstance(arguments[1], Neurons):
            return self._wired(
                node, (function, "where", [arguments[1], arguments[2], arguments[0]], {})
            )
        if name in SAME and isinstance(arguments[0], Neurons) and (whole := cast(node)):
            return self._wired(node, (function, whole, [arguments[0], 0.0], {}))
        if name == "copy":
            name, arguments = "expand", [arguments[1], list(arguments[0].shape)]
            call = torch.Tensor.expand, name, arguments, {}
        if name in MOVES or name in SAME:
            return move(self._scene, self._layer(node), call)
        if not kinds[Neurons]:
            return self._folded(node, call, leaves)
        return self._wired(node, call)

    def _wired(self, node: Node, call: tuple[Any, str, list[Any], dict[str, Any]]) -> Any:
        function, name, arguments, options = call
        layer = self._scene.wiring.free(self._layer(node))
        own = activation(name, tuple(arguments[1:]), options)
        if own is not None:
            x = self._scene.neurons(layer, arguments[0])
            return Neurons(affine(self._scene.wiring, layer, x, activation=own, kind="Activation"))
        if name not in OPERATORS:
            raise ConversionError(f"from_torch: {_full_name(node)} at {layer} cannot be said")
        meta = node.meta.get("val")
        first = meta[0] if isinstance(meta, (list, tuple)) else meta
        tensor = first if isinstance(first, torch.Tensor) else torch.empty(())
        handed = Call(
            self._scene,
            layer,
            name,
            function,
            arguments,
            options,
            tuple(tensor.shape),
            tensor.dtype,
            fuse=lambda: self._claim(node),
        )
        try:
            return OPERATORS[name](handed)
        except GraphError as error:
            raise ConversionError(f"from_torch: {_full_name(node)}: {error}") from error

    def _claim(self, node: Node) -> Activation | None:
        """Return the activation that alone reads a node, which is then done; None for none."""
        read = node
        while len(read.users) == 1:
            user = next(iter(read.users))
            if user.op != "call_function":
                return None
            if user.target is operator.getitem and user.args[1] == 0:
                read = user
                continue
            if user.args[:1] != (read,) or user.all_input_nodes != [read]:
                return None
            found = activation(name_of(user), tuple(user.args[1:]), dict(user.kwargs))
            if found is not None:
                self._claimed[node] = user
            return found
        return None

    def _folded(
        self, node: Node, call: tuple[Any, str, list[Any], dict[str, Any]], leaves: list[Any]
    ) -> Any:
        """Return arithmetic on parameters alone: a mask cuts; anything else is derived weights."""
        function, name, arguments, options = call
        masked = _masked(arguments) if name == "mul" else None
        if masked is not None:
            return masked

        def number(value: Parameters) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(value.values, np.float64))

        def real(value: torch.Tensor) -> torch.Tensor:
            return value.double() if value.is_floating_point() else value

        given, named = pytree.tree_map_only(torch.Tensor, real, (arguments, options))
        given, named = pytree.tree_map_only(Parameters, number, (given, named))
        found = function(*given, **named)
        one = isinstance(found, torch.Tensor)
        of = {n for leaf in leaves if isinstance(leaf, Parameters) for n in leaf.arrays}
        made = [self._derived(node, part, of) for part in ([found] if one else found)]
        return made[0] if one else made

    def _derived(self, node: Node, tensor: torch.Tensor, of: set[str]) -> Parameters:
        """Add weights that are computed from parameters, as an array of their own."""
        stem = f"{module_of(node) or node.name}.{node.name}.derived"
        name, number = stem, 1
        while name in self._graph.weights.names:
            number += 1
            name = f"{stem}{number}"
        array = values(tensor)
        self._derivations[name] = tuple(sorted(of))
        ids = self._graph.weights.add(name, array.shape, initializer=array, trainable=False).ids
        return Parameters(np.asarray(ids, np.int32), array, frozenset([name]))

    def _layer(self, node: Node) -> str:
        """Return what to call the layer of a node: its module, or that and the operator."""
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        path, kind = stack[-1] if stack else ("", "")
        if not path:
            return str(node.name)
        leaf = "torch.nn.modules" in str(kind) and "container" not in str(kind)
        return path if leaf else f"{path}.{name_of(node)}"


def _masked(arguments: list[Any]) -> Parameters | None:
    """Return a parameter times a constant of zeros and ones as that parameter, cut."""
    parameter, mask = arguments[:2]
    if not isinstance(parameter, Parameters):
        parameter, mask = mask, parameter
    if not isinstance(parameter, Parameters) or not isinstance(mask, torch.Tensor):
        return None
    if not bool(((mask == 0) | (mask == 1)).all()):
        return None
    live: NDArray[Any] = mask.numpy() != 0
    shape = np.broadcast_shapes(parameter.shape, live.shape)
    ids = np.where(np.broadcast_to(live, shape), np.broadcast_to(parameter.ids, shape), -1)
    numbers = np.where(live, parameter.values, 0)
    return Parameters(ids.astype(np.int32), numbers, parameter.arrays)


def _full_name(node: Node) -> str:
    return str(node.target)
