"""Convolutional networks as graphs of explicit neurons, weights and connections.

>>> import neurograph as ng
>>> total = ng.count(ng.models.lenet5()).total
>>> total.parameters, total.connections
(60000, 340908)
"""

from typing import Any

from neurograph import datasets, models
from neurograph.counting import Counts, Row, Verification, count, verify
from neurograph.edit import (
    Difference,
    connect,
    cut,
    diff,
    drop_dead,
    freeze,
    merge,
    prune,
    rewire,
    subgraph,
    tie,
    unfreeze,
    unshare,
)
from neurograph.errors import (
    ConversionError,
    DataError,
    EngineError,
    GraphError,
    MissingDependency,
    NeurographError,
    TrainingError,
)
from neurograph.explanation import Explanation, explain
from neurograph.functions import Function
from neurograph.gradient import Gradient
from neurograph.graph import (
    Connections,
    Graph,
    Layer,
    Preprocessing,
    Symmetry,
    cone,
    in_degree,
    out_degree,
    projective_field,
    receptive_field,
    symmetry,
    uses,
)
from neurograph.layers import (
    RBF,
    Activation,
    Add,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Input,
    Linear,
    MaxPool2d,
    Multiply,
    Sparse,
    Subsample2d,
)
from neurograph.losses import (
    CorrectPenalty,
    CrossEntropy,
    DiscriminativePenalty,
    MeanSquaredError,
)
from neurograph.program import Program
from neurograph.program.compiler import compile
from neurograph.simulator import Simulator, States
from neurograph.storage import load, save
from neurograph.training.distortions import Distortion
from neurograph.training.optimizers import SGD, Adam, StochasticDiagonalLM

__version__ = "0.1.0"

__all__ = [
    "RBF",
    "SGD",
    "Activation",
    "Adam",
    "Add",
    "Audit",
    "AvgPool2d",
    "BatchNorm2d",
    "Connections",
    "Conv2d",
    "ConvTranspose2d",
    "ConversionError",
    "CorrectPenalty",
    "Counts",
    "CrossEntropy",
    "DataError",
    "Difference",
    "DiscriminativePenalty",
    "Distortion",
    "EngineError",
    "Estimate",
    "Explanation",
    "Function",
    "Gradient",
    "Graph",
    "GraphError",
    "History",
    "Input",
    "Layer",
    "Linear",
    "MaxPool2d",
    "MeanSquaredError",
    "MissingDependency",
    "Multiply",
    "NeurographError",
    "Preprocessing",
    "Program",
    "Reconciliation",
    "Row",
    "Simulator",
    "Sparse",
    "States",
    "StochasticDiagonalLM",
    "Subsample2d",
    "Symmetry",
    "TrainingError",
    "Verification",
    "audit",
    "compile",
    "cone",
    "connect",
    "count",
    "cut",
    "datasets",
    "diff",
    "drop_dead",
    "error_rate",
    "estimate",
    "explain",
    "explore",
    "fit",
    "freeze",
    "from_csv",
    "from_networkx",
    "from_onnx",
    "from_parquet",
    "from_pyg",
    "from_torch",
    "in_degree",
    "load",
    "merge",
    "models",
    "out_degree",
    "projective_field",
    "prune",
    "receptive_field",
    "reconcile",
    "rewire",
    "save",
    "subgraph",
    "symmetry",
    "tie",
    "to_csv",
    "to_networkx",
    "to_onnx",
    "to_parquet",
    "to_pyg",
    "to_torch",
    "unfreeze",
    "unshare",
    "uses",
    "verify",
]

# name -> the module that has it, imported when the name is first used.
_LAZY: dict[str, str] = {
    "Audit": "neurograph.auditing",
    "History": "neurograph.training",
    "audit": "neurograph.auditing",
    "estimate": "neurograph.auditing",
    "Estimate": "neurograph.auditing",
    "error_rate": "neurograph.training",
    "Explorer": "neurograph.explorer.widget",
    "explore": "neurograph.explorer",
    "fit": "neurograph.training",
    "from_networkx": "neurograph.convert.networkx",
    "from_pyg": "neurograph.convert.pyg",
    "from_parquet": "neurograph.convert.parquet",
    "from_csv": "neurograph.convert.csv",
    "from_onnx": "neurograph.convert.onnx",
    "from_torch": "neurograph.convert.torch",
    "onnx": "neurograph.onnx",
    "plot": "neurograph.plot",
    "to_networkx": "neurograph.convert.networkx",
    "to_onnx": "neurograph.convert.onnx_export",
    "to_torch": "neurograph.torch",
    "to_pyg": "neurograph.convert.pyg",
    "to_parquet": "neurograph.convert.parquet",
    "to_csv": "neurograph.convert.csv",
    "reconcile": "neurograph.auditing",
    "Reconciliation": "neurograph.auditing",
    "torch": "neurograph.torch",
}


def __getattr__(name: str) -> Any:
    """Import what needs a slower or an optional package only when it is asked for."""
    import importlib

    if name not in _LAZY:
        raise AttributeError(f"module 'neurograph' has no attribute {name!r}")
    module = importlib.import_module(_LAZY[name])
    return module if _LAZY[name].endswith(f".{name}") else getattr(module, name)


def __dir__() -> list[str]:
    return __all__
