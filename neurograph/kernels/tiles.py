"""Block kernels: tiles of maps x fields whose sums stay in registers, and blocked rows.

Every kernel is one LLVM function with the signature `ARGUMENTS`. A *tile* of shape (maps, fields)
runs over `groups` groups of fields: each state is loaded once for all maps, each weight once for
all fields, and the activation follows the last sum.

    index    [group][slot][field]    offsets of sources in the states; where fields are MOVED
             [slot] and, from `base` on, [group][field] how far; ALONG [slot], [group] how far
    weight   [slot][map]             the same for all groups
    bias     [map], or [group][field][map] where init is BIAS_EACH
    row      [group][map][field]     offsets of the targets
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels.lanes import I32, I64, Lanes, unrolled
from neurograph.kernels.waiting import Waiting

# What a sum starts from: nothing, to be added to the state that is there in the end; or a bias.
ADD, BIAS, BIAS_EACH = range(3)


class Pair(NamedTuple):
    """How a neuron combines and reduces."""

    combine: str
    reduce: str

    @property
    def linear(self) -> bool:
        """Whether the net input is a weighted sum."""
        return self == LINEAR


LINEAR = Pair("multiply", "sum")
PAIRS = (
    LINEAR,
    Pair("squared_difference", "sum"),
    *(Pair(c, r) for r in ("product", "max", "min") for c in ("multiply", "squared_difference")),
)


# What the lanes of a sum stand for. SAMPLES: neighbours in memory, that is samples of one state or
# states of one sample. MOVED: the same, where each field is the first one, moved. STRIDED: every
# other state of one sample. GATHERED: states from anywhere. MAPS: kernels over one and the same
# source. ALONG: the same, where the fields of a group are neighbours. ABREAST: kernels each over a
# source of its own, which are neighbours.
SAMPLES, MOVED, STRIDED, GATHERED = "samples", "moved", "strided", "gathered"
MAPS, ALONG, ABREAST = "maps", "along", "abreast"
WEIGHTED = (MAPS, ALONG, ABREAST)  # every lane has a weight of its own

_UNROLL = 3  # slots in a turn of the inner loop


class Arguments(NamedTuple):
    """The arguments of every kernel: pointers, then 64-bit numbers."""

    states: Any
    index: Any
    weight: Any
    bias: Any
    row: Any
    parameter: Any
    groups: Any
    slots: Any
    init: Any
    activation: Any
    base: Any
    stride: Any


def declare(module: ir.Module, name: str, element: ir.Type) -> tuple[ir.Function, bool]:
    """Return (kernel function `name` of a module, whether its body is still to be emitted)."""
    if name in module.globals:
        return module.globals[name], False
    pointers = [element, I32, element, element, I32, element]
    kinds = [p.as_pointer() for p in pointers] + [I64] * (len(Arguments._fields) - len(pointers))
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    return function, True


class Tile:
    """Emits the kernel of one tile: maps x fields x vectors of samples, for one pair."""

    def __init__(
        self,
        function: ir.Function,
        element: ir.Type,
        maps: int,
        fields: int,
        pair: Pair,
        vectors: int = 1,
        over: str = SAMPLES,
    ) -> None:
        self.maps, self.fields, self.pair = maps, fields, pair
        self.vectors, self.over = vectors, over
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.lanes = Lanes(self.builder, element)
        self.arguments = Arguments(*function.args)
        kind = self.lanes.type
        self.sums = {
            (m, f, v): cgutils.alloca_once(self.builder, kind)
            for m, f in self._each()
            for v in range(vectors)
        }
        self.waiting = Waiting(self.lanes, len(self.sums), vectors)

    def emit(self) -> None:
        """Emit the function's body."""
        b, a = self.builder, self.arguments
        with cgutils.for_range(b, a.groups) as loop:
            row = b.gep(a.row, [b.mul(loop.index, I64(self.maps * self.fields))])
            self._start(loop.index)
            wide = self.lanes.count if self.over == GATHERED else 1
            step = b.mul(a.slots, I64(self.fields * wide))
            index = (
                a.index
                if self.over in (MOVED, ALONG)
                else b.gep(a.index, [b.mul(loop.index, step)])
            )
            self._locate(loop.index)
            self._add_slots(index)
            self._add_more(loop.index, row)
            left = b.sub(b.sub(a.groups, loop.index), I64(1))
            self.waiting.store(a, list(self.sums.values()), row, left)
        b.ret_void()

    def _each(self) -> list[tuple[int, int]]:
        return [(m, f) for m in range(self.maps) for f in range(self.fields)]

    def _set(self, m: int, f: int, value: Any) -> None:
        for v in range(self.vectors):
            self.builder.store(value, self.sums[m, f, v])

    def _clear(self) -> None:
        for m, f in self._each():
            self._set(m, f, self.lanes.identity(self.pair.reduce))

    def _vector(self, offset: Any, v: int) -> Any:
        """Return where vector `v` of the state at an offset begins."""
        at = self.builder.sext(offset, I64)
        return self.builder.add(at, I64(v * self.lanes.count)) if v else at

    def _start(self, group: Any) -> None:
        """Start weighted sums from their biases; all else, and what is added, from nothing."""
        b, a = self.builder, self.arguments
        if not self.pair.linear:
            self._clear()
            return
        with b.if_else(b.icmp_signed("==", a.init, I64(ADD))) as (add, fresh):
            with add:
                self._clear()
            with fresh, b.if_else(b.icmp_signed("==", a.init, I64(BIAS))) as (one, each):
                with one:
                    for m in range(self.maps):
                        value = self._per_map(a.bias, I64(m))
                        for f in range(self.fields):
                            self._set(m, f, value)
                with each:
                    for m, f in self._each():
                        self._set(m, f, self._bias(group, m, f))

    def _bias(self, group: Any, m: int, f: int) -> Any:
        b, a = self.builder, self.arguments
        at = b.add(b.mul(group, I64(self.maps * self.fields)), I64(f * self.maps))
        each = b.icmp_signed("==", a.init, I64(BIAS_EACH))
        return self._per_map(a.bias, b.add(b.select(each, at, I64(0)), I64(m)))

    def _per_map(self, table: Any, place: Any) -> Any:
        """Load what belongs to a map: one number for all lanes, or one a lane."""
        if self.over not in WEIGHTED:
            return self.lanes.broadcast(table, place)
        return self.lanes.load(table, self.builder.mul(place, I64(self.lanes.count)))

    def _locate(self, group: Any) -> None:
        """Load by how much each field of a group is moved."""
        b, a = self.builder, self.arguments
        self.origins = [a.states] * self.fields
        if self.over == MOVED:
            first = b.add(a.base, b.mul(group, I64(self.fields)))
            for f in range(self.fields):
                moved = b.load(b.gep(a.index, [b.add(first, I64(f))]))
                self.origins[f] = b.gep(a.states, [b.sext(moved, I64)])
        if self.over == ALONG:
            moved = b.load(b.gep(a.index, [b.add(a.base, group)]))
            origin = b.gep(a.states, [b.sext(moved, I64)])
            self.origins = [b.gep(origin, [I64(f)]) for f in range(self.fields)]

    def _source(self, index: Any, slot: Any, f: int, v: int, offsets: dict[int, Any]) -> Any:
        """Load a source of field `f`; `offsets` remembers what was read of the index."""
        b, states = self.builder, self.arguments.states
        place = b.add(b.mul(slot, I64(self.fields)), I64(f))
        if self.over == GATHERED:
            first = b.mul(place, I64(self.lanes.count))
            at = [b.gep(index, [b.add(first, I64(i))]) for i in range(self.lanes.count)]
            return self.lanes.gather(states, [b.sext(b.load(a), I64) for a in at])
        one = self.over in (MOVED, ALONG)  # offset for all fields of a group
        key = 0 if one else f
        if key not in offsets:
            offsets[key] = b.load(b.gep(index, [slot if one else place]))
        if self.over in (MAPS, ALONG):
            return self.lanes.broadcast(self.origins[f], b.sext(offsets[key], I64))
        if self.over == STRIDED:
            return self.lanes.every_other(states, b.sext(offsets[key], I64))
        return self.lanes.load(self.origins[f], self._vector(offsets[key], v))

    def _add_slots(self, index: Any) -> None:
        """Add all slots, some in a turn of the loop: a short loop ends as the processor expects."""
        together = _UNROLL if self.pair.linear else 1

        def slot(number: Any, _place: int) -> None:
            self._slot(number, index)

        unrolled(self.builder, self.arguments.slots, together, slot)

    def _add_more(self, group: Any, row: Any) -> None:
        """Add the states that are there, or the biases that the sums did not start from."""
        b, a = self.builder, self.arguments

        def add(found: Callable[[int, int, int], Any]) -> None:
            for key, place in self.sums.items():
                b.store(b.fadd(b.load(place), found(*key)), place)

        def state(m: int, f: int, v: int) -> Any:
            at = b.load(b.gep(row, [I64(m * self.fields + f)]))
            return self.lanes.load(a.states, self._vector(at, v))

        if self.pair.reduce == "sum":
            with b.if_then(b.icmp_signed("==", a.init, I64(ADD))):
                add(state)
        if not self.pair.linear:
            with b.if_then(b.icmp_signed("!=", a.init, I64(ADD))):
                add(lambda m, f, _: self._bias(group, m, f))

    def _slot(self, slot: Any, index: Any) -> None:
        """Add one slot to all sums: the fewer of its weights and sources wait in registers."""
        b, a = self.builder, self.arguments
        columns = [(f, v) for f in range(self.fields) for v in range(self.vectors)]
        first_weight = b.mul(slot, I64(self.maps))
        offsets: dict[int, Any] = {}

        def source(f: int, v: int) -> Any:
            return self._source(index, slot, f, v, offsets)

        def weight(m: int) -> Any:
            return self._per_map(a.weight, b.add(first_weight, I64(m)))

        def add(m: int, f: int, v: int, w: Any, x: Any) -> None:
            place = self.sums[m, f, v]
            b.store(self.lanes.accumulate(*self.pair, b.load(place), w, x), place)

        if self.maps < len(columns):
            weights = [weight(m) for m in range(self.maps)]
            for f, v in columns:
                x = source(f, v)
                for m, w in enumerate(weights):
                    add(m, f, v, w, x)
        else:
            sources = {(f, v): source(f, v) for f, v in columns}
            for m in range(self.maps):
                w = weight(m)
                for (f, v), x in sources.items():
                    add(m, f, v, w, x)
