"""Ways to spoil a file: arrays and header with right checksums, the zip structure, the bytes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

Rng = np.random.Generator
Parts = dict[str, Any]  # the header as "header.json", arrays by name

LEAVES = (
    *(None, True, False, -1, 0, 1, 2, 3, 7, 10**6, 2**31 - 1, 2**31, 2**63, 10**400, -(2**31)),
    *(0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"), -float("inf")),
    *("", "x", "0", "False", "nan", "C1[0]", "\ud800", "a\0b", "bias unit", "tanh", "zeros"),
    *([], {}, [[]], [0], [1, 1], {"a": 1}),
)
NUMBERS = (-(2**31), -2, -1, 0, 1, 2, 5, 10**6, 2**31 - 1)
REALS = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308, 5e-324, 1.0, -1.0)


def some(rng: Rng, choices: Any) -> Any:
    """One of these."""
    return choices[int(rng.integers(len(choices)))]


def parts_of(content: bytes) -> Parts:
    """What a file of the archive holds."""
    parts: Parts = {}
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        for name in file.namelist():
            if name.endswith(".npy"):
                parts[name[:-4]] = np.load(io.BytesIO(file.read(name)))
            else:
                parts[name] = json.loads(file.read(name))
    return parts


def file_of(parts: Parts, *, listed: bool = True) -> bytes:
    """A file of these parts, all checksums and sizes right; `listed` as the header should."""
    header = dict(parts["header.json"]) if isinstance(parts["header.json"], dict) else {}
    arrays = {name: array for name, array in parts.items() if name != "header.json"}
    if listed:
        header["arrays"] = {n: [a.dtype.str, list(a.shape)] for n, a in arrays.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("header.json", json.dumps(header))
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array).reshape(array.shape))
            file.writestr(f"{name}.npy", member.getvalue())
    return stream.getvalue()


def spoil_array(parts: Parts, rng: Rng) -> None:
    """Change some entries of an array, its length, type or shape, or take it away."""
    name = some(rng, [n for n in parts if n != "header.json"])
    array = np.array(parts[name])
    how = rng.random()
    if how < 0.7 and array.size:
        flat = array.reshape(-1)
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(flat.size))
            if array.dtype.kind == "b":
                flat[at] = not flat[at]
            elif array.dtype.kind == "f":
                flat[at] = some(rng, REALS)
            elif array.dtype.kind in "iu":
                near = int(flat[at]) + int(rng.integers(-3, 4))
                with np.errstate(over="ignore"):
                    flat[at] = np.array(some(rng, [*NUMBERS, near, near])).astype(array.dtype)
        parts[name] = flat.reshape(array.shape)
    elif how < 0.8:
        parts[name] = some(
            rng, [array[:-1], array[:0], np.repeat(array, 2)] if array.ndim else [array[None]]
        )
    elif how < 0.9:
        kinds = ["<i2", "<i4", "<i8", "<f8", "|b1", "<f4", "<u1", "<c16", "<U3"]
        with np.errstate(all="ignore"):
            parts[name] = array.astype(some(rng, kinds))
    elif how < 0.95:
        parts[name] = some(
            rng, [array[None], array.reshape(-1), array.reshape((1,) * 33 + array.shape)]
        )
    else:
        del parts[name]


def spoil_json(value: Any, rng: Rng) -> Any:
    """The value with something in it replaced, taken away, doubled or moved."""
    if isinstance(value, dict) and value and rng.random() < 0.97:
        key = some(rng, list(value))
        how = rng.random()
        if how < 0.06:
            return {k: v for k, v in value.items() if k != key}
        if how < 0.1:
            return {**value, some(rng, ["more", "", "seed", "first"]): value[key]}
        return {**value, key: spoil_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.95:
        at, how = int(rng.integers(len(value))), rng.random()
        if how < 0.08:
            return value[:at] + value[at + 1 :]
        if how < 0.16:
            return value[: at + 1] + value[at:]
        if how < 0.22:
            return value[at:] + value[:at]
        return [*value[:at], spoil_json(value[at], rng), *value[at + 1 :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.4:
        return value + some(rng, [-2, -1, 1, 2, 0.5])
    return some(rng, LEAVES)


def spoil_parts(content: bytes, rng: Rng) -> bytes:
    """The file with arrays and header changed, all checksums in order."""
    parts, listed = parts_of(content), rng.random() < 0.9
    for _ in range(int(rng.integers(1, 3))):
        if rng.random() < 0.5 and len(parts) > 1:
            spoil_array(parts, rng)
        else:
            parts["header.json"] = spoil_json(parts["header.json"], rng)
    return file_of(parts, listed=listed)


def spoil_zip(content: bytes, rng: Rng) -> bytes:
    """The file with members changed, left out, doubled, packed, or its directory damaged."""
    if rng.random() < 0.5:
        start = (
            content.rindex(b"PK\x01\x02") if rng.random() < 0.5 else content.index(b"PK\x01\x02")
        )
        return content[:start] + spoil_bytes(content[start:], rng)
    stream, how = io.BytesIO(), rng.random()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        names = old.namelist()
        chosen = some(rng, names)
        for name in names if how < 0.8 else names[::-1]:
            inside = old.read(name)
            if name == chosen and how < 0.2:
                continue
            if name == chosen and how < 0.5:  # the head of an array, say
                inside = spoil_bytes(inside[:128], rng) + inside[128:]
            packing = zipfile.ZIP_DEFLATED if name == chosen and how > 0.9 else zipfile.ZIP_STORED
            new.writestr(name, inside, packing)
        if 0.5 < how < 0.65:
            new.writestr(some(rng, ["more.npy", "more", "../up", "a/"]), b"more")
    return stream.getvalue()


def spoil_bytes(content: bytes, rng: Rng) -> bytes:
    """The bytes with some flipped, left out, doubled, or cut off."""
    changed, how = bytearray(content), rng.random()
    if not changed:
        return b"\0"
    at = int(rng.integers(len(changed)))
    if how < 0.6:
        for place in rng.integers(len(changed), size=int(rng.integers(1, 5))):
            changed[place] = some(rng, [0, 1, 255, changed[place] ^ 1, int(rng.integers(256))])
    elif how < 0.7:
        del changed[at:]
    elif how < 0.8:
        del changed[at : at + int(rng.integers(1, 9))]
    else:
        changed[at:at] = changed[at : at + int(rng.integers(1, 64))] or b"\0"
    return bytes(changed)


FILE: tuple[Callable[[bytes, Rng], bytes], ...] = (spoil_parts, spoil_parts, spoil_zip, spoil_bytes)

WORDS = (
    "",
    "0",
    "-1",
    "1",
    "2",
    "5",
    "1.5",
    "1e999",
    "nan",
    "inf",
    "x",
    "1_0",
    "0x1",
    "\ufeff",
    "é",
    "\t",
    " ",
)


def spoil_text(text: str, rng: Rng) -> bytes:
    """Lines of numbers with words changed, lines left out, doubled or joined, or bytes damaged."""
    lines = [line.split("\t") for line in text.split("\n")]
    row = some(rng, lines)
    how = rng.random()
    if how < 0.6:
        row[int(rng.integers(len(row)))] = some(rng, WORDS)
    elif how < 0.75:
        row.append(some(rng, WORDS))
    elif how < 0.85:
        lines.remove(row)
    found = some(rng, ["\n", "\n", "\n", "\r\n", "\r"]).join("\t".join(words) for words in lines)
    content = found.encode(some(rng, ["utf-8", "utf-8", "utf-8", "utf-16"]))
    return spoil_bytes(content, rng) if how > 0.9 else content
