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


class GraphModule(torch.nn.Module):
    """A network whose one parameter vector, `weight`, is the trainable weights of a graph, by id.

    A call takes tensors (batch, *shape), one an input of the graph, on the CPU, and returns the
    outputs (batch, *shape); any torch optimizer, scheduler or loss trains it. Fixed weights are the
    buffer `fixed`, so that a state dictionary holds every value. The graph's own weights follow: a
    call sets them to what it ran with, `pull` does so without a call. engine, dtype and threads as
    in Simulator. Gradients are of first order.

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
        self.simulator = Simulator(graph, engine=engine, dtype=dtype, threads=threads)
        self._trainable = torch.from_numpy(np.flatnonzero(graph.weights.trainable))
        self._fixed = torch.from_numpy(np.flatnonzero(~graph.weights.trainable))
        values = torch.from_numpy(graph.weights.value.astype(self.simulator.dtype))
        self.weight = torch.nn.Parameter(values[self._trainable])
        self.register_buffer("fixed", values[self._fixed])

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
        if weight.device.type != "cpu":
            raise DataError(f"GraphModule: found weights on {weight.device}, needed them on cpu")
        weights = self.graph.weights
        value = np.empty(weights.count)
        value[self._trainable.numpy()] = weight.numpy()
        value[self._fixed.numpy()] = self.fixed.numpy()
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
        return torch.from_numpy(module.simulator(*(image.detach().numpy() for image in images)))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Any) -> Any:
        module, (weight, *images) = ctx.module, ctx.saved_tensors
        module._set(weight.detach())
        needed = any(ctx.needs_input_grad[2:])
        by_weight, by_input = module.simulator.pullback(
            tuple(image.detach().numpy() for image in images), gradient.numpy(), inputs=needed
        )
        own = torch.from_numpy(by_weight[module._trainable.numpy()]).to(weight.dtype)
        if by_input is None:
            return None, own, *(None for _ in images)
        each = by_input if isinstance(by_input, tuple) else (by_input,)
        return None, own, *(torch.from_numpy(np.ascontiguousarray(g)) for g in each)
