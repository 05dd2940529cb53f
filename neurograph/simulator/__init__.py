"""The simulator: a graph with an engine, and the states it has.

Imports graphs, programs, engines and the gradient; training and explanation stand above.
"""

from neurograph.simulator.images import check_images, real_array
from neurograph.simulator.simulator import Simulator
from neurograph.simulator.states import States

__all__ = ["Simulator", "States", "check_images", "real_array"]
