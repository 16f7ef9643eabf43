"""``reports/detections.csv``: every labelled box and every detection of the judged pictures, to compare runs by.

A row is a detection (it has a score), a labelled box (it has a class and no score) or a picture without any box.
Boxes are xmin, ymin, xmax, ymax in pixels; ``right`` has a one for each of COCO's ten IoU thresholds (0.50 to 0.95) at
which a detection finds a labelled box, in COCO's matching over all detections.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgetrain.core.boxes import BoundingBox
from edgetrain.core.errors import DatasetError
from edgetrain.core.system.files import open_text, write_text
from edgetrain.evaluation.analysis import Found, corners
from edgetrain.evaluation.metrics import right_by_iou, truths_of
from edgetrain.evaluation.thresholds import is_counted

_COLUMNS = ("picture", "class", "score", "xmin", "ymin", "xmax", "ymax", "right")
_NEVER = "0" * 10
_MARKS = re.compile("[01]{10}")
_MOST_BYTES = 200_000_000


@dataclass(frozen=True)
class SeenBox:
    """A labelled box (``score`` is ``None``) or a detection, in pixels; ``right`` as in the file."""

    class_name: str
    box: BoundingBox
    score: float | None = None
    right: str = _NEVER


@dataclass
class SeenPicture:
    """What a picture was labelled with, and what a model found in it."""

    truths: list[SeenBox] = field(default_factory=list)
    detections: list[SeenBox] = field(default_factory=list)


def write_judged(path: Path, found: Found, class_names: Sequence[str]) -> None:
    """Write what a model found in labelled pictures.

    Raises:
        StorageError: the file cannot be written.
    """
    images = len(found.examples)
    right = right_by_iou(truths_of(found.examples), found.detections, images=images, class_names=class_names)
    rows: list[list[Sequence[object]]] = [[] for _ in found.examples]
    for number, example in enumerate(found.examples):
        boxes = [(one.class_name, "", *corners(one.box.to_pixels(example.size)), "") for one in example.boxes]
        rows[number] += boxes
    for one, marks in zip(found.detections, right):
        if one.box.is_finite() and is_counted(one.box):
            name = class_names[one.class_id - 1]
            rows[one.image_id].append((name, round(one.score, 6), *corners(one.box), marks))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for example, of_picture in zip(found.examples, rows):
        table.writerows([example.source_id, *row] for row in of_picture or [("",) * (len(_COLUMNS) - 1)])
    write_text(path, text.getvalue())


def read_judged(path: Path) -> dict[str, SeenPicture] | None:
    """Return what was found by picture, in the file's order; ``None`` if there is no such file.

    Raises:
        DatasetError: a line is not as :func:`write_judged` writes it.
    """
    pictures: dict[str, SeenPicture] = {}
    try:
        with open_text(path, newline="", most_bytes=_MOST_BYTES) as stream:
            for line, (picture, box) in enumerate(_rows(stream, path), start=2):
                _add(pictures.setdefault(picture, SeenPicture()), box, f"{path}:{line}")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f'{path}: cannot be read ({error}). Run "ci/inv evaluate" again.') from error
    return pictures


def _rows(stream: Iterator[str], path: Path) -> Iterator[tuple[str, list[str]]]:
    table = csv.reader(stream)
    if tuple(next(table, ())) != _COLUMNS:
        raise DatasetError(f'{path}:1: the columns are not {", ".join(_COLUMNS)}. Run "ci/inv evaluate" again.')
    for row in table:
        if len(row) != len(_COLUMNS):
            raise DatasetError(
                f'{path}:{table.line_num}: {len(row)} columns instead of {len(_COLUMNS)}. Run "ci/inv evaluate" again.'
            )
        yield row[0], row[1:]


def _add(picture: SeenPicture, row: Sequence[str], where: str) -> None:
    name, score, *corner_texts, right = row
    if not name:
        return
    try:
        numbers = [float(text) for text in corner_texts]
        box = SeenBox(name, BoundingBox(*numbers), float(score) if score else None, right or _NEVER)
    except ValueError as error:
        raise DatasetError(f'{where}: {error}. Run "ci/inv evaluate" again.') from error
    if not all(map(math.isfinite, (*numbers, box.score or 0.0))) or not _MARKS.fullmatch(box.right):
        raise DatasetError(f'{where}: a number is out of range. Run "ci/inv evaluate" again.')
    (picture.truths if box.score is None else picture.detections).append(box)
