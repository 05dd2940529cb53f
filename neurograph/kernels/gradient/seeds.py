"""What enters and leaves a block of samples: outputs, the seeds they give, gradients."""

from __future__ import annotations

from typing import Any

from neurograph.kernels.gradient.inside import inner
from neurograph.kernels.gradient.losses import loss_gradient


@inner
def take(states: Any, at: Any, samples: int, first: int, out: Any) -> None:
    """Write the states `at` of a block to `out`, (patterns, at), from `first` on."""
    for s in range(min(samples, out.shape[0] - first)):
        for i in range(at.size):
            out[first + s, i] = states[at[i] + s]


@inner
def seed(deltas: Any, at: Any, samples: int, first: int, seeds: Any) -> None:
    """Add the seeds (patterns, at) from `first` on to the deltas of a block."""
    for s in range(min(samples, seeds.shape[0] - first)):
        for i in range(at.size):
            deltas[at[i] + s] += seeds[first + s, i]


@inner
def seed_by_loss(
    deltas: Any,
    at: Any,
    samples: int,
    start: int,
    out: Any,
    loss: int,
    first: float,
    second: float,
    labels: Any,
    wanted: Any,
    found: Any,
) -> None:
    """Seed with the gradient of the mean loss of all patterns of `out`."""
    for s in range(min(samples, out.shape[0] - start)):
        own = start + s
        loss_gradient(loss, first, second, out[own], labels[own], wanted[own], found)
        for i in range(at.size):
            deltas[at[i] + s] += found[i] / out.shape[0]


@inner
def flush(gradient: Any, total: Any) -> None:
    """Move the gradient to the total, which has more digits."""
    for i in range(gradient.size):
        total[i] += gradient[i]
        gradient[i] = 0
