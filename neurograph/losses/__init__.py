"""Losses: how wrong the outputs of a batch are, and its first two derivatives by each output.

All average over the batch, derivatives too. Targets are labels (batch,) of whole numbers; the mean
squared error also takes target states in the shape of the outputs.

The floor of the house: imports nothing that knows a graph.
"""

from neurograph.losses.loss import Loss, Seed, like_outputs
from neurograph.losses.named import LOSSES, as_loss
from neurograph.losses.penalties import CorrectPenalty, DiscriminativePenalty
from neurograph.losses.scores import CrossEntropy, MeanSquaredError
from neurograph.losses.targets import check_labels

__all__ = [
    "LOSSES",
    "CorrectPenalty",
    "CrossEntropy",
    "DiscriminativePenalty",
    "Loss",
    "MeanSquaredError",
    "Seed",
    "as_loss",
    "check_labels",
    "like_outputs",
]
