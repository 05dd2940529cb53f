"""Graphs in files: nothing is lost, and nothing wrong is taken for a graph."""

import json
import os
import pickle
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.functions import ACTIVATIONS, COMBINE, REDUCE, Activation
from neurograph.graph.table import Table
from neurograph.graph.weights import Weights
from neurograph.names import AXES_MAX
from neurograph.storage import archive, files
from neurograph.storage import graphs as storage

QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def triples(graph: ng.Graph) -> list[tuple[int, int, int]]:
    return sorted(t for block in graph.connections for t in block)


def same_ids(a, b) -> None:
    assert a.shape == b.shape
    assert (a.explicit is None) == (b.explicit is None)
    np.testing.assert_array_equal(a.ids, b.ids)


def assert_equal(a: ng.Graph, b: ng.Graph) -> None:
    """Everything a graph holds, not only what it counts."""
    for column in ("field", "kernel", "bias", "function"):
        np.testing.assert_array_equal(getattr(a.table, column), getattr(b.table, column))
        assert getattr(a.table, column).dtype == getattr(b.table, column).dtype
    for rows in ("fields", "kernels"):
        for part in ("ptr", "ids"):
            ours, theirs = (getattr(getattr(g.table, rows), part) for g in (a, b))
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype
    assert a.functions == b.functions
    assert a.constants == b.constants
    assert [a.neuron_name(i) for i in a.constants] == [b.neuron_name(i) for i in b.constants]
    assert list(a.layers) == list(b.layers)
    for ours, theirs in zip(a.layers.values(), b.layers.values(), strict=True):
        assert (ours.name, ours.kind, ours.arrays) == (theirs.name, theirs.kind, theirs.arrays)
        same_ids(ours.neurons, theirs.neurons)
    assert list(a.weights) == list(b.weights)
    for name in a.weights:
        same_ids(a.weights.names[name], b.weights.names[name])
    np.testing.assert_array_equal(a.weights.trainable, b.weights.trainable)
    assert a.weights.allocated == b.weights.allocated
    assert [layer.name for layer in a.inputs] == [layer.name for layer in b.inputs]
    assert (a.explicit_outputs is None) == (b.explicit_outputs is None)
    np.testing.assert_array_equal(a.outputs, b.outputs)
    assert triples(a) == triples(b)
    np.testing.assert_array_equal(a.weights.value, b.weights.value)  # draws them, if need be


# ---- graphs drawn -------------------------------------------------------------------------------

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def functions(draw) -> ng.Function:
    name = draw(st.sampled_from(sorted(ACTIVATIONS)))
    parameters = tuple(draw(FINITE) for _ in ACTIVATIONS[name][0])
    return ng.Function(
        draw(st.sampled_from(sorted(COMBINE))),
        draw(st.sampled_from(sorted(REDUCE))),
        Activation(name, parameters),
    )


@st.composite
def bare_graphs(draw) -> ng.Graph:
    """Graphs of triples: shared weights, several connections of a pair, any finite value."""
    inputs, others = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    size, weights = 1 + inputs + others, draw(st.integers(1, 5))
    given_inputs = draw(st.permutations(range(1, size)))[:inputs]
    rest = [n for n in range(1, size) if n not in given_inputs]
    triple = st.tuples(st.integers(0, size - 1), st.integers(0, weights - 1), st.sampled_from(rest))
    connections = draw(st.lists(triple, min_size=1, max_size=30))
    used = 1 + max(w for _, w, _ in connections)
    chosen = {n: draw(functions()) for n in rest if draw(st.booleans())}
    return ng.Graph.from_connections(
        connections,
        inputs=given_inputs,
        functions=chosen,
        outputs=draw(st.sampled_from([None, rest, rest[:1]])) or rest,
        values=draw(st.lists(FINITE, min_size=used, max_size=used)),
        trainable=draw(st.lists(st.booleans(), min_size=used, max_size=used)),
    )


@st.composite
def layered_graphs(draw) -> ng.Graph:
    """Graphs of layers: tables, empty slots, borders, fixed weights, values drawn or not."""
    graph = ng.Graph()
    side, maps = draw(st.integers(4, 8)), draw(st.integers(1, 3))
    x = graph.add(ng.Input((maps, side, side), name="pixels"))
    out = draw(st.integers(1, 3))
    rows = st.sets(st.integers(0, maps - 1), min_size=1).map(lambda s: tuple(sorted(s)))
    table = draw(st.none() | st.lists(rows, min_size=out, max_size=out).map(tuple))
    c1 = graph.add(
        ng.Conv2d(
            out,
            draw(st.integers(1, 3)),
            stride=draw(st.integers(1, 2)),
            padding=draw(st.integers(0, 1)),
            table=table,
            bias=draw(st.sampled_from(["map", "neuron", None])),
            border=draw(st.sampled_from([None, -1.0, 0.25])),
            shared=draw(st.booleans()),
            activation=draw(st.sampled_from(["tanh", Activation("leaky_relu", (0.3,)), None])),
            initializer=draw(st.sampled_from(["lecun1998", "he_normal", 0.5])),
            name="C1",
        ),
        x,
    )
    flat = graph.add(ng.Linear(4, activation="scaled_tanh"), c1)
    rbf = graph.add(ng.RBF(np.arange(8.0).reshape(2, 4), name="RBF"), flat)
    if draw(st.booleans()):
        graph.outputs = flat[:2] if draw(st.booleans()) else rbf
    how = draw(st.sampled_from(["unallocated", "seed 0", "seed 7", "set"]))
    if how == "seed 0":
        graph.weights.initialize()
    elif how == "seed 7":
        graph.weights.initialize(seed=7)
    elif how == "set":
        graph.weights.value = np.linspace(-1, 1, graph.weights.count)
    return graph


@st.composite
def edited_graphs(draw) -> ng.Graph:
    """Cut, unshared, tied, reduced: slots cut, ids absent, arrays renamed, weights dead."""
    graph = draw(layered_graphs())
    chance = draw(st.floats(0.1, 0.6))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    edits = {
        "cut": lambda g: ng.cut(g, lambda some: rng.random(len(some)) < chance),
        "unshare": lambda g: ng.unshare(g, "C1"),
        "unshare and tie": lambda g: ng.tie(ng.unshare(g, "C1"), "C1"),
        "drop dead": ng.drop_dead,
        "subgraph": lambda g: ng.subgraph(g, ng.cone(g, g.layer("C1").neurons.present[:2])),
    }
    for name in draw(st.lists(st.sampled_from(sorted(edits)), min_size=1, max_size=2)):
        try:
            graph = edits[name](graph)
        except ng.GraphError:  # an edit may rule out the next: cut biases cannot be tied again
            reject()
        if "C1" not in graph.layers:
            break
    return graph


@QUICK
@given(graph=bare_graphs() | layered_graphs() | edited_graphs())
def test_a_graph_comes_back_as_it_was(graph, tmp_path):
    path = tmp_path / "graph.npz"
    ng.save(graph, path)
    again = ng.load(path)
    assert again.weights.allocated == graph.weights.allocated
    assert_equal(graph, again)
    ng.save(again, tmp_path / "again.npz")
    if graph.weights.allocated:
        ng.save(graph, path)  # comparing them has drawn the values
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


@QUICK
@given(graph=layered_graphs(), seed=st.integers(0, 2**40))
def test_a_loaded_graph_draws_what_the_saved_one_draws(graph, seed, tmp_path):
    ng.save(graph, tmp_path / "graph.npz")
    again = ng.load(tmp_path / "graph.npz")
    for each in (graph, again):
        each.weights.initialize(seed=seed)
    np.testing.assert_array_equal(graph.weights.value, again.weights.value)
    more = [each.add(ng.Linear(3), each.outputs) for each in (graph, again)]
    np.testing.assert_array_equal(*more)
    assert_equal(graph, again)


def test_values_not_drawn_take_no_room_and_come_out_the_same(tmp_path):
    graph = ng.Graph()
    x = graph.add(ng.Input((3, 8, 8)))
    c1 = graph.add(ng.Conv2d(4, 3, initializer="he_normal", name="C1"), x)
    graph.add(ng.Linear(5), graph.add(ng.BatchNorm2d(name="B1"), c1))
    ng.save(graph, tmp_path / "new.npz")
    again = ng.load(tmp_path / "new.npz")
    assert not again.weights.allocated
    assert not graph.weights.allocated
    with zipfile.ZipFile(tmp_path / "new.npz") as file:
        assert "value.npy" not in file.namelist()
    np.testing.assert_array_equal(graph.weights["C1.kernel"], again.weights["C1.kernel"])
    assert_equal(graph, again)


@pytest.mark.parametrize("name", ["lenet5", "zipcode1989", "concept", "lenet5_modern"])
def test_models_count_and_run_alike(name, tmp_path):
    graph = ng.models.create(name)
    ng.save(graph, tmp_path / f"{name}.npz")
    again = ng.load(tmp_path / f"{name}.npz")
    assert ng.count(again) == ng.count(graph)
    assert ng.verify(again).ok
    images = np.random.default_rng(0).uniform(-0.1, 1.1, (3, *graph.inputs[0].neurons.shape))
    ours, theirs = (ng.Simulator(g, engine="scipy")(images) for g in (graph, again))
    np.testing.assert_array_equal(ours, theirs)


DATA = Path(__file__).parent / "data"  # written by the first code that wrote this version


@pytest.mark.parametrize(
    ("name", "connections", "sources"), [("undrawn", 859, 28806), ("cut", 616, 28806)]
)
def test_files_written_before_still_load(name, connections, sources, tmp_path):
    path = DATA / f"format-1-{name}.npz"
    graph = ng.load(path)
    assert len(graph.connections) == connections
    assert int(graph.table.fields.ids.sum()) == sources
    assert list(graph.constants.values()) == [1.0, -1.0]
    assert str(graph.functions[0]) == "(multiply, sum) leaky_relu(0.25)"
    assert graph.outputs.shape == (2, 3, 3)
    ng.save(graph, tmp_path / "again.npz")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "again.npz") as new:
        assert old.read(archive.HEADER) == new.read(archive.HEADER)
    with np.load(path) as old, np.load(tmp_path / "again.npz") as new:
        assert old.files == new.files
        for part in old.files[1:]:
            np.testing.assert_array_equal(old[part], new[part])
    rng = np.random.default_rng([0, 0])  # seed and array, as the file says
    drawn = rng.standard_normal((2, 2, 3, 3)) / np.sqrt([[[[4.5]]], [[[9]]]])
    drawn[0, 1] = 0
    np.testing.assert_allclose(graph.weights["C1.kernel"], drawn, rtol=1e-15)


@pytest.mark.parametrize("axes", [0, 1, AXES_MAX])
def test_as_many_axes_as_a_graph_has(axes, tmp_path):
    shape = (1,) * (axes - 1) + (2,) * bool(axes)
    graph = ng.Graph()
    ids = graph.add_inputs("x", shape)
    values = np.arange(float(ids.size)).reshape(shape)
    graph.add_weights("w", "any", shape, initializer=values)
    graph.add_weights("v", "any", shape, present=values == 0)
    graph.outputs = ids
    for _ in range(2):
        ng.save(graph, tmp_path / "axes.npz")
        again = ng.load(tmp_path / "axes.npz")
        assert_equal(graph, again)
        assert again.outputs.shape == again.weights["w.any"].shape == shape
        graph.weights.initialize()  # now values are kept, and no recipes


def test_outputs_in_as_many_axes_as_numpy_has(tmp_path):
    graph, shape = ng.models.mlp((2, 1)), (1,) * 64
    try:
        graph.outputs = graph.outputs.reshape(shape)
    except ValueError:
        pytest.skip("NumPy has fewer axes")
    ng.save(graph, tmp_path / "axes.npz")
    assert ng.load(tmp_path / "axes.npz").outputs.shape == shape


def test_what_a_graph_cannot_be_is_not_saved(tmp_path):
    def fan_in(graph):
        graph.add_weights("w", "any", (2,), fan_in=np.nan)
        graph.weights.value = np.zeros(graph.weights.count)

    def seed(graph):
        graph.weights.initialize(seed=10**5000)

    def state(graph):
        graph._constants[0] = 2.0

    for spoil, said in ((fan_in, "the value nan"), (seed, "limit"), (state, "state is 2.0")):
        graph, path = ng.models.mlp((2, 1)), tmp_path / "graph.npz"
        spoil(graph)
        with pytest.raises(ng.ConversionError, match=f"{path}.*{said}"):
            ng.save(graph, path)
        assert list(tmp_path.iterdir()) == []


def test_numpy_opens_the_file_too(tmp_path):
    graph = ng.models.lenet5()
    ng.save(graph, tmp_path / "lenet5.npz")
    with np.load(tmp_path / "lenet5.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["value"], graph.weights.value)
        np.testing.assert_array_equal(arrays["kernels.ids"], graph.table.kernels.ids)
        assert arrays["trainable"].dtype == np.bool_


# ---- how it is written --------------------------------------------------------------------------


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "graph.npz"
    ng.save(ng.models.mlp((4, 3, 2)), path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ng.ConversionError, match=r"graph\.npz: cannot be written: No space left"):
        ng.save(ng.models.mlp((5, 3, 2)), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_leaves_nothing_behind(tmp_path):
    def interrupted():
        with files.replacing(tmp_path / "new") as stream:
            stream.write(b"half of")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions and links")
def test_links_and_permissions_are_kept(tmp_path):
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "graph.npz"
    link = tmp_path / "link.npz"
    link.symlink_to(target)
    old = os.umask(0o027)
    try:
        ng.save(ng.models.mlp((4, 3, 2)), link)
    finally:
        os.umask(old)
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    target.chmod(0o604)
    ng.save(ng.models.mlp((5, 3, 2)), link)
    assert stat.S_IMODE(target.stat().st_mode) == 0o604
    assert ng.load(link).inputs[0].neurons.shape == (5,)


@pytest.mark.parametrize("where", ["", "missing/graph.npz", "file/graph.npz"])
def test_places_that_cannot_be_written(where, tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(ng.ConversionError, match=f"{tmp_path}.*cannot be written"):
        ng.save(ng.models.mlp((2, 1)), tmp_path / where)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes to name")
def test_a_pipe_is_neither_replaced_nor_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ng.ConversionError, match="no ordinary file"):
        ng.save(ng.models.mlp((2, 1)), tmp_path / "pipe")
    with pytest.raises(ng.ConversionError, match="no ordinary file"):
        ng.load(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_file_without_permission_to_write_is_left_alone(tmp_path, monkeypatch):
    path = tmp_path / "graph.npz"
    path.write_bytes(b"precious")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anything
    with pytest.raises(ng.ConversionError, match="cannot be written: Permission denied"):
        ng.save(ng.models.mlp((2, 1)), path)
    assert path.read_bytes() == b"precious"


def test_only_graphs_are_saved(tmp_path):
    with pytest.raises(ng.ConversionError, match="found dict to save, needed a Graph"):
        ng.save({}, tmp_path / "graph.npz")


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    graph, path = ng.models.mlp((2, 1)), tmp_path / "graph.npz"
    graph.weights.value = [0, np.nan, np.inf]
    needed = r"graph.npz: the weight output.kernel\[0, 1\] to save is nan, needed a finite number"
    with pytest.raises(ng.ConversionError, match=needed):
        ng.save(graph, path)
    assert not path.exists()


# ---- files that are not ours, not whole, or not sound -------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 5, 5)))
    c1 = graph.add(ng.Conv2d(2, 3, padding=1, table=((0,), (0,)), name="C1"), x)
    graph.outputs = graph.add(ng.RBF(np.zeros((2, 50)), name="RBF"), c1)
    graph.weights.initialize()
    path = tmp_path_factory.mktemp("small") / "small.npz"
    ng.save(graph, path)
    return path


def refused(path: Path, match: str | None = None) -> None:
    with pytest.raises(ng.ConversionError, match=match) as caught:
        ng.load(path)
    assert str(path) in str(caught.value)


def test_every_truncation_is_refused(small, tmp_path):
    content = small.read_bytes()
    path = tmp_path / "cut.npz"
    for end in [*range(40), *range(40, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:end])
        refused(path)


def test_no_flipped_byte_gives_another_graph(small, tmp_path):
    """Most are refused; the few bytes no reader looks at (dates, say) change nothing."""
    content = bytearray(small.read_bytes())
    path, whole = tmp_path / "flipped.npz", ng.load(small)
    refusals = 0
    for at in range(0, len(content), 17):
        content[at] ^= 0x55
        path.write_bytes(content)
        content[at] ^= 0x55
        try:
            found = ng.load(path)
        except ng.ConversionError as error:
            assert str(path) in str(error)  # noqa: PT017
            refusals += 1
        else:
            assert_equal(whole, found)
    assert refusals > 0.8 * len(range(0, len(content), 17))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "an empty file"),
        (b"\x89HDF\r\n", "begins with"),
        (b"PK\x03\x04 and nothing", "damaged or incomplete"),
        (pickle.dumps({"graph": 1}), "begins with"),
    ],
)
def test_foreign_bytes(content, match, tmp_path):
    (tmp_path / "foreign").write_bytes(content)
    refused(tmp_path / "foreign", match)


def test_foreign_archives_directories_and_nothing(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    refused(tmp_path / "other.npz", "zip file of something else")
    np.savez_compressed(tmp_path / "packed.npz", a=np.zeros(3))
    refused(tmp_path / "packed.npz", "zip file of something else")
    archive.write(tmp_path / "kin.npz", {"format": "another", "version": 1}, {})
    refused(tmp_path / "kin.npz", "zip file of something else")
    refused(tmp_path / "missing.npz", "cannot be read: No such file")
    refused(tmp_path, "cannot be read: Is a directory")


def rewritten(small: Path, path: Path, edit) -> Path:
    """Write the small file's parts again after `edit(header, arrays)`, checksums all in order."""
    with archive.opened(small) as file:
        header = {k: v for k, v in file.header.items() if k != "arrays"}
        arrays = {n: file.array(n, t, None) for n, (t, _) in file.header["arrays"].items()}
    edit(header, arrays)
    archive.write(path, header, arrays)
    return path


def put(name, at, value):
    def edit(header, arrays):
        arrays[name][at] = value

    return edit


def head(name, value):
    def edit(header, arrays):
        header[name] = value

    return edit


def less(name):
    def edit(header, arrays):
        arrays[name] = arrays[name][:-1]

    return edit


def drop(name):
    def edit(header, arrays):
        del arrays[name]

    return edit


def within(key, *path_and_value):
    def edit(header, arrays):
        place = header[key]
        *path, last, value = path_and_value
        for step in path:
            place = place[step]
        place[last] = value

    return edit


TAMPERED = {
    "future": (head("version", 2), "found version 2 of the format"),
    "no version": (head("version", None), "something else"),
    "source beyond": (put("fields.ids", 3, 10_000), "fields has ids from -1 to 10000"),
    "source below": (put("fields.ids", 3, -2), "fields has ids from -2"),
    "weight beyond": (put("kernels.ids", 0, 9_999), "kernels has ids"),
    "field beyond": (put("field", -1, 9_999), "field has ids"),
    "kernel beyond": (put("kernel", -1, 9_999), "kernel has ids"),
    "bias beyond": (put("bias", -1, 9_999), "bias has ids"),
    "function beyond": (put("function", -1, 99), "function has ids"),
    "lengths differ": (put("kernel", -1, 0), "field and a kernel of different lengths"),
    "kernel missing": (put("kernel", -1, -1), "different lengths"),
    "input fed": (put("bias", 1, 0), "is an input or a constant, but has connections"),
    "constant fed": (put("bias", 0, 0), "is an input or a constant, but has connections"),
    "input computes": (put("function", 3, 0), "has neurons with a function"),
    "constant computes": (put("function", 0, 0), "is not one"),
    "rows go back": (put("fields.ptr", 1, 10**12), "rows of fields"),
    "rows begin late": (put("kernels.ptr", 0, 1), "rows of kernels"),
    "a column short": (less("bias"), "differ in length"),
    "ids short": (less("kernels.ids"), "rows of kernels"),
    "values short": (less("value"), "not as many values"),
    "a value that is none": (put("value", 3, np.nan), "the value of weight 3 is nan"),
    "an infinite value": (put("value", 0, -np.inf), "the value of weight 0 is -inf"),
    "an initializer that is none": (
        lambda h, a: (a.update(extra=np.array(np.inf)), h["draws"][0].__setitem__(3, ["extra"])),
        "an initializer: found the value inf, needed finite",
    ),
    "trainable short": (less("trainable"), "damaged"),
    "draws overlap": (
        lambda h, a: (a.pop("value"), h["draws"][1].__setitem__(0, 0)),
        "draw weight 0 twice",
    ),
    "draws in another order": (lambda h, a: h["draws"].reverse(), "twice, or not in order"),
    "a draw too few": (
        lambda h, a: (a.pop("value"), h["draws"].pop(1), a.pop("draw.1.fan_in")),
        "without a value and without an initializer",
    ),
    "fan-in nan": (put("draw.0.fan_in", 0, np.nan), "found the value nan, needed finite"),
    "a draw's flag a number": (within("draws", 0, 5, 1), "needed true or false"),
    "a name for two arrays": (within("layers", 1, 0, "bias unit"), "exists already"),
    "a weight without a name": (lambda h, a: h["weights"].pop(), "has no name"),
    "a weight with two names": (
        lambda h, a: h["weights"].append(["more", [[2], 0]]),
        "weight.s. have two names",
    ),
    "a neuron without a name": (within("layers", 2, 2, 0, [1]), "neuron 77 has no name"),
    "an array of two layers": (within("layers", 0, 3, ["C1.kernel"]), "belongs to"),
    "a name that cannot be": (within("layers", 1, 0, "C[1]"), "printable text"),
    "outputs absent": (put("outputs", 0, -1), "outputs has ids from -1"),
    "an input twice": (head("inputs", ["input1", "input1"]), "listed twice"),
    "an input that is none": (head("inputs", ["input1", "C1"]), "has neurons with a function"),
    "an input of another kind": (within("layers", 0, 1, "Linear"), "the inputs are"),
    "no inputs": (head("inputs", []), "belongs to no input"),
    "parameter as text": (
        head("functions", [["multiply", "sum", "elu", ["1"]]] * 3),
        "needed a number",
    ),
    "no parameters": (
        head("functions", [["multiply", "sum", "elu", []]] * 3),
        "found no parameters",
    ),
    "parameter beyond": (head("functions", [["multiply", "sum", "elu", [10**400]]] * 3), "damaged"),
    "a part not known": (head("more", 1), "nothing refers to: more"),
    "an array not known": (lambda h, a: a.update(more=np.zeros(3)), "nothing refers to: more"),
    "no values, no recipe": (
        lambda h, a: (a.pop("value"), h.update(draws=[])),
        "without a value and without an initializer",
    ),
    "a column missing": (drop("field"), "no array 'field'"),
    "explicit ids missing": (head("layers", [["L", "K", ["absent"], []]]), "no array 'absent'"),
    "outputs beyond": (put("outputs", 0, 9_999), "outputs has ids"),
    "layer beyond": (within("layers", 1, 2, 1, 70), "needed a whole number|ids 70"),
    "layer negative": (within("layers", 1, 2, 1, -1), "found -1"),
    "too many axes": (within("layers", 1, 2, 0, [1] * (AXES_MAX + 1)), "axes"),
    "layer huge": (within("layers", 1, 2, 0, [2**31, 2**31]), "found"),
    "layer hollow and huge": (within("layers", 1, 2, 0, [0] + [2**30] * 3), "found the shape"),
    "layer's array unknown": (within("layers", 1, 3, ["C1.kernal"]), "did you mean C1.kernel"),
    "layer twice": (within("layers", 1, 0, "input1"), "unique|exists"),
    "layer's name no text": (within("layers", 1, 0, 7), "needed text"),
    "array twice": (within("weights", 1, 0, "C1.kernel"), "one name"),
    "unknown activation": (head("functions", [["multiply", "sum", "evil", []]] * 3), "unknown"),
    "too many parameters": (head("functions", [["multiply", "sum", "tanh", [1]]] * 3), "finite"),
    "unknown initializer": (within("draws", 0, 3, "evil"), "unknown"),
    "draw too large": (within("draws", 0, 1, [1000, 1000, 1000]), "more than the weights"),
    "draw beyond": (within("draws", 0, 0, 10**6), "needed a whole number"),
    "fan-in no number": (within("draws", 0, 4, None), "needed a number"),
    "fan-in of wrong shape": (
        lambda h, a: (a.update(extra=np.ones(7)), h["draws"][0].__setitem__(4, ["extra"])),
        "damaged",
    ),
    "state not finite": (within("constants", 0, 2, 10**400), "damaged"),
    "bias unit's state": (within("constants", 0, 2, 2.0), "bias unit's state is 2.0"),
    "bias unit's state a flag": (within("constants", 0, 2, True), "needed a number"),
    "no constants": (head("constants", []), "constant is missing"),
    "constant twice": (lambda h, a: h["constants"].append(h["constants"][0]), "there twice"),
    "state no number": (within("constants", 0, 2, "1.0"), "needed a number"),
    "input unknown": (head("inputs", ["nothing"]), "damaged"),
    "layers no list": (head("layers", 5), "not of the form"),
    "layers missing": (lambda h, a: h.pop("layers"), "KeyError"),
    "seed negative": (head("seed", -1), "found -1"),
    "wrong type": (lambda h, a: a.update(field=a["field"].astype(np.int64)), "field is <i8"),
    "wrong rank": (lambda h, a: a.update(bias=a["bias"][None]), "dimensions"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampered_files(case, small, tmp_path):
    edit, match = TAMPERED[case]
    refused(rewritten(small, tmp_path / "tampered.npz", edit), match)


def test_rewriting_alone_is_not_what_is_refused(small, tmp_path):
    assert_equal(
        ng.load(rewritten(small, tmp_path / "same.npz", lambda h, a: None)), ng.load(small)
    )


def zipped(path: Path, header, members: dict[str, bytes], **options) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    with zipfile.ZipFile(path, "w", **options) as file:
        file.writestr(archive.HEADER, text)
        for name, content in members.items():
            file.writestr(name, content)
    return path


OURS = {"format": storage.FORMAT, "version": storage.VERSION}


@pytest.mark.parametrize(
    ("header", "match"),
    [
        (b"[" * 100_000, "no JSON object"),
        (b"[]", "no JSON object"),
        (b"{", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"9" * 10_000, "damaged"),
        (b'{"seed": 0, "seed": 1}', "a name twice"),
        (b'{"seed": NaN}', "found NaN, needed a finite number"),
        ({**OURS}, "lists no arrays"),
        ({**OURS, "arrays": {"field": ["<i4", [2**40]]}}, "has the shape"),
        ({**OURS, "arrays": {"field": ["<i4", [2**31, 2**31]]}}, "field.npy has no bytes"),
        ({**OURS, "arrays": {"field": ["|O", [1]]}}, "describes no array 'field'"),
        ({**OURS, "arrays": {"field": [["<i4"], [1]]}}, "not of the form"),
        ({**OURS, "arrays": {"field": "<i4"}}, "describes no array 'field'"),
        ({**OURS, "arrays": {"field": ["<i4", [1.0]]}}, "has the shape"),
        ({**OURS, "version": 99, "arrays": []}, "found version 99"),
    ],
)
def test_bad_headers(header, match, tmp_path):
    refused(zipped(tmp_path / "bad.npz", header, {}), match)


def test_compressed_bombs_are_not_unpacked(tmp_path):
    bomb = {"value.npy": bytes(10**7)}
    path = zipped(tmp_path / "bomb.npz", OURS, bomb, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**5
    refused(path, "something else")


def test_members_that_overlap_are_refused(tmp_path):
    """A directory that lists one member's bytes many times over, as quine-like bombs do."""
    path = zipped(tmp_path / "overlap.npz", {**OURS, "arrays": {}}, {"a.npy": bytes(4096)})
    content = path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    count, size, offset = struct.unpack("<HII", content[end + 10 : end + 20])
    directory = content[offset : offset + size]
    entry = directory[directory.rindex(b"PK\x01\x02") :]
    more = b"".join(entry.replace(b"a.npy", b"%c.npy" % (98 + i)) for i in range(20))
    tail = struct.pack("<HHII", count + 20, count + 20, size + len(more), offset)
    path.write_bytes(content[:end] + more + content[end : end + 8] + tail + content[end + 20 :])
    refused(path, "overlap")


def test_more_members_than_the_header_lists(small, tmp_path):
    path = tmp_path / "more.npz"
    path.write_bytes(small.read_bytes())
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("extra.npy", b"\0" * 10)
    refused(path, r"extra\.npy has 10 bytes, the header says nothing")


def test_a_member_that_is_no_npy(tmp_path):
    header = {**OURS, "functions": [], "arrays": {"field": ["<i4", [0]]}}
    refused(zipped(tmp_path / "npy.npz", header, {"field.npy": b"\0" * 128}), "does not begin")


def test_a_truth_value_that_is_none(small, tmp_path):
    def edit(header, arrays):
        arrays["trainable"].view(np.uint8)[0] = 2

    refused(rewritten(small, tmp_path / "truth.npz", edit), "neither 0 nor 1")


def test_sizes_are_checked_before_memory_is_taken(small, monkeypatch):
    def little(size, who, error, **_):
        if size > 1000:
            raise error(f"{who}: would take {size} bytes")

    monkeypatch.setattr(archive, "require", little)
    refused(small, "would take")


def test_unknown_values_have_no_recipe():
    weights = Weights.of({}, np.ones(3, bool), None)
    with pytest.raises(ng.GraphError, match="3 of 3 weights came without an initializer"):
        weights.initialize()
    assert Table().size == 0
