"""What a user hands in for numbers: taken whatever its container, refused by name, never bent."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph import checks
from neurograph.errors import shown

HUGE = 10**5000  # of more digits than Python writes


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0], [1.0, 2.0]], "me: found values of different shapes, needed real numbers"),
        (None, "me: found None, needed real numbers"),
        ([1.0, None], "me: found None among the values, needed real numbers"),
        ("5", "me: found values of type <U1, needed real numbers"),
        (b"5", "me: found values of type |S1, needed real numbers"),
        ([1 + 0j], "me: found values of type complex128, needed real numbers"),
        (np.array([1j], object), "me: found complex among the values, needed real numbers"),
        ([10**400], "among the values, needed real numbers"),
        ({1.0}, "me: found set, needed real numbers"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), "me: found masked values, needed real"),
        (np.array(["2020-01-01"], "datetime64[D]"), "me: found values of type datetime64"),
    ],
)
def test_what_are_no_real_numbers(values: Any, message: str) -> None:
    for check in (checks.reals, checks.floats, checks.finite):
        with pytest.raises(ng.GraphError) as caught:
            check("me", values)
        assert message in str(caught.value)
        assert len(str(caught.value)) < 300
    with pytest.raises(ng.DataError):
        checks.floats("me", values, error=ng.DataError)


def test_numbers_that_python_does_not_write() -> None:
    with pytest.raises(ng.GraphError, match="me: found a value of type int, needed real numbers"):
        checks.floats("me", HUGE)
    with pytest.raises(ng.GraphError, match="me: found a value of type int, beyond"):
        checks.wholes("me", [HUGE])


def test_real_numbers_in_any_container() -> None:
    for values in (
        [1, 2.5],
        (np.float16(1), 2.5),
        np.array([1, 2.5], object),
        [Fraction(1), Fraction(5, 2)],
        np.ma.masked_array([1, 2.5]),
        np.array([1, 2.5], np.longdouble),
    ):
        found = checks.finite("me", values)
        assert found.dtype == np.float64
        assert found.tolist() == [1, 2.5]
    assert checks.floats("me", 10**30) == 1e30
    assert checks.reals("me", np.ones(2, np.float32)).dtype == np.float32
    for wrong in (np.nan, [1.0, np.inf]):
        with pytest.raises(ng.GraphError, match=r"me: found the value (nan|inf), needed finite"):
            checks.finite("me", wrong)


@pytest.mark.parametrize(
    "values",
    [[0.5], 1.0, [True], [1, True], "1", [None], 1j, [2**63, -1], [10**30], [[1], []]],
)
def test_what_are_no_whole_numbers(values: Any) -> None:
    with pytest.raises(ng.GraphError, match=r"^me: found "):
        checks.wholes("me", values)


def test_whole_numbers_in_any_container() -> None:
    for values in (
        [3, 4],
        (n for n in (3, 4)),
        np.array([3, 4], np.uint8),
        np.array([3, 4], object),
    ):
        assert checks.wholes("me", values).tolist() == [3, 4]
    for none in ([], (), np.empty(0)):
        assert checks.wholes("me", none).dtype.kind == "i"
    assert checks.wholes("me", [2**62]).tolist() == [2**62]


def test_one_number() -> None:
    assert checks.whole("n", np.uint8(3), most=3) == 3
    assert type(checks.whole("n", np.array(3))) is int
    for wrong in (None, 3.0, "3", True, np.bool_(True), -1, 4, [3], HUGE, 3j):
        with pytest.raises(ng.GraphError, match="needed a whole number from 0 to 3"):
            checks.whole("n", wrong, most=3)
    assert checks.number("n", np.float32(0.5)) == 0.5
    for wrong in (None, "3", np.nan, np.inf, 1j, [3.0], HUGE, np.ones(1)):
        with pytest.raises(ng.GraphError, match=r"^n is .*, needed a finite number"):
            checks.number("n", wrong)
    assert [checks.is_whole(v) for v in (1, np.int8(1), True, 1.0, "1")] == [1, 1, 0, 0, 0]


def test_true_and_false() -> None:
    for right in ([True, False], [1, 0], np.array([True, False], object)):
        assert checks.bools("me", right).tolist() == [True, False]
    for wrong in (["False"], "True", [2], [0.0], None, [None, True], 1j):
        with pytest.raises(ng.GraphError, match=r"^me: found .*, needed True or False"):
            checks.bools("me", wrong)
    with pytest.raises(ng.GraphError, match="trainable: found"):
        ng.Graph.from_connections([(1, 0, 2)], inputs=[1], trainable="False")


def test_tensors_are_arrays_unless_something_would_be_lost() -> None:
    torch = pytest.importorskip("torch")
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.int8):
        given = torch.tensor([1, 2]).to(dtype)
        assert checks.floats("me", given).tolist() == [1, 2]
    assert checks.wholes("me", torch.tensor([[1]])).tolist() == [[1]]
    assert checks.whole("me", torch.tensor(2)) == 2
    with pytest.raises(ng.GraphError, match="needed a whole number"):
        checks.whole("me", torch.tensor(True))
    for grad in (
        torch.ones(2, requires_grad=True),
        torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16)),
        [torch.ones(2, requires_grad=True)],
    ):
        with pytest.raises(ng.GraphError, match=r"me: found (Tensor|Parameter|list) .*detach\(\)"):
            checks.floats("me", grad)
    with pytest.raises(ng.GraphError, match="complex64"):
        checks.floats("me", torch.ones(2, dtype=torch.complex64))


def test_data_frames_are_arrays() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert checks.wholes("me", frame).tolist() == [[1, 3], [2, 4]]
    assert checks.floats("me", frame["a"].astype("Int64")).tolist() == [1, 2]
    with pytest.raises(ng.GraphError, match=r"needed (real|finite) numbers"):
        checks.finite("me", pandas.Series([1, None], dtype="Int64"))


def test_what_is_shown_is_short() -> None:
    assert shown("C1") == "'C1'"
    assert len(shown("x" * 10**6)) <= 80
    assert len(shown(list(range(10**5)))) <= 80
    assert shown(-(10**100)) == "-100000000...0000000000"


def test_a_number_in_an_array_without_axes_is_one_number():
    assert checks.wholes("me", np.array(3)).shape == ()
    assert checks.wholes("me", (n for n in (1, 2))).tolist() == [1, 2]
