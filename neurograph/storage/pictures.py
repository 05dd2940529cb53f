"""What is known of a graph's pictures, in a file's JSON header: classes and preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurograph.graph.pictures import Pictures, Preprocessing
from neurograph.storage.fields import items, text, whole

PICTURES = {"classes", "preprocessing"}


def pictures_text(pictures: Pictures) -> dict[str, Any]:
    """Return what is known, as JSON has it; nothing where nothing is."""
    found: dict[str, Any] = {}
    if pictures.classes:
        found["classes"] = [[i, pictures.classes[i]] for i in sorted(pictures.classes)]
    if pictures.preprocessing is not None:
        found["preprocessing"] = pictures.preprocessing.to_dict()
    return found


def pictures_of(header: Mapping[str, Any], size: int) -> Pictures:
    """Return what a header says. Raises ValueError and TypeError for what it cannot."""
    entries = items(header.get("classes", []))
    classes = {whole(identity, size - 1): text(name) for identity, name in entries}
    if len(classes) < len(entries) or not all(name.isprintable() for name in classes.values()):
        raise ValueError("a class does not print, or a neuron has two")
    said = header.get("preprocessing")
    return Pictures(classes, None if said is None else preprocessing_of(said))


def preprocessing_of(said: Any) -> Preprocessing:
    """Return what `Preprocessing.to_dict` gave. Raises TypeError and ValueError for all else."""
    known = {"size", "mean", "std", "resize"}
    if not isinstance(said, Mapping) or not known.issuperset(said):
        raise TypeError(f"found {said!r}, needed size, mean and std")
    return Preprocessing(**said)
