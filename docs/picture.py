"""Draw the README's picture: a digit, one feature map of LeNet-5's C1, and the matrix between them.

Every connection is drawn in the colour of its weight, read from the compiled program: 25 colours
and no more, which is what weight sharing means. Needs nothing but neurograph.

    python docs/picture.py docs/one-colour-a-weight.svg
"""

import colorsys
import sys
from pathlib import Path

import numpy as np

import neurograph as ng

MAP = 4  # the feature map of C1 that is drawn
ROW, COLUMN = 13, 11  # and the neuron in it whose field is shown
INPUT_ROWS, MAP_ROWS = slice(11, 19), slice(11, 15)  # the part of the matrix: 256 x 112 entries
WIDTH, CELL = 960, 3.75
STYLE = """
text { font: 26px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
.large { font-size: 38px; font-weight: 600; }
text, .ink { fill: #1f2328; } .faint { fill: #1f2328; fill-opacity: .045; }
.quiet { fill: #59636e; } .line { fill: none; stroke: #1f2328; stroke-width: 2px; }
.line { vector-effect: non-scaling-stroke; }
@media (prefers-color-scheme: dark) {
  text, .ink { fill: #f0f6fc; } .faint { fill: #f0f6fc; fill-opacity: .07; }
  .quiet { fill: #9198a1; } .line { stroke: #f0f6fc; }
}
"""


def colours(size: int = 5) -> list[str]:
    """Return a colour for each weight of a kernel: a hue a row, a shade a column."""
    hues = [0.98, 0.09, 0.36, 0.55, 0.75]
    shades = np.linspace(0.42, 0.70, size)
    rgb = [colorsys.hls_to_rgb(hues[row], shades[column], 0.72)
           for row in range(size) for column in range(size)]  # fmt: skip
    return ["#" + "".join(f"{round(255 * part):02x}" for part in colour) for colour in rgb]


def cells(rows: np.ndarray, columns: np.ndarray) -> str:
    """Return a path of squares of side 1, one at each (row, column)."""
    at = zip(rows.tolist(), columns.tolist(), strict=True)
    return "".join(f"M{x} {y}h1v1h-1z" for y, x in at)


def picture(values: np.ndarray, levels: int = 12) -> str:
    """Return an image of values 0 to 1, a pixel a unit, as ink of so many opacities."""
    shade = np.rint(values * levels).astype(int)
    paths = [
        f'<path class="ink" fill-opacity="{level / levels:.2f}" '
        f'd="{cells(*np.nonzero(shade == level))}"/>'
        for level in range(1, levels + 1)
        if (shade == level).any()
    ]
    height, width = values.shape
    return f'<rect class="faint" width="{width}" height="{height}"/>' + "".join(paths)


def scaled(values: np.ndarray) -> np.ndarray:
    """Return values moved and stretched to 0 to 1."""
    return (values - values.min()) / (values.max() - values.min())


def placed(x: float, y: float, scale: float, *parts: str) -> str:
    """Return a group of elements moved to (x, y), a unit so many pixels."""
    return f'<g transform="translate({x:g} {y:g}) scale({scale:g})">{"".join(parts)}</g>'


def box(x: float, y: float, width: float, height: float) -> str:
    """Return an outline."""
    return f'<rect class="line" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>'


def matrix(graph: ng.Graph) -> str:
    """Draw a part of C1's matrix: a row a neuron, a column a pixel, a colour a weight."""
    connections = ng.compile(graph).matrix("C1")
    targets = graph.layer("C1").ids[MAP, MAP_ROWS].ravel()
    sources = graph.layer("input").ids[0, INPUT_ROWS].ravel()
    kernel = graph.weights.names["C1.kernel"].ids[MAP].ravel().tolist()
    row_of = {int(neuron): row for row, neuron in enumerate(targets)}
    column_of = {int(pixel): column for column, pixel in enumerate(sources)}
    first = int(graph.layer("C1").ids.min())
    at: dict[int, list[tuple[int, int]]] = {weight: [] for weight in kernel}
    for neuron, row in row_of.items():
        span = slice(*connections.indptr[neuron - first : neuron - first + 2])
        pairs = zip(connections.indices[span], connections.weight_ids[span], strict=True)
        for source, weight in pairs:
            if int(source) in column_of:
                at[int(weight)].append((row, column_of[int(source)]))
    paths = [
        f'<path fill="{colour}" d="{cells(*np.array(at[weight]).T)}"/>'
        for weight, colour in zip(kernel, colours(), strict=True)
    ]
    row = row_of[int(graph.layer("C1").ids[MAP, ROW, COLUMN])]
    return (
        f'<rect class="faint" width="{sources.size}" height="{targets.size}"/>'
        + "".join(paths)
        + box(0, row - 0.5, sources.size, 2)
    )


def field() -> str:
    """Draw the field of the neuron on the input, each pixel in its weight's colour."""
    row, column = np.divmod(np.arange(25), 5)
    squares = [
        f'<path fill="{colour}" fill-opacity=".8" '
        f'd="{cells(np.array([ROW + r]), np.array([COLUMN + c]))}"/>'
        for r, c, colour in zip(row, column, colours(), strict=True)
    ]
    return "".join(squares) + box(COLUMN, ROW, 5, 5)


def main(path: str) -> None:
    """Write the picture."""
    graph = ng.models.lenet5(weights="mnist")
    image = ng.datasets.normalize(ng.datasets.digits(1).images)
    states = ng.Simulator(graph).states(image)["C1"][0, MAP]
    shared = len(graph.sharing(int(graph.weights.names["C1.kernel"].ids[MAP, 0, 0, 0])))
    connections = 25 * shared
    side = 240
    middle = side + 32
    parts = [
        placed(0, 0, side / 32, picture(scaled(image.reshape(32, 32))), field()),
        placed(WIDTH - side, 0, side / 28, picture(scaled(states)), box(COLUMN, ROW, 1, 1)),
        f'<text x="{middle}" y="56" class="large">25 weights</text>',
        f'<text x="{middle}" y="92" class="quiet">a colour each</text>',
        f'<text x="{middle}" y="160" class="large">{connections:,} connections</text>',
        f'<text x="{middle}" y="196" class="quiet">each drawn in its weight’s colour</text>',
        f'<text x="0" y="{side + 34}" class="quiet">input</text>',
        f'<text x="{WIDTH}" y="{side + 34}" class="quiet" text-anchor="end">a map of C1</text>',
        placed(0, side + 56, CELL, matrix(graph)),
        f'<text x="0" y="{side + 56 + 112 * CELL + 36:g}" class="quiet">part of its matrix: '
        "a row a neuron, a column a pixel of the input</text>",
    ]  # fmt: skip
    height = side + 56 + 112 * CELL + 50
    Path(path).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-label="25 weights make the {connections:,} connections of one feature map">'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(sys.argv[1])
