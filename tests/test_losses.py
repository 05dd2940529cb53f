"""Losses against finite differences, torch and hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest

from neurograph.errors import DataError
from neurograph.losses import (
    LOSSES,
    CorrectPenalty,
    CrossEntropy,
    DiscriminativePenalty,
    MeanSquaredError,
    as_loss,
    check_labels,
)

ALL = [
    CrossEntropy(),
    MeanSquaredError(-1.0, 1.0),
    CorrectPenalty(3.0),
    DiscriminativePenalty(),
    DiscriminativePenalty(rubbish=2.5, scale=84.0),
]


@pytest.fixture
def batch():
    rng = np.random.default_rng(3)
    return rng.uniform(0, 6, (5, 4)), np.array([3, 0, 1, 1, 2])


def mean(loss, outputs, labels):
    return loss.each(outputs, labels).mean()


def moved(outputs, place, by):
    found = outputs.copy()
    found[place] += by
    return found


@pytest.mark.parametrize("loss", ALL, ids=str)
def test_gradient_and_curvature_are_the_derivatives_of_the_mean(loss, batch):
    outputs, labels = batch
    gradient, curvature = loss.gradient(outputs, labels), loss.curvature(outputs, labels)
    for place in np.ndindex(outputs.shape):
        up, down = (mean(loss, moved(outputs, place, h), labels) for h in (1e-4, -1e-4))
        middle = mean(loss, outputs, labels)
        assert gradient[place] == pytest.approx((up - down) / 2e-4, abs=1e-7)
        assert curvature[place] == pytest.approx((up - 2 * middle + down) / 1e-8, abs=1e-6)


@pytest.mark.parametrize("loss", ALL[2:], ids=str)
def test_hessian_is_the_derivative_of_the_gradient(loss, batch):
    outputs, labels = batch
    hessian = loss.hessian(outputs, labels)
    for pattern, output in np.ndindex(outputs.shape):
        up, down = (
            loss.gradient(moved(outputs, (pattern, output), h), labels)[pattern]
            for h in (1e-5, -1e-5)
        )
        np.testing.assert_allclose(hessian[pattern, output], (up - down) / 2e-5, atol=1e-8)


def test_cross_entropy_and_squared_error_are_those_of_torch(batch):
    torch = pytest.importorskip("torch")
    outputs, labels = batch
    scores = torch.tensor(outputs, requires_grad=True)
    wanted = torch.nn.functional.cross_entropy(scores, torch.tensor(labels))
    wanted.backward()
    assert mean(CrossEntropy(), outputs, labels) == pytest.approx(wanted.item(), rel=1e-14)
    found = CrossEntropy().gradient(outputs, labels)
    np.testing.assert_allclose(found, scores.grad.numpy(), atol=1e-15)
    targets = outputs[::-1] * 0.5
    wanted = torch.nn.functional.mse_loss(torch.tensor(outputs), torch.tensor(targets.copy()))
    assert mean(MeanSquaredError(), outputs, targets) == pytest.approx(wanted.item(), rel=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_penalties_of_hundreds_do_no_harm(dtype):
    penalties = np.array([[700.0, 900.0, 800.0], [1e4, 0.0, 1e4]], dtype)
    loss = DiscriminativePenalty(rubbish=0.5)
    # exp(-y) is nothing beside the rubbish class: E = 900 - 0.5; then 1e4 + log(1 + exp(-0.5)).
    np.testing.assert_allclose(
        loss.each(penalties, np.array([1, 0])), [899.5, 1e4 + np.log1p(np.exp(-0.5))], rtol=1e-6
    )
    gradient = loss.gradient(penalties, np.array([1, 0])) * 2
    share = 1 / (1 + np.exp(-0.5))
    np.testing.assert_allclose(gradient, [[0, 1, 0], [1, -share, 0]], rtol=1e-6, atol=1e-30)
    assert gradient.dtype == dtype
    scores = np.array([[-5000.0, 5000.0]], dtype)
    assert CrossEntropy().each(scores, np.array([0]))[0] == 10000


def test_the_rubbish_class_sets_the_least_loss_that_is_above_zero():
    perfect = np.array([[0.0, 1e3]])
    for rubbish in (0.1, 1.0, 10.0):
        least = DiscriminativePenalty(rubbish=rubbish).each(perfect, np.array([0]))[0]
        assert least == pytest.approx(np.log1p(np.exp(-rubbish)))


def test_scale_divides(batch):
    for kind in (CorrectPenalty, DiscriminativePenalty):
        one, many = kind(scale=1.0), kind(scale=84.0)
        for part in ("each", "gradient", "curvature", "hessian"):
            np.testing.assert_allclose(getattr(one, part)(*batch), 84 * getattr(many, part)(*batch))


def test_labels_stand_for_low_and_high(batch):
    outputs, labels = batch
    codes = np.where(np.arange(4) == labels[:, None], 0.8, -0.8)
    found = MeanSquaredError(-0.8, 0.8).each(outputs, labels)
    np.testing.assert_array_equal(found, MeanSquaredError().each(outputs, codes))


@pytest.mark.parametrize("loss", ALL, ids=str)
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2, 3], r"found shape \(4,\), needed \(5,\)"),
        ([0, 1, 2, 3, 4], "found 4 at place 4, needed 0 to 3"),
        ([0, -1, 2, 3, 3], "found -1 at place 1, needed 0 to 3"),
        ([0.0, 1, 2, 3, 3], "needed whole numbers"),
    ],
)
def test_wrong_labels_are_refused(loss, batch, labels, message):
    for part in (loss.each, loss.gradient, loss.curvature):
        with pytest.raises(DataError, match=message):
            part(batch[0], np.array(labels))


def test_other_bad_input(batch):
    with pytest.raises(DataError, match="outputs of shape"):
        CrossEntropy().each(np.zeros((2, 3, 3)), np.array([0, 1]))
    with pytest.raises(DataError, match="targets: found shape"):
        MeanSquaredError().each(batch[0], batch[0][:, :2])
    for kind in (CorrectPenalty, DiscriminativePenalty):
        with pytest.raises(DataError, match="scale"):
            kind(scale=0.0)
    with pytest.raises(DataError, match="did you mean cross_entropy"):
        as_loss("cross_entropie")
    assert [type(as_loss(name)) for name in LOSSES] == list(LOSSES.values())
    assert check_labels(np.array([], int), 0, 3).size == 0
