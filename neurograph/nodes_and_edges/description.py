"""What the graph-level attributes say: whether it is our own form, shapes, the order of layers."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from neurograph.nodes_and_edges.attributes import Attributes, shown

FORMAT = 2  # of the attributes of nodes, edges and graph; 1 named weights where 2 has numbers
VIEWS = ("weights", "connections", "neurons")
# What the name of a plain graph begins with: the one attribute that every file format keeps.
PREFIX = "neurograph "


@dataclass(frozen=True)
class LayerNote:
    """What is written of a layer."""

    kind: str | None = None
    shape: tuple[int, ...] | None = None
    arrays: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declared:
    """A weight that no connection uses, where only connections name weights."""

    name: str
    id: int
    value: float
    trainable: bool


@dataclass(frozen=True)
class Description:
    """The graph-level attributes, checked."""

    format: int = FORMAT
    view: str = "weights"
    layers: Mapping[str, LayerNote] = field(default_factory=dict)
    arrays: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[Hashable, ...] | None = None
    outputs_shape: tuple[int, ...] | None = None
    constants: Mapping[int | None, str] = field(default_factory=dict)
    connections: int | None = None
    unused: tuple[Declared, ...] = ()
    preprocessing: Mapping[str, Any] | None = None  # of pictures, as it is said

    @property
    def owner(self) -> Mapping[str, str]:
        """The layer of each array."""
        return {array: name for name, note in self.layers.items() for array in note.arrays}


def described(G: Any, read: Attributes) -> Description | None:
    """Return what `G.graph` says; None if it does not say that the graph is of our own form."""
    about = getattr(G, "graph", None)
    if not isinstance(about, Mapping):
        return None
    name = about.get("name")
    if isinstance(name, str) and name.startswith(PREFIX + "{"):
        about = _parsed(name[len(PREFIX) :], read)
    elif "neurograph" not in about:
        return None
    elif "plain" in about:
        read.fail(f"G.graph['name'] is {shown(name)}; the name to_networkx gave holds the layers")
    return _checked(about, read)


def _parsed(text: str, read: Attributes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        read.fail(f"G.graph['name'] holds {shown(text)}, needed JSON as to_networkx writes it")
    return read.mapping(found, "G.graph['name'] holds")


def _checked(about: Mapping[str, Any], read: Attributes) -> Description:
    version = read.whole(about.get("neurograph"), "G.graph['neurograph'] is")
    if not 1 <= version <= FORMAT:
        read.fail(f"G.graph['neurograph'] is {version}; this neurograph reads 1 to {FORMAT}")
    view = about.get("view", "weights")
    if not isinstance(view, str) or view not in VIEWS:
        read.fail(f"G.graph['view'] is {shown(view)}, needed {' or '.join(VIEWS)}")
    outputs, shape = about.get("outputs"), about.get("outputs_shape")
    connections = about.get("connections")
    return Description(
        version,
        view,
        _layers(about, read),
        _arrays(about, read),
        _names(about.get("inputs", ()), "G.graph['inputs'] is", read),
        None if outputs is None else tuple(read.keys(outputs, "G.graph['outputs'] is")),
        None if shape is None else read.index(shape, "G.graph['outputs_shape'] is"),
        _constants(about, read),
        None if connections is None else read.whole(connections, "G.graph['connections'] is"),
        tuple(_unused(about.get("unused", ()), read)),
        _mapping_or_none(about.get("preprocessing"), read),
    )


def _mapping_or_none(said: Any, read: Attributes) -> Mapping[str, Any] | None:
    return None if said is None else read.mapping(said, "G.graph['preprocessing'] is")


def _layers(about: Mapping[str, Any], read: Attributes) -> dict[str, LayerNote]:
    notes = read.mapping(about.get("layers", {}), "G.graph['layers'] is")
    layers = {_name(name, read): _note(name, note, read) for name, note in notes.items()}
    _require_one_owner(layers, read)
    return layers


def _arrays(about: Mapping[str, Any], read: Attributes) -> dict[str, tuple[int, ...]]:
    shapes = read.mapping(about.get("arrays", {}), "G.graph['arrays'] is")
    return {
        _name(name, read): read.index(shape, f"the array {name!r} has shape")
        for name, shape in shapes.items()
    }


def _constants(about: Mapping[str, Any], read: Attributes) -> dict[int | None, str]:
    ids = read.mapping(about.get("constants", {}), "G.graph['constants'] is")
    return {
        read.whole(number, f"the constant {name!r} has id"): _name(name, read)
        for name, number in ids.items()
    }


def _require_one_owner(layers: Mapping[str, LayerNote], read: Attributes) -> None:
    seen: dict[str, str] = {}
    for name, note in layers.items():
        for array in note.arrays:
            if array in seen:
                read.fail(f"the array {array!r} stands in the layers {seen[array]!r} and {name!r}")
            seen[array] = name


def _name(name: Any, read: Attributes) -> str:
    return read.text(name, "G.graph names a layer, an array or a constant")


def _names(value: Any, about: str, read: Attributes) -> tuple[str, ...]:
    return tuple(read.text(name, f"{about} a list with") for name in read.keys(value, about))


def _note(name: Any, note: Any, read: Attributes) -> LayerNote:
    about = f"the layer {name!r} has"
    note = read.mapping(note, f"{about} the description")
    kind, shape = note.get("kind"), note.get("shape")
    return LayerNote(
        None if kind is None else read.text(kind, f"{about} kind"),
        None if shape is None else read.index(shape, f"{about} shape"),
        _names(note.get("arrays", ()), f"{about} arrays", read),
    )


def _unused(value: Any, read: Attributes) -> list[Declared]:
    about = "G.graph['unused'] is"
    if not isinstance(value, list | tuple):
        read.fail(f"{about} {shown(value)}, needed a list")
    found = []
    for entry in value:
        if not isinstance(entry, list | tuple) or len(entry) != 4:
            read.fail(f"{about} a list with {shown(entry)}, needed (name, id, value, trainable)")
        name, number, weight, trainable = entry
        found.append(
            Declared(
                read.text(name, f"{about} a list with the name"),
                read.whole(number, f"{about} a list with the id"),
                read.number(weight, f"{about} a list with the value"),
                read.truth(trainable, f"{about} a list with trainable"),
            )
        )
    return found
