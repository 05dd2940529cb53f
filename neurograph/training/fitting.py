"""The function `fit`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from neurograph.checks import reals, whole
from neurograph.errors import DataError, kind_of, shown, suggestion
from neurograph.graph import Graph
from neurograph.losses import CrossEntropy, DiscriminativePenalty, Loss, as_loss
from neurograph.program import Program
from neurograph.simulator import Simulator
from neurograph.storage.files import as_path
from neurograph.training.distortions import Distortion
from neurograph.training.history import History
from neurograph.training.loop import Loop, Options
from neurograph.training.optimizers import Adam, Optimizer, StochasticDiagonalLM, as_optimizer
from neurograph.training.pace import announce
from neurograph.training.patterns import Images, Patterns, ready


def fit(
    graph: Graph,
    images: Images,
    labels: ArrayLike,
    *,
    loss: str | Loss | None = None,
    optimizer: str | Optimizer | None = None,
    passes: int = 20,
    batch: int | None = None,
    seed: int = 0,
    order: Literal["fixed", "shuffled"] = "fixed",
    distortion: Distortion | None = None,
    validation: tuple[Images, ArrayLike] | None = None,
    early_stop: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
    engine: str = "auto",
    dtype: DTypeLike = "float32",
    threads: int = 1,
    **unknown: object,
) -> History:
    """Train the weights of a graph and return what each pass came to.

    images: (patterns, *input shape), a tuple for several inputs. labels: (patterns,), or target
    states in the shape of the outputs. The weights begin as they are. loss and optimizer: by
    default those of `recipe`. batch: patterns an update (by default the optimizer's). order:
    "fixed" is one random order for all passes, "shuffled" a new one each. distortion: shows every
    pattern distorted anew in each pass. early_stop: so many passes without a lower validation error
    end the training. Fixed weights never move.

    checkpoint: a file written after each pass, whole or not at all; with `resume` training goes on
    from it as if it had never stopped, to the last bit on the same engine. Ctrl-C ends the training
    with the weights of the last finished pass. Everything random depends on `seed` alone. progress:
    a bar on stderr, in a log a line a pass; how long it will take is said first where no numba
    engine makes it short.

    Raises DataError, before any work, for patterns, labels or options that do not fit;
    TrainingError if states, weights or the loss leave the finite numbers, saying in which pass, at
    which pattern and in which layer first: the graph then has the weights from before that pass,
    and the checkpoint stays; ConversionError for a checkpoint of another graph or other settings.

    >>> from neurograph.models import mlp
    >>> x = np.random.default_rng(0).normal(size=(200, 2)); y = (x[:, 0] > x[:, 1]).astype(int)
    >>> done = fit(mlp((2, 4, 2)), x, y, batch=10, passes=5, progress=False, engine="scipy")
    >>> done.passes[-1].loss < done.passes[0].loss
    True
    """
    _known(unknown)
    simulator = Simulator(graph, engine=engine, dtype=dtype, threads=threads)
    usual = recipe(simulator.program)
    chosen = usual.loss if loss is None else as_loss(loss)
    how = usual.optimizer if optimizer is None else as_optimizer(optimizer)
    size = how.batch if batch is None else batch
    options = _options(passes=passes, batch=size, seed=seed, order=order, distortion=distortion)
    patience = None if early_stop is None else _whole("early_stop", early_stop, 1)
    _check(validation, checkpoint, progress=progress, resume=resume)
    data = ready(simulator, images, labels)
    held = None if validation is None else _held(simulator, *validation)
    if patience is not None and not (held and held.labelled):
        raise DataError("fit: early_stop needs validation patterns with labels")
    _try(chosen, simulator, data)
    if distortion is not None:
        for part in data.images:
            distortion(part[:1], np.random.default_rng(seed))
    loop = Loop(simulator, data, held, chosen, how, options)
    if resume and checkpoint is not None:
        loop.go_on_from(checkpoint)
    if progress:
        announce(loop)
    return loop.run(patience, checkpoint, progress=progress)


@dataclass(frozen=True)
class Recipe:
    """How a network is usually trained.

    initializer: what all trainable weights are drawn by to begin with; None for each layer's own.
    """

    loss: Loss
    optimizer: Optimizer
    initializer: str | None


def recipe(program: Program) -> Recipe:
    """Return how a network is trained unless told otherwise.

    `fit` takes the loss and the optimizer; the command train draws the weights of a built-in model
    by the initializer too. Scores: cross-entropy and Adam. Penalties: the paper's loss (9) and its
    diagonal Levenberg-Marquardt, one pattern an update. The paper gives no value for the rubbish
    class, and its step sizes only mean something relative to the scale of the loss; both were
    chosen on training digits held out, with weights drawn in +-1/sqrt(fan-in).

    >>> from neurograph.program.compiler import compile
    >>> from neurograph.models import lenet5
    >>> usual = recipe(compile(lenet5())); usual.loss, usual.initializer
    (DiscriminativePenalty(rubbish=1.0, scale=25.0), 'uniform_fan_in')
    """
    if program.penalties:
        loss = DiscriminativePenalty(rubbish=1.0, scale=25.0)
        return Recipe(loss, StochasticDiagonalLM(), "uniform_fan_in")
    return Recipe(CrossEntropy(), Adam(), None)


def _held(simulator: Simulator, images: Images, labels: ArrayLike) -> Patterns:
    try:
        return ready(simulator, images, labels)
    except DataError as error:
        raise DataError(f"fit: validation: {error}") from error


def _try(loss: Loss, simulator: Simulator, data: Patterns) -> None:
    """Raise DataError unless a loss takes outputs and targets, and returns a number a pattern.

    It is tried on one target, so that what does not fit is refused before any work.
    """
    with np.errstate(all="ignore"):
        found = loss.each(np.zeros((1, simulator.program.outputs.size)), data.targets[:1])
    if reals("loss", found, error=DataError).shape != (1,):
        raise DataError(f"loss: each returned {shown(found)} for one pattern, needed shape (1,)")


def _known(unknown: Mapping[str, object]) -> None:
    """Raise DataError for options that `fit` has not; it says which it has."""
    if unknown:
        known = [name for name, p in inspect.signature(fit).parameters.items() if p.kind is _OPTION]
        name = next(iter(unknown))
        near = suggestion(name, known) if name not in _ELSEWHERE else f"; {_ELSEWHERE[name]}"
        near = near if near.startswith("; did") or name in _ELSEWHERE else ""
        raise DataError(f"fit: option {name!r} is unknown{near}; there are {', '.join(known)}")


_OPTION = inspect.Parameter.KEYWORD_ONLY
# What other libraries call it.
_ELSEWHERE = {
    "epochs": "see passes",
    "batch_size": "see batch",
    "shuffle": 'see order="shuffled"',
    "lr": "see optimizer, such as Adam(0.001)",
    "learning_rate": "see optimizer, such as Adam(0.001)",
    "rate": "see optimizer, such as Adam(0.001)",
    "validation_data": "see validation",
    "verbose": "see progress",
}


def _whole(name: str, value: Any, least: int) -> int:
    return whole(f"fit: {name}", value, least=least, error=DataError)


def _options(*, order: Any, distortion: Any, **numbers: Any) -> Options:
    """Return the options of the loop. Raises DataError for those that make no sense."""
    if not isinstance(order, str) or order not in ("fixed", "shuffled"):
        raise DataError(f'fit: order is {shown(order)}, needed "fixed" or "shuffled"')
    if not isinstance(distortion, Distortion | None):
        raise DataError(f"fit: distortion is {kind_of(distortion)}, needed a Distortion")
    least = {"passes": 0, "batch": 1, "seed": 0}
    whole_ones = {name: _whole(name, numbers[name], least[name]) for name in least}
    return Options(order=order, distortion=distortion, **whole_ones)


def _check(validation: Any, checkpoint: Any, **flags: Any) -> None:
    """Raise DataError for other options that make no sense."""
    if validation is not None and not (isinstance(validation, tuple) and len(validation) == 2):
        raise DataError("fit: validation is no pair of images and labels")
    for name, flag in flags.items():
        if not isinstance(flag, bool | np.bool_):
            raise DataError(f"fit: {name} is {shown(flag)}, needed True or False")
    if checkpoint is not None:
        as_path(checkpoint, "fit: checkpoint", DataError)
    elif flags["resume"]:
        raise DataError("fit: resume needs a checkpoint to go on from")
