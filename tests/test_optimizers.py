"""Optimizers against torch and against formulas."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from neurograph.errors import DataError
from neurograph.training.optimizers import (
    LENET5_RATES,
    OPTIMIZERS,
    SGD,
    Adam,
    Curved,
    Steady,
    StochasticDiagonalLM,
    as_optimizer,
    cosine,
    rate_of,
)


def walk(optimizer, start, slope, steps):
    values, state = start.copy(), optimizer.start(start.size)
    for number in range(steps):
        values, state = optimizer.step(values, slope(values), state, number)
    return values


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD(0.1), lambda t, p: t.SGD(p, lr=0.1)),
        (SGD(0.1, momentum=0.9), lambda t, p: t.SGD(p, lr=0.1, momentum=0.9)),
        (
            SGD(0.1, momentum=0.5, decay=0.01),
            lambda t, p: t.SGD(p, lr=0.1, momentum=0.5, weight_decay=0.01),
        ),
        (Adam(0.05), lambda t, p: t.Adam(p, lr=0.05)),
        (
            Adam(0.05, betas=(0.8, 0.9), epsilon=1e-3, decay=0.1),
            lambda t, p: t.AdamW(p, lr=0.05, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1),
        ),
    ],
    ids=lambda one: str(one) if isinstance(one, SGD | Adam) else "torch",
)
def test_the_walk_is_that_of_torch(ours, theirs):
    torch = pytest.importorskip("torch")
    matrix = np.random.default_rng(0).normal(size=(5, 5))
    start = np.arange(5.0)
    w = torch.tensor(start, requires_grad=True)
    optimizer = theirs(torch.optim, [w])
    for _ in range(7):
        optimizer.zero_grad()
        (torch.tensor(matrix) @ w).square().sum().div(20).backward()
        optimizer.step()
    found = walk(ours, start, lambda v: matrix.T @ (matrix @ v) / 10, 7)
    np.testing.assert_allclose(found, w.detach().numpy(), rtol=1e-10)


def test_the_published_rates():
    by_pass = [rate_of(StochasticDiagonalLM().rate, number) for number in range(20)]
    assert by_pass == [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    assert (StochasticDiagonalLM().mu, StochasticDiagonalLM().patterns) == (0.02, 500)
    assert StochasticDiagonalLM().batch == 1
    assert LENET5_RATES[-1] == 1e-5


def test_each_weight_has_its_own_rate_which_lasts_a_pass():
    optimizer = StochasticDiagonalLM()
    curvature = np.array([0.0, 7.1, 0.011, -1e-9])
    state = optimizer.before_pass(optimizer.start(4), 2, curvature)
    rates = optimizer.fixed_rates(state, 2, 4)
    np.testing.assert_allclose(rates, 2e-4 / (0.02 + np.array([0, 7.1, 0.011, 0])))
    values, after = optimizer.step(np.ones(4), np.arange(4.0), state, 2)
    np.testing.assert_array_equal(values, 1 - rates * np.arange(4))
    assert after is state
    with pytest.raises(DataError, match="no curvature"):
        optimizer.before_pass({}, 0, None)


def test_a_step_changes_nothing_it_was_given():
    for optimizer in (SGD(momentum=0.9, decay=0.1), Adam(decay=0.1)):
        values, gradient, state = np.ones(3), np.ones(3), optimizer.start(3)
        before = {name: vector.copy() for name, vector in state.items()}
        moved, after = optimizer.step(values, gradient, state, 0)
        assert (moved < 1).all()
        assert any((after[name] != vector).any() for name, vector in before.items())
        for name, vector in before.items():
            np.testing.assert_array_equal(state[name], vector)
        np.testing.assert_array_equal(values, 1)
        np.testing.assert_array_equal(gradient, 1)


def test_only_plain_descent_has_rates_fixed_for_a_pass():
    np.testing.assert_array_equal(SGD((0.5, 0.1)).fixed_rates({}, 1, 2), [0.1, 0.1])
    for optimizer in (SGD(momentum=0.9), SGD(decay=0.1)):
        assert optimizer.fixed_rates(optimizer.start(2), 0, 2) is None
    assert not isinstance(Adam(), Steady)
    assert [isinstance(o, Curved) for o in (SGD(), Adam(), StochasticDiagonalLM())] == [0, 0, 1]


def test_rates_by_pass_and_cosine():
    assert [rate_of((3, 2), n) for n in range(4)] == [3, 2, 2, 2]
    assert rate_of(0.5, 7) == 0.5
    rates = cosine(0.2, 10)
    assert rates[0] == 0.2
    assert rates[5] == pytest.approx(0.1)
    assert all(a > b > 0 for a, b in itertools.pairwise(rates))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(0), "rate 0"),
        (lambda: SGD(()), "rate"),
        (lambda: SGD((0.1, -1)), "rate"),
        (lambda: SGD(momentum=-0.1), "momentum"),
        (lambda: Adam(float("nan")), "rate nan"),
        (lambda: Adam(betas=(1.0, 0.9)), "betas"),
        (lambda: Adam(epsilon=-1), "epsilon"),
        (lambda: StochasticDiagonalLM(mu=0), "mu 0"),
        (lambda: StochasticDiagonalLM(patterns=0), "patterns 0"),
        (lambda: StochasticDiagonalLM(estimates=0), "estimates 0"),
        (lambda: StochasticDiagonalLM(estimates=1.5), "estimates 1.5"),
        (lambda: as_optimizer("adan"), "did you mean adam"),
    ],
)
def test_bad_numbers_are_refused(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_numbers_of_other_kinds_are_those_numbers():
    assert SGD(np.float32(0.5), momentum=np.int64(0)) == SGD(0.5)
    assert SGD([np.float64(0.5), 1]) == SGD(np.array([0.5, 1])) == SGD((0.5, 1.0))
    assert repr(SGD([1, 2])) == "SGD(rate=(1.0, 2.0), momentum=0.0, decay=0.0)"
    values, _ = SGD(1e-3, decay=10**300).step(np.ones(1), np.ones(1), {}, 0)
    assert values[0] == -1e297


def test_names():
    assert [type(as_optimizer(name)) for name in OPTIMIZERS] == list(OPTIMIZERS.values())
