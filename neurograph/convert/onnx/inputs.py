"""A model's inputs: which there are, and their shapes with the open dimensions fixed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from onnx import GraphProto, ValueInfoProto

from neurograph.checks import is_whole
from neurograph.errors import ConversionError, kind_of, shown, suggestion
from neurograph.memory import INT32_MAX, require

_NEURON = 64  # bytes of an input neuron, with its state

Shape = tuple[int, ...]
Given = Mapping[str, Sequence[int]] | None


def free_inputs(graph: GraphProto) -> list[ValueInfoProto]:
    """Return the inputs that are no initializers."""
    named = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in named]


def shapes(inputs: list[ValueInfoProto], given: Given, samples: int = 1) -> dict[str, Shape]:
    """Return the shape of each input; a first dimension that counts samples is `samples`.

    Raises ConversionError that lists every dimension that is open still, for shapes that do not fit
    the model's, and for inputs that would not fit in memory.
    """
    told = _checked(given, [value.name for value in inputs])
    found, still_open = {}, []
    for value in inputs:
        shape, unknown = _shape(value, told.get(value.name))
        if samples > 1 and shape and counts_samples(value, told.get(value.name)):
            shape = (samples, *shape[1:])
        found[value.name] = shape
        still_open += [unknown] if unknown else []
    if still_open:
        raise ConversionError(
            "from_onnx: open dimensions, fix them by input_shapes: " + "; ".join(still_open)
        )
    total = sum(math.prod(shape) for shape in found.values())
    require(_NEURON * total, f"from_onnx: inputs {found}", ConversionError)
    if total > INT32_MAX:
        raise ConversionError(f"from_onnx: inputs {found} have more neurons than there are ids")
    return found


def counts_samples(value: ValueInfoProto, told: Sequence[int] | None) -> bool:
    """Return whether an input may have several samples: its first dimension is open, or asked so.

    One of a fixed length, 1 apart, is part of a sample.
    """
    dims = value.type.tensor_type.shape.dim
    if not dims:
        return False
    fixed = int(dims[0].dim_value) if dims[0].HasField("dim_value") else 0
    return fixed < 1 or (fixed == 1 and told is not None and told[0] > 1)


def _checked(given: Given, names: list[str]) -> dict[str, Shape]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ConversionError(
            f"from_onnx: found {kind_of(given)} as input_shapes, needed shapes by name"
        )
    for name, shape in given.items():
        if name not in names:
            raise ConversionError(
                f"from_onnx: input {shown(name)} is unknown{suggestion(name, names)}"
            )
        sizes = list(shape) if isinstance(shape, (list, tuple)) else [0]
        if not all(is_whole(size) and size >= 1 for size in sizes):
            raise ConversionError(
                f"from_onnx: found the shape {shown(shape)} for input {name!r}, "
                "needed whole numbers above 0"
            )
    return {name: tuple(int(size) for size in shape) for name, shape in given.items()}


def _shape(value: ValueInfoProto, told: Shape | None) -> tuple[Shape, str]:
    """Return an input's shape, and what is open in it, empty if nothing is."""
    if value.type.WhichOneof("value") != "tensor_type":
        raise ConversionError(f"from_onnx: input {value.name!r} is no tensor")
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return (told, "") if told is not None else ((), f"{value.name} (any shape)")
    dims = list(tensor.shape.dim)
    if told is not None and len(told) != len(dims):
        raise ConversionError(
            f"from_onnx: found the shape {told} for input {value.name!r}, "
            f"needed {len(dims)} dimensions"
        )
    sizes, unknown = [], []
    for axis, dim in enumerate(dims):
        size = _size(value.name, dim, axis, told)
        sizes.append(size)
        if size < 1:
            unknown.append(f"{axis} ({dim.dim_param})" if dim.dim_param else str(axis))
    place = f"{value.name}: dimension {', '.join(unknown)} of {len(dims)}"
    return tuple(sizes), place if unknown else ""


def _size(name: str, dim: Any, axis: int, told: Shape | None) -> int:
    """Return the size of a dimension, 0 where it is open."""
    fixed = int(dim.dim_value) if dim.HasField("dim_value") else 0
    if fixed < 1:
        return 1 if axis == 0 else 0 if told is None else told[axis]
    if told is not None and told[axis] != fixed and (axis or fixed > 1):
        raise ConversionError(
            f"from_onnx: found {told[axis]} for dimension {axis} of input {name!r}, needed {fixed}"
        )
    return fixed
