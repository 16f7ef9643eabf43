"""Annotations as other tools write them: each is read right or reported, none is silently wrong.

The files are in ``tests/data/quirks``; all belong to a picture ``a.jpg`` of 640x480 pixels.
"""

from __future__ import annotations

import pytest
from PIL import Image

from edgetrain.dataset.folder import find_dataset
from edgetrain.review.review import Reviewer
from edgetrain.review.rules.boxes import BoxLimits
from tests.support.places import PROJECT_DIR

QUIRKS_DIR = PROJECT_DIR / "tests" / "data" / "quirks"
BOAT = [("boat", 10, 20, 50, 60)]

READ_AS_ONE_BOAT = [
    "bare_minimum",  # one line, nothing that can be left out
    "bare_rectlabel",  # no pose, no truncated
    "bndbox_before_name",
    "byte_order_mark",
    "crlf_lines",
    "declaration_label_studio",
    "difficult_unspecified",
    "difficult_words",
    "filename_padded",
    "float_exponent",
    "number_with_byte_order_mark",
    "order_roboflow",  # xmin, xmax, ymin, ymax, and occluded before the box
    "order_voc2007",  # maxima first
    "part_after_bndbox",
    "part_before_bndbox",  # the part has a box and a name of its own
    "path_of_another_machine",
    "polygon_and_bndbox",
    "size_depth_first",
    "size_float",
    "size_height_first",
    "verified_and_comments",  # a comment within a number, too
    "name_padded",
]
# The boxes that are read, and the faults that are told with their lines.
READ_OTHERWISE = {
    "edges_zero_and_full": ([("boat", 0, 0, 640, 480)], []),
    "filename_missing": (BOAT, [(1, "filename-mismatch")]),
    "filename_vott_time": (BOAT, [(3, "filename-mismatch")]),
    "filename_windows_path": (BOAT, [(3, "filename-unsafe")]),
    "filename_without_extension": (BOAT, [(3, "filename-mismatch")]),
    "flat_vott": ([("boat", 10, 20, 50, 20)], [(22, "box-empty")]),
    "float_cvat": ([("boat", 10.25, 20.5, 50.75, 60)], []),
    "inverted_vott": ([("boat", 10, 60, 50, 20)], [(20, "box-inverted")]),
    "labelme_web": ([], [(1, "element-missing"), (1, "size-missing")]),
    "latin_1": ([("bär", 10, 20, 50, 60)], [(1, "xml-encoding")]),
    "latin_1_undeclared": ([], [(14, "xml-malformed")]),
    "name_empty": ([], [(14, "element-missing")]),
    "name_with_newline": ([], [(14, "class-malformed")]),
    "namespace_default": ([], [(1, "element-missing")]),
    "no_objects": ([], []),
    "number_with_underscore": ([], [(19, "not-a-number")]),
    "outside_by_one": ([("boat", 10, 20, 641, 60)], [(21, "box-outside")]),
    "picture_saved_as_xml": ([], [(1, "xml-malformed")]),
    "polygon_only": ([], [(13, "element-missing")]),
    "size_empty": (BOAT, [(7, "size-missing")]),
    "size_missing": (BOAT, [(1, "size-missing")]),
    "size_of_another_vott": (BOAT, [(7, "size-mismatch")]),
    "size_zero": (BOAT, [(7, "size-mismatch")]),
    "utf_16": (BOAT, [(1, "xml-encoding")]),
}
EXPECTED = {**dict.fromkeys(READ_AS_ONE_BOAT, (BOAT, [])), **READ_OTHERWISE}


@pytest.fixture(scope="module")
def quirk_dir(tmp_path_factory):
    """Return the folder of a dataset with one picture."""
    root = tmp_path_factory.mktemp("quirks")
    Image.new("RGB", (640, 480)).save(root / "a.jpg")
    return root


def review(root, data):
    (root / "a.xml").write_bytes(data)
    folder = find_dataset(root)
    return Reviewer(folder, BoxLimits(300, 4, 100)).review(folder.items[0]).reviewed


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_quirk_is_read_right_or_reported(quirk_dir, name):
    boxes, faults = EXPECTED[name]

    found = review(quirk_dir, (QUIRKS_DIR / f"{name}.xml").read_bytes())

    assert [(box.class_name, *box[3:]) for box in found.boxes] == boxes
    # That a picture is a negative example is no fault unless somebody asks.
    assert sorted((one.line, one.rule) for one in found.findings if one.rule != "image-negative") == faults


def test_every_file_is_in_the_table():
    assert {path.stem for path in QUIRKS_DIR.glob("*.xml")} == set(EXPECTED)
    assert len(EXPECTED) >= 40
