"""Ten neurons wired by hand, one connection after the other: a full adder.

Neurons are numbered from 1, weights from 0, and a connection is (source, weight, target); source 0
is the bias unit. The network adds three bits. It is counted, run on all eight inputs, and then
wired in a circle by mistake.

    python examples/hand_made_graph.py
"""

import sys
from itertools import product

import numpy as np

import neurograph as ng

A, B, CARRY_IN = INPUTS = 1, 2, 3
TOTAL, ABOVE_1, ABOVE_2, CARRY, SUM, ALL, ANY = range(4, 11)
PLUS, MINUS, MINUS_2 = 0, 1, 2  # three weights are enough: 1, -1 and -2
VALUES = [1.0, -1.0, -2.0]

CONNECTIONS = [
    # how many of the three bits are set
    (A, PLUS, TOTAL),
    (B, PLUS, TOTAL),
    (CARRY_IN, PLUS, TOTAL),
    # what of that is above 1, and above 2; both have a bias
    (TOTAL, PLUS, ABOVE_1),
    (0, MINUS, ABOVE_1),
    (TOTAL, PLUS, ABOVE_2),
    (0, MINUS_2, ABOVE_2),
    # carry = [total above 1] - [total above 2], sum = total - 2 carry: it skips two levels
    (ABOVE_1, PLUS, CARRY),
    (ABOVE_2, MINUS, CARRY),
    (TOTAL, PLUS, SUM),
    (CARRY, MINUS_2, SUM),
    # all three bits: their product; any of them: their maximum
    *((bit, PLUS, ALL) for bit in INPUTS),
    *((bit, PLUS, ANY) for bit in INPUTS),
]
FUNCTIONS = {
    ABOVE_1: ng.Function(activation="relu"),
    ABOVE_2: ng.Function(activation="relu"),
    ALL: ng.Function("multiply", "product"),
    ANY: ng.Function("multiply", "max"),
}


def wire(connections: list[tuple[int, int, int]]) -> ng.Graph:
    """Make the graph of these connections; a neuron without a function of its own just sums."""
    return ng.Graph.from_connections(
        connections,
        inputs=INPUTS,
        functions=FUNCTIONS,
        outputs=[SUM, CARRY, ALL, ANY],
        values=VALUES,
        trainable=False,
    )


def count(graph: ng.Graph) -> bool:
    print(ng.count(graph))
    uses = [len(graph.sharing(weight)) for weight in (PLUS, MINUS, MINUS_2)]
    print(f"\n{len(CONNECTIONS)} connections by 3 weights: 1 is used {uses[0]} times, -1 {uses[1]}")
    print(f"times and -2 {uses[2]} times. Every connection, expanded and checked one by one:")
    result = ng.verify(graph)
    print(f"    {result.triples} found, {'as counted' if result.ok else result.problems}\n")
    return result.ok and result.triples == len(CONNECTIONS) == sum(uses)


def run(graph: ng.Graph) -> bool:
    bits = np.array(list(product([0, 1], repeat=3)))
    outputs = ng.Simulator(graph, engine="scipy")(bits)
    print("a b c | sum carry all any")
    for given, found in zip(bits, outputs.astype(int), strict=True):
        print(f"{' '.join(map(str, given))} | {found[0]:3} {found[1]:5} {found[2]:3} {found[3]:3}")
    total = bits.sum(axis=1)
    right = np.stack([total % 2, total // 2, total == 3, total > 0], axis=1)
    print(f"\nWhy the sum of 1, 1, 1 is 1:\n{ng.explain(graph, SUM, bits[-1])}\n")
    return bool((outputs == right).all())


def mistakes() -> bool:
    """Wire a circle, and a connection into an input; show what is said to that."""
    said = []
    circle = wire([*CONNECTIONS, (SUM, PLUS, TOTAL)])
    print("The sum fed back to the total, by mistake:")
    try:
        ng.compile(circle)
    except ng.GraphError as error:
        said.append(str(error))
        print(f"    GraphError: {error}")
    mended = ng.cut(circle, lambda some: (some.source == SUM) & (some.target == TOTAL))
    print(f"That connection cut again, it compiles: {len(ng.compile(mended).levels)} levels.\n")
    print("The carry fed to an input:")
    try:
        wire([*CONNECTIONS, (CARRY, PLUS, CARRY_IN)])
    except ng.GraphError as error:
        said.append(str(error))
        print(f"    GraphError: {error}")
    return len(said) == 2


def main() -> int:
    graph = wire(CONNECTIONS)
    return 0 if all([count(graph), run(graph), mistakes()]) else 1


if __name__ == "__main__":
    sys.exit(main())
