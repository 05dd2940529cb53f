"""Compiled kernels: LLVM code emitted by shape, interpreters of op tables, plans from Programs.

Needs numba (the extra `fast`); only the engines, training and counting that want compiled code
import this package.
"""
