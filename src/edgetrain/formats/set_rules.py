"""What makes a dataset as a whole unfit for training: what was reviewed in, findings out.

``reviewed`` is sorted by name everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from edgetrain.core.findings import Finding, counted
from edgetrain.core.reviewed import Reviewed, ReviewedBox
from edgetrain.core.splits import Split
from edgetrain.formats.dataset_parts import stem_of
from edgetrain.formats.voc import format_coordinate


def shared_findings(reviewed: Iterable[Reviewed]) -> Iterator[Finding]:
    """Yield a finding for each annotation whose picture belongs to an earlier one."""
    owners: dict[str, str] = {}
    for one in reviewed:
        owner = owners.setdefault(one.image_name, one.name) if one.image_name else one.name
        if owner != one.name:
            message = f"the picture {one.image_name} belongs to {owner} already."
            fix = "Put all boxes into one annotation, or correct <filename>."
            yield Finding.of((one.name, one.filename_line), "image-shared", message, fix)


def identical_pictures(reviewed: Iterable[Reviewed], digest_of: Callable[[str], str]) -> list[list[Reviewed]]:
    """Return the groups of different picture files with the same content, each sorted by name.

    Args:
        reviewed: what was reviewed.
        digest_of: gives a content digest for a picture's name, empty where it cannot be read; it is asked only about
            pictures whose quick keys are equal.
    """
    by_key: dict[str, dict[str, Reviewed]] = {}
    for one in reviewed:
        if one.image_key:
            by_key.setdefault(one.image_key, {}).setdefault(one.image_name, one)
    by_digest: dict[str, list[Reviewed]] = defaultdict(list)
    for alike in by_key.values():
        if len(alike) > 1:
            for image_name, one in alike.items():
                by_digest[digest_of(image_name)].append(one)
    return [group for digest, group in by_digest.items() if digest and len(group) > 1]


def twin_findings(groups: Iterable[Sequence[Reviewed]]) -> Iterator[Finding]:
    """Yield a finding for each picture that is identical to an earlier one, but labelled differently."""
    for first, *others in groups:
        for one in others:
            if _labels(first) != _labels(one):
                message = f"{one.image_name} is identical to {first.image_name}, but {first.name} has other boxes."
                fix = "Remove one of the two pictures, or give both the same boxes."
                yield Finding.of((one.name, 1), "twin-boxes", message, fix)


def split_twin_findings(groups: Iterable[Sequence[Reviewed]], splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Yield a finding for each picture that is identical to one in another split."""
    for group in groups:
        divided = [one for one in group if one.name in splits]
        for one in divided[1:]:
            first, own = splits[divided[0].name], splits[one.name]
            if own is not first:
                message = (
                    f"{one.image_name} ({own.value}) is identical to {divided[0].image_name} ({first.value}): "
                    "the model is judged by what it has seen."
                )
                yield Finding.of((one.name, 1), "split-twin", message, "Put both into the same split, or remove one.")


def orphan_findings(reviewed: Sequence[Reviewed], image_names: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each picture without an annotation."""
    used = {one.image_name for one in reviewed}
    unread = {stem_of(one.name) for one in reviewed if not one.is_read}
    for image_name in image_names:
        if image_name not in used and stem_of(image_name) not in unread:
            message = "the picture has no annotation, so it is not used."
            fix = "Label it; without objects, save an annotation without boxes. Or remove it."
            yield Finding.of((image_name, 1), "image-orphaned", message, fix)


def habit_findings(reviewed: Sequence[Reviewed]) -> Iterator[Finding]:
    """Yield one finding for the whole dataset for each habit of labelling that is worth knowing."""
    if reviewed and all(one.is_read for one in reviewed) and not any(one.boxes for one in reviewed):
        message = f"none of {counted(len(reviewed), 'annotation')} has an object: there is nothing to learn."
        yield Finding.of((reviewed[0].name, 1), "dataset-negative", message, "Label objects.")
    broken = [(one, box) for one in reviewed for box in one.boxes if not _is_whole(box)]
    if broken:
        one, box = broken[0]
        corners = " ".join(format_coordinate(value) for value in box[3:])
        message = f"{counted(len(broken), 'box')} of the dataset {_have(broken)} broken coordinates, first {corners}."
        yield Finding.of(
            (one.name, box.line), "box-float", message, "They are used as they are; see that they are meant."
        )
    yield from _edge_findings(reviewed)


def _edge_findings(reviewed: Sequence[Reviewed]) -> Iterator[Finding]:
    """Yield a finding if some boxes begin at 0 and others end at the picture's very size.

    A box that does both shows that edges, not pixels, are counted; then nothing is mixed.
    """
    from_zero, to_size = [], []
    for one in reviewed:
        for box in one.boxes:
            starts, ends = (box.xmin == 0, box.ymin == 0), (box.xmax == one.width > 0, box.ymax == one.height > 0)
            if (starts[0] and ends[0]) or (starts[1] and ends[1]):
                return
            if any(starts):
                from_zero.append((one, box))
            if any(ends):
                to_size.append((one, box))
    if from_zero and to_size:
        one, box = min(from_zero[0], to_size[0], key=lambda pair: (pair[0].name, pair[1].line))
        message = (
            f"{counted(len(from_zero), 'box')} of the dataset {'begins' if len(from_zero) == 1 else 'begin'} at 0 and "
            f"{len(to_size)} end at the picture's full size: some tool counts pixels from 0, another from 1."
        )
        fix = "Coordinates are used as they are, without a shift; a pixel more or less hardly matters."
        yield Finding.of((one.name, box.line), "box-edge-base", message, fix)


def _is_whole(box: ReviewedBox) -> bool:
    return box.xmin % 1 == 0 and box.ymin % 1 == 0 and box.xmax % 1 == 0 and box.ymax % 1 == 0


def _have(items: Sequence[object]) -> str:
    return "has" if len(items) == 1 else "have"


def _labels(one: Reviewed) -> list[tuple[object, ...]]:
    """Return the boxes in an order that does not depend on the file's."""
    return sorted((box.class_name, *box[3:]) for box in one.boxes)
