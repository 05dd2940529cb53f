"""One call of a torch operator, as its handler sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from neurograph.convert.calls import Handed, is_constant, is_neurons

__all__ = ["Call", "is_constant", "is_neurons", "plain"]


@dataclass
class Call(Handed):
    """A call with its arguments and options, in place of tensors what stands for them."""

    function: Callable[..., Any]
    arguments: list[Any]
    options: dict[str, Any]
    shape: tuple[int, ...]  # of the result, or of the first of several
    dtype: torch.dtype  # likewise

    def get(self, place: int, default: Any = None, name: str = "") -> Any:
        """Return an argument, or its default where it is not given or None."""
        given = self.arguments[place] if place < len(self.arguments) else self.options.get(name)
        return default if given is None else given

    def given(self, place: int) -> Any:
        """Return a tensor as neurons, parameters or an array; None where it is left out."""
        return plain(self.get(place))


def plain(value: Any) -> Any:
    """Return a constant as a NumPy array; anything else as it is."""
    if isinstance(value, torch.Tensor):
        return value.detach().double().numpy()
    return value
