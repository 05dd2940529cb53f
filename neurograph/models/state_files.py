"""State dictionaries in safetensors files: arrays by name, and nothing that could be run."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import is_one_of
from neurograph.errors import ConversionError, missing, shown
from neurograph.graph import Graph, require_graph
from neurograph.memory import require
from neurograph.storage.files import as_path, reading, replacing

_TYPES = ("float64", "float32")


def save_state(graph: Graph, path: str | os.PathLike[str], *, dtype: str = "float64") -> None:
    """Write `graph.state_dict()` to a safetensors file, whole or not at all.

    The names are torch's, so that `module.load_state_dict(safetensors.torch.load_file(path))` takes
    it where the graph is of `from_torch`; `load_state` takes it back. dtype "float64" keeps every
    digit, "float32" half the bytes. Raises ConversionError where it cannot be written, for another
    dtype, and for a weight beyond the dtype; MissingDependency without safetensors.

    >>> import pytest, tempfile; _ = pytest.importorskip("safetensors")
    >>> from neurograph.models import load_state, mlp
    >>> graph = mlp((4, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_state(graph, f"{folder}/mlp.safetensors")
    ...     load_state(mlp((4, 2)), f"{folder}/mlp.safetensors")
    """
    package = _safetensors("save_state")
    require_graph(graph, "save_state")
    where = as_path(path, "save_state", ConversionError)
    if not is_one_of(dtype, _TYPES):
        raise ConversionError(f"{where}: found dtype {shown(dtype)}, needed {' or '.join(_TYPES)}")
    require(3 * 8 * graph.weights.count, f"{where}: the weights", ConversionError)
    arrays = {}
    for name, values in graph.state_dict().items():
        with np.errstate(over="ignore"):
            arrays[name] = np.array(values, dtype, order="C")
        if not np.isfinite(arrays[name]).all():
            raise ConversionError(f"{where}: {name} holds a number that is none of {dtype}")
    try:
        with replacing(where) as stream:
            stream.write(package.save(arrays, metadata={"format": "pt"}))
    except OSError as error:
        raise ConversionError(f"{where}: cannot be written: {error.strerror or error}") from error


def read_state(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays in a safetensors file.

    Raises ConversionError for a file that is none, damaged, or does not fit in memory;
    MissingDependency without safetensors.
    """
    package = _safetensors("load_state")
    from safetensors import SafetensorError

    where = as_path(path, "load_state", ConversionError)
    try:
        with reading(where) as stream:
            require(3 * os.fstat(stream.fileno()).st_size, str(where), ConversionError)
            found: dict[str, NDArray[Any]] = package.load(stream.read())
    except OSError as error:
        raise ConversionError(f"{where}: cannot be read: {error.strerror or error}") from error
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ConversionError(f"{where}: cannot be read as safetensors: {error}") from error
    return found


def _safetensors(who: str) -> Any:
    try:
        from safetensors import numpy as found
    except ImportError as error:
        raise missing(who, "safetensors", "safetensors") from error
    return found
