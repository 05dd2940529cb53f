"""How large a module's graph will be, before it is built."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from neurograph.auditing.subjects import is_module
from neurograph.errors import ConversionError, kind_of

_ID_BYTES = 14  # of a neuron, its four columns
_ENTRY_BYTES = 4  # of a slot of a field or a kernel
_WEIGHT_BYTES = 21  # a kernel's slot, the value, the value it begins with, whether it is trainable
# Rough, on one core of a usual machine: what torch's export takes an operator, and what wiring
# takes a slot that is stored.
_SECONDS_AN_OPERATOR, _SECONDS_AN_ENTRY = 0.03, 1e-7


@dataclass(frozen=True)
class Estimate:
    """How large a graph will be: neurons, slots, weights, memory in bytes, and seconds to import.

    Slots are the places of connections, those at edges included. Memory is the graph's own; seconds
    are a rough rate, right within a factor of three or so.

    >>> print(Estimate(neurons=2_172_904, slots=460_000_000, weights=11_689_512, memory=6 * 10**8,
    ...                seconds=4.2))
    about 2,172,904 neurons, 460,000,000 slots, 11,689,512 weights; 0.6 GB, 4 s
    """

    neurons: int
    slots: int
    weights: int
    memory: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"about {self.neurons:,} neurons, {self.slots:,} slots, {self.weights:,} weights; "
            f"{self.memory / 1e9:.2g} GB, {self.seconds:.0f} s"
        )


def estimate(module: Any, example_input: Any) -> Estimate:
    """Return how large the graph of a torch module will be, and how long `from_torch` will take.

    From the shapes in the exported program alone: no neuron is made. Exact for convolutions, linear
    layers, pooling and batch norms; near for softmax, normalisation and what else is composed.
    Raises ConversionError for what is no module and what torch cannot export.

    >>> import pytest; torch = pytest.importorskip("torch")
    >>> found = estimate(torch.nn.Conv2d(1, 2, 3), torch.zeros(1, 1, 5, 5))
    >>> found.neurons, found.slots
    (43, 162)
    """
    if not is_module(module):
        raise ConversionError(f"estimate: found {kind_of(module)}, needed a torch.nn.Module")
    from neurograph.convert.torch.exporting import export
    from neurograph.convert.torch.sizes import size_of

    size, operators = size_of(export(module, example_input, None))
    weights = sum(parameter.numel() for parameter in module.parameters())
    memory = _ID_BYTES * size.neurons + _ENTRY_BYTES * size.entries + _WEIGHT_BYTES * weights
    seconds = _SECONDS_AN_OPERATOR * operators + _SECONDS_AN_ENTRY * (size.entries + weights)
    return Estimate(size.neurons, size.slots, weights, memory, seconds)
