"""The reviews of a whole dataset by column: what is asked of all of them is answered without a value for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from edgetrain.core.findings import Finding


class ReviewedBox(NamedTuple):
    """A box as it is drawn (pixels), and the lines of its object and of its class name."""

    class_name: str
    line: int
    class_line: int
    xmin: float
    ymin: float
    xmax: float
    ymax: float


class Reviewed(NamedTuple):
    """One annotation, its picture and their own faults.

    ``name`` and ``image_name`` are relative to the dataset, ``image_name`` is empty where there is no picture.
    ``width`` and ``height`` are the picture's own pixels; 0, and an empty ``image_key``, if unreadable. ``image_key``
    is the same for identical pictures, and hardly ever for others; ``image_digest`` is that of the content, empty where
    no other picture has the same key. ``is_read`` tells whether the annotation could be parsed; boxes with a fault that
    hides their values are not among ``boxes``.
    """

    name: str
    is_read: bool
    filename: str = ""
    filename_line: int = 1
    boxes: tuple[ReviewedBox, ...] = ()
    image_name: str = ""
    image_key: str = ""
    width: int = 0
    height: int = 0
    image_digest: str = ""
    findings: tuple[Finding, ...] = ()


# Names of the columns: what a review holds, and its habits.
COLUMNS = (*Reviewed._fields, "habits")

BOX_VALUES = len(ReviewedBox._fields)
CLASS_NAME = ReviewedBox._fields.index("class_name")
CLASS_LINE = ReviewedBox._fields.index("class_line")

# Habits of drawing that show in a single picture; the dataset as a whole is told of them.
BROKEN_COORDINATES = 1
FROM_ZERO = 2
TO_FULL_SIZE = 4
FROM_EDGE_TO_EDGE = 8

# A review as its columns hold it: a value for each, by the column's name.
Row = dict[str, Any]


class ReviewedSet(Sequence[Reviewed]):
    """Reviews by column; one of them is made when it is asked for.

    ``columns`` are lists of one value for each review, by the names of ``COLUMNS``. A review's boxes are flat, the
    values of one behind those of the other; its findings are tuples.
    """

    def __init__(self, columns: Mapping[str, list[Any]]) -> None:
        """Take the columns as they are; rows that are put in change them."""
        self.columns = columns
        self.names: list[str] = columns["name"]
        self.is_read: list[bool] = columns["is_read"]
        self.filenames: list[str] = columns["filename"]
        self.boxes: list[list[Any]] = columns["boxes"]
        self.image_names: list[str] = columns["image_name"]
        self.image_keys: list[str] = columns["image_key"]
        self.image_digests: list[str] = columns["image_digest"]
        self.findings: list[list[tuple[Any, ...]]] = columns["findings"]
        self.habits: list[int] = columns["habits"]

    @classmethod
    def of(cls, reviews: Iterable[Reviewed]) -> ReviewedSet:
        """Return the set of some reviews."""
        rows = [packed(one) for one in reviews]
        return cls({name: [row[name] for row in rows] for name in COLUMNS})

    def __len__(self) -> int:
        """Return the number of reviews."""
        return len(self.names)

    def __getitem__(self, index: Any) -> Any:
        """Return one review, or a list of those of a slice."""
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        values = {name: self.columns[name][index] for name in Reviewed._fields}
        flat = values["boxes"]
        boxes = (flat[start : start + BOX_VALUES] for start in range(0, len(flat), BOX_VALUES))
        values["boxes"] = tuple(
            ReviewedBox(class_name, line, class_line, *map(float, sides))
            for class_name, line, class_line, *sides in boxes
        )
        values["findings"] = tuple(Finding(*finding) for finding in values["findings"])
        return Reviewed(**values)

    def faulty(self) -> Iterator[Reviewed]:
        """Yield the reviews that have findings."""
        return (self[index] for index, found in enumerate(self.findings) if found)

    def with_habit(self, habit: int) -> Iterator[Reviewed]:
        """Yield the reviews that have one of some habits."""
        return (self[index] for index, own in enumerate(self.habits) if own & habit)


def packed(one: Reviewed) -> Row:
    """Return a review's value of each column."""
    boxes: list[Any] = []
    habits = 0
    for class_name, line, class_line, xmin, ymin, xmax, ymax in one.boxes:
        sides = [int(side) if side % 1 == 0 else side for side in (xmin, ymin, xmax, ymax)]
        boxes += (class_name, line, class_line, *sides)
        left, top, right, bottom = sides[0] == 0, sides[1] == 0, xmax == one.width > 0, ymax == one.height > 0
        if left or top or right or bottom:
            habits |= FROM_ZERO * (left or top) | TO_FULL_SIZE * (right or bottom)
            habits |= FROM_EDGE_TO_EDGE * ((left and right) or (top and bottom))
        if any(type(side) is float for side in sides):
            habits |= BROKEN_COORDINATES
    findings = [tuple(vars(finding).values()) for finding in one.findings]
    return {**one._asdict(), "boxes": boxes, "findings": findings, "habits": habits}
