"""Which classes of a dataset are learnt, and under which names: applied to what was read, never to files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from edgetrain.core.annotation import Annotation
from edgetrain.core.errors import DatasetError, SettingsError
from edgetrain.core.settings.exchange import EmptiedPictures
from edgetrain.core.wording import counted, suggestion

_SHOWN = 5


@dataclass(frozen=True)
class ClassChoice:
    """The classes to keep (empty: all), other names for some, those to drop; names may be those before or after.

    ``emptied`` says what becomes of pictures that have objects, but none of a chosen class.

    Raises:
        SettingsError: a class is to be kept and dropped.
    """

    keep: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    emptied: EmptiedPictures = EmptiedPictures.STOP

    def __post_init__(self) -> None:
        """Refuse contradictions."""
        both = sorted(set(self.keep) & set(self.drop))
        if both:
            raise SettingsError(f"dataset.classes: {both[0]!r} is in keep and in drop. Remove it from one of the two.")
        empty = [name for name, other in self.rename.items() if not name.strip() or not other.strip()]
        if empty:
            raise SettingsError(f"dataset.classes: rename has an empty name for {empty[0]!r}. Give it one.")

    def name_of(self, class_name: str) -> str | None:
        """Return what a class is called; ``None`` if it is left out."""
        name = self.rename.get(class_name, class_name)
        names = {class_name, name}
        is_kept = not self.keep or bool(names & set(self.keep))
        return name if is_kept and not names & set(self.drop) else None

    def of(self, annotation: Annotation) -> Annotation:
        """Return an annotation with the chosen boxes under their names."""
        if self.is_of_all:
            return annotation
        named = ((box, self.name_of(box.class_name)) for box in annotation.boxes)
        boxes = tuple(replace(box, class_name=name) for box, name in named if name is not None)
        return replace(annotation, boxes=boxes)

    @property
    def is_of_all(self) -> bool:
        """Whether every class is learnt under its own name."""
        return not (self.keep or self.rename or self.drop)

    def empties(self, annotation: Annotation) -> bool:
        """Return whether an annotation as it was read has objects, and none of them is chosen."""
        return bool(annotation.boxes) and not self.of(annotation).boxes

    def notes(self, class_names: Iterable[str]) -> Iterator[str]:
        """Yield what the choice does to boxes, by their classes as they were read, and names that no box has."""
        counts = Counter(class_names)
        renamed = [f"{counts[name]} of {name} as {other}" for name, other in self.rename.items() if counts[name]]
        if renamed:
            yield f"dataset.classes: boxes under another name: {', '.join(renamed)}"
        left = {name: count for name, count in sorted(counts.items()) if self.name_of(name) is None}
        if left:
            shown = ", ".join(f"{name} {count}" for name, count in left.items())
            yield f"dataset.classes: {counted(sum(left.values()), 'box')} left out: {shown}"
        known = {*counts, *(self.rename.get(name, name) for name in counts)}
        for name in dict.fromkeys((*self.keep, *self.rename, *self.drop)):
            if name not in known:
                yield f"dataset.classes names {name!r}, but no box has that class.{suggestion(name, counts)}"

    def refuse_emptied(self, names: Iterable[str]) -> None:
        """Do nothing if no picture was emptied, or if it is said what becomes of such.

        Args:
            names: the annotations that have objects, but none of a chosen class.

        Raises:
            DatasetError: there are some, and nobody said that they are negatives.
        """
        found = sorted(names)
        if found and self.emptied is EmptiedPictures.STOP:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            shown = f"{', '.join(found[:_SHOWN])}{more}"
            raise DatasetError(
                f"dataset.classes leaves no object in {counted(len(found), 'picture')}: {shown}. "
                'Say what becomes of them in dataset.classes: "emptied: negatives" (they show none of the classes) or '
                '"emptied: leave-out".'
            )
