"""Equal rows against Python's tuples, spans against ranges, groups against lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurograph import rows
from neurograph.rows import equal_rows, groups_of, spans


def ptr_of(some: list[list[int]]) -> np.ndarray:
    return np.cumsum([0, *(len(row) for row in some)])


@given(st.lists(st.lists(st.integers(-1, 2), max_size=4), max_size=12), st.booleans())
def test_equal_rows_are_those_python_finds_equal(some: list[list[int]], collide: bool) -> None:
    ids = np.array([i for row in some for i in row], np.int32)
    with pytest.MonkeyPatch.context() as patch:
        if collide:  # every row has the same sum
            patch.setattr(rows, "_mixed", lambda x: np.zeros(x.shape, np.uint64))
        first, which = equal_rows(ptr_of(some), ids)
    distinct = list(dict.fromkeys(map(tuple, some)))
    assert [tuple(some[i]) for i in first.tolist()] == distinct
    assert first.tolist() == [some.index(list(row)) for row in distinct]
    assert which.tolist() == [distinct.index(tuple(row)) for row in some]


def test_the_order_in_a_row_and_where_it_ends_count() -> None:
    first, which = equal_rows(np.array([0, 2, 4, 5, 6, 7]), np.array([1, 2, 2, 1, 1, 2, 1]))
    assert first.tolist() == [0, 1, 2, 3]
    assert which.tolist() == [0, 1, 2, 3, 2]


def test_rows_that_do_not_begin_at_the_first_id() -> None:
    first, which = equal_rows(np.array([2, 4, 6]), np.array([9, 9, 1, 2, 1, 2, 9]))
    assert (first.tolist(), which.tolist()) == ([0], [0, 0])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=8))
def test_spans_are_ranges_one_after_the_other(some: list[tuple[int, int]]) -> None:
    start, length = (np.array([s[i] for s in some], np.int64) for i in (0, 1))
    assert spans(start, length).tolist() == [i for a, n in some for i in range(a, a + n)]


@given(st.lists(st.integers(-3, 3), max_size=20))
def test_groups_come_in_the_order_of_their_first_places(keys: list[int]) -> None:
    found = [places.tolist() for places in groups_of(np.array(keys, np.int64))]
    assert found == [[i for i, k in enumerate(keys) if k == key] for key in dict.fromkeys(keys)]
