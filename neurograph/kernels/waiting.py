"""Sums in registers on their way to the states: those to be squashed wait for one another.

A tile has its sums in the registers that an activation needs for its parameters. So those that are
to be squashed wait in memory, and one function, the same for all tiles, takes them from there.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils

from neurograph.kernels import activations
from neurograph.kernels.finish import finish
from neurograph.kernels.lanes import I64, Lanes

_TOGETHER = 32  # sums that wait, at most, where a group has fewer


class Waiting:
    """The sums of a few groups of targets on their way to the states.

    Those with a vector activation wait in memory until there are enough of them for `finish` to be
    worth its start. A kernel calls `store` for each group, in order.
    """

    def __init__(self, lanes: Lanes, sums: int, vectors: int) -> None:
        b = lanes.builder
        self.lanes, self.vectors, self.size = lanes, vectors, sums
        self.most = max(1, _TOGETHER // sums)  # groups
        self.places = cgutils.alloca_once(b, lanes.type, size=I64(self.most * sums))
        self.groups = cgutils.alloca_once_value(b, I64(0))

    def store(self, arguments: Any, sums: list[Any], row: Any, left: Any) -> None:
        """Emit the stores of sums, `vectors` for each of the targets with offsets from `row` on.

        `left` is how many groups there are still to come.
        """
        b, a = self.lanes.builder, arguments
        scalar = b.icmp_unsigned(">=", a.activation, I64(activations.SCALAR))
        plain = b.or_(scalar, b.icmp_signed("==", a.activation, I64(activations.IDENTITY)))
        with b.if_else(plain) as (store, squash):
            with store:
                for target in range(self.size // self.vectors):
                    at = b.gep(a.states, [b.sext(b.load(b.gep(row, [I64(target)])), I64)])
                    for v in range(self.vectors):
                        value = b.load(sums[target * self.vectors + v])
                        self.lanes.store(value, at, I64(v * self.lanes.count))
            with squash:
                before = b.load(self.groups)
                first = b.mul(before, I64(self.size))
                for number, place in enumerate(sums):
                    b.store(b.load(place), b.gep(self.places, [b.add(first, I64(number))]))
                now = b.add(before, I64(1))
                b.store(now, self.groups)
                full = b.icmp_signed("==", now, I64(self.most))
                with b.if_then(b.or_(full, b.icmp_signed("==", left, I64(0)))):
                    self._finish(a, row, before)

    def _finish(self, a: Any, row: Any, before: Any) -> None:
        """Emit the call for the last group's sums and those of the groups before it."""
        b, targets = self.lanes.builder, self.size // self.vectors
        function = finish(b.module, self.lanes.element, self.vectors)
        start = b.gep(row, [b.mul(before, I64(-targets))])
        count = b.mul(b.add(before, I64(1)), I64(targets))
        b.call(function, [self.places, a.states, start, a.parameter, a.activation, count])
        b.store(I64(0), self.groups)
