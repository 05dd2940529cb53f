"""What is of a wholly wrong type is refused by name, wherever the facade takes something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurograph as ng

WRONG = [None, 5, 1.5, "x", b"x", [1, 2], {}, object(), int]
X, LABELS = np.zeros((3, 4)), [0, 1, 1]

Call = Callable[[Any], Any]


def net() -> ng.Graph:
    return ng.models.mlp((4, 3, 2))


def sim() -> ng.Simulator:
    return ng.Simulator(net(), engine="scipy")


def fit(*, graph: Any = None, **options: Any) -> ng.History:
    graph = net() if graph is None else graph
    given = {"engine": "scipy", "progress": False, "passes": 1, **options}
    return ng.fit(graph, X, LABELS, **given)


def said(call: Call, wrong: Any) -> str:
    """Return what the library's own error says; any other exception passes."""
    try:
        call(wrong)
    except ng.NeurographError as error:
        return str(error)
    pytest.fail(f"{wrong!r} was taken")


TAKES_A_GRAPH: dict[str, Call] = {
    "compile": ng.compile,
    "count": ng.count,
    "verify": ng.verify,
    "simulator": ng.Simulator,
    "cut": lambda wrong: ng.cut(wrong, lambda block: block.weight == 0),
    "prune": lambda wrong: ng.prune(wrong, {}),
    "tie": lambda wrong: ng.tie(wrong, "N1"),
    "unshare": lambda wrong: ng.unshare(wrong, "N1"),
    "subgraph": lambda wrong: ng.subgraph(wrong, [6]),
    "drop_dead": ng.drop_dead,
    "explain": lambda wrong: ng.explain(wrong, 6, np.zeros(4)),
    "cone": lambda wrong: ng.cone(wrong, 6),
    "receptive_field": lambda wrong: ng.receptive_field(wrong, 6),
    "projective_field": lambda wrong: ng.projective_field(wrong, 6),
    "to_networkx": ng.to_networkx,
    "load_state": lambda wrong: ng.models.load_state(wrong, {}),
}


@pytest.mark.parametrize("who", TAKES_A_GRAPH)
def test_what_takes_a_graph_says_what_it_got(who: str) -> None:
    for wrong in WRONG:
        found = {type(None): "None", type: "the class int"}.get(type(wrong), type(wrong).__name__)
        message = said(TAKES_A_GRAPH[who], wrong)
        assert message.startswith(f"{who}: found {found}, needed a Graph"), message
    with pytest.raises(ng.GraphError, match="found the class Graph"):
        TAKES_A_GRAPH[who](ng.Graph)


# name -> (what the message says, the call, which of WRONG are right there)
OTHERS: dict[str, tuple[str, Call, tuple[Any, ...]]] = {
    "save": ("to save, needed a Graph", lambda wrong: ng.save(wrong, "x.npz"), ()),
    "from_networkx": ("from_networkx: found", ng.from_networkx, ()),
    "fit": ("needed a Graph", lambda wrong: ng.fit(wrong, X, LABELS), ()),
    "error_rate": ("needed a Simulator", lambda wrong: ng.error_rate(wrong, X, LABELS), ()),
    "load": ("", ng.load, ()),
    "save path": ("needed a path", lambda wrong: ng.save(net(), wrong), ("x",)),
    "read_idx": ("", ng.datasets.read_idx, ()),
    "mnist": ("mnist: ", ng.datasets.mnist, (None,)),
    "mnist split": ("found split", lambda wrong: ng.datasets.mnist("x", split=wrong), ()),
    "digits": ("digits: found count", ng.datasets.digits, (None, 5)),
    "normalize": ("normalize: found", ng.datasets.normalize, ()),
    "normalize size": (
        "normalize: ",
        lambda wrong: ng.datasets.normalize(np.zeros((1, 2, 2), int), size=wrong),
        ([1, 2],),
    ),
    "loss": ("loss", lambda wrong: sim().gradient(X, LABELS, wrong), ()),
    "fit loss": ("loss", lambda wrong: fit(loss=wrong), (None,)),
    "fit optimizer": ("optimizer", lambda wrong: fit(optimizer=wrong), (None,)),
    "fit distortion": ("needed a Distortion", lambda wrong: fit(distortion=wrong), (None,)),
    "fit checkpoint": ("fit: checkpoint", lambda wrong: fit(checkpoint=wrong), (None, "x")),
    "engine": ("engine", lambda wrong: ng.Simulator(net(), engine=wrong), ()),
    "verify block": ("verify: block", lambda wrong: ng.verify(net(), block=wrong), (5,)),
    "verify threads": ("verify: threads", lambda wrong: ng.verify(net(), threads=wrong), (5,)),
    "verify progress": (
        "as progress, needed a function",
        lambda wrong: ng.verify(net(), progress=wrong),
        (None, int),
    ),
    "depth": ("depth", lambda wrong: ng.receptive_field(net(), 6, depth=wrong), (None, 5)),
    "cut layer": (
        "layer",
        lambda wrong: ng.cut(net(), lambda block: block.weight == 0, layer=wrong),
        (None, {}),
    ),
    "layer": ("layer", lambda wrong: net().layer(wrong), ()),
    "tie layer": ("layer", lambda wrong: ng.tie(net(), wrong), ()),
    "unshare layer": ("layer", lambda wrong: ng.unshare(net(), wrong), (None,)),
    "weights=": (
        "layer",
        lambda wrong: net().add(ng.Linear(2, weights=wrong), [1, 2]),
        (None,),
    ),
    "matrix": ("layer", lambda wrong: sim().matrix(wrong), (None,)),
    "matrix values": ("needed", lambda wrong: ng.compile(net()).matrix("N1", wrong), (None,)),
    "states": ("states: ", lambda wrong: sim().states(X)[wrong], (5, [1, 2])),
    "decide": ("decide: found ", lambda wrong: sim().decide(wrong), ()),
    "pullback": ("output gradient", lambda wrong: sim().pullback(X, wrong), ()),
    "descend": (
        "rates: found",
        lambda wrong: sim().descend(X, LABELS, "cross_entropy", wrong),
        (),
    ),
    "weights[]": ("", lambda wrong: net().weights[wrong], ()),
    "weights[] =": ("", lambda wrong: net().weights.__setitem__(wrong, 1.0), ()),
    "assign": ("needed arrays by name", net().weights.assign, ({},)),
    "initialize": (
        "initialize: ",
        lambda wrong: net().weights.initialize(initializer=wrong),
        (None, 5, 1.5),
    ),
    "from_connections": (
        "name",
        lambda wrong: ng.Graph.from_connections([(1, 0, 2)], inputs=[1], name=wrong),
        ("x",),
    ),
    "combine": ("combine", ng.Function, ()),
    "reduce": ("reduce", lambda wrong: ng.Function("multiply", wrong), ()),
    "load_state": (
        "needed arrays by name",
        lambda wrong: ng.models.load_state(net(), wrong),
        ({}, "x"),  # "x" is a file that is not there
    ),
    "create": ("model", ng.models.create, ()),
    "input_shape": (
        "lenet5_modern",
        lambda wrong: ng.models.lenet5_modern(input_shape=wrong),
        (),
    ),
    "radixnet": ("radixnet", lambda wrong: ng.models.radixnet(radix=wrong, layers=1), (5,)),
    "scale": ("found scale", ng.CorrectPenalty, (5, 1.5)),
    "rubbish": ("found rubbish", ng.DiscriminativePenalty, (5, 1.5)),
    "low": ("found low", ng.MeanSquaredError, (5, 1.5)),
    "rate": ("SGD: found rate", ng.SGD, (5, 1.5, [1, 2])),
    "momentum": ("found momentum", lambda wrong: ng.SGD(momentum=wrong), (5, 1.5)),
    "betas": ("found betas", lambda wrong: ng.Adam(betas=wrong), ()),
    "mu": ("found mu", lambda wrong: ng.StochasticDiagonalLM(mu=wrong), (5, 1.5)),
    "patterns": ("found patterns", lambda wrong: ng.StochasticDiagonalLM(patterns=wrong), (5,)),
    "shift": ("found shift", ng.Distortion, (5, 1.5)),
    "background": (
        "distortion: background is",
        lambda wrong: ng.Distortion(background=wrong),
        (5, 1.5),
    ),
    "trainable": (
        "B: trainable is",
        lambda wrong: net().add(ng.RBF(np.ones((2, 2)), trainable=wrong, name="B"), [1, 2]),
        (),
    ),
    "distortion rng": (
        "as rng, needed a NumPy Generator",
        lambda wrong: ng.Distortion()(np.zeros((1, 2, 2)), wrong),
        (),
    ),
    "distortion": (
        "distortion: found ",
        lambda wrong: ng.Distortion()(wrong, np.random.default_rng(0)),
        (),
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_takes_something_else_says_so_too(what: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # where there is no file "x"
    message, call, right = OTHERS[what]
    for wrong in WRONG:
        if not any(wrong is taken or wrong == taken for taken in right):
            assert message in said(call, wrong), wrong
    assert not list(tmp_path.iterdir())


def test_the_class_of_a_loss_or_an_optimizer_is_none() -> None:
    with pytest.raises(ng.DataError, match=r"loss: found the class CrossEntropy, needed a name"):
        fit(loss=ng.CrossEntropy)
    with pytest.raises(ng.DataError, match=r"optimizer: found the class SGD, needed a name"):
        fit(optimizer=ng.SGD)
    with pytest.raises(ng.DataError, match=r"distortion is the class Distortion, needed"):
        fit(distortion=ng.Distortion)


def test_numpy_numbers_are_numbers() -> None:
    assert ng.SGD(np.float32(0.5)).rate == 0.5
    assert ng.StochasticDiagonalLM(patterns=np.int64(3)).patterns == 3
    assert len(ng.datasets.digits(np.int32(2))) == 2
