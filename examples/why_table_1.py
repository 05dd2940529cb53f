"""Why each map of LeNet-5's C3 reads only some maps of S2: the paper's two reasons, in numbers.

LeCun et al. 1998, on Table I: "First, a non-complete connection scheme keeps the number of
connections within reasonable bounds. More importantly, it forces a break of symmetry in the
network. Different feature maps are forced to extract different (hopefully complementary) features
because they get different sets of inputs."

    python examples/why_table_1.py
"""

import numpy as np

import neurograph as ng

TABLE = ng.models.LENET5_C3
NETS = {"Table I": ng.models.lenet5(), "every map": ng.models.lenet5(table=None)}


def line(what: str, *found: str) -> None:
    print(f"  {what:52}" + "".join(f"{text:>27}" for text in found))


def bounds() -> None:
    """The first reason: connections and parameters, enumerated."""
    c3 = [ng.count(graph)["C3"] for graph in NETS.values()]
    total = [ng.count(graph).total for graph in NETS.values()]
    print("First: it keeps the number of connections within bounds")
    line("C3's connections", *(f"{row.connections:,}" for row in c3))
    line("C3's trainable parameters", *(f"{row.trainable:,}" for row in c3))
    line("connections of the network", *(f"{row.connections:,}" for row in total))
    part = [c.connections / t.connections for c, t in zip(c3, total, strict=True)]
    line("C3's part of them", *(f"{each:.1%}" for each in part))


def group() -> None:
    """The second reason: how many ways there are to permute maps, and which maps they leave."""
    alone = [ng.symmetry(graph, "C3") for graph in NETS.values()]
    whole = [ng.symmetry(graph) for graph in NETS.values()]
    print("\nSecond: it breaks the symmetry")
    line("ways to permute the maps of S2 and C3", *(found.order_text for found in alone))
    line("ways to permute all maps of the network", *(found.order_text for found in whole))
    line("orbits of C3's maps", *(str(len(found.orbits["C3"])) for found in alone))
    line(
        "classes of C3's neurons by colour refinement",
        *(str(found.classes.count("C3")) for found in whole),
    )
    if [found.order for found in alone] != [12, 15_064_408_719_360_000]:
        raise SystemExit("the groups are not those of Table I and of a full table")
    line(
        "maps of C3 in an orbit",
        *(", ".join(str(len(orbit)) for orbit in found.orbits["C3"]) for found in alone),
    )


def alike(graph: ng.Graph) -> ng.Graph:
    """Let the maps of C3 begin alike: every link of C3 one kernel, all that reads them the same.

    Everything before C3 stays as drawn, so that the maps of S2 differ.
    """
    weights, rng = graph.weights, np.random.default_rng(0)
    for name in ("C3.bias", "S4.coefficient", "S4.bias"):
        weights[name] = weights[name][0]
    live = weights.names["C3.kernel"].ids >= 0
    weights["C3.kernel"] = np.where(live, rng.normal(size=(5, 5)) / 10, 0)
    weights["C5.kernel"] = np.broadcast_to(weights["C5.kernel"][:, :1], (120, 16, 5, 5))
    return graph


def learning() -> None:
    """What that does: maps that begin alike, and get the same inputs, learn the same."""
    sample = ng.datasets.digits(100)
    images, labels = ng.datasets.normalize(sample.images), sample.labels
    states, slopes = [], []
    for graph in map(alike, NETS.values()):
        sim = ng.Simulator(graph, engine="scipy", dtype="float64")
        c3 = sim.states(images)["C3"]
        states.append(different(c3[:, m] for m in range(16)))
        gradient = sim.gradient(images, labels, ng.CorrectPenalty()).weights
        kernels = gradient[graph.weights.names["C3.bias"].ids]
        slopes.append(different(kernels))
    print("\nAll maps of C3 begin with one and the same kernel, and 100 digits are shown")
    line("different maps of C3", *map(str, states))
    line("different gradients of their biases", *map(str, slopes))
    if (states, slopes) != ([16, 1], [16, 1]):
        raise SystemExit("Table I should tell all 16 maps apart, a full table none")
    print(
        "\nFully connected, maps that begin alike stay alike: only the draw of their weights can"
        "\ntell them apart. By Table I no two maps of C3 read the same maps of S2, and learning"
        "\ntells all 16 apart. What is left, 12 ways, are the turns and reflections of S2's six"
        "\nmaps as a ring: Table I breaks almost all of the symmetry, not all of it."
    )


def different(arrays: object) -> int:
    """Return how many of some arrays differ by more than rounding."""
    kept: list[np.ndarray] = []
    for array in arrays:
        if not any(np.allclose(array, other, rtol=1e-9, atol=1e-12) for other in kept):
            kept.append(array)
    return len(kept)


def main() -> None:
    line("each map of C3 reads, of S2", *NETS)
    bounds()
    group()
    learning()


if __name__ == "__main__":
    main()
