"""Testing: what other people's tests need, a call and a fixture for pytest (`plugin`)."""

from neurograph.testing.counts import assert_counts

__all__ = ["assert_counts"]
