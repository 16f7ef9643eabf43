"""Listed annotations as examples for training, each checked, its picture's bytes untouched wherever that is possible.

A picture is encoded anew only if it is larger than training has use for, if its boxes were drawn on the picture as its
EXIF orientation turns it, or if training cannot decode its format and the settings let it pass.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DatasetError, LabelMapError
from edgetrain.core.findings import Finding, Severity, judged
from edgetrain.core.label_map import LabelMap
from edgetrain.dataset.edited_tables import EditedTables
from edgetrain.dataset.folder import LabelledImage
from edgetrain.dataset.picture_finder import PictureFinder
from edgetrain.images.encoding import encoded_anew, encoded_format, fitted_size, turned_upright
from edgetrain.images.image_file import JPEG, PNG, ImageInfo, probe_bytes, read_image
from edgetrain.records.example import DetectionExample, ExampleBox
from edgetrain.review.rules.pictures import is_turned, picture_findings

# What no setting lets pass: there would be nothing to train on, or boxes that stop the training.
_ALWAYS_ERRORS = frozenset(("image-truncated", "image-huge", "box-outside", "box-inverted", "box-empty"))
_ORIENTATION = "exif-orientation"


@dataclass(frozen=True)
class RecordSource:
    """Makes examples of the annotations of a dataset.

    ``max_side`` is the longest side of a picture in pixels; ``severities`` are those of rules that the settings change;
    ``tables`` hold boxes that stand in place of the annotations'.
    """

    finder: PictureFinder
    label_map: LabelMap
    max_side: int
    severities: Mapping[str, str] = field(default_factory=dict)
    tables: EditedTables = field(default_factory=lambda: EditedTables({}))

    def example(self, name: str, list_path: Path) -> Prepared:
        """Return a listed annotation as training reads it.

        Raises:
            MissingInputError: the annotation is gone.
            DatasetError: the annotation or its picture has a fault.
            LabelMapError: a class is not in the label map.
        """
        image = self.finder.read(name, list_path)
        is_from_table = image.image_name in self.tables
        if is_from_table:
            image = self.tables.applied(image)
        data = read_image(f"{image.root}{os.sep}{image.image_name}", image.image_name)
        info = probe_bytes(data, image.image_name)
        self._require_fit(image, info)
        turns = is_turned(image.annotation, info)
        size = ImageSize(info.size.height, info.size.width) if turns else info.size
        boxes = tuple(self._box(image.name, labelled, size) for labelled in image.annotation.boxes)
        encoded, image_format, fitted = self._encoded(image, data, info, size)
        example = DetectionExample(
            image.image_name.rpartition("/")[2], image.image_name, encoded, image_format, fitted, boxes
        )
        return Prepared(example, encoded is not data, is_from_table)

    def _require_fit(self, image: LabelledImage, info: ImageInfo) -> None:
        """Raise if the picture, or what is said of it, has a fault that the settings do not let pass."""
        found = picture_findings(image.name, image.annotation, image.image_name, info)
        if not found:
            return
        if is_turned(image.annotation, info):  # the pixels are turned on their way into the record
            found = [finding for finding in found if finding.rule != _ORIENTATION]
        passing = {rule: level for rule, level in self.severities.items() if rule not in _ALWAYS_ERRORS}
        errors = [finding for finding in judged(found, passing) if finding.severity == Severity.ERROR.value]
        if errors:
            raise DatasetError(_fault(errors))

    def _encoded(
        self, image: LabelledImage, data: bytes, info: ImageInfo, size: ImageSize
    ) -> tuple[bytes, str, ImageSize]:
        """Return the picture's bytes, format and size as they go into the record."""
        is_turned = size != info.size
        fitted = fitted_size(size, self.max_side)
        if fitted != size or info.format not in {JPEG, PNG}:
            data = encoded_anew(data, info.format, fitted, image.image_name, is_turned=is_turned)
            return data, encoded_format(info.format), fitted
        if is_turned:
            data = turned_upright(data, info.format, image.image_name)
        return data, info.format, fitted

    def _box(self, name: str, labelled: LabelledBox, size: ImageSize) -> ExampleBox:
        try:
            class_id = self.label_map.class_id(labelled.class_name)
        except LabelMapError as error:
            raise LabelMapError(
                f'{name}:{labelled.line}: {error} Correct it, or run "ci/inv label-map" again.'
            ) from error
        return ExampleBox(labelled.box.normalize(size), labelled.class_name, class_id, labelled.is_difficult)


@dataclass(frozen=True)
class Prepared:
    """An example, whether its picture was encoded anew, and whether its boxes are from a table."""

    example: DetectionExample
    is_encoded_anew: bool
    is_from_table: bool


def _fault(errors: list[Finding]) -> str:
    first = errors[0]
    more = f"{len(errors) - 1} more here; " if len(errors) > 1 else ""
    return f'{first.file}:{first.line}: {first.message} {first.fix} ({more}"ci/inv validate" lists all)'
