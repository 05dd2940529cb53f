"""The arrays that nodes are entries of: neurons by layer, weights by array; numbered and named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from neurograph.errors import GraphError
from neurograph.graph import BIAS_NAME, Layer
from neurograph.names import IdArray, Names
from neurograph.nodes_and_edges.attributes import Attributes
from neurograph.nodes_and_edges.nodes import Unit, Weight, in_order
from neurograph.nodes_and_edges.placing import Member, placed_ids, require_room
from neurograph.nodes_and_edges.walking import Walk

WEIGHTS = "weight"  # the array of the weights that have no name


class Arrays:
    """Units and weights in the order of their ids, and the arrays that hold their new ones.

    `units` begin with the bias unit. Raises the reader's error where two nodes have one place,
    arrays have far more places than there are nodes, or a name can be none.
    """

    def __init__(self, walk: Walk, read: Attributes) -> None:
        self._read, self._about = read, walk.about
        rest = [unit for unit in walk.units.values() if unit is not walk.bias]
        constants = [unit for unit in rest if unit.constant]
        neurons = [unit for unit in rest if not unit.constant]
        self.units: list[Unit] = [walk.bias, *in_order([*constants, *neurons])]
        self.weights: list[Weight] = in_order(walk.weights.values())
        members, (arrays, owned) = self._neurons_of_layers(), self._weights_of_arrays()
        self._require_room(members, arrays)
        shapes = self._about.arrays
        self.layers = list(self._layers(members, owned))
        self.arrays = {n: placed_ids(every, shapes.get(n), read) for n, every in arrays.items()}
        self.constants = {
            i: unit.name if i else BIAS_NAME for i, unit in enumerate(self.units) if unit.constant
        }
        self.labels = {i: u.label for i, u in enumerate(self.units) if u.label is not None}
        try:
            self._require_names()
        except GraphError as error:
            read.fail(str(error))

    def _require_room(
        self, neurons: Mapping[str, list[Member]], arrays: Mapping[str, list[Member]]
    ) -> None:
        notes, shapes = self._about.layers, self._about.arrays
        placed = [(every, notes[n].shape if n in notes else None) for n, every in neurons.items()]
        placed += [(every, shapes.get(name)) for name, every in arrays.items()]
        require_room(placed, len(self.units) + len(self.weights), self._read)

    def _require_names(self) -> None:
        """Raise GraphError for a name that a graph could not have."""
        neurons, weights = Names("neuron"), Names("weight")
        for identity, name in self.constants.items():
            neurons.add(name, IdArray((), identity))
        for layer in self.layers:
            neurons.add(layer.name, layer.neurons)
        neurons.label([*self.labels], [*self.labels.values()])
        for name, ids in self.arrays.items():
            weights.add(name, ids)

    def _neurons_of_layers(self) -> dict[str, list[Member]]:
        members: dict[str, list[Member]] = {name: [] for name in self._about.layers}
        for i, unit in enumerate(self.units):
            if not unit.constant:
                member = Member(i, unit.key, unit.index)
                members.setdefault(unit.layer or str(unit.key), []).append(member)
        return members

    def _layers(
        self, members: Mapping[str, list[Member]], owned: Mapping[str, Sequence[str]]
    ) -> Iterator[Layer]:
        """Yield the layers; where inputs stand among computed neurons, they get one beside it."""
        for name, every in members.items():
            note = self._about.layers.get(name)
            kind, shape = (None, None) if note is None else (note.kind, note.shape)
            arrays = tuple(owned.get(name, ()))
            given = [m for m in every if not self.units[m.id].computes]
            computed = [m for m in every if self.units[m.id].computes]
            if computed or (arrays and not given):
                if given:
                    yield Layer(f"{name}.input", "Input", placed_ids(given, shape, self._read))
                kind = "Neurons" if kind in (None, "Input") else kind
                yield Layer(name, kind, placed_ids(computed, shape, self._read), arrays)
            elif given:
                yield Layer(name, "Input", placed_ids(given, shape, self._read), arrays)

    def _weights_of_arrays(self) -> tuple[dict[str, list[Member]], dict[str, list[str]]]:
        """Return the weights of each array, and the arrays each layer owns."""
        members: dict[str, list[Member]] = {name: [] for name in self._about.arrays}
        owned = {name: list(note.arrays) for name, note in self._about.layers.items()}
        known = set(self._about.owner)
        nameless: list[Member] = []
        for i, weight in enumerate(self.weights):
            if not weight.array:
                nameless.append(Member(i, weight.key, (len(nameless),)))
                continue
            members.setdefault(weight.array, []).append(Member(i, weight.key, weight.index))
            if weight.array not in known:
                known.add(weight.array)
                owned.setdefault(weight.layer or "", []).append(weight.array)
        if nameless:
            members[_free(WEIGHTS, members)] = nameless
        return members, {layer: [a for a in a_s if a in members] for layer, a_s in owned.items()}


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}{number}"
    return free
