"""Pattern-by-pattern learning for an engine that has no compiled way to do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurograph.losses import Loss, Seed

if TYPE_CHECKING:
    from neurograph.engines import Engine

Array = NDArray[Any]


def descend(
    engine: Engine,
    values: NDArray[np.float64],
    inputs: Array,
    targets: Array,
    loss: Loss,
    rates: NDArray[np.float64],
) -> tuple[NDArray[np.float64], Array]:
    """Return what `Engine.descend` does, by one `backward` a pattern."""
    dtype, at = engine.dtype, engine.program.outputs.reshape(-1)
    now, rates = values.astype(dtype), rates.astype(dtype)
    outputs = np.empty((len(inputs), at.size), dtype)
    for one in range(len(inputs)):
        seed = Seed(loss, targets[one : one + 1])
        engine.load(now.astype(np.float64))
        gradient, _ = engine.backward(inputs[one : one + 1], at, seed)
        outputs[one] = seed.outputs[0]
        now -= rates * gradient.astype(dtype)
    final = now.astype(np.float64)
    engine.load(final)
    return final, outputs
