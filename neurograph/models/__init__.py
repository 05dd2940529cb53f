"""Networks from the literature, wired neuron by neuron.

>>> from neurograph import models
>>> models.create("lenet5").layer("C3").ids.shape
(16, 10, 10)
"""

from __future__ import annotations

from collections.abc import Callable

from neurograph.errors import GraphError, shown, suggestion
from neurograph.graph import Graph
from neurograph.models.carried import CARRIED, provenance
from neurograph.models.classic import concept, mlp, zipcode1989
from neurograph.models.imagenet import (
    alexnet,
    mobilenet_v2,
    resnet18,
    resnet50,
    vgg16,
)
from neurograph.models.lenet import LENET5_C3, LENET5_CODES, lenet5, lenet5_modern
from neurograph.models.radixnet import radixnet
from neurograph.models.state import load_state
from neurograph.models.state_files import save_state

MODELS: dict[str, Callable[..., Graph]] = {
    "lenet5": lenet5,
    "lenet5_modern": lenet5_modern,
    "concept": concept,
    "zipcode1989": zipcode1989,
    "mlp": mlp,
    "alexnet": alexnet,
    "vgg16": vgg16,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "mobilenet_v2": mobilenet_v2,
    "radixnet": radixnet,
}


def create(name: str) -> Graph:
    """Return the model `name` with its defaults; GraphError with the nearest names if unknown."""
    if not isinstance(name, str) or name not in MODELS:
        raise GraphError(f"model {shown(name)} is unknown{suggestion(name, MODELS)}")
    return MODELS[name]()


__all__ = [
    "CARRIED",
    "LENET5_C3",
    "LENET5_CODES",
    "MODELS",
    "alexnet",
    "concept",
    "create",
    "lenet5",
    "lenet5_modern",
    "load_state",
    "mlp",
    "mobilenet_v2",
    "provenance",
    "radixnet",
    "resnet18",
    "resnet50",
    "save_state",
    "vgg16",
    "zipcode1989",
]
