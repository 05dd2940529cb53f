"""Data sets: handwritten digits, carried in the package or read from files.

Imports nothing of networks; `data/` holds what the package carries.
"""

from neurograph.datasets.handwritten import Digits, digits, mnist, normalize, read_idx

__all__ = ["Digits", "digits", "mnist", "normalize", "read_idx"]
