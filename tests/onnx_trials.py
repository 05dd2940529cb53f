"""Trials with spoiled ONNX models: refused by name, or a graph that is whole; nothing from outside.

A file beside the model's folder, and a link to it, hold a number that no graph may have.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import mutations
import numpy as np
from mutations import some
from whole import is_whole

from neurograph.errors import ConversionError

Rng = np.random.Generator
SECRET = 1234567.0
_SECONDS = 60.0
_CHECKED, _SMALL = 0.1, 5000  # of the graphs, those looked at in full; the most neurons of one
_SIZES = -1, 0, 1, 2, 3, 5, 10**4, 10**9, 2**31 - 1, 2**31, 2**62, -(2**63)
_REALS = 0.0, 1.0, -1.0, 0.5, 1e-45, 3e38, float("inf"), float("nan")
_PLACES = (
    "../secret.bin", "link.bin", "k.bin", "/etc/passwd", "/dev/zero", "", ".", "..", "a/../k.bin"
)  # fmt: skip
_TEXTS = b"", b"x", b"y", b"SAME_UPPER", b"nearest", b"\xff", b"reflect", b"a->b", b"ij,jk->ik"


@cache
def models() -> list[bytes]:
    """Files of models that import, each of several operators."""
    from onnx import helper
    from onnx_nets import ROW, K, model, node, numbers

    conv = node("Conv", "k", "b", pads=[1, 1, 1, 1])
    after = helper.make_node
    image, arrays = {"x": ("N", 2, 4, 4)}, {"k": K, "b": ROW, "s": numbers(1, 4, 1, 1)}
    shaped = {**arrays, "zero": np.array([0]), "one": np.array([1]), "rest": np.array([-1]),
              "w": numbers(16, 3), "c": ROW[:3], "by": np.array([1.0, 1.0, 2.0, 2.0], "f4"),
              "two": np.array([2, 2]), "low": np.array(-1.0), "high": np.array(1.0)}  # fmt: skip
    norm = {**arrays, **{n: np.abs(ROW) + 0.5 for n in ("g", "h", "m", "v")}}
    chains = [
        ([conv, after("Relu", ["y"], ["r"]),
          after("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
          after("Shape", ["p"], ["d"]), after("Slice", ["d", "zero", "one"], ["n"]),
          after("Concat", ["n", "rest"], ["to"], axis=0), after("Reshape", ["p", "to"], ["f"]),
          after("Gemm", ["f", "w", "c"], ["z"])], image, shaped),
        ([conv, after("BatchNormalization", ["y", "g", "h", "m", "v"], ["n"]),
          after("HardSigmoid", ["n"], ["a"]), after("Mul", ["n", "a"], ["u"]),
          after("GlobalAveragePool", ["u"], ["e"]), after("Mul", ["u", "e"], ["z"])], image, norm),
        ([conv, after("Resize", ["y", "", "by"], ["u"], mode="linear"),
          after("Clip", ["u", "low", "high"], ["c2"]),
          after("Transpose", ["c2"], ["t"], perm=[0, 2, 3, 1]),
          after("Softmax", ["t"], ["z"], axis=-1)], image, shaped),
        ([after("ConvTranspose", ["x", "kt"], ["y"], strides=[2, 2]),
          after("Split", ["y", "two"], ["p", "q"], axis=1), after("Sub", ["p", "q"], ["e"]),
          after("ReduceMean", ["e", "one"], ["o"], keepdims=0), after("Tanh", ["o"], ["z"])],
         {"x": (1, 2, 3, 3)}, {**shaped, "kt": numbers(2, 4, 2, 2)}),
        ([after("LSTM", ["x", "w"], ["y"]), after("TopK", ["y", "one"], ["z", "i"])],
         {"x": (1, 4)}, shaped),
    ]  # fmt: skip
    return [model(n, i, a, ("z",)).SerializeToString() for n, i, a in chains]


def onnx_files(rng: Rng, folder: Path, seed: int) -> str:
    """Spoil a model's bytes, or what it says, and import it."""
    from neurograph.convert.onnx import from_onnx

    own = _outside(folder)
    content = some(rng, models())
    spoil = some(rng, (mutations.spoil_bytes, _spoil_said, _spoil_said, _spoil_said))
    path = own / "net.onnx"
    path.write_bytes(spoil(content, rng))
    start = time.perf_counter()
    try:
        graph = from_onnx(path, zeros=some(rng, ["keep", "cut"]))
    except ConversionError:
        return "refused"
    assert time.perf_counter() - start < _SECONDS, "it took too long"
    assert not np.isin(graph.weights.value, [SECRET]).any(), "what lies outside was read"
    if graph.size < _SMALL and rng.random() < _CHECKED:
        is_whole(graph, rng, folder)
    return "whole"


def _outside(folder: Path) -> Path:
    """Make the model's folder, and beside it what it may not read."""
    own = folder / "own"
    if not own.exists():
        own.mkdir()
        numbers = np.full(1 << 12, SECRET)
        numbers.tofile(folder / "secret.bin")
        (own / "link.bin").symlink_to(folder / "secret.bin")
        np.ones(1 << 12).tofile(own / "k.bin")
    return own


def _spoil_said(content: bytes, rng: Rng) -> bytes:
    """Change some fields of some messages of a model."""
    from onnx import ModelProto

    made = ModelProto.FromString(content)
    for _ in range(int(rng.integers(1, 4))):
        parts = list(_messages(made.graph)) if rng.random() < 0.97 else [made]
        part = some(rng, parts)
        if type(part).__name__ == "TensorProto" and rng.random() < 0.2:
            _moved_out(part, rng)
        else:
            _spoil(part, rng)
    return bytes(made.SerializeToString())


def _messages(part: Any) -> Iterator[Any]:
    yield part
    for field, value in part.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for inner in value if hasattr(value, "append") else [value]:
                yield from _messages(inner)


def _moved_out(tensor: Any, rng: Rng) -> None:
    """Let a tensor lie in some file."""
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    entries = {"location": some(rng, _PLACES), "offset": str(some(rng, _SIZES))}
    if rng.random() < 0.5:
        entries["length"] = str(some(rng, _SIZES))
    for key, value in entries.items():
        if key != "offset" or rng.random() < 0.5:
            tensor.external_data.add(key=key, value=value)


def _spoil(part: Any, rng: Rng) -> None:
    """Change, clear, double or drop one field of a message."""
    fields = list(part.DESCRIPTOR.fields) if rng.random() < 0.2 else []
    fields = fields or [field for field, _ in part.ListFields()]
    if not fields:
        return
    field = some(rng, fields)
    value = getattr(part, field.name)
    if hasattr(value, "append"):
        _spoil_list(value, field, rng)
    elif field.type == field.TYPE_MESSAGE or rng.random() < 0.1:
        part.ClearField(field.name)
    else:
        setattr(part, field.name, _value(field, value, rng))


def _spoil_list(found: Any, field: Any, rng: Rng) -> None:
    if not found or (field.type != field.TYPE_MESSAGE and rng.random() < 0.2):
        if field.type == field.TYPE_MESSAGE:
            found.add()
        else:
            found.append(_value(field, None, rng))
        return
    at, how = int(rng.integers(len(found))), rng.random()
    if how < 0.3:
        del found[at]
    elif how < 0.5 or field.type == field.TYPE_MESSAGE:
        found.append(found[at])
    else:
        found[at] = _value(field, found[at], rng)


def _value(field: Any, now: Any, rng: Rng) -> Any:
    """Return a value of a field's kind; names and operators often another's."""
    if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
        return some(rng, _REALS)
    if field.type == field.TYPE_BYTES:
        return mutations.spoil_bytes(now, rng) if now and rng.random() < 0.7 else some(rng, _TEXTS)
    if field.type == field.TYPE_STRING:
        return _text(field.name, rng)
    if field.type == field.TYPE_ENUM:
        return some(rng, [value.number for value in field.enum_type.values])
    limit = 2**31 if field.type == field.TYPE_INT32 else 2**63
    wanted = int(some(rng, [*_SIZES, (now or 0) + 1, (now or 0) - 1]))
    return max(min(wanted, limit - 1), -limit) if field.type != field.TYPE_UINT64 else abs(wanted)


def _text(name: str, rng: Rng) -> str:
    from onnx.defs import get_all_schemas

    if name == "op_type" or rng.random() < 0.1:
        return str(some(rng, [schema.name for schema in get_all_schemas()]))
    words = "x", "y", "z", "k", "b", "p", "w", "", "one", "two", "axis", "pads", "value", "ai.onnx"
    return str(some(rng, words))
