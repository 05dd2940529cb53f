"""Vectors in LLVM: `Lanes` emits the instructions that the kernels are made of.

A vector is one register: 16 float32 or 8 float64 with AVX-512, half as many elsewhere. LLVM splits
what a machine has no register for, so the kernels are right everywhere and fast where it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils
from numba.core.registry import cpu_target

I1, I16, I32, I64 = ir.IntType(1), ir.IntType(16), ir.IntType(32), ir.IntType(64)
_SUFFIX = {"float": "f32", "double": "f64"}


@lru_cache(maxsize=1)
def _features() -> frozenset[str]:
    """Return what numba compiles for, which may be less than this processor has."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return frozenset(f[1:] for f in features.split(",") if f.startswith("+"))


@lru_cache(maxsize=1)
def vector_bytes() -> int:
    """Return the width of the vectors the kernels use here: 64 bytes with AVX-512, 32 without."""
    return 64 if "avx512f" in _features() else 32


def lane_count(itemsize: int) -> int:
    """Return how many numbers of `itemsize` bytes a vector holds here."""
    return vector_bytes() // itemsize


@lru_cache(maxsize=1)
def _names_instructions() -> bool:
    """Return whether kernels may name x86's fused multiply-add; makes LLVM's assembler ready."""
    x86 = binding.get_process_triple().startswith("x86_64")
    if x86 and "fma" in _features():
        binding.initialize_native_asmparser()
        return True
    return False


def unrolled(b: ir.IRBuilder, count: Any, together: int, body: Callable[[Any, int], None]) -> None:
    """Emit `body(number, place)` for the numbers below `count`, `together` in a turn of the loop.

    `place` is the number's place in its turn; what is left over comes one by one, at place 0.
    """
    turns = b.udiv(count, I64(together))
    with cgutils.for_range(b, turns) as turn:
        first = b.mul(turn.index, I64(together))
        for place in range(together):
            body(b.add(first, I64(place)), place)
    if together > 1:
        done = b.mul(turns, I64(together))
        with cgutils.for_range(b, b.sub(count, done)) as rest:
            body(b.add(done, rest.index), 0)


class Lanes:
    """Emits instructions on vectors of as many `element`s (float or double) as a register holds."""

    def __init__(self, builder: ir.IRBuilder, element: ir.Type) -> None:
        self.builder, self.element = builder, element
        self.double = isinstance(element, ir.DoubleType)
        self.count = lane_count(8 if self.double else 4)
        self.type = ir.VectorType(element, self.count)

    def constant(self, value: float) -> ir.Constant:
        """Return the vector with `value` in every lane."""
        return ir.Constant(self.type, [value] * self.count)

    def splat(self, scalar: Any) -> Any:
        """Return the vector with a scalar in every lane."""
        undefined = ir.Constant(self.type, ir.Undefined)
        one = self.builder.insert_element(undefined, scalar, I32(0))
        zeros = ir.Constant(ir.VectorType(I32, self.count), [0] * self.count)
        return self.builder.shuffle_vector(one, undefined, zeros)

    def load(self, pointer: Any, index: Any) -> Any:
        """Load a vector from `pointer[index:]`."""
        at = self.builder.bitcast(self.builder.gep(pointer, [index]), self.type.as_pointer())
        return self.builder.load(at, align=self.element_bytes)

    def every_other(self, pointer: Any, index: Any) -> Any:
        """Load lane i from `pointer[index + 2 i]`; reads two whole vectors."""
        low = self.load(pointer, index)
        high = self.load(pointer, self.builder.add(index, I64(self.count)))
        even = ir.Constant(ir.VectorType(I32, self.count), list(range(0, 2 * self.count, 2)))
        return self.builder.shuffle_vector(low, high, even)

    def gather(self, pointer: Any, indices: Sequence[Any]) -> Any:
        """Load lane i from `pointer[indices[i]]`."""
        vector = ir.Constant(self.type, ir.Undefined)
        for lane, index in enumerate(indices):
            element = self.builder.load(self.builder.gep(pointer, [index]))
            vector = self.builder.insert_element(vector, element, I32(lane))
        return vector

    def store(self, value: Any, pointer: Any, index: Any) -> None:
        """Store a vector to `pointer[index:]`."""
        at = self.builder.bitcast(self.builder.gep(pointer, [index]), self.type.as_pointer())
        self.builder.store(value, at, align=self.element_bytes)

    def broadcast(self, pointer: Any, index: Any) -> Any:
        """Load the scalar `pointer[index]` into every lane."""
        return self.splat(self.builder.load(self.builder.gep(pointer, [index])))

    def prefetch(self, pointer: Any, index: Any) -> None:
        """Ask for the cache line of `pointer[index]`, which will be read; never faults."""
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, I32, I32, I32])
        function = self.builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        at = self.builder.bitcast(self.builder.gep(pointer, [index]), byte)
        self.builder.call(function, [at, I32(0), I32(3), I32(1)])

    @property
    def element_bytes(self) -> int:
        """The bytes of one lane."""
        return 8 if self.double else 4

    def intrinsic(self, name: str, *arguments: Any) -> Any:
        """Call an LLVM intrinsic such as `llvm.fma` for this vector type."""
        full = f"llvm.{name}.v{self.count}{_SUFFIX[str(self.element)]}"
        kind = ir.FunctionType(self.type, [self.type] * len(arguments))
        function = cgutils.get_or_insert_function(self.builder.module, kind, full)
        return self.builder.call(function, arguments)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """Return a b + c, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def add_product(self, a: Any, b: Any, total: Any) -> Any:
        """Return a b + total where `total` is a sum that stays in its register.

        On x86 the instruction is named: LLVM else likes to overwrite `a` and to move the sums
        about, which in the tiles with one use of each weight takes twice the time.
        """
        if not _names_instructions():
            return self.fma(a, b, total)
        kind = ir.FunctionType(self.type, [self.type] * 3)
        name = "vfmadd231pd" if self.double else "vfmadd231ps"
        return self.builder.call(
            ir.InlineAsm(kind, f"{name} $2, $1, $0", "=v,v,v,0"), [a, b, total]
        )

    def at_most(self, x: Any, limit: Any) -> Any:
        """Return min(x, limit); a NaN in x stays."""
        return self.builder.select(self.builder.fcmp_ordered("<", limit, x), limit, x)

    def at_least(self, x: Any, limit: Any) -> Any:
        """Return max(x, limit); a NaN in x stays."""
        return self.builder.select(self.builder.fcmp_ordered(">", limit, x), limit, x)

    def polynomial(self, x: Any, coefficients: Sequence[float]) -> Any:
        """Return sum of coefficients[i] x^i, by Horner's rule."""
        value = self.constant(coefficients[-1])
        for coefficient in coefficients[-2::-1]:
            value = self.fma(x, value, self.constant(coefficient))
        return value

    def reduce(self, name: str, total: Any, term: Any) -> Any:
        """Return the reduction `name` of two vectors; a NaN in either stays."""
        b = self.builder
        if name == "sum":
            return b.fadd(total, term)
        if name == "product":
            return b.fmul(total, term)
        better = b.fcmp_ordered(">" if name == "max" else "<", total, term)
        return b.select(b.or_(better, b.fcmp_unordered("uno", total, total)), total, term)

    def accumulate(self, combine: str, reduce: str, total: Any, weight: Any, source: Any) -> Any:
        """Return reduce(total, combine(weight, source))."""
        if combine == "multiply":
            if reduce == "sum":
                return self.add_product(weight, source, total)
            return self.reduce(reduce, total, self.builder.fmul(weight, source))
        difference = self.builder.fsub(source, weight)
        if reduce == "sum":
            return self.fma(difference, difference, total)
        return self.reduce(reduce, total, self.builder.fmul(difference, difference))

    def identity(self, reduce: str) -> ir.Constant:
        """Return the vector that changes nothing in a reduction."""
        value = {"sum": 0.0, "product": 1.0, "max": float("-inf"), "min": float("inf")}
        return self.constant(value[reduce])
