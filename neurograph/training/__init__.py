"""Training: `fit` moves a graph's weights down the gradient of a loss, pass by pass."""

from neurograph.training.fitting import Recipe, fit, recipe
from neurograph.training.history import History, Pass
from neurograph.training.patterns import error_rate

__all__ = ["History", "Pass", "Recipe", "error_rate", "fit", "recipe"]
