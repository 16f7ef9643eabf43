"""What only a whole dataset tells: the rules that look at all reviews, its division and its label map together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from edgetrain.core.errors import LabelMapError, MissingInputError, UnfetchedError
from edgetrain.core.findings import Finding
from edgetrain.core.label_map import LabelMap
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.dataset.folder import DatasetFolder
from edgetrain.dataset.unfetched import fetch_advice
from edgetrain.images.pixel_facts import PixelFacts
from edgetrain.review.reviewed import BOX_VALUES, CLASS_NAME, ReviewedSet
from edgetrain.review.rules import pixels as pixel_rules
from edgetrain.review.rules import whole_set as set_rules
from edgetrain.review.rules.classes import class_findings


def committed_label_map(folder: DatasetFolder, reviewed: ReviewedSet) -> tuple[LabelMap | None, list[Finding]]:
    """Return the label map of a dataset, if it has one, and what is wrong with it: that hides no other finding."""
    path = folder.label_map_path
    if not path.exists() and not path.is_symlink():
        return None, []
    used = set(chain.from_iterable(boxes[CLASS_NAME::BOX_VALUES] for boxes in reviewed.boxes))
    try:
        return read_label_map(path, within=folder.fence.within, used=used), []
    except UnfetchedError as error:
        advice = fetch_advice([error.tool])
        return None, [Finding.of((path.name, 1), "data-unfetched", "the label map is not in this clone.", advice)]
    except MissingInputError:
        return None, [
            Finding.of(
                (path.name, 1), "label-map-malformed", "the target of this link does not exist.", "Fix the link."
            )
        ]
    except LabelMapError as error:
        return None, [Finding.of((path.name, error.line), "label-map-malformed", f"{error.reason}.", error.fix)]


def set_findings(
    folder: DatasetFolder,
    reviewed: ReviewedSet,
    label_map: LabelMap | None,
    *,
    facts: Mapping[str, PixelFacts],
    min_boxes: int,
) -> Iterator[Finding]:
    """Yield what only the whole dataset tells."""
    splits = {item.name: item.split for item in folder.items if item.split is not None} if folder.divided else {}
    twins = set_rules.identical_pictures(reviewed)
    yield from folder.findings
    yield from set_rules.shared_findings(reviewed)
    yield from set_rules.twin_findings(reviewed, twins)
    yield from set_rules.split_twin_findings(reviewed, twins, splits)
    yield from set_rules.split_augmented_findings(reviewed, splits)
    if facts:
        near = pixel_rules.near_pictures(reviewed, facts, ([reviewed[place] for place in group] for group in twins))
        yield from pixel_rules.near_twin_findings(near)
        yield from pixel_rules.split_near_twin_findings(near, splits)
    yield from set_rules.orphan_findings(reviewed, folder.image_names)
    yield from set_rules.habit_findings(reviewed)
    yield from class_findings(reviewed, label_map=label_map, min_boxes=min_boxes, splits=splits, divided=folder.divided)
