"""Models by a name that the user types, and weights from a file without code.

A name is "package:callable", or dotted, "package.callable".

Nothing is unpickled: weights come from safetensors, or from a file that torch reads with
`weights_only`.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from neurograph.auditing.subjects import is_module
from neurograph.errors import ConversionError, kind_of, missing

_NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_CALLABLE = re.compile(rf"({_NAME}):({_NAME})")
_DOTTED = re.compile(rf"({_NAME})\.([A-Za-z_]\w*)")
_FILES = "npz", "onnx"  # which are no callable's names


def is_callable_name(text: str) -> bool:
    """Return whether a text is "package:callable", or dotted and begins with a package there is.

    >>> is_callable_name("torchvision:resnet18"), is_callable_name("net.onnx")
    (True, False)
    >>> is_callable_name("json.decoder.JSONDecoder"), is_callable_name("no_such.net")
    (True, False)
    """
    if _CALLABLE.fullmatch(text):
        return True
    dotted = _DOTTED.fullmatch(text)
    if dotted is None or dotted[2] in _FILES:
        return False
    with _modules_here():
        return importlib.util.find_spec(dotted[1].partition(".")[0]) is not None


def module_called(text: str, weights: str | None = None) -> Any:
    """Return the torch module that a callable of this name makes, called without arguments.

    A callable is looked for in the package, then in its `models`; a module object is taken as it
    is. `weights` is a file to take the weights from. Raises ConversionError where there is none,
    where it fails, and for what it makes that is no module.
    """
    match = _CALLABLE.fullmatch(text) or _DOTTED.fullmatch(text)
    if match is None:
        raise ConversionError(f"{text}: needed the form package:callable")
    # A user's own file is in the directory he stands in; what a package prints is no answer.
    with _modules_here(), redirect_stdout(sys.stderr):
        found = _attribute(text, *match.groups())
        module = found if is_module(found) else _called(text, found)
    if not is_module(module):
        raise ConversionError(f"{text}: found {kind_of(module)}, needed a torch.nn.Module")
    if weights is not None:
        _load(module, weights)
    return module


@contextmanager
def _modules_here() -> Iterator[None]:
    """Let modules of the working directory be found, after all others."""
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)


def _attribute(text: str, package: str, path: str) -> Any:
    there = False
    for name in (package, f"{package}.models"):
        try:
            found: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise ConversionError(f"{text}: {error}") from error
            continue  # it is this one that is not there
        except Exception as error:  # whatever a package does as it is imported
            raise ConversionError(f"{text}: {type(error).__name__}: {error}") from error
        there = True
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return found
    if not there:
        raise ConversionError(f"{text}: found no module {package}, needed one that is installed")
    raise ConversionError(f"{text}: found no {path} in {package}, needed a callable there")


def _called(text: str, made: Any) -> Any:
    if not callable(made):
        raise ConversionError(f"{text}: found {kind_of(made)}, needed a callable")
    try:
        return made()
    except Exception as error:  # whatever a user's code raises
        raise ConversionError(f"{text}() raised {type(error).__name__}: {error}") from error


def _load(module: Any, weights: str) -> None:
    """Set a module's weights from a file of tensors. Raises ConversionError for any other."""
    import torch

    try:
        if Path(weights).suffix == ".safetensors":
            try:
                from safetensors.torch import load_file
            except ImportError as error:
                raise missing("audit", "safetensors", "audit") from error
            state = load_file(weights)
        else:
            state = torch.load(weights, map_location="cpu", weights_only=True)
        module.load_state_dict(state)
    except (OSError, ImportError):
        raise
    except Exception as error:  # torch's and safetensors' own kinds
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConversionError(f"{weights}: cannot be read as weights: {line}") from error
