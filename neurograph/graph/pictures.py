"""What a network's pictures are: how one becomes an input, and what the classes are called."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import is_real, is_whole
from neurograph.errors import GraphError, kind_of, shown
from neurograph.graph.layer import Ids
from neurograph.names.spelling import printable

_LONGEST = 65_535  # rows or columns of a picture


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes an input: resized, cropped in the middle, scaled, normalized.

    `size` is rows and columns of the input. The shorter side is resized to `resize`; by default
    as far as the picture must be to cover `size`. Levels 0 to 255 become 0 to 1, of which `mean` is
    subtracted and which are divided by `std`: one number a map, three for red, green and blue.
    Raises GraphError for anything else.

    >>> given = Preprocessing((2, 2), mean=(0.5,), std=(0.25,))
    >>> given.normalize([[[[0], [255]], [[255], [0]]]]).tolist()
    [[[[-2.0, 2.0], [2.0, -2.0]]]]
    """

    size: tuple[int, int]
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    resize: int | None = None

    def __post_init__(self) -> None:
        size, mean, std = (_several(getattr(self, n), n) for n in ("size", "mean", "std"))
        if len(size) != 2 or not all(is_whole(n) and 1 <= n <= _LONGEST for n in size):
            raise GraphError(f"preprocessing: size is {shown(self.size)}, needed rows and columns")
        if len(mean) != len(std) or len(mean) not in (1, 3):
            raise GraphError(
                f"preprocessing: found {len(mean)} means and {len(std)} deviations, needed one of "
                "each, or three"
            )
        if not all(is_real(n) and math.isfinite(n) for n in (*mean, *std)) or min(std) <= 0:
            raise GraphError(
                f"preprocessing: mean is {shown(self.mean)} and std {shown(self.std)}, needed "
                "numbers, and deviations above 0"
            )
        resize = self.resize
        fits = resize is None or (is_whole(resize) and max(size) <= resize <= _LONGEST)
        if not fits:
            raise GraphError(
                f"preprocessing: resize is {shown(resize)}, needed at least {max(size)}"
            )
        for name, value in (
            ("size", tuple(map(int, size))),
            ("mean", tuple(map(float, mean))),
            ("std", tuple(map(float, std))),
            ("resize", None if resize is None else int(resize)),
        ):
            object.__setattr__(self, name, value)

    @property
    def maps(self) -> int:
        """The number of maps: 3 for colours, 1 for grey levels."""
        return len(self.mean)

    def normalize(self, levels: Any) -> NDArray[np.float32]:
        """Return levels 0 to 255, (N, rows, columns, maps), as inputs (N, maps, rows, columns)."""
        given = np.asarray(levels, np.float32) / np.float32(255)
        scaled = (given - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(np.moveaxis(scaled, -1, 1))

    @classmethod
    def of(cls, given: Any) -> Preprocessing:
        """Return what torchvision's weights or their transforms say, or a mapping.

        A mapping has the names of this class, or timm's `input_size`, `mean`, `std` and `crop_pct`.
        Raises GraphError for what says no size, mean and deviation.

        >>> Preprocessing.of({"input_size": (3, 9, 9), "mean": (0, 0, 0), "std": (1, 1, 1)}).size
        (9, 9)
        """
        if isinstance(given, cls):
            return given
        transforms = getattr(given, "transforms", None)
        said = transforms() if callable(transforms) else given
        found = _of_mapping(said) if isinstance(said, Mapping) else _of_transforms(said)
        if found is None:
            raise GraphError(
                f"preprocessing: found {kind_of(given)}, needed a Preprocessing, torchvision's "
                "weights or transforms, or a mapping with size, mean and std"
            )
        return cls(**found)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        found = {"size": list(self.size), "mean": list(self.mean), "std": list(self.std)}
        return found if self.resize is None else {**found, "resize": self.resize}

    def __str__(self) -> str:
        rows, columns = self.size
        about = f", mean {_listed(self.mean)}, deviation {_listed(self.std)}"
        plain = all(m == 0 for m in self.mean) and all(s == 1 for s in self.std)
        return f"the middle {rows}x{columns}, 0 to 255 scaled to 0 to 1{'' if plain else about}"


def _listed(numbers: Iterable[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _several(value: Any, what: str) -> tuple[Any, ...]:
    if isinstance(value, str) or not np.iterable(value):
        raise GraphError(f"preprocessing: {what} is {shown(value)}, needed several numbers")
    return tuple(n.item() if isinstance(n, np.generic) else n for n in value)


def _of_mapping(given: Mapping[str, Any]) -> dict[str, Any] | None:
    known = {"size", "mean", "std", "resize"}
    if "input_size" in given:
        size = tuple(given["input_size"])[-2:]
        found = {"size": size, "mean": given.get("mean"), "std": given.get("std")}
        part = given.get("crop_pct")
        more = {} if not part else {"resize": int(max(size) / part)}
        return {**found, **more} if None not in found.values() else None
    if "size" not in given or not known.issuperset(given):
        return None
    return dict(given)


def _of_transforms(given: Any) -> dict[str, Any] | None:
    """Return what torchvision's transforms of a classifier say; None for anything else."""
    names = "crop_size", "mean", "std"
    if not all(hasattr(given, name) for name in names):
        return None
    crop, mean, std = (getattr(given, name) for name in names)
    resize = getattr(given, "resize_size", None)
    crop = [crop, crop] if is_whole(crop) else [*crop, *crop] if len(crop) == 1 else crop
    resize = resize[0] if isinstance(resize, Sequence) and resize else resize
    return {"size": crop, "mean": mean, "std": std, "resize": resize}


@dataclass(frozen=True)
class Pictures:
    """What is known of a graph's pictures: names of classes by output neuron; preprocessing."""

    classes: Mapping[int, str] = field(default_factory=dict)
    preprocessing: Preprocessing | None = None

    def moved(self, to: Callable[[int], int]) -> Pictures:
        """Return it for neurons of other ids; -1 for those that are gone."""
        ids = {to(i): name for i, name in self.classes.items()}
        return Pictures({i: n for i, n in ids.items() if i >= 0}, self.preprocessing)


def _class_names(given: Any, count: int) -> list[str]:
    """Return names of classes: a list, or torchvision's weights, which say theirs.

    Raises GraphError for another number of them than `count`, and for a name that is no text.
    """
    meta = getattr(given, "meta", None)
    names = meta.get("categories") if isinstance(meta, Mapping) else given
    if names is None or isinstance(names, str | bytes) or not np.iterable(names):
        raise GraphError(f"classes: found {kind_of(given)}, needed a name for each output")
    found = [str(name) if isinstance(name, np.str_) else name for name in names]
    if found and len(found) != count:
        raise GraphError(f"classes: found {len(found):,} names for {count:,} outputs")
    for name in found:
        if not printable(name):
            raise GraphError(f"classes: {shown(name)} is no printable text")
    return found


class Pictured(ABC):
    """What has outputs and may know its pictures: a Graph."""

    pictures: Pictures

    @property
    @abstractmethod
    def outputs(self) -> Ids:
        """The ids of the outputs, in their shape."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What the outputs are called, in their order; nothing where that is not known of all.

        Set to a name each, or to torchvision's weights, which say them; edits and files keep them.

        >>> from neurograph.models import mlp
        >>> graph = mlp((2, 2))
        >>> graph.classes = ["cat", "dog"]; graph.classes
        ('cat', 'dog')
        """
        known = self.pictures.classes
        ids = self.outputs.reshape(-1).tolist() if known else []
        return tuple(known[i] for i in ids) if all(i in known for i in ids) else ()

    @classes.setter
    def classes(self, names: Any) -> None:
        ids = self.outputs.reshape(-1).tolist()
        found = _class_names(names, len(ids))
        self.pictures = replace(self.pictures, classes=dict(zip(ids, found, strict=False)))

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How pictures become inputs; set to a Preprocessing or to torchvision's weights."""
        return self.pictures.preprocessing

    @preprocessing.setter
    def preprocessing(self, given: Any) -> None:
        found = None if given is None else Preprocessing.of(given)
        self.pictures = replace(self.pictures, preprocessing=found)
