"""Programs: what an engine runs, ids and steps without values; and the compiler that makes them.

This package hands on the Program alone: engines and kernels import it and know nothing of graphs.
The compiler (`neurograph.program.compiler`), which knows both, is imported by its own name.
"""

from neurograph.program.program import Program
from neurograph.program.reaching import Parts, reaching
from neurograph.program.soundness import check_program
from neurograph.program.steps import Blocks, Ids, Rows, Step, join_rows

__all__ = [
    "Blocks",
    "Ids",
    "Parts",
    "Program",
    "Rows",
    "Step",
    "check_program",
    "join_rows",
    "reaching",
]
