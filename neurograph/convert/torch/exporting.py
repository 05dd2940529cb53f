"""A torch module as a list of functional operators."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import _pytree as pytree

from neurograph.errors import ConversionError, kind_of


def export(module: torch.nn.Module, example: Any, kwargs: Mapping[str, Any] | None) -> Any:
    """Return the exported program of one sample, in evaluation, functional but not decomposed.

    Raises ConversionError for an example that is no tensors and for what torch cannot export.
    """
    arguments = example if isinstance(example, tuple) else (example,)
    if not isinstance(kwargs, Mapping | None):
        raise ConversionError(f"from_torch: found {kind_of(kwargs)} as kwargs, needed a mapping")
    named = dict(kwargs or {})
    tensors = pytree.tree_leaves((arguments, named))
    if not any(isinstance(leaf, torch.Tensor) for leaf in tensors):
        raise ConversionError(f"from_torch: found {kind_of(example)} as an example, needed tensors")
    arguments, named = pytree.tree_map_only(torch.Tensor, one_sample, (arguments, named))
    with evaluating(module), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            exported = torch.export.export(module, arguments, named, strict=False)
            return exported.run_decompositions({})
        except Exception as error:  # whatever a user's forward raises, and all of torch's own
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise ConversionError(
                f"from_torch: {type(module).__name__} cannot be exported by torch: {lines[0]}"
            ) from error


def one_sample(tensor: torch.Tensor) -> torch.Tensor:
    """Return the first sample, which is what a graph has neurons for."""
    return tensor[:1] if tensor.ndim and tensor.shape[0] > 1 else tensor


@contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Set a module to evaluation, and each part of it back to what it was."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
