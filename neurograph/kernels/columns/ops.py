"""The ops of column plans: rows of 64-bit numbers whose columns `ColumnOp` names.

Offsets are into the tables of a plan.
"""

from __future__ import annotations

from enum import IntEnum

CHUNK = 192  # columns whose states and sums stay in the cache while all maps pass
PRODUCT, STRIPS, ROWS = range(3)


class ColumnOp(IntEnum):
    """The columns of an op."""

    KIND = 0
    FIELDS = 1  # of a product; strips; rows
    MAPS = 2  # of a product
    SLOTS = 3  # of a field or strip
    INDEX = 4  # [field][run], [strip][slot], or a row's slots
    RUNS = 5  # how many
    RUN = 6  # [run] (length, first row of weight)
    BLOCKS = 7  # how many blocks of slots
    BLOCK = 8  # [block] first run, and one past the last
    WEIGHT = 9
    STEP = 10  # from a slot's weights to the next's
    BIAS = 11
    BIAS_STEP = 12  # from a field's biases to the next's
    TARGET = 13  # [field], [strip], [row]
    LENGTH = 14  # [strip]; or [row] first slot, and one past the last
    ADDEND = 15  # [field], or -1
    FACTOR = 16  # of the addend, a place in the biases
    PAIR = 17
    ACTIVATION = 18
    PARAMETER = 19
