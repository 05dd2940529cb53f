"""Column plans: where each state lies, and the ops that compute it, for few samples at a time.

Which neurons lie side by side is decided step by step from ids alone: the maps of a position for
products, and for neurons whose sources lie side by side the same order as theirs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.functions import COMBINE, REDUCE
from neurograph.kernels.arena import Space, input_ids
from neurograph.kernels.columns import strips
from neurograph.kernels.columns.fills import Biases, Each, Lanewise, Panels
from neurograph.kernels.columns.fusion import Chain, bias_rows, fused, plain
from neurograph.kernels.columns.ops import ROWS, STRIPS
from neurograph.kernels.columns.tables import MOST_SLOTS, ColumnPlan, Tables
from neurograph.kernels.columns.walks import (
    breaks,
    cuts,
    highest,
    live_counts,
    mark_readers,
    steady,
)
from neurograph.kernels.tiles import LINEAR, Pair
from neurograph.program import Blocks, Ids, Program
from neurograph.rows import spans

_LONG = 16  # slots in a run, above which its start costs little
_SLACK = 64  # states beyond the last, which a vector may touch


def build(program: Program, *, lanes: int, keep: bool) -> ColumnPlan:
    """Return the plan; with `keep` the states of all neurons are there at the end.

    Raises EngineError where the states of a sample do not fit 32-bit offsets.
    """
    planner = _Planner(program, lanes, keep)
    chains = plain(program) if keep else fused(program)
    last = _last_readers(program, chains)
    ending: dict[int, list[tuple[int, int]]] = {}
    for number, chain in enumerate(chains):
        region = planner.chain(chain)
        ending.setdefault(max(int(last[number]), number), []).append(region)
        for start, size in ending.pop(number, []):
            if not keep:
                planner.space.free(start, size)
    return planner.plan()


def _last_readers(program: Program, chains: list[Chain]) -> NDArray[np.int64]:
    """Return, per chain, the number of the last chain that reads it; outputs are read after all."""
    owner = np.full(program.size, -1, np.int32)
    for number, chain in enumerate(chains):
        owner[chain.targets.reshape(-1)] = number
    last = np.zeros(len(chains), np.int64)
    for number, chain in enumerate(chains):
        for sources in chain.sources:
            mark_readers(sources, owner, last, number)
    mark_readers(program.outputs, owner, last, len(chains))
    return last


class _Planner:
    def __init__(self, program: Program, lanes: int, keep: bool) -> None:
        self.program, self.keep = program, keep
        self.tables = Tables(lanes)
        widest = [
            s.targets.shape[0] * s.targets.shape[1] for s in program.steps if s.targets.ndim == 3
        ]
        self.zeros = self.tables.padded(max([MOST_SLOTS, *widest])) + _SLACK
        self.space = Space(self.zeros)
        self.places = np.zeros(program.size + 1, np.int32)  # the last, which -1 finds, is a zero
        inputs = input_ids(program)
        self.inputs = self.space.take(inputs.size + lanes)
        self.places[inputs] = self.inputs + np.arange(inputs.size)
        constants = sorted(program.constants)
        start = self.space.take(len(constants) + lanes)
        self.places[constants] = start + np.arange(len(constants))

    def plan(self) -> ColumnPlan:
        """Return the finished plan."""
        t, program = self.tables, self.program
        ops = np.array(t.ops, np.int64).reshape(len(t.ops), -1)
        states = sorted(program.constants.items())
        return ColumnPlan(
            ops,
            t.index.joined(),
            t.row.joined(),
            np.array([*t.parameters, (0.0, 0.0, 0.0)]).reshape(-1),
            tuple(t.fills),
            tuple(t.biases),
            tuple(t.addend_factors),
            t.weight_size,
            t.bias_size + 1,
            self.places,
            # An odd number of cache lines, so that the same state of all samples meets no one set.
            (self.space.size + _SLACK) // 32 * 32 + 48,
            self.inputs,
            tuple((int(self.places[i]), float(state)) for i, state in states),
        )

    def _take(self, size: int) -> tuple[int, int]:
        size += self.tables.width  # a vector of the last neurons may reach beyond them
        start = self.space.take(size)
        if self.space.size + 2 * _SLACK >= 1 << 31:
            raise EngineError(
                f"numba engine: {self.space.size:,} states of a sample do not fit 32-bit offsets"
            )
        return start, size

    # ---- steps -----------------------------------------------------------------------------

    def chain(self, chain: Chain) -> tuple[int, int]:
        """Add the ops of a chain; return the (start, size) of its states."""
        if chain.addend is not None and chain.before is not None and not self._side_by_side(chain):
            step = chain.addend.step
            between = self.chain(chain.before)
            region = self.chain(Chain(step, step.targets, step.function.activation))
            self.space.free(*between)
            return region
        step = chain.step
        if isinstance(step, Blocks) and step.sources.shape[2]:
            pair = Pair(step.function.combine, step.function.reduce)
            maps = step.targets.shape[1]
            if maps == 1 and chain.addend is None and (found := self._strips(chain, step, pair)):
                return found
            if pair == LINEAR:
                return self._products(chain, step)
        return self._rows(chain)

    def _side_by_side(self, chain: Chain) -> bool:
        """Whether the states added to a product lie side by side, position by position."""
        assert chain.addend is not None
        blocks, maps, fields = chain.targets.shape
        if not isinstance(chain.step, Blocks) or chain.step.sources.shape[2] == 0 or maps == 1:
            return False
        places = self.places[chain.addend.sources].reshape(blocks * maps, fields)
        return bool((places == places[0] + np.arange(blocks * maps)[:, None]).all())

    def _by_position(self, chain: Chain, reach: int) -> tuple[tuple[int, int], NDArray[np.int64]]:
        """Place the targets of a chain, all maps of a field side by side.

        `reach` is how far the vectors of a field go. Return the region and where each field begins.
        """
        blocks, maps, fields = chain.targets.shape
        step = self.tables.padded(reach)
        region = self._take(fields * step)
        first = region[0] + step * np.arange(fields)
        self.places[chain.targets] = first + np.arange(blocks * maps).reshape(blocks, maps, 1)
        return region, first

    def _products(self, chain: Chain, step: Blocks) -> tuple[int, int]:
        blocks, maps, _ = step.targets.shape
        region, first = self._by_position(chain, (blocks - 1) * maps + self.tables.padded(maps))
        bias = bias_rows(step)
        for block in range(len(step.sources)):
            self._product(chain, step, block, first + block * maps, bias)
        return region

    def _product(
        self, chain: Chain, step: Blocks, block: int, target: NDArray[np.int64], bias: Ids
    ) -> None:
        t, sources, weights = self.tables, step.sources[block], step.weights[block]
        maps, row = len(weights), block * len(weights)
        live = live_counts(sources)
        model = sources[int(live.argmax())]
        order = np.argsort(self.places[model], kind="stable").astype(np.int64)
        step_of_bias = t.padded(maps)
        columns = {
            "MAPS": maps,
            "WEIGHT": t.weights(
                Panels(t.weight_size, weights, order, chain.scales, row, t.width, t.lanes)
            ),
        }

        def biases(some: Ids) -> int:
            return t.bias(Biases(t.bias_size, some, chain.scales, row, row + maps, step_of_bias))

        shared = biases(bias) if bias.shape[1] == 1 else None
        if chain.addend is not None:
            columns["FACTOR"] = t.factor(chain.addend.factor)
        for fields, begins in self._classes(sources, order, live):
            own = dict(columns)
            own["FIELDS"], own["TARGET"] = fields.size, t.row.add(target[fields])
            if shared is None:
                own["BIAS"], own["BIAS_STEP"] = biases(bias[:, fields]), step_of_bias
            else:
                own["BIAS"] = shared
            if chain.addend is not None:
                own["ADDEND"] = t.row.add(self.places[chain.addend.sources[block, 0, fields]])
            t.product(
                chain.activation,
                begins,
                lambda places, f=fields: self.places[sources[f[:, None], order[places]]],
                **own,
            )

    def _classes(
        self, sources: Ids, order: NDArray[np.int64], live: NDArray[np.int64]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
        """Return (fields, where their runs begin); fields with empty slots apart if that pays."""
        fields = np.arange(len(sources))
        begins = breaks(sources, fields, order, self.places)
        full = live == order.size
        if order.size >= _LONG * np.count_nonzero(begins) or full.all() or not full.any():
            return [(fields, begins)]
        inner, outer = np.flatnonzero(full), np.flatnonzero(~full)
        apart = breaks(sources, inner, order, self.places)
        if 2 * np.count_nonzero(apart) > np.count_nonzero(begins):
            return [(fields, begins)]
        return [(inner, apart), (outer, breaks(sources, outer, order, self.places))]

    def _strips(self, chain: Chain, step: Blocks, pair: Pair) -> tuple[int, int] | None:
        """Add a step of one map a block as strips, if enough neurons lie side by side."""
        if step.bias.shape[2] > 1:
            return None
        same = (step.weights == step.weights[:1]).all() and (step.bias == step.bias[:1]).all()
        alone = not chain.scales or len(step.weights) == 1
        if pair in strips.SHARED and same and alone:
            return self._shared_strips(chain, step, pair)
        return self._own_strips(chain, step) if pair == LINEAR else None

    def _shared_strips(self, chain: Chain, step: Blocks, pair: Pair) -> tuple[int, int] | None:
        t, slots = self.tables, step.sources.shape[2]
        sources, targets = step.sources.reshape(-1, slots), chain.targets.reshape(-1)
        order = np.argsort(highest(sources, self.places), kind="stable")
        begin = cuts(sources, order, self.places)
        begin[:: self.zeros - _SLACK] = True  # a strip's empty slot reads zeros to its end
        first = np.flatnonzero(begin)
        if 2 * first.size > -(-order.size // t.lanes) * 4:
            return None
        length = np.diff([*first, order.size])
        place = np.zeros(first.size + 1, np.int64)
        np.cumsum(-(-length // t.lanes) * t.lanes, out=place[1:])
        region = self._take(int(place[-1]))
        start = region[0] + place[:-1]
        self.places[targets[order]] = spans(start, length)
        t.op(
            STRIPS,
            chain.activation,
            FIELDS=first.size,
            SLOTS=slots,
            INDEX=t.index.add(self.places[sources[order[first]]]),
            TARGET=t.row.add(start),
            LENGTH=t.row.add(length),
            WEIGHT=t.weights(Lanewise(t.weight_size, step.weights[0], chain.scales, 0, 1)),
            STEP=1,
            BIAS=t.bias(Biases(t.bias_size, bias_rows(step)[:1], chain.scales, 0, 1, 1)),
            PAIR=strips.SHARED.index(pair),
        )
        return region

    def _own_strips(self, chain: Chain, step: Blocks) -> tuple[int, int] | None:
        """Add blocks of one map each, the blocks side by side."""
        t = self.tables
        blocks, fields, slots = step.sources.shape
        piece = np.zeros(blocks, np.bool_)
        piece[0] = True
        steady(step.sources, self.places, piece)
        edges = [*np.flatnonzero(piece).tolist(), blocks]
        if len(edges) - 1 > -(-blocks // t.lanes) * 2:
            return None
        region, first = self._by_position(
            chain, max(a + t.padded(b - a) for a, b in pairwise(edges))
        )
        bias = bias_rows(step)
        for a, b in pairwise(edges):
            wide = t.padded(b - a)
            weights = Lanewise(t.weight_size, step.weights[a:b, 0], chain.scales, a, wide)
            t.op(
                STRIPS,
                chain.activation,
                FIELDS=fields,
                SLOTS=slots,
                INDEX=t.index.add(self.places[step.sources[a]]),
                TARGET=t.row.add(first + a),
                LENGTH=t.row.add(np.full(fields, b - a)),
                WEIGHT=t.weights(weights),
                STEP=wide,
                BIAS=t.bias(Biases(t.bias_size, bias, chain.scales, a, b, wide)),
                PAIR=len(strips.SHARED),
            )
        return region

    def _rows(self, chain: Chain) -> tuple[int, int]:
        t, rows = self.tables, chain.step.rows()
        targets = chain.targets.reshape(-1)
        region = self._take(targets.size)
        self.places[targets] = region[0] + np.arange(targets.size)
        row = None
        if chain.scales:
            each = np.repeat(np.arange(chain.scales[0].factor.size), chain.targets.shape[2])
            row = np.repeat(each, np.diff(rows.ptr))
        combine, reduce = list(COMBINE), list(REDUCE)
        bias = np.where(rows.bias >= 0, rows.bias, -1)
        t.op(
            ROWS,
            chain.activation,
            FIELDS=targets.size,
            INDEX=t.index.add(self.places[rows.sources]),
            TARGET=t.row.add(self.places[targets]),
            LENGTH=t.row.add(rows.ptr),
            WEIGHT=t.weights(Each(t.weight_size, rows.weights, chain.scales, row)),
            BIAS=t.bias(self._row_biases(chain, bias)),
            PAIR=4 * combine.index(rows.function.combine) + reduce.index(rows.function.reduce),
        )
        return region

    def _row_biases(self, chain: Chain, bias: Ids) -> Biases:
        """Return the biases of single neurons, with each one's scales."""
        scales: tuple[Any, ...] = ()
        if chain.scales:
            fields = chain.targets.shape[2]
            scales = tuple(
                type(s)(np.repeat(s.factor, fields), np.repeat(s.summand, fields))
                for s in chain.scales
            )
        return Biases(self.tables.bias_size, bias[:, None], scales, 0, bias.size, bias.size)
