"""What fit, losses, optimizers and distortions are handed: right values, or an error of ours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import neurograph as ng
from neurograph.storage import checkpoints
from neurograph.training.distortions import transform
from neurograph.training.optimizers import SGD, Adam

X = np.random.default_rng(0).normal(size=(6, 4))
LABELS = np.array([0, 1, 1, 0, 1, 0])
OPTIONS = {"engine": "scipy", "progress": False, "passes": 1}


def net():
    return ng.models.mlp((4, 3, 2))


def torch_like(values, dtype="float32", grad=False):
    torch = pytest.importorskip("torch")
    return torch.tensor(values, dtype=getattr(torch, dtype), requires_grad=grad)


WRONG_IMAGES = {
    "ragged": lambda: [[1.0, 2.0], [3.0]],
    "none": lambda: [[None] * 4] * 6,
    "text": lambda: [["a"] * 4] * 6,
    "bytes": lambda: b"1234",
    "complex": lambda: X + 1j,
    "nan": lambda: np.where(X[3, 2] == X, np.nan, X),
    "huge": lambda: [[10**400] * 4] * 6,
    "beyond float32": lambda: X * 1e300,
    "requires grad": lambda: torch_like(X, grad=True),
    "number": lambda: 5,
    "objects": lambda: np.full((6, 4), object()),
}


@pytest.mark.parametrize("kind", WRONG_IMAGES)
def test_images_of_the_wrong_kind_are_refused(kind):
    graph, wrong = net(), WRONG_IMAGES[kind]()
    before = graph.weights.value.copy()
    with pytest.raises(ng.DataError):
        ng.fit(graph, wrong, LABELS, **OPTIONS)
    with pytest.raises(ng.DataError):
        ng.fit(graph, X, LABELS, validation=(wrong, LABELS), **OPTIONS)
    with pytest.raises(ng.DataError):
        ng.error_rate(ng.Simulator(graph, engine="scipy"), wrong, LABELS)
    np.testing.assert_array_equal(graph.weights.value, before)


WRONG_LABELS = {
    "ragged": lambda: [[0], [1, 2]],
    "none": lambda: [None] * 6,
    "text": lambda: ["0"] * 6,
    "bytes": lambda: b"010101",
    "bools": lambda: [True, False] * 3,
    "floats": lambda: LABELS.astype(float),
    "complex": lambda: LABELS + 0j,
    "negative": lambda: -LABELS,
    "too large": lambda: LABELS + 1,
    "huge": lambda: [10**30] * 6,
    "nan": lambda: np.full(6, np.nan),
    "of other number": lambda: LABELS[:5],
    "none at all": lambda: None,
}


@pytest.mark.parametrize("kind", WRONG_LABELS)
def test_labels_of_the_wrong_kind_are_refused(kind):
    wrong = WRONG_LABELS[kind]()
    with pytest.raises(ng.DataError):
        ng.fit(net(), X, wrong, **OPTIONS)
    with pytest.raises(ng.DataError):
        ng.error_rate(ng.Simulator(net(), engine="scipy"), X, wrong)
    outputs = np.zeros((6, 2))
    for loss in (ng.CrossEntropy(), ng.CorrectPenalty(), ng.DiscriminativePenalty()):
        for part in (loss.each, loss.gradient, loss.curvature):
            with pytest.raises(ng.DataError):
                part(outputs, wrong)


def test_one_hot_labels_are_named_as_what_they_are():
    with pytest.raises(ng.DataError, match=r"found shape \(1, 2\).*one-hot.*argmax"):
        ng.fit(net(), X, np.eye(2)[LABELS], loss="cross_entropy", **OPTIONS)
    # To the mean squared error they are target states.
    found = [net(), net()]
    ng.fit(found[0], X, np.eye(2)[LABELS], loss="mean_squared_error", **OPTIONS)
    ng.fit(found[1], X, LABELS, loss="mean_squared_error", **OPTIONS)
    np.testing.assert_array_equal(found[0].weights.value, found[1].weights.value)


@pytest.mark.parametrize(
    "make",
    [
        X.tolist,
        lambda: torch_like(X, "float64"),
        lambda: np.asfortranarray(X),
        lambda: X.astype(object),
    ],
)
def test_other_forms_of_the_same_numbers_are_those_numbers(make):
    one, other = net(), net()
    ng.fit(one, X, LABELS, **OPTIONS)
    ng.fit(other, make(), LABELS.tolist(), **OPTIONS)
    np.testing.assert_array_equal(one.weights.value, other.weights.value)


def test_half_precision_is_widened():
    bfloat = torch_like(X, "bfloat16")
    one, other = net(), net()
    ng.fit(one, bfloat.float().numpy(), LABELS, **OPTIONS)
    ng.fit(other, bfloat, LABELS, **OPTIONS)
    np.testing.assert_array_equal(one.weights.value, other.weights.value)


@pytest.mark.parametrize(
    "targets", [[["a", "b"]] * 6, [[1j, 0]] * 6, [[np.nan, 0]] * 6, [[None, 0]] * 6, [[1], [1, 2]]]
)
def test_target_states_of_the_wrong_kind_are_refused(targets):
    with pytest.raises(ng.DataError):
        ng.fit(net(), X, targets, loss="mean_squared_error", **OPTIONS)


@pytest.mark.parametrize("loss", [ng.CrossEntropy(), ng.MeanSquaredError(), ng.CorrectPenalty(2)])
def test_a_loss_of_whole_outputs_is_that_of_the_same_floats(loss):
    whole, labels = np.array([[1, 3], [2, 0]]), [0, 1]
    for name in ("each", "gradient", "curvature"):
        part = getattr(loss, name)
        np.testing.assert_array_equal(part(whole, labels), part(whole.astype(float), labels))


@pytest.mark.parametrize("wrong", [[["a", "b"]], [[1j, 2]], [[1], [1, 2]], 5, np.zeros((1, 0))])
def test_outputs_of_the_wrong_kind_are_refused(wrong):
    with pytest.raises(ng.DataError):
        ng.CrossEntropy().each(wrong, [0])


def test_an_option_that_is_none_is_answered_with_those_there_are():
    with pytest.raises(ng.DataError, match=r"option \'epochs\' is unknown; see passes; there are "):
        ng.fit(net(), X, LABELS, epochs=3)
    with pytest.raises(ng.DataError, match=r"did you mean passes.*there are loss, .*, threads$"):
        ng.fit(net(), X, LABELS, pases=3)
    for name, value in (("passes", True), ("batch", 1.5), ("progress", "no"), ("resume", None)):
        with pytest.raises(ng.DataError, match=f"fit: {name} is"):
            ng.fit(net(), X, LABELS, **{**OPTIONS, name: value})


def test_a_loss_or_an_optimizer_that_lacks_something_is_refused():
    class Half:
        batch = 1

        def each(self, outputs, targets):
            return np.zeros(len(outputs))

        def step(self, values, gradient, state, number):
            return values, state

    for option in ("loss", "optimizer"):
        with pytest.raises(ng.DataError, match=f"{option}: found Half"):
            ng.fit(net(), X, LABELS, **{**OPTIONS, option: Half()})


def test_a_loss_that_returns_no_number_a_pattern_is_refused():
    class Mean(ng.MeanSquaredError):
        def each(self, outputs, targets):
            return super().each(outputs, targets).mean()

    with pytest.raises(ng.DataError, match=r"loss: each returned .* for one pattern"):
        ng.fit(net(), X, LABELS, loss=Mean(), **OPTIONS)


def test_validation_patterns_that_do_not_fit_are_said_to_be_those():
    with pytest.raises(ng.DataError, match=r"fit: validation: labels: found shape \(5,\)"):
        ng.fit(net(), X, LABELS, validation=(X, LABELS[:5]), **OPTIONS)


def test_an_optimizer_needs_a_batch_a_start_and_a_step_only():
    class Halving:
        batch = 2

        def start(self, size):
            return {}

        def step(self, values, gradient, state, number):
            return values / 2, state

    graph = net()
    before = graph.weights.value.copy()
    ng.fit(graph, X, LABELS, optimizer=Halving(), **OPTIONS)
    np.testing.assert_array_equal(graph.weights.value, before / 8)


# ---- distortions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [[[["a"]]], [[[1j]]], [[[1], [1, 2]]], [[[None]]], b"x", np.zeros((2, 2))]
)
def test_images_that_cannot_be_distorted_are_refused(wrong):
    with pytest.raises(ng.DataError):
        ng.Distortion()(wrong, np.random.default_rng(0))
    with pytest.raises(ng.DataError):
        transform(wrong, np.eye(2)[None], [[0, 0]])


@pytest.mark.parametrize(
    ("matrices", "shifts"),
    [
        (np.full((1, 2, 2), np.nan), [[0, 0]]),
        (np.eye(2)[None] * 1e300, [[0, 0]]),
        (np.eye(2)[None], [[np.inf, 0]]),
        (np.eye(2)[None] * 1j, [[0, 0]]),
        ("x", [[0, 0]]),
        (np.eye(2)[None], [[0]]),
    ],
)
def test_maps_that_are_none_are_refused(matrices, shifts):
    with pytest.raises(ng.DataError):
        transform(np.zeros((1, 3, 3)), matrices, shifts)


def test_whole_and_huge_ranges_are_numbers():
    assert ng.Distortion(shift=1, scale=np.float32(0)) == ng.Distortion(shift=1.0, scale=0.0)
    with pytest.raises(ng.DataError):
        ng.Distortion(scale=10**300)(np.zeros((3, 3, 3)), np.random.default_rng(0))
    with pytest.raises(ng.DataError, match="stretches or shifts"):
        ng.Distortion(shear=1e308)(np.zeros((3, 3, 3)), np.random.default_rng(0))


def test_images_that_have_no_rows_and_columns_are_not_distorted():
    with pytest.raises(ng.DataError, match=r"distortion: found images of shape \(1, 4\)"):
        ng.fit(net(), X, LABELS, distortion=ng.Distortion(), **OPTIONS)


# ---- what a checkpoint may hold -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "change"),
    [
        (Adam(), lambda c: replace(c, state={**c.state, "second": -1 - c.state["second"]})),
        (Adam(), lambda c: replace(c, state={**c.state, "updates": np.zeros(2)})),
        (SGD(momentum=0.5), lambda c: replace(c, state={})),
        (SGD(momentum=0.5), lambda c: replace(c, state={"speed": np.full(23, np.nan)})),
        (SGD(momentum=0.5), lambda c: replace(c, state={"speed": np.full(23, np.inf)})),
        (SGD(momentum=0.5), lambda c: replace(c, state={"speed": np.full(23, 1e300)})),
        (SGD(), lambda c: replace(c, values=np.full(23, 1e300))),
        (SGD(), lambda c: replace(c, rows=[[0.5, 7.0, 0.5, None, 1.0]])),
        (SGD(), lambda c: replace(c, rows=[[0.5, None, 0.5, None, 1.0]])),
        (SGD(), lambda c: replace(c, rows=[[0.5, 0.5, 0.5, -0.5, 1.0]])),
        (SGD(), lambda c: replace(c, rows=[[0.5, 0.5, 0.5]])),
        (ng.StochasticDiagonalLM(patterns=3), lambda c: replace(c, state={"rates": np.zeros(3)})),
    ],
)
def test_an_altered_checkpoint_is_refused_before_any_work(optimizer, change, tmp_path):
    path = tmp_path / "c.npz"
    ng.fit(net(), X, LABELS, optimizer=optimizer, checkpoint=path, **OPTIONS)
    graph = net()
    before = graph.weights.value.copy()
    checkpoints.write(path, change(checkpoints.read(path, graph)))
    with pytest.raises(ng.ConversionError, match=str(path)):
        ng.fit(
            graph, X, LABELS, optimizer=optimizer, checkpoint=path, resume=True,
            **{**OPTIONS, "passes": 3},
        )  # fmt: skip
    np.testing.assert_array_equal(graph.weights.value, before)


def test_validation_patterns_may_come_later(tmp_path):
    path, graph = tmp_path / "c.npz", net()
    ng.fit(graph, X, LABELS, checkpoint=path, **OPTIONS)
    options = {**OPTIONS, "passes": 2}
    history = ng.fit(
        graph, X, LABELS, checkpoint=path, resume=True, validation=(X, LABELS), **options
    )
    assert [p.validation_error is None for p in history.passes] == [True, False]


# ---- what is said -------------------------------------------------------------------------------


def test_many_passes_are_few_lines_of_a_log(capsys):
    options = {**OPTIONS, "progress": True}
    ng.fit(net(), X, LABELS, **{**options, "passes": 250})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 101
    assert lines[0].startswith("pass 1/250: 6/6 patterns, loss ")
    assert lines[-1].startswith("pass 250/250: 6/6 patterns")
    ng.fit(net(), X, LABELS, **{**options, "passes": 3})
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_a_long_training_is_announced_with_what_would_be_faster(capsys, monkeypatch):
    from neurograph.training import pace

    monkeypatch.setattr(pace, "_patterns_a_second", lambda loop: 0.005)
    monkeypatch.setattr(pace.importlib.util, "find_spec", lambda name: None)
    ng.fit(net(), X, LABELS, **{**OPTIONS, "progress": True})
    said = capsys.readouterr().err.splitlines()[0]
    assert said.startswith("fit: about 20 min: scipy engine, 0 patterns a second; the numba engine")
    assert said.endswith("pip install '.[fast]'")
    monkeypatch.setattr(pace.importlib.util, "find_spec", lambda name: "there")
    ng.fit(net(), X, LABELS, **{**OPTIONS, "progress": True})
    assert capsys.readouterr().err.splitlines()[0].endswith('engine="numba"')
    ng.fit(net(), X, LABELS, **OPTIONS)
    assert capsys.readouterr().err == ""


def test_the_pace_is_measured_and_no_weight_moves():
    from neurograph.training import pace
    from neurograph.training.loop import Loop, Options
    from neurograph.training.patterns import ready

    graph = net()
    before = graph.weights.value.copy()
    simulator = ng.Simulator(graph, engine="scipy")
    data = ready(simulator, X, LABELS)
    for batch in (1, 4, 100):
        options = Options(1, batch, 0, "fixed", None)
        loop = Loop(simulator, data, None, ng.CrossEntropy(), SGD(), options)
        assert 1 < pace._patterns_a_second(loop) < 1e7
    np.testing.assert_array_equal(graph.weights.value, before)
