"""Pictures: what is drawn is what the graph says, read back from the artists."""

import sys

import networkx as nx
import numpy as np
import pytest

import neurograph as ng
from neurograph.plot.canvas import colours
from neurograph.plot.matrices import reduced
from neurograph.training import History
from neurograph.training.history import Pass

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

LENET = ng.models.lenet5(weights="mnist")
DIGIT = ng.datasets.normalize(ng.datasets.digits(1).images)  # a 7


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def image(ax, number=0):
    """Return the cells of a picture, NaN where it is left out."""
    return np.ma.filled(np.ma.asarray(ax.images[number].get_array(), float), np.nan)


def title(ax):
    return ax.get_title("left")


def triples(graph, layer):
    found = graph.select(layer=layer).all()
    return found.source, found.weight, found.target


# ---- connections --------------------------------------------------------------------------------


def test_degree_draws_out_degrees_of_the_input():
    ax = ng.plot.degree(LENET)
    source, _, _ = triples(LENET, "C1")
    expected = np.bincount(source, minlength=LENET.size)[LENET["input"].ids[0]]
    assert np.array_equal(image(ax), expected)
    assert (expected[0, 0], expected[16, 16]) == (6, 150)
    assert title(ax) == "input: 6 to 150 connections out of each neuron"


def test_degree_lays_maps_side_by_side():
    ax = ng.plot.degree(LENET, "C3", direction="in")
    _, _, target = triples(LENET, "C3")
    expected = np.bincount(target, minlength=LENET.size)[LENET["C3"].ids]
    cells = image(ax)
    assert np.nansum(cells) == expected.sum() == 151_600
    assert np.array_equal(cells[:10, :10], expected[0])
    assert np.isnan(cells[10]).all()
    assert np.array_equal(cells[-10:, -10:], expected[15])


def test_table_is_table_one():
    ax = ng.plot.table(LENET, "C3")
    expected = np.zeros((6, 16), bool)
    for column, maps in enumerate(ng.models.LENET5_C3):
        expected[list(maps), column] = True
    assert np.array_equal(ax.images[0].get_array()[..., 3] > 0, expected)
    crosses = ax.collections[0].get_offsets()
    assert {(int(y), int(x)) for x, y in crosses} == set(map(tuple, np.argwhere(expected).tolist()))


def test_table_of_several_sources_and_a_cut_map():
    graph = ng.Graph()
    a, b = (graph.add(ng.Input((2, 3, 3), name=n)) for n in "ab")
    graph.add(ng.Add(name="sum"), a, b)
    graph = ng.cut(graph, graph.select(source=graph["b"].ids[1].ravel()).all())
    links = ng.plot.table(graph, "sum").images[0].get_array()[..., 3] > 0
    assert links.astype(int).tolist() == [[1, 0], [0, 1], [1, 0], [0, 0]]


def test_matrix_has_a_colour_a_weight():
    targets, sources = LENET["C1"].ids[4, 11:15].ravel(), LENET["input"].ids[0, 11:19].ravel()
    ax = ng.plot.matrix(LENET, "C1", targets=targets, sources=sources)
    cells = np.asarray(ax.images[0].get_array())
    source, weight, target = triples(LENET, "C1")
    inside = np.isin(source, sources) & np.isin(target, targets)
    drawn, seen = cells[..., 3] > 0, {}
    assert cells.shape[:2] == (112, 256)
    assert drawn.sum() == inside.sum() == 2800
    for s, w, t in zip(source[inside], weight[inside], target[inside], strict=True):
        colour = tuple(cells[list(targets).index(t), list(sources).index(s), :3])
        assert seen.setdefault(w, colour) == colour
    assert len(set(seen.values())) == len(seen) == 25


def test_a_large_matrix_is_reduced_to_first_connections():
    rng = np.random.default_rng(0)
    row, column = np.divmod(rng.choice(40 * 30, 300, replace=False), 30)
    weight = rng.integers(0, 9, 300)
    pixels, cell = reduced(row, column, weight, (40, 30), side=8)
    dense = np.full((40, 32), -1)
    dense[row, column] = weight
    assert cell == (5, 4)
    for (i, j), pixel in np.ndenumerate(pixels):
        part = dense[5 * i : 5 * i + 5, 4 * j : 4 * j + 4].ravel()
        live = part[part >= 0]
        assert pixel == (live[0] if live.size else -1)


def test_a_large_matrix_mixes_no_colours():
    ax = ng.plot.matrix(LENET, "C1")
    cells = np.asarray(ax.images[0].get_array())
    found = np.unique(cells[cells[..., 3] > 0][:, :3], axis=0)
    known = {tuple(c) for c in colours(150)}
    assert max(cells.shape) <= 512
    assert set(map(tuple, found)) <= known
    assert ax.images[0].get_interpolation() == "none"


def test_uses_draws_how_often_each_weight_is_used():
    ax = ng.plot.uses(ng.prune(LENET, {"C1.bias": np.arange(6) > 0}))
    names = [t.get_text() for t in ax.get_yticklabels()]
    drawn = {n: [] for n in names}
    for dots in ax.collections:
        for x, y in dots.get_offsets():
            drawn[names[int(y)]].append(int(x))
    assert drawn["C1.kernel"] == [784]
    assert drawn["C1.bias"] == [0, 784]
    assert drawn["C3.kernel"] == [100]
    notes = [t.get_text() for t in ax.texts]
    assert "1,500 weights × 100" in notes
    assert "dead, used by no connection: 1 weight" in notes


# ---- fields and states --------------------------------------------------------------------------


def cells_of(ax, values):
    """Return which cells of a picture's last image have any of these values."""
    return int(np.isin(image(ax, -1), values).sum())


def test_field_colours_what_networkx_finds():
    graph = ng.models.concept()
    neuron = graph.neuron_id("C3[1, 2, 3]")
    net = nx.DiGraph()
    for block in graph.connections:
        net.add_edges_from(zip(block.source.tolist(), block.target.tolist(), strict=True))
    sees, feeds = nx.ancestors(net, neuron) - {0}, nx.descendants(net, neuron)
    axes = ng.plot.field(graph, "C3[1, 2, 3]")
    by_layer = {title(ax): ax for ax in axes}
    for layer in graph:
        own = set(layer.neurons.present.tolist())
        assert cells_of(by_layer[layer.name], [1]) == len(own & sees)
        assert cells_of(by_layer[layer.name], [2]) == len(own & feeds)
    assert cells_of(by_layer["C3"], [3]) == 1


def test_field_lies_where_the_neuron_looks():
    ax = ng.plot.field(LENET, "C3[0, 2, 3]", DIGIT, layers=["input"])[0]
    rows, columns = np.nonzero(image(ax, -1) == 1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 17, 6, 19)
    assert np.allclose(image(ax, 0), DIGIT[0, 0])


def test_maps_are_the_simulators_states():
    states = ng.Simulator(LENET, engine="scipy", dtype="float64").states(DIGIT)
    axes = ng.plot.maps(LENET, DIGIT[0], layers=["C1", "S2", "F6"])
    cells = image(axes[0])
    assert np.allclose(cells[:28, :28], states["C1"][0, 0])
    assert np.isclose(np.nansum(cells), states["C1"].sum())
    flat = image(axes[2]).ravel()
    assert np.allclose(flat[~np.isnan(flat)], states["F6"][0])
    limits = axes[1].images[0].get_clim()
    assert np.isclose(limits[1], np.abs(states["S2"]).max())
    assert limits[0] == -limits[1]


def test_codes_and_the_states_beside_them():
    states = ng.Simulator(LENET, engine="scipy", dtype="float64").states(DIGIT)
    axes = ng.plot.codes(LENET, DIGIT)
    assert np.allclose(image(axes[0]), states["F6"][0].reshape(12, 7))
    for digit in range(10):
        assert np.array_equal(image(axes[1 + digit]).ravel(), ng.models.LENET5_CODES[digit])
        assert axes[1 + digit].get_xlabel() == f"{states['output'][0, digit]:.1f}"
    framed = [ax.get_title() for ax in axes if ax.spines["top"].get_visible()]
    assert framed == ["7"]


def test_kernels_lie_as_the_table_does():
    cells = image(ng.plot.kernels(LENET, "C3"))
    value = LENET.weights["C3.kernel"]
    assert cells.shape == (6 * 6 - 1, 16 * 6 - 1)
    assert np.array_equal(cells[6:11, :5], value[0, 1])
    assert np.array_equal(cells[30:, 90:], value[15, 5])
    assert np.isnan(cells[18:23, :5]).all()  # C3's map 0 does not read map 3
    assert np.count_nonzero(~np.isnan(cells)) == 1500


# ---- the whole, and training --------------------------------------------------------------------


def test_overview_says_every_layer_and_its_counts():
    ax = ng.plot.overview(LENET)
    texts = [t.get_text() for t in ax.texts]
    counts = ng.count(LENET)
    for layer in LENET:
        assert layer.name in texts
        if counts[layer.name].connections:
            assert f"{counts[layer.name].connections:,}" in texts
    assert {"6 @ 28×28", "16 @ 5×5", "84", "Subsample2d"} <= set(texts)
    squares = [p for p in ax.patches if p.get_facecolor()[3] == 1]
    assert len(squares) == 1 + 6 + 6 + 16 + 16 + 3


def test_overview_leads_over_layers_that_are_skipped():
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 6, 6), name="x"))
    a = graph.add(ng.Conv2d(2, 3, padding=1, name="a"), x)
    without = len(ng.plot.overview(graph).lines)
    graph.add(ng.Add(name="sum"), a, x)
    over = [
        line.get_xdata() for line in ng.plot.overview(graph).lines if len(line.get_xdata()) == 4
    ]
    assert len(over) == 1
    assert over[0][0] < over[0][-1]
    assert without > 0


def test_learning_draws_errors_in_percent():
    history = History([Pass(0.5, 0.1, 0.08, None, 2.0), Pass(0.3, 0.06, 0.05, 0.07, 2.0)])
    ax = ng.plot.learning(history)
    drawn = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert np.allclose(drawn["training"], [8, 5])
    assert np.allclose(drawn["as it learns"], [10, 6])
    assert np.allclose(drawn["validation"], [np.nan, 7], equal_nan=True)
    loss = ng.plot.learning(History([Pass(0.5, None, None, None, 2.0)]))
    assert loss.lines[0].get_ydata().tolist() == [0.5]
    assert title(loss) == "After 1 pass: a loss of 0.5"


# ---- axes, styles, errors -----------------------------------------------------------------------

EVERY = {
    "table": lambda: ng.plot.table(LENET, "C3"),
    "matrix": lambda: ng.plot.matrix(LENET, "S4"),
    "degree": lambda: ng.plot.degree(LENET),
    "field": lambda: ng.plot.field(LENET, "C3[0, 2, 3]", DIGIT, layers=["input", "C3"]),
    "uses": lambda: ng.plot.uses(LENET, "C1"),
    "maps": lambda: ng.plot.maps(LENET, DIGIT, layers=["C1", "F6"]),
    "kernels": lambda: ng.plot.kernels(LENET, "C1"),
    "codes": lambda: ng.plot.codes(LENET, DIGIT),
    "overview": lambda: ng.plot.overview(LENET),
    "learning": lambda: ng.plot.learning(History([Pass(0.5, 0.1, 0.08, None, 2.0)])),
}


def luminance(colour):
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(text, face):
    """Return WCAG's contrast of what is written, blended by its opacity, with the face."""
    alpha = 1.0 if text.get_alpha() is None else text.get_alpha()
    ink, ground = (np.array(matplotlib.colors.to_rgb(c)) for c in (text.get_color(), face))
    high, low = sorted((luminance(alpha * ink + (1 - alpha) * ground), luminance(face)))[::-1]
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("style", ["default", "dark_background"])
@pytest.mark.parametrize("name", EVERY)
def test_what_is_written_is_legible_in_light_and_dark(name, style):
    with plt.style.context(style):
        figure = np.ravel(EVERY[name]())[0].figure
        face = figure.get_facecolor()
        written = [t for t in figure.findobj(matplotlib.text.Text) if t.get_text().strip()]
        assert written
        assert min(contrast(text, face) for text in written) >= 4.5
        assert min(text.get_fontsize() for text in written if text.get_visible()) >= 10


@pytest.mark.parametrize(("style", "ink"), [("default", 0.0), ("dark_background", 1.0)])
def test_a_saved_picture_has_a_face_unless_transparent_is_asked_for(style, ink, tmp_path):
    with plt.style.context(style):
        figure = ng.plot.table(LENET, "C3").figure
        for transparent in (False, True):
            figure.savefig(tmp_path / "x.png", transparent=transparent, dpi=50)
            pixels = plt.imread(tmp_path / "x.png")
            assert pixels[0, 0, 3] == (0.0 if transparent else 1.0)
            head = pixels[:40][pixels[:40, :, 3] == 1][:, :3]  # where the title stands
            assert (np.abs(head - ink).max(axis=1) < 0.02).sum() > 50


def test_colours_are_told_apart_by_hue_or_lightness():
    found = colours(25)
    apart = np.abs(found[:, None] - found[None]).max(axis=2) + np.eye(25)
    assert apart.min() > 0.04
    assert ((found >= 0) & (found <= 1)).all()


def test_given_axes_are_drawn_on():
    _, given = plt.subplots(1, 3)
    assert ng.plot.degree(LENET, ax=given[0]) is given[0]
    axes = ng.plot.maps(LENET, DIGIT, layers=["C1", "F6"], ax=given[1:])
    assert list(axes) == list(given[1:])
    assert len(plt.get_fignums()) == 1


def test_options_reach_the_artist():
    assert ng.plot.degree(LENET, cmap="viridis").images[0].get_cmap().name == "viridis"


NET = ng.models.mlp((784, 3, 2))
WRONG = {
    "no layer": (lambda: ng.plot.table(LENET, "C2"), "layer 'C2' is unknown"),
    "no graph": (lambda: ng.plot.overview(5), "plot.overview: found int, needed a Graph"),
    "too many maps": (lambda: ng.plot.table(NET, "N1"), "input has 784 maps, needed 1 to 128"),
    "reads nothing": (lambda: ng.plot.table(LENET, "input"), "input reads no layer"),
    "direction": (lambda: ng.plot.degree(LENET, direction="up"), 'needed "out" or "in"'),
    "no RBF": (lambda: ng.plot.codes(NET), "needed a layer such as RBF"),
    "shape": (lambda: ng.plot.codes(LENET, shape=(7, 7)), "have 84 places, not 7×7"),
    "no weights": (lambda: ng.plot.kernels(LENET, "input"), "input brought no weights"),
    "no array": (lambda: ng.plot.kernels(LENET, "C1", array="C1.kernal"), "C1.kernel"),
    "a layer": (lambda: ng.plot.field(LENET, "C3"), "found 1600 neurons, needed one"),
    "bias unit": (lambda: ng.plot.field(LENET, 0), "bias unit is in no layer"),
    "two images": (lambda: ng.plot.maps(LENET, np.zeros((2, 1, 32, 32))), "found 2 images"),
    "other image": (lambda: ng.plot.maps(LENET, np.zeros((1, 8, 8))), "needed (batch, 1, 32, 32)"),
    "layers": (lambda: ng.plot.maps(LENET, DIGIT, layers="C1"), "needed a list of names"),
    "targets": (lambda: ng.plot.matrix(LENET, "C1", targets="S2"), "not all neurons of C1"),
    "sources": (lambda: ng.plot.matrix(LENET, "C1", sources="S2"), "has no connection there"),
    "ax": (lambda: ng.plot.degree(LENET, ax=5), "ax is int, needed matplotlib's Axes"),
    "few ax": (lambda: ng.plot.maps(LENET, DIGIT, ax=[5]), "needed 8 Axes"),
    "history": (lambda: ng.plot.learning(History()), "found no pass"),
    "no history": (lambda: ng.plot.learning(LENET), "found Graph, needed a History"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_drawn_is_said(what):
    draw, message = WRONG[what]
    with pytest.raises(ng.NeurographError) as caught:
        draw()
    assert message in str(caught.value)
    assert not plt.get_fignums()


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ng.MissingDependency, match=r"plot\.degree needs matplotlib.*\.\[plot\]"):
        ng.plot.degree(LENET)
