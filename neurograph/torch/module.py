"""A graph as a torch module: our engine runs forward and backward, torch trains.

Needs torch, the extra "torch".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from neurograph.errors import DataError, missing
from neurograph.graph import Graph
from neurograph.simulator import Simulator

try:
    import torch
except ImportError as error:
    raise missing("neurograph.torch", "torch", "torch") from error


# What a module of each dtype runs in: torch's own sums of short floats are in float32, too.
_RUN_IN = {
    torch.float64: torch.float64,
    torch.float32: torch.float32,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
}


class GraphModule(torch.nn.Module):
    """A network whose one parameter vector, `weight`, is the trainable weights of a graph, by id.

    A call takes tensors (batch, *shape), one an input of the graph, on the CPU, and returns the
    outputs (batch, *shape); any torch optimizer, scheduler or loss trains it. Fixed weights are the
    buffer `fixed`, so that a state dictionary holds every value. The graph's own weights follow: a
    call sets them to what it ran with, `pull` does so without a call. engine, dtype and threads as
    in Simulator. Gradients are of first order.

    `double`, `float`, `half`, `bfloat16` and `to` change all of it: weights, images, outputs and
    what the engine runs in (float32 for half and bfloat16, rounded afterwards). A wider dtype takes
    up the digits of the graph's weights where the module has these, rounded. Raises DataError, and
    changes nothing, for any other dtype.

    >>> from neurograph.models import mlp
    >>> module = GraphModule(mlp((4, 3, 2)), engine="scipy")
    >>> module.weight.shape, module(torch.zeros(5, 4)).shape
    (torch.Size([23]), torch.Size([5, 2]))
    """

    def __init__(
        self,
        graph: Graph,
        *,
        engine: str = "auto",
        dtype: DTypeLike = "float32",
        threads: int = 1,
    ) -> None:
        super().__init__()
        self.graph = graph
        made = Simulator(graph, engine=engine, dtype=dtype, threads=threads)
        self._options: dict[str, Any] = {"engine": made.engine, "threads": threads}
        self._simulators = {str(made.dtype): made}
        self._trainable = torch.from_numpy(np.flatnonzero(graph.weights.trainable))
        self._fixed = torch.from_numpy(np.flatnonzero(~graph.weights.trainable))
        values = torch.from_numpy(graph.weights.value.astype(made.dtype))
        self.weight = torch.nn.Parameter(values[self._trainable])
        self.register_buffer("fixed", values[self._fixed])

    @property
    def simulator(self) -> Simulator:
        """The simulator of the module's dtype, made when first needed."""
        return self._simulator(self.weight.dtype)

    def _simulator(self, dtype: Any) -> Simulator:
        name = str(_run_in(dtype)).removeprefix("torch.")
        if name not in self._simulators:
            self._simulators[name] = Simulator(self.graph, dtype=name, **self._options)
        return self._simulators[name]

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Do what `to` and its kin ask for, with every tensor of the module."""
        before = self.weight.dtype
        _run_in(fn(torch.empty(0, dtype=before, device=self.weight.device)).dtype)
        super()._apply(fn, recurse)
        after = self.weight.dtype
        if self.weight.device.type == "cpu" and torch.finfo(after).eps < torch.finfo(before).eps:
            exact = torch.from_numpy(self.graph.weights.value.copy())
            for own, ids in ((self.weight, self._trainable), (self.fixed, self._fixed)):
                same = exact[ids].to(before) == own.detach().to(before)
                with torch.no_grad():
                    own.copy_(torch.where(same, exact[ids].to(after), own))
        return self

    def forward(self, *images: Any) -> Any:
        """Return the outputs (batch, *shape) for images (batch, *shape), one tensor an input.

        Raises DataError for images of another shape, dtype or device, or not finite.
        """
        for image in images:
            self._check(image)
        return _Run.apply(self, self.weight, *images)

    def pull(self) -> Graph:
        """Set the graph's weights to the module's, and return the graph."""
        self._set(self.weight.detach())
        return self.graph

    def _set(self, weight: Any) -> None:
        for own in (weight, self.fixed):
            if own.device.type != "cpu":
                raise DataError(f"GraphModule: found weights on {own.device}, needed them on cpu")
        weights = self.graph.weights
        value = np.empty(weights.count)
        value[self._trainable.numpy()] = weight.double().numpy()
        value[self._fixed.numpy()] = self.fixed.double().numpy()
        if not np.array_equal(value, weights.value):
            weights.value = value

    def _check(self, image: Any) -> None:
        if not isinstance(image, torch.Tensor):
            raise DataError(f"GraphModule: found {type(image).__name__}, needed a tensor")
        wanted = self.weight.dtype
        if image.device.type != "cpu" or image.dtype != wanted:
            raise DataError(
                f"GraphModule: found images of {image.dtype} on {image.device}, "
                f"needed {wanted} on cpu"
            )
        if image.layout != torch.strided:
            raise DataError(f"GraphModule: found images as {image.layout}, needed dense ones")

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        return f"{self.graph!r}, engine={self.simulator.engine!r}, dtype={self.weight.dtype}"


class _Run(torch.autograd.Function):
    """The graph's forward and backward pass."""

    @staticmethod
    def forward(ctx: Any, module: GraphModule, weight: Any, *images: Any) -> Any:
        ctx.module = module
        ctx.save_for_backward(weight, *images)
        module._set(weight.detach())
        outputs = module._simulator(weight.dtype)(*(_numbers(image) for image in images))
        return torch.from_numpy(outputs).to(weight.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Any) -> Any:
        module, (weight, *images) = ctx.module, ctx.saved_tensors
        module._set(weight.detach())
        needed = any(ctx.needs_input_grad[2:])
        by_weight, by_input = module._simulator(weight.dtype).pullback(
            tuple(map(_numbers, images)), _numbers(gradient), inputs=needed
        )
        own = torch.from_numpy(by_weight[module._trainable.numpy()]).to(weight.dtype)
        if by_input is None:
            return None, own, *(None for _ in images)
        each = by_input if isinstance(by_input, tuple) else (by_input,)
        below = (torch.from_numpy(np.ascontiguousarray(g)).to(weight.dtype) for g in each)
        return None, own, *below


def _run_in(dtype: Any) -> Any:
    """Return the dtype that an engine runs in for a module's. Raises DataError for no such one."""
    if dtype not in _RUN_IN:
        raise DataError(f"GraphModule: found {dtype}, needed one of {', '.join(map(str, _RUN_IN))}")
    return _RUN_IN[dtype]


def _numbers(tensor: Any) -> Any:
    """Return a tensor as an array of the dtype that an engine runs in."""
    return tensor.detach().to(_run_in(tensor.dtype)).numpy()
