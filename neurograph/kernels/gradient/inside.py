"""How the parts of a training step are compiled: for each other only, without a way in."""

from __future__ import annotations

from numba import njit

_INSIDE = {"nogil": True, "error_model": "numpy"}
_NO_WAY_IN = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

inner = njit(**_INSIDE, **_NO_WAY_IN)
