"""The loop over passes: the weights on their way, what each pass came to, and checkpoints."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import ConversionError
from neurograph.losses import Loss
from neurograph.simulator import Simulator
from neurograph.storage import checkpoints
from neurograph.storage.checkpoints import Checkpoint, fingerprint
from neurograph.training.distortions import Distortion
from neurograph.training.history import History, Pass, Tally, percent
from neurograph.training.optimizers import Curved, Optimizer, State, Steady
from neurograph.training.patterns import PIECE, Patterns, pieces, stages, wrong_share
from neurograph.training.progress import Progress
from neurograph.training.watch import Piece

Array = NDArray[Any]
Path = str | os.PathLike[str]

# What random numbers are for. Each use in each pass has a generator of its own, so that training
# can go on from any pass.
_ORDER, _CURVATURE, _DISTORTION = range(3)


@dataclass(frozen=True)
class Options:
    """How to train: what must stay the same when training is taken up again, but for `passes`."""

    passes: int
    batch: int
    seed: int
    order: str
    distortion: Distortion | None

    def random(self, purpose: int, *more: int) -> np.random.Generator:
        """Return the generator for one purpose, pass and place."""
        return np.random.default_rng([self.seed, purpose, *more])


class Loop:
    """Training under way: simulator, patterns, the optimizer's state, and the passes done."""

    def __init__(
        self,
        simulator: Simulator,
        data: Patterns,
        held: Patterns | None,
        loss: Loss,
        optimizer: Optimizer,
        options: Options,
    ) -> None:
        self.simulator, self.data, self.held = simulator, data, held
        self.loss, self.optimizer, self.options = loss, optimizer, options
        self.weights = simulator.graph.weights
        self.trainable = self.weights.trainable.copy()
        self.state: State = optimizer.start(int(self.trainable.sum()))
        self._estimates = optimizer.estimates if isinstance(optimizer, Curved) else 1
        self.history = History()
        self._good = self.weights.value.copy()  # the values after the last finished pass
        self._first: float | None = None  # the loss that training began with

    def run(self, early_stop: int | None, checkpoint: Path | None, *, progress: bool) -> History:
        """Run the passes that are left; at the end the weights are those of the last finished."""
        history, shown = self.history, Progress(self.options.passes, shown=progress)
        try:
            while len(history.passes) < self.options.passes:
                if early_stop is not None and history.no_better_for(early_stop):
                    history.stopped = True
                    break
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    done = self._pass(len(history.passes), shown)
                self._good = self.weights.value.copy()
                history.passes.append(done)
                if checkpoint is not None:
                    self._write(checkpoint)
        except KeyboardInterrupt:
            history.interrupted = True
        finally:
            if not np.array_equal(self.weights.value, self._good):
                self.weights.value = self._good
        return history

    # ---- checkpoints ------------------------------------------------------------------------

    def _settings(self) -> Mapping[str, str]:
        options = {f.name: getattr(self.options, f.name) for f in fields(self.options)}
        del options["passes"]
        others = {
            "loss": self.loss,
            "optimizer": self.optimizer,
            "patterns": self.data.digest(),
            "engine": f"{self.simulator.engine}, {self.simulator.dtype}",
        }
        return {name: str(value) for name, value in {**options, **others}.items()}

    def go_on_from(self, path: Path) -> None:
        """Take up weights, the optimizer's state and the history of a checkpoint.

        Raises ConversionError for one of another graph or of other settings.
        """
        found = checkpoints.read(
            path,
            self.simulator.graph,
            settings=self._settings(),
            state=self.state,
            width=len(fields(Pass)),
        )
        passes = [Pass(*row) for row in found.rows]  # type: ignore[arg-type]
        self._check_start(path, found, passes)
        self.history.passes = passes
        self.state, self._good = found.state, found.values
        self.weights.value = found.values
        self._first = self.history.passes[0].loss if self.history.passes else None

    def _check_start(self, path: Path, found: Checkpoint, passes: list[Pass]) -> None:
        """Raise ConversionError for figures, weights or a state that no training comes to."""
        labelled = self.data.labelled
        for done in passes:
            own = done.running_error, done.training_error
            shares = [share for share in (*own, done.validation_error) if share is not None]
            known = all((share is not None) is labelled for share in own)
            if not known or not all(0 <= share <= 1 for share in shares):
                raise ConversionError(f"{path}: is damaged: its figures are those of no such pass")
        dtype, still = self.simulator.dtype, np.zeros(int(self.trainable.sum()))
        with np.errstate(all="ignore"):
            moved, _ = self.optimizer.step(still, still, found.state, len(passes))
        state = "the optimizer's state moves weights"
        for values, what in ((moved, state), (found.values, "it holds weights")):
            if not (np.abs(values) <= np.finfo(dtype).max).all():
                raise ConversionError(f"{path}: is damaged: {what} beyond what {dtype} can hold")

    def _write(self, path: Path) -> None:
        rows = [list(astuple(row)) for row in self.history.passes]
        graph = fingerprint(self.simulator.graph)
        checkpoints.write(path, Checkpoint(graph, self._settings(), rows, self._good, self.state))

    # ---- one pass ---------------------------------------------------------------------------

    def _pass(self, number: int, progress: Progress) -> Pass:
        start = time.perf_counter()
        order = self._order(number)
        tally = Tally(labelled=self.data.labelled)
        with progress.of_pass(number, len(order)) as shown:
            for stage, part in enumerate(stages(len(order), self._estimates)):
                rates = self._ready(number, stage)
                for some in pieces(part, self.options.batch if rates is None else PIECE):
                    tally.add(*self._learn(number, order, some, rates))
                    shown.update(some.stop - some.start)
                    shown.set_postfix_str(str(tally), refresh=False)
            training, validation = self._error(self.data), self._error(self.held)
            if validation is not None:
                shown.set_postfix_str(f"{tally}, validation error {percent(validation)}")
        seconds = time.perf_counter() - start
        return Pass(tally.loss, tally.error, training, validation, seconds)

    def _order(self, number: int) -> NDArray[np.intp]:
        """Return the order of a pass's patterns."""
        each = () if self.options.order == "fixed" else (number,)
        return self.options.random(_ORDER, *each).permutation(len(self.data))

    def _ready(self, number: int, stage: int) -> NDArray[np.float64] | None:
        """Ready the optimizer for a stage of a pass; it may estimate the curvature before each.

        Return a rate per weight if patterns are learnt one by one.
        """
        size, rates = int(self.trainable.sum()), None
        if isinstance(self.optimizer, Curved):
            curvature = self._curvature(number, stage, self.optimizer.patterns)
            self.state = self.optimizer.before_pass(self.state, number, curvature)
        if isinstance(self.optimizer, Steady) and self.options.batch == 1:
            rates = self.optimizer.fixed_rates(self.state, number, size)
        if rates is None:
            return None
        every = np.zeros(self.weights.count)
        every[self.trainable] = rates
        return every

    def _curvature(self, number: int, stage: int, patterns: int) -> NDArray[np.float64]:
        """Return the curvature of the trainable weights, estimated on so many patterns."""
        count, later = len(self.data), (stage,) if stage else ()
        rng = self.options.random(_CURVATURE, number, *later)
        some = rng.choice(count, min(count, patterns), replace=False)
        found = self.simulator.curvature(*self.data.take(some), self.loss)
        return np.asarray(found[self.trainable])

    def _learn(
        self,
        number: int,
        order: NDArray[np.intp],
        some: slice,
        rates: NDArray[np.float64] | None,
    ) -> tuple[Array, Array | None]:
        """Learn a piece of the order; return the loss of each pattern, and whether it was wrong."""
        images, targets = self.data.take(order[some])
        if self.options.distortion is not None:
            rng = self.options.random(_DISTORTION, number, some.start)
            images = tuple(self.options.distortion(array, rng) for array in images)
        piece = Piece(self.simulator, self.loss, self.weights.value, images, targets, rates)
        if rates is None:
            outputs = self._step(images, targets, number)
        else:
            outputs = self.simulator.descend(images, targets, self.loss, rates)
        flat = outputs.reshape(len(outputs), -1)
        wanted = targets if self.data.labelled else targets.reshape(flat.shape)
        losses = self.loss.each(flat, wanted)
        if self._first is None:
            self._first = float(np.nan_to_num(losses.mean(dtype=np.float64)))
        piece.check(outputs, losses, number, some.start, self._first)
        return losses, self.simulator.decide(outputs) != targets if self.data.labelled else None

    def _step(self, images: tuple[Array, ...], targets: Array, number: int) -> Array:
        """Make one update; return the outputs from before it."""
        found = self.simulator.gradient(images, targets, self.loss)
        values = self.weights.value.copy()
        values[self.trainable], self.state = self.optimizer.step(
            values[self.trainable], found.weights[self.trainable], self.state, number
        )
        self.weights.value = values
        return found.outputs

    def _error(self, patterns: Patterns | None) -> float | None:
        if patterns is None or not patterns.labelled:
            return None
        return wrong_share(self.simulator, patterns)
