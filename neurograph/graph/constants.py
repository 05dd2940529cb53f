"""The constants of a graph: units of fixed state."""

from __future__ import annotations


class Constants(dict[int, float]):
    """The state of each constant by id, in the order they were added.

    >>> constants = Constants({0: 1.0})
    >>> before = constants.extent; constants[7] = -1.0; constants.shrink(before); constants
    {0: 1.0}
    """

    @property
    def extent(self) -> int:
        """How many there are, to `shrink` to."""
        return len(self)

    def shrink(self, extent: int) -> None:
        """Take back what was added since `extent` was read."""
        while len(self) > extent:
            self.popitem()
