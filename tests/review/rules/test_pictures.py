"""The rules of pictures and of the size stated for them."""

from __future__ import annotations

import pytest

from edgetrain.core.boxes import ImageSize
from edgetrain.review.rules.pictures import image_findings, negative_findings, picture_findings, stated_findings
from tests.support.rule_material import IMAGE, INSIDE, NAME, SIZE, annotation, info, places

TURNED = ImageSize(480, 640)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="faultless"),
        pytest.param({"format": "webp"}, [(1, "image-format", "error")], id="WebP"),
        pytest.param({"is_complete": False}, [(1, "image-truncated", "error")], id="cut"),
        pytest.param({"format": "png"}, [(1, "image-extension", "warning")], id="PNG called .jpg"),
        pytest.param({"oddity": "has CMYK colours"}, [(1, "image-mode", "warning")], id="CMYK"),
        pytest.param({"size": ImageSize(60_000, 60_000)}, [(1, "image-huge", "error")], id="huge"),
    ],
)
def test_a_picture_must_be_one_that_training_reads(changes, expected):
    assert places(image_findings(IMAGE, info(**changes))) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param(SIZE, [], id="true"),
        pytest.param(ImageSize(0, 0), [(8, "size-mismatch", "error")], id="0x0"),
        pytest.param(TURNED, [(8, "size-mismatch", "error")], id="sides swapped"),
        pytest.param(None, [(8, "size-missing", "warning")], id="none"),
    ],
)
def test_the_stated_size_is_held_against_the_picture(size, expected):
    assert places(stated_findings(NAME, annotation(size=size), IMAGE, info())) == expected


@pytest.mark.parametrize(
    ("orientation", "stated", "expected"),
    [
        pytest.param(6, SIZE, [(1, "exif-orientation", "warning")], id="drawn as stored"),
        pytest.param(6, TURNED, [(1, "exif-orientation", "error")], id="drawn as turned"),
        pytest.param(6, None, [(1, "exif-orientation", "error"), (8, "size-missing", "warning")], id="no size"),
        pytest.param(
            6, ImageSize(9, 9), [(1, "exif-orientation", "error"), (8, "size-mismatch", "error")], id="neither"
        ),
        pytest.param(3, SIZE, [(1, "exif-orientation", "error")], id="half a turn shows in no size"),
    ],
)
def test_an_orientation_is_as_bad_as_what_it_does_to_the_boxes(orientation, stated, expected):
    picture = info(exif_orientation=orientation)

    assert places(stated_findings(NAME, annotation(size=stated), IMAGE, picture)) == expected


def test_boxes_drawn_on_the_turned_picture_are_held_against_that():
    low = INSIDE.__class__(1, 500, 30, 600)

    findings = picture_findings(NAME, annotation(low, size=TURNED), IMAGE, info(exif_orientation=8))

    assert [one.rule for one in findings] == ["exif-orientation"]


def test_a_picture_without_objects_is_noted_for_those_who_ask():
    assert places(negative_findings(NAME, annotation())) == [(1, "image-negative", "off")]
    assert list(negative_findings(NAME, annotation(INSIDE))) == []
