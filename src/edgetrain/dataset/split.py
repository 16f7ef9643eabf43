"""Divide the dataset into train, validation and test: three lists of annotations.

A division that the dataset brings along is kept; where it has no validation pictures, a share of train becomes those.
So are the workspace's own lists where they were made with the same shares and seed. Otherwise each picture's place
depends on names and the seed only. Pictures that belong together do not part: identical ones, augmented copies
(``NAME.rf.HASH``), frames of one video (``split.group_pattern``), and those that look nearly the same, where
``validate`` with pixels has seen them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from edgetrain.core.errors import DatasetError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.settings.exchange import EmptiedPictures
from edgetrain.core.splits import Split, SplitFractions
from edgetrain.core.system.files import file_digest
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.claim import claim_workspace
from edgetrain.dataset.augmented_copies import copies_by_source
from edgetrain.dataset.division import MADE, read_former, write_division
from edgetrain.dataset.folder import DatasetFolder, LabelledImage, find_dataset
from edgetrain.dataset.split_assignment import Assignment, PictureGroup, assign_splits, joined
from edgetrain.images.image_file import quick_key
from edgetrain.images.near_duplicates import near_groups
from edgetrain.images.pixel_facts import read_pixel_cache

_MUST_HAVE = (Split.TRAIN, Split.TEST)
_NAMED = 3
_LEAST_GROUPS = 2

Groups = Sequence[tuple[str, ...]]


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write the lists of the three splits; one without pictures is an empty file.

    Raises:
        DatasetError: an annotation or the dataset's own division has a fault, a split that is needed has no pictures,
            or the workspace belongs to another dataset.
    """
    folder = find_dataset(settings.dataset.root, settings.dataset.classes, follow_links=settings.dataset.follow_links)
    read = [folder.read(item) for item in folder.items]
    emptied = [image.name for image in read if image.is_emptied]
    folder.classes.refuse_emptied(emptied)
    is_left_out = folder.classes.emptied is EmptiedPictures.LEAVE_OUT
    images = [image for image in read if not (is_left_out and image.is_emptied)]
    digests = {image.name: file_digest(image.image_path) for image in images}
    claim_workspace(folder.root, {image.image_name: quick_key(image.image_path) for image in images}, workspace)
    fractions, seed = SplitFractions(settings.split.validation, settings.split.test), settings.split.seed
    if folder.division:
        groups: Groups = joined(digests, [*_alike(digests), *copies_by_source(digests).values()])
        assignment = _existing(folder, groups, settings)
    else:
        groups, assignment = _made(images, digests, settings, workspace)
    division = folder.division or MADE
    write_division(workspace, assignment.splits, division=division, fractions=fractions, seed=seed)
    chosen = [*folder.classes.notes(name for image in read for name in image.read_classes)]
    if emptied:
        became = "left out" if is_left_out else "negatives"
        chosen.append(f"{counted(len(emptied), 'picture')} without an object of a chosen class: {became}")
    report = _report(images, groups, assignment, division)
    return replace(report, notes=(*chosen, *report.notes))


def _made(
    images: Sequence[LabelledImage], digests: Mapping[str, str], settings: Settings, workspace: Workspace
) -> tuple[Groups, Assignment]:
    """Return the pictures that stay together, and their splits."""
    chosen = settings.split
    fractions = SplitFractions(chosen.validation, chosen.test)
    former = read_former(workspace, fractions, chosen.seed)
    ties = [*_alike(digests), *_by_pattern(digests, chosen.group_pattern)]
    # Without a record of the earlier lists it is the hash that keeps their pictures in place: groups must not change.
    if not former.is_unknown:
        ties += _nearly_alike(digests, workspace)
        ties += copies_by_source(digests).values()
    groups = joined(digests, ties)
    classes = {image.name: {box.class_name for box in image.annotation.boxes} for image in images}
    pictures = [PictureGroup(group, frozenset().union(*(classes[name] for name in group))) for group in groups]
    return groups, assign_splits(pictures, fractions=fractions, seed=chosen.seed, former=former.splits)


def _alike(keys: Mapping[str, Hashable]) -> Iterator[list[str]]:
    """Yield the names that have the same key."""
    names: dict[Hashable, list[str]] = defaultdict(list)
    for name, key in keys.items():
        names[key].append(name)
    yield from names.values()


def _by_pattern(names: Iterable[str], pattern: str) -> Iterator[list[str]]:
    """Yield the names in which the pattern's group finds the same text."""
    found = ((name, re.search(pattern, name)) for name in names if pattern)
    yield from _alike({name: match[1] for name, match in found if match and match[1]})


def _nearly_alike(digests: Mapping[str, str], workspace: Workspace) -> Iterator[list[str]]:
    """Yield the names of pictures that look nearly the same, as far as their pixels were seen."""
    facts = read_pixel_cache(workspace.pixel_cache_path)
    owners = {digest: name for name, digest in digests.items()}
    for group in near_groups({digest: facts[digest].dhash for digest in owners if digest in facts}):
        yield [owners[digest] for digest in group]


def _existing(folder: DatasetFolder, groups: Groups, settings: Settings) -> Assignment:
    """Return the dataset's own division and what is unusual about it."""
    if folder.findings:
        lines = [str(finding) for finding in folder.findings]
        raise DatasetError("\n".join([f"{folder.division}: the lists of the splits have faults.", *lines]))
    known = {name for group in groups for name in group}
    splits = {item.name: item.split for item in folder.items if item.split is not None and item.name in known}
    for split in _MUST_HAVE:
        if split not in splits.values():
            raise DatasetError(
                f"{folder.root}: the dataset's own division ({folder.division}) has no picture for {split.value}. "
                "Add some, or remove the division, so that one is made."
            )
    notes = [f"the dataset's own division is kept ({folder.division})"]
    if Split.VALIDATION not in splits.values():
        pattern = _by_pattern(splits, settings.split.group_pattern)
        ties = [[name for name in group if name in splits] for group in groups]
        whole = joined(splits, [*(tie for tie in ties if tie), *pattern])
        chosen = _share_of_train(splits, whole, settings)
        splits.update(dict.fromkeys(chosen, Split.VALIDATION))
        notes.append(_validation_note(len(chosen), sum(split is Split.TRAIN for split in splits.values())))
    if len(splits) < len(known):
        notes.append(f"{len(known) - len(splits)} annotations are in no list of the division, so they are not used")
    notes += _parted("identical pictures, or augmented copies of one,", groups, splits)
    return Assignment(splits, notes=tuple(notes))


def _share_of_train(splits: Mapping[str, Split], groups: Groups, settings: Settings) -> list[str]:
    """Return the training pictures that become validation, whole groups: without any, nothing judges the training."""
    share = settings.split.validation
    own = [PictureGroup(group) for group in groups if {splits[name] for name in group} == {Split.TRAIN}]
    if not share or len(own) < _LEAST_GROUPS:
        return []
    made = assign_splits(own, fractions=SplitFractions(share, 0), seed=settings.split.seed)
    return [name for name, split in made.splits.items() if split is Split.VALIDATION]


def _validation_note(count: int, rest: int) -> str:
    if not count:
        return "the dataset's own division has no validation split, so that list is empty"
    text = f"the dataset's own division has no validation split: {counted(count, 'picture')} of train choose the model"
    return f"{text}, {rest} remain for training (split.validation 0: use none)"


def _parted(what: str, groups: Groups, splits: Mapping[str, Split]) -> Iterator[str]:
    """Yield a note for each group whose pictures stand in several splits."""
    for names in groups:
        places = sorted({splits[name].value for name in names if name in splits})
        if len(places) > 1:
            yield f"{what} stand in {' and '.join(places)}: {_some(names)}"


def _some(names: Iterable[str]) -> str:
    """Return the first names and how many more there are."""
    first, rest = list(names)[:_NAMED], list(names)[_NAMED:]
    return ", ".join(first) + (f" and {len(rest)} more" if rest else "")


def _report(images: Sequence[LabelledImage], groups: Groups, assignment: Assignment, division: str) -> Outcome:
    splits, left_out = assignment.splits, assignment.left_out
    members = {split: [image for image in images if splits.get(image.name) is split] for split in Split}
    figures = {split: _figures(chosen) for split, chosen in members.items()}
    for split, own in figures.items():
        own["groups"] = sum(any(splits.get(name) is split for name in group) for group in groups)
    results = {
        "division": division,
        "groups": len(groups),
        "splits": {split.value: own for split, own in figures.items()},
        "left_out": {name: [split.value for split in places] for name, places in left_out.items()},
        "steered": {name: {"split": split.value, "class": own} for name, (split, own) in assignment.steered.items()},
    }
    sizes = [f"{split.value} {len(chosen)}" for split, chosen in members.items()]
    sizes += [f"left out {len(left_out)}"] if left_out else []
    notes = [*assignment.notes, *_made_notes(groups, assignment, division), *_missing_classes(members)]
    return Outcome(f"{counted(len(splits) + len(left_out), 'picture')}: {', '.join(sizes)}", results, tuple(notes))


def _made_notes(groups: Groups, assignment: Assignment, division: str) -> Iterator[str]:
    """Yield what is unusual about a division that was made here."""
    if division != MADE:
        return
    copies = copies_by_source(assignment.splits)
    if copies:
        count = sum(map(len, copies.values()))
        yield f"{count} augmented copies (NAME.rf.…) of {counted(len(copies), 'picture')}: copies stay together"
    parted = list(_parted("pictures that belong together", groups, assignment.splits))
    yield from parted[:_NAMED]
    if len(parted) > _NAMED:
        yield f"{len(parted) - _NAMED} more groups of pictures that belong together are in several splits"
    if parted:
        yield "pictures keep their split; to split all again, remove the workspace's splits/"
    if assignment.left_out:
        yield f"new pictures belong to pictures in several splits, so they are not used: {_some(assignment.left_out)}"
    if assignment.steered:
        put = [f"{name} ({split.value}: {own})" for name, (split, own) in assignment.steered.items()]
        yield f"new pictures were put where their class was missing: {_some(put)}"


def _figures(images: Sequence[LabelledImage]) -> dict[str, object]:
    classes = Counter(box.class_name for image in images for box in image.annotation.boxes)
    return {
        "images": len(images),
        "boxes": sum(classes.values()),
        "negatives": sum(not image.annotation.boxes for image in images),
        "classes": dict(sorted(classes.items())),
    }


def _missing_classes(members: Mapping[Split, Sequence[LabelledImage]]) -> list[str]:
    """Return a note for each split that lacks classes which others have."""
    classes = {
        split: {box.class_name for image in images for box in image.annotation.boxes}
        for split, images in members.items()
        if images
    }
    known = set().union(*classes.values())
    return [
        f"{split.value} has no box of {', '.join(sorted(known - present))}"
        for split, present in classes.items()
        if known - present
    ]
