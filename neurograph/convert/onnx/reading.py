"""Reading ONNX files that nobody vouches for: sizes before memory, no way out of the folder."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from neurograph.errors import ConversionError, kind_of
from neurograph.memory import require
from neurograph.storage.files import as_path, reading

_WHO = "from_onnx"
_ROOM = 4  # bytes of memory for each byte of a model, as measured


@dataclass(frozen=True)
class Source:
    """A model, and the folder that its external data must lie in; None for none."""

    model: ModelProto
    folder: Path | None = None

    def tensor(self, proto: TensorProto) -> NDArray[Any]:
        """Return a tensor's numbers. Raises ConversionError for one that is damaged or no numbers.

        What is outside the file is read only from below the model's folder.
        """
        name = proto.name or "a constant"
        if proto.data_type in (TensorProto.UNDEFINED, TensorProto.STRING):
            raise ConversionError(f"{_WHO}: {name} holds no numbers")
        try:
            dtype = helper.tensor_dtype_to_np_dtype(proto.data_type)
        except (KeyError, ValueError, TypeError):
            raise ConversionError(
                f"{_WHO}: {name} is of type {proto.data_type}, which ONNX has not"
            ) from None
        dims = tuple(proto.dims)
        if min(dims, default=1) < 0:
            raise ConversionError(f"{_WHO}: {name} has the shape {dims}")
        if proto.data_location == TensorProto.EXTERNAL:
            data = self._external(proto, name, math.prod(dims) * dtype.itemsize)
            return np.frombuffer(data, dtype.newbyteorder("<")).reshape(dims).astype(dtype)
        if math.prod(dims) > 8 * proto.ByteSize() + 8:  # less than a bit a number
            raise ConversionError(f"{_WHO}: {name} has the shape {dims}, but not the numbers")
        try:
            return np.asarray(numpy_helper.to_array(proto)).reshape(dims)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ConversionError(f"{_WHO}: {name} of shape {dims}: {error}") from error

    def _external(self, proto: TensorProto, name: str, size: int) -> bytes:
        """Return the bytes of a tensor that lies in a file of its own."""
        told = {entry.key: entry.value for entry in proto.external_data}
        path = self._inside(told.get("location", ""), name)
        try:
            offset, length = int(told.get("offset", 0)), int(told.get("length", size))
            with reading(path) as stream:
                there = os.fstat(stream.fileno()).st_size
                if length != size or offset < 0 or offset + size > there:
                    raise ConversionError(
                        f"{_WHO}: {name} needs {size:,} bytes, found {length:,} at {offset:,} of "
                        f"{path.name}, which has {there:,}"
                    )
                require(2 * size, f"{_WHO}: {name}", ConversionError)
                stream.seek(offset)
                return stream.read(size)
        except ConversionError:
            raise
        except (OSError, ValueError) as error:
            raise ConversionError(f"{_WHO}: {name} cannot be read: {error}") from error

    def _inside(self, location: str, name: str) -> Path:
        """Return the path of a location. Raises ConversionError unless it is below the folder."""
        if self.folder is None:
            raise ConversionError(f"{_WHO}: {name} lies in another file; give the model's path")
        path = as_path(location, _WHO, ConversionError)
        try:
            folder = self.folder.resolve()
            found = (folder / path).resolve()
        except (OSError, RuntimeError) as error:
            raise ConversionError(f"{_WHO}: {name} cannot be read: {error}") from error
        if not location or path.is_absolute() or ".." in path.parts or folder not in found.parents:
            raise ConversionError(
                f"{_WHO}: {name} lies in {location!r}, which is not below the model's folder"
            )
        return found


def read(source: Any) -> Source:
    """Return the model of a path, or of the bytes of a file.

    Raises ConversionError for what is neither, and for a file that is no ONNX model.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Source(_parsed(bytes(source), "bytes"))
    if not isinstance(source, (str, os.PathLike)):
        raise ConversionError(f"{_WHO}: found {kind_of(source)}, needed a path or bytes")
    path = as_path(source, _WHO, ConversionError)
    try:
        with reading(path) as stream:
            require(_ROOM * os.fstat(stream.fileno()).st_size, str(path), ConversionError)
            data = stream.read()
    except OSError as error:
        raise ConversionError(f"{path}: cannot be read: {error.strerror or error}") from error
    return Source(_parsed(data, str(path)), path.parent)


def _parsed(data: bytes, who: str) -> ModelProto:
    try:
        model: ModelProto = ModelProto.FromString(data)
    except (DecodeError, ValueError, RecursionError) as error:
        raise ConversionError(f"{_WHO}: {who} cannot be read as an ONNX model: {error}") from None
    if not model.graph.output or not model.graph.node:
        raise ConversionError(f"{_WHO}: {who} holds no ONNX model of nodes and outputs")
    return model
