"""Plans: a Program as tables for the interpreter, built once with numpy.

The tables say which weight each entry is, not its value: new values cost a gather.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.functions import Activation
from neurograph.kernels import activations
from neurograph.kernels.arena import TRASH, Arena, plan_arena
from neurograph.kernels.bands import Band, bands, whole
from neurograph.kernels.catalogue import (
    Kernel,
    Op,
    RowShape,
    TileShape,
    cover,
    kind_of,
    tiles,
)
from neurograph.kernels.lanes import vector_bytes
from neurograph.kernels.product import Product, pieces
from neurograph.kernels.products import products
from neurograph.kernels.tiles import (
    ADD,
    ALONG,
    BIAS,
    BIAS_EACH,
    LINEAR,
    MOVED,
    SAMPLES,
    WEIGHTED,
    Pair,
)
from neurograph.program import Blocks, Program, Rows, Step, join_rows

_NARROW = 1 << 16
_SMALL = 16  # neurons of a block below which it is not worth an op where there are many
_MANY = 64
_FEW = 4  # fields of a block below which its tiles also cover vectors


@dataclass(frozen=True, eq=False)
class Plan:
    """The tables of a program for states `stride` numbers apart.

    `weight_ids` and `bias_ids` say which weight each entry of the value tables is; -1 is a zero.
    """

    ops: NDArray[np.int64]
    index: NDArray[np.int32]
    row: NDArray[np.int32]
    weight_ids: NDArray[np.int32]
    bias_ids: NDArray[np.int32]
    parameters: NDArray[np.float64]
    arena: Arena
    stride: int
    finite: tuple[tuple[int, int], ...] = ()  # spans of states it is right for if they are finite


@dataclass(eq=False)
class _Table:
    """A table that grows at its end."""

    size: int = 0
    parts: list[NDArray[Any]] = field(default_factory=list)

    def add(self, part: NDArray[Any], multiple: int = 1) -> int:
        """Append a part and return its offset, a multiple of what is given."""
        if self.size % multiple:
            self.add(np.full(multiple - self.size % multiple, -1, np.int32))
        start = self.size
        self.parts.append(part.reshape(-1))
        self.size += part.size
        return start

    def joined(self) -> NDArray[Any]:
        """Return the table; never empty, so that it has an address."""
        return np.concatenate([*self.parts, np.zeros(1, np.int32)]).astype(np.int32, copy=False)


def build(program: Program, *, lanes: int, vectors: int, keep: bool) -> Plan:
    """Return the plan that runs `lanes * vectors` samples at a time.

    With `keep`, the states of all neurons are there at the end. Raises EngineError where the states
    would not fit an index.
    """
    arena = plan_arena(program, keep=keep)
    if arena.size * lanes * vectors >= 1 << 31:
        raise EngineError(
            f"numba engine: {arena.size} states of {lanes * vectors} samples do not fit 32-bit "
            "offsets; run fewer samples at a time"
        )
    builder = Builder(arena, lanes * vectors, vectors)
    for level in program.levels:
        builder.level(level)
    return builder.plan()


class Builder:
    """Builds a plan level by level."""

    def __init__(self, arena: Arena, stride: int, vectors: int) -> None:
        self.arena, self.stride, self.vectors = arena, stride, vectors
        self.lanes = stride // vectors
        self.places, self.trash = arena.places * np.int32(stride), TRASH * stride
        self.ops: list[NDArray[np.int64]] = []
        self.index, self.row, self.weight, self.bias = _Table(), _Table(), _Table(), _Table()
        self.parameters: dict[tuple[float, ...], int] = {}

    def plan(self) -> Plan:
        """Return the finished tables."""
        ops = np.concatenate([np.empty((0, len(Op)), np.int64), *self.ops])
        parameters = np.array([*self.parameters, activations.padded()])
        return Plan(
            ops,
            self.index.joined(),
            self.row.joined(),
            self.weight.joined(),
            self.bias.joined(),
            parameters.reshape(-1),
            self.arena,
            self.stride,
        )

    def level(self, steps: tuple[Step, ...]) -> None:
        """Add the ops of one level."""
        blocks = [s for s in steps if isinstance(s, Blocks) and not scattered(s)]
        for product in products(blocks, self.vectors):
            self._product(product)
        rest = [s for s in steps if isinstance(s, Rows) or scattered(s)]
        rest.sort(key=lambda s: str(s.function))
        for _, same in groupby(rest, key=lambda s: s.function):
            self._rows(join_rows(list(same)))

    def _op(self, blocks: int, kernel: Kernel, activation: Activation, **columns: Any) -> None:
        """Add `blocks` ops that differ in the columns given as arrays."""
        code, parameters = activations.parameters(activation)
        place = self.parameters.setdefault(parameters, len(self.parameters))
        ops = np.zeros((blocks, len(Op)), np.int64)
        ops[:, Op.KIND], ops[:, Op.PARAMETER], ops[:, Op.ACTIVATION] = (
            kind_of(kernel),
            len(parameters) * place,
            code,
        )
        for name, value in columns.items():
            ops[:, Op[name]] = value
        self.ops.append(ops)

    # ---- blocks ----------------------------------------------------------------------------

    def _product(self, product: Product) -> None:
        _, maps, fields = product.targets.shape
        slots = product.sources.shape[2]
        together = cover(maps, fields, slots, product.pair, self.vectors)[0][0].vectors
        # Where there are too few fields to share the load of a weight, the vectors of a state do.
        beside = self.vectors // together if fields < _FEW else 1
        passes = self.vectors // together // beside
        product = self._spread(product, beside, together)
        over = MOVED if moved(product) else SAMPLES
        chosen = cover(maps, fields * beside, slots, product.pair, together, over)
        self._tiles(product, chosen, passes)

    def _tiles(
        self, product: Product, chosen: tuple[tuple[TileShape, int], ...], passes: int
    ) -> None:
        """Add the ops of a product of offsets, not ids; a map may be several rows of weights."""
        for piece in pieces(product):
            self._piece(piece, chosen, passes)

    def _piece(
        self, product: Product, chosen: tuple[tuple[TileShape, int], ...], passes: int
    ) -> None:
        blocks, maps, fields = product.targets.shape
        slots, rows = product.sources.shape[2], product.weights.shape[1] // maps
        each = np.arange(blocks)
        index: dict[int, int] = {}
        for shape, first in tiles(maps, chosen):
            groups = -(-fields // shape.fields)
            if shape.fields not in index:
                index[shape.fields] = self._index(product.sources, shape)
            some = np.minimum(np.arange(first, first + shape.maps), maps - 1)
            some = (some[:, None] * rows + np.arange(rows)).reshape(-1)
            vector = self.lanes if shape.over in WEIGHTED else 1  # what is loaded at once
            weight = self.weight.add(product.weights[:, some].transpose(0, 2, 1), vector)
            init, bias, step = self._biases(product, shape, some)
            indices = groups * shape.fields * int(np.prod(product.sources.shape[2:]))
            if shape.over == MOVED:
                indices = slots + groups * shape.fields
            elif shape.over == ALONG:
                indices = slots + groups
            self._op(
                blocks,
                shape,
                product.activation,
                INDEX=index[shape.fields] + each * indices,
                WEIGHT=weight + each * (slots * some.size),
                BIAS=bias + each * step,
                ROW=self._targets(product.targets, shape, first)
                + each * (groups * shape.maps * shape.fields),
                GROUPS=groups,
                SLOTS=slots,
                INIT=init,
                BASE=slots,
                PASSES=passes,
                TARGETS=groups * shape.maps * shape.fields,
                WIDTH=passes * shape.vectors * self.lanes,
            )

    def _spread(self, product: Product, beside: int, together: int) -> Product:
        """Return a product of offsets, not ids.

        With `beside` parts of a state as fields, each of `together` vectors.
        """
        step = together * self.lanes * np.arange(beside, dtype=np.int32)
        sources, targets = self.places[product.sources], self.places[product.targets]
        blocks, fields, slots = sources.shape
        sources = (sources[:, :, None] + step[:, None]).reshape(blocks, fields * beside, slots)
        targets = (targets[..., None] + step).reshape(*targets.shape[:2], fields * beside)
        bias = product.bias
        if bias is not None and bias.shape[2] > 1:
            bias = np.repeat(bias, beside, axis=2)
        return replace(product, sources=sources, targets=targets, bias=bias)

    def _index(self, sources: NDArray[Any], shape: TileShape) -> int:
        """Add what a tile finds its sources by; ALONG has the first field of each group only."""
        if shape.over == ALONG:
            return self._moves(sources, 1)
        add = self._moves if shape.over == MOVED else self._sources
        return add(sources, shape.fields)

    def _sources(self, sources: NDArray[Any], width: int) -> int:
        """Add the offsets of sources as (block, group, slot, field), or (..., lane) where gathered.

        A group beyond the last field repeats it.
        """
        blocks, fields = sources.shape[:2]
        groups = -(-fields // width)
        offsets = sources
        if groups * width != fields:
            offsets = offsets[:, np.minimum(np.arange(groups * width), fields - 1)]
        tiled = offsets.reshape(blocks, groups, width, *offsets.shape[2:]).swapaxes(2, 3)
        return self.index.add(tiled)

    def _moves(self, sources: NDArray[Any], width: int) -> int:
        """Add the offsets of the first field's sources, then how far each field is from it."""
        fields = sources.shape[1]
        every = np.arange(-(-fields // width) * width).clip(max=fields - 1)
        distance = sources[:, every, 0] - sources[:, :1, 0]
        return self.index.add(np.concatenate([sources[:, 0], distance], axis=1))

    def _targets(self, targets: NDArray[Any], shape: TileShape, first: int) -> int:
        """Add the offsets of a tile's targets as (block, group, map, field).

        Padding goes where nobody reads.
        """
        blocks, _, fields = targets.shape
        groups = -(-fields // shape.fields)
        offsets = np.full((blocks, shape.maps, groups * shape.fields), self.trash, np.int32)
        some = targets[:, first : first + shape.maps]
        offsets[:, : some.shape[1], :fields] = some
        tiled = offsets.reshape(blocks, shape.maps, groups, shape.fields).transpose(0, 2, 1, 3)
        return self.row.add(tiled)

    def _biases(
        self, product: Product, shape: TileShape, some: NDArray[Any]
    ) -> tuple[int, int, int]:
        """Add a tile's biases.

        Return what its sums start from, the offset, and the biases of one block.
        """
        if product.bias is None:
            return ADD, 0, 0
        bias = product.bias[:, some]
        if bias.shape[2] == 1:
            return BIAS, self.bias.add(bias), some.size
        fields = bias.shape[2]
        groups = -(-fields // shape.fields)
        bias = bias[:, :, np.minimum(np.arange(groups * shape.fields), fields - 1)]
        tiled = bias.reshape(len(bias), some.size, groups, shape.fields).transpose(0, 2, 3, 1)
        return BIAS_EACH, self.bias.add(tiled), groups * shape.fields * some.size

    # ---- rows ------------------------------------------------------------------------------

    def _rows(self, step: Rows) -> None:
        pair = Pair(step.function.combine, step.function.reduce)
        places = self.places[step.sources] // self.stride
        # The rows of one sample, a number each, must stay in order: one is written over the next.
        cut = pair == LINEAR and self.stride > 1
        size = self.vectors * vector_bytes()
        for band in bands(step.ptr, places, size, self.vectors) if cut else [whole(step.ptr)]:
            self._band(step, pair, band, places)

    def _band(self, step: Rows, pair: Pair, band: Band, places: NDArray[Any]) -> None:
        """Add what some rows take from some of their sources."""
        places, targets = places[band.entries], step.targets[band.rows]
        base, narrow = 0, False
        if pair == LINEAR and places.size:
            base = int(places.min())
            narrow = int(places.max()) - base < _NARROW
        index = (places - base).astype(np.uint16 if narrow else np.int32)
        if narrow:
            index = np.append(index, np.zeros(index.size % 2, np.uint16)).view(np.int32)
        vectors = self.vectors if pair == LINEAR else 1
        self._op(
            1,
            RowShape(vectors, narrow, pair),
            step.function.activation if band.ends else Activation(),
            INDEX=self.index.add(index),
            WEIGHT=self.weight.add(step.weights[band.entries]),
            BIAS=self.bias.add(step.bias[band.rows]) if band.starts else 0,
            ROW=self.row.add(np.concatenate([self.places[targets], band.ptr]).astype(np.int32)),
            GROUPS=targets.size,
            INIT=BIAS if band.starts else ADD,
            BASE=base,
            PASSES=self.vectors // vectors,
            TARGETS=targets.size,
            WIDTH=self.stride,
        )


def moved(product: Product) -> bool:
    """Whether all fields of a weighted sum have the first one's sources, moved; as offsets."""
    sources = product.sources
    if product.pair != LINEAR or not sources.shape[2]:
        return False
    return bool((sources - sources[:, :1] == sources[:, :, :1] - sources[:, :1, :1]).all())


def scattered(step: Step) -> bool:
    """Whether a step is many small blocks, which rows hold better than ops."""
    blocks, maps, fields = step.targets.shape if isinstance(step, Blocks) else (0, 0, 0)
    return bool(blocks > _MANY and maps * fields < _SMALL)
