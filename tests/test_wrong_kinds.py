"""Every public function and method is given every wrong kind of thing in every place.

Nothing but the library's own errors may come out, or success where the thing is right there. What
is public and not listed here fails, so that a new function brings its line.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import networkx as nx
import numpy as np
import pytest

import neurograph as ng
from neurograph.graph.view import View
from neurograph.graph.weights import Weights

try:
    import torch
except ImportError:
    torch = None
X, LABELS, IMAGE = np.zeros((3, 4)), [0, 1, 1], np.zeros((1, 8, 8))
COLOURS = np.zeros((1, 4, 4, 3), np.uint8)
GREY = np.zeros((2, 8, 8), np.uint8)


def kinds() -> Iterator[tuple[str, Any]]:
    """Yield what users hand in by mistake, one of each kind."""
    yield from {
        "ragged": [[1.0], [1.0, 2.0]],
        "None": None,
        "[None]": [None],
        "text": "qq",
        "bytes": b"x",
        "huge": 10**30,
        "beyond float": 10**400,
        "unwritable": 10**5000,
        "negative": -1,
        "half": 0.5,
        "nan": float("nan"),
        "complex": 1j,
        "complexes": np.ones((2, 2), complex),
        "objects": np.array([None, "x"], object),
        "masked": np.ma.masked_array([1.0, 2.0], [True, False]),
        "set": {1},
        "dict": {1: 2},
        "object": object(),
        "class": int,
        "dates": np.array(["2020-01-01"], "datetime64[D]"),
        "3-D": np.zeros((2, 2, 2)),
        "nested": {"a": {"b": [1j]}},
    }.items()
    if torch is None:
        return
    yield "bfloat16", torch.ones(2, dtype=torch.bfloat16)
    yield "half tensor", torch.ones((3, 4), dtype=torch.float16)
    yield "grad", torch.ones((3, 4), requires_grad=True)
    yield "parameter", torch.nn.Parameter(torch.ones(()))
    yield "grads", [torch.ones(2, requires_grad=True)]
    yield "meta", torch.ones(2, device="meta")


KINDS = dict(kinds())


def net() -> ng.Graph:
    return ng.models.mlp((4, 3, 2))


def sim() -> ng.Simulator:
    return ng.Simulator(net(), engine="scipy")


@dataclasses.dataclass(frozen=True)
class Call:
    """A right call: what makes the function, and its arguments; `right` ones are not replaced."""

    function: Callable[[], Callable[..., Any]]
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    right: tuple[tuple[Any, str], ...] = ()  # (place, kind) that would be right, and slow


def call(function: Callable[[], Callable[..., Any]], *args: Any, **options: Any) -> Call:
    return Call(function, args, options)


def layer(make: Any, *sources: Any, **options: Any) -> Call:
    """Return a call that adds a layer of these parameters to a small graph."""

    def wired() -> Callable[..., Any]:
        graph = ng.Graph()
        for i, shape in enumerate(sources):
            graph.add(ng.Input(shape, name=f"x{i}"))
        return lambda **given: graph.add(make(**given), *(f"x{i}" for i in range(len(sources))))

    every = {f.name: f.default for f in dataclasses.fields(make) if f.init}
    return Call(wired, (), {**every, **options, "name": "L"})


MAPS = (2, 4, 4)
G = net()
NX = ng.to_networkx(G)
TRIPLES = [(1, 0, 3), (2, 1, 3)]
FIT = {"passes": 1, "engine": "scipy", "progress": False, "batch": 2, "seed": 0}

FUNCTIONS: dict[str, Call] = {
    "RBF": layer(ng.RBF, (2,), centers=np.ones((2, 2))),
    "Activation": call(lambda: ng.Activation, "leaky_relu", 0.1, name="L"),
    "Add": layer(ng.Add, MAPS, MAPS),
    "AvgPool2d": layer(ng.AvgPool2d, MAPS, kernel_size=2),
    "BatchNorm2d": layer(ng.BatchNorm2d, MAPS),
    "Conv2d": layer(ng.Conv2d, MAPS, out_channels=2, kernel_size=2),
    "ConvTranspose2d": layer(ng.ConvTranspose2d, MAPS, out_channels=2, kernel_size=2),
    "Input": layer(ng.Input, shape=(2,)),
    "Linear": layer(ng.Linear, (2,), out_features=2),
    "MaxPool2d": layer(ng.MaxPool2d, MAPS, kernel_size=2),
    "Multiply": layer(ng.Multiply, MAPS, MAPS),
    "Sparse": layer(ng.Sparse, (2,), out_features=2, links=[(0, 1)]),
    "Subsample2d": layer(ng.Subsample2d, MAPS, kernel_size=2),
    "SGD": call(lambda: ng.SGD, rate=0.1, momentum=0.1, decay=0.1),
    "Adam": call(lambda: ng.Adam, rate=0.1, betas=(0.1, 0.2), epsilon=0.1, decay=0.1),
    "StochasticDiagonalLM": call(
        lambda: ng.StochasticDiagonalLM, rate=0.1, mu=0.1, patterns=5, estimates=1
    ),
    "CorrectPenalty": call(lambda: ng.CorrectPenalty, 1.0),
    "CrossEntropy": call(lambda: ng.CrossEntropy),
    "DiscriminativePenalty": call(lambda: ng.DiscriminativePenalty, 1.0, 1.0),
    "MeanSquaredError": call(lambda: ng.MeanSquaredError, -1.0, 1.0),
    "Distortion": call(lambda: ng.Distortion, 1.0, 0.1, 0.1, 0.1),
    "Connections": call(lambda: ng.Connections, [1], [0], [3]),
    "Function": call(lambda: ng.Function, "multiply", "sum", "tanh"),
    "Preprocessing": call(lambda: ng.Preprocessing, (2, 2), (0.5,), (0.25,), 3),
    "Graph": call(lambda: ng.Graph),
    "Simulator": call(lambda: ng.Simulator, G, engine="scipy", dtype="float32", threads=1),
    "compile": call(lambda: ng.compile, G),
    "cone": call(lambda: ng.cone, G, 6),
    "connect": call(lambda: ng.connect, G, [(1, 0, 6)], values=None, trainable=None),
    "count": call(lambda: ng.count, G),
    # What a user's own function raises is the user's.
    "cut": Call(lambda: ng.cut, (G, np.zeros(23, bool)), {"layer": None}, ((1, "class"),)),
    "diff": call(lambda: ng.diff, G, net(), by="name"),
    "drop_dead": call(lambda: ng.drop_dead, G),
    "error_rate": call(lambda: ng.error_rate, sim(), X, LABELS),
    "explain": call(lambda: ng.explain, G, 6, np.zeros(4), engine="scipy"),
    "fit": Call(lambda: ng.fit, (net(), X, LABELS), FIT, (("passes", "*"),)),
    "freeze": call(lambda: ng.freeze, G, "N1.kernel"),
    "from_networkx": call(lambda: ng.from_networkx, NX),
    "from_networkx of any": call(
        lambda: ng.from_networkx,
        nx.DiGraph([("a", "b")]),
        weight="weight",
        inputs=["a"],
        outputs=["b"],
        functions=ng.Function(),
    ),
    "in_degree": call(lambda: ng.in_degree, G),
    "load": call(lambda: ng.load, "there-is-none.npz"),
    "out_degree": call(lambda: ng.out_degree, G),
    "projective_field": call(lambda: ng.projective_field, G, 1, depth=1),
    "prune": call(lambda: ng.prune, G, {"N1.kernel": np.ones((3, 4), bool)}),
    "prune by fraction": call(lambda: ng.prune, G, fraction=0.5, by="magnitude", scope="global"),
    "receptive_field": call(lambda: ng.receptive_field, G, 6, depth=1),
    "save": call(lambda: ng.save, G, "x.npz"),
    "subgraph": call(lambda: ng.subgraph, G, [6]),
    "symmetry": call(lambda: ng.symmetry, G, "N1", fix=("inputs", "outputs")),
    "tie": call(lambda: ng.tie, G, "N1"),
    "to_networkx": call(lambda: ng.to_networkx, G, neurons=[6], view="weights", plain=False),
    "unfreeze": call(lambda: ng.unfreeze, G, "N1.kernel"),
    "unshare": call(lambda: ng.unshare, G, "N1"),
    "uses": call(lambda: ng.uses, G),
    "verify": call(lambda: ng.verify, G, block=99, threads=1, compiled=False, progress=None),
    "merge": call(lambda: ng.merge, G, net(), feed={"input": ["N1", 1]}, prefix="b."),
    "rewire": call(lambda: ng.rewire, G, np.eye(1, 23, dtype=bool)[0], 2, layer=None),
    "tie layers": call(lambda: ng.tie, G, ["N1"], transpose=False, bias=True),
    "models.create": call(lambda: ng.models.create, "mlp"),
    "models.mlp": call(lambda: ng.models.mlp, (4, 3, 2)),
    "models.lenet5": call(lambda: ng.models.lenet5, input_shape=(1, 32, 32), weights="mnist"),
    "explore": call(lambda: ng.explore, G, "x.html", samples=np.ones((1, 4)), labels=[1]),
    "audit": call(lambda: ng.audit, G, None, input_shapes=None, zeros="keep"),
    "models.concept": call(lambda: ng.models.concept),
    "models.zipcode1989": call(lambda: ng.models.zipcode1989, seed=0),
    "models.lenet5_modern": call(lambda: ng.models.lenet5_modern, input_shape=(1, 32, 32), seed=0),
    "models.resnet18": Call(
        lambda: ng.models.resnet18,
        (),
        {"input_shape": (3, 8, 8), "classes": 2},
        (("classes", "*"),),  # as Linear's
    ),
    "models.radixnet": call(lambda: ng.models.radixnet, neurons=64, layers=1, radix=8),
    "models.provenance": call(lambda: ng.models.provenance, "lenet5", "mnist"),
    "models.load_state": call(lambda: ng.models.load_state, net(), {"N1.weight": X}, epsilon=0.1),
    "datasets.digits": call(lambda: ng.datasets.digits, 2),
    "datasets.normalize": call(lambda: ng.datasets.normalize, GREY, size=(9, 9)),
    "datasets.read_idx": call(lambda: ng.datasets.read_idx, "there-is-none"),
    "datasets.mnist": Call(lambda: ng.datasets.mnist, (".",), {"split": "test"}, ((0, "None"),)),
    "datasets.grey_levels": call(lambda: ng.datasets.grey_levels, GREY, "me"),
    "datasets.dark_on_light": call(lambda: ng.datasets.dark_on_light, GREY),
    "datasets.crops_of": call(lambda: ng.datasets.crops_of, COLOURS, size=(2, 2), resize=2),
    "datasets.resize": call(lambda: ng.datasets.resize, GREY, (4, 4)),
}

# What has no call of its own: errors, modules, and what only the library makes.
NO_CALL = {
    *(name for name in ng.__all__ if name.endswith("Error")),
    *("Audit", "MissingDependency", "Counts", "Difference", "Explanation", "Gradient", "History"),
    *(
        "Estimate",
        "Layer",
        "Program",
        "Reconciliation",
        "Row",
        "States",
        "Symmetry",
        "Verification",
        "datasets",
        "models",
    ),
}

GRADIENT = (X, LABELS, "cross_entropy")
METHODS: dict[str, dict[str, Call]] = {
    "Graph": {
        "add": call(lambda: net().add, ng.Linear(2, name="L"), [1, 2]),
        "adjacency": call(lambda: lambda: next(G.adjacency())),
        "add_constant": call(lambda: net().add_constant, "c", 1.0),
        "from_connections": call(
            lambda: ng.Graph.from_connections,
            TRIPLES,
            inputs=[1, 2],
            functions=ng.Function(),
            outputs=[3],
            values=[1.0, 2.0],
            trainable=[True, False],
            name="n",
        ),
        "function": call(lambda: G.function, 6),
        "incoming": call(lambda: G.incoming, 6),
        "is_directed": call(lambda: G.is_directed),
        "is_multigraph": call(lambda: G.is_multigraph),
        "label": call(lambda: net().label, [6], "y"),
        "layer": call(lambda: G.layer, "N1"),
        "neuron_id": call(lambda: G.neuron_id, "N1", (0,)),
        "neuron_name": call(lambda: G.neuron_name, 6),
        "neurons_of": call(lambda: G.neurons_of, "N1"),
        "number_of_edges": call(lambda: G.number_of_edges),
        "number_of_nodes": call(lambda: G.number_of_nodes),
        "order": call(lambda: G.order),
        "outgoing": call(lambda: G.outgoing, 1),
        "select": call(lambda: G.select, layer="N1", source=1, weight=0, target=5),
        "sharing": call(lambda: G.sharing, 0),
        "state_dict": call(lambda: G.state_dict),
        "summary": call(lambda: G.summary),
        "weight_id": call(lambda: G.weight_id, "N1.kernel", (0, 0)),
        "weight_name": call(lambda: G.weight_name, 0),
        "__getitem__": call(lambda: G.__getitem__, "N1"),
        "__contains__": call(lambda: G.__contains__, "N1"),
        "outputs": call(lambda: lambda ids: setattr(net(), "outputs", ids), [6]),
    },
    "Weights": {
        "assign": call(lambda: net().weights.assign, {"N1.bias": [1, 2, 3]}),
        "assign one": call(lambda: lambda v: net().weights.assign({"N1.bias": v}), [1, 2, 3]),
        "beyond": call(lambda: net().weights.beyond, 1.0),
        "initialize": call(lambda: net().weights.initialize, seed=1, initializer="zeros"),
        "set": call(lambda: net().weights.set, [0, 1], [1.0, 2.0]),
        "value": call(lambda: lambda v: setattr(net().weights, "value", v), np.zeros(23)),
        "__getitem__": call(lambda: G.weights.__getitem__, "N1.bias"),
        "__setitem__": call(lambda: net().weights.__setitem__, "N1.bias", 1.0),
    },
    "Simulator": {
        "__call__": call(sim, X),
        "classify": call(lambda: sim().classify, X),
        "curvature": call(lambda: sim().curvature, *GRADIENT),
        "decide": call(lambda: sim().decide, np.zeros((3, 2))),
        "descend": call(lambda: sim().descend, *GRADIENT, np.ones(23)),
        "gradient": call(lambda: sim().gradient, *GRADIENT, inputs=True),
        "matrix": call(lambda: sim().matrix, "N1"),
        "not_finite": call(lambda: sim().not_finite),
        "pullback": call(lambda: sim().pullback, X, np.zeros((3, 2)), inputs=True),
        "states": call(lambda: sim().states, X),
    },
    "States": {"__getitem__": call(lambda: sim().states(X).__getitem__, "N1")},
    "Counts": {
        "__getitem__": call(lambda: ng.count(G).__getitem__, "N1"),
        "as_dict": call(lambda: ng.count(G).as_dict),
        "columns": call(lambda: ng.count(G).columns),
        "remarks": call(lambda: ng.count(G).remarks),
        "to_pandas": call(lambda: ng.count(G).to_pandas),
    },
    "Connections": {
        "keep": call(lambda: lambda: G.incoming(6).keep(slice(0, 1))),
        "names": call(lambda: G.incoming(6).names),
        "to_coo": call(lambda: G.incoming(6).to_coo),
        "to_pandas": call(lambda: G.incoming(6).to_pandas),
    },
    "View": {
        "all": call(lambda: G.connections.all),
        "blocks": call(lambda: lambda size: list(G.connections.blocks(size)), 5),
        "narrowed": call(lambda: lambda: G.connections.narrowed(targets=np.array([5]))),
        "to_coo": call(lambda: G.connections.to_coo),
        "to_pandas": call(lambda: G.connections.to_pandas),
    },
    "Program": {"matrix": call(lambda: ng.compile(G).matrix, "N1", np.ones(23))},
    "Distortion": {
        "__call__": call(ng.Distortion, IMAGE, np.random.default_rng(0)),
        "draw": call(lambda: ng.Distortion().draw, 2, np.random.default_rng(0)),
    },
}
CLASSES = {"Weights": Weights, "View": View}
# How graphs are built from inside layers, converters and files: ids that the library itself made.
BUILDERS = {
    "Graph": {"add_inputs", "add_neurons", "add_weights", "assemble", "function_id"}
    | {"rename_array", "require_free", "bring"},
    "Weights": {"add", "of", "rename", "shrink"},
    "Program": {"of"},
    "Distortion": {"apply"},
}


def every_call() -> Iterator[tuple[str, Call]]:
    yield from FUNCTIONS.items()
    for owner, methods in METHODS.items():
        for name, method in methods.items():
            yield f"{owner}.{name}", method


CALLS = dict(every_call())
if torch is None:
    NO_CALL |= {"estimate", "from_torch", "reconcile", "to_torch"}
else:
    FUNCTIONS["to_torch"] = CALLS["to_torch"] = call(
        lambda: ng.to_torch, G, form="layers", dtype="float32"
    )
    FUNCTIONS["estimate"] = CALLS["estimate"] = call(
        lambda: ng.estimate, torch.nn.Linear(2, 2), torch.zeros(1, 2)
    )
    FUNCTIONS["reconcile"] = CALLS["reconcile"] = call(
        lambda: ng.reconcile, torch.nn.Linear(2, 2), torch.zeros(1, 2), tool="FlopCounterMode"
    )
    FUNCTIONS["from_torch"] = CALLS["from_torch"] = call(
        lambda: ng.from_torch, torch.nn.Linear(2, 2), torch.zeros(1, 2), kwargs=None, name="x"
    )

try:
    import matplotlib
except ImportError:
    pass
else:
    from neurograph.training import History
    from neurograph.training.history import Pass

    matplotlib.use("Agg")

    def drawn(name: str) -> Callable[[], Callable[..., Any]]:
        """Return what makes a function that draws a picture, and closes it."""
        import matplotlib.pyplot as plt

        def draw(*args: Any, **options: Any) -> None:
            getattr(ng.plot, name)(*args, **options)
            plt.close("all")

        return lambda: draw

    CODES = ng.Graph()
    CODES.add(ng.RBF(np.ones((2, 4))), CODES.add(ng.Input((4,))))
    PICTURES = {
        "table": call(drawn("table"), G, "N1", ax=None),
        "matrix": call(drawn("matrix"), G, "N1", targets=[5], sources=[1], ax=None),
        "degree": call(drawn("degree"), G, "N1", direction="in", ax=None),
        "field": call(drawn("field"), G, 6, X[0], layers=["N1"], ax=None),
        "uses": call(drawn("uses"), G, "N1", ax=None),
        "maps": call(drawn("maps"), G, X[0], layers=["N1"], ax=None),
        "kernels": call(drawn("kernels"), G, "N1", array="N1.kernel", ax=None),
        "codes": call(drawn("codes"), CODES, X[0], layer=None, shape=(2, 2), ax=None),
        "overview": call(drawn("overview"), G, layers=["input", "N1"], ax=None),
        "learning": call(drawn("learning"), History([Pass(0.5, 0.1, 0.1, None, 1.0)]), ax=None),
    }
    for picture, given in PICTURES.items():
        FUNCTIONS[f"plot.{picture}"] = CALLS[f"plot.{picture}"] = given

try:
    import onnx_nets
except pytest.skip.Exception:
    NO_CALL |= {"from_onnx", "to_onnx"}
else:
    ONNX = onnx_nets.model([onnx_nets.node("Relu")], {"x": (1, 2)}).SerializeToString()
    FUNCTIONS["from_onnx"] = CALLS["from_onnx"] = call(
        lambda: ng.from_onnx, ONNX, input_shapes=None, zeros="keep"
    )
    FUNCTIONS["to_onnx"] = CALLS["to_onnx"] = call(
        lambda: ng.to_onnx, G, form="layers", dtype="float32"
    )


# Models built by the same function as a listed one, and readers that take a directory.
ALIKE = {"models.resnet50", "models.mobilenet_v2", "datasets.pictures", "datasets.class_folders"}
ALIKE |= {"datasets.center_crops", "datasets.is_picture", "models.alexnet", "models.vgg16"}


def read_back(kind: str) -> Callable[..., Any]:
    """Return what reads a table that it has written before."""

    def read(*args: Any, **options: Any) -> None:
        getattr(ng, f"to_{kind}")(net(), f"net.{kind}", by="name")
        getattr(ng, f"from_{kind}")(*args, **options)

    return read


ENDS = {"inputs": ["input[0]"], "outputs": ["output[0]"], "functions": ng.Function()}
FUNCTIONS["to_csv"] = CALLS["to_csv"] = call(lambda: ng.to_csv, G, "x.csv", by="id")
FUNCTIONS["from_csv"] = CALLS["from_csv"] = call(lambda: read_back("csv"), "net.csv", **ENDS)
try:
    import pyarrow  # noqa: F401
except ImportError:
    NO_CALL |= {"to_parquet", "from_parquet"}
else:
    FUNCTIONS["to_parquet"] = CALLS["to_parquet"] = call(
        lambda: ng.to_parquet, G, "x.parquet", by="name"
    )
    FUNCTIONS["from_parquet"] = CALLS["from_parquet"] = call(
        lambda: read_back("parquet"), "net.parquet"
    )
try:
    import safetensors  # noqa: F401
except ImportError:
    ALIKE |= {"models.save_state"}
else:
    FUNCTIONS["models.save_state"] = CALLS["models.save_state"] = call(
        lambda: ng.models.save_state, G, "x.safetensors", dtype="float32"
    )
NO_CALL |= {"to_pyg", "from_pyg"}  # slow to import: tests/test_pyg.py hands them wrong kinds


def test_every_public_name_has_a_call() -> None:
    listed = {name.split()[0] for name in FUNCTIONS}
    assert set(ng.__all__) - NO_CALL <= listed
    for module in (ng.models, ng.datasets):
        short = module.__name__.rpartition(".")[2]
        public = {n for n in module.__all__ if inspect.isfunction(getattr(module, n))}
        assert {f"{short}.{n}" for n in public} - listed <= ALIKE


@pytest.mark.parametrize("owner", METHODS)
def test_every_public_method_has_a_call(owner: str) -> None:
    kind = CLASSES.get(owner) or getattr(ng, owner)
    public = {n for n, found in inspect.getmembers(kind, callable) if n[0] != "_"}
    missing = public - set(METHODS[owner]) - BUILDERS.get(owner, set())
    if owner == "States":
        missing -= {"get", "items", "keys", "values"}
    assert not missing


@pytest.mark.parametrize("name", CALLS)
def test_the_call_is_right(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = CALLS[name]
    if name in ("load", "datasets.read_idx", "datasets.mnist", "models.load_state"):
        with pytest.raises(ng.NeurographError, match=r"there-is-none|mnist|nothing for"):
            given.function()(*given.args, **given.options)
    else:
        given.function()(*given.args, **given.options)


def replaced(given: Call) -> Iterator[tuple[Any, str, Callable[[], Any]]]:
    """Yield (place, kind, the call with that kind in that place)."""
    for place in (*range(len(given.args)), *given.options):
        for kind, wrong in KINDS.items():
            if (place, kind) in given.right or (place, "*") in given.right:
                continue
            args, options = list(given.args), dict(given.options)
            if isinstance(place, int):
                args[place] = wrong
            else:
                options[place] = wrong
            yield place, kind, lambda a=args, o=options: given.function()(*a, **o)


@pytest.mark.parametrize("name", CALLS)
def test_wrong_kinds(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some kinds are a file's name
    leaks = []
    for place, kind, tried in replaced(CALLS[name]):
        try:
            tried()
        except ng.NeurographError as error:
            if len(str(error)) > 1000:
                leaks.append(f"{place}={kind}: a message of {len(str(error)):,} characters")
        except Exception as error:
            leaks.append(f"{place}={kind}: {type(error).__name__}: {str(error)[:90]}")
    assert not leaks, "\n".join(leaks)


def test_networkx_graphs_are_still_what_they_were() -> None:
    assert nx.utils.graphs_equal(NX, ng.to_networkx(net()))  # no call has changed what is shared
