"""What makes an annotation and its picture unfit for training: the rules that concern the two together.

Every function is pure. ``name`` is the annotation's, ``image_name`` the picture's, both relative to the dataset.
"""

from __future__ import annotations

from edgetrain.annotations.voc import Problem
from edgetrain.core.annotation import Annotation
from edgetrain.core.boxes import ImageSize
from edgetrain.core.findings import Finding
from edgetrain.formats import box_rules, image_rules
from edgetrain.formats.box_rules import BoxLimits
from edgetrain.images.image_file import ImageInfo


def of_problem(name: str, problem: Problem) -> Finding:
    """Return the finding of a fault that the parser met."""
    return Finding.of((name, problem.line), problem.rule, problem.message, problem.fix)


def picture_findings(
    name: str, annotation: Annotation, image_name: str, info: ImageInfo, *, limits: BoxLimits | None = None
) -> list[Finding]:
    """Return what is wrong with a picture, and with the size and boxes stated for it.

    Args:
        name: the annotation's name.
        annotation: what it says.
        image_name: the picture's name.
        info: what the picture says about itself.
        limits: what the network can see (default: boxes may be of any size and number).
    """
    # Boxes drawn on the turned picture are held against that one: how it is turned is a finding already.
    is_turned = image_rules.is_turned(annotation, info)
    size = ImageSize(info.size.height, info.size.width) if is_turned else info.size
    findings = [
        *image_rules.image_findings(image_name, info),
        *image_rules.stated_findings(name, annotation, image_name, info),
        *box_rules.box_findings(name, annotation, size),
    ]
    return [*findings, *box_rules.size_findings(name, annotation, size, limits)] if limits else findings
