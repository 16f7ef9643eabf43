"""The one place where class names, class ids (from 1) and class indices (from 0) meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from edgetrain.core.errors import LabelMapError
from edgetrain.core.wording import suggestion


@dataclass(frozen=True)
class LabelMap:
    """Class names in the order of their ids.

    ``class_id`` counts from 1, 0 being the background (TFRecord, pipeline config); ``class_index`` counts from 0
    (output of a TFLite model).

    Raises:
        LabelMapError: a name is empty, padded with spaces or occurs twice.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse names that would confuse two classes."""
        for name in self.names:
            if not name or name != name.strip():
                raise LabelMapError(f"label map: class name {name!r} is empty or padded with spaces. Rename it.")
        repeated = sorted(name for name, count in Counter(self.names).items() if count > 1)
        if repeated:
            raise LabelMapError(f"label map: class {repeated[0]!r} occurs twice. Remove one of the two.")

    def __len__(self) -> int:
        """Return the number of classes, background not counted."""
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        """Return whether a class of that name exists."""
        return name in self._ids

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        """The class ids by name: a stranger's map may have very many."""
        return {name: class_id for class_id, name in enumerate(self.names, start=1)}

    @classmethod
    def from_items(cls, items: Iterable[tuple[int, str]]) -> LabelMap:
        """Return the map of (class id, class name) pairs, whose ids must be 1, 2, 3, … without a gap.

        Raises:
            LabelMapError: an id is 0, missing or occurs twice.
        """
        ordered = sorted(items)
        ids = [class_id for class_id, _ in ordered]
        if ids != list(range(1, len(ids) + 1)):
            raise LabelMapError(
                f"label map: the ids are {ids}, but must be 1 to {len(ids)} without a gap (0 is the background). "
                "Renumber them, or remove the file to have it made anew."
            )
        return cls(tuple(name for _, name in ordered))

    def class_id(self, name: str) -> int:
        """Return the id (from 1) of a class.

        Raises:
            LabelMapError: there is no such class; names the nearest one.
        """
        if name not in self._ids:
            raise LabelMapError(f"{name!r} is not a class of the label map.{suggestion(name, self.names)}")
        return self._ids[name]

    def name_of_index(self, class_index: int) -> str:
        """Return the class name of a model's output index (from 0)."""
        return self.names[class_index]

    def extended(self, names: Iterable[str]) -> LabelMap:
        """Return a map with the unknown ones of ``names`` appended in sorted order; known ids never move."""
        return LabelMap(self.names + tuple(sorted(set(names) - set(self.names))))
