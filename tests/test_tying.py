"""Sharing that is restored after it was dissolved, and layers that share one array."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from drawn import layered_graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import build, convolutions, images, randomize, run, transposed

import neurograph as ng

SOME = settings(deadline=None, max_examples=25)


def by_name(graph: ng.Graph) -> Counter[tuple[str, str, str]]:
    names = graph.neuron_name, graph.weight_name, graph.neuron_name
    return Counter(tuple(f(i) for f, i in zip(names, t, strict=True)) for t in triples_of(graph))


def same(found: ng.Graph, wanted: ng.Graph) -> None:
    """The same names, connections, values and outputs, but for dead weights."""
    assert ng.verify(found).ok, ng.verify(found).problems
    found, wanted = ng.drop_dead(found), ng.drop_dead(wanted)
    assert by_name(found) == by_name(wanted)
    assert not ng.diff(wanted, found).weights
    assert ng.count(found).total.trainable == ng.count(wanted).total.trainable
    given = images(wanted)
    np.testing.assert_allclose(run(found, *given), run(wanted, *given), rtol=1e-12, atol=1e-12)


# ---- what unsharing took apart ------------------------------------------------------------------


def test_a_transposed_convolution_is_restored() -> None:
    graph = build(ng.ConvTranspose2d(1, 2, stride=2, name="T"), shape=(3, 4, 4))
    apart = ng.unshare(graph, "T")
    assert (len(graph.weights), len(apart.weights)) == (13, 64 * 3 + 64)
    same(ng.tie(apart, "T"), graph)
    small = build(ng.ConvTranspose2d(1, 2, stride=2, bias=None, name="T"), shape=(1, 4, 4))
    assert len(ng.tie(ng.unshare(small, "T"), "T").weights) == 4


@SOME
@given(st.one_of(transposed(), convolutions()))
def test_any_convolution_is_restored(case: Any) -> None:
    layer, shape = case
    graph = build(layer, shape=shape)
    apart = ng.unshare(graph, layer.name)
    assert ng.verify(apart).ok
    if apart.weights.dissolved:
        same(ng.tie(apart, layer.name), graph)
        twice = ng.unshare(apart, layer.name)
        same(ng.tie(twice, layer.name), graph)


@SOME
@given(layered_graphs(), st.data())
def test_any_layer_is_restored_after_a_file(graph: ng.Graph, data: Any) -> None:
    import tempfile

    layers = [name for name, layer in graph.layers.items() if layer.kind != "Input"]
    name = data.draw(st.sampled_from(layers))
    apart = ng.unshare(graph, name)
    with tempfile.TemporaryDirectory() as directory:
        ng.save(apart, f"{directory}/graph.npz")
        again = ng.load(f"{directory}/graph.npz")
    assert again.weights.dissolved.keys() == apart.weights.dissolved.keys()
    if f"{name}.kernel" in apart.weights.dissolved:
        same(ng.tie(again, name), ng.drop_dead(graph))


def test_a_pattern_is_restored_and_cuts_made_between_stay() -> None:
    turns = np.stack([np.rot90(np.arange(9).reshape(3, 3), k) for k in range(4)])[:, None]
    graph = build(ng.Conv2d(4, 3, padding=1, pattern=turns, name="P"), shape=(1, 5, 5))
    apart = ng.unshare(graph, "P")
    same(ng.tie(apart, "P"), graph)
    up = build(ng.ConvTranspose2d(2, 3, stride=2, name="T"), shape=(1, 3, 3))
    gone = up.incoming("T[1, 2, 2]")
    wanted = ng.cut(up, gone)
    apart = ng.unshare(up, "T")
    same(ng.tie(ng.cut(apart, apart.incoming("T[1, 2, 2]")), "T"), wanted)


def test_a_tied_weight_has_the_mean_of_what_it_was_taken_apart_to() -> None:
    graph = build(ng.ConvTranspose2d(1, 2, stride=2, bias=None, name="T"), shape=(1, 2, 2))
    apart = randomize(ng.unshare(graph, "T"), seed=5)
    apart.rename_array("T.kernel", "T.own")
    tied = ng.tie(apart, "T")
    kernel = apart.weights["T.own"]
    assert tied.weights.names["T.own"].shape == (1, 1, 2, 2)
    for u in range(2):
        for v in range(2):
            own = kernel[0, u::2, v::2]
            live = apart.weights.names["T.own"].ids[0, u::2, v::2] >= 0
            wanted = own[live].mean()
            np.testing.assert_allclose(tied.weights["T.own"][0, 0, u, v], wanted)


def test_a_file_without_the_record_and_a_wrong_one(tmp_path: Any) -> None:
    graph = build(ng.ConvTranspose2d(1, 2, stride=2, name="T"), shape=(1, 2, 2))
    ng.save(graph, tmp_path / "old.npz")
    ng.save(ng.unshare(graph, "T"), tmp_path / "new.npz")
    assert b"dissolved" not in (tmp_path / "old.npz").read_bytes()
    assert b"dissolved" in (tmp_path / "new.npz").read_bytes()


def test_several_layers_are_unshared_at_once() -> None:
    graph = three()
    both = ng.unshare(graph, ["A", "B", "D"])
    assert not ng.diff(both, ng.unshare(ng.unshare(ng.unshare(graph, "A"), "B"), "D"))
    assert ng.count(both).total.trainable > ng.count(graph).total.trainable
    for wrong in ([], ["A", "Z"], [["A"]]):
        with pytest.raises(ng.GraphError):
            ng.unshare(graph, wrong)


# ---- layers that share one array ----------------------------------------------------------------


def autoencoder(bias: bool = True) -> ng.Graph:
    graph = ng.Graph()
    x = graph.add(ng.Input((8,), name="x"))
    code = graph.add(ng.Linear(3, activation="tanh", bias=bias, name="encoder"), x)
    graph.add(ng.Linear(8, bias=bias, name="decoder"), code)
    return randomize(graph, 4)


@pytest.mark.parametrize("bias", [True, False])
def test_a_decoder_is_tied_to_its_encoder_as_in_torch(bias: bool) -> None:
    torch = pytest.importorskip("torch")
    graph = autoencoder(bias)
    tied = ng.tie(graph, ["encoder", "decoder"], transpose=True)
    kernel = (graph.weights["encoder.kernel"] + graph.weights["decoder.kernel"].T) / 2
    np.testing.assert_allclose(tied.weights["encoder.kernel"], kernel)
    total = ng.count(tied).total
    assert total.trainable == 24 + (11 if bias else 0)
    assert total.connections == ng.count(graph).total.connections
    assert ng.verify(tied).ok
    (x,) = images(graph)
    w = torch.tensor(kernel, requires_grad=True)
    b, c = (
        torch.tensor(tied.weights[f"{n}.bias"]) if bias else None for n in ("encoder", "decoder")
    )
    linear = torch.nn.functional.linear
    wanted = linear(torch.tanh(linear(torch.tensor(x), w, b)), w.T, c)
    sim = ng.Simulator(tied, engine="scipy", dtype="float64")
    np.testing.assert_allclose(sim(x), wanted.detach().numpy(), rtol=1e-10)
    seed = np.random.default_rng(0).normal(size=wanted.shape)
    (wanted * torch.tensor(seed)).sum().backward()
    found, _ = sim.pullback(x, seed)
    ids = tied.weights.names["encoder.kernel"].ids
    np.testing.assert_allclose(found[ids], w.grad.numpy(), atol=1e-10)


def three() -> ng.Graph:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 4, 4), name="x"))
    for name in ("A", "B", "C"):
        x = graph.add(ng.Conv2d(2, 3, padding=1, activation="tanh", name=name), x)
    graph.add(ng.Conv2d(2, 3, padding=1, weights="B", name="D"), x)
    return randomize(graph, 3)


@pytest.mark.parametrize("bias", [True, False])
def test_layers_tied_are_one_convolution_again_and_again(bias: bool) -> None:
    torch = pytest.importorskip("torch")
    graph = three()
    tied = ng.tie(graph, ["A", "B", "C"], bias=bias)
    kernel = np.mean([graph.weights[f"{n}.kernel"] for n in "ABC"], axis=0)
    np.testing.assert_allclose(tied.weights["A.kernel"], kernel)
    assert ng.count(tied).total.trainable == 36 + (2 if bias else 6)
    assert tied.layer("B").arrays == (() if bias else ("B.bias",))
    assert tied.layer("D").arrays == ()  # it borrowed B's, and has A's now
    assert ng.verify(tied).ok
    (x,) = images(graph)
    state = torch.tensor(x)
    for name in "ABCB":
        values = tied.weights["A.bias" if bias else f"{name}.bias"]
        state = torch.nn.functional.conv2d(
            state, torch.tensor(kernel), torch.tensor(np.array(values)), padding=1
        )
        state = torch.tanh(state)
    last = np.arctanh(state.numpy())  # D has no activation
    np.testing.assert_allclose(run(tied, x), last, rtol=1e-9)
    with_triples = Counter((s, t) for s, _, t in triples_of(graph))
    assert with_triples == Counter((s, t) for s, _, t in triples_of(tied))


def test_a_transposed_convolution_undoes_its_convolution() -> None:
    torch = pytest.importorskip("torch")
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 5, 5), name="x"))
    down = graph.add(ng.Conv2d(3, 3, stride=2, bias=None, name="down"), x)
    graph.add(ng.ConvTranspose2d(2, 3, stride=2, bias=None, name="up"), down)
    tied = ng.tie(randomize(graph), ["down", "up"])
    (given,) = images(tied)
    kernel = torch.tensor(np.array(tied.weights["down.kernel"]))
    inner = torch.nn.functional.conv2d(torch.tensor(given), kernel, stride=2)
    wanted = torch.nn.functional.conv_transpose2d(inner, kernel, stride=2)
    np.testing.assert_allclose(run(tied, given), wanted.numpy(), rtol=1e-10, atol=1e-12)
    assert len(tied.weights) == 54


def test_tables_are_joined_and_drawn_and_saved(tmp_path: Any) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 3, 3), name="x"))
    graph.add(ng.Conv2d(2, 2, table=[[0], [1]], name="A"), x)
    graph.add(ng.Conv2d(2, 2, table=[[1], [0, 1]], name="B"), x)
    tied = ng.tie(randomize(graph), ["A", "B"])
    assert len(tied.weights) == 4 * 4 + 2
    assert (tied.weights.names["A.kernel"].ids >= 0).all()
    assert len(tied.connections) == len(graph.connections)
    value = tied.weights["A.kernel"]
    np.testing.assert_allclose(value[0, 1], graph.weights["B.kernel"][0, 1])  # A had none
    ng.save(tied, tmp_path / "graph.npz")
    assert not ng.diff(ng.load(tmp_path / "graph.npz"), tied)
    apart = ng.Graph()
    x = apart.add(ng.Input((2, 3, 3), name="x"))
    apart.add(ng.Conv2d(2, 2, table=[[0], [1]], bias=None, name="A"), x)
    apart.add(ng.Conv2d(2, 2, table=[[1], [0]], bias=None, name="B"), x)
    assert len(ng.tie(apart, ["A", "B"]).weights) == 16  # nothing in common: one array of both


def test_a_kernel_tied_to_itself_transposed_is_symmetric() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((3,), name="x"))
    a = graph.add(ng.Linear(3, bias=None, name="A"), x)
    graph.add(ng.Linear(3, bias=None, weights="A", name="B"), a)
    tied = ng.tie(randomize(graph), ["A", "B"], transpose=True)
    assert len(tied.weights) == 6
    assert ng.verify(tied).ok
    w = graph.weights["A.kernel"]
    w = (w + w.T) / 2
    (given,) = images(graph)
    np.testing.assert_allclose(run(tied, given), given @ w @ w, rtol=1e-10)


def test_tied_layers_draw_as_the_first_does() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((4,), name="x"))
    a = graph.add(ng.Linear(4, initializer="he_normal", name="A"), x)
    graph.add(ng.Linear(4, initializer="zeros", name="B"), a)
    tied = ng.tie(graph, ["A", "B"])
    for some in (graph, tied):
        some.weights.initialize(seed=3)
    np.testing.assert_array_equal(tied.weights["A.kernel"], graph.weights["A.kernel"])


def test_one_layer_may_keep_its_biases_when_it_is_tied() -> None:
    options: dict[str, Any] = {"shared": False, "bias": "neuron"}
    graph = build(ng.Conv2d(2, 2, name="L", **options), shape=(1, 3, 3))
    tied = ng.tie(graph, ["L"], bias=False)
    assert ng.count(tied)["L"].trainable == 2 * 4 + 2 * 4
    np.testing.assert_array_equal(tied.weights["L.bias"], graph.weights["L.bias"])
    np.testing.assert_allclose(tied.weights["L.kernel"], graph.weights["L.kernel"].mean((1, 2)))


@pytest.mark.parametrize(
    ("layers", "options", "match"),
    [
        (["encoder", "decoder"], {}, r"shape \(8, 3\), needed that of encoder.kernel, \(3, 8\)"),
        (["encoder", "decoder"], {"transpose": 1}, "tie: transpose is 1, needed True or False"),
        (["encoder"], {"transpose": True}, "found one layer to tie transposed"),
        (["encoder", "encoder"], {}, "found a layer twice"),
        ([], {}, "needed the name of one or more"),
        ([["encoder"], "decoder"], {}, "needed the name of one or more"),
        (["encoder", "coder"], {}, "layer 'coder' is unknown; did you mean"),
        (["encoder", "x"], {}, "the kernels of x use none, needed one array"),
        ("encoder", {"bias": None}, "tie: bias is None"),
        (b"encoder", {}, "layer b'encoder' is unknown"),
        (5, {}, "layer 5 is unknown"),
        (["encoder", "plain"], {}, "biases of plain use none, needed one array; bias=False"),
        (["encoder", "fixed"], {}, r"encoder.kernel\[0, 0\] is trainable and fixed.kernel"),
    ],
)  # fmt: skip
def test_layers_that_cannot_be_tied(layers: Any, options: Any, match: str) -> None:
    graph = autoencoder()
    graph.add(ng.Linear(3, bias=None, name="plain"), "x")
    graph.add(ng.Linear(3, name="fixed"), "x")
    graph = ng.freeze(graph, "fixed.kernel")
    with pytest.raises(ng.GraphError, match=match):
        ng.tie(graph, layers, **options)
