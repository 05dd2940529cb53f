"""ONNX's operators as neurons: a function each, and a line in one of these tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurograph.convert.onnx.arithmetic import ARITHMETIC
from neurograph.convert.onnx.calls import Call
from neurograph.convert.onnx.convolution import CONVOLUTIONS
from neurograph.convert.onnx.normalization import NORMALIZATIONS
from neurograph.convert.onnx.products import PRODUCTS
from neurograph.convert.onnx.reductions import REDUCTIONS
from neurograph.convert.onnx.resizing import RESIZING

OPERATORS: dict[str, Callable[[Call], Any]] = {
    **CONVOLUTIONS,
    **PRODUCTS,
    **NORMALIZATIONS,
    **ARITHMETIC,
    **REDUCTIONS,
    **RESIZING,
}
