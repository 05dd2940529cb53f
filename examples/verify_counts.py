"""Why LeNet-5 has 60,000 parameters and 340,908 connections.

Each layer is derived as in the paper - a receptive field and a bias make the connections of one
neuron, sharing makes few weights of them - and set against what enumerating the graph gives: the
weights that exist, and how often each of them is really used. Then every single connection is
expanded and checked. Source: LeCun, Bottou, Bengio, Haffner 1998, pages 7 and 8.

    python examples/verify_counts.py
"""

import sys
from collections import Counter

import numpy as np

import neurograph as ng

# Table I of the paper: the maps of S2 that each map of C3 reads.
C3_READS = ["012", "123", "234", "345", "045", "015", "0123", "1234", "2345", "0345", "0145",
            "0125", "0134", "1245", "0235", "012345"]  # fmt: skip
LINKS = sum(map(len, C3_READS))

# layer: (why so many weights, the number), {weight array: uses of each of its weights}. A layer's
# connections are then the uses of its weights, added up.
DERIVED = {
    "C1": (
        "6 maps x (5x5 field + 1 bias)",
        6 * (5 * 5 + 1),
        {"C1.kernel": 28 * 28, "C1.bias": 28 * 28},
    ),
    "S2": (
        "6 maps x (1 coefficient + 1 bias)",
        6 * (1 + 1),
        {"S2.coefficient": 14 * 14 * 4, "S2.bias": 14 * 14},
    ),
    "C3": (
        f"{LINKS} links of Table I x 5x5 + 16 biases",
        LINKS * 5 * 5 + 16,
        {"C3.kernel": 10 * 10, "C3.bias": 10 * 10},
    ),
    "S4": (
        "16 maps x (1 coefficient + 1 bias)",
        16 * (1 + 1),
        {"S4.coefficient": 5 * 5 * 4, "S4.bias": 5 * 5},
    ),
    "C5": (
        "120 maps x (16 x 5x5 field + 1 bias)",
        120 * (16 * 5 * 5 + 1),
        {"C5.kernel": 1, "C5.bias": 1},
    ),
    "F6": ("84 units x (120 + 1 bias)", 84 * (120 + 1), {"F6.kernel": 1, "F6.bias": 1}),
    "output": ("10 units x 7x12 pixels, fixed", 10 * 7 * 12, {"output.centers": 1}),
}


def uses_of_each_weight(graph: ng.Graph) -> np.ndarray:
    """Walk all connections, block by block, and tally the weight each one names."""
    uses = np.zeros(graph.weights.count, int)
    for block in graph.connections:
        uses += np.bincount(block.weight, minlength=uses.size)
    return uses


def agree(what: str, derived: int, enumerated: int) -> bool:
    """Print the two numbers and return whether they are the same."""
    sign = "=" if derived == enumerated else "IS NOT"
    print(f"{what} = {derived:,} derived {sign} {enumerated:,} enumerated")
    return derived == enumerated


def derive(layer: str, graph: ng.Graph, counts: ng.Counts, uses: np.ndarray) -> list[bool]:
    """Set one layer's derivation against the enumeration."""
    why, weights, shared = DERIVED[layer]
    found = [agree(f"{layer}: {why}", weights, counts[layer].weights)]
    sums, connections = [], 0
    for name, each in shared.items():
        ids = graph.weights.names[name].present
        tally = Counter(uses[ids].tolist())
        found.append(tally == {each: ids.size})
        often = " or ".join("once" if n == 1 else f"{n} times" for n in sorted(tally))
        print(f"    {name}: {ids.size:,} weights, each used {often}")
        sums.append(f"{ids.size:,} x {each}")
        connections += ids.size * each
    what = f"    connections: {' + '.join(sums)}"
    found.append(agree(what, connections, counts[layer].connections))
    print()
    return found


def by_neurons(graph: ng.Graph, counts: ng.Counts) -> list[bool]:
    """Count a layer the other way round: its neurons times what each of them reads."""
    found = []
    for layer, reads in (("C1", 5 * 5 + 1), ("S2", 2 * 2 + 1), ("F6", 120 + 1)):
        ids = graph.layer(layer).ids.reshape(-1)
        found += [len(graph.incoming(neuron)) == reads for neuron in (ids[0], ids[-1])]
        what = f"{layer}: {ids.size:,} neurons x {reads} connections each"
        found.append(agree(what, ids.size * reads, counts[layer].connections))
    return found


def rows_of_table(graph: ng.Graph) -> bool:
    """Read Table I off the graph: another table of 60 links would give the same totals."""
    s2, c3 = graph.layer("S2").ids, graph.layer("C3").ids
    sources = [graph.incoming(each[0, 0]).source for each in c3]
    reads = ["".join(str(m) for m in range(6) if np.isin(read, s2[m]).any()) for read in sources]
    print(f"The maps of S2 that each map of C3 reads, as wired: {' '.join(reads)}")
    fed = [sum(m in read for read in reads) for m in "012345"]
    print(f"Maps of C3 that each map of S2 feeds: {fed}\n")
    return reads == C3_READS


def main() -> int:
    graph = ng.models.lenet5()
    counts, uses = ng.count(graph), uses_of_each_weight(graph)
    print("By weights: a receptive field and a bias make few weights, sharing uses them often.\n")
    found = [ok for layer in DERIVED for ok in derive(layer, graph, counts, uses)]
    print("By neurons, the same:\n")
    found += by_neurons(graph, counts)
    print("\nAdded up:\n")
    derived = sum(weights for _, weights, _ in DERIVED.values())
    what = "Weights, without the output's 840 fixed ones"
    found.append(agree(what, derived - 840, counts.total.parameters))
    shared = [s for _, _, uses_of in DERIVED.values() for s in uses_of.items()]
    connections = sum(graph.weights.names[name].present.size * each for name, each in shared)
    found.append(agree("Connections, with the output's 840", connections, counts.total.connections))
    found.append((counts.total.parameters, counts.total.connections) == (60_000, 340_908))
    print("The paper says 60,000 and 340,908.\n")
    found.append(rows_of_table(graph))
    result = ng.verify(graph)
    print(result)
    return 0 if all(found) and result.ok else 1


if __name__ == "__main__":
    sys.exit(main())
