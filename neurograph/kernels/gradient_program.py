"""Compiled loops over patterns: gradients of a batch, and learning pattern by pattern."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

from neurograph.kernels.gradient_losses import loss_gradient
from neurograph.kernels.gradient_pattern import backward, forward
from neurograph.kernels.gradient_tape import INPUTS, NEURONS


def _fingerprint() -> str:
    """Return a digest of this package's sources, so that no change of them is a stale hit."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@njit(nogil=True, error_model="numpy")
def _enter(inputs: Any, number: int, states: Any, start: int) -> None:
    for i in range(inputs.shape[1]):
        states[start + i] = inputs[number, i]


@njit(nogil=True, error_model="numpy")
def _copy_kernels(pool: Any, copied: Any, first: int) -> None:
    for i in range(copied.size):
        pool[first + i] = pool[copied[i]]


@njit(nogil=True, error_model="numpy")
def _return_kernels(gradient: Any, copied: Any, first: int) -> None:
    for i in range(copied.size):
        gradient[copied[i]] += gradient[first + i]
        gradient[first + i] = 0


def _build(fingerprint: str) -> tuple[Callable[..., None], Callable[..., None], Any]:
    # Only the fingerprint is closed over: numba keys its cache by what a function closes over.
    @njit(cache=True, nogil=True, error_model="numpy")
    def outputs(
        ops: Any,
        table: Any,
        parameters: Any,
        pool: Any,
        states: Any,
        nets: Any,
        fields: Any,
        inputs: Any,
        start: int,
        at: Any,
        out: Any,
    ) -> None:
        """Write the states `at` of every pattern to `out`, (patterns, at)."""
        _ = fingerprint
        for number in range(inputs.shape[0]):
            _enter(inputs, number, states, start)
            forward(ops, table, parameters, pool, states, nets, fields)
            for i in range(at.size):
                out[number, i] = states[at[i]]

    @njit(cache=True, nogil=True, error_model="numpy")
    def gradients(
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
        inputs: Any,
        start: int,
        at: Any,
        seeds: Any,
        total: Any,
        below: Any,
        again: bool,
        squared: bool,
    ) -> None:
        """Add the gradient of every pattern to `total`; write dE/dinput to `below` if it has rows.

        With one pattern its states are there already.
        """
        _ = fingerprint
        reach = INPUTS if below.shape[0] else NEURONS
        for number in range(inputs.shape[0]):
            if inputs.shape[0] > 1:
                _enter(inputs, number, states, start)
                forward(ops, table, parameters, pool, states, nets, fields)
            deltas[:] = 0
            for i in range(at.size):
                deltas[at[i]] += seeds[number, i]
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
                gradient[:0],
                reach,
                again,
                squared,
            )
            for i in range(below.shape[1] if below.shape[0] else 0):
                below[number, i] = deltas[start + i]
            if number % 16 == 15 or number == inputs.shape[0] - 1:
                for i in range(gradient.size):
                    total[i] += gradient[i]
                    gradient[i] = 0

    @njit(cache=True, nogil=True, error_model="numpy")
    def descend(
        ops: Any,
        table: Any,
        parameters: Any,
        pool: Any,
        states: Any,
        nets: Any,
        fields: Any,
        deltas: Any,
        gradient: Any,
        scratch: Any,
        rates: Any,
        spans: Any,
        copied: Any,
        weights: int,
        inputs: Any,
        start: int,
        at: Any,
        loss: int,
        first: float,
        second: float,
        labels: Any,
        wanted: Any,
        seed: Any,
        out: Any,
        again: bool,
    ) -> None:
        """Learn every pattern in turn; write its outputs before that to `out`.

        `spans` are the first and last + 1 of weights that are updated after the backward pass; the
        others are by ops that are FUSED.
        """
        _ = fingerprint
        for number in range(inputs.shape[0]):
            _copy_kernels(pool, copied, weights + 1)
            _enter(inputs, number, states, start)
            forward(ops, table, parameters, pool, states, nets, fields)
            for i in range(at.size):
                out[number, i] = states[at[i]]
            loss_gradient(loss, first, second, out[number], labels[number], wanted[number], seed)
            deltas[:] = 0
            for i in range(at.size):
                deltas[at[i]] += seed[i]
            backward(
                ops,
                table,
                parameters,
                pool,
                pool,
                states,
                nets,
                fields,
                deltas,
                gradient,
                scratch,
                rates,
                NEURONS,
                again,
                False,
            )
            _return_kernels(gradient, copied, weights + 1)
            for span in range(spans.shape[0]):
                for i in range(spans[span, 0], spans[span, 1]):
                    pool[i] -= rates[i] * gradient[i]
                    gradient[i] = 0

    return outputs, gradients, descend


outputs, gradients, descend = _build(_fingerprint())
