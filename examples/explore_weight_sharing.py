"""What sharing a weight means, seen on LeNet-5's own connections.

One weight of C1 and the 784 connections that use it; C1 with its weights unshared, tied again, and
with a single connection cut; why C3 needs fewer weights than a convolution over all maps; and what
a corner pixel feeds, compared with an inner one.

    python examples/explore_weight_sharing.py
"""

import sys

import numpy as np

import neurograph as ng


def one_weight(graph: ng.Graph) -> bool:
    """Show a weight and check each of its connections against its place in the kernel."""
    name = "C1.kernel[0, 0, 1, 3]"
    uses = graph.sharing(graph.weight_id(name))
    print(f"One weight: {name} is used by {len(uses)} connections, one for each neuron of map 0.")
    for source, _, target in list(uses)[:3]:
        print(f"    {graph.neuron_name(source)} -> {graph.neuron_name(target)}")
    print("    ...")
    pixels, neurons = graph.layer("input").ids[0], graph.layer("C1").ids[0]
    shifted = dict(zip(uses.target.tolist(), uses.source.tolist(), strict=True))
    always = all(shifted[neurons[y, x]] == pixels[y + 1, x + 3] for y, x in np.ndindex(28, 28))
    print(f"    Each neuron (y, x) reads pixel (y + 1, x + 3) by it: {always}.\n")
    return always and len(uses) == 28 * 28


def unsharing(graph: ng.Graph) -> bool:
    """Give every neuron of C1 weights of its own, and take them away again."""
    image = np.random.default_rng(0).normal(size=(1, 1, 32, 32))
    apart = ng.unshare(graph, "C1")
    tied = ng.tie(apart, "C1")
    print("C1 with a kernel a map, unshared, and tied again:")
    print("              parameters  connections  kernel array")
    for what, each in (("shared", graph), ("unshared", apart), ("tied again", tied)):
        row, array = ng.count(each)["C1"], each.weights.names["C1.kernel"]
        print(f"    {what:10}{row.parameters:10,}{row.connections:13,}  {array.shape}")
    outputs = [
        ng.Simulator(each, engine="scipy", dtype="float64")(image) for each in (graph, apart, tied)
    ]
    apart_by, tied_by = (float(np.abs(other - outputs[0]).max()) for other in outputs[1:])
    print(f"    The outputs differ by {apart_by:.1g} unshared and by {tied_by:.1g} tied again:")
    print("    sharing saves parameters, not work, and what is computed is the same.\n")
    rows = [ng.count(each)["C1"] for each in (graph, apart, tied)]
    numbers = [(row.parameters, row.connections) for row in rows]
    same = max(apart_by, tied_by) < 1e-9
    return same and numbers == [(156, 122_304), (122_304, 122_304), (156, 122_304)]


def one_connection(graph: ng.Graph) -> bool:
    """Cut one connection of a shared weight; the weight stays in all the others."""
    weight, neuron = graph.weight_id("C1.kernel[0, 0, 1, 3]"), graph.neuron_id("C1[0, 5, 5]")
    less = ng.cut(graph, lambda some: (some.weight == weight) & (some.target == neuron))
    uses, connections = len(less.sharing(weight)), ng.count(less).total.connections
    print("One connection of that weight cut, the one into C1[0, 5, 5]:")
    print(f"    {uses} connections use the weight now; the network has {connections:,} of them,")
    print(f"    and still {ng.count(less).total.parameters:,} parameters.\n")
    return (uses, connections) == (783, 340_907)


def connection_table(graph: ng.Graph) -> bool:
    """Set C3 against a convolution that reads every map, and against that one with a mask."""
    full = ng.Graph()
    s2 = full.add(ng.Input((6, 14, 14), name="S2"))
    full.add(ng.Conv2d(16, 5, name="C3"), s2)
    mask = graph.weights.names["C3.kernel"].ids >= 0
    masked = ng.drop_dead(ng.prune(full, {"C3.kernel": mask}))
    print("C3 reads 3, 4 or 6 of S2's 6 maps; x where map o of C3 reads map i of S2:")
    for i, row in enumerate(mask[:, :, 0, 0].T):
        print(f"    {i}  {' '.join('x' if read else '.' for read in row)}")
    print("               parameters  connections")
    for what, each in (("by the table", graph), ("all maps", full), ("all, masked", masked)):
        row = ng.count(each)["C3"]
        print(f"    {what:12}{row.parameters:9,}{row.connections:13,}")
    links = int(mask[:, :, 0, 0].sum())
    print(f"    {links} of 96 links exist; the {96 - links} others would bring 25 weights each,")
    print(f"    {25 * (96 - links)} in all, and 100 connections for each of these.\n")
    rows = [ng.count(each)["C3"] for each in (graph, full, masked)]
    numbers = [(row.parameters, row.connections) for row in rows]
    return numbers == [(1_516, 151_600), (2_416, 241_600), (1_516, 151_600)]


def pixels(graph: ng.Graph) -> bool:
    """Count what the input's pixels feed, from the corner inwards."""
    ids = graph.layer("input").ids[0]
    feeds = np.array([[len(graph.outgoing(pixel)) for pixel in row] for row in ids])
    print("Connections out of the pixels nearest the upper left corner:")
    for row in feeds[:6, :6]:
        print("    " + " ".join(f"{n:4}" for n in row))
    print(f"    The corner is in one field, that of one neuron in each of 6 maps: {feeds[0, 0]}.")
    print(f"    An inner pixel is in 25 fields: 6 x 25 = {feeds[16, 16]}.")
    inner = ng.projective_field(graph, ids[16, 16], depth=2)
    corner = ng.projective_field(graph, ids[0, 0], depth=2)
    print(f"    Two layers on, these reach {corner.size} and {inner.size} neurons of S2.")
    return (feeds[0, 0], feeds[4:28, 4:28].min(), feeds.max()) == (6, 150, 150)


def main() -> int:
    graph = ng.models.lenet5()
    steps = (one_weight, unsharing, one_connection, connection_table, pixels)
    found = [step(graph) for step in steps]
    wrong = [step.__name__ for step, ok in zip(steps, found, strict=True) if not ok]
    if wrong:
        print(f"\nNOT AS PUBLISHED: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
