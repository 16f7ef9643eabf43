"""What is wrong with the classes of a dataset as a whole: what was reviewed in, findings out.

A name is taken for a slip of the pen only if three things agree: it is near to another name, it begins with the same
letter (slips seldom hit the first), and it is rare beside the other. So ``car`` and ``cart``, ``cat1`` and ``cat2`` or
``mouse`` and ``house`` may stand side by side; a name in a committed label map is never doubted.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edgetrain.core.annotation import Annotation
from edgetrain.core.findings import Finding
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.core.wording import counted, suggestion
from edgetrain.review.reviewed import BOX_VALUES, CLASS_LINE, CLASS_NAME, ReviewedSet

_MAP_NAME = "label_map.pbtxt"
# A class that somebody drew so often is meant; a slip is at least so many times rarer than what was meant.
_MANY_BOXES = 50
_TIMES_RARER = 10
# Letters in the longer name up to which one and two slips are near; in three letters every name is near to another.
_ONE_SLIP, _TWO_SLIPS, _MOST_LETTERS = 4, 8, 64
# Each pair of classes is compared; thousands of classes are a fault of another kind.
_MOST_CLASSES = 500
_MOST_PLACES = 20


@dataclass
class _Class:
    """One class name of the dataset: its boxes, the first place in each annotation, its boxes in each split."""

    name: str
    boxes: int = 0
    places: list[tuple[str, int]] = field(default_factory=list)
    splits: dict[Split, int] = field(default_factory=lambda: defaultdict(int))


def emptied_finding(name: str, annotation: Annotation) -> Finding:
    """Return the finding of a picture whose objects are all of classes that ``dataset.classes`` leaves out."""
    names = ", ".join(sorted({box.class_name for box in annotation.boxes}))
    message = f"dataset.classes drops every box of this picture ({counted(len(annotation.boxes), 'box')}: {names})."
    fix = 'Choose what happens to such pictures in dataset.classes: "emptied: negatives" or "emptied: leave-out".'
    return Finding.of((name, annotation.boxes[0].line), "class-emptied", message, fix)


def class_findings(
    reviewed: ReviewedSet,
    *,
    label_map: LabelMap | None,
    min_boxes: int,
    splits: Mapping[str, Split],
    divided: Collection[Split],
) -> Iterator[Finding]:
    """Yield what is wrong with the classes.

    Args:
        reviewed: all annotations, sorted by name.
        label_map: the committed one, if there is one.
        min_boxes: boxes below which a class is called rare.
        splits: the split of each annotation that the dataset divides already.
        divided: the splits into which it is divided; each should know every class.
    """
    classes = _classes(reviewed, splits)
    slips = dict(_slips(classes, label_map)) if len(classes) <= _MOST_CLASSES else {}
    for name, meant in slips.items():
        yield from _typo_findings(classes[name], meant, label_map)
    if label_map is not None:
        yield from _unknown_findings([one for one in classes.values() if one.name not in slips], label_map)
    known = label_map.names if label_map else ()
    yield from _similar_findings([one for one in classes.values() if one.name not in slips and one.name not in known])
    for one in classes.values():
        if one.name not in slips:
            yield from _rare_findings(one, min_boxes)
            yield from _absent_findings(one, divided)
    yield from (_unused(name) for name in known if name not in classes and min_boxes)


def _classes(reviewed: ReviewedSet, splits: Mapping[str, Split]) -> dict[str, _Class]:
    """Return the classes by name, sorted."""
    found: dict[str, _Class] = {}
    for name, boxes in zip(reviewed.names, reviewed.boxes):
        split = splits.get(name)
        for class_name, line in zip(boxes[CLASS_NAME::BOX_VALUES], boxes[CLASS_LINE::BOX_VALUES]):
            entry = found.get(class_name) or found.setdefault(class_name, _Class(class_name))
            entry.boxes += 1
            if not entry.places or entry.places[-1][0] != name:
                entry.places.append((name, line))
            if split is not None:
                entry.splits[split] += 1
    return dict(sorted(found.items()))


def _slips(classes: Mapping[str, _Class], label_map: LabelMap | None) -> Iterator[tuple[str, str]]:
    """Yield the class names that are misspelt, each with the name that was meant."""
    known = label_map.names if label_map else ()
    counts = {name: one.boxes for name, one in classes.items()}
    counts.update({name: counts.get(name, 0) for name in known})
    by_count = sorted(counts, key=lambda name: (name not in known, -counts[name], name))
    for name in classes:
        if name not in known:
            meant = next((other for other in by_count if _is_slip(name, other, counts, known)), None)
            if meant is not None:
                yield name, meant


def _is_slip(name: str, other: str, counts: Mapping[str, int], known: Collection[str]) -> bool:
    if name == other:
        return False
    if _folded(name) == _folded(other) and other in known:
        return True
    is_rare = counts[name] * _TIMES_RARER <= counts[other] or (other in known and counts[other] == 0)
    if _folded(name) == _folded(other):
        return is_rare
    return is_rare and counts[name] < _MANY_BOXES and _folded(name)[:1] == _folded(other)[:1] and is_near(name, other)


def _typo_findings(one: _Class, meant: str, label_map: LabelMap | None) -> Iterator[Finding]:
    where = f" of {_MAP_NAME}" if label_map and meant in label_map else ""
    message = f"{one.name!r} ({counted(one.boxes, 'box')}) looks like a misspelt {meant!r}{where}."
    fix = f"Correct the name. If it is a class of its own, add it to {_MAP_NAME}."
    for number, place in enumerate(one.places[:_MOST_PLACES], start=1):
        left = len(one.places) - number
        more = f" {counted(left, 'more annotation')} use it." if left and number == _MOST_PLACES else ""
        yield Finding.of(place, "class-typo", message + more, fix)


def _unknown_findings(classes: Sequence[_Class], label_map: LabelMap) -> Iterator[Finding]:
    for one in classes:
        if one.name not in label_map:
            near = suggestion(one.name, label_map.names)
            extent = f"{counted(one.boxes, 'box')} in {counted(len(one.places), 'annotation')}"
            message = f"{one.name!r} ({extent}) is not in {_MAP_NAME}.{near}"
            fix = f"Correct the name, or add the class at the end of {_MAP_NAME}."
            yield Finding.of(one.places[0], "class-unknown", message, fix)


def _similar_findings(classes: Sequence[_Class]) -> Iterator[Finding]:
    """Yield a finding for each class whose name is too much like that of another with more boxes."""
    ordered = sorted(classes, key=lambda one: (-one.boxes, one.name))[:_MOST_CLASSES]
    for index, one in enumerate(ordered):
        for other in ordered[:index]:
            is_same = _folded(one.name) == _folded(other.name)
            if is_same or (one.boxes < _MANY_BOXES and is_near(one.name, other.name)):
                difference = "only in case, spaces or punctuation" if is_same else "in a letter or two"
                message = (
                    f"the classes {one.name!r} ({counted(one.boxes, 'box')}) and {other.name!r} "
                    f"({counted(other.boxes, 'box')}) differ {difference}."
                )
                fix = f"If they are one class, give them one name. If not, commit a {_MAP_NAME} with both."
                yield Finding.of(one.places[0], "class-similar", message, fix)
                break


def _rare_findings(one: _Class, min_boxes: int) -> Iterator[Finding]:
    if one.boxes < min_boxes:
        message = f"the class {one.name!r} has {counted(one.boxes, 'box')}, fewer than {min_boxes}: hardly learnable."
        fix = "Label more of them, remove the class, or lower validate.min_class_boxes."
        yield Finding.of(one.places[0], "class-rare", message, fix)


def _unused(name: str) -> Finding:
    message = f"the class {name!r} has no box in the dataset, so training cannot learn it."
    fix = "Label some. Keep its place in the label map, because ids must never change."
    return Finding.of((_MAP_NAME, 1), "class-rare", message, fix)


def _absent_findings(one: _Class, divided: Collection[Split]) -> Iterator[Finding]:
    absent = [split.value for split in Split if split in divided and not one.splits[split]]
    if absent:
        message = f"the class {one.name!r} has no box in {' and '.join(absent)}, so the results there do not cover it."
        fix = "Move some pictures with it into that split, or label more."
        yield Finding.of(one.places[0], "class-missing", message, fix)


@functools.lru_cache(maxsize=1024)
def _folded(name: str) -> str:
    """Return a name without case, spaces and punctuation; itself if it has nothing else."""
    return "".join(letter for letter in name.casefold() if letter.isalnum()) or name


@functools.lru_cache(maxsize=1024)
def _letters(folded: str) -> frozenset[str]:
    return frozenset(folded)


def is_near(first: str, second: str) -> bool:
    """Return whether one name may be the other with a slip: a letter wrong, lost, added, or two swapped.

    Long names may have two. Names that differ in a number are never near: they are numbered on purpose.
    """
    one, other = _folded(first), _folded(second)
    longer = max(len(one), len(other))
    slips = 2 if longer >= _TWO_SLIPS else 1
    if not _ONE_SLIP <= longer <= _MOST_LETTERS or abs(len(one) - len(other)) > slips:
        return False
    # Cheap and never wrong: a slip puts at most one letter in another's place.
    if len(_letters(one) ^ _letters(other)) > 2 * slips:
        return False
    return re.findall(r"\d+", one) == re.findall(r"\d+", other) and _distance(one, other) <= slips


def _distance(first: str, second: str) -> int:
    """Return the least number of slips between two words (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, start=1):
        older, before, row = before, row, [i]
        for j, other in enumerate(second, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]
