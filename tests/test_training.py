"""fit: what it learns, how it goes on, and how it fails."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import ConversionError, DataError, TrainingError
from neurograph.storage import checkpoints
from neurograph.training import loop as loop_module
from neurograph.training.optimizers import SGD, Adam, StochasticDiagonalLM

LM = StochasticDiagonalLM(rate=(0.006, 0.004), patterns=20)
OPTIMIZERS = {
    "lm": (LM, 1),
    "sgd one by one": (SGD(0.05), 1),
    "momentum": (SGD(0.02, momentum=0.9), 8),
    "adam": (Adam(0.01), 7),
    "lm, four estimates": (replace(LM, estimates=4), 1),
}


def problem(count=60, seed=0):
    """Bright bars, upright or level, in noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    images = rng.normal(0, 0.3, (count, 1, 6, 6))
    place = rng.integers(2, 4, count)
    for image, label, at in zip(images, labels, place, strict=True):
        (image[0].T if label else image[0])[at] += 1
    return images, labels


def network(seed=0, output="rbf"):
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 6, 6), name="x"))
    x = graph.add(ng.Conv2d(3, 3, activation="scaled_tanh", name="C1"), x)
    x = graph.add(ng.Subsample2d(2, activation="scaled_tanh", name="S2"), x)
    x = graph.add(ng.Linear(6, activation="scaled_tanh", name="F6"), x)
    if output == "rbf":
        codes = np.array([[1, 1, 1, -1, -1, -1], [-1, 1, -1, 1, -1, 1.0]])
        graph.add(ng.RBF(codes, name="output"), x)
    else:
        graph.add(ng.Linear(2, name="output"), x)
    graph.weights.initialize(seed=seed, initializer="uniform_fan_in")
    return graph


def train(graph, passes, optimizer="lm", **options):
    how, batch = OPTIMIZERS[optimizer]
    images, labels = problem()
    options = {"batch": batch, "engine": "scipy", "progress": False, "seed": 3, **options}
    if "output.centers" in list(graph.weights):
        options.setdefault("loss", ng.DiscriminativePenalty(rubbish=1.0, scale=6.0))
    return ng.fit(graph, images, labels, optimizer=how, passes=passes, **options)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("output", ["rbf", "linear"])
def test_it_learns_and_fixed_weights_never_move(optimizer, output):
    graph = network(output=output)
    before, trainable = graph.weights.value.copy(), graph.weights.trainable
    history = train(graph, 6, optimizer, validation=problem(40, seed=9))
    last = history.passes[-1]
    assert last.loss < 0.5 * history.passes[0].loss
    assert last.training_error <= 0.05
    assert last.validation_error <= 0.15
    assert (graph.weights.value[trainable] != before[trainable]).all()
    np.testing.assert_array_equal(graph.weights.value[~trainable], before[~trainable])
    sim = ng.Simulator(graph, engine="scipy")
    images, labels = problem()
    assert last.training_error == np.mean(sim.classify(images) != labels)
    assert last.training_error == ng.error_rate(sim, images, labels)


@pytest.mark.parametrize(
    ("optimizer", "order", "engine"),
    [
        *((optimizer, "fixed", "scipy") for optimizer in OPTIMIZERS),
        ("lm", "shuffled", "scipy"),
        ("lm", "fixed", "numba"),
        ("adam", "shuffled", "numba"),
    ],
)
def test_two_passes_and_two_more_are_four_to_the_last_bit(optimizer, order, engine, tmp_path):
    if engine == "numba":
        pytest.importorskip("numba")
    path = tmp_path / "half.npz"
    options = {"order": order, "engine": engine, "distortion": ng.Distortion(shift=0.5)}
    whole = network()
    straight = train(whole, 4, optimizer, **options)
    half = network()
    train(half, 2, optimizer, checkpoint=path, **options)
    rest = network(seed=8)  # everything comes from the file
    resumed = train(rest, 4, optimizer, checkpoint=path, resume=True, **options)
    np.testing.assert_array_equal(rest.weights.value, whole.weights.value)
    assert (half.weights.value != whole.weights.value).any()
    for one, other in zip(straight.passes, resumed.passes, strict=True):
        assert (one.loss, one.running_error) == (other.loss, other.running_error)
        assert one.training_error == other.training_error
    again = network()
    done = train(again, 4, optimizer, checkpoint=path, resume=True, **options)
    assert len(done.passes) == 4
    np.testing.assert_array_equal(again.weights.value, whole.weights.value)


def test_everything_random_depends_on_the_seed():
    found = []
    for seed in (1, 1, 2):
        graph = network()
        train(graph, 2, seed=seed, distortion=ng.Distortion())
        found.append(graph.weights.value.copy())
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()


def test_a_fixed_order_is_the_same_in_every_pass_and_a_shuffled_one_is_not(monkeypatch):
    seen = []

    def learn(self, number, order, some, rates):
        seen.append(order.copy())
        return np.zeros(some.stop - some.start), np.zeros(some.stop - some.start, bool)

    monkeypatch.setattr(loop_module.Loop, "_learn", learn)
    train(network(), 2)
    train(network(), 2, order="shuffled")
    one, two, three, four = seen
    np.testing.assert_array_equal(one, two)
    assert (three != four).any()
    for order in seen:
        np.testing.assert_array_equal(np.sort(order), np.arange(60))
    assert (one != np.arange(60)).any()


def test_the_published_algorithm_step_by_step():
    """One pass of diagonal LM is what its formulas say, written out."""
    graph, images_labels = network(), problem()
    images, labels = images_labels
    start = graph.weights.value.copy()
    loss = ng.DiscriminativePenalty(rubbish=0.5, scale=6.0)
    train(graph, 1, loss=loss, dtype="float64")
    after = graph.weights.value.copy()
    graph.weights.value = start
    sim = ng.Simulator(graph, engine="scipy", dtype="float64")
    some = np.random.default_rng([3, 1, 0]).choice(60, 20, replace=False)
    h = sim.curvature(images[some], labels[some], loss)
    rates = np.where(graph.weights.trainable, 0.006 / (0.02 + np.maximum(h, 0)), 0)
    for i in np.random.default_rng([3, 0]).permutation(60):
        gradient = sim.gradient(images[i : i + 1], labels[i : i + 1], loss).weights
        graph.weights.value = graph.weights.value - rates * gradient
    np.testing.assert_allclose(after, graph.weights.value, atol=1e-12)


def test_target_states_instead_of_labels():
    graph = ng.models.mlp((3, 4, 2))
    x = np.random.default_rng(0).normal(size=(50, 3))
    history = ng.fit(
        graph, x, x[:, :2] * 0.3, loss="mean_squared_error", passes=8, batch=5,
        optimizer=Adam(0.02), progress=False, engine="scipy", validation=(x, x[:, :2] * 0.3),
    )  # fmt: skip
    assert history.passes[-1].loss < 0.3 * history.passes[0].loss
    assert history.passes[-1].training_error is None
    assert history.passes[-1].validation_error is None


def test_several_inputs():
    graph = ng.Graph()
    a, b = graph.add(ng.Input((2,))), graph.add(ng.Input((3,)))
    graph.add(ng.Linear(2), np.concatenate([a, b]))
    rng = np.random.default_rng(0)
    images = rng.normal(size=(40, 2)), rng.normal(size=(40, 3))
    labels = (images[0][:, 0] > images[1][:, 0]).astype(int)
    history = ng.fit(
        graph, images, labels, optimizer=SGD(0.3), batch=4, passes=8, progress=False, engine="scipy"
    )
    assert history.passes[-1].training_error < 0.1


def test_curvature_is_estimated_as_often_as_asked(monkeypatch):
    """Rates come from the weights at each stage's start; a pass of one stage is as it was."""
    found = []
    curvature = ng.Simulator.curvature

    def noted(self, images, targets, loss):
        found.append((self.graph.weights.value.copy(), len(targets)))
        return curvature(self, images, targets, loss)

    monkeypatch.setattr(ng.Simulator, "curvature", noted)
    one, four = network(), network()
    train(one, 2)
    assert len(found) == 2
    found.clear()
    train(four, 2, "lm, four estimates")
    assert len(found) == 8
    assert {size for _, size in found} == {20}
    values = [value for value, _ in found]
    assert all(not np.array_equal(a, b) for a, b in pairwise(values))
    assert not np.array_equal(one.weights.value, four.weights.value)


def test_a_stage_learns_with_its_own_rates(monkeypatch):
    seen = []
    descend = ng.Simulator.descend

    def noted(self, images, targets, loss, rates):
        seen.append((len(targets), rates.copy()))
        return descend(self, images, targets, loss, rates)

    monkeypatch.setattr(ng.Simulator, "descend", noted)
    graph = network()
    history = train(graph, 1, "lm, four estimates")
    assert len(seen) == 4
    assert max(size for size, _ in seen) - min(size for size, _ in seen) <= 1
    assert len({rates.tobytes() for _, rates in seen}) == 4
    assert len(history.passes) == 1


# ---- stopping -----------------------------------------------------------------------------------


def test_ctrl_c_keeps_the_last_finished_pass(tmp_path, monkeypatch):
    path = tmp_path / "kept.npz"
    two = network()
    train(two, 2)
    begin = loop_module.Loop._order

    def interrupted(self, number):
        if number == 2:
            self.weights.value = self.weights.value * 0  # a pass half done
            raise KeyboardInterrupt
        return begin(self, number)

    monkeypatch.setattr(loop_module.Loop, "_order", interrupted)
    graph = network()
    history = train(graph, 4, checkpoint=path)
    assert history.interrupted
    assert len(history.passes) == 2
    np.testing.assert_array_equal(graph.weights.value, two.weights.value)
    monkeypatch.undo()
    whole, rest = network(), network()
    train(whole, 4)
    assert not train(rest, 4, checkpoint=path, resume=True).interrupted
    np.testing.assert_array_equal(rest.weights.value, whole.weights.value)


def test_early_stop_when_validation_gets_no_better():
    noise = np.random.default_rng(0).normal(size=(30, 1, 6, 6))
    held = noise, np.arange(30) % 2
    history = train(network(), 50, validation=held, early_stop=3)
    errors = [p.validation_error for p in history.passes]
    assert history.stopped
    assert len(errors) < 50
    assert len(errors) - 1 - int(np.argmin(errors)) == 3


@pytest.mark.parametrize("batch", [1, 4])
def test_a_rate_too_high_stops_with_pass_pattern_and_layer(batch, tmp_path):
    path = tmp_path / "good.npz"
    graph = ng.models.mlp((3, 5, 2), activation="relu")
    images, labels = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    options = {"batch": batch, "engine": "scipy", "progress": False, "checkpoint": path}
    loss = ng.MeanSquaredError()
    ng.fit(graph, images, labels, optimizer=SGD((1e-3, 1e30)), passes=1, loss=loss, **options)
    kept, bytes_kept = graph.weights.value.copy(), path.read_bytes()
    with pytest.raises(TrainingError, match=r"pass 2, pattern \d+: .*(states of layer|weights)"):
        ng.fit(
            graph, images, labels, optimizer=SGD((1e-3, 1e30)), passes=3, loss=loss, resume=True,
            **options,
        )  # fmt: skip
    np.testing.assert_array_equal(graph.weights.value, kept)
    assert path.read_bytes() == bytes_kept


def test_the_first_layer_that_is_not_finite_is_named():
    graph = ng.Graph()
    x = graph.add(ng.Input((2,), name="x"))
    x = graph.add(ng.Linear(2, name="good"), x)
    x = graph.add(ng.Linear(2, activation="exp", name="bad"), x)
    graph.add(ng.Linear(2, name="after"), x)
    graph.weights.initialize(seed=0)
    graph.weights["bad.kernel"] = 1000.0
    graph.weights["good.kernel"] = np.eye(2)
    images = np.zeros((9, 2))
    images[4] = 1
    before = graph.weights.value.copy()
    with pytest.raises(TrainingError, match=r"pass 1, pattern \d+: the states of layer bad are"):
        ng.fit(graph, images, [0] * 9, passes=1, batch=3, progress=False, engine="scipy")
    np.testing.assert_array_equal(graph.weights.value, before)


@pytest.mark.parametrize(
    ("count", "which"), [(1, "1: its update makes"), (2, "2: the updates before")]
)
def test_weights_that_are_not_finite_are_named(count, which):
    graph = ng.models.mlp((2, 2))
    images, labels = np.ones((count, 2)), np.zeros(count, int)
    with pytest.raises(TrainingError, match=f"pattern {which}.* weights output.kernel not finite"):
        ng.fit(
            graph, images, labels, batch=1, optimizer=SGD(1e39), passes=1, progress=False,
            engine="scipy",
        )  # fmt: skip


def test_weights_beyond_single_precision_are_named_too():
    graph = ng.models.mlp((2, 2))
    before = graph.weights.value.copy()
    with pytest.raises(TrainingError, match=r"pattern 2: its update makes the weights output.ker"):
        ng.fit(
            graph, np.ones((4, 2)), [0, 0, 0, 0], batch=2, optimizer=SGD(1e41), passes=1,
            progress=False, engine="scipy",
        )  # fmt: skip
    np.testing.assert_array_equal(graph.weights.value, before)


def test_training_does_not_begin_with_weights_that_are_not_finite():
    graph = ng.models.mlp((2, 2))
    graph.weights.value = np.full(6, np.nan)
    with pytest.raises(ng.GraphError, match="is nan, needed a finite number in float32"):
        ng.fit(graph, np.ones((2, 2)), [0, 1], passes=1, progress=False, engine="scipy")


def test_a_loss_that_is_not_finite_is_said_to_be():
    class Odd(ng.MeanSquaredError):
        def each(self, outputs, targets):
            return super().each(outputs, targets) + (np.nan if outputs.any() else 0)

    with pytest.raises(TrainingError, match="pattern 1: the loss is not finite, though"):
        ng.fit(
            ng.models.mlp((2, 2)), np.ones((3, 2)), [0, 1, 0], loss=Odd(), passes=1, batch=1,
            progress=False, engine="scipy",
        )  # fmt: skip


def test_a_loss_that_explodes_stops():
    graph = ng.models.mlp((2, 2))
    images = np.ones((1200, 2))
    with pytest.raises(TrainingError, match="the loss has exploded from"):
        ng.fit(
            graph, images, np.ones((1200, 2)), loss="mean_squared_error", batch=1,
            optimizer=SGD(0.7), passes=20, progress=False, engine="scipy", dtype="float64",
        )  # fmt: skip


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passes": -1}, "passes is -1"),
        ({"batch": 0}, "batch is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"order": "random"}, "order is 'random'"),
        ({"early_stop": 0}, "early_stop is 0"),
        ({"early_stop": 2}, "needs validation patterns"),
        ({"resume": True}, "needs a checkpoint"),
        ({"validation": problem()[0]}, "no pair"),
        ({"validation": (problem()[0], [0, 1])}, "labels: found shape"),
        ({"loss": "cross"}, "loss 'cross' is unknown"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_any_work(options, message):
    graph = network()
    before = graph.weights.value.copy()
    with pytest.raises(DataError, match=message):
        train(graph, **{"passes": 1, **options})
    np.testing.assert_array_equal(graph.weights.value, before)


def test_patterns_that_do_not_fit_are_refused():
    images, labels = problem()
    bad = images.copy()
    bad[59, 0, 5, 5] = np.nan
    for given, wanted, message in (
        (images, labels[:-1], "labels: found shape"),
        (images, labels + 1, "labels: found 2 at place"),
        (images[:, :, 1:], labels, "found images of shape"),
        (bad, labels, "not finite"),
        (images[:0], labels[:0], "no patterns"),
        (images, labels * 0.5, "whole numbers"),
    ):
        with pytest.raises(DataError, match=message):
            ng.fit(network(), given, wanted, passes=1, progress=False, engine="scipy")
    with pytest.raises(DataError, match="needed a label an image"):
        ng.error_rate(ng.Simulator(network(), engine="scipy"), images, np.zeros((60, 2)))


# ---- checkpoints --------------------------------------------------------------------------------


def test_a_checkpoint_of_another_graph_or_another_way_is_refused(tmp_path):
    path = tmp_path / "c.npz"
    train(network(), 1, checkpoint=path)
    with pytest.raises(ConversionError, match="another graph"):
        train(network(output="linear"), 2, checkpoint=path, resume=True)
    rewired = network()
    rewired.table.fields._ids._buffer[3] = 20  # one connection has another source
    with pytest.raises(ConversionError, match="another graph"):
        train(rewired, 2, checkpoint=path, resume=True)
    for options, name in (
        ({"seed": 4}, "seed 3, found 4"),
        ({"order": "shuffled"}, "order"),
        ({"dtype": "float64"}, "engine"),
        ({"optimizer": "sgd one by one"}, "optimizer"),
        ({"loss": ng.DiscriminativePenalty(1.0)}, "loss"),
        ({"distortion": ng.Distortion()}, "distortion"),
    ):
        with pytest.raises(ConversionError, match=f"was written with {name}"):
            train(network(), 2, checkpoint=path, resume=True, **options)


def test_a_damaged_checkpoint_is_refused_and_nothing_is_lost(tmp_path):
    path = tmp_path / "c.npz"
    train(network(), 1, checkpoint=path)
    whole = path.read_bytes()
    graph = network()
    before = graph.weights.value.copy()
    for damaged in (whole[: len(whole) // 2], b"", b"PK\x03\x04nonsense", whole[:-1]):
        path.write_bytes(damaged)
        with pytest.raises(ConversionError, match=str(path)):
            train(graph, 2, checkpoint=path, resume=True)
    path.write_bytes(whole)
    found = checkpoints.read(path, graph)
    checkpoints.write(path, replace(found, values=np.full(found.values.size, np.nan)))
    with pytest.raises(ConversionError, match="it holds weights that are not finite"):
        train(graph, 2, checkpoint=path, resume=True)
    path.unlink()
    with pytest.raises(ConversionError, match=str(path)):
        train(graph, 2, checkpoint=path, resume=True)
    ng.save(graph, path)
    with pytest.raises(ConversionError, match="needed 'neurograph checkpoint'"):
        train(graph, 2, checkpoint=path, resume=True)
    np.testing.assert_array_equal(graph.weights.value, before)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("settings", []),
        ("rows", {}),
        ("rows", [[1.0, 2.0]]),
        ("rows", [[1.0, 0.5, 0.5, None, 2.0], [1.0]]),
        ("rows", [["much", 0.5, 0.5, None, 2.0]]),
        ("state", None),
        ("state", ["speed"]),
        ("arrays", None),
        ("graph", 7),
        ("version", 99),
        ("version", True),
    ],
)
def test_a_foreign_header_is_refused(part, value, tmp_path):
    from neurograph.storage import archive

    path = tmp_path / "c.npz"
    train(network(), 1, checkpoint=path)
    with archive.opened(path) as file:
        header, values = file.header, file.array("value", np.float64)
        state = {f"state.{n}": file.array(f"state.{n}", np.float64) for n in header["state"]}
    kept = {name: entry for name, entry in header.items() if name != "arrays"}
    if part == "arrays":
        values = values[:-1]
    archive.write(path, {**kept, part: value}, {"value": values, **state})
    with pytest.raises(ConversionError, match=str(path)):
        train(network(), 2, checkpoint=path, resume=True)


ALTERED = {  # the optimizer's state, or the rows, changed with all checksums in order
    "none": lambda rows, state: None,
    "a vector too long": lambda rows, state: state.update(first=np.zeros(999)),
    "a vector too short": lambda rows, state: state.update(second=state["second"][:-1]),
    "a vector of another shape": lambda rows, state: state.update(first=state["first"][None]),
    "a vector missing": lambda rows, state: state.pop("updates"),
    "a vector too many": lambda rows, state: state.update(third=np.zeros(3)),
    "no number": lambda rows, state: state["second"].fill(np.nan),
    "a row too short": lambda rows, state: rows[0].pop(),
    "a row too long": lambda rows, state: rows[0].append(1.0),
    "a figure as text": lambda rows, state: rows[0].__setitem__(0, "0.5"),
    "a flag for a figure": lambda rows, state: rows[0].__setitem__(1, True),
    "no loss": lambda rows, state: rows[0].__setitem__(0, None),
    "no seconds": lambda rows, state: rows[0].__setitem__(-1, None),
    "beyond float": lambda rows, state: rows[0].__setitem__(0, 10**400),
}


@pytest.mark.parametrize("case", ALTERED)
def test_an_altered_checkpoint_is_refused(case, tmp_path):
    path, graph = tmp_path / "c.npz", network()
    train(graph, 1, "adam", checkpoint=path)
    found = checkpoints.read(path, graph)
    rows, state = found.rows, dict(found.state)
    ALTERED[case](rows, state)
    checkpoints.write(path, replace(found, rows=rows, state=state))
    before = graph.weights.value.copy()
    if case == "none":
        assert len(train(graph, 2, "adam", checkpoint=path, resume=True).passes) == 2
        return
    with pytest.raises(ConversionError, match=f"{path}.* damaged"):
        train(graph, 2, "adam", checkpoint=path, resume=True)
    np.testing.assert_array_equal(graph.weights.value, before)


def test_a_checkpoint_written_before_is_read():
    path = Path(__file__).parent / "data" / "checkpoint-1.npz"
    found = checkpoints.read(path, ng.models.mlp((3, 2)), settings={"seed": "0"}, width=5)
    assert found.rows == [[0.5, 0.25, None, 0.125, 2.0]]
    np.testing.assert_array_equal(found.values, np.arange(8.0) - 3)
    np.testing.assert_array_equal(found.state["speed"], np.linspace(0, 1, 8))


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "c.npz"
    train(network(), 1, checkpoint=path)
    whole = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConversionError, match="No space left"):
        train(network(), 2, checkpoint=path, resume=True)
    assert path.read_bytes() == whole
    assert os.listdir(tmp_path) == ["c.npz"]


def test_a_checkpoint_holds_plain_arrays_and_json(tmp_path):
    path = tmp_path / "c.npz"
    graph = network()
    history = train(graph, 2, "momentum", checkpoint=path)
    with np.load(path, allow_pickle=False) as file:
        np.testing.assert_array_equal(file["value"], graph.weights.value)
        assert file["state.speed"].shape == (int(graph.weights.trainable.sum()),)
        header = json.loads(bytes(file["header.json"]))
    assert [row[0] for row in header["rows"]] == [p.loss for p in history.passes]


# ---- what is shown ------------------------------------------------------------------------------


def test_engines_learn_the_same():
    pytest.importorskip("numba")
    found = []
    for engine in ("scipy", "numba"):
        graph = network()
        history = train(graph, 2, engine=engine, dtype="float64")
        found.append((graph.weights.value.copy(), [p.loss for p in history.passes]))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-9)


def test_the_bar_shows_pass_loss_and_error(capsys):
    train(network(), 2, progress=True, validation=problem(20, seed=5))
    shown = capsys.readouterr().err
    assert "pass 1/2" in shown
    assert "pass 2/2" in shown
    assert "60/60" in shown
    assert "loss " in shown
    assert "error " in shown
    assert "validation error" in shown
    train(network(), 1)
    assert capsys.readouterr().err == ""


def test_the_history_prints_as_a_table():
    text = str(train(network(), 2, validation=problem(20, seed=5)))
    head, _, first, second = text.splitlines()
    assert head.split()[:2] == ["pass", "loss"]
    assert [line.split()[0] for line in (first, second)] == ["1", "2"]
    assert first.count("%") == 3
