"""The compiled loop over patterns: outputs, gradients of a batch, learning pattern by pattern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurograph.kernels.compiling import jit
from neurograph.kernels.gradient.inside import inner
from neurograph.kernels.gradient.losses import loss_gradient
from neurograph.kernels.gradient.pattern import backward, forward
from neurograph.kernels.gradient.tape import INPUTS, NEURONS
from neurograph.kernels.interpreter import fingerprint

FORWARD, BACKWARD, BOTH, LEARN = range(4)


@inner
def _copy_kernels(pool: Any, copied: Any, first: int) -> None:
    for i in range(copied.size):
        pool[first + i] = pool[copied[i]]


@inner
def _return_kernels(gradient: Any, copied: Any, first: int) -> None:
    for i in range(copied.size):
        gradient[copied[i]] += gradient[first + i]
        gradient[first + i] = 0


@inner
def _update(pool: Any, rates: Any, gradient: Any, spans: Any) -> None:
    for span in range(spans.shape[0]):
        for i in range(spans[span, 0], spans[span, 1]):
            pool[i] -= rates[i] * gradient[i]
            gradient[i] = 0


def _build(digest: str) -> Callable[..., None]:
    # Only the digest is closed over: numba keys its cache by what a function closes over.
    @jit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)
    def patterns(
        mode: int,
        ops: Any,
        table: Any,
        parameters: Any,
        pool: Any,
        slopes: Any,
        states: Any,
        nets: Any,
        fields: Any,
        deltas: Any,
        gradient: Any,
        scratch: Any,
        again: bool,
        squared: bool,
        inputs: Any,
        start: int,
        at: Any,
        out: Any,
        seeds: Any,
        below: Any,
        rates: Any,
        spans: Any,
        copied: Any,
        weights: int,
        loss: int,
        first: float,
        second: float,
        labels: Any,
        wanted: Any,
    ) -> None:
        """Run every pattern of `inputs`, which begin at states[start].

        FORWARD writes the states `at` to `out`, (patterns, at). BACKWARD goes back from the seeds
        (patterns, at) and the states that are there, BOTH runs forward first: gradients add up in
        `gradient`, dE/dinput goes to `below` unless it is empty. LEARN does all of it with the
        gradient of a loss, then updates: fused ops at once, the weights of `spans` at the end.
        """
        _ = digest
        reach = INPUTS if below.size else NEURONS
        for number in range(inputs.shape[0]):
            if mode != BACKWARD:
                _copy_kernels(pool, copied, weights + 1)
                for i in range(inputs.shape[1]):
                    states[start + i] = inputs[number, i]
                forward(ops, table, parameters, pool, states, nets, fields)
            for i in range(at.size):
                out[number, i] = states[at[i]]
            if mode == FORWARD:
                continue
            seed = seeds[0 if mode == LEARN else number]
            if mode == LEARN:
                label, target = labels[number], wanted[number]
                loss_gradient(loss, first, second, out[number], label, target, seed)
            deltas[:] = 0
            for i in range(at.size):
                deltas[at[i]] += seed[i]
            backward(
                ops,
                table,
                parameters,
                pool,
                slopes,
                states,
                nets,
                fields,
                deltas,
                gradient,
                scratch,
                rates,
                reach,
                again,
                squared,
            )
            for i in range(below.shape[1]):
                below[number, i] = deltas[start + i]
            if mode == LEARN:
                _return_kernels(gradient, copied, weights + 1)
                _update(pool, rates, gradient, spans)

    return patterns


patterns = _build(fingerprint())
