"""Counting: by the graph's rows (`count`), and by every triple, one by one (`verify`).

Reads graphs only; for speed `verify` may use compiled kernels. No count comes from a formula.
"""

from neurograph.counting.counts import OTHER, Counts, Row, count
from neurograph.counting.verification import Verification, verify

__all__ = ["OTHER", "Counts", "Row", "Verification", "count", "verify"]
