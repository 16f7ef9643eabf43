"""What makes a dataset as a whole unfit for training: what was reviewed in, findings out.

``reviewed`` is sorted by name everywhere. A place is that of a review in it, counted from 0.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence

from edgetrain.annotations.voc import format_coordinate
from edgetrain.core.findings import Finding
from edgetrain.core.splits import Split
from edgetrain.core.wording import counted
from edgetrain.dataset.augmented_copies import copies_by_source
from edgetrain.dataset.layout import stem_of
from edgetrain.review.reviewed import (
    BROKEN_COORDINATES,
    FROM_EDGE_TO_EDGE,
    FROM_ZERO,
    TO_FULL_SIZE,
    Reviewed,
    ReviewedBox,
    ReviewedSet,
)

Group = list[int]


def shared_findings(reviewed: ReviewedSet) -> Iterator[Finding]:
    """Yield a finding for each annotation whose picture belongs to an earlier one."""
    owners: dict[str, str] = {}
    for place, (name, image_name) in enumerate(zip(reviewed.names, reviewed.image_names)):
        owner = owners.setdefault(image_name, name) if image_name else name
        if owner != name:
            message = f"the picture {image_name} already belongs to {owner}."
            fix = "Put all boxes into one annotation, or correct <filename>."
            yield Finding.of((name, reviewed[place].filename_line), "image-shared", message, fix)


def identical_pictures(reviewed: ReviewedSet) -> list[Group]:
    """Return the groups of different picture files with the same content, by their places, each ascending."""
    by_digest: dict[str, dict[str, int]] = {}
    for place, (digest, image_name) in enumerate(zip(reviewed.image_digests, reviewed.image_names)):
        if digest:
            by_digest.setdefault(digest, {}).setdefault(image_name, place)
    return [list(alike.values()) for alike in by_digest.values() if len(alike) > 1]


def twin_findings(reviewed: ReviewedSet, groups: Iterable[Group]) -> Iterator[Finding]:
    """Yield a finding for each picture that is identical to an earlier one, but labelled differently."""
    boxes = reviewed.boxes
    for first, *others in groups:
        for place in others:
            # Written alike, lines and all, is labelled alike, and seen at once.
            if boxes[place] != boxes[first] and _labels(reviewed[place]) != _labels(reviewed[first]):
                one, former = reviewed[place], reviewed[first]
                message = f"{one.image_name} is identical to {former.image_name}, but {former.name} has other boxes."
                fix = "Remove one of the two pictures, or give both the same boxes."
                yield Finding.of((one.name, 1), "twin-boxes", message, fix)


def split_twin_findings(
    reviewed: ReviewedSet, groups: Iterable[Group], splits: Mapping[str, Split]
) -> Iterator[Finding]:
    """Yield a finding for each picture that is identical to one in another split."""
    names = reviewed.names
    torn = (group for group in groups if len({splits.get(names[place]) for place in group}) > 1) if splits else ()
    fix = "Put both into the same split, or remove one."
    for one, message in parted(([reviewed[place] for place in group] for group in torn), splits, "is identical to"):
        yield Finding.of((one.name, 1), "split-twin", message, fix)


def split_augmented_findings(reviewed: ReviewedSet, splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Yield a finding for each augmented copy of which another copy is in another split."""
    places = {name: place for place, name in enumerate(reviewed.names)}
    groups = copies_by_source(name for name in reviewed.names if name in splits).values() if splits else ()
    torn = (group for group in groups if len({splits[name] for name in group}) > 1)
    fix = 'Put all copies into the same split. Without the division, "ci/inv split" makes one that keeps them together.'
    relation = "is an augmented copy of the same picture as"
    for one, message in parted(([reviewed[places[name]] for name in group] for group in torn), splits, relation):
        yield Finding.of((one.name, 1), "split-augmented", message, fix)


def parted(
    groups: Iterable[Sequence[Reviewed]], splits: Mapping[str, Split], relation: str
) -> Iterator[tuple[Reviewed, str]]:
    """Yield each picture that is not in the split of the first one of its group, and a message that says so."""
    for group in groups:
        divided = [one for one in group if one.name in splits]
        for one in divided[1:]:
            first, own = splits[divided[0].name], splits[one.name]
            if own is not first:
                yield (
                    one,
                    (
                        f"{one.image_name} ({own.value}) {relation} {divided[0].image_name} ({first.value}): "
                        "the model is evaluated on what it was trained on."
                    ),
                )


def orphan_findings(reviewed: ReviewedSet, image_names: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each picture without an annotation."""
    used = set(reviewed.image_names)
    unread = {stem_of(name) for name, is_read in zip(reviewed.names, reviewed.is_read) if not is_read}
    for image_name in image_names:
        if image_name not in used and stem_of(image_name) not in unread:
            message = "the picture has no annotation, so it is not used."
            fix = "Label it, or remove it. If it shows no object, save an annotation without boxes."
            yield Finding.of((image_name, 1), "image-orphaned", message, fix)


def habit_findings(reviewed: ReviewedSet) -> Iterator[Finding]:
    """Yield one finding for the whole dataset for each habit of labelling that is worth knowing."""
    if reviewed and all(reviewed.is_read) and not any(reviewed.boxes):
        message = f"none of {counted(len(reviewed), 'annotation')} has an object, so there is nothing to learn."
        yield Finding.of((reviewed.names[0], 1), "dataset-negative", message, "Label objects.")
    habits = functools.reduce(operator.or_, set(reviewed.habits), 0)
    if habits & BROKEN_COORDINATES:
        broken = [
            (one, box) for one in reviewed.with_habit(BROKEN_COORDINATES) for box in one.boxes if not _is_whole(box)
        ]
        one, box = broken[0]
        corners = " ".join(format_coordinate(value) for value in box[3:])
        message = f"{counted(len(broken), 'box')} of the dataset {_have(broken)} broken coordinates, first {corners}."
        yield Finding.of(
            (one.name, box.line), "box-float", message, "They are used unchanged. Check that they are intended."
        )
    # A box from edge to edge shows that edges, not pixels, are counted; then nothing is mixed.
    if habits & FROM_ZERO and habits & TO_FULL_SIZE and not habits & FROM_EDGE_TO_EDGE:
        yield _edge_finding(reviewed)


def _edge_finding(reviewed: ReviewedSet) -> Finding:
    """Return the finding of a dataset in which some boxes begin at 0 and others end at the picture's very size."""
    boxes = [(one, box) for one in reviewed.with_habit(FROM_ZERO | TO_FULL_SIZE) for box in one.boxes]
    from_zero = [(one, box) for one, box in boxes if 0 in (box.xmin, box.ymin)]
    to_size = [(one, box) for one, box in boxes if box.xmax == one.width > 0 or box.ymax == one.height > 0]
    one, box = min(from_zero[0], to_size[0], key=lambda pair: (pair[0].name, pair[1].line))
    message = (
        f"{counted(len(from_zero), 'box')} of the dataset {'begins' if len(from_zero) == 1 else 'begin'} at 0 and "
        f"{len(to_size)} end at the picture's full size: one tool counts pixels from 0, another from 1."
    )
    fix = "Coordinates are used unchanged. A shift of one pixel hardly matters."
    return Finding.of((one.name, box.line), "box-edge-base", message, fix)


def _is_whole(box: ReviewedBox) -> bool:
    return box.xmin % 1 == 0 and box.ymin % 1 == 0 and box.xmax % 1 == 0 and box.ymax % 1 == 0


def _have(items: Sequence[object]) -> str:
    return "has" if len(items) == 1 else "have"


def _labels(one: Reviewed) -> list[tuple[object, ...]]:
    """Return the boxes in an order that does not depend on the file's."""
    return sorted((box.class_name, *box[3:]) for box in one.boxes)
