"""Walking a model: each tensor becomes neurons, parameters or a constant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from neurograph.convert.onnx import analysis
from neurograph.convert.onnx.activations import activation
from neurograph.convert.onnx.calls import Call
from neurograph.convert.onnx.chains import Chains
from neurograph.convert.onnx.constants import Constants
from neurograph.convert.onnx.evaluation import Evaluator, attributes
from neurograph.convert.onnx.folding import derived, masked, of_shape, same
from neurograph.convert.onnx.inputs import Given, counts_samples, free_inputs, shapes
from neurograph.convert.onnx.kinds import Kinds, cast
from neurograph.convert.onnx.known import DOMAINS, full_name, listed, require_sayable
from neurograph.convert.onnx.moves import MOVES, SAME, Move
from neurograph.convert.onnx.operators import OPERATORS
from neurograph.convert.onnx.reading import Source
from neurograph.convert.onnx.samples import keeps_apart
from neurograph.convert.values import Neurons, Parameters, Scene
from neurograph.errors import ConversionError, NeurographError
from neurograph.functions.activations import Activation
from neurograph.graph import Graph
from neurograph.operators import Wiring, affine, distances, of_sample

_UNSAID = object()  # the value of what an operator gives that cannot be said
# What a damaged model makes of code that believes it: all of it is said as a ConversionError.
FAULTS = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError
)  # fmt: skip


class Importer:
    """Wires the nodes of a model, one after the other."""

    def __init__(
        self,
        source: Source,
        input_shapes: Given = None,
        *,
        zeros: str = "keep",
        bound: dict[str, NDArray[Any]] | None = None,
        samples: int = 1,
    ) -> None:
        self._source, self._model, self._cut = source, source.model.graph, zeros == "cut"
        self._bound = bound or {}  # inputs that are given as numbers, as initializers are
        self._given, self._samples = input_shapes, samples
        self._graph = Graph()
        self._scene = Scene(Wiring(self._graph))
        self._values: dict[str, Any] = {"": None}
        self._kinds = Kinds()
        self._claimed: dict[str, str] = {}  # output -> that of the activation its neurons apply
        self._done: set[str] = set()  # the outputs of those activations
        self._derivations: dict[str, tuple[str, ...]] = {}  # derived array -> those it is made of
        self._refused: dict[str, list[str]] = {}  # operator and why -> places
        self.outputs: list[NDArray[np.int32]] = []  # the ids of each output, in its shape
        self.apart = True  # whether every node so far surely keeps samples apart
        self._opsets = {"" if o.domain in DOMAINS else o.domain: o.version
                        for o in source.model.opset_import} or {"": 1}  # fmt: skip
        self._evaluator = Evaluator(self._opsets)

    def graph(self) -> Graph:
        """Return the graph. Raises ConversionError listing what cannot be said."""
        try:
            return self._wired_graph()
        except ConversionError:
            raise
        except (NeurographError, *FAULTS) as error:
            raise ConversionError(f"from_onnx: {type(error).__name__}: {error}") from error

    def _wired_graph(self) -> Graph:
        nodes = list(self._model.node)
        inputs = [v for v in free_inputs(self._model) if v.name not in self._bound]
        sizes = shapes(inputs, self._given, self._samples)
        self._results = {output.name for output in self._model.output}
        self._readers = analysis.readers(self._model)
        self._chains = Chains(self._readers, self._values)
        self._unread = {name: len(found) for name, found in self._readers.items()}
        self._require_sound(nodes, list(sizes))
        alive = require_sayable(self._model, set(self._bound))
        constants = Constants(self._source, self._model, self._evaluator, self._bound)
        self._values |= constants.values(self._graph, nodes, alive, cut=self._cut)
        told = self._given or {}
        self.batched = any(counts_samples(value, told.get(value.name)) for value in inputs)
        for value in inputs:
            self._add_input(value.name, sizes[value.name], value.type.tensor_type.elem_type)
        self._walk(nodes)
        if self._refused:
            raise ConversionError(
                f"from_onnx: these cannot be said as neurons: {listed(self._refused)}"
            )
        self._set_outputs()
        self._graph.weights.origins = constants.origins(self._scene, self._derivations)
        return self._graph

    # ---- before any work ------------------------------------------------------------------------

    def _require_sound(self, nodes: list[NodeProto], inputs: list[str]) -> None:
        """Raise ConversionError for a name that has two makers, and without an operator set."""
        if "" not in self._opsets:
            raise ConversionError("from_onnx: the model names no version of ONNX's operators")
        made = [*inputs, *(name for node in nodes for name in node.output if name)]
        made += [tensor.name for tensor in self._model.initializer]
        if len(set(made)) < len(made):
            twice = next(name for name in made if made.count(name) > 1)
            raise ConversionError(f"from_onnx: {twice!r} is made twice; names are unique")

    # ---- inputs and outputs ----------------------------------------------------------------------

    def _add_input(self, name: str, shape: tuple[int, ...], kind: int) -> None:
        """Add the input neurons of one sample, their ids with an axis of one sample before."""
        sample = of_sample(shape)
        ids = self._graph.add_inputs(self._scene.wiring.free(name), sample)
        self._values[name] = Neurons(np.asarray(ids, np.int32).reshape(shape))
        self._kinds.tell(name, kind)

    def _set_outputs(self) -> None:
        """Let the outputs be the model's, without the axis of samples."""
        found = [self._value(output.name) for output in self._model.output]
        if not any(isinstance(value, Neurons) for value in found):
            raise ConversionError("from_onnx: no output depends on an input")
        ids = self.outputs = [self._scene.neurons("output", value) for value in found]
        if len(ids) == 1:
            only = ids[0]
            self._graph.outputs = only.reshape(of_sample(only.shape)) if only.ndim > 1 else only
        else:
            self._graph.outputs = np.concatenate([part.reshape(-1) for part in ids])

    # ---- nodes ----------------------------------------------------------------------------------

    def _walk(self, nodes: Iterable[NodeProto]) -> None:
        for node in nodes:
            if node.output and node.output[0] in self._done:
                self._let_go(node)
                continue
            values = [self._value(name) for name in node.input]
            try:
                found = self._outputs(node, values)
                self._require_all(node, len(found))
                self.apart = self.apart and keeps_apart(node, values, found)
            except (NeurographError, *FAULTS) as error:
                why = f"{full_name(node)}: {str(error) or type(error).__name__}"
                self._refused.setdefault(why, []).append(node.name or ", ".join(node.output))
                found = [_UNSAID] * len(node.output)
            kinds = self._kinds.of_outputs(node, [str(name) for name in node.input])
            for name, value in zip(node.output, found, strict=False):  # what more is, none reads
                for own in (name, self._claimed.get(name, "")):
                    if own:
                        self._values[own] = value
                    if own and isinstance(value, Neurons):
                        self._kinds.tell(own, kinds)
            self._let_go(node)

    def _let_go(self, node: NodeProto) -> None:
        """Forget inputs that nothing reads any more."""
        for name in node.input:
            left = self._unread[name] = self._unread.get(name, 0) - 1
            if name and left == 0:
                self._values[name] = None

    def _require_all(self, node: NodeProto, count: int) -> None:
        """Raise ConversionError where something reads an output that a node does not give."""
        for place, name in enumerate(node.output):
            if place >= count and name in self._readers:
                raise ConversionError(f"its output {place} cannot be said")

    def _value(self, name: str) -> Any:
        if name not in self._values:
            raise ConversionError(f"from_onnx: {name!r} is read, but nothing before makes it")
        return self._values[name]

    def _outputs(self, node: NodeProto, values: list[Any]) -> list[Any]:
        op = node.op_type
        if any(value is _UNSAID for value in values):
            return [_UNSAID] * len(node.output)
        if node.domain not in DOMAINS:
            raise ConversionError("operators of this domain are not known")
        if op == "Constant":
            return [self._values[node.output[0]]]
        if op == "If":
            return self._branch(node, values[0])
        if op in analysis.OF_SHAPES:
            return [of_shape(node, values[0])]
        if op in SAME:
            return same(values)
        if all(_is_constant(value) for value in values):
            return self._evaluator.run(node, values)
        if op in analysis.CASTS:
            return [self._cast(node, values)]
        if op in MOVES and not (op == "Where" and isinstance(values[0], Neurons)):
            moved = Move(self._scene, node.name or node.output[0], node, self._evaluator).run(
                values
            )
            if moved is not None:
                return moved
        if not any(isinstance(value, Neurons) for value in values):
            return self._folded(node, values)
        return self._wired(node, values)

    def _branch(self, node: NodeProto, condition: Any) -> list[Any]:
        """Return the outputs of the branch that a constant condition takes."""
        if not _is_constant(condition):
            raise ConversionError("the condition is computed, needed a constant")
        taken = "then_branch" if bool(np.asarray(condition).reshape(())) else "else_branch"
        branch = attributes(node)[taken]
        self._values |= Constants(self._source, branch, self._evaluator).arrays
        self._walk(branch.node)
        return [self._value(output.name) for output in branch.output]

    def _cast(self, node: NodeProto, values: list[Any]) -> Any:
        call = self._call(node, values)
        return cast(call, self._kinds, str(node.input[0]), self._kinds.target(node, values))

    def _call(self, node: NodeProto, values: list[Any]) -> Call:
        return Call(
            self._scene,
            self._scene.wiring.free(self._layer(node)),
            node.op_type,
            attributes(node),
            values,
            self._opsets[""],
            fuse=lambda: self._claim(node),
        )

    def _wired(self, node: NodeProto, values: list[Any]) -> list[Any]:
        self._kinds.require_exact(node)
        op = node.op_type
        call = self._call(node, values)
        further = values[1:]
        if isinstance(values[0], Neurons) and all(_is_number(value) for value in further):
            own = activation(op, call.attributes, further)
            if own is not None:
                x, wiring = call.neurons(), self._scene.wiring
                return [Neurons(affine(wiring, call.layer, x, activation=own, kind="Activation"))]
        if op == "Sub" and (said := self._distances(node, values)) is not None:
            return said
        if op not in OPERATORS:
            raise ConversionError("cannot be said as used here")
        found = OPERATORS[op](call)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def _claim(self, node: NodeProto) -> Activation | None:
        """Return the activation that alone reads a node, which is then done; None for none."""
        following = self._chains.activation(node)
        if following is None:
            return None
        self._done_with(node, following[0])
        return following[1]

    def _done_with(self, node: NodeProto, behind: list[NodeProto]) -> None:
        """Let a node stand for those behind it, the last of which gives what it gives."""
        self._claimed[node.output[0]] = behind[-1].output[0]
        self._done |= {one.output[0] for one in behind}

    def _layer(self, node: NodeProto) -> str:
        """Return what to call the layer of a node: an output, or the node's name."""
        following = self._chains.activation(node)
        for made in (node, *(following[0][-1:] if following else [])):
            if made.output[0] in self._results:
                return str(made.output[0])
        return str(node.name or node.output[0])

    def _distances(self, node: NodeProto, values: list[Any]) -> list[Any] | None:
        """Return sums of squared differences from constants, said by two nodes; None for others."""
        found = self._chains.distances(node, values)
        if found is None:
            return None
        behind, squash = found
        name = self._scene.wiring.free(self._layer(behind[0]))
        ids = distances(self._scene.wiring, name, values[0].ids, values[1], activation=squash)
        self._done_with(node, behind)
        return [Neurons(ids[..., None] if attributes(behind[0]).get("keepdims", 1) else ids)]

    def _folded(self, node: NodeProto, values: list[Any]) -> list[Any]:
        """Return arithmetic on weights alone: a mask cuts; anything else is derived weights."""
        found = masked(values) if node.op_type == "Mul" else None
        if found is not None:
            return [found]
        made = derived(self._graph, node, values, self._evaluator)
        of = {name for v in values if isinstance(v, Parameters) for name in v.arrays}
        for value in made:
            if isinstance(value, Parameters):
                self._derivations |= dict.fromkeys(value.arrays, tuple(sorted(of)))
        return made


def _is_constant(value: Any) -> bool:
    return not isinstance(value, (Neurons, Parameters))


def _is_number(value: Any) -> bool:
    return not isinstance(value, Neurons) and value is not _UNSAID
