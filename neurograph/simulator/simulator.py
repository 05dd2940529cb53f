"""The simulator: runs a graph's program on an engine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neurograph.checks import flag, whole
from neurograph.curvature import curvature
from neurograph.engines import create, resolve
from neurograph.errors import DataError, EngineError, GraphError, shown
from neurograph.gradient import Gradient, check_targets, gradient, split
from neurograph.graph import Graph, require_graph
from neurograph.losses import Loss, as_loss
from neurograph.program.compiler import compile
from neurograph.simulator.images import check_images, real_array
from neurograph.simulator.states import States

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Array = NDArray[Any]

_THREADS = 16  # that any machine may be asked for; else four a processor


class Simulator:
    """Runs a graph: compiled once, weights read again whenever `graph.weights` has changed.

    engine: "reference", "scipy", "numba" or "auto" (numba where it can compile). dtype: "float32"
    or "float64". A graph that has grown since needs a new Simulator. Several threads may call one
    while its weights stay: forward at the same time; gradients, with numba, in turn. Raises
    EngineError for another engine or dtype, GraphError for a graph that does not compile.

    >>> from neurograph.models import mlp
    >>> sim = Simulator(mlp((4, 3, 2)), engine="scipy")
    >>> sim(np.zeros((5, 4))).shape
    (5, 2)
    """

    def __init__(
        self,
        graph: Graph,
        *,
        engine: str = "auto",
        dtype: DTypeLike = "float32",
        threads: int = 1,
    ) -> None:
        require_graph(graph, "simulator")
        self.graph = graph
        self.dtype = _float_type(dtype)
        most = max(_THREADS, 4 * (os.cpu_count() or 1))
        threads = whole("simulator: threads", threads, least=1, most=most, error=EngineError)
        self.engine = resolve(engine)
        self.program = compile(graph)
        self._engine = create(self.engine, self.program, dtype=self.dtype, threads=threads)
        self._version, self._inputs, self._shape = -1, graph.inputs, self.program.outputs.shape
        self._flat = len(self._shape) == 1

    def __repr__(self) -> str:
        return f"Simulator({self.graph!r}, engine={self.engine!r}, dtype={self.dtype})"

    def __call__(self, *images: ArrayLike) -> Array:
        """Return the outputs, (batch, *shape), for images (batch, *shape), one array an input.

        Raises DataError for a wrong shape, a type that is no real number, or a value that is not
        finite; GraphError for a weight that is not.
        """
        inputs = self._ready(images)
        found = self._engine.run(inputs)
        return found if self._flat else found.reshape(len(inputs), *self._shape)

    def states(self, *images: ArrayLike) -> States:
        """Return every neuron's state for images as in a call."""
        return States(self.program, self._engine.states(self._ready(images)), self.graph.labels)

    def classify(self, *images: ArrayLike) -> NDArray[np.intp]:
        """Return the winning class of each image, (batch, ...): smallest penalty, largest score."""
        return self.decide(self(*images))

    def decide(self, outputs: ArrayLike) -> NDArray[np.intp]:
        """Return the winning class for outputs (batch, classes, ...).

        Raises DataError for another shape, and for what are no real numbers.
        """
        given = real_array(outputs, "decide", "outputs")
        if given.ndim < 2 or not given.shape[1]:
            raise DataError(f"decide: found shape {given.shape}, needed (batch, classes, ...)")
        choose = np.argmin if self.program.penalties else np.argmax
        return np.asarray(choose(given, axis=1))

    def gradient(
        self,
        images: ArrayLike | tuple[ArrayLike, ...],
        targets: ArrayLike,
        loss: str | Loss,
        *,
        inputs: bool = False,
    ) -> Gradient:
        """Return the mean loss of a batch and its gradient by every weight.

        A shared weight's is the sum over its connections; fixed weights have one too. `images` is
        as in a call, a tuple for several inputs; with `inputs`, dE/dinput comes back in that form.
        Raises DataError as a call does, and for targets that do not fit.

        >>> from neurograph.models import mlp
        >>> sim = Simulator(mlp((4, 3, 2)), engine="scipy")
        >>> sim.gradient(np.zeros((5, 4)), [0, 1, 1, 0, 1], "cross_entropy").weights.shape
        (23,)
        """
        inputs = flag("gradient: inputs", inputs, error=DataError)
        batch = self._ready(images if isinstance(images, tuple) else (images,))
        wanted = check_targets(self.program, len(batch), targets)
        return gradient(
            self._engine, self.graph.inputs, batch, wanted, as_loss(loss), wrt_inputs=inputs
        )

    def pullback(
        self,
        images: ArrayLike | tuple[ArrayLike, ...],
        output_gradient: ArrayLike,
        *,
        inputs: bool = False,
    ) -> tuple[NDArray[np.float64], Array | tuple[Array, ...] | None]:
        """Return dE/dweight, (weights,), for a given dE/doutput, (batch, *shape) of the outputs.

        E is any function of the outputs; what it gives each sample is summed. With `inputs`,
        dE/dinput comes second, in the form of the images, else None. Raises DataError as a call
        does, and for a gradient of another shape.
        """
        batch = self._ready(images if isinstance(images, tuple) else (images,))
        inputs = flag("pullback: inputs", inputs, error=DataError)
        given, ids = real_array(output_gradient, "output gradient", "numbers"), self.program.outputs
        if given.shape != (len(batch), *ids.shape):
            raise DataError(
                f"output gradient: found shape {given.shape}, needed {(len(batch), *ids.shape)}"
            )
        flat = given.reshape(len(batch), ids.size).astype(self.dtype, copy=False)
        weights, below = self._engine.backward(
            batch, ids.reshape(-1), lambda states: flat, wrt_inputs=inputs
        )
        return weights, None if below is None else split(self.graph.inputs, below)

    def curvature(
        self,
        images: ArrayLike | tuple[ArrayLike, ...],
        targets: ArrayLike,
        loss: str | Loss,
    ) -> NDArray[np.float64]:
        """Return an approximate second derivative of the mean loss by each weight.

        LeCun et al. 1998, Appendix C: only the diagonal, without f'' (Gauss-Newton), summed over
        the connections that share a weight as if each moved alone, averaged over the batch. Under
        `CorrectPenalty` and `DiscriminativePenalty` on distances (RBF) it starts, exactly, at the
        states that the distances are taken of; otherwise from the loss's own diagonal at the
        outputs.
        """
        batch = self._ready(images if isinstance(images, tuple) else (images,))
        wanted = check_targets(self.program, len(batch), targets)
        values = self.graph.weights.value
        return curvature(self._engine, values, batch, wanted, as_loss(loss))

    def descend(
        self,
        images: ArrayLike | tuple[ArrayLike, ...],
        targets: ArrayLike,
        loss: str | Loss,
        rates: ArrayLike,
    ) -> Array:
        """Learn one pattern after the other: weights -= rates * dE/dweights, `rates` per weight.

        Changes `graph.weights`; returns the outputs of each pattern before its own update, (batch,
        *shape). Raises DataError, before any update, as `gradient` does and for rates of another
        shape than (weights,).
        """
        batch = self._ready(images if isinstance(images, tuple) else (images,))
        wanted = check_targets(self.program, len(batch), targets)
        weights = self.graph.weights
        given = real_array(rates, "rates", "numbers").astype(np.float64)
        if given.shape != (weights.count,):
            raise DataError(f"rates: found shape {given.shape}, needed ({weights.count},)")
        self._version = -1  # until it is through, an engine may have others than the graph's
        values, outputs = self._engine.descend(weights.value, batch, wanted, as_loss(loss), given)
        weights.value = values
        # The engine has loaded them; what is not finite is found when they are used again.
        self._version = weights.version if self.not_finite() < 0 else -1
        return outputs.reshape(len(batch), *self.program.outputs.shape)

    def not_finite(self) -> int:
        """Return the first weight that is not finite in the simulator's dtype; -1 for none.

        Nothing can be run with such a weight: a call raises GraphError.
        """
        return self.graph.weights.beyond(float(np.finfo(self.dtype).max))

    def matrix(self, layer: str | None = None) -> csr_matrix:
        """Return `program.matrix(layer)` with the weights' present values."""
        return self.program.matrix(layer, self.graph.weights.value)

    def _ready(self, images: Sequence[ArrayLike]) -> Array:
        """Check the images, bring the engine's weights up to date, return inputs (batch, n)."""
        if self.graph.size != self.program.size:
            raise EngineError(
                f"simulator: the graph has grown from {self.program.size:,} to {self.graph.size:,} "
                "ids; make a new Simulator"
            )
        inputs = check_images(self._inputs, images, self.dtype)
        if self._version != self.graph.weights.version or self._version < 0:
            weights, at = self.graph.weights, self.not_finite()
            version = weights.version  # first: another thread may change them while they are taken
            if at >= 0:  # an engine may multiply it by the zero it reads for an empty slot
                raise GraphError(
                    f"simulator: the weight {self.graph.weight_name(at)} is {weights.value[at]}, "
                    f"needed a finite number in {self.dtype}"
                )
            self._engine.load(weights.value)
            self._version = version
        return inputs


def _float_type(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        found = None if dtype is None else np.dtype(dtype)  # to NumPy, None is float64
    except (TypeError, ValueError):
        found = None
    if found not in (np.float32, np.float64):
        raise EngineError(f"simulator: dtype is {found or shown(dtype)}, needed float32 or float64")
    assert found is not None
    return found
