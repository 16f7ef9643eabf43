"""What the pixels of all pictures tell: damage, and pictures that look nearly the same.

``reviewed`` is sorted by name everywhere. Identical pictures are not told again: ``set_rules`` has found them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from edgetrain.core.boxes import BoundingBox, iou
from edgetrain.core.findings import Finding
from edgetrain.core.splits import Split
from edgetrain.images.near_duplicates import near_groups
from edgetrain.images.pixel_facts import PixelFacts, review_pixels
from edgetrain.review.reviewed import Reviewed
from edgetrain.review.rules import pictures as image_rules
from edgetrain.review.rules.whole_set import parted

# Pictures of which it is known already that they cannot, or must not, be decoded.
_HOPELESS = frozenset(("image-huge", "image-format", "image-truncated"))
# Boxes of one object in two pictures that look nearly the same overlap at least that much.
_SAME_BOX_IOU = 0.5


def decoded(root: Path, reviewed: Iterable[Reviewed], cache_path: Path) -> dict[str, PixelFacts]:
    """Return what decoding showed, by the picture's name; pictures with known faults are left alone.

    Args:
        root: the dataset's folder.
        reviewed: what was reviewed.
        cache_path: what earlier runs found; need not exist.

    Raises:
        StorageError: the cache cannot be written.
    """
    names = {
        one.image_name: root / one.image_name
        for one in reviewed
        if one.image_key and not _HOPELESS.intersection(finding.rule for finding in one.findings)
    }
    return dict(review_pixels([(path, name) for name, path in names.items()], cache_path))


def with_damage(reviewed: Iterable[Reviewed], facts: Mapping[str, PixelFacts]) -> list[Reviewed]:
    """Return what was reviewed, with a finding more for each picture that looks whole, but does not decode."""
    damaged = {name: known.error for name, known in facts.items() if known.error}
    return [_damaged(one, damaged.pop(one.image_name)) if one.image_name in damaged else one for one in reviewed]


def near_pictures(
    reviewed: Iterable[Reviewed], facts: Mapping[str, PixelFacts], twins: Iterable[Sequence[Reviewed]]
) -> list[list[tuple[Reviewed, str]]]:
    """Return the groups of pictures that look nearly the same, sorted by name, each picture with its content's key.

    Args:
        reviewed: what was reviewed.
        facts: what decoding showed, by the picture's name.
        twins: groups of identical pictures; the members of one have the same key.
    """
    owners: dict[str, Reviewed] = {}
    for one in reviewed:
        owners.setdefault(one.image_name, one)
    keys = {one.image_name: group[0].image_name for group in twins for one in group}
    hashes = {name: known.dhash for name, known in facts.items() if name in owners}
    groups = [sorted((owners[name], keys.get(name, name)) for name in group) for group in near_groups(hashes)]
    return [group for group in groups if len({key for _, key in group}) > 1]


def split_near_twin_findings(
    groups: Iterable[Sequence[tuple[Reviewed, str]]], splits: Mapping[str, Split]
) -> Iterator[Finding]:
    """Yield a finding for each picture that looks almost the same as one in another split."""
    divided = (_different([(one, key) for one, key in group if one.name in splits]) for group in groups)
    for one, message in parted(divided, splits, "looks almost the same as"):
        yield Finding.of((one.name, 1), "split-near-twin", message, "Put both into the same split.")


def near_twin_findings(groups: Iterable[Sequence[tuple[Reviewed, str]]]) -> Iterator[Finding]:
    """Yield a finding for each picture that looks almost the same as an earlier one, but is labelled otherwise."""
    for group in groups:
        first, *others = _different(group)
        for one in others:
            if not _is_labelled_alike(first, one):
                message = (
                    f"{one.image_name} looks almost the same as {first.image_name}, but {first.name} has other boxes."
                )
                fix = "Compare the two. Label the same objects the same way, or keep only one picture."
                yield Finding.of((one.name, 1), "near-twin-boxes", message, fix)


def _damaged(one: Reviewed, reason: str) -> Reviewed:
    return one._replace(findings=(*one.findings, image_rules.pixels_damaged(one.image_name, reason)))


def _different(group: Sequence[tuple[Reviewed, str]]) -> list[Reviewed]:
    """Return the first of each set of identical pictures."""
    firsts: dict[str, Reviewed] = {}
    for one, key in group:
        firsts.setdefault(key, one)
    return list(firsts.values())


def _is_labelled_alike(first: Reviewed, second: Reviewed) -> bool:
    """Return whether the boxes of two pictures, whatever their sizes, can be paired: same class, much overlap."""
    ours, theirs = _boxes(first), _boxes(second)
    if sorted(name for name, _ in ours) != sorted(name for name, _ in theirs):
        return False
    overlaps = sorted(
        (-overlap, own, other)
        for own, (own_class, own_box) in enumerate(ours)
        for other, (other_class, other_box) in enumerate(theirs)
        if own_class == other_class and (overlap := iou(own_box, other_box)) >= _SAME_BOX_IOU
    )
    paired: set[int] = set()
    taken: set[int] = set()
    for _, own, other in overlaps:
        if own not in paired and other not in taken:
            paired.add(own)
            taken.add(other)
    return len(paired) == len(ours)


def _boxes(one: Reviewed) -> list[tuple[str, BoundingBox]]:
    """Return class and box of each object, the box as fractions of the picture."""
    width, height = one.width or 1, one.height or 1
    return [
        (box.class_name, BoundingBox(box.xmin / width, box.ymin / height, box.xmax / width, box.ymax / height))
        for box in one.boxes
    ]
