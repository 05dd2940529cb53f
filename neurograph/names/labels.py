"""Names that single ids have of their own, beside their place in an array: id <-> text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from neurograph.errors import GraphError, shown
from neurograph.names.spelling import stem


class Labels(Mapping[int, str]):
    """Texts by id, each for one id.

    >>> labels = Labels(); labels.assign([3, 4], ["a", "b"])
    >>> labels[3], labels.id_of("b"), labels.id_of("c")
    ('a', 4, None)
    """

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self._stems: Counter[str] = Counter()

    def __getitem__(self, identity: int) -> str:
        return self._texts[identity]

    def __iter__(self) -> Iterator[int]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def id_of(self, text: str) -> int | None:
        """Return the id that is called so, if any is."""
        return self._ids.get(text)

    def reserve(self, name: str) -> bool:
        """Return whether an array of this name would make a label ambiguous."""
        return self._stems[name] > 0

    def assign(self, identities: Sequence[int], texts: Sequence[str]) -> None:
        """Give ids new texts, "" for none. Raises GraphError, before any is given, for a twin."""
        given = dict(zip(identities, texts, strict=True))
        used = Counter(text for text in texts if text)
        for identity, text in zip(identities, texts, strict=True):
            if used[text] > 1 or self._ids.get(text, identity) not in given:
                raise GraphError(f"label {shown(text)} would name two; names are unique")
        if len(given) < len(texts):
            raise GraphError("label: one is given two names")
        self.remove(identities)
        for identity, text in given.items():
            if text:
                self._texts[identity] = str(text)
                self._ids[text] = identity
                self._stems[stem(text)] += 1

    def remove(self, identities: Sequence[int]) -> None:
        """Take away the texts of these ids."""
        for identity in identities:
            text = self._texts.pop(identity, "")
            if text:
                del self._ids[text]
                self._stems[stem(text)] -= 1
