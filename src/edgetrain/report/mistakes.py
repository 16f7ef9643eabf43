"""The page's pictures of mistakes: small copies with boxes, each embedded once, within a limit for the whole page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.wording import finite_number
from edgetrain.core.workspace.stage_reports import as_list, as_object, as_text
from edgetrain.report.charts import MarkedBox, Svg, marked_picture

_MOST_BYTES = 3_300_000
_SIDE, _QUALITY = 256, 62
_MOST_CLASSES = 40
_MEANINGS = {
    "missed": "A labelled object that no detection finds. The largest first.",
    "invented": "A detection where no labelled object is. The surest first.",
    "misplaced": "A detection near an object of its class, but with an IoU of only 0.10 to 0.50.",
    "wrong class": "The box fits, the class is another one.",
    "double": "A second detection of an object that is found already.",
}


@dataclass(frozen=True)
class Figure:
    """One picture with its boxes; ``picture`` is empty where the page has no room for it."""

    number: str
    filename: str
    caption: str
    picture: Svg | None


@dataclass(frozen=True)
class PictureList:
    """A list of pictures that opens: ``numbers`` are those with a picture on the page, ``named`` those without."""

    key: str
    title: str
    meaning: str
    count: int
    numbers: tuple[str, ...]
    named: tuple[str, ...]
    rest: int


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix: number of boxes, and which share (0 to 1) of its row they are."""

    count: int
    share: float
    is_right: bool
    title: str
    pictures: PictureList | None


@dataclass(frozen=True)
class MistakesSection:
    """Confusion matrix, lists and pictures; empty where nothing is known."""

    names: tuple[str, ...] = ()
    rows: tuple[tuple[str, int, tuple[Cell, ...]], ...] = ()
    hidden_classes: int = 0
    kinds: tuple[PictureList, ...] = ()
    faults: PictureList | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)


def wanted_pictures(mistakes: Mapping[str, object]) -> set[str]:
    """Return the ids of the pictures that :func:`mistakes_section` would show."""
    return {as_text(as_object(one).get("source_id")) for one in as_object(mistakes.get("pictures")).values()}


def mistakes_section(mistakes: Mapping[str, object], pictures: Mapping[str, bytes]) -> MistakesSection:
    """Return what the page shows of mistakes.

    Args:
        mistakes: what ``evaluate`` reports under this name.
        pictures: JPEG or PNG by source id.
    """
    names = [as_text(name) for name in as_list(mistakes.get("names"))]
    if not names:
        return MistakesSection()
    kinds = {name: as_object(one) for name, one in as_object(mistakes.get("kinds")).items()}
    faults = as_object(mistakes.get("label_faults"))
    cells = [as_object(cell) for cell in as_list(mistakes.get("cells"))]
    lists = [_numbers(one) for one in (faults, *kinds.values(), *cells)]
    figures = _figures(as_object(mistakes.get("pictures")), lists, pictures)
    shown = _shown_classes(mistakes, len(names))
    return MistakesSection(
        names=tuple(names[place] for place in shown),
        rows=tuple(_rows(mistakes, names, cells, figures, shown)),
        hidden_classes=len(names) - len(shown),
        kinds=tuple(
            _list(name.replace(" ", "-"), name, _MEANINGS.get(name, ""), kinds[name], figures)
            for name in sorted(kinds, key=lambda name: -_whole(kinds[name].get("count")))
        ),
        faults=_list("faults", "likely label faults", "", faults, figures) if _whole(faults.get("total")) else None,
        figures=figures,
    )


def _figures(
    described: Mapping[str, object], lists: Sequence[Sequence[str]], pictures: Mapping[str, bytes]
) -> dict[str, Figure]:
    """Return each picture once: the first of every list, then the second, …, as long as there is room."""
    figures: dict[str, Figure] = {}
    used = 0
    for number in (number for rank in zip_longest(*lists) for number in rank if number is not None):
        one = as_object(described.get(number))
        if number in figures or not one:
            continue
        data = pictures.get(as_text(one.get("source_id"))) if used < _MOST_BYTES else None
        size = ImageSize(*(max(1, _whole(one.get(key))) for key in ("width", "height")))
        boxes = [*_boxes(one.get("truths"), is_truth=True), *_boxes(one.get("detections"), is_truth=False)]
        caption = _caption(boxes)
        filename = as_text(one.get("filename"))
        picture = None
        if data is not None:
            picture = marked_picture(data, size, boxes, name=f"{filename}: {caption}", side=_SIDE, quality=_QUALITY)
            used += len(picture.text)
        figures[number] = Figure(number, as_text(one.get("source_id")) or filename, caption, picture)
    return figures


def _boxes(value: object, *, is_truth: bool) -> Iterator[MarkedBox]:
    for item in map(as_object, as_list(value)):
        corners = [finite_number(corner) or 0.0 for corner in as_list(item.get("box"))]
        if len(corners) == len(("xmin", "ymin", "xmax", "ymax")):
            score = finite_number(item.get("weaker" if is_truth else "score")) or 0.0
            name, kind = as_text(item.get("class")), as_text(item.get("kind"))
            yield MarkedBox(name, kind, BoundingBox(*corners), score, is_truth=is_truth)


def _caption(boxes: Sequence[MarkedBox]) -> str:
    """Return what is wrong in a picture, such as ``missed mushroom (best guess 0.31); double fish 0.41``."""
    wrong = []
    for one in boxes:
        if one.is_truth and one.kind == "missed":
            guess = f" (best guess {one.score:.2f}, below the threshold)" if one.score else ""
            wrong.append(f"missed {one.class_name}{guess}")
        elif not one.is_truth and one.kind != "right":
            wrong.append(f"{one.kind}: {one.class_name} {one.score:.2f}")
    right = sum(not one.is_truth and one.kind == "right" for one in boxes)
    return "; ".join([*wrong, f"{right} right"])


def _numbers(value: Mapping[str, object]) -> list[str]:
    return [str(_whole(number)) for number in as_list(value.get("shown"))]


def _list(
    key: str, title: str, meaning: str, value: Mapping[str, object], figures: Mapping[str, Figure]
) -> PictureList:
    numbers = [number for number in _numbers(value) if number in figures]
    seen = [number for number in numbers if figures[number].picture is not None]
    unseen = [figures[number].filename for number in numbers if figures[number].picture is None]
    named = [*unseen, *(as_text(name) for name in as_list(value.get("named")))]
    total = _whole(value.get("total"))
    count = _whole(value.get("count", total))
    return PictureList(key, title, meaning, count, tuple(seen), tuple(named), max(0, total - len(seen) - len(named)))


def _shown_classes(mistakes: Mapping[str, object], size: int) -> list[int]:
    """Return the places of the classes that are in most mistakes, in their order, and of the background."""
    if size - 1 <= _MOST_CLASSES:
        return list(range(size))
    counts = _counts(mistakes, size)
    wrong = [sum(counts[i]) + sum(row[i] for row in counts) - 2 * counts[i][i] for i in range(size - 1)]
    worst = sorted(range(size - 1), key=lambda place: (-wrong[place], place))[:_MOST_CLASSES]
    return [*sorted(worst), size - 1]


def _counts(mistakes: Mapping[str, object], size: int) -> list[list[int]]:
    rows = [[_whole(count) for count in as_list(row)] for row in as_list(mistakes.get("confusion"))]
    return [(row + [0] * size)[:size] for row in (rows + [[] for _ in range(size)])[:size]]


def _rows(
    mistakes: Mapping[str, object],
    names: Sequence[str],
    cells: Sequence[Mapping[str, object]],
    figures: Mapping[str, Figure],
    shown: Sequence[int],
) -> Iterator[tuple[str, int, tuple[Cell, ...]]]:
    counts = _counts(mistakes, len(names))
    opened = {(_whole(cell.get("row")), _whole(cell.get("column"))): cell for cell in cells}
    for row in shown:
        total = sum(counts[row])
        found = []
        for column in shown:
            count = counts[row][column]
            title = _cell_title(names, row, column)
            cell = opened.get((row, column))
            pictures = _list(f"cell-{row}-{column}", title, "", {**cell, "count": count}, figures) if cell else None
            share = count / total if total else 0.0
            found.append(Cell(count, share, row == column, title, pictures))
        yield names[row], total, tuple(found)


def _cell_title(names: Sequence[str], row: int, column: int) -> str:
    """Return what a cell says in words."""
    background = len(names) - 1
    if row == column:
        return f"{names[row]} found right"
    if column == background:
        return f"{names[row]} labelled, not found"
    if row == background:
        return f"{names[column]} found where no such object is left to find"
    return f"{names[row]} labelled, {names[column]} found"


def _whole(value: object) -> int:
    return int(finite_number(value) or 0)
