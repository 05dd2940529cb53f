"""ImageNet-sized graphs: exact counts by enumeration, and agreement with torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.graph.usage import used_weights
from neurograph.models import imagenet

WINDOWED = ("Conv2d", "Linear")


def products(graph: ng.Graph, counts: ng.Counts) -> tuple[int, int]:
    """Return (slots, live connections) of convolutions and linear layers, biases left out."""
    rows = [counts[x.name] for x in graph.layers.values() if x.kind in WINDOWED]
    padded = sum(r.slots - r.bias_connections for r in rows)
    return padded, sum(r.connections - r.bias_connections for r in rows)


def convolution_kernels(graph: ng.Graph) -> list[str]:
    return [f"{x.name}.kernel" for x in graph.layers.values() if x.kind == "Conv2d"]


# ---- counts -------------------------------------------------------------------------------------


def test_vgg16_has_its_published_parameters_and_fewer_connections_than_padded_macs() -> None:
    graph = imagenet.vgg16()
    counts = ng.count(graph)
    assert counts.total.parameters == 138_357_544
    assert products(graph, counts) == (15_470_264_320, 14_969_824_000)
    assert counts.total.bias_connections == 13_556_712
    assert counts.total.dead == 0
    assert not graph.weights.allocated


@pytest.mark.parametrize(
    ("model", "parameters", "padded", "real"),
    [
        ("alexnet", 61_100_840, 714_188_480, 657_918_720),
        ("mobilenet_v2", 3_504_872, 300_774_272, 299_676_304),
    ],
)
def test_networks_at_224(model: str, parameters: int, padded: int, real: int) -> None:
    graph = getattr(imagenet, model)()
    counts = ng.count(graph)
    assert counts.total.parameters == parameters
    assert products(graph, counts) == (padded, real)


@pytest.mark.parametrize(
    ("model", "parameters"), [("resnet18", 11_689_512), ("resnet50", 25_557_032)]
)
def test_resnet_parameters_do_not_depend_on_the_image(model: str, parameters: int) -> None:
    graph = getattr(imagenet, model)(input_shape=(3, 32, 32))
    assert ng.count(graph).total.parameters == parameters


def test_resnet18_at_32_has_dead_weights() -> None:
    graph = imagenet.resnet18(input_shape=(3, 32, 32))
    counts = ng.count(graph)
    assert products(graph, counts) == (37_523_456, 22_174_464)
    assert counts.total.dead == 6_946_816
    dead = [r.name for r in counts if r.dead]
    assert all(graph.layer(name).kind == "Conv2d" for name in dead)
    assert ng.verify(graph).ok


@pytest.mark.parametrize(
    ("model", "side", "dead"),
    [("mobilenet_v2", 32, 25_920), ("mobilenet_v2", 64, 0), ("resnet18", 64, 0)],
)
def test_dead_weights_of_small_images(model: str, side: int, dead: int) -> None:
    graph = getattr(imagenet, model)(input_shape=(3, side, side))
    assert ng.count(graph).total.dead == dead


def test_what_is_too_large_says_so_before_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = imagenet.resnet18(input_shape=(3, 32, 32))
    monkeypatch.setattr("neurograph.memory.physical", lambda: 1_000_000)
    with pytest.raises(
        ng.EngineError, match=r"scipy engine: would take 6\d\d\.\d MB, the limit is"
    ):
        ng.Simulator(graph, engine="scipy")
    with pytest.raises(ng.GraphError, match=r"matrix of conv1: would take 38\.5 MB, the limit is"):
        ng.compile(graph).matrix("conv1")


# ---- against torch ------------------------------------------------------------------------------


def loaded(model: str, side: int) -> tuple[ng.Graph, Any]:
    """A graph and the same network in torch, with the same weights."""
    pytest.importorskip("torch")
    import torch_nets

    graph = getattr(imagenet, model)(input_shape=(3, side, side))
    net = torch_nets.build(model)
    ng.models.load_state(graph, {key: value.numpy() for key, value in net.state_dict().items()})
    return graph, net


@pytest.mark.parametrize(
    ("model", "side"),
    [("resnet18", 64), ("resnet50", 33), ("mobilenet_v2", 64)],
)
def test_agrees_with_torch_on_the_same_weights(model: str, side: int) -> None:
    pytest.importorskip("numba")
    graph, net = loaded(model, side)
    import torch

    images = np.random.default_rng(0).standard_normal((3, 3, side, side)).astype(np.float32)
    with torch.no_grad():
        wanted = net(torch.from_numpy(images)).numpy()
    found = ng.Simulator(graph, engine="numba")(images)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * float(np.abs(wanted).max()))


def test_scipy_agrees_with_torch_and_states_have_torch_s_feature_maps() -> None:
    pytest.importorskip("numba")
    graph, net = loaded("resnet18", 32)
    import torch

    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32)).astype(np.float32)
    kept = {}
    net.layer2.register_forward_hook(lambda _, given, out: kept.update(x=out.numpy()))
    net.bn1.register_forward_hook(lambda _, given, out: kept.update(conv1=given[0].numpy()))
    with torch.no_grad():
        wanted = net(torch.from_numpy(images)).numpy()
    for engine in ("scipy", "numba"):
        states = ng.Simulator(graph, engine=engine).states(images)
        for layer, value in (("layer2.1.add", kept["x"]), ("conv1", kept["conv1"]), ("fc", wanted)):
            close = 1e-5 * float(np.abs(value).max())
            np.testing.assert_allclose(states[layer], value, atol=close)


def test_dead_weights_are_those_without_a_gradient() -> None:
    torch = pytest.importorskip("torch")
    graph, net = loaded("resnet18", 32)
    for module in net.modules():  # a ReLU has zero gradients of its own
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ReLU):
                setattr(module, name, torch.nn.Softplus())
    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32)).astype(np.float32)
    net(torch.from_numpy(images)).square().sum().backward()
    used = used_weights(graph.table, graph.weights.count)
    for name, parameter in net.named_parameters():
        if name.endswith("weight") and parameter.ndim == 4:
            ids = graph.weights.names[name.removesuffix("weight") + "kernel"].ids
            np.testing.assert_array_equal(parameter.grad.numpy() != 0, used[ids])


def test_load_state_refuses_what_does_not_fit() -> None:
    graph = imagenet.mobilenet_v2(input_shape=(3, 32, 32), classes=3)
    state = _state_of(graph)
    ng.models.load_state(graph, {**state, "features.0.1.num_batches_tracked": 7})
    assert graph.weights["features.0.1.center"][0] == pytest.approx(-0.5 / np.sqrt(4 + 1e-5))
    before = graph.weights.value
    for change, message in (
        ({"features.0.0.weight": None}, r"nothing for features\.0\.0\.weight"),
        ({"head.weight": np.ones(3)}, r"the graph has no head\.weight"),
        ({"classifier.1.bias": np.ones(4)}, r"classifier\.1\.bias has shape \(4,\), needed \(3,\)"),
        ({"features.0.1.running_var": None}, "features.0.1.running_var"),
    ):
        wrong = {k: v for k, v in {**state, **change}.items() if v is not None}
        with pytest.raises(ng.ConversionError, match=message):
            ng.models.load_state(graph, wrong)
    np.testing.assert_array_equal(graph.weights.value, before)


def test_load_state_takes_a_checkpoint_and_what_torch_writes_in_it() -> None:
    graph = imagenet.mobilenet_v2(input_shape=(3, 32, 32), classes=3)
    plain = {
        k: np.random.default_rng(0).uniform(1, 2, v.shape) for k, v in _state_of(graph).items()
    }
    ng.models.load_state(graph, plain)
    wanted = graph.weights.value
    mask = np.random.default_rng(1).random(plain["classifier.1.weight"].shape) < 0.5
    pruned = {f"module.{k}": v for k, v in plain.items() if k != "classifier.1.weight"}
    pruned["module.classifier.1.weight_orig"] = plain["classifier.1.weight"]
    pruned["module.classifier.1.weight_mask"] = mask
    for given in (
        {"state_dict": plain, "epoch": 3},
        {"model": {f"_orig_mod.{k}": v for k, v in plain.items()}, "optimizer": {"lr": 1}},
    ):
        graph.weights.initialize()
        ng.models.load_state(graph, given)
        np.testing.assert_array_equal(graph.weights.value, wanted)
    ng.models.load_state(graph, {"state_dict": pruned})
    kernel = graph.weights["classifier.1.kernel"]
    np.testing.assert_array_equal(kernel, plain["classifier.1.weight"] * mask)
    del pruned["module.classifier.1.weight_orig"]
    for wrong, message in (
        (pruned, "classifier.1.weight_mask needs classifier.1.weight_orig"),
        ({**plain, 5: 1.0}, "found the name 5, needed text"),
        ({**plain, "fc": {"weight": 1}}, "state: fc: found dict, needed real numbers"),
        ({**plain, "features.0.1.running_var": np.full(32, -1.0)}, "is not above 0"),
        ({**plain, "classifier.1.bias": np.ones(3, complex)}, "classifier.1.bias: found .*complex"),
    ):
        with pytest.raises(ng.ConversionError, match=message):
            ng.models.load_state(graph, wrong)


def _state_of(graph: ng.Graph) -> dict[str, np.ndarray]:
    """A state dictionary of ones with the graph's shapes; batch norms have mean 0.5, variance 4."""
    state = {}
    named = {"kernel": "weight", "bias": "bias", "scale": "weight", "shift": "bias"}
    for name in graph.weights:
        layer, _, kind = name.rpartition(".")
        shape = graph.weights.names[name].shape
        if kind in named:
            state[f"{layer}.{named[kind]}"] = np.ones(shape)
        elif kind == "center":
            state[f"{layer}.running_mean"] = np.full(shape, 0.5)
            state[f"{layer}.running_var"] = np.full(shape, 4.0)
    return state
