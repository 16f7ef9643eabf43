"""What every format of annotations comes down to: pictures with boxes in pixels, and the order of the classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split
from edgetrain.core.wording import clipped, counted

_SHOWN = 50
_MOST_KEPT, _MOST_LETTERS = 10_000, 1000


@dataclass(frozen=True)
class Place:
    """Where something stands: a file and a line, from 1."""

    file: str
    line: int = 1

    def __str__(self) -> str:
        """Return ``file:line``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Picture:
    """One picture with its boxes; no boxes make it a negative example.

    ``name`` is a relative path with forward slashes that stays below its folder. ``size`` is ``None`` where the format
    does not state it. ``place`` and ``found_as``, the name in the source where that is another one, play no part in
    comparisons.
    """

    name: str
    size: ImageSize | None
    boxes: tuple[LabelledBox, ...]
    split: Split | None = None
    place: Place = field(default=Place(""), compare=False)
    found_as: str = field(default="", compare=False)


@dataclass(frozen=True)
class AnnotationSet:
    """Pictures in the order of their source, and the classes in the order of their ids (empty: no order is stated).

    ``left_out`` counts what the source says and this value cannot hold, by its name.
    """

    pictures: tuple[Picture, ...]
    classes: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    def class_names(self) -> tuple[str, ...]:
        """Return the classes in their order, those of the boxes that are not among them behind, sorted."""
        used = {box.class_name for picture in self.pictures for box in picture.boxes}
        return self.classes + tuple(sorted(used - set(self.classes)))


PictureKey = tuple[str, Place]


@dataclass
class Reading:
    """What is met while a source is read: the faults at their places, and the counts of what no box can hold.

    Every object of a source is a box or in ``lost``, by its kind and its picture. ``left_out`` counts what is said
    beside the objects (flags, scores), ``boxed`` the shapes of each kind that became the box around them, ``by_name``
    the pictures that were found by their own names although their paths lead elsewhere. ``notes`` are sentences. A file
    of more than ``most_bytes`` is not read. Of very many ``faults`` the first are kept, and all are counted.
    """

    most_bytes: int = 2048 << 20

    faults: list[tuple[str, int, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    lost: dict[str, Counter[PictureKey]] = field(default_factory=dict)
    boxed: Counter[str] = field(default_factory=Counter)
    by_name: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _fault_count: int = 0

    def lose(self, kind: str, picture: str, place: Place) -> None:
        """Count an object that becomes no box.

        Args:
            kind: what it is, in the plural.
            picture: its picture's name, as the :class:`Picture` has it.
            place: that picture's place.
        """
        self.lost.setdefault(kind, Counter())[picture, place] += 1

    def counts(self) -> dict[str, int]:
        """Return how much is left out of each kind, objects among it."""
        objects = {kind: sum(pictures.values()) for kind, pictures in self.lost.items()}
        return {kind: count for kind, count in {**self.left_out, **objects}.items() if count}

    def emptied(self, pictures: Iterable[Picture]) -> dict[PictureKey, dict[str, int]]:
        """Return the pictures that have objects in the source and no box here, each with the kinds it lost."""
        found: dict[PictureKey, dict[str, int]] = {}
        for picture in (picture for picture in pictures if not picture.boxes):
            key = (picture.name, picture.place)
            kinds = {kind: counts[key] for kind, counts in self.lost.items() if counts[key]}
            if kinds:
                found[key] = kinds
        return found

    def fault(self, place: Place, message: str) -> None:
        """Note a fault: what is wrong and what to do."""
        self._fault_count += 1
        if len(self.faults) < _MOST_KEPT:
            self.faults.append((place.file, place.line, clipped(message, _MOST_LETTERS)))

    def raise_faults(self, outcome: str) -> None:
        """Do nothing if there was no fault.

        Args:
            outcome: what the user must know beside the faults, such as ``Nothing was written.``

        Raises:
            DatasetError: there were faults; tells them sorted, and their number.
        """
        if not self.faults:
            return
        shown = [f"{file}:{line}: {message}" for file, line, message in sorted(self.faults)[:_SHOWN]]
        more = f" (the first {_SHOWN} are shown)" if self._fault_count > _SHOWN else ""
        raise DatasetError("\n".join([*shown, f"{counted(self._fault_count, 'fault')}{more}. {outcome}"]))
