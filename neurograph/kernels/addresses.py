"""Arrays at an address, in compiled code: what is read is not checked, nor kept alive."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable


@intrinsic
def _pointer(typing: Any, address: Any) -> Any:
    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        return b.inttoptr(given[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), emit


@register_jitable
def array_at(address: int, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return the array of a shape and dtype that begins at an address."""
    return carray(_pointer(address), shape, dtype)
