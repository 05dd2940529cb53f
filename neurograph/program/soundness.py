"""What an engine takes for granted of a program, checked once: compiled code trusts its ids."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import is_real, is_whole
from neurograph.errors import EngineError
from neurograph.functions import IDENTITY, Function
from neurograph.memory import INT32_MAX
from neurograph.names import IdArray
from neurograph.program.program import Program
from neurograph.program.steps import Blocks, Rows, Step

_BLOCK = 1 << 22  # ids looked at together
_NEVER = np.iinfo(np.int64).max  # the level of what no step computes


def check_program(program: Program) -> None:
    """Raise EngineError for a program that no compiler would have made.

    Ids are in range, every neuron is computed once, and before it is read; arrays have the types
    and shapes that `Rows` and `Blocks` say. A program is looked at once.

    >>> from neurograph.models import mlp
    >>> from neurograph.program.compiler import compile
    >>> check_program(compile(mlp((4, 3, 2))))
    """
    if not isinstance(program, Program):
        raise EngineError(f"program: found {type(program).__name__}, needed a Program")
    if not program.__dict__.get("_sound"):
        _check(program)
        program.__dict__["_sound"] = True


def _check(program: Program) -> None:
    for name, kind in (
        ("steps", tuple),
        ("inputs", tuple),
        ("constants", Mapping),
        ("layers", Mapping),
    ):
        found = getattr(program, name)
        _need(isinstance(found, kind), name, type(found).__name__, kind.__name__)
    _need(
        is_whole(program.size) and 1 <= program.size <= INT32_MAX, "size", program.size, "from 1 on"
    )
    _need(
        is_whole(program.weight_count) and 0 <= program.weight_count <= INT32_MAX,
        "weight_count",
        program.weight_count,
        "a whole number",
    )
    level = _given(program)
    for number, step in enumerate(program.steps):
        _check_step(f"step {number}", step, program)
    levels = [step.level for step in program.steps]
    _need(levels == sorted(levels), "steps", "levels that fall", "levels in order")
    _place_targets(program, level)
    for number, step in enumerate(program.steps):
        for part in _parts(step.sources):
            read = level[part[part >= 0]]
            late = int(read.max(initial=-1)) >= step.level
            _need(not late, f"step {number}", "a source that is not there yet", "earlier levels'")
    outputs = program.outputs
    _need_ids("outputs", outputs, 0, program.size, exact=False)
    known = outputs.size > 0 and int(level[outputs].max()) < _NEVER
    _need(known, "outputs", "ids that no step computes, or none", "neurons")
    _need(isinstance(program.penalties, bool), "penalties", program.penalties, "True or False")
    for name, ids in program.layers.items():
        _need(isinstance(ids, IdArray), f"layer {name!r}", type(ids).__name__, "an IdArray")
        low, high = ids.bounds()
        _need(
            low >= 0 and high < program.size, f"layer {name!r}", f"ids {low} to {high}", "its ids"
        )


def _given(program: Program) -> NDArray[np.int64]:
    """Return the level of each id as far as it is given: 0 for constants and inputs."""
    level = np.full(program.size, _NEVER)
    states = program.constants
    ids = list(states)
    _need(all(map(is_whole, ids)), "constants", ids, "ids")
    _need(all(0 <= i < program.size for i in ids), "constants", ids, f"ids below {program.size}")
    _need(states.get(0) == 1, "constants", f"the bias unit at {states.get(0)}", "id 0 at 1")
    real = all(is_real(s) and math.isfinite(s) for s in states.values())
    _need(real, "constants", list(states.values()), "finite states")
    level[ids] = 0
    for inputs in program.inputs:
        _need_ids("inputs", inputs, 0, program.size, exact=False)
        flat = inputs.reshape(-1)
        once = np.unique(flat).size == flat.size and bool((level[flat] == _NEVER).all())
        _need(once, "inputs", "an id twice, or a constant's", "each id once")
        level[flat] = 0
    return level


def _place_targets(program: Program, level: NDArray[np.int64]) -> None:
    """Give each neuron the level at which it is computed, once."""
    there = int((level < _NEVER).sum())
    for step in program.steps:
        level[step.targets] = np.where(level[step.targets] < _NEVER, 0, step.level)
        there += step.targets.size
    once = there == int((level < _NEVER).sum()) and all(
        (level[s.targets] > 0).all() for s in program.steps
    )
    _need(once, "steps", "a target that is there already", "each neuron once")


def _check_step(who: str, step: Step, program: Program) -> None:
    _need(isinstance(step, Rows | Blocks), who, type(step).__name__, "Rows or Blocks")
    _need(isinstance(step.function, Function), who, step.function, "a Function")
    _need(is_whole(step.level) and 1 <= step.level <= INT32_MAX, who, step.level, "a level from 1")
    empty = isinstance(step, Blocks) and step.function.linear
    _need_ids(f"{who}, sources", step.sources, -1 if empty else 0, program.size)
    _need_ids(f"{who}, weights", step.weights, 0, program.weight_count)
    _need_ids(f"{who}, bias", step.bias, -1, program.weight_count)
    _need_ids(f"{who}, targets", step.targets, 0, program.size)
    if isinstance(step, Rows):
        _check_rows(who, step)
    else:
        _check_blocks(who, step)


def _check_rows(who: str, step: Rows) -> None:
    ptr, columns = step.ptr, (step.sources, step.weights, step.bias, step.targets)
    flat = all(column.ndim == 1 for column in columns)
    _need(flat, who, [c.shape for c in columns], "one-dimensional arrays")
    _need(
        isinstance(ptr, np.ndarray) and ptr.dtype == np.int64 and ptr.ndim == 1,
        f"{who}, ptr",
        getattr(ptr, "dtype", type(ptr).__name__),
        "int64 (rows + 1,)",
    )
    rows = step.targets.size
    fits = ptr.size == rows + 1 and step.bias.size == rows
    fits = fits and step.sources.size == step.weights.size
    _need(fits, who, [c.shape for c in (ptr, *columns)], "arrays that fit")
    length = np.diff(ptr)
    whole = ptr[0] == 0 and ptr[-1] == step.sources.size and bool((length >= 0).all())
    _need(whole, f"{who}, ptr", "no slots' ends", f"rising numbers, 0 to {step.sources.size}")
    bare = step.function.reduce not in IDENTITY and bool((length == 0).any())
    _need(not bare, who, f"a {step.function.reduce} of nothing", "a slot or more")


def _check_blocks(who: str, step: Blocks) -> None:
    columns = step.sources, step.weights, step.bias, step.targets
    shapes = [column.shape for column in columns]
    _need(all(len(shape) == 3 for shape in shapes), who, shapes, "three-dimensional arrays")
    blocks, maps, fields = step.targets.shape
    slots = step.sources.shape[2]
    fits = shapes[0] == (blocks, fields, slots) and shapes[1] == (blocks, maps, slots)
    fits = fits and shapes[2] in ((blocks, maps, 1), (blocks, maps, fields))
    _need(fits and step.targets.size > 0, who, shapes, "arrays that fit")
    bare = step.function.reduce not in IDENTITY and slots == 0
    _need(not bare, who, f"a {step.function.reduce} of nothing", "a slot or more")


def _need_ids(who: str, ids: Any, least: int, end: int, *, exact: bool = True) -> None:
    """Raise EngineError unless `ids` are an array of int32 from `least` to `end - 1`."""
    kind = isinstance(ids, np.ndarray) and ids.dtype.kind in "iu"
    kind = kind and (ids.dtype == np.int32 or not exact)
    _need(kind, who, getattr(ids, "dtype", type(ids).__name__), "an array of int32")
    if ids.size:
        low, high = int(ids.min()), int(ids.max())
        _need(least <= low and high < end, who, f"ids {low} to {high}", f"{least} to {end - 1}")


def _parts(ids: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield ids, flat, in pieces of bounded size."""
    step = max(1, _BLOCK // max(1, ids[:1].size))
    return (ids[a : a + step].reshape(-1) for a in range(0, len(ids), step))


def _need(right: bool, who: str, found: object, needed: str) -> None:
    if not right:
        raise EngineError(f"program: {who}: found {found}, needed {needed}")
