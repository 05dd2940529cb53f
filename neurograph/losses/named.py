"""Losses by name."""

from __future__ import annotations

from collections.abc import Callable

from neurograph.errors import DataError, kind_of, shown, suggestion
from neurograph.losses.loss import Loss
from neurograph.losses.penalties import CorrectPenalty, DiscriminativePenalty
from neurograph.losses.scores import CrossEntropy, MeanSquaredError

LOSSES: dict[str, Callable[..., Loss]] = {
    "cross_entropy": CrossEntropy,
    "mean_squared_error": MeanSquaredError,
    "correct_penalty": CorrectPenalty,
    "discriminative_penalty": DiscriminativePenalty,
}


def as_loss(loss: str | Loss) -> Loss:
    """Return `loss`, or the loss of that name with its defaults.

    >>> as_loss("cross_entropy")
    CrossEntropy()

    Raises DataError for an unknown name and for what is no loss.
    """
    if not isinstance(loss, str):
        methods = [getattr(loss, name, None) for name in ("each", "gradient", "curvature")]
        if isinstance(loss, type) or not all(map(callable, methods)):
            raise DataError(
                f"loss: found {kind_of(loss)}, needed a name or a loss such as CrossEntropy()"
            )
        return loss
    if loss not in LOSSES:
        raise DataError(f"loss {shown(loss)} is unknown{suggestion(loss, LOSSES)}")
    return LOSSES[loss]()
