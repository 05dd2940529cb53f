"""A torch module as a list of functional operators."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import _pytree as pytree

from neurograph.convert.torch.sayable import simplified
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
    _require_values(module, tensors)
    shapes = ", ".join(str(tuple(t.shape)) for t in tensors if isinstance(t, torch.Tensor))
    arguments, named = pytree.tree_map_only(torch.Tensor, one_sample, (arguments, named))
    with evaluating(module), warnings.catch_warnings(), _silence(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            exported = torch.export.export(module, arguments, named, strict=False)
            exported = simplified(exported.run_decompositions({}))
        except Exception as error:  # whatever a user's forward raises, and all of torch's own
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise ConversionError(
                f"from_torch: {type(module).__name__} cannot be exported by torch: {lines[0]} "
                f"(example of shape {shapes}; its first axis counts samples, of which one is taken)"
            ) from error
        _require_samples_apart(module, arguments, named)
    return exported


def _require_values(module: torch.nn.Module, leaves: list[Any]) -> None:
    """Raise ConversionError for tensors without values: on the device meta, or of size 0."""
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    for tensor in [*tensors, *module.parameters(), *module.buffers()]:
        if tensor.is_meta:
            raise ConversionError("from_torch: found tensors on the device meta, needed values")
    for tensor in tensors:
        if not tensor.numel():
            raise ConversionError(
                f"from_torch: found an example of shape {tuple(tensor.shape)}, needed one sample"
            )


def _require_samples_apart(module: torch.nn.Module, arguments: Any, named: Any) -> None:
    """Raise ConversionError if a sample's output depends on the other samples of its batch.

    A graph is wired for one sample; the module is asked for that alone and beside another one.
    What takes one sample only has no others to depend on.
    """
    generator = torch.Generator().manual_seed(0)

    def drawn(tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_floating_point():
            return tensor
        noise = torch.rand(tensor.shape, generator=generator)
        return tensor + noise.to(tensor.dtype).to(tensor.device)

    alone = pytree.tree_map_only(torch.Tensor, drawn, (arguments, named))
    both = pytree.tree_map_only(torch.Tensor, lambda t: torch.cat([t, drawn(t)]), alone)
    try:
        one, two = (pytree.tree_leaves(module(*a, **k)) for a, k in (alone, both))
    except Exception:  # a module of one sample
        return
    for first, beside in zip(one, two, strict=False):
        if not isinstance(first, torch.Tensor) or not first.is_floating_point():
            continue
        if beside.shape != (2 * first.shape[0], *first.shape[1:]) if first.ndim else True:
            continue
        if not torch.allclose(beside[: len(first)], first, rtol=1e-3, atol=1e-4, equal_nan=True):
            raise ConversionError(
                f"from_torch: {type(module).__name__} mixes the samples of a batch: the output of "
                "the first changes with the second; a graph is wired for one sample"
            )


@contextmanager
def _silence() -> Iterator[None]:
    """Keep torch's own account of what it cannot export from the log."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


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
