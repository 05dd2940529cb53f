"""State dictionaries in safetensors files: read by safetensors itself, and read back."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph import memory
from neurograph.models import load_state, save_state

pytest.importorskip("safetensors")
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def small(seed: int = 0) -> ng.Graph:
    graph = ng.Graph()
    x = graph.add(ng.Conv2d(2, 3, name="C"), graph.add(ng.Input((1, 5, 5))))
    graph.add(ng.Linear(3, name="out"), graph.add(ng.BatchNorm2d(name="norm"), x))
    graph.weights.initialize(seed=seed)
    return graph


def test_safetensors_reads_the_state_dictionary(tmp_path: Path) -> None:
    graph, path = small(), tmp_path / "net.safetensors"
    save_state(graph, path)
    state, found = graph.state_dict(), load_file(path)
    assert found.keys() == state.keys()
    for name, values in state.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].shape == values.shape
    with safe_open(path, "numpy") as file:
        assert file.metadata() == {"format": "pt"}
    save_state(graph, path, dtype="float32")
    assert {a.dtype for a in load_file(path).values()} == {np.dtype("float32")}


def test_a_graph_takes_a_file_back(tmp_path: Path) -> None:
    graph, other, path = small(1), small(2), tmp_path / "net.safetensors"
    save_state(graph, path)
    load_state(other, str(path))
    for name, values in graph.state_dict().items():
        np.testing.assert_allclose(other.state_dict()[name], values, rtol=1e-12)
    state = graph.state_dict()
    del state["out.bias"]
    for wrong in (state, graph.state_dict() | {"more": np.ones(1)}):
        before = other.weights.value.copy()
        save_file(wrong, path)
        with pytest.raises(ng.ConversionError, match=r"out\.bias|more"):
            load_state(other, path)
        np.testing.assert_array_equal(other.weights.value, before)


def test_torch_takes_the_file(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file as load

    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(8, 2)
    )
    graph, path = ng.from_torch(module, torch.ones(1, 1, 4, 4)), tmp_path / "net.safetensors"
    graph.weights.value = np.arange(graph.weights.count) / 8.0
    save_state(graph, path)
    module.load_state_dict(load(path))
    images = np.random.default_rng(0).uniform(-1, 1, (3, 1, 4, 4)).astype("float32")
    with torch.no_grad():
        wanted = module(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(ng.Simulator(graph, engine="scipy")(images), wanted, rtol=1e-5)


def test_what_is_no_such_file(tmp_path: Path) -> None:
    graph, path = small(), tmp_path / "net.safetensors"
    header = json.dumps({"C.weight": {"dtype": "F64", "shape": [9], "data_offsets": [0, 72]}})
    for content in (b"", b"\x80\x04pickle", struct.pack("<Q", 2**62), header.encode()):
        path.write_bytes(content)
        with pytest.raises(ng.ConversionError, match=r"net\.safetensors"):
            load_state(graph, path)
    for wrong in (tmp_path, tmp_path / "none"):
        with pytest.raises(ng.ConversionError, match="cannot be read"):
            load_state(graph, wrong)
    save_state(graph, path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(whole)
        broken[rng.integers(len(broken))] = rng.integers(256)
        path.write_bytes(broken)
        with suppress(ng.NeurographError):  # anything else fails
            load_state(graph, path)
    path.write_bytes(whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "physical", lambda: 100)
        with pytest.raises(ng.ConversionError, match="would take"):
            load_state(graph, path)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    graph = small()
    with pytest.raises(ng.ConversionError, match="'int8'"):
        save_state(graph, tmp_path / "x", dtype="int8")
    with pytest.raises(ng.ConversionError, match="written"):
        save_state(graph, tmp_path / "no" / "where")
    graph.weights["C.bias"] = 1e300
    with pytest.raises(ng.ConversionError, match=r"C\.bias"):
        save_state(graph, tmp_path / "x", dtype="float32")
    assert not list(tmp_path.iterdir())
